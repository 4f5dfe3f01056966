//! The connection: it owns the owners and routes between them. Called by the two faces; what incoming bytes do is in
//! `receive.rs`, the verbs of sending and the composing of output in `send.rs`.

use std::collections::VecDeque;

use bytes::Bytes;
use edgeway_base::Instant;

use super::event::{Command, Event};
use super::peer_streams::PeerStreams;
use super::streams::{Finish, Phase, Stream, Streams};
use crate::binary::Priority;
use crate::binary::scheduler::Scheduler;
use crate::binary::trouble::{Offence, Trouble};
use crate::h3::error::{ConnectionError, Error, ErrorCode};
use crate::h3::limits::{self, Limits};
use crate::h3::wire::frame::{self, kind, stream_kind};
use crate::h3::wire::qpack::{Decoder, Encoder};
use crate::h3::wire::setting::Settings;
use crate::h3::wire::variable_integer;
use crate::semantics::{RequestHead, ResponseHead};

/// Which side of the connection we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Server,
    Client,
}

/// Our three unidirectional streams, as QUIC numbered them.
#[derive(Clone, Copy, Debug)]
pub(super) struct OurStreams {
    pub(super) control: u64,
    pub(super) encoder: u64,
    pub(super) decoder: u64,
}

/// One connection, of either role.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) role: Role,
    pub(super) limits: Limits,
    pub(super) ours: OurStreams,
    pub(super) events: VecDeque<Event>,
    pub(super) commands: VecDeque<Command>,
    pub(super) streams: Streams,
    pub(super) scheduler: Scheduler,
    pub(super) peer_streams: PeerStreams,
    pub(super) peer: Settings,
    pub(super) settings_came: bool,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) trouble: Trouble,
    /// Priorities of requests that have not come; oldest first.
    pub(super) idle_priorities: VecDeque<(u64, Priority)>,
    /// The first request stream after all that have come.
    pub(super) next_request: u64,
    /// Request streams before it that have not come either.
    pub(super) skipped_requests: Vec<u64>,
    /// Request streams from here on are not taken, by our last GOAWAY.
    pub(super) refused_from: Option<u64>,
    /// What the peer's GOAWAY named.
    pub(super) peer_goaway: Option<u64>,
    /// Pushes may be promised below this number, by the peer's MAX_PUSH_ID plus one.
    pub(super) push_limit: u64,
    pub(super) next_push: u64,
    is_announced: bool,
    is_over: bool,
    error: Option<ConnectionError>,
    pub(super) cookie: Vec<u8>,
    #[expect(clippy::vec_box, reason = "events carry them boxed, and boxed they come back")]
    pub(super) spare_requests: Vec<Box<RequestHead>>,
    #[expect(clippy::vec_box, reason = "as above")]
    pub(super) spare_responses: Vec<Box<ResponseHead>>,
}

/// What a GOAWAY of a server names that names no stream yet (RFC 9114 §5.2).
const GOAWAY_NONE: u64 = variable_integer::VALUE_MAX - 3;

impl Connection {
    pub(super) fn new(role: Role, limits: Limits, ours: OurStreams, now: Instant) -> Self {
        let mut connection = Self {
            role,
            limits,
            ours,
            events: VecDeque::new(),
            commands: VecDeque::new(),
            streams: Streams::default(),
            scheduler: Scheduler::new(),
            peer_streams: PeerStreams::default(),
            peer: Settings::default(),
            settings_came: false,
            encoder: Encoder::new(),
            decoder: Decoder::new(limits.table_capacity),
            trouble: Trouble::new(now),
            idle_priorities: VecDeque::new(),
            next_request: 0,
            skipped_requests: Vec::new(),
            refused_from: None,
            peer_goaway: None,
            push_limit: 0,
            next_push: 0,
            is_announced: false,
            is_over: false,
            error: None,
            cookie: Vec::new(),
            spare_requests: Vec::new(),
            spare_responses: Vec::new(),
        };
        connection.greet();
        connection
    }

    /// RFC 9114 §6.2.1, §7.2.4; RFC 9204 §4.2: three streams of ours, each beginning with its type.
    fn greet(&mut self) {
        let settings = Settings {
            table_capacity: self.limits.table_capacity as u64,
            blocked_streams: self.limits.blocked_streams_max as u64,
            field_section_max: Some(self.limits.section_size_max as u64),
            extended_connect: self.role == Role::Server && self.limits.extended_connect,
            datagrams: self.limits.datagrams,
        };
        let (mut payload, mut control) = (Vec::new(), vec![stream_kind::CONTROL as u8]);
        settings.encode(&mut payload);
        frame::write(kind::SETTINGS, &payload, &mut control);
        for (id, begin) in [
            (self.ours.control, control),
            (self.ours.encoder, vec![stream_kind::QPACK_ENCODER as u8]),
            (self.ours.decoder, vec![stream_kind::QPACK_DECODER as u8]),
        ] {
            let mut stream = Stream::new(id, Phase::Done);
            // What others wait for goes before all of them.
            stream.priority = Priority { urgency: 0, incremental: true };
            let slot = self.streams.insert(stream);
            self.put(slot, Bytes::from(begin));
        }
    }

    // ---- what all handlers need ----

    /// Puts bytes in line on a stream.
    pub(super) fn put(&mut self, slot: u32, bytes: Bytes) {
        self.streams.get_mut(slot).outgoing.push(bytes);
        self.schedule(slot);
    }

    pub(super) fn schedule(&mut self, slot: u32) {
        let stream = self.streams.get(slot);
        if stream.outgoing.is_ready() {
            self.scheduler.add(slot, stream.id, stream.priority);
        } else {
            self.scheduler.remove(slot);
        }
    }

