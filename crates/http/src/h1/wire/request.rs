//! Request heads (RFC 9112 §3): bytes to [`RequestHead`]. Called by the server machine and the fuzzer.

use super::Malformed;
use super::field_lines::{self, FieldBounds};
use super::framing::FramingFields;
use super::scan;
use crate::limits::h1 as limits;
use crate::semantics::method::is_token_byte;
use crate::semantics::{BodyLength, FieldName, Method, RequestHead, Scheme, TargetForm, Token, Version};

/// How much a request head may hold.
#[derive(Clone, Copy, Debug)]
pub struct RequestBounds {
    /// Bytes of the request target.
    pub target_bytes_max: usize,
    /// Bytes of the whole head.
    pub head_bytes_max: usize,
    /// Bytes of one field line.
    pub field_line_bytes_max: usize,
    /// Fields.
    pub fields_max: usize,
}

impl Default for RequestBounds {
    fn default() -> Self {
        Self {
            target_bytes_max: limits::REQUEST_LINE_BYTES_MAX,
            head_bytes_max: limits::HEAD_BYTES_MAX,
            field_line_bytes_max: limits::FIELD_LINE_BYTES_MAX,
            fields_max: limits::FIELDS_MAX,
        }
    }
}

/// A request head that was read: how long it was and what it means for its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodedRequest {
    /// Bytes of the head.
    pub length: usize,
    /// Whether the connection may carry another request (RFC 9112 §9.3).
    pub persistent: bool,
    /// Whether the client waits for 100 (Continue) before it sends its content.
    pub expects_continue: bool,
    /// Whether the client offers to switch protocols.
    pub upgrade: bool,
}

/// Reads one request head from the start of `bytes` into `head`; answers its length, or `None` when `bytes` ends
/// before it does. For fuzzers and tools; the server machine asks for more.
///
/// # Errors
/// What is wrong, judged by the first wrong byte: more bytes never change the answer.
pub fn decode_request(
    bytes: &[u8],
    bounds: &RequestBounds,
    head: &mut RequestHead,
) -> Result<Option<usize>, Malformed> {
    Ok(decode(bytes, bounds, head)?.map(|decoded| decoded.length))
}

/// As [`decode_request`], with what the head means for its connection. `head` holds nothing of use unless a head
/// was read.
#[inline]
pub(crate) fn decode(
    bytes: &[u8],
    bounds: &RequestBounds,
    head: &mut RequestHead,
) -> Result<Option<DecodedRequest>, Malformed> {
    head.clear();
    let window = &bytes[..bytes.len().min(bounds.head_bytes_max)];
    let Some(line) = decode_line(window, bounds)? else { return unfinished(window, bounds) };
    let mut framing = FramingFields::default();
    let field_bounds = FieldBounds { fields_max: bounds.fields_max, line_bytes_max: bounds.field_line_bytes_max };
    let mut host: &[u8] = b"";
    let note = |name, value| {
        if name == FieldName::Host {
            host = value;
        }
        framing.note(name, value)
    };
    let Some(length) = field_lines::decode(window, line.end, field_bounds, &mut head.fields, note)? else {
        return unfinished(window, bounds);
    };
    head.fields.arena().extend_from_slice(&window[..length]);
    head.method = line.method;
    head.version = line.version;
    set_target(head, line.target)?;
    set_host(head, &framing, host)?;
    head.body = body_length(head, &framing)?;
    let upgrade = settle_upgrade(head, &framing);
    Ok(Some(DecodedRequest {
        length,
        // RFC 9112 §9.3: 1.1 persists unless it says close, 1.0 only if it says keep-alive.
        persistent: !framing.close
            && (line.version == Version::Http11 || framing.keep_alive)
            && !is_content_unexpected(head.method, head.body),
        // RFC 9110 §10.1.1: the expectation of an HTTP/1.0 client is ignored, and without content nothing is awaited.
        expects_continue: framing.expects_continue && line.version == Version::Http11 && head.body != BodyLength::None,
        upgrade,
    }))
}

#[cold]
fn unfinished<T>(window: &[u8], bounds: &RequestBounds) -> Result<Option<T>, Malformed> {
    if window.len() >= bounds.head_bytes_max { Err(Malformed::HeadTooLong) } else { Ok(None) }
}

struct RequestLine<'a> {
    method: Method,
    target: &'a [u8],
    version: Version,
    end: usize,
}

