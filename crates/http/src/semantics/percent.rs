//! Percent-encoding and the one normal form of a path (RFC 3986 §2.1, §6.2.2). A target is normalised here once;
//! routes, files, the cache key and the upstream all use the result, so that no two of them can read one path in
//! two ways. Called by the chain before any stage; hands on to nothing.

use std::fmt;
use std::ops::Range;

use super::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};

/// A path in its one form.
///
/// * It begins at the root and holds no `.`, `..` or empty segment; those were resolved, and a path that climbs
///   above the root was refused.
/// * It was decoded exactly once. `%252e` is the three letters `%2e`, and stays so.
/// * No segment holds NUL or another control byte, or becomes `.` or `..` for a neighbour that takes `\` or an
///   encoded `/` for a separator, cuts `;parameters`, or drops trailing dots and blanks.
///
/// [`NormalPath::set`] keeps the memory, so that one value serves every request of a connection.
#[derive(Clone, Default)]
pub struct NormalPath {
    /// Encoded again: what upstreams, cache keys and logs see.
    text: String,
    /// Decoded segments, joined by `/`, without the leading one.
    decoded: Vec<u8>,
    segments: Vec<Range<u32>>,
    trailing_slash: bool,
    encoded_slash: bool,
}

/// Why a path has no normal form. All of them are answered 400.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidPath {
    /// It does not begin with `/`.
    NotAbsolute,
    /// A `%` without two hexadecimal digits.
    BrokenEscape,
    /// NUL or another control byte, encoded or not.
    ControlByte,
    /// It climbs above the root.
    AboveRoot,
    /// A segment that some software behind us reads as `.` or `..`: `..;`, `..%2f`, `%2e.%5c`, `.. `.
    DisguisedDots,
    /// More than the bytes or segments that `semantics/limits.rs` allows.
    TooLong,
}

impl InvalidPath {
    /// A sentence for pages and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::BrokenEscape => "the path has a percent sign without two hexadecimal digits",
            Self::ControlByte => "the path has a control byte",
            Self::AboveRoot => "the path climbs above the root",
            Self::DisguisedDots => "the path has a disguised dot segment",
            Self::TooLong => "the path is too long",
        }
    }
}

impl fmt::Display for InvalidPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::error::Error for InvalidPath {}

