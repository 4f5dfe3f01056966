//! Whole field sections: requests, responses, trailers (RFC 9114 §4.1, §4.3). Called by `receive.rs`; a section that refers to
//! insertions that have not come is kept on its stream and given again.

use edgeway_base::Instant;

use super::connection::{Connection, Role};
use super::event::{Command, Event};
use super::streams::{Finish, Phase, RequestTrait};
use crate::binary::field_line::{SectionBounds, SectionFault};
use crate::binary::trouble::Offence;
use crate::binary::{Priority, RequestRules, RequestSection, ResponseSection, TrailerSection};
use crate::h3::error::{Error, ErrorCode};
use crate::h3::limits;
use crate::h3::wire::qpack::Decoded;
use crate::semantics::{BodyLength, FieldName, Fields, RequestHead, ResponseHead, Status, Version};

impl Connection {
    pub(super) fn take_section(&mut self, slot: u32, section: Vec<u8>, now: Instant) -> Result<(), Error> {
        let phase = self.streams.get(slot).phase;
        let decoded = match (phase, self.role) {
            (Phase::Head, Role::Server) => self.take_request(slot, &section, now)?,
            (Phase::Head, Role::Client) => self.take_response(slot, &section, now)?,
            _ => self.take_trailers(slot, &section, now)?,
        };
        if let Decoded::Blocked(required) = decoded {
            let blocked = self.streams.iter().filter(|stream| stream.blocked.is_some()).count();
            if blocked >= self.limits.blocked_streams_max {
                // RFC 9204 §2.1.2
                let code = ErrorCode(0x200);
                return Err(Error::connection(code, "more blocked streams than allowed"));
            }
            self.streams.get_mut(slot).blocked = Some((required, section));
            return Ok(());
        }
        self.put_qpack();
        Ok(())
    }

    const fn bounds(&self) -> SectionBounds {
        SectionBounds { count_max: self.limits.field_count_max, size_max: self.limits.section_size_max }
    }

    fn take_request(&mut self, slot: u32, section: &[u8], now: Instant) -> Result<Decoded, Error> {
        let id = self.streams.get(slot).id;
        let mut head = self.spare_requests.pop().unwrap_or_default();
        let extended_connect = self.limits.extended_connect;
        let rules = RequestRules { bounds: self.bounds(), version: Version::Http3, extended_connect };
        let mut lines = RequestSection::new(&mut head, &mut self.cookie, rules);
        if let blocked @ Decoded::Blocked(_) = self.decoder.decode(id, section, &mut lines)? {
            return Ok(blocked);
        }
        let size = match lines.finish(false) {
            Ok(size) => size,
            Err(SectionFault::TooLarge) => {
                self.refuse_too_large(slot, now)?;
                return Ok(Decoded::Whole);
            }
            Err(SectionFault::Malformed(_)) => return Err(Error::Stream(ErrorCode::MESSAGE_ERROR)),
        };
        let held: usize = self.streams.iter().map(|stream| stream.head_size).sum();
        if held + size > self.limits.header_memory_max {
            // Nothing was done, and it may be tried again (RFC 9114 §4.1.1); counted like any reset the peer leads us to.
            return Err(Error::Stream(ErrorCode::REQUEST_REJECTED));
        }
        let priority = self.priority_of(id, &head);
        let stream = self.streams.get_mut(slot);
        stream.priority = priority;
        stream.head_size = size;
        stream.phase = Phase::Content;
        stream.content_left = if let BodyLength::Known(length) = head.body { Some(length) } else { None };
        if stream.fin_came && stream.held.is_empty() && stream.content_left.unwrap_or(0) == 0 {
            head.body = BodyLength::None;
        }
        self.events.push_back(Event::Request { stream: id, head });
        Ok(Decoded::Whole)
    }

