//! The server's side of a connection (RFC 9112). Driven by `net`; hands requests to the stages and writes their
//! responses. One request at a time: the next is read when the response to the one before has ended, so
//! pipelined requests are answered in order (RFC 9112 §9.3.2).

mod exchange;
mod response;

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;

use self::exchange::Exchange;
use super::bounds::ServerLimits;
use super::reader::{Chunk, Framing, Piece, Reader};
use super::timers::{Awaited, Expired, Timers};
use super::writer::Writer;
use crate::error::Refusal;
use crate::h1::wire::Malformed;
use crate::h1::wire::request::{self, DecodedRequest};
use crate::semantics::{BodyLength, Fields, RequestHead, Status};

/// What happened on a connection.
#[derive(Debug, PartialEq)]
pub enum ServerEvent {
    /// The head that was given is filled: answer it. When its `body` is [`BodyLength::None`] nothing else follows;
    /// otherwise data and one end.
    Request,
    /// Some of the request's content.
    Data(Bytes),
    /// The end of the request's content, with its trailers when it had some.
    End(Option<Box<Fields>>),
    /// The input is not served. When no response was begun, the caller may answer with
    /// [`ServerConnection::send_head`]; either way the connection closes afterwards and no byte more is parsed.
    Refused(Refusal),
    /// Nothing more will come. What waits in the output is still to be written.
    Closed,
}

/// The server's side of one HTTP/1.x connection.
///
/// The driver appends what it reads to [`input`](Self::input), calls [`handle_input`](Self::handle_input), polls
/// events until there are none, writes the [`output`](Self::output), and comes back at
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct ServerConnection {
    /// Shared by all connections of a listener: it is the largest part of what they would hold each.
    limits: Arc<ServerLimits>,
    reader: Reader,
    writer: Writer,
    timers: Timers,
    exchange: Exchange,
    phase: Phase,
    pending: Option<Refusal>,
    /// The connection ends when the response being written ends.
    closing: bool,
    /// What was written is no proper end: the driver should reset rather than close.
    broken: bool,
    /// Input was given up that the client may still be sending.
    unread: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Between requests, or in the middle of a head.
    Awaiting,
    /// A request was handed out, or refused, and its response has not ended.
    Exchange,
    /// The bytes belong to another protocol now.
    Tunnel,
    /// No more events but the last.
    Closing,
    /// That event was given too.
    Closed,
}

impl ServerConnection {
    /// A connection just accepted.
    pub fn new(limits: impl Into<Arc<ServerLimits>>, now: Instant) -> Self {
        let limits = limits.into();
        Self {
            reader: Reader::new(limits.content.body_bytes_max),
            writer: Writer::new(),
            timers: Timers::new(&limits, now),
            limits,
            exchange: Exchange::REFUSED,
            phase: Phase::Awaiting,
            pending: None,
            closing: false,
            broken: false,
            unread: false,
        }
    }

    // -- Input

    /// Where the driver appends what it read, and nothing else. While it is empty it may be taken or replaced.
    pub fn input(&mut self) -> &mut BytesMut {
        self.reader.buffer_mut()
    }

    /// Bytes were appended to the input.
    #[inline]
    pub fn handle_input(&mut self, now: Instant) {
        let arrived = self.reader.arrived();
        if matches!(self.phase, Phase::Closing | Phase::Closed)
            || (self.phase == Phase::Exchange && self.exchange.refused)
        {
            // RFC 9112 §9.6: what follows the last request is not looked at.
            return self.reader.discard();
        }
        self.timers.note_content(arrived, &self.limits, now);
        self.set_timers(now);
    }

    /// The peer will send no more. It may still read.
    pub fn handle_end_of_input(&mut self, now: Instant) {
        self.reader.end();
        self.set_timers(now);
    }

    /// Whether more input is of use; false stops the peer by not reading it.
    #[inline]
    pub fn wants_input(&self) -> bool {
        !self.reader.has_ended()
            && (self.phase == Phase::Awaiting || (self.phase == Phase::Exchange && !self.exchange.refused))
            && self.pending.is_none()
            && self.reader.buffered().len() < self.limits.content.input_bytes_max
    }

