//! Huffman coding of string literals (RFC 7541 §5.2, RFC 9204 §4.1.2). Called by the field coders of both
//! binary dialects. Decoding looks up two symbols at a time; encoding gathers 64 bits before it writes.

use super::huffman_table::{CODES, END_OF_STRING, FAST, FAST_BITS, LENGTH_MAX, LENGTHS, RANKS, SYMBOLS};

/// The string holds the end-of-string symbol, or its padding is longer than seven bits or not all ones
/// (RFC 7541 §5.2: a decoding error).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidHuffman;

impl std::fmt::Display for InvalidHuffman {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("not a Huffman string of RFC 7541 Appendix B")
    }
}

impl std::error::Error for InvalidHuffman {}

/// How many bytes `text` takes when encoded.
pub fn encoded_length(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    bits.div_ceil(8)
}

/// Appends the coded form of `text`: exactly [`encoded_length`] bytes.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut gathered, mut count) = (0_u64, 0_u32);
    for byte in text {
        let length = u32::from(LENGTHS[usize::from(*byte)]);
        gathered = gathered << length | u64::from(CODES[usize::from(*byte)]);
        count += length;
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((gathered >> count) as u32).to_be_bytes());
        }
    }
    // RFC 7541 §5.2: the rest of the last byte is filled with ones, the beginning of end-of-string.
    let padded = count.next_multiple_of(8);
    let last = (gathered << (padded - count) | ((1 << (padded - count)) - 1)) as u32;
    let bytes = (u64::from(last) << (32 - padded)).to_be_bytes();
    out.extend_from_slice(&bytes[4..4 + padded as usize / 8]);
}

