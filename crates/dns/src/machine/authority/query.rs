//! Judging a message before it is answered: what is no query, what is malformed, what is not for us; and the
//! frame around every answer.

use crate::error::WireError;
use crate::limits::{HEADER_BYTES, NSID_BYTES_MAX, UDP_BYTES_WITHOUT_EDNS};
use crate::wire::edns::{ClientSubnet, Cookie, ExtendedError, OptionCode};
use crate::wire::rdata::Soa;
use crate::wire::{
    Class, Composer, Edns, Flags, Header, Message, Name, NameRef, Opcode, QuestionView, Rcode, RecordData, RecordType,
    Section,
};

use super::catalog::ZoneState;
use super::rate::{RateLimiter, Verdict};
use super::respond::{Answer, Kind, Responder};
use super::{AliasAnswer, Authority, NotifyQuery, Outcome, Request, TransferQuery, Transport};

/// What will be said in the OPT record of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extras<'m> {
    edns: Edns<'m>,
    cookie: Option<([u8; 8], [u8; 16])>,
    /// The client showed a cookie of ours, so its address is no forgery.
    cookie_valid: bool,
    subnet: Option<ClientSubnet>,
}

/// A message that could be read, with its one question.
#[derive(Clone, Copy)]
struct Query<'m> {
    message: Message<'m>,
    question: QuestionView<'m>,
    extras: Option<Extras<'m>>,
    request: &'m Request<'m>,
}

impl Authority {
    /// Answers a message into `buffer`, which should hold 65,535 bytes for a stream and as many as a UDP
    /// answer may have otherwise.
    pub fn handle(&mut self, request: &Request<'_>, buffer: &mut [u8]) -> Outcome {
        self.handle_with(request, None, buffer)
    }

    /// Answers a message again, now that its ALIAS has been resolved.
    pub fn handle_resolved(&mut self, request: &Request<'_>, alias: &AliasAnswer, buffer: &mut [u8]) -> Outcome {
        self.handle_with(request, Some(alias), buffer)
    }

    /// A reply without records, to any message that could be read: refusals, and the acknowledgement of
    /// NOTIFY and UPDATE by whoever handles those.
    pub fn reply(&mut self, request: &Request<'_>, rcode: Rcode, buffer: &mut [u8]) -> Outcome {
        let Ok(header) = Header::decode(request.message) else { return Outcome::Ignore };
        let Ok(message) = Message::decode(request.message) else {
            return head_only(header, Rcode::FORMERR, buffer);
        };
        let extras = self.extras(&message, request).unwrap_or_default();
        match message.question() {
            Some(question) => self.refuse(&Query { message, question, extras, request }, rcode, None, buffer),
            None => self.reply_without_question(&message, extras, request, rcode, buffer),
        }
    }

    fn handle_with(&mut self, request: &Request<'_>, alias: Option<&AliasAnswer>, buffer: &mut [u8]) -> Outcome {
        // An answer to an answer would be a loop between two servers.
        let Ok(header) = Header::decode(request.message) else { return Outcome::Ignore };
        if header.flags.contains(Flags::RESPONSE) {
            return Outcome::Ignore;
        }
        let opcode = header.flags.opcode();
        if !matches!(opcode, Opcode::QUERY | Opcode::NOTIFY | Opcode::UPDATE) {
            return head_only(header, Rcode::NOTIMP, buffer);
        }
        let message = match Message::decode(request.message) {
            Ok(message) if message.trailing() == 0 => message,
            Ok(_) => return head_only(header, Rcode::FORMERR, buffer),
            Err(error) => return head_only(header, error.rcode(), buffer),
        };
        let Ok(extras) = self.extras(&message, request) else {
            return head_only(header, Rcode::FORMERR, buffer);
        };
        let Some(question) = message.question() else {
            // RFC 7873 §5.4: without a question a client may ask for a cookie; otherwise RFC 9619: exactly one.
            let asks_cookie = header.counts == [0, 0, 0, 1] && extras.is_some_and(|extras| extras.cookie.is_some());
            if !asks_cookie || opcode != Opcode::QUERY {
                return head_only(header, Rcode::FORMERR, buffer);
            }
            return self.reply_without_question(&message, extras, request, Rcode::NOERROR, buffer);
        };
        let query = Query { message, question, extras, request };
        if extras.is_some_and(|extras| extras.edns.version() > 0) {
            // RFC 6891 §6.1.3.
            return self.refuse(&query, Rcode::BADVERS, None, buffer);
        }
        match opcode {
            Opcode::NOTIFY => self.notified(&query, buffer),
            Opcode::UPDATE => self.updated(&query, buffer),
            _ => self.query(&query, alias, buffer),
        }
    }

