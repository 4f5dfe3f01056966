//! What travels on QPACK's two streams (RFC 9204 §4.3, §4.4). Read and written by the encoder and the decoder.

use crate::binary::prefix_integer::{self, IntegerError};
use crate::binary::string_literal::{LiteralError, Text};

/// From an encoder to a decoder.
#[derive(Clone, Copy, Debug)]
pub(super) enum EncoderInstruction {
    /// §4.3.1
    SetCapacity(u64),
    /// §4.3.2: the name is that of an entry.
    InsertWithName { is_static: bool, index: u64, value: Text },
    /// §4.3.3
    InsertLiteral { name: Text, value: Text },
    /// §4.3.4
    Duplicate(u64),
}

impl EncoderInstruction {
    /// Reads one at `position`. `Length(Incomplete)` says that it is not whole.
    pub(super) fn decode(bytes: &[u8], position: &mut usize, scratch: &mut Vec<u8>) -> Result<Self, LiteralError> {
        let first = *bytes.get(*position).ok_or(IntegerError::Incomplete)?;
        scratch.clear();
        if first & 0x80 != 0 {
            let index = prefix_integer::decode(bytes, position, 6)?;
            let value = Text::read(bytes, position, 7, scratch)?;
            return Ok(Self::InsertWithName { is_static: first & 0x40 != 0, index, value });
        }
        if first & 0x40 != 0 {
            let name = Text::read(bytes, position, 5, scratch)?;
            return Ok(Self::InsertLiteral { name, value: Text::read(bytes, position, 7, scratch)? });
        }
        let number = prefix_integer::decode(bytes, position, 5)?;
        Ok(if first & 0x20 != 0 { Self::SetCapacity(number) } else { Self::Duplicate(number) })
    }
}

/// From a decoder to an encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DecoderInstruction {
    /// §4.4.1: a section of this stream was decoded.
    SectionAcknowledgement(u64),
    /// §4.4.2: no section of this stream will be.
    StreamCancellation(u64),
    /// §4.4.3: so many more insertions were taken.
    InsertCountIncrement(u64),
}

impl DecoderInstruction {
    /// Reads one at `position`.
    pub(super) fn decode(bytes: &[u8], position: &mut usize) -> Result<Self, IntegerError> {
        let first = *bytes.get(*position).ok_or(IntegerError::Incomplete)?;
        Ok(match first >> 6 {
            0b00 => Self::InsertCountIncrement(prefix_integer::decode(bytes, position, 6)?),
            0b01 => Self::StreamCancellation(prefix_integer::decode(bytes, position, 6)?),
            _ => Self::SectionAcknowledgement(prefix_integer::decode(bytes, position, 7)?),
        })
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::SectionAcknowledgement(stream) => prefix_integer::encode(stream, 0x80, 7, out),
            Self::StreamCancellation(stream) => prefix_integer::encode(stream, 0x40, 6, out),
            Self::InsertCountIncrement(count) => prefix_integer::encode(count, 0, 6, out),
        }
    }
}
