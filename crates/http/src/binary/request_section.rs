//! Field lines to a request head (RFC 9113 §8.3.1, RFC 9114 §4.3.1, RFC 8441). Fed by a field decoder; the
//! machine then hands the head on to the driver.

use super::field_line::{self, FieldLine, FieldSink, LineName, Malformed, Meter, SectionBounds, SectionFault};
use crate::semantics::{BodyLength, FieldName, Method, RequestHead, Scheme, TargetForm, Token, Version};

/// What the connection allows a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestRules {
    /// Bounds of the section.
    pub bounds: SectionBounds,
    /// The dialect it came in.
    pub version: Version,
    /// Whether we offered extended CONNECT (RFC 8441 §3, RFC 9220 §3).
    pub extended_connect: bool,
}

/// A request head being filled.
#[derive(Debug)]
pub struct RequestSection<'a> {
    head: &'a mut RequestHead,
    /// Cookie crumbs, joined (RFC 9113 §8.2.3).
    cookie: &'a mut Vec<u8>,
    cookie_is_sensitive: bool,
    rules: RequestRules,
    meter: Meter,
    fault: Option<Malformed>,
    seen: u8,
    has_fields: bool,
    content_length: Option<u64>,
}

const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const AUTHORITY: u8 = 4;
const PATH: u8 = 8;
const PROTOCOL: u8 = 16;

impl<'a> RequestSection<'a> {
    /// Fills `head`, which is cleared; `scratch` is memory to join cookies in.
    pub fn new(head: &'a mut RequestHead, scratch: &'a mut Vec<u8>, rules: RequestRules) -> Self {
        head.clear();
        head.version = rules.version;
        scratch.clear();
        Self {
            head,
            cookie: scratch,
            cookie_is_sensitive: false,
            rules,
            meter: Meter::new(rules.bounds),
            fault: None,
            seen: 0,
            has_fields: false,
            content_length: None,
        }
    }

    /// Judges the whole; `ends` says that no content follows. Gives the section's size in bytes.
    pub fn finish(mut self, ends: bool) -> Result<usize, SectionFault> {
        if self.meter.is_over() {
            return Err(SectionFault::TooLarge);
        }
        self.fault.map_or(Ok(()), Err).and_then(|()| self.complete(ends)).map_err(SectionFault::Malformed)?;
        Ok(self.meter.size())
    }

    fn complete(&mut self, ends: bool) -> Result<(), Malformed> {
        if !self.cookie.is_empty() {
            let cookie = FieldName::Cookie;
            self.head.fields.push_checked(cookie, cookie.lower().as_bytes(), self.cookie, self.cookie_is_sensitive);
        }
        self.reconcile_authority()?;
        self.check_pseudo_fields()?;
        self.head.body = match (ends, self.content_length) {
            // RFC 9113 §8.1.1: a length that is not the sum of the DATA makes the message malformed.
            (true, Some(1..)) => return Err(Malformed::ContentLength),
            (true, _) => BodyLength::None,
            (false, Some(length)) => BodyLength::Known(length),
            (false, None) => BodyLength::Unknown,
        };
        Ok(())
    }

    /// RFC 9113 §8.3.1: Host must not say another authority than `:authority`, and stands for it when alone.
    fn reconcile_authority(&mut self) -> Result<(), Malformed> {
        if !self.head.fields.contains(FieldName::Host) {
            return Ok(());
        }
        let host = self.head.fields.get_single(FieldName::Host).ok_or(Malformed::Authority)?.to_vec();
        if self.seen & AUTHORITY == 0 {
            return self.head.set_authority(&host).map_err(|_| Malformed::Authority);
        }
        let mut other = RequestHead::default();
        other.set_authority(&host).map_err(|_| Malformed::Authority)?;
        if other.authority() == self.head.authority() { Ok(()) } else { Err(Malformed::Authority) }
    }

    fn check_pseudo_fields(&mut self) -> Result<(), Malformed> {
        let expected = match (self.head.method, self.seen & PROTOCOL != 0) {
            // RFC 9113 §8.5: :scheme and :path are left out, :authority is the host and port to connect to.
            (Method::Connect, false) => {
                self.head.form = TargetForm::Authority;
                if self.head.port().is_none() {
                    return Err(Malformed::Authority);
                }
                METHOD | AUTHORITY
            }
            // RFC 8441 §4: with :protocol, :scheme and :path are back.
            (Method::Connect, true) if self.rules.extended_connect => METHOD | SCHEME | PATH | PROTOCOL,
            (_, true) => return Err(Malformed::Protocol),
            (_, false) => METHOD | SCHEME | PATH,
        };
        if self.seen & !AUTHORITY != expected & !AUTHORITY {
            return Err(Malformed::PseudoFieldSet);
        }
        // http and https have a mandatory authority (RFC 9110 §4.2.1), here or in Host.
        if self.head.host().is_empty() {
            return Err(Malformed::Authority);
        }
        if self.head.form == TargetForm::Asterisk && self.head.method != Method::Options {
            return Err(Malformed::Path);
        }
        Ok(())
    }

