//! One WebSocket connection, either side (RFC 6455 §5 to §7). Driven by `net` once the switch is made; the hub gives
//! and takes its messages.

use std::fmt;
use std::io::IoSlice;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edgeway_base::{Entropy, Instant};

use super::heartbeat::{Due, Heartbeat};
use super::reader::{Incoming, Reader};
use crate::limits::websocket as limits;
use crate::output::Output;
use crate::websocket::wire::{CloseCode, FrameHeader, Opcode, apply_mask, decode_close, encode_close};

/// What came from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketEvent {
    /// A text message; its bytes are UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// The answer to a ping of ours, or one nobody asked for.
    Pong(Bytes),
    /// The peer closes, with its code and reason when it gave them. Answered already.
    Close(Option<(CloseCode, String)>),
    /// The peer broke the rules and was told so with this code.
    Failed(CloseCode),
    /// Nothing more will come: the close is complete, or the connection is gone.
    Closed,
}

/// Bounds and timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketLimits {
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Silence after which a ping is sent.
    pub ping_interval: Duration,
    /// For any byte after a ping.
    pub pong_timeout: Duration,
    /// For the peer's close after ours.
    pub close_timeout: Duration,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        Self {
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            ping_interval: limits::PING_INTERVAL,
            pong_timeout: limits::PONG_TIMEOUT,
            close_timeout: limits::CLOSE_TIMEOUT,
        }
    }
}

/// One side of a WebSocket connection.
pub struct WebSocketConnection {
    limits: WebSocketLimits,
    compressed: bool,
    /// Where a client takes its masking keys from; a server has none.
    masking: Option<Box<dyn Entropy>>,
    reader: Reader,
    output: Output,
    heartbeat: Heartbeat,
    close_sent: bool,
    close_received: bool,
    ended: bool,
    closed_told: bool,
}

impl WebSocketConnection {
    /// The server's side; `compressed` says whether the handshake agreed on permessage-deflate.
    pub fn server(limits: WebSocketLimits, compressed: bool, now: Instant) -> Self {
        Self::new(limits, None, compressed, now)
    }

    /// The client's side; `entropy` must not be guessable by the peer (RFC 6455 §10.3).
    pub fn client(limits: WebSocketLimits, entropy: Box<dyn Entropy>, compressed: bool, now: Instant) -> Self {
        Self::new(limits, Some(entropy), compressed, now)
    }

    fn new(limits: WebSocketLimits, masking: Option<Box<dyn Entropy>>, compressed: bool, now: Instant) -> Self {
        Self {
            limits,
            compressed,
            reader: Reader::new(masking.is_none(), compressed, limits.message_bytes_max),
            masking,
            output: Output::default(),
            heartbeat: Heartbeat::new(&limits, now),
            close_sent: false,
            close_received: false,
            ended: false,
            closed_told: false,
        }
    }

    // -- Input

    /// Where the driver appends what it read; first of all what the tunnel had left over.
    pub fn input(&mut self) -> &mut BytesMut {
        self.reader.buffer_mut()
    }

    /// Bytes were appended to the input.
    pub fn handle_input(&mut self, now: Instant) {
        if !self.close_sent {
            self.heartbeat.note_input(&self.limits, now);
        }
    }

    /// The peer will send no more.
    pub fn handle_end_of_input(&mut self) {
        self.ended = true;
    }

    /// Whether more input is of use; false stops the peer by not reading it.
    pub fn wants_input(&self) -> bool {
        !self.ended && self.reader.buffered() < limits::INPUT_BYTES_MAX
    }

    /// What came next. Pings are answered here and not told.
    pub fn poll_event(&mut self, now: Instant) -> Option<WebSocketEvent> {
        while !self.close_received {
            match self.reader.next() {
                Ok(Some(incoming)) => match self.take(incoming, now) {
                    Some(event) => return Some(event),
                    None => continue,
                },
                Ok(None) => break,
                Err(code) => return Some(self.fail(code, now)),
            }
        }
        if self.close_received {
            // RFC 6455 §5.5.1: nothing after a close is looked at.
            self.reader.discard();
        }
        let is_over = self.ended || (self.close_received && self.close_sent);
        if is_over && !self.closed_told {
            self.closed_told = true;
            return Some(WebSocketEvent::Closed);
        }
        None
    }

    fn take(&mut self, incoming: Incoming, now: Instant) -> Option<WebSocketEvent> {
        match incoming {
            // RFC 6455 §1.4: after our close, data that was under way is of no use to anybody.
            Incoming::Text(_) | Incoming::Binary(_) if self.close_sent => None,
            Incoming::Text(message) => Some(WebSocketEvent::Text(message)),
            Incoming::Binary(message) => Some(WebSocketEvent::Binary(message)),
            Incoming::Control(..) if !self.heartbeat.note_control(now) => {
                Some(self.fail(CloseCode::POLICY_VIOLATION, now))
            }
            Incoming::Control(Opcode::Ping, content) => {
                self.answer_ping(&content);
                None
            }
            Incoming::Control(Opcode::Close, content) => Some(self.take_close(&content, now)),
            Incoming::Control(_, content) => Some(WebSocketEvent::Pong(content)),
        }
    }

