//! The client's side of a connection (RFC 9112). Driven by `net` for the proxy, the pool and `visit`. One request
//! at a time; the pool asks [`ClientConnection::is_reusable`] before it lends the connection again.

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};

use super::bounds::ClientLimits;
use super::reader::{Chunk, Framing, Piece, Reader};
use super::writer::{Wrapping, Writer};
use crate::error::ResponseError;
use crate::h1::wire::request::is_content_unexpected;
use crate::h1::wire::response::{self, DecodedResponse, ResponseBounds};
use crate::h1::wire::serialise;
use crate::semantics::{BodyLength, FieldName, Fields, Method, RequestHead, ResponseHead, Status, Version};

/// What the server sent.
#[derive(Debug, PartialEq)]
pub enum ClientEvent {
    /// The head that was given holds an interim response (1xx); the final one is still to come.
    Informational,
    /// The head that was given holds the final response. With [`BodyLength::None`] nothing else follows (the
    /// length that a HEAD or 304 announces stays in its fields); otherwise data and one end.
    Response(BodyLength),
    /// Some of the content.
    Data(Bytes),
    /// The end of the content, with its trailers when it had some.
    End(Option<Box<Fields>>),
    /// The head that was given holds a 101 to our Upgrade or a 2xx to our CONNECT: see
    /// [`ClientConnection::take_tunnel`].
    Upgraded,
}

/// The client's side of one HTTP/1.x connection.
#[derive(Debug)]
pub struct ClientConnection {
    limits: ClientLimits,
    reader: Reader,
    writer: Writer,
    exchange: Exchange,
    phase: Phase,
    absolute_form: bool,
    closing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No request was sent yet.
    Fresh,
    /// A final response is awaited.
    Awaiting,
    /// Its content is being read.
    Content,
    /// The response is complete.
    Finished,
    /// The bytes belong to another protocol now.
    Tunnel,
    /// The upstream broke the rules.
    Failed(ResponseError),
}

/// What must be remembered of a request until its response is complete.
#[derive(Debug)]
struct Exchange {
    method: Method,
    /// The protocols offered in Upgrade.
    offered: Option<Box<[u8]>>,
    informational: u32,
    response_started: bool,
    persistent: bool,
}

