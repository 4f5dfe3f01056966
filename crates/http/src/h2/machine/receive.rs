//! What each incoming frame does (RFC 9113 §6). Called by the connection, one frame at a time; field blocks go on to
//! `receive_headers.rs`.

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;

use super::assembly::BlockOwner;
use super::connection::Connection;
use super::deadlines::Deadline;
use super::event::Event;
use super::pings::PingPurpose;
use super::settings::{Change, Role};
use super::streams::{Absence, Ending, Slot, State};
use crate::binary::Priority;
use crate::binary::trouble::Offence;
use crate::h2::error::{Error, ErrorCode};
use crate::h2::limits;
use crate::h2::wire::frame::{self, OldPriority};
use crate::h2::wire::{Frame, FrameHead, StreamId, flags};

impl Connection {
    /// Any frame but DATA.
    pub(super) fn take_frame(&mut self, frame: Frame<'_>, now: Instant) -> Result<(), Error> {
        match frame {
            // DATA is taken with its bytes, by `take_data`.
            Frame::Data { .. } => Ok(()),
            Frame::Headers { stream, priority, block, ends, ends_block } => {
                self.take_block_begin(BlockOwner::Headers { stream, ends, priority }, block, ends_block, now)
            }
            Frame::PushPromise { stream, promised, block, ends_block } => {
                self.take_block_begin(BlockOwner::Promise { stream, promised }, block, ends_block, now)
            }
            Frame::Continuation { block, ends_block, .. } => self.take_continuation(block, ends_block, now),
            Frame::Priority { stream, priority } => self.take_old_priority(stream, priority, now),
            Frame::ResetStream { stream, code } => self.take_reset(stream, code, now),
            Frame::Settings { payload } => self.take_settings(payload, now),
            Frame::SettingsAck => self.take_settings_answer(now),
            Frame::Ping { payload, is_ack: true } => self.take_ping_answer(payload, now),
            Frame::Ping { payload, is_ack: false } => self.take_ping(payload, now),
            Frame::GoAway { last, code, .. } => self.take_go_away(last, code),
            Frame::WindowUpdate { stream, increment } => self.take_window_update(stream, increment, now),
            Frame::PriorityUpdate { prioritized, value } => self.take_priority_update(prioritized, value, now),
            Frame::Unknown { .. } => Ok(self.trouble.add(Offence::UnknownFrame, now)?),
        }
    }

    fn take_block_begin(
        &mut self,
        owner: BlockOwner,
        block: &[u8],
        ends_block: bool,
        now: Instant,
    ) -> Result<(), Error> {
        if ends_block {
            return self.take_block(owner, block, now);
        }
        self.deadlines.set(Deadline::Block, now + limits::BLOCK_TIME_MAX);
        Ok(self.assembly.begin(owner, block)?)
    }

    fn take_continuation(&mut self, piece: &[u8], is_last: bool, now: Instant) -> Result<(), Error> {
        let Some((owner, block)) = self.assembly.extend(piece, is_last)? else { return Ok(()) };
        self.deadlines.clear(Deadline::Block);
        self.take_block(owner, &block, now)
    }

    // ---- DATA (§6.1) ----

    /// `frame` is the whole frame, its head included: content is given on without a copy where that pays.
    pub(super) fn take_data(&mut self, head: FrameHead, frame: BytesMut, now: Instant) -> Result<(), Error> {
        let payload = &frame[FrameHead::LENGTH..];
        let Frame::Data { stream, data, ends } = Frame::decode(head, payload)? else { return Ok(()) };
        self.receive_window.receive(head.length).map_err(|_| connection_window_exceeded())?;
        if self.path.on_data(head.length) {
            self.ping(PingPurpose::Path);
        }
        let taken = match self.streams.find(stream) {
            Some(slot) => self.check_data(slot, head.length, data.len(), ends),
            None => self.check_late_frame(stream, now),
        };
        if !matches!(taken, Ok(true)) {
            // RFC 9113 §6.9: what is dropped counts for the connection's window all the same.
            self.credit_connection(head.length);
            return taken.map(drop);
        }
        self.note_data_size(data.len(), ends, now)?;
        let padding = head.length - data.len() as u32;
        let start = FrameHead::LENGTH + usize::from(head.has(flags::PADDED));
        let data = (start, start + data.len());
        self.give_data(stream, frame, data, padding);
        if ends {
            self.end_peer_side(stream, None);
        }
        Ok(())
    }

