//! The server's face of the connection: what the driver of an accepted connection calls.

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;

use super::connection::Connection;
use super::event::{Event, ServerEvent};
use super::settings::Role;
use crate::binary::Priority;
use crate::h2::error::{ConnectionError, ErrorCode};
use crate::h2::limits::{self, Limits};
use crate::h2::wire::StreamId;
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// The server's side of one HTTP/2 connection, chosen by ALPN `h2` or by the client's preface
/// ([`PREFACE`](crate::h2::wire::PREFACE), which is part of the input).
///
/// The driver's turn: read into [`input`](Self::input) and call [`handle_input`](Self::handle_input); take events until there
/// is none; let [`poll_output`](Self::poll_output) compose one write; begin again, with `poll_event` too, for input may have
/// waited until output left. At [`poll_timeout`](Self::poll_timeout) call [`handle_timeout`](Self::handle_timeout).
///
/// Calls about a stream that has ended do nothing and answer `false`, `None` or zero: the stream's end was, or will be, told
/// by an event.
#[derive(Debug)]
pub struct ServerConnection(Connection);

impl ServerConnection {
    /// A connection just accepted; its SETTINGS are ready to be sent.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self(Connection::new(Role::Server, limits, now))
    }

    /// Where to append what was received.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.0.input
    }

    /// Something was appended to the input.
    pub fn handle_input(&mut self, now: Instant) {
        self.0.handle_input(now);
    }

    /// The client will send no more: the connection and all its requests are over.
    pub fn handle_end_of_input(&mut self, _now: Instant) {
        self.0.handle_end_of_input();
    }

    /// The moment to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    /// The moment has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    /// What happened next. Takes more input as events are taken, so its memory is bounded whatever came in.
    pub fn poll_event(&mut self, now: Instant) -> Option<ServerEvent> {
        loop {
            return Some(match self.0.poll_event(now)? {
                Event::Request { stream, head, end } => ServerEvent::Request { stream, head, end },
                Event::Data { stream, data } => ServerEvent::Data { stream, data },
                Event::End { stream, trailers } => ServerEvent::End { stream, trailers },
                Event::Reset { stream, code } => ServerEvent::Reset { stream, code },
                Event::Writable { stream } => ServerEvent::Writable { stream },
                Event::Closed => ServerEvent::Closed,
                // A client that leaves changes nothing but that it takes no more pushes.
                Event::GoAway { .. } => continue,
                // Only a client's connection makes these.
                Event::Response { .. } | Event::Informational { .. } | Event::Promise { .. } => continue,
            });
        }
    }

    /// Appends what is to be sent: control frames and heads, all of them, then content up to about `budget` bytes in all, the
    /// most urgent first. Content is cut into frames here and not before. Appends nothing when there is nothing to send.
    pub fn poll_output(&mut self, out: &mut BytesMut, budget: usize) {
        self.0.poll_output(out, budget);
    }

    /// Gives back a request's head for reuse.
    pub fn recycle(&mut self, mut head: Box<RequestHead>) {
        if self.0.spare_requests.len() < limits::SPARE_HEADS_MAX
            && head.fields.memory() <= limits::SPARE_HEAD_MEMORY_MAX
        {
            head.clear();
            self.0.spare_requests.push(head);
        }
    }

    /// Content has gone on: the client may send as many bytes more.
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        self.0.consumed(stream, bytes);
    }

    /// Sends a 1xx response. `false`: the final one is out, or the stream has ended.
    pub fn send_informational(&mut self, stream: StreamId, head: &ResponseHead) -> bool {
        self.0.send_informational(stream, head)
    }

    /// Sends the final response's head; `end`: it has no content.
    pub fn send_head(&mut self, stream: StreamId, head: &ResponseHead, end: bool) -> bool {
        self.0.send_head(stream, head, end)
    }

    /// Puts content in line. More than [`send_capacity`](Self::send_capacity) is taken too, whole, but ask first.
    pub fn send_data(&mut self, stream: StreamId, data: Bytes, now: Instant) -> bool {
        self.0.send_data(stream, data, now)
    }

    /// Ends the response, with trailers or without.
    pub fn send_end(&mut self, stream: StreamId, trailers: Option<&Fields>) -> bool {
        self.0.send_end(stream, trailers)
    }

    /// The rest of a request's content is not wanted, as when it was answered early: no more `Data` comes, and once the whole
    /// response is out the client is told to stop, without error (RFC 9113 §8.1). Some clients never end otherwise.
    pub fn discard_content(&mut self, stream: StreamId) {
        self.0.discard_content(stream);
    }

    /// Gives a stream up, and whatever of it is waiting.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        self.0.reset(stream, code);
    }

    /// Bytes to put in line before the stream has enough; zero leads to a `Writable` event later.
    pub fn send_capacity(&mut self, stream: StreamId) -> usize {
        self.0.send_capacity(stream)
    }

    /// Whether the client takes a push now (browsers do not).
    pub fn may_push(&self) -> bool {
        self.0.may_push()
    }

    /// Promises the response to `head` beside the one on `stream`, whose content must not have ended. Send it with
    /// [`send_head`](Self::send_head) on the stream this gives; a client that does not want it resets that stream.
    pub fn push(&mut self, stream: StreamId, head: &RequestHead) -> Option<StreamId> {
        self.0.push(stream, head)
    }

    /// How soon the client wants a response.
    pub fn priority(&self, stream: StreamId) -> Option<Priority> {
        self.0.streams.find(stream).map(|slot| self.0.streams.get(slot).priority)
    }

    /// Ranks a response otherwise, as when its own Priority field says so (RFC 9218 §8).
    pub fn set_priority(&mut self, stream: StreamId, priority: Priority) {
        self.0.set_priority(stream, priority);
    }

    /// Stops taking requests. Graceful: those on their way are still taken, for a round trip or
    /// [`GRACE_TIME_MAX`](limits::GRACE_TIME_MAX). Streams in progress are finished either way; then comes `Closed`.
    pub fn go_away(&mut self, graceful: bool, now: Instant) {
        self.0.go_away(graceful, now);
    }

    /// Whether there is no stream, no event and nothing to send.
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// Whether everything is said: close the transport.
    pub fn wants_close(&self) -> bool {
        self.0.wants_close()
    }

    /// Why the connection ended, when not in peace.
    pub const fn error(&self) -> Option<ConnectionError> {
        self.0.shutdown.error()
    }

    /// How many streams there are.
    pub fn stream_count(&self) -> usize {
        self.0.streams.len()
    }

    /// Gives spare memory back: call when idle.
    pub fn release_memory(&mut self) {
        self.0.release_memory();
    }

    /// Bytes of memory held, this included.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }
}
