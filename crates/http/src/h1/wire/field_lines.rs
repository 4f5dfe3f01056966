//! Field lines (RFC 9112 §5): the part of a head after its start line, and trailer sections. Called by the
//! request, response and trailer decoders; fills [`Fields`] with spans.

use super::Malformed;
use super::scan;
use crate::limits::h1::FIELD_NAME_BYTES_MAX;
use crate::semantics::method::is_token_byte;
use crate::semantics::{FieldName, Fields};

/// How much a field section may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldBounds {
    /// Fields.
    pub fields_max: usize,
    /// Bytes of one line.
    pub line_bytes_max: usize,
}

/// Reads field lines from `at` up to and with the empty line that ends them; answers the position after it, or
/// `None` when `bytes` ends before.
///
/// Spans are positions in `bytes`: on success the caller copies its start into the arena; otherwise `fields` is left
/// empty, because nothing may point at bytes that were not taken over. `note` sees every known field as it comes and
/// may refuse it.
#[inline]
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    at: usize,
    bounds: FieldBounds,
    fields: &mut Fields,
    note: impl FnMut(FieldName, &'a [u8]) -> Result<(), Malformed>,
) -> Result<Option<usize>, Malformed> {
    let found = decode_lines(bytes, at, bounds, fields, note);
    if !matches!(found, Ok(Some(_))) {
        fields.clear();
    }
    found
}

#[inline]
fn decode_lines<'a>(
    bytes: &'a [u8],
    mut at: usize,
    bounds: FieldBounds,
    fields: &mut Fields,
    mut note: impl FnMut(FieldName, &'a [u8]) -> Result<(), Malformed>,
) -> Result<Option<usize>, Malformed> {
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'\r') => return section_end(bytes, at),
            // RFC 9112 §2.2 lets a recipient take LF alone; the parser behind us may not, so we do not.
            Some(b'\n') => return Err(Malformed::BareLineFeed),
            // RFC 9112 §2.2: white space before the first field is refused. RFC 9112 §5.2: so is folding.
            Some(b' ' | b'\t') if fields.is_empty() => return Err(Malformed::LeadingWhitespace),
            Some(b' ' | b'\t') => return Err(Malformed::ObsoleteFold),
            Some(_) => {}
        }
        if fields.len() == bounds.fields_max {
            return Err(Malformed::TooManyFields);
        }
        let line = match decode_line(bytes, at, bounds.line_bytes_max) {
            Ok(line) => line,
            Err(Stop::Incomplete) => return Ok(None),
            Err(Stop::Wrong(fault)) => return Err(fault),
        };
        let value = &bytes[line.value_start..line.value_end];
        if line.known != FieldName::Other {
            note(line.known, value)?;
        }
        // A name spelled as the registry spells it needs no span of its own, and no check when it is read again.
        let as_registered = bytes[at..line.name_end] == *line.known.canonical().as_bytes();
        let name_end = if as_registered { at } else { line.name_end };
        fields.push_known_span(line.known, at..name_end, line.value_start..line.value_end);
        at = line.end;
    }
}

/// Why there is no line. Flat, because this is the hottest function of the house.
enum Stop {
    Incomplete,
    Wrong(Malformed),
}

impl From<Malformed> for Stop {
    fn from(fault: Malformed) -> Self {
        Self::Wrong(fault)
    }
}

/// Where the parts of a line are; it starts with its name.
struct Line {
    known: FieldName,
    name_end: usize,
    value_start: usize,
    value_end: usize,
    end: usize,
}

#[inline(always)]
fn decode_line(bytes: &[u8], start: usize, line_bytes_max: usize) -> Result<Line, Stop> {
    let Some(name_end) = scan::colon(bytes, start) else { return Err(name_without_colon(&bytes[start..])) };
    let name = &bytes[start..name_end];
    // A name in the table is a token; any other is looked at byte by byte.
    let known = FieldName::from_bytes(name);
    if known == FieldName::Other {
        check_name(name)?;
        check_disguise(name)?;
    }
    let mut value_start = name_end + 1;
    while let Some(b' ' | b'\t') = bytes.get(value_start) {
        value_start += 1;
    }
    let stop = scan::value_end(bytes, value_start);
    if stop - start > line_bytes_max {
        return Err(Malformed::FieldLineTooLong.into());
    }
    if bytes.get(stop..).is_none_or(|rest| !rest.starts_with(b"\r\n")) {
        return Err(line_end_fault(&bytes[stop..]));
    }
    let mut value_end = stop;
    while value_end > value_start && matches!(bytes[value_end - 1], b' ' | b'\t') {
        value_end -= 1;
    }
    Ok(Line { known, name_end, value_start, value_end, end: stop + 2 })
}

