//! One decoded field line, and the rules every field line of a binary dialect obeys (RFC 9113 §8.2, RFC 9114
//! §4.2). Made by the field decoders, which judge a line once when it enters a table; taken by the sections.

use crate::semantics::FieldName;
use crate::semantics::method::is_token_byte;

/// The name of a field line: a pseudo-header field or a field by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineName {
    /// `:method`
    Method,
    /// `:scheme`
    Scheme,
    /// `:authority`
    Authority,
    /// `:path`
    Path,
    /// `:protocol` (RFC 8441 §4)
    Protocol,
    /// `:status`
    Status,
    /// Any other name that begins with a colon.
    UnknownPseudo,
    /// A field; [`FieldName::Other`] when only its text is known.
    Field(FieldName),
}

impl LineName {
    /// Looks a name up.
    pub fn from_bytes(name: &[u8]) -> Self {
        match name {
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            b":authority" => Self::Authority,
            b":path" => Self::Path,
            b":protocol" => Self::Protocol,
            b":status" => Self::Status,
            [b':', ..] => Self::UnknownPseudo,
            _ => Self::Field(FieldName::from_bytes(name)),
        }
    }
}

/// One field line as it left a decoder.
#[derive(Clone, Copy, Debug)]
pub struct FieldLine<'a> {
    /// Its name, looked up.
    pub name: LineName,
    /// Its name's bytes.
    pub text: &'a [u8],
    /// Its value's bytes.
    pub value: &'a [u8],
    /// Sent as never to be indexed (RFC 7541 §6.2.3).
    pub sensitive: bool,
    /// Whether name and value obey [`is_sound`]: judged once for an entry of a table, however often it is used.
    pub sound: bool,
}

impl FieldLine<'_> {
    /// Size as RFC 9113 §6.5.2 counts it.
    pub const fn size(&self) -> usize {
        self.text.len() + self.value.len() + 32
    }
}

/// Takes the field lines of one section, in order.
pub trait FieldSink {
    /// Takes one. `false`: this section has gone so far beyond its bounds that it is not worth decoding on.
    fn field(&mut self, line: FieldLine<'_>) -> bool;
}

/// Whether a line's bytes are allowed: a lower-case token, or a pseudo-header field's name, and a value without
/// control characters and surrounding white space.
///
/// RFC 9113 §8.2.1 refuses NUL, CR, LF and white space around; the other controls are refused with RFC 9110
/// §5.5 as over HTTP/1.1, so that no version lets in what another would not.
pub fn is_sound(name: LineName, text: &[u8], value: &[u8]) -> bool {
    let name_is_sound = match name {
        // Known names were matched in any case.
        LineName::Field(_) => {
            !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte) && !byte.is_ascii_uppercase())
        }
        _ => true,
    };
    name_is_sound && value_is_sound(value)
}

fn value_is_sound(value: &[u8]) -> bool {
    // No early exit: the compiler then looks at sixteen bytes at a time.
    let controls = value.iter().fold(false, |found, byte| found | ((*byte < 0x20 && *byte != b'\t') | (*byte == 0x7f)));
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !controls && !is_space(value.first()) && !is_space(value.last())
}

/// Fields that speak of one HTTP/1.1 connection; a message with one is malformed (RFC 9113 §8.2.2).
pub const fn is_connection_specific(name: FieldName) -> bool {
    matches!(
        name,
        FieldName::Connection
            | FieldName::KeepAlive
            | FieldName::ProxyConnection
            | FieldName::TransferEncoding
            | FieldName::Upgrade
    )
}

/// Fields that must be known before the content: framing, routing, authentication, request modifiers, and what
/// describes the content (RFC 9110 §6.5.1). In a trailer section they are dropped.
pub const fn is_forbidden_in_trailers(name: FieldName) -> bool {
    use FieldName as F;
    matches!(
        name,
        F::ContentLength
            | F::Host
            | F::Trailer
            | F::Te
            | F::Http2Settings
            | F::Authorization
            | F::ProxyAuthorization
            | F::ProxyAuthenticate
            | F::WwwAuthenticate
            | F::Cookie
            | F::SetCookie
            | F::ContentEncoding
            | F::ContentType
            | F::ContentRange
            | F::ContentLocation
            | F::CacheControl
            | F::Age
            | F::Expires
            | F::Vary
            | F::Location
            | F::RetryAfter
            | F::Date
            | F::Expect
            | F::MaxForwards
            | F::Range
            | F::Pragma
            | F::IfMatch
            | F::IfNoneMatch
            | F::IfModifiedSince
            | F::IfUnmodifiedSince
            | F::IfRange
            | F::Forwarded
            | F::XForwardedFor
            | F::XForwardedHost
            | F::XForwardedPort
            | F::XForwardedProto
            | F::XRealIp
    )
}

