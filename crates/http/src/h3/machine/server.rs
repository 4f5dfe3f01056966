//! The server's face of the connection: what the driver of an accepted QUIC connection calls.

use bytes::Bytes;
use edgeway_base::Instant;

use super::connection::{Connection, OurStreams, Role};
use super::event::{Command, Event, ServerEvent};
use crate::binary::Priority;
use crate::h3::error::{ConnectionError, ErrorCode};
use crate::h3::limits::Limits;
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// The server's side of one HTTP/3 connection.
///
/// The driver opens three unidirectional QUIC streams and names them to [`new`](Self::new). Its turn: hand in what QUIC
/// received; take events and commands until there are none; give QUIC what [`next_to_send`](Self::next_to_send) says.
/// Flow control is QUIC's: the driver reads on from a stream as its content goes on. The machine has no deadlines: idle
/// connections are QUIC's matter too.
///
/// Calls about a stream that has ended do nothing and answer `false` or zero: the stream's end was told by an event.
#[derive(Debug)]
pub struct ServerConnection(Connection);

impl ServerConnection {
    /// A connection whose three streams QUIC has opened; SETTINGS are ready to be sent.
    pub fn new(limits: Limits, control: u64, encoder: u64, decoder: u64, now: Instant) -> Self {
        Self(Connection::new(Role::Server, limits, OurStreams { control, encoder, decoder }, now))
    }

    /// Bytes of a stream, in order, as QUIC received them; `fin`: its last. All streams come here, those of either direction.
    pub fn handle_stream(&mut self, stream: u64, data: Bytes, fin: bool, now: Instant) {
        self.0.handle_stream(stream, data, fin, now);
    }

    /// QUIC heard RESET_STREAM.
    pub fn handle_reset(&mut self, stream: u64, code: ErrorCode, now: Instant) {
        self.0.handle_reset(stream, code, now);
    }

    /// QUIC heard STOP_SENDING.
    pub fn handle_stop_sending(&mut self, stream: u64, code: ErrorCode, now: Instant) {
        self.0.handle_stop_sending(stream, code, now);
    }

