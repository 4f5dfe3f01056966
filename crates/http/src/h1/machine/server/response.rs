//! The response half of the server's machine: decides how a response is framed and what becomes of the connection
//! after it (RFC 9112 §6 and §9). Its heads are made here; its content goes to the writer.

use bytes::Bytes;

use super::{Exchange, Phase, ServerConnection};
use crate::h1::machine::writer::Wrapping;
use crate::h1::wire::{framing, serialise};
use crate::semantics::{BodyLength, FieldName, Fields, Method, ResponseHead, Status, Version};

impl ServerConnection {
    /// Sends an interim response (1xx but not 101). Does nothing for a client of HTTP/1.0, which knows none
    /// (RFC 9110 §15.2), and after the final head.
    pub fn send_informational(&mut self, head: &ResponseHead) {
        let interim = head.status.is_informational() && head.status != Status::SWITCHING_PROTOCOLS;
        if !interim
            || self.phase != Phase::Exchange
            || self.exchange.head_sent
            || self.exchange.version < Version::Http11
        {
            return;
        }
        if head.status == Status::CONTINUE {
            self.exchange.continue_owed = false;
        }
        self.writer.interject(|out| {
            serialise::status_line(out, head);
            serialise::field_lines(out, &head.fields, |field| !is_connection_field(field.known));
            out.extend_from_slice(b"\r\n");
        });
    }

    /// Sends the final head. Content-Length, Transfer-Encoding and Connection are made here from `body` and from
    /// what the request allows; those in `head` are left out, except that a Content-Length is kept where
    /// `body` is [`BodyLength::None`] and the response has no content by its nature (to HEAD, or 304).
    ///
    /// [`BodyLength::None`] ends the response at once. Otherwise [`send_end`](Self::send_end) does, after as
    /// much data as announced; data for HEAD, 204 and 304 is swallowed. 101 and a 2xx to CONNECT make it a
    /// tunnel: see [`take_tunnel`](Self::take_tunnel).
    pub fn send_head(&mut self, head: &ResponseHead, body: BodyLength) {
        if self.phase != Phase::Exchange || self.exchange.head_sent {
            return;
        }
        if self.is_switch(head.status) {
            return self.send_switch(head);
        }
        if head.status.is_informational() {
            // A final head that is interim would leave the client waiting: ours to answer for.
            return self.fail("an interim status was sent as the final one");
        }
        let wrapping = self.wrapping_for(head.status, body);
        self.settle_persistence(head.status, wrapping);
        self.exchange.head_sent = true;
        let (exchange, closing) = (self.exchange, self.closing);
        self.writer.begin(wrapping, |out| write_head(out, head, body, wrapping, &exchange, closing));
        if body == BodyLength::None {
            self.end_response();
        }
    }

    /// Sends content of the response.
    pub fn send_data(&mut self, data: Bytes) {
        if self.exchange.head_sent && !self.exchange.response_ended {
            self.writer.data(data);
            self.check_writer();
        }
    }

    /// Sends a copy of content of the response.
    #[inline]
    pub fn send_slice(&mut self, data: &[u8]) {
        if self.exchange.head_sent && !self.exchange.response_ended {
            self.writer.slice(data);
            self.check_writer();
        }
    }

    /// Ends the response. Trailers are sent when it is chunked, without the fields that may not be trailers.
    pub fn send_end(&mut self, trailers: Option<&Fields>) {
        if self.phase != Phase::Exchange || !self.exchange.head_sent || self.exchange.response_ended {
            return;
        }
        self.writer.end(trailers);
        if self.writer.fault().is_some() {
            return self.check_writer();
        }
        self.end_response();
    }

    /// The response cannot be completed: closes without a proper end, so that the client sees the truncation
    /// (RFC 9112 §8).
    pub fn abort(&mut self) {
        // Where only the close ends the content, a close would look like a proper end.
        self.broken |= self.writer.wrapping() == Wrapping::UntilClose;
        self.writer.abandon();
        self.exchange.response_ended = true;
        self.stop_reading();
        if self.phase != Phase::Closed {
            self.phase = Phase::Closing;
        }
    }

    /// Whether the final head of the current response was sent.
    pub fn response_started(&self) -> bool {
        self.phase == Phase::Exchange && self.exchange.head_sent
    }

