//! Heads, chunk lines and trailers as bytes (RFC 9112 §3 to §7). Called by the writer of the machines, which
//! decides on the framing; nothing here decides.

use super::field_lines::is_forbidden_trailer;
use super::scan;
use crate::semantics::fields::Field;
use crate::semantics::method::is_token_byte;
use crate::semantics::{FieldName, Fields, Method, RequestHead, ResponseHead, TargetForm};

/// Writes the status line. We always speak our own version, whatever the client's (RFC 9110 §2.5).
pub(crate) fn status_line(out: &mut Vec<u8>, head: &ResponseHead) {
    let status = head.status;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status.code()).as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes the request line; `absolute` for a next hop that is a proxy (RFC 9112 §3.2.2).
pub(crate) fn request_line(out: &mut Vec<u8>, head: &RequestHead, absolute: bool) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    // RFC 9112 §3.2.3: CONNECT has no other form.
    if head.form == TargetForm::Authority || head.method == Method::Connect {
        out.extend_from_slice(head.authority().as_bytes());
    } else {
        if absolute {
            out.extend_from_slice(head.scheme.as_str().as_bytes());
            out.extend_from_slice(b"://");
            out.extend_from_slice(head.authority().as_bytes());
        }
        // RFC 9112 §3.2.4: `OPTIONS *` of another server is asked with an empty path.
        if !(absolute && head.target() == "*") {
            target(out, head.target().as_bytes());
        }
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// A stage may have built the target: what would end or split the line is percent-encoded (RFC 3986 §2.1).
fn target(out: &mut Vec<u8>, target: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if target.is_empty() {
        return out.push(b'/');
    }
    if scan::visible_end(target, 0) == target.len() {
        return out.extend_from_slice(target);
    }
    for byte in target {
        if (0x21..=0x7e).contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Writes one field line with a name of our own.
pub(crate) fn line(out: &mut Vec<u8>, name: FieldName, value: &[u8]) {
    raw_line(out, name.canonical(), value);
}

/// Writes a line whose value is a number.
pub(crate) fn number_line(out: &mut Vec<u8>, name: FieldName, value: u64) {
    raw_line(out, name.canonical(), itoa::Buffer::new().format(value).as_bytes());
}

/// Writes the fields of a message for which `keep` answers true. A field that would break its line is left out:
/// the parsers let none in, so it could only come from a mistake of ours.
#[inline]
pub(crate) fn field_lines(out: &mut Vec<u8>, fields: &Fields, keep: impl Fn(&Field<'_>) -> bool) {
    for field in fields.iter() {
        if keep(&field) && is_writable(&field) {
            raw_line(out, field.name, field.value);
        }
    }
}

#[inline]
fn is_writable(field: &Field<'_>) -> bool {
    let named = field.known != FieldName::Other || field.name.bytes().all(is_token_byte) && !field.name.is_empty();
    named && scan::value_end(field.value, 0) == field.value.len()
}

#[inline]
fn raw_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes the line before a chunk's data.
pub(crate) fn chunk_line(out: &mut Vec<u8>, size: usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|digit| HEX[size >> (4 * digit) & 15]));
    out.extend_from_slice(b"\r\n");
}

/// Writes the last chunk and the trailer section (RFC 9112 §7.1.2).
pub(crate) fn last_chunk(out: &mut Vec<u8>, trailers: Option<&Fields>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        field_lines(out, trailers, |field| !is_forbidden_trailer(field.known));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_in_hexadecimal() {
        for (size, text) in [(0, "0\r\n"), (1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (65_536, "10000\r\n")] {
            let mut out = Vec::new();
            chunk_line(&mut out, size);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn hostile_018_nothing_splits_a_line() {
        let mut head = RequestHead::default();
        head.set_target("/a b\r\nX: y\u{e9}".as_bytes());
        let mut out = Vec::new();
        request_line(&mut out, &head, false);
        assert_eq!(out, b"GET /a%20b%0D%0AX:%20y%C3%A9 HTTP/1.1\r\n");
        let mut fields = Fields::new();
        fields.append_named("bad name", "x");
        fields.append_named("good", "a\r\nb");
        out.clear();
        field_lines(&mut out, &fields, |_| true);
        assert_eq!(out, b"good: a  b\r\n");
    }
}