    /// QUIC's connection is gone.
    pub fn handle_close(&mut self) {
        self.0.end(None);
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            return Some(match self.0.events.pop_front()? {
                Event::Request { stream, head } => ServerEvent::Request { stream, head },
                Event::Data { stream, data } => ServerEvent::Data { stream, data },
                Event::End { stream, trailers } => ServerEvent::End { stream, trailers },
                Event::Reset { stream, code } => ServerEvent::Reset { stream, code },
                Event::Writable { stream } => ServerEvent::Writable { stream },
                Event::Closed => ServerEvent::Closed,
                // A client's SETTINGS and GOAWAY change nothing a driver does; the rest only a client's connection makes.
                Event::Settings | Event::GoAway | Event::Response { .. } | Event::Informational { .. } => continue,
            });
        }
    }

    /// What QUIC is to be told.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.0.commands.pop_front()
    }

    /// The stream whose bytes go next, by urgency; `None` when none has any that QUIC would take. Give QUIC what
    /// [`front`](Self::front) shows and say [`sent`](Self::sent); or, when it shows nothing, FIN, and say
    /// [`finished`](Self::finished); or, when QUIC takes nothing, say [`blocked`](Self::blocked).
    pub fn next_to_send(&self) -> Option<u64> {
        self.0.next_to_send()
    }

    /// The next bytes of a stream; `None`: only its FIN is left.
    pub fn front(&self, stream: u64) -> Option<&Bytes> {
        self.0.front(stream)
    }

    /// QUIC took so many bytes.
    pub fn sent(&mut self, stream: u64, bytes: usize) {
        self.0.sent(stream, bytes);
    }

    /// QUIC took the FIN.
    pub fn finished(&mut self, stream: u64) {
        self.0.finished(stream);
    }

    /// QUIC takes no more of this stream for now.
    pub fn blocked(&mut self, stream: u64) {
        self.0.set_blocked(stream, true);
    }

    /// QUIC takes more of this stream again.
    pub fn unblocked(&mut self, stream: u64) {
        self.0.set_blocked(stream, false);
    }

    /// Puts content in line. More than [`send_capacity`](Self::send_capacity) is taken too, whole, but ask first.
    pub fn send_data(&mut self, stream: u64, data: Bytes) -> bool {
        self.0.send_data(stream, data)
    }

    /// Ends our side, with trailers or without.
    pub fn send_end(&mut self, stream: u64, trailers: Option<&Fields>) -> bool {
        self.0.send_end(stream, trailers)
    }

    /// Gives a stream up, both ways.
    pub fn reset(&mut self, stream: u64, code: ErrorCode) {
        self.0.abandon(stream, code);
    }

    /// Bytes to put in line before the stream has enough; zero leads to a `Writable` event later.
    pub fn send_capacity(&mut self, stream: u64) -> usize {
        self.0.send_capacity(stream)
    }

    /// Whether the peer takes HTTP datagrams (RFC 9297), as far as its SETTINGS have come.
    pub const fn takes_datagrams(&self) -> bool {
        self.0.peer.datagrams
    }

    /// Gives back a request's head for reuse.
    pub fn recycle(&mut self, head: Box<RequestHead>) {
        self.0.recycle_request(head);
    }

    /// Sends a 1xx response. `false`: the final one is out, or the stream has ended.
    pub fn send_informational(&mut self, stream: u64, head: &ResponseHead) -> bool {
        self.0.send_informational(stream, head)
    }

    /// Sends the final response's head; `end`: it has no content.
    pub fn send_head(&mut self, stream: u64, head: &ResponseHead, end: bool) -> bool {
        self.0.send_head(stream, head, end)
    }

    /// The rest of a request's content is not wanted, as when it was answered early: no more `Data` comes, and the client is told
    /// to stop, without error (RFC 9114 §4.1.1).
    pub fn discard_content(&mut self, stream: u64) {
        self.0.discard_content(stream);
    }

    /// Whether the client takes a push now: it must have sent MAX_PUSH_ID.
    pub fn may_push(&self) -> bool {
        self.0.may_push()
    }

    /// Promises the response to `head` beside the one on `stream`, to come on the unidirectional stream `push_stream` that QUIC
    /// has opened for it; send it there with [`send_head`](Self::send_head).
    pub fn push(&mut self, stream: u64, head: &RequestHead, push_stream: u64) -> bool {
        self.0.push(stream, head, push_stream)
    }

    /// How soon the client wants a response.
    pub fn priority(&self, stream: u64) -> Option<Priority> {
        self.0.streams.find(stream).map(|slot| self.0.streams.get(slot).priority)
    }

    /// Ranks a response otherwise, as when its own Priority field says so (RFC 9218 §8).
    pub fn set_priority(&mut self, stream: u64, priority: Priority) {
        self.0.set_priority(stream, priority);
    }

    /// Stops taking requests. Graceful: the first call only says so, and requests on their way are still taken until the
    /// driver calls again, a round trip later. Streams in progress are finished either way; then comes `Closed`.
    pub fn go_away(&mut self, graceful: bool) {
        self.0.go_away(graceful);
    }

    /// Whether there is no request, no event and nothing to send.
    pub fn is_idle(&self) -> bool {
        self.0.stream_count() == 0 && self.0.events.is_empty() && self.0.next_to_send().is_none()
    }

    /// Whether everything is said: close QUIC, once it has sent what it took.
    pub fn wants_close(&self) -> bool {
        self.0.is_over() && self.0.next_to_send().is_none()
    }

    /// Why the connection ended, when not in peace.
    pub const fn error(&self) -> Option<ConnectionError> {
        self.0.error()
    }

    /// How many request and push streams there are.
    pub fn stream_count(&self) -> usize {
        self.0.stream_count()
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
