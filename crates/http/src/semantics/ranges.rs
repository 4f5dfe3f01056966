//! Byte ranges (RFC 9110 §14): which bytes of a representation were asked for, and how several of them are framed
//! as `multipart/byteranges`. Called by `files`, `store` and the cache; hands on to nothing.

use super::field_name::FieldName;
use super::fields::Fields;
use super::limits::{OVERLAPPING_RANGES_MAX, RANGE_GAP_MAX, RANGES_MAX};

/// Bytes `first..=last` of a representation. `first <= last` always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ByteRange {
    /// Offset of the first byte.
    pub first: u64,
    /// Offset of the last byte, inclusive.
    pub last: u64,
}

impl ByteRange {
    /// How many bytes. Ranges are cut to a representation's length, so this never overflows.
    pub const fn length(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The Content-Range of this part of `complete` bytes (RFC 9110 §14.4).
    pub fn content_range(&self, complete: u64) -> String {
        format!("bytes {}-{}/{complete}", self.first, self.last)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether one part costs less than two (RFC 9110 §15.3.7.2).
    fn near(&self, other: &Self) -> bool {
        self.first <= other.last.saturating_add(RANGE_GAP_MAX) && other.first <= self.last.saturating_add(RANGE_GAP_MAX)
    }
}

/// What a Range field selects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// Everything, with 200: there is no Range, or it is one to ignore.
    Whole,
    /// One part, with 206 and Content-Range.
    Single(ByteRange),
    /// Two to [`RANGES_MAX`] parts, with 206 and `multipart/byteranges`, in the order asked for.
    Several(Vec<ByteRange>),
    /// Nothing: 416, with [`unsatisfied_content_range`].
    Unsatisfiable,
}

/// Content-Range of a 416 (RFC 9110 §14.4).
pub fn unsatisfied_content_range(complete: u64) -> String {
    format!("bytes */{complete}")
}

/// Reads the Range field against a representation of `complete` bytes. To be called for GET only (RFC 9110 §14.2)
/// and after [`super::conditions::if_range_holds`].
///
/// Ignored, so that the whole is sent (RFC 9110 §14.2 allows each): another unit, a field that is no list of ranges,
/// two Range lines, more than [`RANGES_MAX`] ranges, more than [`OVERLAPPING_RANGES_MAX`] overlaps, and parts that
/// together are no shorter than the whole.
pub fn select(fields: &Fields, complete: u64) -> Selection {
    let Some(value) = fields.get_single(FieldName::Range) else { return Selection::Whole };
    let Some(specifiers) = parse_specifiers(value) else { return Selection::Whole };
    let asked: Vec<ByteRange> = specifiers.iter().filter_map(|specifier| specifier.resolve(complete)).collect();
    if asked.is_empty() {
        // RFC 9110 §14.1.2: a suffix longer than the representation selects all of it, here nothing to frame.
        let suffix = specifiers.iter().any(|specifier| matches!(specifier, Specifier::Suffix(1..)));
        return if suffix && complete == 0 { Selection::Whole } else { Selection::Unsatisfiable };
    }
    if overlaps(&asked) > OVERLAPPING_RANGES_MAX {
        return Selection::Whole;
    }
    let parts = coalesce(&asked);
    match parts[..] {
        [only] => Selection::Single(only),
        _ if parts.iter().map(ByteRange::length).sum::<u64>() >= complete => Selection::Whole,
        _ => Selection::Several(parts),
    }
}

/// A range as written (RFC 9110 §14.1.1).
#[derive(Clone, Copy, Debug)]
enum Specifier {
    From { first: u64, last: u64 },
    Suffix(u64),
}

impl Specifier {
    fn resolve(self, complete: u64) -> Option<ByteRange> {
        let end = complete.checked_sub(1)?;
        match self {
            Self::From { first, last } => (first <= end).then(|| ByteRange { first, last: last.min(end) }),
            Self::Suffix(0) => None,
            Self::Suffix(length) => Some(ByteRange { first: complete.saturating_sub(length), last: end }),
        }
    }
}

/// `None` when the field is to be ignored.
fn parse_specifiers(value: &[u8]) -> Option<Vec<Specifier>> {
    // RFC 9110 §14.1: range unit names are case-insensitive.
    let set = value.get(..6).filter(|unit| unit.eq_ignore_ascii_case(b"bytes=")).map(|_| &value[6..])?;
    let mut specifiers = Vec::new();
    for member in set.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()) {
        if specifiers.len() == RANGES_MAX {
            return None;
        }
        specifiers.push(parse_specifier(member)?);
    }
    (!specifiers.is_empty()).then_some(specifiers)
}

