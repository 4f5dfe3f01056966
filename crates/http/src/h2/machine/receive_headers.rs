//! Whole field blocks: requests, responses, trailers, promises (RFC 9113 §8.1, §8.4). Called by `receive.rs`. Whatever comes
//! of a message, its block is decoded, for the decoder's table must stay in step (RFC 9113 §4.3).

use edgeway_base::Instant;

use super::assembly::BlockOwner;
use super::connection::Connection;
use super::event::Event;
use super::settings::Role;
use super::streams::{Absence, Ending, RequestTrait, Slot, State, Stream};
use crate::binary::field_line::{DiscardedSection, SectionBounds, SectionFault};
use crate::binary::trouble::Offence;
use crate::binary::{FieldSink, Priority, RequestRules, RequestSection, ResponseSection, TrailerSection};
use crate::h2::error::{Error, ErrorCode};
use crate::h2::limits;
use crate::h2::wire::StreamId;
use crate::h2::wire::frame::OldPriority;
use crate::h2::wire::hpack::{Decoder, HpackError};
use crate::semantics::{BodyLength, FieldName, Fields, RequestHead, ResponseHead, Status, Version};

impl Connection {
    pub(super) fn take_block(&mut self, owner: BlockOwner, block: &[u8], now: Instant) -> Result<(), Error> {
        match owner {
            BlockOwner::Headers { stream, ends, priority } => {
                // RFC 7540 §5.3.1; the block is decoded first, whatever becomes of the stream.
                let depends_on_itself = priority.is_some_and(|old| old.dependency == stream);
                match self.streams.find(stream) {
                    Some(slot) => self.take_headers_again(slot, ends, block, now)?,
                    None if self.streams.absence(stream) != Absence::Idle => {
                        self.take_late_headers(stream, block, now)?
                    }
                    None => self.take_new_headers(stream, ends, priority, block, now)?,
                }
                if depends_on_itself && self.streams.find(stream).is_some() {
                    return Err(Error::stream(stream, ErrorCode::PROTOCOL_ERROR, "a stream depends on itself"));
                }
                Ok(())
            }
            BlockOwner::Promise { stream, promised } => self.take_promise(stream, promised, block, now),
        }
    }