impl ClientConnection {
    /// A connection just opened.
    pub fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            reader: Reader::new(limits.content.body_bytes_max),
            writer: Writer::new(),
            exchange: Exchange {
                method: Method::Get,
                offered: None,
                informational: 0,
                response_started: false,
                persistent: true,
            },
            phase: Phase::Fresh,
            absolute_form: false,
            closing: false,
        }
    }

    /// The next hop is a proxy: requests are written in absolute-form (RFC 9112 §3.2.2).
    pub fn use_absolute_form(&mut self, absolute_form: bool) {
        self.absolute_form = absolute_form;
    }

    /// Requests say `Connection: close` from now on, and the connection is not reusable after the next response.
    pub fn close_after_response(&mut self) {
        self.closing = true;
        self.exchange.persistent = false;
    }

    // -- Request

    /// Sends a request's head: its method, target and fields as given, Host first (made from the authority when
    /// there is none). Content-Length, Transfer-Encoding and Connection are made here; an Upgrade field makes it
    /// an offer to upgrade. [`BodyLength::None`] ends the request; otherwise [`send_end`](Self::send_end) does.
    ///
    /// Does nothing while another exchange is under way.
    pub fn send_request(&mut self, head: &RequestHead, body: BodyLength) {
        if !matches!(self.phase, Phase::Fresh | Phase::Finished) || self.writer.wrapping() != Wrapping::Ended {
            return self.writer.note_fault("a request was sent while another was under way");
        }
        let closes = self.closing || is_content_unexpected(head.method, body);
        let upgrade = head.fields.get(FieldName::Upgrade).filter(|_| body == BodyLength::None);
        self.exchange = Exchange {
            method: head.method,
            offered: upgrade.map(Into::into),
            informational: 0,
            response_started: false,
            persistent: !closes,
        };
        // Bytes that came before they were asked for would be taken for the answer to this.
        self.phase = match self.reader.buffered() {
            [] => Phase::Awaiting,
            _ => Phase::Failed(ResponseError::Unsolicited),
        };
        let wrapping = match body {
            BodyLength::None => Wrapping::Ended,
            BodyLength::Known(length) => Wrapping::Sized(length),
            BodyLength::Unknown => Wrapping::Chunked,
        };
        let options = Options { absolute: self.absolute_form, upgrade: self.exchange.offered.is_some(), closes };
        self.writer.begin(wrapping, |out| write_request(out, head, wrapping, options));
    }

    /// Sends content of the request.
    pub fn send_data(&mut self, data: Bytes) {
        self.writer.data(data);
    }

    /// Sends a copy of content of the request.
    pub fn send_slice(&mut self, data: &[u8]) {
        self.writer.slice(data);
    }

    /// Ends the request. Trailers are sent when it is chunked, without the fields that may not be trailers.
    pub fn send_end(&mut self, trailers: Option<&Fields>) {
        self.writer.end(trailers);
    }

    /// The request cannot be completed. The connection must be closed by the caller; it is not reusable.
    pub fn abort(&mut self) {
        if self.writer.wrapping() != Wrapping::Ended {
            self.writer.note_fault("the request was abandoned");
        }
        self.writer.abandon();
    }

    /// Whether all of the request was written: handed to the output and consumed from there.
    pub fn request_sent(&self) -> bool {
        self.phase != Phase::Fresh && self.writer.wrapping() == Wrapping::Ended && self.writer.output_length() == 0
    }

    /// What we wrote wrongly, when we did: the connection is to be closed.
    pub fn fault(&self) -> Option<&'static str> {
        self.writer.fault()
    }

    // -- Output

    /// Bytes that wait to be written.
    pub fn output_length(&self) -> usize {
        self.writer.output_length()
    }

    /// Fills `slices` with what waits to be written, in order; answers how many it filled.
    pub fn output<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.writer.slices(slices)
    }

    /// So many bytes of the output were written.
    pub fn consume_output(&mut self, bytes: usize) {
        self.writer.consume(bytes);
    }

    // -- Response

    /// Where the driver appends what it read, and nothing else. While it is empty it may be taken or replaced.
    pub fn input(&mut self) -> &mut BytesMut {
        self.reader.buffer_mut()
    }

    /// Bytes were appended to the input.
    pub fn handle_input(&mut self) {
        self.reader.arrived();
    }

    /// The server will send no more.
    pub fn handle_end_of_input(&mut self) {
        self.reader.end();
    }

    /// Whether more input is of use; false stops the server by not reading it.
    pub fn wants_input(&self) -> bool {
        !self.reader.has_ended()
            && !matches!(self.phase, Phase::Tunnel | Phase::Failed(_))
            && self.reader.buffered().len() < self.limits.content.input_bytes_max
    }

    /// What came next. `head` is filled by [`ClientEvent::Informational`], [`ClientEvent::Response`] and
    /// [`ClientEvent::Upgraded`], and may be overwritten by any call while a response head is awaited.
    ///
    /// # Errors
    /// The upstream broke the rules, or left. The connection is not used again; every later call says the same.
    pub fn poll_event(&mut self, head: &mut ResponseHead) -> Result<Option<ClientEvent>, ResponseError> {
        let event = match self.phase {
            Phase::Failed(error) => return Err(error),
            Phase::Fresh if !self.reader.buffered().is_empty() => Err(ResponseError::Unsolicited),
            Phase::Fresh if self.reader.has_ended() => Err(ResponseError::NoResponse),
            Phase::Fresh | Phase::Finished | Phase::Tunnel => Ok(None),
            Phase::Awaiting => self.next_head(head),
            Phase::Content => self.next_content(),
        };
        if let Err(error) = event {
            self.phase = Phase::Failed(error);
        }
        event
    }

    fn next_head(&mut self, head: &mut ResponseHead) -> Result<Option<ClientEvent>, ResponseError> {
        let bounds = ResponseBounds {
            head_bytes_max: self.limits.head_bytes_max,
            field_line_bytes_max: self.limits.field_line_bytes_max,
            fields_max: self.limits.fields_max,
        };
        self.exchange.response_started |= !self.reader.buffered().is_empty();
        if self.reader.may_hold_head(bounds.head_bytes_max) {
            match response::decode(self.reader.buffered(), &bounds, head)? {
                Some(decoded) => return self.take_head(&decoded, head).map(Some),
                None => self.reader.note_incomplete_head(),
            }
        }
        match (self.reader.has_ended(), self.exchange.response_started) {
            (false, _) => Ok(None),
            (true, false) => Err(ResponseError::NoResponse),
            (true, true) => Err(ResponseError::Truncated),
        }
    }

    /// RFC 9112 §6.3: where a response ends.
    fn take_head(&mut self, decoded: &DecodedResponse, head: &ResponseHead) -> Result<ClientEvent, ResponseError> {
        let status = head.status;
        let framing = &decoded.framing;
        if status == Status::SWITCHING_PROTOCOLS || (self.exchange.method == Method::Connect && status.is_success()) {
            return self.take_switch(decoded, head);
        }
        if status.is_informational() {
            self.reader.begin_content(decoded.length, Framing::Finished, 0);
            self.exchange.informational += 1;
            let flood = self.exchange.informational > self.limits.informational_max;
            return if flood { Err(ResponseError::InformationalFlood) } else { Ok(ClientEvent::Informational) };
        }
        let never_content = self.exchange.method == Method::Head || status.forbids_content();
        let (content, body) = match (framing.chunked, framing.content_length) {
            _ if never_content => (Framing::Finished, BodyLength::None),
            (true, _) => (Framing::Chunked(Chunk::Line), BodyLength::Unknown),
            (false, Some(0)) => (Framing::Finished, BodyLength::None),
            (false, Some(length)) => (Framing::Sized(length), BodyLength::Known(length)),
            (false, None) => (Framing::UntilEnd, BodyLength::Unknown),
        };
        // RFC 9112 §9.3; and framing where none may be is a reason to trust nothing that follows.
        self.exchange.persistent &= !framing.close
            && (decoded.version == Version::Http11 || framing.keep_alive)
            && content != Framing::UntilEnd
            && !(status.forbids_content() && framing.chunked);
        self.reader.begin_content(decoded.length, content, self.limits.content.body_bytes_max);
        self.phase = if body == BodyLength::None { Phase::Finished } else { Phase::Content };
        Ok(ClientEvent::Response(body))
    }

    /// RFC 9110 §7.8: a server may switch only to what was offered.
    fn take_switch(&mut self, decoded: &DecodedResponse, head: &ResponseHead) -> Result<ClientEvent, ResponseError> {
        if head.status == Status::SWITCHING_PROTOCOLS {
            let offered = self.exchange.offered.as_deref().unwrap_or_default();
            let is_offered = |chosen: &[u8]| {
                offered.split(|byte| *byte == b',').any(|offer| offer.trim_ascii().eq_ignore_ascii_case(chosen))
            };
            let mut chosen = head.fields.members(FieldName::Upgrade);
            if !chosen.next().is_some_and(is_offered) || !chosen.all(is_offered) {
                return Err(ResponseError::UnwantedUpgrade);
            }
        }
        self.reader.begin_content(decoded.length, Framing::Finished, 0);
        self.exchange.persistent = false;
        self.phase = Phase::Tunnel;
        Ok(ClientEvent::Upgraded)
    }

    fn next_content(&mut self) -> Result<Option<ClientEvent>, ResponseError> {
        use crate::h1::wire::Malformed;
        Ok(match self.reader.next_piece(&self.limits.content) {
            Ok(Some(Piece::Data(data))) => Some(ClientEvent::Data(data)),
            Ok(Some(Piece::End(trailers))) => {
                self.phase = Phase::Finished;
                Some(ClientEvent::End(trailers))
            }
            Ok(None) => None,
            Err(Malformed::Truncated) => return Err(ResponseError::Truncated),
            Err(fault) => return Err(fault.into()),
        })
    }

    /// Whether a byte of a response to the current request has come.
    pub fn response_started(&self) -> bool {
        self.exchange.response_started || (self.phase == Phase::Awaiting && !self.reader.buffered().is_empty())
    }

    /// Whether the response is complete.
    pub fn response_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    // -- The end of the exchange

    /// Whether the connection may carry another request: complete both ways, kept alive, nothing unread, not ended.
    /// A fresh one may.
    pub fn is_reusable(&self) -> bool {
        matches!(self.phase, Phase::Fresh | Phase::Finished)
            && self.exchange.persistent
            && self.writer.wrapping() == Wrapping::Ended
            && self.writer.output_length() == 0
            && self.writer.fault().is_none()
            // RFC 9112 §9.2: bytes nobody asked for must not answer the next request.
            && self.reader.buffered().is_empty()
            && !self.reader.has_ended()
    }

    /// After [`ClientEvent::Upgraded`]: the bytes that were read beyond the head, once.
    pub fn take_tunnel(&mut self) -> Option<Bytes> {
        if self.phase != Phase::Tunnel || self.exchange.method == Method::Trace {
            return None;
        }
        // A tunnel is taken once; the method is not needed any more.
        self.exchange.method = Method::Trace;
        Some(self.reader.take_rest())
    }

    /// Gives back the memory of empty buffers.
    pub fn release_memory(&mut self) {
        self.reader.release_memory();
        self.writer.release_memory();
        self.exchange.offered = None;
    }
}

