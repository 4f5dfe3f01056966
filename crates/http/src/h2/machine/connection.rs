//! The connection: it owns the owners and routes between them. Called by the two faces, [`super::server`] and
//! [`super::client`]; the handlers of incoming frames are in `receive.rs` and `receive_headers.rs`, the verbs of sending in
//! `send.rs`, the composing of output in `compose.rs`.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use edgeway_base::Instant;

use super::assembly::Assembly;
use super::deadlines::{Deadline, Deadlines};
use super::event::Event;
use super::path::PathEstimate;
use super::pings::{PingPurpose, Pings};
use super::ranks::Ranks;
use super::settings::{self, PeerSettings, Role};
use super::shutdown::Shutdown;
use super::streams::{Absence, Ending, Slot, Streams};
use super::window::{ReceiveWindow, SendWindow};
use crate::binary::scheduler::Scheduler;
use crate::binary::trouble::{Offence, Trouble};
use crate::h2::error::{ConnectionError, Error, ErrorCode, StreamError};
use crate::h2::limits::{self, Limits};
use crate::h2::wire::hpack::{Decoder, Encoder};
use crate::h2::wire::{Frame, FrameHead, FrameKind, PREFACE, Setting, StreamId, flags};
use crate::semantics::{RequestHead, ResponseHead};

/// How far the peer has come in opening the connection (RFC 9113 §3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Preface,
    FirstSettings,
    Open,
}

/// One connection, of either role.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) role: Role,
    pub(super) limits: Limits,
    pub(super) input: BytesMut,
    phase: Phase,
    /// Control frames and heads, in the order they must go out.
    pub(super) control: Vec<u8>,
    pub(super) events: VecDeque<Event>,
    pub(super) peer: PeerSettings,
    settings_acknowledged: bool,
    pub(super) streams: Streams,
    pub(super) scheduler: Scheduler,
    pub(super) send_window: SendWindow,
    pub(super) receive_window: ReceiveWindow,
    pub(super) path: PathEstimate,
    pub(super) assembly: Assembly,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) ranks: Ranks,
    pub(super) trouble: Trouble,
    pub(super) deadlines: Deadlines,
    pings: Pings,
    pub(super) shutdown: Shutdown,
    last_received: Instant,
    /// Memory to join cookies in.
    pub(super) cookie: Vec<u8>,
    #[expect(clippy::vec_box, reason = "events carry them boxed, and boxed they come back")]
    pub(super) spare_requests: Vec<Box<RequestHead>>,
    #[expect(clippy::vec_box, reason = "as above")]
    pub(super) spare_responses: Vec<Box<ResponseHead>>,
}

impl Connection {
    pub(super) fn new(role: Role, limits: Limits, now: Instant) -> Self {
        let mut connection = Self {
            role,
            limits,
            input: BytesMut::new(),
            phase: if role == Role::Server { Phase::Preface } else { Phase::FirstSettings },
            control: Vec::new(),
            events: VecDeque::new(),
            peer: PeerSettings::default(),
            settings_acknowledged: false,
            streams: Streams::new(role == Role::Client),
            scheduler: Scheduler::new(),
            send_window: SendWindow::new(limits::WINDOW_DEFAULT),
            receive_window: ReceiveWindow::new(limits::WINDOW_DEFAULT),
            path: PathEstimate::new(limits.stream_window, limits.stream_window_max),
            assembly: Assembly::default(),
            encoder: Encoder::new(),
            decoder: Decoder::new(limits.header_table_size as usize),
            ranks: Ranks::default(),
            trouble: Trouble::new(now),
            deadlines: Deadlines::default(),
            pings: Pings::default(),
            shutdown: Shutdown::new(),
            last_received: now,
            cookie: Vec::new(),
            spare_requests: Vec::new(),
            spare_responses: Vec::new(),
        };
        connection.greet(now);
        connection
    }

    /// RFC 9113 §3.4: both sides begin with SETTINGS, the client after its preface, neither waiting for the other.
    fn greet(&mut self, now: Instant) {
        if self.role == Role::Client {
            self.control.extend_from_slice(PREFACE);
        }
        let payload: Vec<u8> =
            settings::announcement(&self.limits, self.role).into_iter().flat_map(Setting::encode).collect();
        self.write(&Frame::Settings { payload: &payload });
        if let Some(increment) = self.receive_window.grow_to(self.limits.connection_window) {
            self.write(&Frame::WindowUpdate { stream: StreamId::CONNECTION, increment });
        }
        self.deadlines.set(Deadline::Preface, now + limits::PREFACE_TIME_MAX);
        self.deadlines.set(Deadline::SettingsAck, now + limits::SETTINGS_TIME_MAX);
        if let Some(interval) = self.limits.keep_alive {
            self.deadlines.set(Deadline::KeepAlive, now + interval);
        }
    }