    /// HEADERS on an open stream: a response, or trailers.
    fn take_headers_again(&mut self, slot: Slot, ends: bool, block: &[u8], now: Instant) -> Result<(), Error> {
        let stream = self.streams.get(slot);
        let id = stream.id;
        if stream.state == State::ReservedLocal || (self.role == Role::Server && self.streams.is_ours(id)) {
            // RFC 9113 §5.1, reserved (local): a client never sends HEADERS on a stream of ours.
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "HEADERS on a promised stream"));
        }
        let may_come = stream.state.peer_may_send() || stream.state == State::ReservedRemote;
        if !may_come {
            self.discard(block)?;
            // RFC 9113 §5.1, half-closed (remote).
            return Err(Error::stream(id, ErrorCode::STREAM_CLOSED, "HEADERS after the end of the stream"));
        }
        match stream.head_received {
            true => self.take_trailers(slot, ends, block, now),
            false => self.take_response(slot, ends, block, now),
        }
    }

    /// HEADERS on a stream that has ended.
    fn take_late_headers(&mut self, id: StreamId, block: &[u8], now: Instant) -> Result<(), Error> {
        self.discard(block)?;
        let is_reuse = self.streams.absence(id) == Absence::Forgotten
            || (self.streams.absence(id) == Absence::Ended(Ending::Finished) && !self.streams.was_used(id));
        if is_reuse {
            // RFC 9113 §5.1.1: numbers only grow.
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "a stream number used again"));
        }
        self.check_late_frame(id, now).map(drop)
    }

    /// HEADERS on an idle stream: a request.
    fn take_new_headers(
        &mut self,
        id: StreamId,
        ends: bool,
        priority: Option<OldPriority>,
        block: &[u8],
        now: Instant,
    ) -> Result<(), Error> {
        if self.role == Role::Client || !id.is_of_client() {
            return Err(Error::connection(ErrorCode::PROTOCOL_ERROR, "HEADERS on a stream the peer cannot open"));
        }
        self.streams.note_peer_stream(id);
        if !self.shutdown.takes_new_streams() {
            // RFC 9113 §6.8: ignored, for our GOAWAY has told the peer.
            self.discard(block)?;
            self.streams.remember(id, Ending::ResetByUs);
            return Ok(self.trouble.add(Offence::LateFrame, now)?);
        }
        if self.streams.peer_count() >= self.limits.streams_max {
            self.discard(block)?;
            return self.refuse(id, now);
        }
        self.take_request(id, ends, priority, block, now)
    }

    fn take_request(
        &mut self,
        id: StreamId,
        ends: bool,
        priority: Option<OldPriority>,
        block: &[u8],
        now: Instant,
    ) -> Result<(), Error> {
        let mut head = self.spare_requests.pop().unwrap_or_default();
        let rules = self.request_rules();
        let mut section = RequestSection::new(&mut head, &mut self.cookie, rules);
        decode(&mut self.decoder, block, &mut section)?;
        let size = match section.finish(ends) {
            Ok(size) if self.streams.header_memory() + size > self.limits.header_memory_max => {
                return self.refuse(id, now);
            }
            Ok(size) => size,
            Err(SectionFault::TooLarge) => return self.refuse_too_large(id, ends, now),
            Err(SectionFault::Malformed(malformed)) => {
                return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, malformed.as_str()));
            }
        };
        let state = if ends { State::HalfClosedRemote } else { State::Open };
        let mut stream = Stream::new(id, state, self.peer.initial_window, self.initial_receive_window());
        stream.priority = self.priority_of(id, &head, priority);
        stream.head_size = size;
        stream.head_received = true;
        stream.content_left = if let BodyLength::Known(length) = head.body { Some(length) } else { None };
        self.streams.insert(stream);
        self.events.push_back(Event::Request { stream: id, head, end: ends });
        Ok(())
    }

    fn request_rules(&self) -> RequestRules {
        RequestRules {
            bounds: self.bounds(),
            version: Version::Http2,
            extended_connect: self.role == Role::Server && self.limits.extended_connect,
        }
    }

    const fn bounds(&self) -> SectionBounds {
        SectionBounds { count_max: self.limits.field_count_max, size_max: self.limits.section_size_max }
    }

    /// RFC 9218 §7: a PRIORITY_UPDATE overrules the Priority field; an old priority counts when there is neither.
    fn priority_of(&mut self, id: StreamId, head: &RequestHead, old: Option<OldPriority>) -> Priority {
        let field = || head.fields.get(FieldName::Priority).map(Priority::from_field);
        let update = self.ranks.take_update(id).or_else(field);
        let old = old.filter(|_| !self.peer.no_old_priorities);
        update.or_else(|| old.map(|old| self.read_old_priority(old))).unwrap_or_default()
    }

    /// RFC 9113 §8.7: REFUSED_STREAM says that nothing was done.
    fn refuse(&mut self, id: StreamId, now: Instant) -> Result<(), Error> {
        self.break_stream(id, ErrorCode::REFUSED_STREAM);
        Ok(self.trouble.add(Offence::Refused, now)?)
    }

    /// RFC 9113 §10.5.1: 431, and no more of the request's content.
    fn refuse_too_large(&mut self, id: StreamId, ends: bool, now: Instant) -> Result<(), Error> {
        self.write_response_head(id, &ResponseHead::new(Status::REQUEST_HEADER_FIELDS_TOO_LARGE), true);
        if ends {
            self.streams.remember(id, Ending::Finished);
        } else {
            self.break_stream(id, ErrorCode::NO_ERROR);
        }
        Ok(self.trouble.add(Offence::SectionTooLarge, now)?)
    }

    fn take_trailers(&mut self, slot: Slot, ends: bool, block: &[u8], now: Instant) -> Result<(), Error> {
        let bounds = self.bounds();
        let mut trailers = Box::new(Fields::new());
        let mut section = TrailerSection::new(&mut trailers, bounds);
        decode(&mut self.decoder, block, &mut section)?;
        let finished = section.finish();
        let stream = self.streams.get(slot);
        let id = stream.id;
        self.check_section(id, finished, now)?;
        let stream = self.streams.get(slot);
        if !ends {
            // RFC 9113 §8.1: a second section ends the stream, or the message is malformed.
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "trailers without END_STREAM"));
        }
        if stream.content_left.is_some_and(|left| left > 0) {
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "content is shorter than Content-Length says"));
        }
        self.end_peer_side(id, (!trailers.is_empty()).then_some(trailers));
        Ok(())
    }

    fn check_section<T>(&mut self, id: StreamId, finished: Result<T, SectionFault>, now: Instant) -> Result<T, Error> {
        finished.or_else(|fault| match fault {
            SectionFault::TooLarge => {
                self.trouble.add(Offence::SectionTooLarge, now)?;
                Err(Error::stream(id, ErrorCode::ENHANCE_YOUR_CALM, "field section too large"))
            }
            SectionFault::Malformed(malformed) => Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, malformed.as_str())),
        })
    }

    // ---- client ----

    fn take_response(&mut self, slot: Slot, ends: bool, block: &[u8], now: Instant) -> Result<(), Error> {
        let bounds = self.bounds();
        let mut head = self.spare_responses.pop().unwrap_or_default();
        let mut section = ResponseSection::new(&mut head, bounds);
        decode(&mut self.decoder, block, &mut section)?;
        let finished = section.finish();
        let id = self.streams.get(slot).id;
        let length = self.check_section(id, finished, now)?;
        if head.status.is_informational() {
            return self.take_informational(slot, ends, head);
        }
        let stream = self.streams.get_mut(slot);
        stream.content_left = expected_content(stream.request, head.status, length);
        if ends && stream.content_left.is_some_and(|left| left > 0) {
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "content is shorter than Content-Length says"));
        }
        stream.head_received = true;
        if stream.state == State::ReservedRemote {
            stream.state = State::HalfClosedLocal;
        }
        self.events.push_back(Event::Response { stream: id, head, end: ends });
        if ends {
            self.close_peer_side(id);
        }
        Ok(())
    }

    fn take_informational(&mut self, slot: Slot, ends: bool, head: Box<ResponseHead>) -> Result<(), Error> {
        let stream = self.streams.get_mut(slot);
        let id = stream.id;
        stream.informational_count += 1;
        if ends {
            // RFC 9113 §8.1: a 1xx response never ends a stream.
            return Err(Error::stream(id, ErrorCode::PROTOCOL_ERROR, "END_STREAM on a 1xx response"));
        }
        if stream.informational_count > limits::INFORMATIONAL_MAX {
            return Err(Error::stream(id, ErrorCode::ENHANCE_YOUR_CALM, "too many 1xx responses"));
        }
        self.events.push_back(Event::Informational { stream: id, head });
        Ok(())
    }

    /// RFC 9113 §6.6, §8.4.
    fn take_promise(&mut self, id: StreamId, promised: StreamId, block: &[u8], now: Instant) -> Result<(), Error> {
        let fault = |reason| Err(Error::connection(ErrorCode::PROTOCOL_ERROR, reason));
        if self.role == Role::Server || !self.limits.push {
            return fault("PUSH_PROMISE where push is not allowed");
        }
        if promised.is_of_client() || promised.is_connection() || promised <= self.streams.peer_last() {
            return fault("PUSH_PROMISE of a stream that cannot be promised");
        }
        self.streams.note_peer_stream(promised);
        let mut head = self.spare_requests.pop().unwrap_or_default();
        let rules = self.request_rules();
        let mut section = RequestSection::new(&mut head, &mut self.cookie, rules);
        decode(&mut self.decoder, block, &mut section)?;
        let finished = section.finish(true);
        let Some(slot) = self.streams.find(id) else {
            // RFC 9113 §5.1: promised before the server heard of our reset.
            self.check_late_frame(id, now)?;
            self.break_stream(promised, ErrorCode::CANCEL);
            return Ok(());
        };
        if !self.streams.get(slot).state.peer_may_send() {
            return fault("PUSH_PROMISE on a stream the server has ended");
        }
        self.check_section(promised, finished, now)?;
        // RFC 9113 §8.4: only safe requests without content are promised.
        if !head.method.is_safe() {
            return Err(Error::stream(promised, ErrorCode::PROTOCOL_ERROR, "promise of an unsafe request"));
        }
        if self.streams.peer_count() >= self.limits.streams_max {
            return self.refuse(promised, now);
        }
        let mut stream =
            Stream::new(promised, State::ReservedRemote, self.peer.initial_window, self.initial_receive_window());
        stream.request = request_trait(&head);
        self.streams.insert(stream);
        self.events.push_back(Event::Promise { stream: id, promised, head });
        Ok(())
    }

    fn discard(&mut self, block: &[u8]) -> Result<(), Error> {
        let mut section = DiscardedSection::new(self.bounds());
        decode(&mut self.decoder, block, &mut section)
    }
}

fn decode(decoder: &mut Decoder, block: &[u8], sink: &mut impl FieldSink) -> Result<(), Error> {
    decoder.decode(block, sink).map_err(|error| match error {
        HpackError::Abandoned => Error::connection(ErrorCode::ENHANCE_YOUR_CALM, error.as_str()),
        // RFC 9113 §4.3: the connection is lost with its tables.
        _ => Error::connection(ErrorCode::COMPRESSION_ERROR, error.as_str()),
    })
}

/// What of the request its response must be read by.
pub(super) fn request_trait(head: &RequestHead) -> RequestTrait {
    use crate::semantics::Method;
    match head.method {
        Method::Head => RequestTrait::Head,
        Method::Connect => RequestTrait::Connect,
        _ => RequestTrait::Ordinary,
    }
}

/// RFC 9110 §6.4.1: how much content may come, when the head says so.
fn expected_content(request: RequestTrait, status: Status, length: Option<u64>) -> Option<u64> {
    match request {
        RequestTrait::Connect if status.is_success() => None,
        RequestTrait::Head => Some(0),
        _ if status.forbids_content() => Some(0),
        _ => length,
    }
}
