//! The verbs of sending. Called by the two faces for their driver. Heads are coded at once, for the order of the blocks
//! is the order of the encoder's table; content waits in its stream's queue for `compose.rs`.

use bytes::Bytes;
use edgeway_base::Instant;

use super::connection::Connection;
use super::deadlines::Deadline;
use super::receive_headers::request_trait;
use super::send_queue::QueueEnd;
use super::settings::Role;
use super::streams::{Ending, Slot, State, Stream};
use crate::binary::{LineName, Priority};
use crate::h2::error::ErrorCode;
use crate::h2::limits;
use crate::h2::wire::hpack::Encoder;
use crate::h2::wire::{Frame, FrameHead, FrameKind, StreamId, flags};
use crate::semantics::{Fields, Method, RequestHead, ResponseHead};

impl Connection {
    /// A 1xx, before the final head.
    pub(super) fn send_informational(&mut self, id: StreamId, head: &ResponseHead) -> bool {
        let may = self.find_sendable(id).is_some_and(|slot| !self.streams.get(slot).head_sent);
        if may {
            self.write_response_head(id, head, false);
        }
        may
    }

    /// The final head of a response, also of a promised one.
    pub(super) fn send_head(&mut self, id: StreamId, head: &ResponseHead, end: bool) -> bool {
        let Some(slot) = self.streams.find(id) else { return false };
        let stream = self.streams.get_mut(slot);
        let may = stream.state.we_may_send() || stream.state == State::ReservedLocal;
        if !may || stream.head_sent {
            return false;
        }
        stream.head_sent = true;
        if stream.state == State::ReservedLocal {
            stream.state = State::HalfClosedRemote;
        }
        self.write_response_head(id, head, end);
        if end {
            self.close_our_side(slot);
        }
        true
    }

    pub(super) fn send_data(&mut self, id: StreamId, data: Bytes, now: Instant) -> bool {
        let Some(slot) = self.find_sendable(id) else { return false };
        let length = data.len();
        let stream = self.streams.get_mut(slot);
        if stream.queue.is_ended() || !stream.head_sent {
            return false;
        }
        stream.queue.push(data);
        stream.wants_room |= stream.queue.len() >= self.limits.stream_backlog;
        self.streams.queue(length);
        self.schedule(slot);
        if !self.deadlines.is_set(Deadline::StallCheck) {
            self.deadlines.set(Deadline::StallCheck, now + limits::STALL_INTERVAL);
        }
        true
    }

    /// The end of the content, with trailers or without.
    pub(super) fn send_end(&mut self, id: StreamId, trailers: Option<&Fields>) -> bool {
        let Some(slot) = self.find_sendable(id) else { return false };
        let stream = self.streams.get_mut(slot);
        if stream.queue.is_ended() || !stream.head_sent {
            return false;
        }
        let trailers = trailers.filter(|fields| !fields.is_empty());
        if !stream.queue.is_empty() {
            stream.queue.end(trailers.map_or(QueueEnd::Plain, |fields| QueueEnd::Trailers(Box::new(fields.clone()))));
            return true;
        }
        match trailers {
            None => self.write(&Frame::Data { stream: id, data: b"", ends: true }),
            Some(fields) => {
                self.write_block(FrameKind::Headers, id, flags::END_STREAM, &[], |encoder, out| {
                    encoder.fields(fields, out);
                });
            }
        }
        self.close_our_side(slot);
        true
    }

    pub(super) fn reset(&mut self, id: StreamId, code: ErrorCode) {
        if let Some(slot) = self.streams.find(id) {
            self.write(&Frame::ResetStream { stream: id, code });
            self.drop_stream(slot, Ending::ResetByUs);
        }
    }

