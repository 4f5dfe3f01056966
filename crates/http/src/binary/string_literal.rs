//! String literals (RFC 7541 §5.2, RFC 9204 §4.1.2): a bit that says whether they are Huffman-coded, a length, the bytes.
//! Called by the field coders of both binary dialects.

use super::huffman;
use super::prefix_integer::{self, IntegerError};

/// Why a string could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LiteralError {
    /// Its length, or its bytes, are not all there, or the length is beyond all bounds.
    Length(IntegerError),
    /// It is not Huffman-coded as it says.
    Huffman,
}

impl From<IntegerError> for LiteralError {
    fn from(error: IntegerError) -> Self {
        Self::Length(error)
    }
}

/// Where a string's bytes lie: from, to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    /// As they came.
    Block(usize, usize),
    /// Decoded, in scratch memory.
    Scratch(usize, usize),
}

impl Text {
    /// Reads a string whose length begins in the lowest `prefix_bits` bits of the next byte, the Huffman bit above them.
    pub(crate) fn read(
        block: &[u8],
        position: &mut usize,
        prefix_bits: u32,
        scratch: &mut Vec<u8>,
    ) -> Result<Self, LiteralError> {
        let is_huffman = block.get(*position).ok_or(IntegerError::Incomplete)? & 1 << prefix_bits != 0;
        let length = prefix_integer::decode(block, position, prefix_bits)?;
        let start = *position;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let end = end.filter(|end| *end <= block.len()).ok_or(IntegerError::Incomplete)?;
        *position = end;
        if !is_huffman {
            return Ok(Self::Block(start, end));
        }
        let from = scratch.len();
        huffman::decode(&block[start..end], scratch).map_err(|_| LiteralError::Huffman)?;
        Ok(Self::Scratch(from, scratch.len()))
    }

    /// Its bytes.
    pub(crate) fn bytes<'a>(&self, block: &'a [u8], scratch: &'a [u8]) -> &'a [u8] {
        match *self {
            Self::Block(from, to) => &block[from..to],
            Self::Scratch(from, to) => &scratch[from..to],
        }
    }
}

/// Appends a string in whichever of the two forms is shorter; `pattern` are the bits above the Huffman bit.
pub(crate) fn write(text: &[u8], pattern: u8, prefix_bits: u32, out: &mut Vec<u8>) {
    let coded = huffman::encoded_length(text);
    if coded < text.len() {
        prefix_integer::encode(coded as u64, pattern | 1 << prefix_bits, prefix_bits, out);
        huffman::encode(text, out);
    } else {
        prefix_integer::encode(text.len() as u64, pattern, prefix_bits, out);
        out.extend_from_slice(text);
    }
}