/// Either more is to come, or what came can be no name.
#[cold]
fn name_without_colon(rest: &[u8]) -> Stop {
    check_name(rest).map_or_else(Stop::Wrong, |()| Stop::Incomplete)
}

/// The value ended with something else than CR LF.
#[cold]
fn line_end_fault(rest: &[u8]) -> Stop {
    Stop::Wrong(match rest {
        [] | [b'\r'] => return Stop::Incomplete,
        [b'\r', ..] => Malformed::BareCarriageReturn,
        [b'\n', ..] => Malformed::BareLineFeed,
        _ => Malformed::InvalidFieldValue,
    })
}

fn section_end(bytes: &[u8], at: usize) -> Result<Option<usize>, Malformed> {
    match bytes.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some(at + 2)),
        Some(_) => Err(Malformed::BareCarriageReturn),
    }
}

/// Says what is wrong with a name, judging by its first wrong byte: so the answer is the same however much
/// follows.
fn check_name(name: &[u8]) -> Result<(), Malformed> {
    let wrong = name.iter().position(|byte| !is_token_byte(*byte));
    if wrong.unwrap_or(name.len()) > FIELD_NAME_BYTES_MAX {
        return Err(Malformed::FieldNameTooLong);
    }
    match wrong.map(|at| name[at]) {
        None if name.is_empty() => Err(Malformed::InvalidFieldName),
        None => Ok(()),
        Some(b'\r') => Err(Malformed::MissingColon),
        Some(b'\n') => Err(Malformed::BareLineFeed),
        // RFC 9112 §5.1: a server MUST refuse white space here with 400.
        Some(b' ' | b'\t') => Err(Malformed::SpaceBeforeColon),
        Some(_) => Err(Malformed::InvalidFieldName),
    }
}

/// `Content_Length` becomes CONTENT_LENGTH in a CGI-like upstream, and so does Content-Length; others drop what
/// they do not know. So nothing that has the letters of a framing field passes for another.
fn check_disguise(name: &[u8]) -> Result<(), Malformed> {
    let imitates = |letters: &[u8]| {
        let mut left = letters.iter();
        name.len() >= letters.len()
            && name
                .iter()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .all(|byte| left.next().is_some_and(|letter| letter.eq_ignore_ascii_case(byte)))
            && left.next().is_none()
    };
    // The exact names are in the table and do not come here.
    let disguised = imitates(b"contentlength") || imitates(b"transferencoding");
    if disguised { Err(Malformed::DisguisedFraming) } else { Ok(()) }
}