    /// Promises the response to `head` (RFC 9113 §8.4).
    pub(super) fn push(&mut self, id: StreamId, head: &RequestHead) -> Option<StreamId> {
        let slot = self.find_sendable(id)?;
        let may = self.may_push() && id.is_of_client() && !self.streams.get(slot).queue.is_ended();
        if !may || !head.method.is_safe() {
            return None;
        }
        let promised = self.streams.take_our_number()?;
        let bytes = promised.get().to_be_bytes();
        self.write_block(FrameKind::PushPromise, id, 0, &bytes, |encoder, out| write_request(encoder, head, out));
        // What is pushed is wanted no sooner than what it goes with, unless the client says otherwise.
        let priority = self.streams.get(slot).priority;
        let mut stream = Stream::new(promised, State::ReservedLocal, self.peer.initial_window, 0);
        stream.priority = Priority { urgency: (priority.urgency + 1).min(Priority::URGENCY_MAX), ..priority };
        stream.head_received = true;
        self.streams.insert(stream);
        Some(promised)
    }

    /// Whether the peer takes a push now.
    pub(super) fn may_push(&self) -> bool {
        self.role == Role::Server
            && self.peer.push
            && self.shutdown.may_open()
            && self.streams.our_count() < self.peer.streams_max
    }

    /// How many more requests may be opened now.
    pub(super) fn open_capacity(&self) -> u32 {
        if self.shutdown.may_open() { self.peer.streams_max.saturating_sub(self.streams.our_count()) } else { 0 }
    }

    /// A request of ours.
    pub(super) fn open(&mut self, head: &RequestHead, end: bool) -> Option<StreamId> {
        if self.open_capacity() == 0 || (head.protocol.is_some() && !self.peer.extended_connect) {
            return None;
        }
        let id = self.streams.take_our_number()?;
        let bits = if end { flags::END_STREAM } else { 0 };
        self.write_block(FrameKind::Headers, id, bits, &[], |encoder, out| write_request(encoder, head, out));
        let state = if end { State::HalfClosedLocal } else { State::Open };
        let mut stream = Stream::new(id, state, self.peer.initial_window, self.initial_receive_window());
        stream.request = request_trait(head);
        stream.head_sent = true;
        self.streams.insert(stream);
        Some(id)
    }

    /// Bytes the stream's queue takes before it is full.
    pub(super) fn send_capacity(&mut self, id: StreamId) -> usize {
        let Some(slot) = self.find_sendable(id) else { return 0 };
        let connection_left = self.limits.connection_backlog.saturating_sub(self.streams.backlog());
        let limit = self.limits.stream_backlog;
        let stream = self.streams.get_mut(slot);
        // However full the connection is, an empty queue gets room for a frame, or it would wait for ever.
        let floor = if stream.queue.is_empty() { limits::FRAME_SIZE_MAX as usize } else { 0 };
        let capacity = limit.saturating_sub(stream.queue.len()).min(connection_left).max(floor);
        stream.wants_room |= capacity == 0;
        capacity
    }

    pub(super) fn set_priority(&mut self, id: StreamId, priority: Priority) {
        let Some(slot) = self.streams.find(id) else { return };
        self.streams.get_mut(slot).priority = priority;
        if self.scheduler.is_waiting(slot.number()) {
            self.scheduler.add(slot.number(), id.get().into(), priority);
        }
    }

    /// Puts a stream in line when it has content and window for it.
    pub(super) fn schedule(&mut self, slot: Slot) {
        let stream = self.streams.get(slot);
        if stream.queue.is_empty() || stream.send_window.available() == 0 {
            self.scheduler.remove(slot.number());
        } else {
            self.scheduler.add(slot.number(), stream.id.get().into(), stream.priority);
        }
    }

    /// END_STREAM from us is out, or in line.
    pub(super) fn close_our_side(&mut self, slot: Slot) {
        let stream = self.streams.get_mut(slot);
        match stream.state.after_our_end() {
            Some(state) => stream.state = state,
            None => return self.drop_stream(slot, Ending::Finished),
        }
        if stream.is_content_unwanted {
            let stream = stream.id;
            // RFC 9113 §8.1: a client that need send no more is told so, after the whole response.
            self.write(&Frame::ResetStream { stream, code: ErrorCode::NO_ERROR });
            self.drop_stream(slot, Ending::ResetByUs);
        }
    }