    /// RFC 9114 §4.2.2: 431, and no more of the request is read.
    fn refuse_too_large(&mut self, slot: u32, now: Instant) -> Result<(), Error> {
        let id = self.streams.get(slot).id;
        self.write_head(slot, &ResponseHead::new(Status::REQUEST_HEADER_FIELDS_TOO_LARGE));
        let stream = self.streams.get_mut(slot);
        stream.outgoing.finish = Finish::Wanted;
        stream.phase = Phase::Done;
        stream.held.clear();
        if !stream.fin_came {
            self.commands.push_back(Command::StopSending { stream: id, code: ErrorCode::NO_ERROR });
        }
        self.schedule(slot);
        Ok(self.trouble.add(Offence::SectionTooLarge, now)?)
    }

    /// RFC 9218 §7: a PRIORITY_UPDATE overrules the request's own field.
    fn priority_of(&mut self, id: u64, head: &RequestHead) -> Priority {
        let kept = self.idle_priorities.iter().position(|(stream, _)| *stream == id);
        let update = kept.and_then(|index| self.idle_priorities.remove(index)).map(|(_, priority)| priority);
        let field = || head.fields.get(FieldName::Priority).map(Priority::from_field);
        update.or_else(field).unwrap_or_default()
    }

    fn take_response(&mut self, slot: u32, section: &[u8], now: Instant) -> Result<Decoded, Error> {
        let id = self.streams.get(slot).id;
        let mut head = self.spare_responses.pop().unwrap_or_default();
        let mut lines = ResponseSection::new(&mut head, self.bounds());
        if let blocked @ Decoded::Blocked(_) = self.decoder.decode(id, section, &mut lines)? {
            return Ok(blocked);
        }
        let finished = lines.finish();
        let length = self.check_section(finished, now)?;
        let stream = self.streams.get_mut(slot);
        if head.status.is_informational() {
            stream.informational_count += 1;
            if stream.informational_count > limits::INFORMATIONAL_MAX {
                return Err(Error::Stream(ErrorCode::EXCESSIVE_LOAD));
            }
            self.events.push_back(Event::Informational { stream: id, head });
            return Ok(Decoded::Whole);
        }
        stream.phase = Phase::Content;
        // RFC 9110 §6.4.1
        stream.content_left = match stream.request {
            RequestTrait::Connect if head.status.is_success() => None,
            RequestTrait::Head => Some(0),
            _ if head.status.forbids_content() => Some(0),
            _ => length,
        };
        self.events.push_back(Event::Response { stream: id, head });
        Ok(Decoded::Whole)
    }

    fn take_trailers(&mut self, slot: u32, section: &[u8], now: Instant) -> Result<Decoded, Error> {
        let id = self.streams.get(slot).id;
        let mut trailers = Box::new(Fields::new());
        let mut lines = TrailerSection::new(&mut trailers, self.bounds());
        if let blocked @ Decoded::Blocked(_) = self.decoder.decode(id, section, &mut lines)? {
            return Ok(blocked);
        }
        let finished = lines.finish();
        self.check_section(finished, now)?;
        let stream = self.streams.get_mut(slot);
        if stream.content_left.is_some_and(|left| left > 0) {
            return Err(Error::Stream(ErrorCode::MESSAGE_ERROR));
        }
        stream.phase = Phase::Trailers;
        self.events.push_back(Event::End { stream: id, trailers: (!trailers.is_empty()).then_some(trailers) });
        Ok(Decoded::Whole)
    }

    fn check_section<T>(&mut self, finished: Result<T, SectionFault>, now: Instant) -> Result<T, Error> {
        finished.or_else(|fault| match fault {
            SectionFault::TooLarge => {
                self.trouble.add(Offence::SectionTooLarge, now)?;
                Err(Error::Stream(ErrorCode::EXCESSIVE_LOAD))
            }
            SectionFault::Malformed(_) => Err(Error::Stream(ErrorCode::MESSAGE_ERROR)),
        })
    }
}