    /// Options that change the answer. A malformed one makes the message malformed.
    fn extras<'m>(&self, message: &Message<'m>, request: &Request<'_>) -> Result<Option<Extras<'m>>, WireError> {
        let Some(edns) = message.edns() else { return Ok(None) };
        let mut extras = Extras { edns, cookie: None, cookie_valid: false, subnet: edns.client_subnet().transpose()? };
        // RFC 7871 §6: a query has no scope.
        if extras.subnet.is_some_and(|subnet| subnet.scope_prefix != 0) {
            return Err(WireError::OptionMalformed);
        }
        let cookie = edns.cookie().transpose()?;
        if let (Some(cookie), Some(cookies)) = (cookie, &self.cookies) {
            extras.cookie_valid = cookies.is_valid(&cookie, request.source, request.wall);
            extras.cookie = Some((cookie.client, cookies.make(cookie.client, request.source, request.wall)));
        }
        Ok(Some(extras))
    }

    fn query(&mut self, query: &Query<'_>, alias: Option<&AliasAnswer>, buffer: &mut [u8]) -> Outcome {
        let (counts, record_type) = (query.message.header().counts, query.question.record_type);
        // An IXFR carries the asker's SOA in its authority section (RFC 1995 §3); other queries carry nothing.
        if counts[1] != 0 || (counts[2] != 0 && record_type != RecordType::IXFR) {
            return self.refuse(query, Rcode::FORMERR, None, buffer);
        }
        if query.question.class != Class::IN {
            return self.other_class(query, buffer);
        }
        if let Some((rcode, error)) = refusal_of(record_type, query.request.transport) {
            return self.refuse(query, rcode, error, buffer);
        }
        let asked = Asked::new(&query.question);
        let name = asked.name();
        let catalog = self.catalog.clone();
        // RFC 4035 §3.1.4.1: DS is the parent's to answer, when the parent is here, too.
        let parent = if record_type == RecordType::DS { catalog.find(name, true) } else { None };
        let Some(served) = parent.or_else(|| catalog.find(name, false)) else {
            return self.refuse(query, Rcode::REFUSED, Some(ExtendedError::NOT_AUTHORITATIVE), buffer);
        };
        if served.state != ZoneState::Serving {
            // RFC 1034 §4.3.5: what is too old is not answered from; the asker goes to another server.
            return self.refuse(query, Rcode::SERVFAIL, Some(ExtendedError::NOT_READY), buffer);
        }
        if matches!(record_type, RecordType::AXFR | RecordType::IXFR) {
            if *served.zone.apex() != name {
                return self.refuse(query, Rcode::NOTAUTH, None, buffer);
            }
            if query.request.transport == Transport::Stream {
                return self.transfer(query, name, buffer);
            }
        }
        // RFC 1995 §2: over UDP an IXFR that does not fit is answered with the SOA alone.
        let record_type = if record_type == RecordType::IXFR { RecordType::SOA } else { record_type };
        let answer =
            |responder: &mut Responder<'_, '_>| responder.answer(served, name, record_type, alias, query.request);
        self.respond(query, answer, buffer)
    }

    fn transfer(&mut self, query: &Query<'_>, name: NameRef<'_>, buffer: &mut [u8]) -> Outcome {
        let incremental = query.question.record_type == RecordType::IXFR;
        let from_serial = if incremental { soa_serial(query.message.authority(), name) } else { None };
        if incremental && from_serial.is_none() {
            return self.refuse(query, Rcode::FORMERR, None, buffer);
        }
        Outcome::Transfer(TransferQuery { zone: name.to_name(), from_serial, id: query.message.header().id })
    }