impl NormalPath {
    /// The normal form of `path` as it stood in the target, without its query.
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        let mut normal = Self::default();
        normal.set(path)?;
        Ok(normal)
    }

    /// The same, in place. After an error it is the root.
    pub fn set(&mut self, path: &str) -> Result<(), InvalidPath> {
        self.clear();
        let result = self.fill(path);
        if result.is_err() {
            self.clear();
        }
        result
    }

    /// The canonical text: begins with `/`; unreserved characters plain, everything that needs it escaped in upper
    /// case, reserved characters as they came (RFC 3986 §6.2.2.2: an escaped `;` is not a `;`).
    pub fn as_str(&self) -> &str {
        if self.text.is_empty() { "/" } else { &self.text }
    }

    /// The decoded segments. Bytes, not text: file names are bytes.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.segments.iter().map(|range| &self.decoded[range.start as usize..range.end as usize])
    }

    /// The last decoded segment; `None` at the root.
    pub fn name(&self) -> Option<&[u8]> {
        self.segments().next_back()
    }

    /// The decoded segments joined by `/`, without a leading or trailing one: the path below a root folder. Where
    /// [`NormalPath::has_encoded_slash`], a slash in it need not be a separator.
    pub fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// Whether it ends with a slash: it names a folder. True for the root.
    pub const fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// Whether a segment holds a `/` that came escaped. It means something to some applications, so it is kept
    /// escaped; a rule that guards a prefix has to refuse it, because upstreams differ on what it means.
    pub const fn has_encoded_slash(&self) -> bool {
        self.encoded_slash
    }

    /// Whether every segment is the name of one file and of no other: no slash or backslash in it, and no dot or blank at
    /// its end, which some file systems (VFAT, SMB) drop.
    pub fn is_plain(&self) -> bool {
        self.segments().all(|segment| {
            !segment.iter().any(|byte| matches!(byte, b'/' | b'\\')) && !matches!(segment.last(), Some(b'.' | b' '))
        })
    }

    /// Whether a segment begins with a dot: a hidden file or folder, by the custom of Unix.
    pub fn is_hidden(&self) -> bool {
        self.segments().any(|segment| segment.first() == Some(&b'.'))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.decoded.clear();
        self.segments.clear();
        (self.trailing_slash, self.encoded_slash) = (true, false);
    }

    fn fill(&mut self, path: &str) -> Result<(), InvalidPath> {
        let rest = path.strip_prefix('/').ok_or(InvalidPath::NotAbsolute)?;
        if path.len() > PATH_BYTES_MAX {
            return Err(InvalidPath::TooLong);
        }
        if is_normal_already(path.as_bytes()) {
            return self.take_over(path);
        }
        self.resolve(rest)
    }

    /// Nearly every path: nothing to decode, nothing to resolve.
    fn take_over(&mut self, path: &str) -> Result<(), InvalidPath> {
        self.trailing_slash = path.ends_with('/');
        if path.len() == 1 {
            return Ok(());
        }
        self.text.push_str(path);
        let inside = &path.as_bytes()[1..path.len() - usize::from(self.trailing_slash)];
        self.decoded.extend_from_slice(inside);
        let mut start = 0;
        for slash in memchr::memchr_iter(b'/', inside).chain([inside.len()]) {
            if self.segments.len() == PATH_SEGMENTS_MAX {
                return Err(InvalidPath::TooLong);
            }
            // The path is bounded far below 4 GiB.
            self.segments.push(start..slash as u32);
            start = slash as u32 + 1;
        }
        Ok(())
    }

    fn resolve(&mut self, rest: &str) -> Result<(), InvalidPath> {
        for raw in rest.split('/') {
            self.push_segment(raw.as_bytes())?;
        }
        if self.trailing_slash && !self.segments.is_empty() {
            self.text.push('/');
        }
        Ok(())
    }

    fn push_segment(&mut self, raw: &[u8]) -> Result<(), InvalidPath> {
        let (text_before, decoded_before) = (self.text.len(), self.decoded.len());
        self.text.push('/');
        if !self.segments.is_empty() {
            self.decoded.push(b'/');
        }
        let start = self.decoded.len();
        self.decode_segment(raw)?;
        let segment = &self.decoded[start..];
        self.trailing_slash = true;
        match segment {
            // Doubled slashes and `.` vanish.
            b"" | b"." => self.rewind(text_before, decoded_before),
            b".." => {
                self.rewind(text_before, decoded_before);
                self.pop_segment()?;
            }
            segment if is_disguised_dots(segment) => return Err(InvalidPath::DisguisedDots),
            segment => {
                if self.segments.len() == PATH_SEGMENTS_MAX {
                    return Err(InvalidPath::TooLong);
                }
                self.encoded_slash |= segment.contains(&b'/');
                // The path is bounded far below 4 GiB.
                self.segments.push(start as u32..self.decoded.len() as u32);
                self.trailing_slash = false;
            }
        }
        Ok(())
    }

    fn rewind(&mut self, text: usize, decoded: usize) {
        self.text.truncate(text);
        self.decoded.truncate(decoded);
    }

    fn pop_segment(&mut self) -> Result<(), InvalidPath> {
        let popped = self.segments.pop().ok_or(InvalidPath::AboveRoot)?;
        self.decoded.truncate((popped.start as usize).saturating_sub(1));
        // Segments hold no plain slash in the text, so its last one begins the segment popped.
        self.text.truncate(self.text.rfind('/').unwrap_or(0));
        let encoded_slash = self.segments().any(|segment| segment.contains(&b'/'));
        self.encoded_slash = encoded_slash;
        Ok(())
    }

    /// Appends one segment to both forms.
    fn decode_segment(&mut self, raw: &[u8]) -> Result<(), InvalidPath> {
        let mut at = 0;
        while at < raw.len() {
            let (byte, escaped) = match raw[at] {
                b'%' => (escape_value(raw, at).ok_or(InvalidPath::BrokenEscape)?, true),
                plain => (plain, false),
            };
            at += if escaped { 3 } else { 1 };
            if byte < 0x20 || byte == 0x7f {
                return Err(InvalidPath::ControlByte);
            }
            self.decoded.push(byte);
            if is_unreserved(byte) || (!escaped && is_path_byte(byte)) {
                self.text.push(char::from(byte));
            } else {
                push_escaped(&mut self.text, byte);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NormalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for NormalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialEq for NormalPath {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Whether a part of a segment becomes `.` or `..` for software that splits at backslashes or decoded slashes, cuts
/// path parameters (`..;x`, Servlet containers) or drops trailing dots and blanks (Windows: `.. .`, `...`).
fn is_disguised_dots(segment: &[u8]) -> bool {
    segment.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| {
        let name = part.split(|byte| *byte == b';').next().unwrap_or(part);
        name.first() == Some(&b'.') && name.iter().all(|byte| matches!(byte, b'.' | b' '))
    })
}

/// Whether every byte may stay as it is, and no segment is empty or begins with a dot.
fn is_normal_already(path: &[u8]) -> bool {
    let mut previous = 0;
    path.iter().all(|byte| {
        let stays = PLAIN_BYTES[usize::from(*byte)] && !(previous == b'/' && matches!(byte, b'/' | b'.'));
        previous = *byte;
        stays
    })
}

const PLAIN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte == b'/' as usize || is_path_byte(byte as u8);
        byte += 1;
    }
    table
};

/// The byte that `%XX` at `at` stands for.
fn escape_value(raw: &[u8], at: usize) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    Some(digit(raw.get(at + 1)?)? << 4 | digit(raw.get(at + 2)?)?)
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3 pchar, without the escape.
const fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

fn push_escaped(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// Escapes one segment for a link or a Location: what RFC 3986 §3.3 allows stays plain.
pub fn encode_segment(segment: &[u8]) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment {
        if is_path_byte(*byte) {
            text.push(char::from(*byte));
        } else {
            push_escaped(&mut text, *byte);
        }
    }
    text
}

/// Undoes percent-encoding once. `None` when an escape is broken. For queries and form values; paths go through
/// [`NormalPath`].
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let escaped = text[at] == b'%';
        decoded.push(if escaped { escape_value(text, at)? } else { text[at] });
        at += if escaped { 3 } else { 1 };
    }
    Some(decoded)
}

#[cfg(test)]
mod tests;