    // ---- input ----

    pub(super) fn handle_input(&mut self, now: Instant) {
        self.last_received = now;
        self.advance(now);
    }

    pub(super) fn poll_event(&mut self, now: Instant) -> Option<Event> {
        if self.events.is_empty() && !self.input.is_empty() {
            self.advance(now);
        }
        self.events.pop_front()
    }

    /// Takes frames until there is no whole one, or enough of what they lead to is waiting.
    fn advance(&mut self, now: Instant) {
        let mut input = std::mem::take(&mut self.input);
        while self.may_take_input() {
            match self.step(&mut input, now) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.answer_error(error, now),
            }
        }
        if self.shutdown.is_over() {
            input.clear();
        }
        self.input = input;
    }

    fn may_take_input(&self) -> bool {
        self.events.len() < limits::EVENTS_MAX
            && self.control.len() < limits::CONTROL_BACKLOG_MAX
            && !self.shutdown.is_over()
    }

    /// One frame. `false`: the next one is not whole.
    fn step(&mut self, input: &mut BytesMut, now: Instant) -> Result<bool, Error> {
        if self.phase == Phase::Preface && !self.take_preface(input)? {
            return Ok(false);
        }
        let Some(head) = input.first_chunk().map(FrameHead::decode) else { return Ok(false) };
        if head.length > limits::FRAME_SIZE_MAX {
            // RFC 9113 §4.2; we do not tell apart frames whose size would only cost their stream.
            return Err(Error::connection(ErrorCode::FRAME_SIZE_ERROR, "frame larger than announced"));
        }
        let end = FrameHead::LENGTH + head.length as usize;
        if input.len() < end {
            return Ok(false);
        }
        if self.phase == Phase::FirstSettings {
            self.take_first_settings(head)?;
        }
        self.assembly.check(head)?;
        if head.kind == FrameKind::Data {
            let frame = input.split_to(end);
            self.take_data(head, frame, now)?;
            return Ok(true);
        }
        let taken = Frame::decode(head, &input[FrameHead::LENGTH..end]).and_then(|frame| self.take_frame(frame, now));
        input.advance(end);
        taken.map(|()| true)
    }

    fn take_preface(&mut self, input: &mut BytesMut) -> Result<bool, Error> {
        let length = input.len().min(PREFACE.len());
        if input[..length] != PREFACE[..length] {
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "no HTTP/2 preface"));
        }
        if length < PREFACE.len() {
            return Ok(false);
        }
        input.advance(length);
        self.phase = Phase::FirstSettings;
        Ok(true)
    }

    /// RFC 9113 §3.4: the first frame must be SETTINGS.
    fn take_first_settings(&mut self, head: FrameHead) -> Result<(), Error> {
        if head.kind != FrameKind::Settings || head.has(flags::ACK) {
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "the first frame is not SETTINGS"));
        }
        self.phase = Phase::Open;
        self.deadlines.clear(Deadline::Preface);
        Ok(())
    }

    /// RFC 9113 does without half-closed connections: a peer that has stopped sending is gone, and no more window comes.
    pub(super) fn handle_end_of_input(&mut self) {
        let error = ConnectionError::by_environment(ErrorCode::CANCEL, "the peer closed the connection");
        self.end((!self.streams.is_empty() || self.phase != Phase::Open).then_some(error));
    }

    // ---- time ----

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(deadline) = self.deadlines.take_passed(now) {
            match deadline {
                Deadline::Preface => self.give_up(ErrorCode::PROTOCOL_ERROR, "no preface in time"),
                // RFC 9113 §6.5.3
                Deadline::SettingsAck => self.give_up(ErrorCode::SETTINGS_TIMEOUT, "SETTINGS not acknowledged"),
                Deadline::Block => self.give_up(ErrorCode::ENHANCE_YOUR_CALM, "a field block without end"),
                Deadline::KeepAlive => self.keep_alive(now),
                Deadline::PingAnswer => {
                    self.end(Some(ConnectionError::by_environment(ErrorCode::NO_ERROR, "the peer fell silent")));
                }
                Deadline::Grace => self.send_last_go_away(),
                Deadline::StallCheck => self.look_for_stalled_streams(now),
            }
        }
    }

    fn give_up(&mut self, code: ErrorCode, reason: &'static str) {
        self.fail(ConnectionError::by_peer(code, reason));
    }

    fn keep_alive(&mut self, now: Instant) {
        let Some(interval) = self.limits.keep_alive else { return };
        let due = self.last_received + interval;
        if due > now {
            self.deadlines.set(Deadline::KeepAlive, due);
            return;
        }
        self.ping(PingPurpose::KeepAlive);
        self.deadlines.set(Deadline::PingAnswer, now + limits::PING_TIME_MAX);
        self.deadlines.set(Deadline::KeepAlive, now + limits::PING_TIME_MAX + interval);
    }

    /// Resets streams whose reader has taken next to nothing for [`limits::STALL_STRIKES_MAX`] looks.
    fn look_for_stalled_streams(&mut self, now: Instant) {
        let mut stalled = Vec::new();
        let mut is_waiting = false;
        let connection_window = self.send_window.available();
        for stream in self.streams.iter_mut().filter(|stream| !stream.queue.is_empty()) {
            is_waiting = true;
            // Bytes that wait though both windows are open wait for our own side, not for the reader.
            let is_held = stream.send_window.available().min(connection_window) < stream.queue.len();
            let is_slow = std::mem::take(&mut stream.progress) < limits::STALL_PROGRESS_MIN;
            stream.stall_strikes = if is_held && is_slow { stream.stall_strikes + 1 } else { 0 };
            if stream.stall_strikes >= limits::STALL_STRIKES_MAX {
                stalled.push(stream.id);
            }
        }
        if is_waiting {
            self.deadlines.set(Deadline::StallCheck, now + limits::STALL_INTERVAL);
        }
        for stream in stalled {
            self.break_stream(stream, ErrorCode::ENHANCE_YOUR_CALM);
            if let Err(error) = self.trouble.add(Offence::Stalled, now) {
                return self.fail(error.into());
            }
        }
    }

    // ---- PING and SETTINGS of ours ----

    pub(super) fn ping(&mut self, purpose: PingPurpose) {
        let payload = self.pings.start(purpose);
        self.write(&Frame::Ping { payload, is_ack: false });
    }

    pub(super) fn take_ping_answer(&mut self, payload: [u8; 8], now: Instant) -> Result<(), Error> {
        match self.pings.answer(payload) {
            Some(PingPurpose::KeepAlive) => self.deadlines.clear(Deadline::PingAnswer),
            Some(PingPurpose::Shutdown) => self.send_last_go_away(),
            Some(PingPurpose::Path) => self.take_path_answer(),
            None => self.trouble.add(Offence::Ping, now)?,
        }
        Ok(())
    }

    fn take_path_answer(&mut self) {
        let Some(window) = self.path.on_answer() else { return };
        // The connection's window is twice a stream's, so that one stream cannot hold up all others.
        let target = window.saturating_mul(2).min(self.limits.connection_window_max);
        if let Some(increment) = self.receive_window.grow_to(target) {
            self.write(&Frame::WindowUpdate { stream: StreamId::CONNECTION, increment });
        }
    }

    pub(super) fn take_settings_answer(&mut self, now: Instant) -> Result<(), Error> {
        if self.settings_acknowledged {
            // Nothing is left to acknowledge; harmless once, a flood otherwise.
            return Ok(self.trouble.add(Offence::Settings, now)?);
        }
        self.settings_acknowledged = true;
        self.deadlines.clear(Deadline::SettingsAck);
        self.decoder.set_capacity_max(self.limits.header_table_size as usize);
        let delta = i64::from(self.limits.stream_window) - i64::from(self.initial_receive_window_before_ack());
        self.streams.iter_mut().for_each(|stream| stream.receive_window.shift(delta));
        Ok(())
    }

    /// Until the peer has seen our SETTINGS it may send by the default (RFC 9113 §6.9.2).
    pub(super) fn initial_receive_window(&self) -> u32 {
        if self.settings_acknowledged { self.limits.stream_window } else { self.initial_receive_window_before_ack() }
    }

    fn initial_receive_window_before_ack(&self) -> u32 {
        self.limits.stream_window.max(limits::WINDOW_DEFAULT)
    }

    // ---- errors and ends ----

    fn answer_error(&mut self, error: Error, now: Instant) {
        let answered = match error {
            Error::Connection(error) => Err(error),
            Error::Stream(error) => self.answer_stream_error(error, now),
        };
        if let Err(error) = answered {
            self.fail(error);
        }
    }

    /// RFC 9113 §5.4.2; every reset the peer makes us send is counted, or it could make us work for ever
    /// (MadeYouReset, CVE-2025-8671).
    fn answer_stream_error(&mut self, error: StreamError, now: Instant) -> Result<(), ConnectionError> {
        let StreamError { stream, code, reason } = error;
        if self.streams.find(stream).is_none() && self.streams.absence(stream) == Absence::Idle {
            // RFC 9113 §5.1: RST_STREAM must not be sent on an idle stream.
            return Err(ConnectionError::by_peer(code, reason));
        }
        self.break_stream(stream, code);
        Ok(self.trouble.add(Offence::StreamError, now)?)
    }

    /// Ends a stream with RST_STREAM and tells the driver, if it knows the stream.
    pub(super) fn break_stream(&mut self, stream: StreamId, code: ErrorCode) {
        self.write(&Frame::ResetStream { stream, code });
        match self.streams.find(stream) {
            Some(slot) => {
                self.events.push_back(Event::Reset { stream, code });
                self.drop_stream(slot, Ending::ResetByUs);
            }
            None => self.streams.remember(stream, Ending::ResetByUs),
        }
    }

    /// Forgets a stream; what the driver still holds of it counts as consumed.
    pub(super) fn drop_stream(&mut self, slot: Slot, ending: Ending) {
        self.scheduler.remove(slot.number());
        let unconsumed = self.streams.remove(slot, ending);
        self.credit_connection(unconsumed);
        self.end_if_done();
    }

    /// The connection is lost: GOAWAY, and nothing of what was waiting.
    pub(super) fn fail(&mut self, error: ConnectionError) {
        if !self.shutdown.is_over() {
            let (last, debug) = (self.streams.peer_last(), error.reason.as_bytes());
            self.write(&Frame::GoAway { last, code: error.code, debug });
            self.end(Some(error));
        }
    }

    fn end(&mut self, error: Option<ConnectionError>) {
        if !self.shutdown.end(error) {
            return;
        }
        if error.is_some() {
            // What was not yet given out concerns streams that are gone.
            self.events.clear();
        }
        self.deadlines = Deadlines::default();
        let slots: Vec<Slot> = self.streams.iter_slots().collect();
        slots.into_iter().for_each(|slot| self.scheduler.remove(slot.number()));
        self.streams.clear();
        self.events.push_back(Event::Closed);
    }

    pub(super) fn go_away(&mut self, graceful: bool, now: Instant) {
        if !graceful || self.role == Role::Client {
            return self.send_last_go_away();
        }
        if self.shutdown.announce() {
            // RFC 9113 §6.8: first a GOAWAY that names no stream, and the real one a round trip later.
            self.write(&Frame::GoAway { last: StreamId::MAX, code: ErrorCode::NO_ERROR, debug: b"" });
            self.ping(PingPurpose::Shutdown);
            self.deadlines.set(Deadline::Grace, now + limits::GRACE_TIME_MAX);
        }
    }

    fn send_last_go_away(&mut self) {
        let last = self.streams.peer_last();
        if self.shutdown.finish(last) {
            self.deadlines.clear(Deadline::Grace);
            self.write(&Frame::GoAway { last, code: ErrorCode::NO_ERROR, debug: b"" });
            self.end_if_done();
        }
    }

    pub(super) fn end_if_done(&mut self) {
        if self.streams.is_empty() && self.shutdown.ends_with_last_stream() {
            self.end(None);
        }
    }

    // ---- what all handlers need ----

    /// Puts a control frame in line.
    pub(super) fn write(&mut self, frame: &Frame<'_>) {
        frame.encode(&mut self.control);
    }

    /// Gives window back to the connection.
    pub(super) fn credit_connection(&mut self, bytes: u32) {
        if let Some(increment) = self.receive_window.consume(bytes) {
            self.write(&Frame::WindowUpdate { stream: StreamId::CONNECTION, increment });
        }
    }

    /// The driver has done with content.
    pub(super) fn consumed(&mut self, id: StreamId, bytes: usize) {
        // A stream that ended gave its window back whole, then.
        let Some(slot) = self.streams.find(id) else { return };
        let path_window = self.path.window();
        let stream = self.streams.get_mut(slot);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(stream.unconsumed);
        stream.unconsumed -= bytes;
        if stream.state.peer_may_send() {
            // Two steps, one frame: growth includes what was consumed.
            let consumed = stream.receive_window.consume(bytes);
            let grown = stream.receive_window.grow_to(path_window);
            let increment = consumed.unwrap_or(0) + grown.unwrap_or(0);
            if increment > 0 {
                self.write(&Frame::WindowUpdate { stream: id, increment });
            }
        }
        self.credit_connection(bytes);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.events.is_empty() && self.control.is_empty() && !self.assembly.is_open()
    }

    pub(super) fn wants_close(&self) -> bool {
        self.shutdown.is_over() && self.control.is_empty()
    }

    pub(super) fn release_memory(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.control.shrink_to_fit();
        self.events.shrink_to_fit();
        self.streams.release_memory();
        self.scheduler.release_memory();
        self.encoder.release_memory();
        self.decoder.release_memory();
        self.cookie = Vec::new();
        self.spare_requests = Vec::new();
        self.spare_responses = Vec::new();
    }

    /// Bytes of memory held, the machine itself included.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.input.capacity()
            + self.control.capacity()
            + self.events.capacity() * size_of::<Event>()
            + self.streams.memory()
            + self.encoder.memory()
            + self.decoder.memory()
            + self.cookie.capacity()
            + self.spare_requests.iter().map(|head| size_of::<RequestHead>() + head.fields.memory()).sum::<usize>()
    }
}