    /// Whether the peer has said that it will send no more.
    pub fn input_ended(&self) -> bool {
        self.reader.has_ended()
    }

    /// What happened next. `head` is written to only while a request is awaited, so the caller keeps one for the
    /// connection; it is a request's only after [`ServerEvent::Request`].
    #[inline]
    pub fn poll_event(&mut self, now: Instant, head: &mut RequestHead) -> Option<ServerEvent> {
        let event = self.next_event(head);
        self.set_timers(now);
        event
    }

    fn next_event(&mut self, head: &mut RequestHead) -> Option<ServerEvent> {
        loop {
            match (self.pending.take(), self.phase) {
                (Some(_), Phase::Exchange) if self.exchange.response_ended => self.stop_reading(),
                (Some(refusal), Phase::Awaiting | Phase::Exchange) => return Some(self.refuse(refusal)),
                _ => {}
            }
            match self.phase {
                Phase::Awaiting => return self.next_request(head),
                Phase::Exchange if self.is_exchange_over() => self.end_exchange(),
                Phase::Exchange if self.exchange.discarding => {
                    if !self.drain() {
                        return None;
                    }
                }
                Phase::Exchange => return self.next_content(),
                Phase::Closing => {
                    self.phase = Phase::Closed;
                    return Some(ServerEvent::Closed);
                }
                Phase::Tunnel | Phase::Closed => return None,
            }
        }
    }

    #[inline]
    fn next_request(&mut self, head: &mut RequestHead) -> Option<ServerEvent> {
        if self.reader.may_hold_head(self.limits.head.head_bytes_max) {
            match request::decode(self.reader.buffered(), &self.limits.head, head) {
                Ok(Some(decoded)) => return Some(self.begin_exchange(&decoded, head)),
                Ok(None) => self.reader.note_incomplete_head(),
                Err(fault) => return Some(self.refuse(fault.into())),
            }
        }
        if self.closing && self.reader.buffered().is_empty() {
            // A graceful stop was asked for while the last response was still being written.
            self.phase = Phase::Closed;
            return Some(ServerEvent::Closed);
        }
        if !self.reader.has_ended() {
            return None;
        }
        if matches!(self.reader.buffered(), b"" | b"\r\n") {
            self.phase = Phase::Closed;
            self.closing = true;
            return Some(ServerEvent::Closed);
        }
        Some(self.refuse(Malformed::Truncated.into()))
    }

    #[inline]
    fn begin_exchange(&mut self, decoded: &DecodedRequest, head: &RequestHead) -> ServerEvent {
        self.phase = Phase::Exchange;
        self.exchange = Exchange::new(decoded, head);
        let framing = match head.body {
            BodyLength::None => Framing::Finished,
            BodyLength::Known(length) => Framing::Sized(length),
            BodyLength::Unknown => Framing::Chunked(Chunk::Line),
        };
        self.reader.begin_content(decoded.length, framing, self.limits.content.body_bytes_max);
        self.timers.begin_content(&self.limits);
        if matches!(head.body, BodyLength::Known(length) if length > self.limits.content.body_bytes_max) {
            return self.refuse(Malformed::ContentTooLarge.into());
        }
        ServerEvent::Request
    }

    fn next_content(&mut self) -> Option<ServerEvent> {
        let piece = self.reader.next_piece(&self.limits.content);
        self.exchange.starved = matches!(piece, Ok(None));
        match piece {
            Ok(Some(Piece::Data(data))) => {
                // Content came without our word, so none is owed (RFC 9110 §10.1.1).
                self.exchange.continue_owed = false;
                Some(ServerEvent::Data(data))
            }
            Ok(Some(Piece::End(trailers))) => Some(ServerEvent::End(trailers)),
            Ok(None) => None,
            Err(fault) => Some(self.refuse(fault.into())),
        }
    }