/// What of a request is decided by its connection.
#[derive(Clone, Copy)]
struct Options {
    absolute: bool,
    upgrade: bool,
    closes: bool,
}

fn write_request(out: &mut Vec<u8>, head: &RequestHead, wrapping: Wrapping, options: Options) {
    serialise::request_line(out, head, options.absolute);
    // RFC 9110 §7.2: Host first.
    let host = head.fields.get(FieldName::Host).unwrap_or_else(|| head.authority().as_bytes());
    serialise::line(out, FieldName::Host, host);
    serialise::field_lines(out, &head.fields, |field| {
        !is_made_here(field.known) || (options.upgrade && field.known == FieldName::Upgrade)
    });
    match wrapping {
        Wrapping::Sized(length) => serialise::number_line(out, FieldName::ContentLength, length),
        Wrapping::Chunked => serialise::line(out, FieldName::TransferEncoding, b"chunked"),
        // RFC 9110 §8.6: where the method expects content, its absence is said.
        _ if matches!(head.method, Method::Post | Method::Put | Method::Patch) => {
            serialise::number_line(out, FieldName::ContentLength, 0);
        }
        _ => {}
    }
    // RFC 9110 §10.1.4: TE goes no further than the next hop, and Connection says so.
    let trailers = head.fields.members(FieldName::Te).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    if trailers {
        serialise::line(out, FieldName::Te, b"trailers");
    }
    let connection: &[u8] = match (options.upgrade, trailers, options.closes) {
        (true, true, _) => b"upgrade, TE",
        (true, false, _) => b"upgrade",
        (false, true, true) => b"close, TE",
        (false, true, false) => b"TE",
        (false, false, true) => b"close",
        (false, false, false) => b"",
    };
    if !connection.is_empty() {
        serialise::line(out, FieldName::Connection, connection);
    }
    out.extend_from_slice(b"\r\n");
}

/// Fields that belong to this connection (RFC 9110 §7.6.1), and Host, which is written first.
const fn is_made_here(name: FieldName) -> bool {
    matches!(
        name,
        FieldName::Host
            | FieldName::Connection
            | FieldName::KeepAlive
            | FieldName::ProxyConnection
            | FieldName::Upgrade
            | FieldName::Http2Settings
            | FieldName::Te
            | FieldName::ContentLength
            | FieldName::TransferEncoding
    )
}