    /// `version.bind`, `id.server` and the like in class CH; everything else is refused.
    fn other_class(&mut self, query: &Query<'_>, buffer: &mut [u8]) -> Outcome {
        let name = query.question.name.to_name();
        let text = match name.to_lowercase().to_string().as_str() {
            "version.bind." | "version.server." => {
                self.settings.version.as_ref().map(|version| version.as_bytes().to_vec())
            }
            "id.server." | "hostname.bind." => self.settings.identity.clone(),
            _ => None,
        };
        let is_text = query.question.class == Class::CH && query.question.record_type == RecordType::TXT;
        let Some(text) = text.filter(|_| is_text) else {
            return self.refuse(query, Rcode::REFUSED, None, buffer);
        };
        let data = RecordData::txt(&text);
        let answer = |responder: &mut Responder<'_, '_>| {
            let head = (RecordType::TXT, Class::CH, 0);
            responder.composer.record(Section::Answer, name.borrowed(), head, data.wire())?;
            Ok(Answer { authoritative: true, ..Answer::default() })
        };
        self.respond(query, answer, buffer)
    }

    /// RFC 1996 §3: the question is the zone's SOA; the answer section may hold the new one.
    fn notified(&mut self, query: &Query<'_>, buffer: &mut [u8]) -> Outcome {
        let zone = query.question.name.to_name();
        if query.question.record_type != RecordType::SOA || query.question.class != Class::IN {
            return self.refuse(query, Rcode::FORMERR, None, buffer);
        }
        if self.catalog.get(&zone).is_none() {
            return self.refuse(query, Rcode::NOTAUTH, None, buffer);
        }
        let serial = soa_serial(query.message.answers(), zone.borrowed());
        Outcome::Notify(NotifyQuery { zone, serial })
    }

    /// RFC 2136 §3.1: the zone section names the zone by its SOA.
    fn updated(&mut self, query: &Query<'_>, buffer: &mut [u8]) -> Outcome {
        let zone = query.question.name.to_name();
        if query.question.record_type != RecordType::SOA {
            return self.refuse(query, Rcode::FORMERR, None, buffer);
        }
        if query.question.class != Class::IN || self.catalog.get(&zone).is_none() {
            return self.refuse(query, Rcode::NOTAUTH, None, buffer);
        }
        Outcome::Update(zone)
    }

    fn refuse(&mut self, query: &Query<'_>, rcode: Rcode, error: Option<ExtendedError>, buffer: &mut [u8]) -> Outcome {
        let kind = if rcode == Rcode::NOERROR { Kind::Data } else { Kind::Error };
        // RFC 1996 §3.7 and RFC 2136 §3.8 say nothing of AA; BIND sets it when it acknowledges a NOTIFY.
        let authoritative = query.message.header().flags.opcode() == Opcode::NOTIFY && rcode == Rcode::NOERROR;
        self.respond(query, |_| Ok(Answer { rcode, authoritative, kind, error, ..Answer::default() }), buffer)
    }

    fn reply_without_question(
        &mut self,
        message: &Message<'_>,
        extras: Option<Extras<'_>>,
        request: &Request<'_>,
        rcode: Rcode,
        buffer: &mut [u8],
    ) -> Outcome {
        let header = message.header();
        let Ok(mut composer) = Composer::new(buffer, &mut self.compressor) else { return Outcome::Ignore };
        composer.set_head(header.id, header.flags.reply().with_rcode(rcode));
        let answer = Answer { rcode, ..Answer::default() };
        if let Some(extras) = extras
            && write_opt(&mut composer, &extras, &answer, &self.settings, request).is_err()
        {
            return Outcome::Ignore;
        }
        Outcome::Reply(composer.finish())
    }