    /// RFC 6455 §5.5.3: while the peer does not read, only some of its pings are answered, so that it cannot make
    /// our output grow.
    fn answer_ping(&mut self, content: &[u8]) {
        if !self.close_sent && self.output.length() < limits::PONG_OUTPUT_BYTES_MAX {
            self.send(Opcode::Pong, false, content);
        }
    }

    fn take_close(&mut self, content: &[u8], now: Instant) -> WebSocketEvent {
        match decode_close(content) {
            Ok(close) => {
                self.close_received = true;
                // RFC 6455 §5.5.1: the answer usually says the same code.
                let echoed = close.map(|(code, _)| encode_close(code, "")).unwrap_or_default();
                self.finish(&echoed, now);
                WebSocketEvent::Close(close.map(|(code, reason)| (code, reason.to_owned())))
            }
            Err(code) => self.fail(code, now),
        }
    }

    /// RFC 6455 §7.1.7: says why and reads no more.
    fn fail(&mut self, code: CloseCode, now: Instant) -> WebSocketEvent {
        self.finish(&encode_close(code, ""), now);
        self.close_received = true;
        WebSocketEvent::Failed(code)
    }

    fn finish(&mut self, content: &[u8], now: Instant) {
        if !self.close_sent {
            self.send(Opcode::Close, false, content);
            self.close_sent = true;
        }
        self.heartbeat.begin_close(&self.limits, now);
    }

    // -- Output

    /// Sends a text message.
    pub fn send_text(&mut self, message: &str) {
        self.send_message(Opcode::Text, message.as_bytes());
    }

    /// Sends a binary message.
    pub fn send_binary(&mut self, message: &[u8]) {
        self.send_message(Opcode::Binary, message);
    }

    /// Sends a message of which many connections share the bytes: not copied when it is long and this is a server.
    /// A text must be UTF-8.
    pub fn send_shared(&mut self, is_text: bool, message: Bytes) {
        self.send_data(is_text, false, message);
    }

    /// Sends a message that [`MessageDeflater`](crate::websocket::deflate::MessageDeflater) has compressed, once for
    /// all connections. Only where [`takes_compressed`](Self::takes_compressed).
    pub fn send_deflated(&mut self, is_text: bool, compressed: Bytes) {
        debug_assert!(self.compressed, "the peer did not agree to compressed messages");
        self.send_data(is_text, true, compressed);
    }

    /// Whether the handshake agreed on compressed messages.
    pub const fn takes_compressed(&self) -> bool {
        self.compressed
    }

    fn send_data(&mut self, is_text: bool, is_compressed: bool, message: Bytes) {
        // RFC 6455 §5.5.1: no data after a close.
        if self.close_sent {
            return;
        }
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        if self.masking.is_some() {
            return self.send(opcode, is_compressed, &message);
        }
        let header = FrameHeader { is_final: true, is_compressed, opcode, mask: None, length: message.len() as u64 };
        self.output.gather(|out| header.encode(out));
        self.output.push(message);
    }

    /// Closes: tells the peer why and waits for its answer.
    pub fn close(&mut self, code: CloseCode, reason: &str, now: Instant) {
        if !self.close_sent {
            self.finish(&encode_close(code, reason), now);
        }
    }

    fn send_message(&mut self, opcode: Opcode, message: &[u8]) {
        if !self.close_sent {
            self.send(opcode, false, message);
        }
    }

    fn send(&mut self, opcode: Opcode, is_compressed: bool, content: &[u8]) {
        let mask = self.masking.as_mut().map(|entropy| {
            let mut mask = [0; 4];
            entropy.fill(&mut mask);
            mask
        });
        let header = FrameHeader { is_final: true, is_compressed, opcode, mask, length: content.len() as u64 };
        self.output.gather(|out| {
            header.encode(out);
            let start = out.len();
            out.extend_from_slice(content);
            if let Some(mask) = mask {
                apply_mask(&mut out[start..], mask, 0);
            }
        });
    }

    /// Bytes that wait to be written.
    pub fn output_length(&self) -> usize {
        self.output.length()
    }

    /// Fills `slices` with what waits to be written, in order; answers how many it filled.
    pub fn output<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.output.slices(slices)
    }

    /// So many bytes of the output were written.
    pub fn consume_output(&mut self, bytes: usize) {
        self.output.consume(bytes);
    }

    // -- Time and end

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.ended).then(|| self.heartbeat.until())
    }

    /// The deadline came: asks the peer whether it is there, or gives it up.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.heartbeat.expire(&self.limits, now) {
            Some(Due::Ping) => self.send(Opcode::Ping, false, b""),
            Some(Due::GiveUp) => {
                self.ended = true;
                self.output.clear();
            }
            None => {}
        }
    }

    /// Whether the driver should close: what waits is written, and the close is complete, or hopeless. A client leaves
    /// the closing to the server for a moment (RFC 6455 §7.1.1).
    pub fn wants_close(&self) -> bool {
        let is_complete = self.close_sent && self.close_received && self.masking.is_none();
        self.output.length() == 0 && (self.ended || is_complete)
    }

    /// Gives back the memory of empty buffers.
    pub fn release_memory(&mut self) {
        self.reader.release_memory();
        self.output.release_memory();
    }
}

impl fmt::Debug for WebSocketConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebSocketConnection")
            .field("is_client", &self.masking.is_some())
            .field("close_sent", &self.close_sent)
            .field("close_received", &self.close_received)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
