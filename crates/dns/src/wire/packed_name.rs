//! A name inside a message, perhaps compressed (RFC 1035 §4.1.4). Checked once by
//! [`PackedName::decode`]; after that every reading succeeds.

use std::fmt;

use crate::error::WireError;
use crate::limits::{HEADER_BYTES, NAME_BYTES_MAX, POINTERS_PER_NAME_MAX};

use super::{Name, NameRef};

/// A name in place: the message and where in it the name begins.
#[derive(Clone, Copy)]
pub struct PackedName<'a> {
    message: &'a [u8],
    start: usize,
    /// Bytes when expanded.
    length: u8,
    packed: bool,
}

impl<'a> PackedName<'a> {
    /// Checks the name that begins at `start`: the name, and where in the message it ends.
    ///
    /// Work is bounded by 255 bytes and 127 pointers, whatever the message says.
    pub fn decode(message: &'a [u8], start: usize) -> Result<(Self, usize), WireError> {
        let (mut position, mut fragment, mut end) = (start, start, None);
        let (mut length, mut pointers) = (0, 0);
        loop {
            let head = *message.get(position).ok_or(WireError::Truncated)?;
            match head {
                0 => break,
                1..=63 => {
                    let label = 1 + usize::from(head);
                    length += label;
                    position += label;
                    if length >= NAME_BYTES_MAX {
                        return Err(WireError::NameTooLong);
                    }
                }
                0xc0.. => {
                    let low = *message.get(position + 1).ok_or(WireError::Truncated)?;
                    let target = usize::from(head & 0x3f) << 8 | usize::from(low);
                    end.get_or_insert(position + 2);
                    pointers += 1;
                    if pointers > POINTERS_PER_NAME_MAX {
                        return Err(WireError::PointerChain);
                    }
                    // RFC 1035 §4.1.4: "a prior occurrence". Each jump goes before the fragment it
                    // came from, so there can be no loop; the header holds no names.
                    if target >= fragment || target < HEADER_BYTES {
                        return Err(WireError::PointerForward);
                    }
                    (position, fragment) = (target, target);
                }
                _ => return Err(WireError::LabelType),
            }
        }
        let name = Self { message, start, length: (length + 1) as u8, packed: end.is_some() };
        Ok((name, end.unwrap_or(position + 1)))
    }

    /// The name itself when it is not compressed.
    pub fn plain(self) -> Option<NameRef<'a>> {
        (!self.packed).then(|| NameRef::from_checked(&self.message[self.start..][..usize::from(self.length)]))
    }

    /// Bytes of the expanded name, root included.
    pub fn expanded_length(self) -> usize {
        usize::from(self.length)
    }

    /// Where in the message it begins.
    pub const fn offset(self) -> usize {
        self.start
    }

    /// Labels, leftmost first, without the root.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        let (message, mut position) = (self.message, self.start);
        std::iter::from_fn(move || {
            while message[position] >= 0xc0 {
                position = usize::from(message[position] & 0x3f) << 8 | usize::from(message[position + 1]);
            }
            let length = usize::from(message[position]);
            let label = &message[position + 1..][..length];
            position += 1 + length;
            (length > 0).then_some(label)
        })
    }

    /// Writes the expanded name behind what `out` holds.
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self.plain() {
            Some(name) => out.extend_from_slice(name.wire()),
            None => {
                for label in self.labels() {
                    out.push(label.len() as u8);
                    out.extend_from_slice(label);
                }
                out.push(0);
            }
        }
    }

    /// An expanded copy.
    pub fn to_name(self) -> Name {
        if let Some(name) = self.plain() {
            return name.to_name();
        }
        let (mut bytes, mut length) = ([0; NAME_BYTES_MAX], 0);
        for label in self.labels() {
            bytes[length] = label.len() as u8;
            bytes[length + 1..][..label.len()].copy_from_slice(label);
            length += 1 + label.len();
        }
        Name::from_checked(&bytes[..=length])
    }

    /// Whether this is `other`, ignoring case.
    pub fn is(self, other: NameRef<'_>) -> bool {
        if self.expanded_length() != other.wire().len() {
            return false;
        }
        self.labels().eq_by_case(other.labels())
    }

    /// Whether this is `other` to the letter (what 0x20 asks for).
    pub fn is_exactly(self, other: NameRef<'_>) -> bool {
        self.expanded_length() == other.wire().len() && self.labels().eq(other.labels())
    }
}