    /// The frame of every answer: header, question, what `write` writes, OPT; and the rate limit.
    fn respond<'b>(
        &'b mut self,
        query: &Query<'_>,
        write: impl FnOnce(&mut Responder<'b, '_>) -> Result<Answer, WireError>,
        buffer: &'b mut [u8],
    ) -> Outcome {
        let Query { message, question, extras, request } = *query;
        let header = message.header();
        let limit = self.limit(extras, request, buffer.len());
        let asked = Asked::new(&question);
        let Ok(mut composer) = Composer::new(buffer, &mut self.compressor) else { return Outcome::Ignore };
        composer.set_limit(limit);
        if composer.question(asked.name(), question.record_type, question.class).is_err() {
            return Outcome::Ignore;
        }
        let empty = composer.mark();
        // Whatever does not fit, the OPT record does (RFC 6891 §7).
        composer.set_limit(limit.saturating_sub(extras.map_or(0, |extras| opt_length(&extras, &self.settings))));
        let mut responder = Responder {
            composer,
            settings: &self.settings,
            with_dnssec: extras.is_some_and(|extras| extras.edns.dnssec_ok()),
            compact_ok: extras.is_some_and(|extras| extras.edns.compact_answers_ok()),
            subnet: extras.and_then(|extras| extras.subnet),
            truncated: false,
            ticket: header.id,
            unproven: Vec::new(),
        };
        let failed = |_| Answer { rcode: Rcode::SERVFAIL, kind: Kind::Error, ..Answer::default() };
        let mut answer = write(&mut responder).unwrap_or_else(failed);
        if let Some(query) = answer.alias {
            return Outcome::Resolve(query);
        }
        let Responder { mut composer, mut truncated, .. } = responder;
        match judge(&mut self.rate, query, asked.name(), &answer) {
            Verdict::Send => {}
            Verdict::Drop => return Outcome::Ignore,
            // Over its rate a client that knows cookies is asked for one, any other to come back over TCP.
            Verdict::Slip => {
                composer.rollback(empty);
                let knows_cookies = extras.is_some_and(|extras| extras.cookie.is_some());
                let rcode = if knows_cookies { Rcode::BADCOOKIE } else { Rcode::NOERROR };
                answer = Answer { rcode, ..Answer::default() };
                truncated = !knows_cookies;
            }
        }
        let flags = header.flags.reply().with_rcode(answer.rcode).with(Flags::AUTHORITATIVE, answer.authoritative);
        composer.set_head(header.id, flags.with(Flags::TRUNCATED, truncated));
        composer.set_limit(limit);
        if let Some(extras) = extras
            && write_opt(&mut composer, &extras, &answer, &self.settings, request).is_err()
        {
            return Outcome::Ignore;
        }
        Outcome::Reply(composer.finish())
    }

    fn limit(&self, extras: Option<Extras<'_>>, request: &Request<'_>, buffer: usize) -> usize {
        let limit = match (request.transport, extras) {
            (Transport::Stream, _) => buffer,
            // RFC 1035 §4.2.1.
            (Transport::Datagram, None) => UDP_BYTES_WITHOUT_EDNS,
            (Transport::Datagram, Some(extras)) => {
                usize::from(extras.edns.payload_bytes().min(self.settings.udp_bytes).max(512))
            }
        };
        limit.min(buffer).saturating_sub(request.reserve_bytes)
    }
}

/// Questions that are refused whatever they ask about.
const fn refusal_of(record_type: RecordType, transport: Transport) -> Option<(Rcode, Option<ExtendedError>)> {
    match record_type {
        // RFC 9824 §3.4 for NXNAME; the others stand only in messages.
        RecordType::NXNAME | RecordType::OPT | RecordType::TSIG | RecordType::TKEY => {
            Some((Rcode::FORMERR, Some(ExtendedError::INVALID_QUERY_TYPE)))
        }
        RecordType::MAILA | RecordType::MAILB => Some((Rcode::NOTIMP, None)),
        // RFC 5936 §4.2: not over UDP.
        RecordType::AXFR if matches!(transport, Transport::Datagram) => Some((Rcode::REFUSED, None)),
        _ => None,
    }
}