#[inline]
fn decode_line<'a>(bytes: &'a [u8], bounds: &RequestBounds) -> Result<Option<RequestLine<'a>>, Malformed> {
    let start = match bytes {
        // RFC 9112 §2.2: one empty line before a request line is ignored, for clients that end content with it.
        [b'\r', b'\n', ..] => 2,
        [] | [b'\r'] => return Ok(None),
        [b'\r', ..] => return Err(Malformed::BareCarriageReturn),
        [b'\n', ..] => return Err(Malformed::BareLineFeed),
        _ => 0,
    };
    let Some((method, length)) = decode_method(&bytes[start..])? else { return Ok(None) };
    let target_start = start + length + 1;
    let target_end = scan::visible_end(bytes, target_start);
    let target = &bytes[target_start..target_end];
    if target.len() > bounds.target_bytes_max {
        return Err(Malformed::TargetTooLong);
    }
    match bytes.get(target_end) {
        None => return Ok(None),
        Some(b' ') => {}
        // HTTP/0.9 has no version; nobody speaks it any more.
        Some(b'\r' | b'\n') => return Err(Malformed::MissingVersion),
        Some(_) => return Err(Malformed::InvalidTarget),
    }
    check_target(target)?;
    let Some(version) = decode_version(&bytes[target_end + 1..])? else { return Ok(None) };
    Ok(Some(RequestLine { method, target, version, end: target_end + 1 + VERSION_LINE_LENGTH }))
}

/// The method and its length; the space after it was seen.
#[inline]
fn decode_method(bytes: &[u8]) -> Result<Option<(Method, usize)>, Malformed> {
    if bytes.starts_with(b"GET ") {
        return Ok(Some((Method::Get, 3)));
    }
    let window = &bytes[..bytes.len().min(Token::LENGTH_MAX + 1)];
    // Registered methods are upper case and methods are case-sensitive (RFC 9110 §9.1): `get` is either a mistake
    // or a way past a rule that was written for GET.
    match window.iter().position(|byte| !is_token_byte(*byte) || byte.is_ascii_lowercase()) {
        None if window.len() > Token::LENGTH_MAX => Err(Malformed::MethodTooLong),
        None => Ok(None),
        Some(length) if length > 0 && window[length] == b' ' => {
            Method::from_bytes(&window[..length]).map(|method| Some((method, length))).ok_or(Malformed::InvalidMethod)
        }
        Some(_) => Err(Malformed::InvalidMethod),
    }
}

/// ` HTTP/1.1 CR LF` without its space.
const VERSION_LINE_LENGTH: usize = 10;

#[inline]
fn decode_version(bytes: &[u8]) -> Result<Option<Version>, Malformed> {
    match bytes.first_chunk::<VERSION_LINE_LENGTH>() {
        Some(b"HTTP/1.1\r\n") => Ok(Some(Version::Http11)),
        Some(b"HTTP/1.0\r\n") => Ok(Some(Version::Http10)),
        _ => unusual_version(bytes),
    }
}

/// Looks for the first byte that no version may have; a well-written version that is not ours is 505.
#[cold]
fn unusual_version(bytes: &[u8]) -> Result<Option<Version>, Malformed> {
    for (at, byte) in bytes.iter().enumerate().take(VERSION_LINE_LENGTH) {
        let expected = match at {
            0..=4 => *byte == b"HTTP/"[at],
            5 | 7 => byte.is_ascii_digit(),
            6 => *byte == b'.',
            8 => *byte == b'\r',
            _ => *byte == b'\n',
        };
        match (expected, at, byte) {
            (true, ..) => {}
            (false, 8, b'\n') => return Err(Malformed::BareLineFeed),
            (false, 9, _) => return Err(Malformed::BareCarriageReturn),
            (false, ..) => return Err(Malformed::InvalidVersion),
        }
    }
    if bytes.len() < VERSION_LINE_LENGTH { Ok(None) } else { Err(Malformed::UnsupportedVersion) }
}

/// Refuses bytes that no URL, not even a sloppy one from a browser, brings raw (RFC 9112 §3.2: 400 rather than
/// repair).
fn check_target(target: &[u8]) -> Result<(), Malformed> {
    let (path, query) = target.split_at(memchr::memchr(b'?', target).unwrap_or(target.len()));
    let all =
        |part: &[u8], flag: u8| part.iter().fold(flag, |left, byte| left & TARGET_BYTES[usize::from(*byte)]) == flag;
    if target.is_empty() || !all(path, IN_PATH) || !all(query, IN_QUERY) {
        return Err(Malformed::InvalidTarget);
    }
    Ok(())
}

const IN_PATH: u8 = 1;
const IN_QUERY: u8 = 2;

/// RFC 3986 §3.3 and §3.4, and what the URL Standard's serialiser leaves raw in each part, because browsers do.
const TARGET_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = match byte as u8 {
            b'#' | b'"' | b'<' | b'>' => 0,
            b'\\' | b'^' | b'`' | b'{' | b'}' => IN_QUERY,
            _ => IN_PATH | IN_QUERY,
        };
        byte += 1;
    }
    table
};

/// Sorts the target into its form (RFC 9112 §3.2) and keeps what each form carries.
#[inline]
fn set_target(head: &mut RequestHead, target: &[u8]) -> Result<(), Malformed> {
    match (target[0], head.method) {
        (_, Method::Connect) => set_connect_target(head, target),
        (b'/', _) => {
            head.form = TargetForm::Origin;
            head.set_target(target);
            Ok(())
        }
        (b'*', Method::Options) if target.len() == 1 => {
            head.form = TargetForm::Asterisk;
            head.set_target(target);
            Ok(())
        }
        _ => set_absolute_target(head, target),
    }
}