    /// Drops what still comes of a request's content, and stops it once the response is out.
    pub(super) fn discard_content(&mut self, id: StreamId) {
        let Some(slot) = self.streams.find(id) else { return };
        let stream = self.streams.get_mut(slot);
        stream.is_content_unwanted = true;
        match stream.state {
            State::HalfClosedLocal => self.reset(id, ErrorCode::NO_ERROR),
            _ => self.consumed(id, usize::MAX),
        }
    }

    fn find_sendable(&self, id: StreamId) -> Option<Slot> {
        self.streams.find(id).filter(|slot| self.streams.get(*slot).state.we_may_send())
    }

    // ---- field blocks ----

    pub(super) fn write_response_head(&mut self, id: StreamId, head: &ResponseHead, end: bool) {
        let bits = if end { flags::END_STREAM } else { 0 };
        self.write_block(FrameKind::Headers, id, bits, &[], |encoder, out| {
            let code = head.status.code();
            let digits = [b'0' + (code / 100) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8];
            encoder.pseudo(LineName::Status, ":status", &digits, out);
            encoder.fields(&head.fields, out);
        });
    }

    /// Writes a block as one frame and, when it is larger than a frame, CONTINUATIONs (RFC 9113 §4.3).
    fn write_block(
        &mut self,
        kind: FrameKind,
        id: StreamId,
        bits: u8,
        before: &[u8],
        fields: impl FnOnce(&mut Encoder, &mut Vec<u8>),
    ) {
        write_block(&mut self.encoder, &mut self.control, self.peer.frame_size_max, (kind, id, bits), before, fields);
    }
}

/// The same, to any output.
pub(super) fn write_block(
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
    frame_size_max: u32,
    (kind, stream, bits): (FrameKind, StreamId, u8),
    before: &[u8],
    fields: impl FnOnce(&mut Encoder, &mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; FrameHead::LENGTH]);
    out.extend_from_slice(before);
    encoder.begin(out);
    fields(encoder, out);
    let length = out.len() - start - FrameHead::LENGTH;
    let first = length.min(frame_size_max as usize);
    let end_headers = if first == length { flags::END_HEADERS } else { 0 };
    let head = FrameHead { length: first as u32, kind, flags: bits | end_headers, stream };
    out[start..start + FrameHead::LENGTH].copy_from_slice(&head.encode());
    if first < length {
        let rest = out.split_off(start + FrameHead::LENGTH + first);
        let mut pieces = rest.chunks(frame_size_max as usize).peekable();
        while let Some(block) = pieces.next() {
            Frame::Continuation { stream, block, ends_block: pieces.peek().is_none() }.encode(out);
        }
    }
}

/// RFC 9113 §8.3.1, §8.5; RFC 8441 §4.
fn write_request(encoder: &mut Encoder, head: &RequestHead, out: &mut Vec<u8>) {
    encoder.pseudo(LineName::Method, ":method", head.method.as_str().as_bytes(), out);
    let is_tunnel = head.method == Method::Connect && head.protocol.is_none();
    if !is_tunnel {
        encoder.pseudo(LineName::Scheme, ":scheme", head.scheme.as_str().as_bytes(), out);
    }
    encoder.pseudo(LineName::Authority, ":authority", head.authority().as_bytes(), out);
    if !is_tunnel {
        let target = if head.target().is_empty() { "/" } else { head.target() };
        encoder.pseudo(LineName::Path, ":path", target.as_bytes(), out);
    }
    if let Some(protocol) = &head.protocol {
        encoder.pseudo(LineName::Protocol, ":protocol", protocol.as_str().as_bytes(), out);
    }
    encoder.request_fields(&head.fields, out);
}