    /// Throws one piece of content away; false when there is none. What is too much or malformed ends the
    /// reading instead: the answer is given already, so there is nobody to tell.
    fn drain(&mut self) -> bool {
        match self.reader.next_piece(&self.limits.content) {
            Ok(None) => {
                self.exchange.starved = true;
                return false;
            }
            Ok(Some(_)) if self.reader.body_received() <= self.limits.drain_bytes_max => {}
            Ok(Some(_)) | Err(_) => self.stop_reading(),
        }
        true
    }

    /// No byte more is parsed.
    fn stop_reading(&mut self) {
        self.closing = true;
        self.unread |= self.reader.is_in_content() || !self.reader.buffered().is_empty();
        self.reader.discard();
    }

    /// Nothing that was read is trusted any more.
    #[cold]
    fn refuse(&mut self, refusal: Refusal) -> ServerEvent {
        if self.phase != Phase::Exchange {
            self.exchange = Exchange::REFUSED;
            self.phase = Phase::Exchange;
        }
        self.exchange.persistent = false;
        self.exchange.continue_owed = false;
        self.exchange.refused = true;
        self.unread = true;
        self.stop_reading();
        ServerEvent::Refused(refusal)
    }

    #[inline]
    fn is_exchange_over(&self) -> bool {
        self.exchange.response_ended && (self.closing || !self.reader.is_in_content())
    }

    fn end_exchange(&mut self) {
        if self.closing {
            self.phase = Phase::Closing;
            // RFC 9112 §9.6: no request after the one that was answered with close.
            self.stop_reading();
        } else {
            self.phase = Phase::Awaiting;
        }
    }

    // -- Content of the request

    /// The handler reads the content: sends 100 (Continue) when the client waits for it.
    pub fn want_body(&mut self) {
        if self.exchange.continue_owed && !self.exchange.head_sent && self.phase == Phase::Exchange {
            self.exchange.continue_owed = false;
            // RFC 9110 §10.1.1: not needed when content is already coming.
            if self.reader.buffered().is_empty() {
                self.writer.interject(|out| out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n"));
            }
        }
    }

    /// Whether the request's content was not read to its end.
    pub fn body_pending(&self) -> bool {
        self.phase == Phase::Exchange && self.reader.is_in_content()
    }

    /// Whether the client may still be sending what will not be read: then the driver reads and throws away for a
    /// moment between its half of the close and the whole of it, or a reset overtakes the last response
    /// (RFC 9112 §9.6).
    pub fn wants_linger(&self) -> bool {
        self.unread && !self.reader.has_ended() && !self.broken
    }

    /// Bounds the content of the request being read, in bytes; beyond it the request is refused with 413.
    pub fn limit_body(&mut self, bytes_max: u64) {
        self.reader.set_body_bytes_max(bytes_max);
        if matches!(self.reader.framing(), Framing::Sized(left) if left.saturating_add(self.reader.body_received()) > bytes_max)
        {
            self.pending = Some(Malformed::ContentTooLarge.into());
        }
    }

    /// Throws away the rest of the content instead of handing it out; when it is too much, or the client waits
    /// for 100 (Continue), the connection closes after the response instead. Done by itself when a response ends
    /// before the content did.
    pub fn discard_body(&mut self) {
        if !self.body_pending() {
            return;
        }
        self.exchange.discarding = true;
        if !self.is_worth_draining() {
            self.closing = true;
        }
    }

    /// RFC 9112 §9.3: content is read to its end or the connection is closed; never is it parsed as a request.
    fn is_worth_draining(&self) -> bool {
        let left = match self.reader.framing() {
            Framing::Sized(left) => left,
            _ => 0,
        };
        !self.exchange.continue_owed && left <= self.limits.drain_bytes_max
    }

    // -- Output

    /// Bytes that wait to be written.
    #[inline]
    pub fn output_length(&self) -> usize {
        self.writer.output_length()
    }

    /// Fills `slices` with what waits to be written, in order; answers how many it filled.
    pub fn output<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.writer.slices(slices)
    }