    pub(super) fn put_control(&mut self, bytes: Vec<u8>) {
        if let Some(slot) = self.streams.find(self.ours.control) {
            self.put(slot, Bytes::from(bytes));
        }
    }

    /// Puts what QPACK has to say in line.
    pub(super) fn put_qpack(&mut self) {
        let (mut instructions, mut answers) = (Vec::new(), Vec::new());
        self.encoder.poll_encoder_stream(&mut instructions);
        self.decoder.poll_decoder_stream(&mut answers);
        for (id, bytes) in [(self.ours.encoder, instructions), (self.ours.decoder, answers)] {
            if let (Some(slot), false) = (self.streams.find(id), bytes.is_empty()) {
                self.put(slot, Bytes::from(bytes));
            }
        }
    }

    pub(super) const fn is_ours(&self, id: u64) -> bool {
        id == self.ours.control || id == self.ours.encoder || id == self.ours.decoder
    }

    // ---- ends ----

    /// Removes a stream both of whose sides are done.
    pub(super) fn remove_if_over(&mut self, slot: u32) {
        let stream = self.streams.get(slot);
        if stream.is_over() && !self.is_ours(stream.id) {
            self.scheduler.remove(slot);
            self.streams.remove(slot);
            self.end_if_done();
        }
    }

    /// Ends a stream before its time, both ways, and tells the driver.
    pub(super) fn break_stream(&mut self, id: u64, code: ErrorCode) {
        self.events.push_back(Event::Reset { stream: id, code });
        self.abandon(id, code);
    }

    /// The same without telling: the driver asked for it, or never heard of the stream.
    pub(super) fn abandon(&mut self, id: u64, code: ErrorCode) {
        let Some(slot) = self.streams.find(id) else { return };
        let stream = self.streams.get_mut(slot);
        if stream.outgoing.finish != Finish::Done {
            stream.outgoing.abandon();
            self.commands.push_back(Command::ResetStream { stream: id, code });
        }
        if stream.phase != Phase::Done {
            // RFC 9114 §4.1.2: and no more of its message is read.
            stream.phase = Phase::Done;
            stream.held.clear();
            stream.held_bytes = 0;
            if !stream.fin_came {
                self.commands.push_back(Command::StopSending { stream: id, code });
            }
            // RFC 9204 §2.2.2.2: sections of it will not be decoded.
            self.decoder.cancel_stream(id);
            self.put_qpack();
        }
        self.remove_if_over(slot);
    }

    /// The rest of a request's content is not wanted (RFC 9114 §4.1.1); our side goes on.
    pub(super) fn discard_content(&mut self, id: u64) {
        let Some(slot) = self.streams.find(id) else { return };
        let stream = self.streams.get_mut(slot);
        if stream.phase == Phase::Done {
            return;
        }
        stream.phase = Phase::Done;
        stream.held.clear();
        stream.held_bytes = 0;
        if !stream.fin_came {
            self.commands.push_back(Command::StopSending { stream: id, code: ErrorCode::NO_ERROR });
        }
        self.remove_if_over(slot);
    }

    pub(super) fn answer_error(&mut self, id: u64, error: Error, now: Instant) {
        match error {
            Error::Connection(error) => self.fail(error),
            Error::Stream(code) => {
                self.break_stream(id, code);
                if let Err(trouble) = self.trouble.add(Offence::StreamError, now) {
                    self.fail(trouble.into());
                }
            }
        }
    }

    pub(super) fn fail(&mut self, error: ConnectionError) {
        self.end(Some(error));
    }

    pub(super) fn end(&mut self, error: Option<ConnectionError>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.error = error;
        if error.is_some() {
            self.events.clear();
            self.commands.clear();
            self.streams.clear();
            self.scheduler = Scheduler::new();
        }
        self.events.push_back(Event::Closed);
    }

    pub(super) fn end_if_done(&mut self) {
        let is_leaving = self.refused_from.is_some() || self.peer_goaway.is_some();
        if is_leaving && self.streams.iter().all(|stream| self.is_ours(stream.id)) {
            self.end(None);
        }
    }

    /// RFC 9114 §5.2: a server first names no stream, so that requests on their way are still taken, and later the first it
    /// has not taken; the driver calls again, a round trip later, for the second.
    pub(super) fn go_away(&mut self, graceful: bool) {
        let mut out = Vec::new();
        if graceful && self.role == Role::Server && !self.is_announced {
            self.is_announced = true;
            frame::write_number(kind::GOAWAY, GOAWAY_NONE, &mut out);
            return self.put_control(out);
        }
        if self.refused_from.is_none() {
            // A client names pushes, of which it takes none.
            let first = if self.role == Role::Server { self.next_request } else { 0 };
            self.refused_from = Some(first);
            frame::write_number(kind::GOAWAY, first, &mut out);
            self.put_control(out);
            self.end_if_done();
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) const fn error(&self) -> Option<ConnectionError> {
        self.error
    }

    /// Request and push streams, without our three.
    pub(super) fn stream_count(&self) -> usize {
        self.streams.iter().filter(|stream| !self.is_ours(stream.id)).count()
    }

    pub(super) fn release_memory(&mut self) {
        self.events.shrink_to_fit();
        self.commands.shrink_to_fit();
        self.cookie = Vec::new();
        self.spare_requests = Vec::new();
        self.spare_responses = Vec::new();
        self.scheduler.release_memory();
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.streams.memory() + self.encoder.memory() + self.decoder.memory()
    }

    pub(super) fn recycle_request(&mut self, mut head: Box<RequestHead>) {
        if self.spare_requests.len() < limits::SPARE_HEADS_MAX && head.fields.memory() <= limits::SPARE_HEAD_MEMORY_MAX
        {
            head.clear();
            self.spare_requests.push(head);
        }
    }
}
