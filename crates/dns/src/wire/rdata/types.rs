//! Sets of record types as NSEC, NSEC3 and CSYNC write them (RFC 4034 §4.1.2).

use crate::wire::RecordType;

/// A checked bitmap of types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeBitmap<'a>(pub(super) &'a [u8]);

impl<'a> TypeBitmap<'a> {
    /// Whether the set has the type.
    pub fn contains(self, record_type: RecordType) -> bool {
        let [window, low] = record_type.0.to_be_bytes();
        let found = self.windows().find(|(found, _)| *found == window);
        found.and_then(|(_, bits)| bits.get(usize::from(low / 8))).is_some_and(|byte| byte & 0x80 >> (low % 8) != 0)
    }

    /// All types of the set, in rising order.
    pub fn iter(self) -> impl Iterator<Item = RecordType> + 'a {
        self.windows().flat_map(|(window, bits)| {
            (0..bits.len() * 8)
                .filter(move |bit| bits[bit / 8] & 0x80 >> (bit % 8) != 0)
                .map(move |bit| RecordType(u16::from(window) << 8 | bit as u16))
        })
    }

    /// The bitmap as it stands.
    pub const fn wire(self) -> &'a [u8] {
        self.0
    }

    /// Writes the bitmap of `types` (any order, doubles allowed) behind what `out` holds.
    pub fn encode(types: impl IntoIterator<Item = RecordType>, out: &mut Vec<u8>) {
        let mut sorted: Vec<u16> = types.into_iter().map(|record_type| record_type.0).collect();
        sorted.sort_unstable();
        for window in sorted.chunk_by(|a, b| a >> 8 == b >> 8) {
            let mut bits = [0_u8; 32];
            for value in window {
                bits[usize::from(value & 0xff) / 8] |= 0x80 >> (value % 8);
            }
            // The list is sorted, so its last value decides how many bytes are needed.
            let length = window.last().map_or(0, |value| usize::from(value & 0xff) / 8 + 1);
            out.extend([(window[0] >> 8) as u8, length as u8]);
            out.extend_from_slice(&bits[..length]);
        }
    }

    fn windows(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let [window, length, after @ ..] = rest else { return None };
            let (bits, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some((*window, bits))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_4034_section_4_3() {
        let types = [RecordType::A, RecordType::MX, RecordType::RRSIG, RecordType::NSEC, RecordType(1234)];
        let mut wire = Vec::new();
        TypeBitmap::encode(types.into_iter().rev().chain([RecordType::A]), &mut wire);
        let expected = [&[0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 0x1b][..], &[0; 26], &[0x20]].concat();
        assert_eq!(wire, expected);
        let bitmap = TypeBitmap(&wire);
        assert_eq!(bitmap.iter().collect::<Vec<_>>(), types);
        assert!(
            bitmap.contains(RecordType::MX) && !bitmap.contains(RecordType::NS) && !bitmap.contains(RecordType(1235))
        );
    }
}