/// Fields a trailer section may not bring (RFC 9110 §6.5.1): framing, routing, authentication, conditions,
/// and what says how to read the content that already went by.
pub(crate) const fn is_forbidden_trailer(name: FieldName) -> bool {
    matches!(
        name,
        FieldName::AcceptEncoding
            | FieldName::Age
            | FieldName::Authorization
            | FieldName::CacheControl
            | FieldName::Connection
            | FieldName::ContentEncoding
            | FieldName::ContentLength
            | FieldName::ContentLocation
            | FieldName::ContentRange
            | FieldName::ContentType
            | FieldName::Cookie
            | FieldName::Date
            | FieldName::EarlyData
            | FieldName::Expect
            | FieldName::Expires
            | FieldName::Forwarded
            | FieldName::Host
            | FieldName::Http2Settings
            | FieldName::IfMatch
            | FieldName::IfModifiedSince
            | FieldName::IfNoneMatch
            | FieldName::IfRange
            | FieldName::IfUnmodifiedSince
            | FieldName::KeepAlive
            | FieldName::Location
            | FieldName::MaxForwards
            | FieldName::Origin
            | FieldName::Pragma
            | FieldName::ProxyAuthenticate
            | FieldName::ProxyAuthorization
            | FieldName::ProxyConnection
            | FieldName::Range
            | FieldName::RetryAfter
            | FieldName::SetCookie
            | FieldName::Te
            | FieldName::Trailer
            | FieldName::TransferEncoding
            | FieldName::Upgrade
            | FieldName::Vary
            | FieldName::Via
            | FieldName::WwwAuthenticate
            | FieldName::XForwardedFor
            | FieldName::XForwardedHost
            | FieldName::XForwardedPort
            | FieldName::XForwardedProto
            | FieldName::XRealIp
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Vec<(String, String)>>, Malformed> {
        let mut fields = Fields::new();
        let bounds = FieldBounds { fields_max: 4, line_bytes_max: 64 };
        let end = decode(text.as_bytes(), 0, bounds, &mut fields, |_, _| Ok(()))?;
        Ok(end.map(|end| {
            fields.arena().extend_from_slice(&text.as_bytes()[..end]);
            let text = |value| String::from_utf8_lossy(value).into_owned();
            fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect()
        }))
    }

    #[test]
    fn lines_are_read_and_trimmed() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("\r\n"), Ok(Some(vec![])));
        assert_eq!(
            read("HOST:a\r\nX-y: \t b c\t \r\nAccept:\r\n\r\nrest"),
            Ok(Some(vec![pair("HOST", "a"), pair("X-y", "b c"), pair("Accept", "")]))
        );
        for part in ["", "a", "a:", "a: b", "a: b\r", "a: b\r\n", "a: b\r\n\r", "Content-Length"] {
            assert_eq!(read(part), Ok(None), "{part:?}");
        }
    }

    #[test]
    fn nothing_points_at_bytes_that_were_not_taken_over() {
        let bounds = FieldBounds { fields_max: 4, line_bytes_max: 64 };
        for text in ["Referer: a\r\nb c: d\r\n\r\n", "Referer: a\r\nb"] {
            let mut fields = Fields::new();
            assert_ne!(decode(text.as_bytes(), 0, bounds, &mut fields, |_, _| Ok(())), Ok(Some(text.len())));
            assert_eq!(fields.get(FieldName::Referer), None, "{text:?}");
        }
        let mut fields = Fields::new();
        let refused = decode(b"Referer: a\r\nExpect: b\r\n\r\n", 0, bounds, &mut fields, |name, _| match name {
            FieldName::Expect => Err(Malformed::UnknownExpectation),
            _ => Ok(()),
        });
        assert!(refused.is_err() && fields.is_empty());
    }

    #[test]
    fn hostile_012_wrong_lines_are_refused_at_the_first_wrong_byte() {
        for (text, fault) in [
            (" a: b\r\n\r\n", Malformed::LeadingWhitespace),
            ("\ta: b\r\n\r\n", Malformed::LeadingWhitespace),
            ("a: b\r\n c\r\n\r\n", Malformed::ObsoleteFold),
            ("a: b\n\r\n", Malformed::BareLineFeed),
            ("a: b\r\n\n", Malformed::BareLineFeed),
            ("a\nb: c\r\n\r\n", Malformed::BareLineFeed),
            ("a: b\rc\r\n\r\n", Malformed::BareCarriageReturn),
            ("a: b\r\r\n\r\n", Malformed::BareCarriageReturn),
            ("a: b\r\n\rX", Malformed::BareCarriageReturn),
            ("a : b\r\n\r\n", Malformed::SpaceBeforeColon),
            ("a\t: b\r\n\r\n", Malformed::SpaceBeforeColon),
            ("a b: c\r\n\r\n", Malformed::SpaceBeforeColon),
            (": b\r\n\r\n", Malformed::InvalidFieldName),
            ("\u{e9}: b\r\n\r\n", Malformed::InvalidFieldName),
            ("a\0: b\r\n\r\n", Malformed::InvalidFieldName),
            ("a(: b\r\n\r\n", Malformed::InvalidFieldName),
            ("nocolon\r\nb: c\r\n\r\n", Malformed::MissingColon),
            ("nocolon\r\n\r\n", Malformed::MissingColon),
            ("a: b\0c\r\n\r\n", Malformed::InvalidFieldValue),
            ("a: b\x01\r\n\r\n", Malformed::InvalidFieldValue),
            ("a: b\x7f\r\n\r\n", Malformed::InvalidFieldValue),
            ("a: \x0bb\r\n\r\n", Malformed::InvalidFieldValue),
            ("Content_Length: 3\r\n\r\n", Malformed::DisguisedFraming),
            ("transfer_encoding: chunked\r\n\r\n", Malformed::DisguisedFraming),
            ("Transfer---Encoding: chunked\r\n\r\n", Malformed::DisguisedFraming),
            ("_Content.Length: 3\r\n\r\n", Malformed::DisguisedFraming),
            ("a:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\n\r\n", Malformed::TooManyFields),
        ] {
            assert_eq!(read(text), Err(fault), "{text:?}");
        }
        let long = format!("a: {}\r\n\r\n", "b".repeat(64));
        assert_eq!(read(&long), Err(Malformed::FieldLineTooLong));
        let long = format!("{}: b\r\n\r\n", "a".repeat(FIELD_NAME_BYTES_MAX + 1));
        assert_eq!(read(&long), Err(Malformed::FieldNameTooLong));
    }
}
