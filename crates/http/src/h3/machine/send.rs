//! The verbs of sending, and whose bytes QUIC is to take next. Called by the faces for their driver.

use bytes::Bytes;

use super::connection::{Connection, Role};
use super::event::Event;
use super::streams::{Finish, Phase, RequestTrait, Stream};
use crate::binary::{LineName, Priority};
use crate::h3::limits;
use crate::h3::wire::frame::{self, kind, stream_kind};
use crate::h3::wire::qpack::SectionWriter;
use crate::h3::wire::variable_integer;
use crate::semantics::{Fields, Method, RequestHead, ResponseHead};

impl Connection {
    /// A 1xx, before the final head.
    pub(super) fn send_informational(&mut self, id: u64, head: &ResponseHead) -> bool {
        let Some(slot) = self.find_open(id).filter(|slot| !self.streams.get(*slot).head_sent) else { return false };
        self.write_head(slot, head);
        true
    }

    pub(super) fn send_head(&mut self, id: u64, head: &ResponseHead, end: bool) -> bool {
        let Some(slot) = self.find_open(id).filter(|slot| !self.streams.get(*slot).head_sent) else { return false };
        self.streams.get_mut(slot).head_sent = true;
        self.write_head(slot, head);
        if end {
            self.finish(slot);
        }
        true
    }

    pub(super) fn write_head(&mut self, slot: u32, head: &ResponseHead) {
        let code = head.status.code();
        let digits = [b'0' + (code / 100) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8];
        self.write_section(slot, |writer| {
            writer.pseudo(LineName::Status, ":status", &digits);
            writer.fields(&head.fields);
        });
    }

    pub(super) fn send_data(&mut self, id: u64, data: Bytes) -> bool {
        let Some(slot) = self.find_open(id).filter(|slot| self.streams.get(*slot).head_sent) else { return false };
        if !data.is_empty() {
            let mut head = Vec::with_capacity(9);
            frame::write_head(kind::DATA, data.len(), &mut head);
            let outgoing = &mut self.streams.get_mut(slot).outgoing;
            outgoing.push(Bytes::from(head));
            outgoing.push(data);
            outgoing.wants_room |= outgoing.len() >= self.limits.stream_backlog;
            self.schedule(slot);
        }
        true
    }

    pub(super) fn send_end(&mut self, id: u64, trailers: Option<&Fields>) -> bool {
        let Some(slot) = self.find_open(id).filter(|slot| self.streams.get(*slot).head_sent) else { return false };
        if let Some(fields) = trailers.filter(|fields| !fields.is_empty()) {
            self.write_section(slot, |writer| writer.fields(fields));
        }
        self.finish(slot);
        true
    }

    /// A request of ours, on a stream QUIC has just opened.
    pub(super) fn open(&mut self, id: u64, head: &RequestHead, end: bool) -> bool {
        let may = self.may_open() && (head.protocol.is_none() || self.peer.extended_connect);
        if !may || self.streams.find(id).is_some() {
            return false;
        }
        let mut stream = Stream::new(id, Phase::Head);
        stream.head_sent = true;
        stream.request = match head.method {
            Method::Head => RequestTrait::Head,
            Method::Connect => RequestTrait::Connect,
            _ => RequestTrait::Ordinary,
        };
        let slot = self.streams.insert(stream);
        self.write_section(slot, |writer| write_request(writer, head));
        if end {
            self.finish(slot);
        }
        true
    }

    pub(super) const fn may_open(&self) -> bool {
        !self.is_over() && self.refused_from.is_none() && self.peer_goaway.is_none()
    }

    /// Whether the client takes a push now.
    pub(super) fn may_push(&self) -> bool {
        self.role == Role::Server
            && self.may_open()
            && self.next_push < self.push_limit
            && self.streams.iter().filter(|stream| stream.push.is_some()).count() < limits::PUSHES_MAX
    }

    /// Promises the response to `head` (RFC 9114 §4.6), on the unidirectional stream `push_stream` QUIC has just opened.
    pub(super) fn push(&mut self, id: u64, head: &RequestHead, push_stream: u64) -> bool {
        let Some(slot) = self.find_open(id).filter(|_| self.may_push() && head.method.is_safe()) else { return false };
        let number = self.next_push;
        self.next_push += 1;
        let mut payload = Vec::new();
        variable_integer::encode(number, &mut payload);
        self.encoder.encode(id, &mut payload, |writer| write_request(writer, head));
        let mut promise = Vec::new();
        frame::write(kind::PUSH_PROMISE, &payload, &mut promise);
        self.put(slot, Bytes::from(promise));
        self.put_qpack();
        let mut begin = vec![stream_kind::PUSH as u8];
        variable_integer::encode(number, &mut begin);
        let mut stream = Stream::new(push_stream, Phase::Done);
        let priority = self.streams.get(slot).priority;
        // What is pushed is wanted no sooner than what it goes with, unless the client says otherwise.
        stream.priority = Priority { urgency: (priority.urgency + 1).min(Priority::URGENCY_MAX), ..priority };
        stream.push = Some(number);
        let slot = self.streams.insert(stream);
        self.put(slot, Bytes::from(begin));
        true
    }