/// Comparing labels without case.
trait LabelsEqual<'a>: Iterator<Item = &'a [u8]> + Sized {
    fn eq_by_case<'b>(mut self, mut other: impl Iterator<Item = &'b [u8]>) -> bool {
        loop {
            match (self.next(), other.next()) {
                (None, None) => return true,
                (Some(mine), Some(theirs)) if mine.eq_ignore_ascii_case(theirs) => {}
                _ => return false,
            }
        }
    }
}

impl<'a, I: Iterator<Item = &'a [u8]>> LabelsEqual<'a> for I {}

impl fmt::Debug for PackedName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_name(), formatter)
    }
}

impl fmt::Display for PackedName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_name(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve header bytes, then `body`.
    fn message(body: &[u8]) -> Vec<u8> {
        [&[0; 12], body].concat()
    }

    #[test]
    fn reads_plain_and_packed_names() {
        let bytes = message(b"\x03www\x07example\0\x04mail\xc0\x10\xc0\x19");
        for (start, text, end) in [(12, "www.example.", 25), (25, "mail.example.", 32), (32, "mail.example.", 34)] {
            // The third is a pointer to the second, which ends in a pointer itself.
            let (name, after) = PackedName::decode(&bytes, start).unwrap();
            assert_eq!((name.to_name().to_string().as_str(), after), (text, end));
            let mut expanded = Vec::new();
            name.append_to(&mut expanded);
            assert_eq!(expanded, name.to_name().wire());
            assert!(name.is(text.to_uppercase().parse::<Name>().unwrap().borrowed()));
            assert!(!name.is_exactly(text.to_uppercase().parse::<Name>().unwrap().borrowed()));
        }
    }

    #[test]
    fn hostile_009_to_018_pointers_and_labels() {
        for (case, body, start, expected) in [
            ("009 to itself", &b"\xc0\x0c"[..], 12, WireError::PointerForward),
            ("010 forward", b"\xc0\x0e\0", 12, WireError::PointerForward),
            ("011 two in a circle", b"\xc0\x0e\xc0\x0c", 14, WireError::PointerForward),
            ("011 into its own label", b"\x01a\xc0\x0c", 12, WireError::PointerForward),
            ("013 into the header", b"\xc0\x00", 12, WireError::PointerForward),
            ("014 past the end", b"\xff\xff", 12, WireError::PointerForward),
            ("015 type 01", b"\x40a\0", 12, WireError::LabelType),
            ("015 type 10", b"\x80a\0", 12, WireError::LabelType),
            ("016 label of 64", b"\x40", 12, WireError::LabelType),
            ("018 cut in a label", b"\x03ab", 12, WireError::Truncated),
            ("018 cut in a pointer", b"\xc0", 12, WireError::Truncated),
            ("018 no root", b"\x01a", 12, WireError::Truncated),
        ] {
            assert_eq!(PackedName::decode(&message(body), start).err(), Some(expected), "{case}");
        }
    }

    #[test]
    fn hostile_012_a_chain_of_pointers_ends() {
        let mut bytes = message(b"\0");
        for index in 0..200_usize {
            let target = if index == 0 { 12 } else { 13 + (index - 1) * 2 };
            bytes.extend([0xc0 | (target >> 8) as u8, target as u8]);
        }
        let at = |index: usize| PackedName::decode(&bytes, 13 + index * 2);
        assert!(at(126).unwrap().0.to_name().is_root(), "127 pointers");
        assert_eq!(at(127).err(), Some(WireError::PointerChain), "128 pointers");
    }

    #[test]
    fn hostile_017_names_that_expand_beyond_255_bytes() {
        // Four labels of 63 bytes, joined by pointers, and a fifth in front.
        let mut bytes = message(b"\0");
        let mut previous = 12;
        for length in [63_u8, 63, 63, 61] {
            let start = bytes.len();
            bytes.push(length);
            bytes.extend(vec![b'a'; usize::from(length)]);
            bytes.extend([0xc0 | (previous >> 8) as u8, previous as u8]);
            previous = start;
        }
        assert_eq!(PackedName::decode(&bytes, previous).unwrap().0.expanded_length(), 255);
        let start = bytes.len();
        bytes.extend([1, b'b', 0xc0 | (previous >> 8) as u8, previous as u8]);
        assert_eq!(PackedName::decode(&bytes, start).err(), Some(WireError::NameTooLong));
    }
}