fn set_connect_target(head: &mut RequestHead, target: &[u8]) -> Result<(), Malformed> {
    head.form = TargetForm::Authority;
    head.set_authority(target).map_err(|_| Malformed::InvalidHost)?;
    // RFC 9110 §9.3.6: CONNECT has no default port; an empty or missing one is 400.
    if head.port().is_none() { Err(Malformed::TargetForm) } else { Ok(()) }
}

#[cold]
fn set_absolute_target(head: &mut RequestHead, target: &[u8]) -> Result<(), Malformed> {
    let strip = |scheme: &[u8]| {
        target.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &target[scheme.len()..])
    };
    let (scheme, rest) = match (strip(b"http://"), strip(b"https://")) {
        (Some(rest), _) => (Scheme::Http, rest),
        (_, Some(rest)) => (Scheme::Https, rest),
        _ => return Err(Malformed::TargetForm),
    };
    let path_start = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_start);
    // RFC 9110 §4.2.1: an empty host is invalid. Userinfo is refused with the rest (RFC 9110 §4.2.4).
    if authority.is_empty() {
        return Err(Malformed::InvalidHost);
    }
    head.set_authority(authority).map_err(|_| Malformed::InvalidHost)?;
    head.form = TargetForm::Absolute;
    head.scheme = scheme;
    match path.first() {
        // RFC 9112 §3.2.4: OPTIONS of a whole server.
        None if head.method == Method::Options => head.set_target(b"*"),
        None => head.set_target(b"/"),
        Some(b'?') => head.set_target(&[b"/", path].concat()),
        Some(_) => head.set_target(path),
    }
    Ok(())
}

/// RFC 9112 §3.2: exactly one Host in HTTP/1.1, and valid. RFC 9112 §3.2.2: the host of an absolute target wins,
/// and what is passed on says so.
#[inline]
fn set_host(head: &mut RequestHead, framing: &FramingFields, host: &[u8]) -> Result<(), Malformed> {
    match framing.hosts {
        1 => {}
        0 if head.version == Version::Http10 => return Ok(()),
        0 => return Err(Malformed::MissingHost),
        _ => return Err(Malformed::RepeatedHost),
    }
    // RFC 9110 §4.2.1: an empty host is invalid in an http URI, and every URI asked of us is one.
    if matches!(head.form, TargetForm::Origin | TargetForm::Asterisk) {
        let taken = head.set_authority(host).is_ok() && !host.is_empty();
        return if taken { Ok(()) } else { Err(Malformed::InvalidHost) };
    }
    replace_host(head, host)
}

#[cold]
fn replace_host(head: &mut RequestHead, host: &[u8]) -> Result<(), Malformed> {
    let mut received = RequestHead::default();
    received.set_authority(host).map_err(|_| Malformed::InvalidHost)?;
    if received.authority() != head.authority() {
        let authority = head.authority().to_owned();
        head.fields.set(FieldName::Host, authority);
    }
    Ok(())
}

/// RFC 9112 §6.3 for requests: there is content only if one of the two fields says so.
#[inline]
fn body_length(head: &RequestHead, framing: &FramingFields) -> Result<BodyLength, Malformed> {
    framing.check()?;
    if framing.chunked && head.version == Version::Http10 {
        // RFC 9112 §6.1: framing that a 1.0 client cannot have meant.
        return Err(Malformed::TransferEncodingInHttp10);
    }
    let body = match (framing.chunked, framing.content_length) {
        (true, _) => BodyLength::Unknown,
        (_, None | Some(0)) => BodyLength::None,
        (_, Some(length)) => BodyLength::Known(length),
    };
    // RFC 9110 §9.3.6 and §9.3.8: CONNECT and TRACE have no content.
    if body != BodyLength::None && matches!(head.method, Method::Connect | Method::Trace) {
        return Err(Malformed::ContentNotAllowed);
    }
    Ok(body)
}

/// RFC 9110 §9.3.1 and §9.3.2: content of GET and HEAD has no meaning, and parsers that skip it take it for the next
/// request; so nothing comes after it on a connection.
pub(crate) fn is_content_unexpected(method: Method, body: BodyLength) -> bool {
    body != BodyLength::None && matches!(method, Method::Get | Method::Head)
}

/// Keeps an Upgrade only where it can be meant, and removes it elsewhere, so that nobody behind us acts on it:
/// RFC 9110 §7.8 ignores it from HTTP/1.0 and without the connection option; with content the two
/// sides may disagree where the new protocol starts; h2c is withdrawn (RFC 9113 §3.1).
#[inline]
fn settle_upgrade(head: &mut RequestHead, framing: &FramingFields) -> bool {
    if !head.fields.contains(FieldName::Upgrade) && !head.fields.contains(FieldName::Http2Settings) {
        return false;
    }
    head.fields.remove(FieldName::Http2Settings);
    let meant = framing.upgrade
        && !framing.offers_h2c
        && head.version == Version::Http11
        && head.body == BodyLength::None
        && head.method != Method::Connect;
    if !meant {
        head.fields.remove(FieldName::Upgrade);
    }
    meant && head.fields.contains(FieldName::Upgrade)
}