    pub(super) fn send_capacity(&mut self, id: u64) -> usize {
        let limit = self.limits.stream_backlog;
        let Some(slot) = self.find_open(id) else { return 0 };
        let outgoing = &mut self.streams.get_mut(slot).outgoing;
        let capacity = limit.saturating_sub(outgoing.len());
        outgoing.wants_room |= capacity == 0;
        capacity
    }

    pub(super) fn set_priority(&mut self, id: u64, priority: Priority) {
        let Some(slot) = self.streams.find(id) else { return };
        self.streams.get_mut(slot).priority = priority;
        self.schedule(slot);
    }

    fn find_open(&self, id: u64) -> Option<u32> {
        self.streams.find(id).filter(|slot| self.streams.get(*slot).outgoing.finish == Finish::Open)
    }

    fn finish(&mut self, slot: u32) {
        self.streams.get_mut(slot).outgoing.finish = Finish::Wanted;
        self.schedule(slot);
    }

    fn write_section(&mut self, slot: u32, lines: impl FnOnce(&mut SectionWriter<'_>)) {
        let id = self.streams.get(slot).id;
        let (mut section, mut out) = (Vec::new(), Vec::new());
        self.encoder.encode(id, &mut section, lines);
        frame::write(kind::HEADERS, &section, &mut out);
        self.put_qpack();
        self.put(slot, Bytes::from(out));
    }

    // ---- what QUIC takes ----

    /// The stream whose bytes go next.
    pub(super) fn next_to_send(&self) -> Option<u64> {
        self.scheduler.next().map(|slot| self.streams.get(slot).id)
    }

    /// The next bytes of a stream; `None`: only its FIN is left.
    pub(super) fn front(&self, id: u64) -> Option<&Bytes> {
        self.streams.find(id).and_then(|slot| self.streams.get(slot).outgoing.front())
    }

    pub(super) fn sent(&mut self, id: u64, bytes: usize) {
        let Some(slot) = self.streams.find(id) else { return };
        let low = self.limits.stream_backlog / 2;
        let outgoing = &mut self.streams.get_mut(slot).outgoing;
        outgoing.advance(bytes);
        if outgoing.wants_room && outgoing.len() <= low && outgoing.finish == Finish::Open {
            outgoing.wants_room = false;
            self.events.push_back(Event::Writable { stream: id });
        }
        if self.scheduler.is_waiting(slot) {
            self.scheduler.rotate(slot);
        }
        self.schedule(slot);
    }

    pub(super) fn finished(&mut self, id: u64) {
        let Some(slot) = self.streams.find(id) else { return };
        self.streams.get_mut(slot).outgoing.finish = Finish::Done;
        self.schedule(slot);
        self.remove_if_over(slot);
    }

    pub(super) fn set_blocked(&mut self, id: u64, is_blocked: bool) {
        let Some(slot) = self.streams.find(id) else { return };
        self.streams.get_mut(slot).outgoing.is_blocked = is_blocked;
        self.schedule(slot);
    }
}

/// RFC 9114 §4.3.1, §4.4; RFC 9220 §3.
fn write_request(writer: &mut SectionWriter<'_>, head: &RequestHead) {
    writer.pseudo(LineName::Method, ":method", head.method.as_str().as_bytes());
    let is_tunnel = head.method == Method::Connect && head.protocol.is_none();
    if !is_tunnel {
        writer.pseudo(LineName::Scheme, ":scheme", head.scheme.as_str().as_bytes());
    }
    writer.pseudo(LineName::Authority, ":authority", head.authority().as_bytes());
    if !is_tunnel {
        let target = if head.target().is_empty() { "/" } else { head.target() };
        writer.pseudo(LineName::Path, ":path", target.as_bytes());
    }
    if let Some(protocol) = &head.protocol {
        writer.pseudo(LineName::Protocol, ":protocol", protocol.as_str().as_bytes());
    }
    writer.request_fields(&head.fields);
}