fn parse_specifier(member: &[u8]) -> Option<Specifier> {
    let dash = memchr::memchr(b'-', member)?;
    let (first, last) = (&member[..dash], &member[dash + 1..]);
    match (first, last) {
        (b"", last) => Some(Specifier::Suffix(number(last)?)),
        (first, b"") => Some(Specifier::From { first: number(first)?, last: u64::MAX }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            // RFC 9110 §14.1.1: last before first is invalid.
            (first <= last).then_some(Specifier::From { first, last })
        }
    }
}

/// Any number of digits; beyond 2^64 it is as good as the largest (RFC 9110 §14.1.1: any length may come).
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

fn overlaps(ranges: &[ByteRange]) -> usize {
    (1..ranges.len()).map(|at| ranges[..at].iter().filter(|earlier| earlier.overlaps(&ranges[at])).count()).sum()
}

/// Joins what touches, keeping the place of the first asked for; no two of the result are near each other.
fn coalesce(ranges: &[ByteRange]) -> Vec<ByteRange> {
    let mut parts: Vec<ByteRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut joined = *range;
        let mut place = parts.len();
        while let Some(at) = parts.iter().position(|part| part.near(&joined)) {
            let part = parts.remove(at);
            joined = ByteRange { first: part.first.min(joined.first), last: part.last.max(joined.last) };
            place = place.min(at);
        }
        parts.insert(place.min(parts.len()), joined);
    }
    parts
}

/// A `multipart/byteranges` body (RFC 9110 §14.6): a head before each part, a tail, and the exact length of it all.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    parts: Vec<(Vec<u8>, ByteRange)>,
    tail: Vec<u8>,
}

impl Multipart {
    /// Frames `ranges` of a representation of `complete` bytes and type `content_type`. `chance` makes the boundary:
    /// sixty-four bits that the content cannot have been written against.
    pub fn new(ranges: &[ByteRange], complete: u64, content_type: &[u8], chance: u64) -> Self {
        let boundary = format!("edgeway-{chance:016x}");
        let head = |index: usize, range: &ByteRange| {
            let mut head = if index == 0 { Vec::new() } else { b"\r\n".to_vec() };
            head.extend_from_slice(format!("--{boundary}\r\nContent-Type: ").as_bytes());
            head.extend_from_slice(content_type);
            head.extend_from_slice(format!("\r\nContent-Range: {}\r\n\r\n", range.content_range(complete)).as_bytes());
            head
        };
        let parts = ranges.iter().enumerate().map(|(index, range)| (head(index, range), *range)).collect();
        let tail = format!("\r\n--{boundary}--\r\n").into_bytes();
        Self { boundary, parts, tail }
    }

    /// The Content-Type of the response.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The Content-Length of the response.
    pub fn length(&self) -> u64 {
        self.parts.iter().map(|(head, range)| head.len() as u64 + range.length()).sum::<u64>() + self.tail.len() as u64
    }

    /// What to send before each part, and the part.
    pub fn parts(&self) -> &[(Vec<u8>, ByteRange)] {
        &self.parts
    }

    /// What to send after the last part.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }
}

/// A Content-Range of a request, as PATCH uses it (and PUT must refuse, RFC 9110 §14.5): the range, and the complete
/// length when it is given.
pub fn parse_content_range(value: &[u8]) -> Option<(ByteRange, Option<u64>)> {
    let rest = value.get(..6).filter(|unit| unit.eq_ignore_ascii_case(b"bytes ")).map(|_| &value[6..])?;
    let slash = memchr::memchr(b'/', rest)?;
    let dash = memchr::memchr(b'-', &rest[..slash])?;
    let exact = |digits: &[u8]| str::from_utf8(digits).ok().filter(|_| number(digits).is_some())?.parse::<u64>().ok();
    let range = ByteRange { first: exact(&rest[..dash])?, last: exact(&rest[dash + 1..slash])? };
    let complete = match &rest[slash + 1..] {
        b"*" => None,
        digits => Some(exact(digits)?),
    };
    // RFC 9110 §14.4: invalid when last is before first, or the complete length does not reach beyond last.
    (range.first <= range.last && range.last < u64::MAX && complete.is_none_or(|complete| complete > range.last))
        .then_some((range, complete))
}

#[cfg(test)]
mod tests;