/// What made a message malformed (RFC 9113 §8.1.1, RFC 9114 §4.1.2): a stream error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A name or value has bytes that may not stand there.
    Bytes,
    /// A pseudo-header field after a field, twice, unknown, or of the other kind of message.
    PseudoField,
    /// A pseudo-header field is missing, or present where it may not be.
    PseudoFieldSet,
    /// `:method` is no token, or longer than any method.
    Method,
    /// `:scheme` is neither `http` nor `https`.
    Scheme,
    /// `:authority` and Host disagree, or are no host and port.
    Authority,
    /// `:path` does not begin with a slash, or has bytes no target has.
    Path,
    /// `:protocol` is no token, or extended CONNECT was not offered.
    Protocol,
    /// `:status` is no status code, or 101, which these dialects do not have.
    Status,
    /// A field that speaks of an HTTP/1.1 connection.
    ConnectionField,
    /// Content-Length is no number, two numbers, or not what came.
    ContentLength,
}

impl Malformed {
    /// One line for logs and traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "a field has bytes that may not stand there",
            Self::PseudoField => "a pseudo-header field is unknown, repeated or misplaced",
            Self::PseudoFieldSet => "pseudo-header fields are missing or too many",
            Self::Method => ":method is no token",
            Self::Scheme => ":scheme is neither http nor https",
            Self::Authority => ":authority and Host disagree or are no host",
            Self::Path => ":path is no path",
            Self::Protocol => ":protocol is no token or was not offered",
            Self::Status => ":status is no status code",
            Self::ConnectionField => "a connection-specific field",
            Self::ContentLength => "Content-Length does not fit",
        }
    }
}

/// Why a section gives no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionFault {
    /// It breaks a rule.
    Malformed(Malformed),
    /// It is larger, or has more fields, than we take: 431 (RFC 6585 §5).
    TooLarge,
}

/// Bounds of one field section.
#[derive(Clone, Copy, Debug)]
pub struct SectionBounds {
    /// Field lines, pseudo-header fields and cookie crumbs counted.
    pub count_max: usize,
    /// Bytes, as RFC 9113 §6.5.2 counts them.
    pub size_max: usize,
}

/// Beyond this many times its bounds a section is not decoded on: the coder's state is then lost, and with it the
/// connection. Up to there the state is kept and only the one message is refused.
const ABANDON_FACTOR: usize = 4;

/// Counts a section against its bounds.
#[derive(Debug)]
pub(super) struct Meter {
    bounds: SectionBounds,
    count: usize,
    size: usize,
}

impl Meter {
    pub(super) const fn new(bounds: SectionBounds) -> Self {
        Self { bounds, count: 0, size: 0 }
    }

    pub(super) const fn add(&mut self, line: &FieldLine<'_>) {
        self.count += 1;
        self.size += line.size();
    }

    pub(super) const fn is_over(&self) -> bool {
        self.count > self.bounds.count_max || self.size > self.bounds.size_max
    }

    pub(super) const fn is_hopeless(&self) -> bool {
        self.count > self.bounds.count_max * ABANDON_FACTOR || self.size > self.bounds.size_max * ABANDON_FACTOR
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }
}

/// Decodes a section only to keep the coder's state: for messages that are refused or came too late.
#[derive(Debug)]
pub struct DiscardedSection(Meter);

impl DiscardedSection {
    /// A section whose lines are counted and dropped.
    pub const fn new(bounds: SectionBounds) -> Self {
        Self(Meter::new(bounds))
    }
}

impl FieldSink for DiscardedSection {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.0.add(&line);
        !self.0.is_hopeless()
    }
}

/// Reads a Content-Length: digits and nothing else (RFC 9110 §8.6), and the same as one read before.
pub(super) fn content_length(before: Option<u64>, value: &[u8]) -> Result<u64, Malformed> {
    // 19 digits always fit; what is longer is no content anyone sends.
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::ContentLength);
    }
    let length = value.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    if before.is_some_and(|before| before != length) { Err(Malformed::ContentLength) } else { Ok(length) }
}