    fn take(&mut self, line: FieldLine<'_>) -> Result<(), Malformed> {
        if !line.sound {
            return Err(Malformed::Bytes);
        }
        match line.name {
            LineName::Field(name) => {
                self.has_fields = true;
                self.take_field(name, line)
            }
            // RFC 9113 §8.3: all pseudo-header fields come before all fields.
            _ if self.has_fields => Err(Malformed::PseudoField),
            name => self.take_pseudo(name, line.value),
        }
    }

    fn take_pseudo(&mut self, name: LineName, value: &[u8]) -> Result<(), Malformed> {
        let bit = match name {
            LineName::Method => METHOD,
            LineName::Scheme => SCHEME,
            LineName::Authority => AUTHORITY,
            LineName::Path => PATH,
            LineName::Protocol => PROTOCOL,
            _ => return Err(Malformed::PseudoField),
        };
        if self.seen & bit != 0 {
            return Err(Malformed::PseudoField);
        }
        self.seen |= bit;
        match bit {
            METHOD => self.head.method = Method::from_bytes(value).ok_or(Malformed::Method)?,
            SCHEME => self.head.scheme = scheme(value).ok_or(Malformed::Scheme)?,
            AUTHORITY => self.head.set_authority(value).map_err(|_| Malformed::Authority)?,
            PATH => {
                self.head.form = target_form(value).ok_or(Malformed::Path)?;
                self.head.set_target(value);
            }
            _ => self.head.protocol = Some(Token::from_bytes(value).ok_or(Malformed::Protocol)?),
        }
        Ok(())
    }

    fn take_field(&mut self, name: FieldName, line: FieldLine<'_>) -> Result<(), Malformed> {
        match name {
            FieldName::Cookie => {
                // RFC 9113 §8.2.3: crumbs are joined with "; " before anyone else sees them.
                if !self.cookie.is_empty() {
                    self.cookie.extend_from_slice(b"; ");
                }
                self.cookie.extend_from_slice(line.value);
                self.cookie_is_sensitive |= line.sensitive;
                return Ok(());
            }
            FieldName::ContentLength => {
                let repeated = self.content_length.is_some();
                self.content_length = Some(field_line::content_length(self.content_length, line.value)?);
                if repeated {
                    return Ok(());
                }
            }
            // RFC 9113 §8.2.2: TE may say `trailers` and nothing else.
            FieldName::Te if line.value != b"trailers" => return Err(Malformed::ConnectionField),
            name if field_line::is_connection_specific(name) => return Err(Malformed::ConnectionField),
            _ => {}
        }
        self.head.fields.push_checked(name, line.text, line.value, line.sensitive);
        Ok(())
    }
}

impl FieldSink for RequestSection<'_> {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.meter.add(&line);
        if self.meter.is_over() {
            return !self.meter.is_hopeless();
        }
        if self.fault.is_none() {
            self.fault = self.take(line).err();
        }
        true
    }
}

/// RFC 9113 §8.3.1: a path with or without a query, or the asterisk of OPTIONS. A fragment is never sent; spaces and controls
/// would split an HTTP/1.1 request line.
fn target_form(target: &[u8]) -> Option<TargetForm> {
    // No early exit: the compiler then looks at sixteen bytes at a time.
    let is_sound = target.iter().fold(true, |sound, byte| sound & (*byte > 0x20) & (*byte < 0x7f) & (*byte != b'#'));
    match target {
        [b'/', ..] if is_sound => Some(TargetForm::Origin),
        b"*" => Some(TargetForm::Asterisk),
        _ => None,
    }
}

/// RFC 3986 §3.1: schemes are compared in any case.
const fn scheme(value: &[u8]) -> Option<Scheme> {
    if value.eq_ignore_ascii_case(b"https") {
        Some(Scheme::Https)
    } else if value.eq_ignore_ascii_case(b"http") {
        Some(Scheme::Http)
    } else {
        None
    }
}
