//! Finding the byte that ends something, a word of eight at a time with plain arithmetic ("SIMD within a
//! register"). Called by the decoders of this room.
//!
//! Words are read little-endian, so the lowest flag is the first byte. A subtraction borrows only out of a byte that
//! is flagged itself: flags above the lowest may be wrong, the lowest never is.

/// The first position from `at` on whose byte no field value may have: a control other than HTAB
/// (RFC 9110 §5.5). The length of `bytes` when there is none.
#[inline]
pub(crate) fn value_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let control = find(bytes, at, controls, |byte| byte < b' ' || byte == 0x7f);
        if bytes.get(control) != Some(&b'\t') {
            return control;
        }
        at = control + 1;
    }
}

/// The first position from `at` on whose byte is not visible ASCII. The length of `bytes` when there is none.
#[inline]
pub(crate) fn visible_end(bytes: &[u8], at: usize) -> usize {
    let invisible = |word| below(word, 0x21) | equal(word, 0x7f) | (word & HIGHS);
    find(bytes, at, invisible, |byte| !(0x21..=0x7e).contains(&byte))
}

/// The first colon from `at` on.
#[inline]
pub(crate) fn colon(bytes: &[u8], at: usize) -> Option<usize> {
    let found = find(bytes, at, |word| equal(word, b':'), |byte| byte == b':');
    (found < bytes.len()).then_some(found)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Looks for the first byte that `stops`: by word with `flags`, the last few one by one.
#[inline]
fn find(bytes: &[u8], mut at: usize, flags: impl Fn(u64) -> u64, stops: impl Fn(u8) -> bool) -> usize {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = flags(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if stops(*byte) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// Flags the control characters of `word`. Exact: seven bits and what is added never overflow into the next byte.
const fn controls(word: u64) -> u64 {
    let low = word & !HIGHS;
    (!(low + ONES * 0x60) | (low + ONES)) & !word & HIGHS
}

/// Flags the bytes of `word` below `bound`, which is at most 0x80.
const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * bound as u64) & !word & HIGHS
}

/// Flags the bytes of `word` that are `byte`.
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    difference.wrapping_sub(ONES) & !difference & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_agrees_with_the_definition() {
        for length in [0, 1, 15, 16, 17, 40] {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    let value = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                    assert_eq!(value_end(&bytes, 0), if value { place } else { length }, "{byte:#x} at {place}");
                    let visible = (0x21..=0x7e).contains(&byte);
                    assert_eq!(visible_end(&bytes, 0), if visible { length } else { place }, "{byte:#x} at {place}");
                    assert_eq!(colon(&bytes, 0), (byte == b':').then_some(place), "{byte:#x} at {place}");
                }
            }
        }
    }
}