/// Appends what `coded` stands for: at most 8/5 of its length. On an error `out` keeps its old length.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidHuffman> {
    let start = out.len();
    // The shortest code has five bits; two bytes more let every step write two symbols.
    out.resize(start + coded.len() * 8 / 5 + 2, 0);
    match decode_into(coded, &mut out[start..]) {
        Ok(length) => {
            out.truncate(start + length);
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

fn decode_into(coded: &[u8], out: &mut [u8]) -> Result<usize, InvalidHuffman> {
    let mut bits = Bits { coded, position: 0, window: 0, available: 0 };
    let mut length = 0;
    loop {
        bits.refill();
        while bits.available >= FAST_BITS {
            let step = FAST[(bits.window >> (64 - FAST_BITS)) as usize];
            if step.count() == 0 {
                break;
            }
            out[length..length + 2].copy_from_slice(&step.symbols());
            length += usize::from(step.count());
            bits.skip(step.bits());
        }
        if bits.available >= FAST_BITS {
            // A code longer than the look. It needs the window full, unless these are the last bits.
            bits.refill();
            let Some((symbol, code_length)) = long_symbol(bits.window, bits.available)? else { break };
            out[length] = symbol;
            length += 1;
            bits.skip(code_length);
        } else if bits.position == coded.len() {
            break;
        }
    }
    // Fewer bits are left than the fast table looks at: one symbol at a time.
    while bits.available >= 5 {
        let step = FAST[(bits.window >> (64 - FAST_BITS)) as usize];
        let [symbol, _] = step.symbols();
        let code_length = u32::from(LENGTHS[usize::from(symbol)]);
        if step.count() == 0 || code_length > bits.available {
            break;
        }
        out[length] = symbol;
        length += 1;
        bits.skip(code_length);
    }
    bits.finish(length)
}

/// The symbol whose code is longer than the fast table looks, and its length; `None` when the bits end before the code.
#[cold]
fn long_symbol(window: u64, available: u32) -> Result<Option<(u8, u32)>, InvalidHuffman> {
    for length in FAST_BITS + 1..=LENGTH_MAX as u32 {
        if length > available {
            return Ok(None);
        }
        let rank = RANKS[length as usize];
        let offset = ((window >> (64 - length)) as u32).wrapping_sub(rank.first_code);
        if offset < rank.count {
            let symbol = SYMBOLS[usize::from(rank.first_symbol) + offset as usize];
            return if symbol == END_OF_STRING { Err(InvalidHuffman) } else { Ok(Some((symbol as u8, length))) };
        }
    }
    Err(InvalidHuffman)
}

struct Bits<'a> {
    coded: &'a [u8],
    position: usize,
    /// The next bits, aligned to the left; zeros after them.
    window: u64,
    available: u32,
}

impl Bits<'_> {
    #[inline]
    fn refill(&mut self) {
        if let Some(word) = self.coded[self.position..].first_chunk::<8>() {
            let taken = (63 - self.available) / 8;
            // Bits beyond the taken bytes are cut off: the next refill brings them.
            let filled = self.available + taken * 8;
            self.window |= (u64::from_be_bytes(*word) >> self.available) & (u64::MAX << (64 - filled));
            self.position += taken as usize;
            self.available = filled;
            return;
        }
        while self.available <= 56 && self.position < self.coded.len() {
            self.window |= u64::from(self.coded[self.position]) << (56 - self.available);
            self.position += 1;
            self.available += 8;
        }
    }

    #[inline]
    const fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.available -= count;
    }

    /// RFC 7541 §5.2: padding of eight bits or more, or not of ones, is an error.
    fn finish(&self, length: usize) -> Result<usize, InvalidHuffman> {
        let ones = !(u64::MAX.checked_shr(self.available).unwrap_or(0));
        if self.available < 8 && self.window == ones { Ok(length) } else { Err(InvalidHuffman) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgeway_base::{Entropy, SeededEntropy};

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, InvalidHuffman> {
        let mut out = Vec::new();
        decode(coded, &mut out).map(|()| out)
    }

    #[test]
    fn the_table_is_the_one_of_rfc_7541_appendix_b() {
        for (symbol, code, length) in [
            (usize::from(b'0'), 0x0, 5),
            (usize::from(b'a'), 0x3, 5),
            (usize::from(b' '), 0x14, 6),
            (usize::from(b':'), 0x5c, 7),
            (usize::from(b'{'), 0x7ffe, 15),
            (9, 0xff_ffea, 24),
            (203, 0x7ff_ffde, 27),
            (255, 0x3ff_ffee, 26),
            (256, 0x3fff_ffff, 30),
        ] {
            assert_eq!((CODES[symbol], LENGTHS[symbol]), (code, length), "{symbol}");
        }
    }

    #[test]
    fn examples_of_rfc_7541_appendix_c() {
        for (text, coded) in [
            (&b"www.example.com"[..], &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..]),
            (b"no-cache", &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            (b"302", &[0x64, 0x02]),
            (b"", &[]),
        ] {
            let mut out = Vec::new();
            encode(text, &mut out);
            assert_eq!((out.as_slice(), encoded_length(text)), (coded, coded.len()));
            assert_eq!(decoded(coded).as_deref(), Ok(text));
        }
    }

    #[test]
    fn every_string_comes_back() {
        let mut entropy = SeededEntropy::new(7541);
        for round in 0..2_000 {
            let mut text = vec![0; entropy.below(70) as usize];
            entropy.fill(&mut text);
            if round % 2 == 0 {
                text.iter_mut().for_each(|byte| *byte = b' ' + *byte % 95);
            }
            let mut coded = Vec::new();
            encode(&text, &mut coded);
            assert_eq!(coded.len(), encoded_length(&text));
            assert_eq!(decoded(&coded), Ok(text));
        }
    }

    #[test]
    fn end_of_string_and_wrong_padding_are_refused() {
        for wrong in [
            &[0xff, 0xff, 0xff, 0xff][..],         // end-of-string whole
            &[0xff, 0xff, 0xff, 0xfc],             // its 30 bits, then zeros
            &[0x00],                               // '0', then padding of zeros
            &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbe], // the last padding bit is zero
            &[0x64, 0x02, 0xff],                   // eight bits of padding
            &[0xff],
        ] {
            assert_eq!(decoded(wrong), Err(InvalidHuffman), "{wrong:x?}");
        }
    }
}