    /// What we wrote wrongly, when we did: more or less content than announced. The response was aborted.
    pub fn fault(&self) -> Option<&'static str> {
        self.writer.fault()
    }

    #[inline]
    fn end_response(&mut self) {
        self.writer.abandon();
        self.exchange.response_ended = true;
        if self.reader.is_in_content() && !self.exchange.discarding {
            self.discard_body();
        }
    }

    fn check_writer(&mut self) {
        if self.writer.fault().is_some() {
            self.abort();
        }
    }

    fn fail(&mut self, fault: &'static str) {
        self.writer.note_fault(fault);
        self.abort();
    }

    fn is_switch(&self, status: Status) -> bool {
        match status {
            Status::SWITCHING_PROTOCOLS => self.exchange.upgrade,
            status => self.exchange.method == Method::Connect && status.is_success(),
        }
    }

    /// RFC 9110 §15.2.2 and §9.3.6: after this head the bytes are another protocol's.
    fn send_switch(&mut self, head: &ResponseHead) {
        let is_upgrade = head.status == Status::SWITCHING_PROTOCOLS;
        self.writer.begin(Wrapping::Ended, |out| {
            serialise::status_line(out, head);
            let keep = |name| !is_connection_field(name) || (is_upgrade && name == FieldName::Upgrade);
            serialise::field_lines(out, &head.fields, |field| keep(field.known) && !is_framing_field(field.known));
            if is_upgrade {
                serialise::line(out, FieldName::Connection, b"upgrade");
            }
            out.extend_from_slice(b"\r\n");
        });
        self.exchange.head_sent = true;
        self.exchange.response_ended = true;
        self.phase = Phase::Tunnel;
    }

    #[inline]
    fn wrapping_for(&self, status: Status, body: BodyLength) -> Wrapping {
        if self.exchange.method == Method::Head || status.forbids_content() {
            return Wrapping::Swallowed;
        }
        match body {
            BodyLength::None => Wrapping::Sized(0),
            BodyLength::Known(length) => Wrapping::Sized(length),
            // RFC 9112 §6.1: no Transfer-Encoding to a 1.0 client.
            BodyLength::Unknown if self.exchange.version < Version::Http11 => Wrapping::UntilClose,
            BodyLength::Unknown => Wrapping::Chunked,
        }
    }

    /// Decides whether the connection closes after this response, because its head must say so.
    #[inline]
    fn settle_persistence(&mut self, status: Status, wrapping: Wrapping) {
        let keeps = self.exchange.persistent
            && wrapping != Wrapping::UntilClose
            // A client may have sent tunnel bytes on the chance; they must not be read as requests.
            && (self.exchange.method != Method::Connect || status.is_success())
            && (!self.reader.is_in_content() || self.is_worth_draining());
        self.closing |= !keeps;
    }
}

/// Fields that belong to one connection and are made by the machine (RFC 9110 §7.6.1).
const fn is_connection_field(name: FieldName) -> bool {
    matches!(name, FieldName::Connection | FieldName::KeepAlive | FieldName::ProxyConnection | FieldName::Upgrade)
        || matches!(name, FieldName::TransferEncoding)
}

const fn is_framing_field(name: FieldName) -> bool {
    matches!(name, FieldName::ContentLength | FieldName::TransferEncoding)
}

fn write_head(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    body: BodyLength,
    wrapping: Wrapping,
    exchange: &Exchange,
    closing: bool,
) {
    serialise::status_line(out, head);
    // RFC 9110 §15.5.22: 426 must say what to upgrade to.
    let upgrade = head.status == Status::UPGRADE_REQUIRED && head.fields.contains(FieldName::Upgrade);
    serialise::field_lines(out, &head.fields, |field| {
        !(is_connection_field(field.known) || field.known == FieldName::ContentLength)
            || (upgrade && field.known == FieldName::Upgrade)
    });
    write_framing(out, head, body, wrapping, exchange);
    match (closing, upgrade) {
        (true, false) => serialise::line(out, FieldName::Connection, b"close"),
        (true, true) => serialise::line(out, FieldName::Connection, b"close, upgrade"),
        (false, true) => serialise::line(out, FieldName::Connection, b"upgrade"),
        // RFC 9112 §9.3: a 1.0 client must be told that its connection stays.
        (false, false) if exchange.version < Version::Http11 => {
            serialise::line(out, FieldName::Connection, b"keep-alive");
        }
        (false, false) => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the field that says where the content ends.
#[inline]
fn write_framing(out: &mut Vec<u8>, head: &ResponseHead, body: BodyLength, wrapping: Wrapping, exchange: &Exchange) {
    match wrapping {
        Wrapping::Sized(length) => serialise::number_line(out, FieldName::ContentLength, length),
        Wrapping::Chunked => serialise::line(out, FieldName::TransferEncoding, b"chunked"),
        Wrapping::UntilClose | Wrapping::Ended => {}
        // RFC 9110 §8.6: never in 1xx and 204; in a response to HEAD and in 304 the length that GET would have.
        Wrapping::Swallowed if head.status == Status::NO_CONTENT => {}
        Wrapping::Swallowed => {
            let given = || head.fields.get_single(FieldName::ContentLength).and_then(framing::decode_length);
            let length = match body {
                BodyLength::Known(length) if exchange.method == Method::Head => Some(length),
                BodyLength::None => given(),
                BodyLength::Known(_) | BodyLength::Unknown => None,
            };
            if let Some(length) = length {
                serialise::number_line(out, FieldName::ContentLength, length);
            }
        }
    }
}
