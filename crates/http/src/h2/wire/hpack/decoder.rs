//! The HPACK decoder (RFC 7541 §3.2, §6). Called by the machine with a whole block; gives each field line to a sink.

use std::fmt;

use super::static_table;
use crate::binary::field_line::is_sound;
use crate::binary::prefix_integer::{self, IntegerError};
use crate::binary::string_literal::{LiteralError, Text};
use crate::binary::{DynamicTable, FieldLine, FieldSink, LineName};

/// Why a block could not be decoded. The tables are then out of step and the connection is lost (RFC 9113 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HpackError {
    /// The block ends inside a representation.
    Truncated,
    /// An integer beyond every bound.
    IntegerOverflow,
    /// An index of no entry.
    InvalidIndex,
    /// A string that is not Huffman-coded as it says.
    InvalidHuffman,
    /// A table size update that is too large, misplaced, missing, or one of too many.
    InvalidSizeUpdate,
    /// The sink gave up: the section is far beyond its bounds.
    Abandoned,
}

impl HpackError {
    /// One line for logs and GOAWAY.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "field block ends inside a field",
            Self::IntegerOverflow => "integer overflow in a field block",
            Self::InvalidIndex => "index of no table entry",
            Self::InvalidHuffman => "invalid Huffman string",
            Self::InvalidSizeUpdate => "invalid table size update",
            Self::Abandoned => "field section far too large",
        }
    }
}

impl fmt::Display for HpackError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::error::Error for HpackError {}

impl From<IntegerError> for HpackError {
    fn from(error: IntegerError) -> Self {
        match error {
            IntegerError::Incomplete => Self::Truncated,
            IntegerError::Overflow => Self::IntegerOverflow,
        }
    }
}

impl From<LiteralError> for HpackError {
    fn from(error: LiteralError) -> Self {
        match error {
            LiteralError::Length(error) => error.into(),
            LiteralError::Huffman => Self::InvalidHuffman,
        }
    }
}

/// RFC 7541 §4.2: a change of size is signalled once, or twice when the table shrank in between.
const SIZE_UPDATES_MAX: usize = 2;

/// One direction's decoder; lives as long as the connection.
#[derive(Debug)]
pub struct Decoder {
    table: DynamicTable,
    /// What our acknowledged SETTINGS_HEADER_TABLE_SIZE allows.
    capacity_max: usize,
    /// Our limit fell below the table's size, so the next block must say a new one (RFC 7541 §4.2).
    expects_update: bool,
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder with an empty table of `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        Self { table: DynamicTable::new(capacity), capacity_max: capacity, expects_update: false, scratch: Vec::new() }
    }

    /// The peer acknowledged another SETTINGS_HEADER_TABLE_SIZE of ours, in bytes.
    pub fn set_capacity_max(&mut self, capacity_max: usize) {
        self.capacity_max = capacity_max;
        self.expects_update = self.table.capacity() > capacity_max;
    }

    /// Decodes one whole block. After an error the decoder is of no more use.
    pub fn decode(&mut self, block: &[u8], sink: &mut impl FieldSink) -> Result<(), HpackError> {
        let mut position = 0;
        self.take_size_updates(block, &mut position)?;
        while let Some(byte) = block.get(position) {
            let goes_on = if byte & 0x80 != 0 {
                let number = prefix_integer::decode(block, &mut position, 7)?;
                sink.field(self.line(number)?)
            } else {
                self.literal(*byte, block, &mut position, sink)?
            };
            if !goes_on {
                return Err(HpackError::Abandoned);
            }
        }
        Ok(())
    }

    /// Gives spare memory back; the table's content stays, for the peer counts on it.
    pub fn release_memory(&mut self) {
        self.scratch = Vec::new();
        self.table.shrink();
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.scratch.capacity() + self.table.memory()
    }

    /// RFC 7541 §4.2: size updates stand at the beginning of a block and nowhere else.
    fn take_size_updates(&mut self, block: &[u8], position: &mut usize) -> Result<(), HpackError> {
        for _ in 0..SIZE_UPDATES_MAX {
            if block.get(*position).is_none_or(|byte| byte & 0xe0 != 0x20) {
                break;
            }
            let capacity = prefix_integer::decode(block, position, 5)?;
            if capacity > self.capacity_max as u64 {
                return Err(HpackError::InvalidSizeUpdate);
            }
            self.table.set_capacity(capacity as usize);
            self.expects_update = false;
        }
        if self.expects_update { Err(HpackError::InvalidSizeUpdate) } else { Ok(()) }
    }

    fn line(&self, number: u64) -> Result<FieldLine<'_>, HpackError> {
        let dynamic = || self.table.get(number.checked_sub(static_table::COUNT as u64 + 1)?);
        static_table::get(number).or_else(dynamic).ok_or(HpackError::InvalidIndex)
    }

    fn literal(
        &mut self,
        byte: u8,
        block: &[u8],
        position: &mut usize,
        sink: &mut impl FieldSink,
    ) -> Result<bool, HpackError> {
        // RFC 7541 §6.2: 01 is indexed from now on, 0000 is not, 0001 never by anyone; 001 is a misplaced size update.
        let (indexed, sensitive, prefix_bits) = match byte >> 4 {
            0b0000 => (false, false, 4),
            0b0001 => (false, true, 4),
            0b0010 | 0b0011 => return Err(HpackError::InvalidSizeUpdate),
            _ => (true, false, 6),
        };
        let number = prefix_integer::decode(block, position, prefix_bits)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let name = self.literal_name(number, block, position, &mut scratch)?;
        let value = Text::read(block, position, 7, &mut scratch)?;
        let text = name.text.bytes(block, &scratch);
        let value = value.bytes(block, &scratch);
        let name = name.name.unwrap_or_else(|| LineName::from_bytes(text));
        let line = FieldLine { name, text, value, sensitive, sound: is_sound(name, text, value) };
        let goes_on = sink.field(line);
        if indexed {
            self.table.insert(&line);
        }
        self.scratch = scratch;
        Ok(goes_on)
    }

    fn literal_name(
        &self,
        number: u64,
        block: &[u8],
        position: &mut usize,
        scratch: &mut Vec<u8>,
    ) -> Result<LiteralName, HpackError> {
        if number == 0 {
            return Ok(LiteralName { name: None, text: Text::read(block, position, 7, scratch)? });
        }
        // Copied, for the insertion may evict the very entry the name comes from (RFC 7541 §4.4).
        let line = self.line(number)?;
        scratch.extend_from_slice(line.text);
        Ok(LiteralName { name: Some(line.name), text: Text::Scratch(0, scratch.len()) })
    }
}

struct LiteralName {
    /// Looked up before, when it came from a table.
    name: Option<LineName>,
    text: Text,
}
