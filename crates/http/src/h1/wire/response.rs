//! Response heads (RFC 9112 §4): bytes to [`ResponseHead`]. Called by the client machine and the fuzzer.

use super::Malformed;
use super::field_lines::{self, FieldBounds};
use super::framing::FramingFields;
use crate::semantics::{FieldName, ResponseHead, Status, Version};

/// How much a response head may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseBounds {
    /// Bytes of the whole head.
    pub head_bytes_max: usize,
    /// Bytes of one field line.
    pub field_line_bytes_max: usize,
    /// Fields.
    pub fields_max: usize,
}

/// A response head that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecodedResponse {
    /// Bytes of the head.
    pub length: usize,
    /// Its version.
    pub version: Version,
    /// What its fields say.
    pub framing: FramingFields,
}

/// Reads one response head from the start of `bytes` into `head`; `None` when `bytes` ends before it does.
#[inline]
pub(crate) fn decode(
    bytes: &[u8],
    bounds: &ResponseBounds,
    head: &mut ResponseHead,
) -> Result<Option<DecodedResponse>, Malformed> {
    head.fields.clear();
    let window = &bytes[..bytes.len().min(bounds.head_bytes_max)];
    let unfinished = || if window.len() >= bounds.head_bytes_max { Err(Malformed::HeadTooLong) } else { Ok(None) };
    let Some(line) = decode_line(window)? else { return unfinished() };
    let mut framing = FramingFields::default();
    let field_bounds = FieldBounds { fields_max: bounds.fields_max, line_bytes_max: bounds.field_line_bytes_max };
    // An Expect field means nothing in a response.
    let note = |name, value: &[u8]| if name == FieldName::Expect { Ok(()) } else { framing.note(name, value) };
    let Some(length) = field_lines::decode(window, line.end, field_bounds, &mut head.fields, note)? else {
        return unfinished();
    };
    framing.check()?;
    // RFC 9112 §6.1: a 1.0 sender cannot have meant Transfer-Encoding.
    if framing.chunked && line.version == Version::Http10 {
        return Err(Malformed::TransferEncodingInHttp10);
    }
    head.fields.arena().extend_from_slice(&window[..length]);
    head.status = line.status;
    Ok(Some(DecodedResponse { length, version: line.version, framing }))
}

struct StatusLine {
    version: Version,
    status: Status,
    end: usize,
}

/// Bytes of `HTTP/1.1 200`.
const BEFORE_REASON: usize = 12;

#[inline]
fn decode_line(bytes: &[u8]) -> Result<Option<StatusLine>, Malformed> {
    let Some(start) = bytes.first_chunk::<BEFORE_REASON>() else { return check_start(bytes).map(|()| None) };
    check_start(start)?;
    let version = if start[7] == b'1' { Version::Http11 } else { Version::Http10 };
    let code = start[9..].iter().fold(0_u16, |code, digit| code * 10 + u16::from(digit - b'0'));
    let status = Status::new(code).ok_or(Malformed::InvalidStatusLine)?;
    // RFC 9112 §4 wants a space even before an empty reason; many servers leave it out with the reason.
    if !matches!(bytes.get(BEFORE_REASON), None | Some(b' ' | b'\r' | b'\n')) {
        return Err(Malformed::InvalidStatusLine);
    }
    let stop = super::scan::value_end(bytes, BEFORE_REASON);
    match (bytes.get(stop), bytes.get(stop + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(StatusLine { version, status, end: stop + 2 })),
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(_)) => Err(Malformed::BareCarriageReturn),
        (Some(b'\n'), _) => Err(Malformed::BareLineFeed),
        (Some(_), _) => Err(Malformed::InvalidStatusLine),
    }
}

/// Looks at what there is of `HTTP/1.1 200`.
#[inline]
fn check_start(start: &[u8]) -> Result<(), Malformed> {
    for (at, byte) in start.iter().enumerate() {
        let expected = match at {
            0..=6 => *byte == b"HTTP/1."[at],
            7 => matches!(byte, b'0' | b'1'),
            8 => *byte == b' ',
            _ => byte.is_ascii_digit(),
        };
        if !expected {
            return Err(Malformed::InvalidStatusLine);
        }
    }
    Ok(())
}
