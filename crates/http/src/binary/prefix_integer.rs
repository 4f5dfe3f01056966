//! Integers that begin in the middle of a byte (RFC 7541 §5.1, RFC 9204 §4.1.1). Called by the field coders.

/// Why an integer could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntegerError {
    /// The bytes end before the integer does.
    Incomplete,
    /// Beyond 2^62 - 1, the largest number of either dialect (RFC 9204 §4.1.1), or padded with needless bytes.
    Overflow,
}

/// The largest value read.
const VALUE_MAX: u64 = (1 << 62) - 1;

/// Reads an integer whose first `prefix_bits` (1..=8) bits are the lowest of `bytes[*position]`, and moves
/// `position` past it. On an error `position` is left somewhere inside.
#[inline]
pub fn decode(bytes: &[u8], position: &mut usize, prefix_bits: u32) -> Result<u64, IntegerError> {
    let mask = (1_u32 << prefix_bits) - 1;
    let first = u32::from(*bytes.get(*position).ok_or(IntegerError::Incomplete)?) & mask;
    *position += 1;
    if first < mask { Ok(u64::from(first)) } else { decode_rest(bytes, position, u64::from(mask)) }
}

fn decode_rest(bytes: &[u8], position: &mut usize, prefix: u64) -> Result<u64, IntegerError> {
    let mut value = prefix;
    // Nine bytes of seven bits hold every value there is; more would be needless zeros.
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*position).ok_or(IntegerError::Incomplete)?;
        *position += 1;
        value = value.checked_add(u64::from(byte & 0x7f) << shift).ok_or(IntegerError::Overflow)?;
        if value > VALUE_MAX {
            return Err(IntegerError::Overflow);
        }
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(IntegerError::Overflow)
}

/// Appends `value` with the high bits of its first byte taken from `pattern`.
#[inline]
pub fn encode(value: u64, pattern: u8, prefix_bits: u32, out: &mut Vec<u8>) {
    let mask = (1_u64 << prefix_bits) - 1;
    if value < mask {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_7541_appendix_c_1_and_the_edges() {
        for (value, prefix_bits, bytes) in [
            (10, 5, &[0b0000_1010][..]),
            (1337, 5, &[0b0001_1111, 0b1001_1010, 0b0000_1010]),
            (42, 8, &[42]),
            (31, 5, &[31, 0]),
            (255, 8, &[255, 0]),
            (VALUE_MAX, 8, &[255, 0x80, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]),
        ] {
            let mut out = Vec::new();
            encode(value, 0, prefix_bits, &mut out);
            assert_eq!(out, bytes, "{value}");
            let mut position = 0;
            assert_eq!(decode(bytes, &mut position, prefix_bits), Ok(value));
            assert_eq!(position, bytes.len());
        }
    }

    #[test]
    fn endless_and_cut_integers_are_refused() {
        for (bytes, error) in [
            (&[][..], IntegerError::Incomplete),
            (&[31], IntegerError::Incomplete),
            (&[31, 0x80, 0x80], IntegerError::Incomplete),
            (&[31, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], IntegerError::Overflow),
            (&[31, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], IntegerError::Overflow),
        ] {
            assert_eq!(decode(bytes, &mut 0, 5), Err(error), "{bytes:x?}");
        }
    }
}
