//! The Huffman code of RFC 7541 Appendix B, kept as the lengths of its codes: the code is canonical, so the
//! lengths say everything. Read by [`super::huffman`] only; all tables are made at compile time.

/// Symbols: the bytes and the end-of-string mark.
pub(super) const SYMBOL_COUNT: usize = 257;
/// The end-of-string mark (RFC 7541 §5.2), which never stands in a string.
pub(super) const END_OF_STRING: u16 = 256;
/// Bits of the longest code.
pub(super) const LENGTH_MAX: usize = 30;
/// Bits that [`FAST`] looks at: two of the commonest symbols in one step, in 16 KB.
pub(super) const FAST_BITS: u32 = 12;

/// Bits of each symbol's code.
pub(super) const LENGTHS: [u8; SYMBOL_COUNT] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];

/// Each symbol's code, aligned to the right.
pub(super) static CODES: [u32; SYMBOL_COUNT] = ranked().codes;

/// By length: the first code of that length, how many there are, and where their symbols start in [`SYMBOLS`].
pub(super) static RANKS: [Rank; LENGTH_MAX + 1] = ranked().ranks;

/// The symbols in the order of their codes.
pub(super) static SYMBOLS: [u16; SYMBOL_COUNT] = ranked().symbols;

/// What the next [`FAST_BITS`] bits begin with.
pub(super) static FAST: [Step; 1 << FAST_BITS] = fast();

/// The codes of one length.
#[derive(Clone, Copy)]
pub(super) struct Rank {
    pub(super) first_code: u32,
    pub(super) count: u32,
    pub(super) first_symbol: u16,
}

/// One or two symbols and the bits they take; no symbol when the code is longer than the look. In one word, read by one
/// load: symbols, count, bits, from the lowest byte up.
#[derive(Clone, Copy)]
pub(super) struct Step(u32);

impl Step {
    const NONE: Self = Self(0);

    const fn with(self, symbol: u8, bits: u8) -> Self {
        let count = self.count() as u32;
        Self((self.0 | (symbol as u32) << (8 * count)) + (1 << 16) + ((bits as u32) << 24))
    }

    pub(super) const fn symbols(self) -> [u8; 2] {
        (self.0 as u16).to_le_bytes()
    }

    pub(super) const fn count(self) -> u8 {
        (self.0 >> 16) as u8
    }

    pub(super) const fn bits(self) -> u32 {
        self.0 >> 24
    }
}

struct Ranked {
    codes: [u32; SYMBOL_COUNT],
    symbols: [u16; SYMBOL_COUNT],
    ranks: [Rank; LENGTH_MAX + 1],
}

/// Codes of one length are consecutive in the order of their symbols, and the next length goes on where
/// this one stopped, one bit to the left.
const fn ranked() -> Ranked {
    let mut made = Ranked {
        codes: [0; SYMBOL_COUNT],
        symbols: [0; SYMBOL_COUNT],
        ranks: [Rank { first_code: 0, count: 0, first_symbol: 0 }; LENGTH_MAX + 1],
    };
    let (mut code, mut placed, mut length) = (0_u32, 0_usize, 1);
    while length <= LENGTH_MAX {
        code <<= 1;
        made.ranks[length] = Rank { first_code: code, count: 0, first_symbol: placed as u16 };
        let mut symbol = 0;
        while symbol < SYMBOL_COUNT {
            if LENGTHS[symbol] as usize == length {
                made.codes[symbol] = code;
                made.symbols[placed] = symbol as u16;
                made.ranks[length].count += 1;
                placed += 1;
                code += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    made
}

const fn fast() -> [Step; 1 << FAST_BITS] {
    let ranked = ranked();
    let mut table = [Step::NONE; 1 << FAST_BITS];
    let mut look = 0;
    while look < table.len() {
        let mut step = Step::NONE;
        while step.count() < 2 {
            let (symbol, bits) = first_symbol(&ranked, look as u32, FAST_BITS - step.bits());
            if bits == 0 {
                break;
            }
            step = step.with(symbol, bits);
        }
        table[look] = step;
        look += 1;
    }
    table
}

/// The symbol whose code begins the lowest `available` bits of `look`, and its length; zero when none ends there.
const fn first_symbol(ranked: &Ranked, look: u32, available: u32) -> (u8, u8) {
    let look = look & ((1 << available) - 1);
    let mut length = 5;
    while length <= available {
        let rank = ranked.ranks[length as usize];
        let code = look >> (available - length);
        if code >= rank.first_code && code - rank.first_code < rank.count {
            let symbol = ranked.symbols[rank.first_symbol as usize + (code - rank.first_code) as usize];
            return (symbol as u8, length as u8);
        }
        length += 1;
    }
    (0, 0)
}
