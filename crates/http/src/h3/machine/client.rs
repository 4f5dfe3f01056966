//! The client's face of the connection: what the driver of an outgoing QUIC connection calls.

use bytes::Bytes;
use edgeway_base::Instant;

use super::connection::{Connection, OurStreams, Role};
use super::event::{ClientEvent, Command, Event};
use crate::binary::Priority;
use crate::h3::error::{ConnectionError, ErrorCode};
use crate::h3::limits::{self, Limits};
use crate::h3::wire::frame::{self, kind};
use crate::h3::wire::variable_integer;
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// The client's side of one HTTP/3 connection. It takes no pushes.
///
/// The driver's turn is the same as with [`ServerConnection`](super::ServerConnection); requests go on bidirectional streams it
/// opens.
#[derive(Debug)]
pub struct ClientConnection(Connection);

impl ClientConnection {
    /// A connection whose three streams QUIC has opened; SETTINGS are ready to be sent, and requests may follow at once.
    pub fn new(limits: Limits, control: u64, encoder: u64, decoder: u64, now: Instant) -> Self {
        Self(Connection::new(Role::Client, limits, OurStreams { control, encoder, decoder }, now))
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
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        loop {
            return Some(match self.0.events.pop_front()? {
                Event::Response { stream, head } => ClientEvent::Response { stream, head },
                Event::Informational { stream, head } => ClientEvent::Informational { stream, head },
                Event::Data { stream, data } => ClientEvent::Data { stream, data },
                Event::End { stream, trailers } => ClientEvent::End { stream, trailers },
                Event::Reset { stream, code } => ClientEvent::Reset { stream, code },
                Event::Writable { stream } => ClientEvent::Writable { stream },
                Event::Settings => ClientEvent::Settings,
                Event::GoAway => ClientEvent::GoAway,
                Event::Closed => ClientEvent::Closed,
                // Only a server's connection makes these.
                Event::Request { .. } => continue,
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

    /// Gives back a response's head for reuse.
    pub fn recycle(&mut self, head: Box<ResponseHead>) {
        if self.0.spare_responses.len() < limits::SPARE_HEADS_MAX
            && head.fields.memory() <= limits::SPARE_HEAD_MEMORY_MAX
        {
            self.0.spare_responses.push(head);
        }
    }

    /// Whether requests may be opened: neither side is leaving.
    pub const fn may_open(&self) -> bool {
        self.0.may_open()
    }

    /// Whether the server takes extended CONNECT (RFC 9220), as far as its SETTINGS have come.
    pub const fn takes_extended_connect(&self) -> bool {
        self.0.peer.extended_connect
    }

    /// Sends a request on the bidirectional stream `stream` that QUIC has opened for it; `end`: it has no content. `false`:
    /// [`may_open`](Self::may_open) is, or it is an extended CONNECT the server does not take.
    pub fn open(&mut self, stream: u64, head: &RequestHead, end: bool) -> bool {
        self.0.open(stream, head, end)
    }

    /// Tells the server how soon a response is wanted (RFC 9218 §7.2), and ranks our own content alike.
    pub fn send_priority(&mut self, stream: u64, priority: Priority) {
        if self.0.streams.find(stream).is_none() {
            return;
        }
        let incremental = if priority.incremental { ", i" } else { "" };
        let mut payload = Vec::new();
        variable_integer::encode(stream, &mut payload);
        payload.extend_from_slice(format!("u={}{incremental}", priority.urgency.min(Priority::URGENCY_MAX)).as_bytes());
        let mut out = Vec::new();
        frame::write(kind::PRIORITY_UPDATE_REQUEST, &payload, &mut out);
        self.0.put_control(out);
        self.0.set_priority(stream, priority);
    }

    /// Opens no more requests; those in progress are finished, then comes `Closed`.
    pub fn go_away(&mut self) {
        self.0.go_away(false);
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