/// The rate limit's verdict. Only datagrams can be forged, and a valid cookie or signature says they were not.
fn judge(rate: &mut Option<RateLimiter>, query: &Query<'_>, name: NameRef<'_>, answer: &Answer) -> Verdict {
    let Query { question, extras, request, .. } = *query;
    let proven = extras.is_some_and(|extras| extras.cookie_valid) || request.authenticated;
    match rate {
        Some(rate) if request.transport == Transport::Datagram && !proven => {
            rate.judge(request.source, answer.kind_hash(name, question.record_type), request.now)
        }
        _ => Verdict::Send,
    }
}

/// The name asked about, in place where it is not compressed, as it hardly ever is.
struct Asked<'m> {
    plain: Option<NameRef<'m>>,
    expanded: Name,
}

impl<'m> Asked<'m> {
    fn new(question: &QuestionView<'m>) -> Self {
        let plain = question.name.plain();
        let expanded = if plain.is_some() { Name::root() } else { question.name.to_name() };
        Self { plain, expanded }
    }

    fn name(&self) -> NameRef<'_> {
        self.plain.unwrap_or_else(|| self.expanded.borrowed())
    }
}

/// A header alone, for what could not be read any further.
fn head_only(header: Header, rcode: Rcode, buffer: &mut [u8]) -> Outcome {
    let reply = Header { id: header.id, flags: header.flags.reply().with_rcode(rcode), counts: [0; 4] };
    match buffer.first_chunk_mut::<HEADER_BYTES>() {
        Some(head) => {
            *head = reply.encode();
            Outcome::Reply(HEADER_BYTES)
        }
        None => Outcome::Ignore,
    }
}

/// The serial of the zone's SOA among these records.
fn soa_serial(mut records: crate::wire::Records<'_>, zone: NameRef<'_>) -> Option<u32> {
    let soa = records.find(|record| record.record_type() == RecordType::SOA && record.owner().is(zone))?;
    Soa::decode(soa.data().ok()?.wire()).ok().map(|soa| soa.serial)
}

/// Bytes the OPT record will take at most.
fn opt_length(extras: &Extras<'_>, settings: &super::Settings) -> usize {
    let nsid = if extras.edns.nsid().is_some() {
        settings.identity.as_ref().map_or(0, |identity| 4 + identity.len().min(NSID_BYTES_MAX))
    } else {
        0
    };
    let cookie = if extras.cookie.is_some() { 4 + 24 } else { 0 };
    let subnet = if extras.subnet.is_some() { 4 + 20 } else { 0 };
    // Keep-alive, and an extended error without text.
    11 + nsid + cookie + subnet + 6 + 6
}

fn write_opt(
    composer: &mut Composer<'_>,
    extras: &Extras<'_>,
    answer: &Answer,
    settings: &super::Settings,
    request: &Request<'_>,
) -> Result<(), WireError> {
    composer.opt(settings.udp_bytes, answer.rcode, extras.edns.dnssec_ok(), |options| {
        if let (Some(identity), true) = (&settings.identity, extras.edns.nsid().is_some()) {
            options.option(OptionCode::NSID, &identity[..identity.len().min(NSID_BYTES_MAX)])?;
        }
        if let Some((client, server)) = &extras.cookie {
            options.cookie(&Cookie { client: *client, server })?;
        }
        if let Some(subnet) = extras.subnet {
            // RFC 7871 §7.2.1: the subnet comes back with how much of it mattered.
            options.client_subnet(&ClientSubnet { scope_prefix: answer.scope_prefix, ..subnet })?;
        }
        if let Some(error) = answer.error {
            options.extended_error(error, "")?;
        }
        // RFC 7828 §3.3.2: only over streams, where the client asked.
        let asked_idle = request.transport == Transport::Stream && extras.edns.keepalive().is_some();
        if let Some(idle) = settings.stream_idle.filter(|_| asked_idle) {
            options.keepalive(Some(idle))?;
        }
        // RFC 7830 §3: pad when the client pads; RFC 8467 §4.1: to 468 bytes. Only where it is encrypted does it
        // hide anything, and only streams can be.
        if extras.edns.pads() && request.transport == Transport::Stream {
            options.pad_to_block(468)?;
        }
        Ok(())
    })
}
