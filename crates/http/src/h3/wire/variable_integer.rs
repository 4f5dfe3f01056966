//! QUIC's integers (RFC 9000 §16), of which HTTP/3's frames are made. Called by everything that reads or writes them.

/// The largest value.
pub const VALUE_MAX: u64 = (1 << 62) - 1;

/// Reads one at `position` and moves past it; `None` when it is not whole.
pub fn decode(bytes: &[u8], position: &mut usize) -> Option<u64> {
    let rest = bytes.get(*position..)?;
    let length = 1_usize << (rest.first()? >> 6);
    let taken = rest.get(..length)?;
    *position += length;
    let first = u64::from(taken[0] & 0x3f);
    Some(taken[1..].iter().fold(first, |value, byte| value << 8 | u64::from(*byte)))
}

/// Appends one in its shortest form; values beyond [`VALUE_MAX`] lose their highest bits.
pub fn encode(value: u64, out: &mut Vec<u8>) {
    match value & VALUE_MAX {
        value @ 0..0x40 => out.push(value as u8),
        value @ 0x40..0x4000 => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        value @ 0x4000..0x4000_0000 => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        value => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_9000_appendix_a_1() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            let (mut position, mut out) = (0, Vec::new());
            assert_eq!(decode(bytes, &mut position), Some(value));
            encode(value, &mut out);
            assert_eq!((position, out.as_slice()), (bytes.len(), bytes));
            assert_eq!(decode(&bytes[..bytes.len() - 1], &mut 0), None);
        }
        assert_eq!(decode(&[0x40, 0x25], &mut 0), Some(37), "longer than need be is allowed");
    }
}