    /// `Ok(true)`: the content is the stream's.
    fn check_data(&mut self, slot: Slot, flow_length: u32, length: usize, ends: bool) -> Result<bool, Error> {
        let is_ours = self.role == Role::Server && self.streams.is_ours(self.streams.get(slot).id);
        let stream = self.streams.get_mut(slot);
        let fault = |code, reason| Err(Error::stream(stream.id, code, reason));
        if is_ours || stream.state == State::ReservedRemote {
            // RFC 9113 §5.1, reserved: no DATA, from either side.
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "DATA on a promised stream"));
        }
        if !stream.state.peer_may_send() {
            // RFC 9113 §5.1, half-closed (remote).
            return fault(ErrorCode::STREAM_CLOSED, "DATA after the end of the stream");
        }
        if !stream.head_received {
            return fault(ErrorCode::PROTOCOL_ERROR, "DATA before HEADERS");
        }
        if stream.receive_window.receive(flow_length).is_err() {
            return fault(ErrorCode::FLOW_CONTROL_ERROR, "DATA beyond the stream's window");
        }
        if let Some(left) = &mut stream.content_left {
            // RFC 9113 §8.1.1: the sum of the DATA is the Content-Length, or the message is malformed.
            match left.checked_sub(length as u64) {
                Some(rest) if rest == 0 || !ends => *left = rest,
                _ => return fault(ErrorCode::PROTOCOL_ERROR, "content is not as long as Content-Length says"),
            }
        }
        Ok(true)
    }

    fn note_data_size(&mut self, length: usize, ends: bool, now: Instant) -> Result<(), Error> {
        match length {
            _ if ends => Ok(()),
            0 => Ok(self.trouble.add(Offence::EmptyData, now)?),
            1..=limits::TINY_DATA_MAX => Ok(self.trouble.add(Offence::TinyData, now)?),
            _ => Ok(()),
        }
    }

    fn give_data(&mut self, id: StreamId, frame: BytesMut, (start, end): (usize, usize), padding: u32) {
        let length = end - start;
        if let Some(slot) = self.streams.find(id) {
            let stream = self.streams.get_mut(slot);
            stream.unconsumed += length as u32 + padding;
            if stream.is_content_unwanted {
                return self.consumed(id, usize::MAX);
            }
            // Padding is consumed here; the driver never sees it.
            if padding > 0 {
                self.consumed(id, padding as usize);
            }
        }
        if length > 0 {
            let data = match length {
                ..=limits::COPY_MAX => Bytes::copy_from_slice(&frame[start..end]),
                _ => frame.freeze().slice(start..end),
            };
            self.events.push_back(Event::Data { stream: id, data });
        }
    }

    /// The peer has ended its side: the driver hears it, and a stream that is now closed is forgotten.
    pub(super) fn end_peer_side(&mut self, id: StreamId, trailers: Option<Box<crate::semantics::Fields>>) {
        self.events.push_back(Event::End { stream: id, trailers });
        self.close_peer_side(id);
    }

    pub(super) fn close_peer_side(&mut self, id: StreamId) {
        let Some(slot) = self.streams.find(id) else { return };
        let stream = self.streams.get_mut(slot);
        match stream.state.after_peer_end() {
            Some(state) => stream.state = state,
            None => self.drop_stream(slot, Ending::Finished),
        }
    }

    /// A frame on a stream that is not open (RFC 9113 §5.1). `Ok(false)`: it is to be dropped.
    pub(super) fn check_late_frame(&mut self, id: StreamId, now: Instant) -> Result<bool, Error> {
        match self.streams.absence(id) {
            Absence::Idle => Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "a frame on an idle stream")),
            Absence::Ended(Ending::Finished) => {
                Err(Error::connection(ErrorCode::STREAM_CLOSED, "a frame on a finished stream"))
            }
            Absence::Ended(Ending::ResetByPeer) => {
                Err(Error::stream(id, ErrorCode::STREAM_CLOSED, "a frame after RST_STREAM"))
            }
            Absence::Ended(Ending::ResetByUs) | Absence::Forgotten => {
                self.trouble.add(Offence::LateFrame, now)?;
                Ok(false)
            }
        }
    }

    // ---- RST_STREAM (§6.4), GOAWAY (§6.8) ----

    fn take_reset(&mut self, id: StreamId, code: ErrorCode, now: Instant) -> Result<(), Error> {
        let Some(slot) = self.streams.find(id) else {
            return match self.streams.absence(id) {
                Absence::Idle => Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "RST_STREAM on an idle stream")),
                // It may have crossed our own end on the way.
                _ => Ok(self.trouble.add(Offence::LateFrame, now)?),
            };
        };
        let is_unanswered = !self.streams.is_ours(id) && self.streams.get(slot).state.we_may_send();
        self.events.push_back(Event::Reset { stream: id, code });
        self.drop_stream(slot, Ending::ResetByPeer);
        if is_unanswered && self.role == Role::Server {
            // Work begun in vain: that is what rapid reset is made of (CVE-2023-44487).
            self.trouble.add(Offence::Reset, now)?;
        }
        Ok(())
    }

    fn take_go_away(&mut self, last: StreamId, code: ErrorCode) -> Result<(), Error> {
        self.shutdown.peer_leaves(last);
        self.events.push_back(Event::GoAway { code });
        // RFC 9113 §6.8: streams of ours beyond the last were not and will not be processed.
        let beyond: Vec<StreamId> = self
            .streams
            .iter_slots()
            .map(|slot| self.streams.get(slot).id)
            .filter(|id| self.streams.is_ours(*id) && *id > last)
            .collect();
        for id in beyond {
            let Some(slot) = self.streams.find(id) else { continue };
            self.events.push_back(Event::Reset { stream: id, code: ErrorCode::REFUSED_STREAM });
            self.drop_stream(slot, Ending::ResetByPeer);
        }
        self.end_if_done();
        Ok(())
    }

    // ---- SETTINGS (§6.5), PING (§6.7) ----

    fn take_settings(&mut self, payload: &[u8], now: Instant) -> Result<(), Error> {
        self.trouble.add(Offence::Settings, now)?;
        for (count, setting) in frame::settings(payload).enumerate() {
            if count == limits::SETTINGS_COUNT_MAX {
                return Err(Error::connection(ErrorCode::ENHANCE_YOUR_CALM, "SETTINGS with too many parameters"));
            }
            match self.peer.apply(setting?, self.role)? {
                Change::Window(delta) => self.move_send_windows(delta)?,
                Change::HeaderTable(size) => self.encoder.set_peer_capacity(size),
                Change::None => {}
            }
        }
        self.write(&Frame::SettingsAck);
        Ok(())
    }

    /// RFC 9113 §6.9.2: the windows of all streams move with the initial window, below zero if need be.
    fn move_send_windows(&mut self, delta: i64) -> Result<(), Error> {
        for slot in self.streams.iter_slots() {
            if self.streams.get_mut(slot).send_window.change(delta).is_err() {
                return Err(Error::connection(ErrorCode::FLOW_CONTROL_ERROR, "initial window overflows a stream's"));
            }
            self.schedule(slot);
        }
        Ok(())
    }

    fn take_ping(&mut self, payload: [u8; 8], now: Instant) -> Result<(), Error> {
        self.trouble.add_unless_answer(Offence::Ping, now)?;
        self.write(&Frame::Ping { payload, is_ack: true });
        Ok(())
    }

    // ---- WINDOW_UPDATE (§6.9) ----

    fn take_window_update(&mut self, id: StreamId, increment: u32, now: Instant) -> Result<(), Error> {
        self.trouble.add_unless_answer(Offence::WindowUpdate, now)?;
        if id.is_connection() {
            return self.open_connection_window(increment);
        }
        let Some(slot) = self.streams.find(id) else {
            return match self.streams.absence(id) {
                Absence::Idle => Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")),
                // RFC 9113 §5.1: on its way when the stream ended.
                _ => Ok(()),
            };
        };
        if self.streams.get(slot).state == State::ReservedRemote {
            // RFC 9113 §5.1
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE on a promised stream"));
        }
        if increment == 0 {
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE by zero"));
        }
        if self.streams.get_mut(slot).send_window.change(increment.into()).is_err() {
            return Err(Error::stream(id, ErrorCode::FLOW_CONTROL_ERROR, "window beyond 2^31-1"));
        }
        self.schedule(slot);
        Ok(())
    }

    fn open_connection_window(&mut self, increment: u32) -> Result<(), Error> {
        if increment == 0 {
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "WINDOW_UPDATE by zero"));
        }
        let opened = self.send_window.change(increment.into());
        opened.map_err(|_| Error::connection(ErrorCode::FLOW_CONTROL_ERROR, "window beyond 2^31-1"))
    }

    // ---- PRIORITY (§6.3), PRIORITY_UPDATE (RFC 9218 §7.1) ----

    fn take_old_priority(&mut self, id: StreamId, old: OldPriority, now: Instant) -> Result<(), Error> {
        self.trouble.add(Offence::Priority, now)?;
        if old.dependency == id {
            // RFC 7540 §5.3.1
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "a stream depends on itself"));
        }
        if self.peer.no_old_priorities || self.role == Role::Client {
            return Ok(());
        }
        let priority = self.read_old_priority(old);
        match self.streams.find(id) {
            Some(_) => self.set_priority(id, priority),
            None => self.ranks.keep_group(id, priority.urgency),
        }
        Ok(())
    }

    pub(super) fn read_old_priority(&self, old: OldPriority) -> Priority {
        let parent = self.streams.find(old.dependency).map(|slot| self.streams.get(slot).priority);
        self.ranks.read_old(old, parent)
    }

    fn take_priority_update(&mut self, id: StreamId, value: &[u8], now: Instant) -> Result<(), Error> {
        self.trouble.add(Offence::Priority, now)?;
        if self.role == Role::Client {
            // RFC 9218 §7.1: servers do not send it.
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "PRIORITY_UPDATE from a server"));
        }
        let is_promised = !id.is_of_client();
        if id.is_connection() || (is_promised && self.is_idle_stream(id)) {
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "PRIORITY_UPDATE for no stream"));
        }
        let priority = Priority::from_field(value);
        match self.streams.find(id) {
            Some(_) => self.set_priority(id, priority),
            None if self.is_idle_stream(id) => self.ranks.keep_update(id, priority),
            None => {}
        }
        Ok(())
    }

    fn is_idle_stream(&self, id: StreamId) -> bool {
        self.streams.find(id).is_none() && self.streams.absence(id) == Absence::Idle
    }
}

const fn connection_window_exceeded() -> Error {
    Error::connection(ErrorCode::FLOW_CONTROL_ERROR, "DATA beyond the connection's window")
}