    /// So many bytes of the output were written; zero when a write was tried and would have blocked.
    #[inline]
    pub fn consume_output(&mut self, now: Instant, bytes: usize) {
        self.writer.consume(bytes);
        self.timers.await_output(self.writer.output_length() > 0, bytes > 0, &self.limits, now);
    }

    // -- Time

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. May be a moment in the past, where something
    /// is awaited since a call that did not tell the time.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.timers.are_set(self.awaited(), self.writer.output_length() > 0) {
            self.timers.next()
        } else {
            Some(Instant::ZERO)
        }
    }

    /// The deadline came. What follows is an event, or [`wants_close`](Self::wants_close).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.set_timers(now);
        match self.timers.expired(now) {
            Some(Expired::Output) => {
                self.writer.clear_output();
                self.broken = true;
                self.abort();
            }
            Some(Expired::Input(Awaited::Head)) => self.pending = Some(LATE_HEAD),
            Some(Expired::Input(Awaited::Content)) if self.exchange.discarding => self.stop_reading(),
            Some(Expired::Input(Awaited::Content)) => self.pending = Some(LATE_CONTENT),
            Some(Expired::Input(Awaited::Nothing)) | None => {}
            Some(Expired::Input(_)) => self.abort(),
        }
        self.set_timers(now);
    }

    #[inline]
    fn set_timers(&mut self, now: Instant) {
        self.timers.await_input(self.awaited(), &self.limits, now);
        self.timers.await_output(self.writer.output_length() > 0, false, &self.limits, now);
    }

    #[inline]
    fn awaited(&self) -> Awaited {
        match self.phase {
            Phase::Awaiting if !self.reader.buffered().is_empty() => Awaited::Head,
            Phase::Awaiting if self.timers.is_at_first_byte() => Awaited::FirstByte,
            Phase::Awaiting => Awaited::Request,
            // While we hold the client back, nobody asks for its content, or it waits for our word, its time does
            // not run.
            Phase::Exchange if self.exchange.starved && self.reader.is_in_content() && !self.exchange.continue_owed => {
                Awaited::Content
            }
            Phase::Exchange | Phase::Tunnel => Awaited::Nothing,
            Phase::Closing | Phase::Closed => Awaited::Close,
        }
    }

    // -- The end of the connection

    /// Whether the driver should close; what waited is written. See [`wants_linger`](Self::wants_linger).
    pub fn wants_close(&self) -> bool {
        matches!(self.phase, Phase::Closing | Phase::Closed) && self.writer.output_length() == 0
    }

    /// Whether the close should be a reset, because a plain one would look like a proper end.
    pub fn wants_reset(&self) -> bool {
        self.broken && self.wants_close()
    }

    /// Whether the connection stands between requests with nothing read and nothing to write.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Awaiting && self.reader.buffered().is_empty() && self.writer.output_length() == 0
    }

    /// Says `Connection: close` in the next response head and closes after it; at once when idle. For a graceful
    /// stop.
    pub fn close_after_response(&mut self) {
        if self.is_idle() {
            self.phase = Phase::Closing;
        }
        self.closing = true;
    }

    /// After 101 or a 2xx to CONNECT was sent: the bytes that were read beyond the request's head, once. The
    /// output that waits is to be written first; from then on the machine is out of the way.
    pub fn take_tunnel(&mut self) -> Option<Bytes> {
        if self.phase != Phase::Tunnel || self.closing {
            return None;
        }
        self.closing = true;
        Some(self.reader.take_rest())
    }

    /// Gives back the memory of empty buffers.
    pub fn release_memory(&mut self) {
        self.reader.release_memory();
        self.writer.release_memory();
    }
}

const LATE_HEAD: Refusal =
    Refusal { status: Status::REQUEST_TIMEOUT, reason: "the request's head did not come in time" };
const LATE_CONTENT: Refusal =
    Refusal { status: Status::REQUEST_TIMEOUT, reason: "the request's content came too slowly" };
