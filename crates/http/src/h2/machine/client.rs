//! The client's face of the connection: what the driver of an upstream connection calls.

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;

use super::connection::Connection;
use super::event::{ClientEvent, Event};
use super::settings::Role;
use crate::binary::Priority;
use crate::h2::error::{ConnectionError, ErrorCode};
use crate::h2::limits::{self, Limits};
use crate::h2::wire::{Frame, StreamId};
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// The client's side of one HTTP/2 connection: by ALPN `h2`, or in clear text by prior knowledge (RFC 9113 §3.3). The preface
/// is part of the output.
///
/// The driver's turn is the same as with [`ServerConnection`](super::ServerConnection).
#[derive(Debug)]
pub struct ClientConnection(Connection);

impl ClientConnection {
    /// A connection just made; preface and SETTINGS are ready to be sent, and requests may follow at once.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self(Connection::new(Role::Client, limits, now))
    }

    /// Where to append what was received.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.0.input
    }

    /// Something was appended to the input.
    pub fn handle_input(&mut self, now: Instant) {
        self.0.handle_input(now);
    }

    /// The server will send no more: the connection and all its streams are over.
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

    /// What happened next. Takes more input as events are taken.
    pub fn poll_event(&mut self, now: Instant) -> Option<ClientEvent> {
        loop {
            return Some(match self.0.poll_event(now)? {
                Event::Response { stream, head, end } => ClientEvent::Response { stream, head, end },
                Event::Informational { stream, head } => ClientEvent::Informational { stream, head },
                Event::Promise { stream, promised, head } => ClientEvent::Promise { stream, promised, head },
                Event::Data { stream, data } => ClientEvent::Data { stream, data },
                Event::End { stream, trailers } => ClientEvent::End { stream, trailers },
                Event::Reset { stream, code } => ClientEvent::Reset { stream, code },
                Event::Writable { stream } => ClientEvent::Writable { stream },
                Event::GoAway { code } => ClientEvent::GoAway { code },
                Event::Closed => ClientEvent::Closed,
                // Only a server's connection makes these.
                Event::Request { .. } => continue,
            });
        }
    }

    /// Appends what is to be sent, as [`ServerConnection::poll_output`](super::ServerConnection::poll_output) does.
    pub fn poll_output(&mut self, out: &mut BytesMut, budget: usize) {
        self.0.poll_output(out, budget);
    }

    /// Gives back a response's head for reuse.
    pub fn recycle(&mut self, head: Box<ResponseHead>) {
        if self.0.spare_responses.len() < limits::SPARE_HEADS_MAX
            && head.fields.memory() <= limits::SPARE_HEAD_MEMORY_MAX
        {
            self.0.spare_responses.push(head);
        }
    }

    /// How many more requests may be opened now: zero when the server is at its limit or leaving.
    pub fn open_capacity(&self) -> u32 {
        self.0.open_capacity()
    }

    /// Whether the server takes extended CONNECT (RFC 8441), as far as its SETTINGS have come.
    pub const fn takes_extended_connect(&self) -> bool {
        self.0.peer.extended_connect
    }

    /// Sends a request; `end`: it has no content. `None`: no room ([`open_capacity`](Self::open_capacity)), no stream
    /// numbers left, or an extended CONNECT the server does not take.
    pub fn open(&mut self, head: &RequestHead, end: bool) -> Option<StreamId> {
        self.0.open(head, end)
    }

    /// Content has gone on: the server may send as many bytes more.
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        self.0.consumed(stream, bytes);
    }

    /// Puts content in line. More than [`send_capacity`](Self::send_capacity) is taken too, whole, but ask first.
    pub fn send_data(&mut self, stream: StreamId, data: Bytes, now: Instant) -> bool {
        self.0.send_data(stream, data, now)
    }

    /// Ends the request, with trailers or without.
    pub fn send_end(&mut self, stream: StreamId, trailers: Option<&Fields>) -> bool {
        self.0.send_end(stream, trailers)
    }

    /// Gives a stream up, a promised one too.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        self.0.reset(stream, code);
    }

    /// Bytes to put in line before the stream has enough; zero leads to a `Writable` event later.
    pub fn send_capacity(&mut self, stream: StreamId) -> usize {
        self.0.send_capacity(stream)
    }

    /// Tells the server how soon a response is wanted (RFC 9218 §7.1), and ranks our own content alike.
    pub fn send_priority(&mut self, stream: StreamId, priority: Priority) {
        let incremental = if priority.incremental { ", i" } else { "" };
        let value = format!("u={}{incremental}", priority.urgency.min(Priority::URGENCY_MAX));
        if self.0.streams.find(stream).is_some() {
            self.0.write(&Frame::PriorityUpdate { prioritized: stream, value: value.as_bytes() });
            self.0.set_priority(stream, priority);
        }
    }

    /// Opens no more streams and takes no more pushes; streams in progress are finished, then comes `Closed`.
    pub fn go_away(&mut self, now: Instant) {
        self.0.go_away(false, now);
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
