//! The QPACK decoder (RFC 9204 §2.2, §4.5). Called by the connection with what comes on the peer's encoder stream and with
//! whole field sections; gives field lines to a sink, and bytes for our decoder stream.

use super::QpackError;
use super::instructions::{DecoderInstruction, EncoderInstruction};
use super::static_table;
use crate::binary::field_line::is_sound;
use crate::binary::prefix_integer::{self, IntegerError};
use crate::binary::string_literal::{LiteralError, Text};
use crate::binary::{DynamicTable, FieldLine, FieldSink, LineName};

/// What came of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// All its lines were given to the sink.
    Whole,
    /// It refers to insertions that have not come: try again when [`Decoder::insert_count`] has reached this number.
    Blocked(u64),
}

/// One direction's decoder; lives as long as the connection.
#[derive(Debug)]
pub struct Decoder {
    table: DynamicTable,
    /// Our SETTINGS_QPACK_MAX_TABLE_CAPACITY, in bytes.
    capacity_max: usize,
    /// An instruction that is not whole.
    partial: Vec<u8>,
    /// Insertions the peer knows we have.
    acknowledged: u64,
    /// For our decoder stream.
    out: Vec<u8>,
    scratch: Vec<u8>,
}

/// Bytes of an instruction beyond what its entry may have: two lengths.
const INSTRUCTION_OVERHEAD_MAX: usize = 32;

impl Decoder {
    /// A decoder whose table, empty at first (RFC 9204 §3.2.3), may grow to `capacity_max` bytes.
    pub const fn new(capacity_max: usize) -> Self {
        Self {
            table: DynamicTable::empty(),
            capacity_max,
            partial: Vec::new(),
            acknowledged: 0,
            out: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// How many insertions have come: what blocked sections wait for.
    pub const fn insert_count(&self) -> u64 {
        self.table.inserted()
    }

    /// Takes bytes of the peer's encoder stream.
    pub fn handle_encoder_stream(&mut self, bytes: &[u8]) -> Result<(), QpackError> {
        let mut stream = std::mem::take(&mut self.partial);
        stream.extend_from_slice(bytes);
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut taken = 0;
        while taken < stream.len() {
            let mut position = taken;
            match EncoderInstruction::decode(&stream, &mut position, &mut scratch) {
                Ok(instruction) => self.apply(instruction, &stream, &scratch)?,
                Err(LiteralError::Length(IntegerError::Incomplete)) => break,
                Err(LiteralError::Length(IntegerError::Overflow)) => {
                    return Err(QpackError::EncoderStream("integer overflow"));
                }
                Err(LiteralError::Huffman) => return Err(QpackError::EncoderStream("invalid Huffman string")),
            }
            taken = position;
        }
        stream.drain(..taken);
        // Huffman may make a string longer than it is, by 30 bits for 8.
        if stream.len() > self.capacity_max * 4 + INSTRUCTION_OVERHEAD_MAX {
            return Err(QpackError::EncoderStream("an entry larger than the table"));
        }
        (self.partial, self.scratch) = (stream, scratch);
        Ok(())
    }

    /// Decodes the section of `stream`. A blocked section is to be kept by the caller, who bounds how many there are
    /// (SETTINGS_QPACK_BLOCKED_STREAMS), and given again.
    pub fn decode(&mut self, stream: u64, section: &[u8], sink: &mut impl FieldSink) -> Result<Decoded, QpackError> {
        let mut position = 0;
        let coded = prefix_integer::decode(section, &mut position, 8)?;
        let required = self.required_insert_count(coded)?;
        if required > self.table.inserted() {
            return Ok(Decoded::Blocked(required));
        }
        let base = self.base(section, &mut position, required)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut lines = Lines { section, required, base };
        let decoded = lines.decode(&self.table, position, &mut scratch, sink);
        self.scratch = scratch;
        decoded?;
        if required > 0 {
            // RFC 9204 §4.4.1: this also acknowledges the insertions it needed.
            DecoderInstruction::SectionAcknowledgement(stream).encode(&mut self.out);
            self.acknowledged = self.acknowledged.max(required);
        }
        Ok(Decoded::Whole)
    }

    /// The stream is reset, or its sections will not be read: the peer's encoder hears of it (RFC 9204 §2.2.2.2).
    pub fn cancel_stream(&mut self, stream: u64) {
        if self.capacity_max > 0 {
            DecoderInstruction::StreamCancellation(stream).encode(&mut self.out);
        }
    }

    /// Moves what is to be sent on our decoder stream to `out`.
    pub fn poll_decoder_stream(&mut self, out: &mut Vec<u8>) {
        let count = self.table.inserted() - self.acknowledged;
        if count > 0 {
            DecoderInstruction::InsertCountIncrement(count).encode(&mut self.out);
            self.acknowledged = self.table.inserted();
        }
        out.append(&mut self.out);
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.table.memory() + self.partial.capacity() + self.out.capacity() + self.scratch.capacity()
    }

    fn apply(&mut self, instruction: EncoderInstruction, bytes: &[u8], scratch: &[u8]) -> Result<(), QpackError> {
        let no_entry = QpackError::EncoderStream("reference to no entry");
        let mut copy = Vec::new();
        let (name, text, value) = match instruction {
            EncoderInstruction::SetCapacity(capacity) if capacity > self.capacity_max as u64 => {
                // RFC 9204 §3.2.3
                return Err(QpackError::EncoderStream("table capacity beyond the limit"));
            }
            EncoderInstruction::SetCapacity(capacity) => {
                self.table.set_capacity(capacity as usize);
                return Ok(());
            }
            EncoderInstruction::InsertWithName { is_static: true, index, value } => {
                let entry = static_table::get(index).ok_or(no_entry)?;
                (entry.name, entry.text, value.bytes(bytes, scratch))
            }
            EncoderInstruction::InsertWithName { is_static: false, index, value } => {
                let entry = self.table.get(index).ok_or(no_entry)?;
                copy.extend_from_slice(entry.text);
                (entry.name, copy.as_slice(), value.bytes(bytes, scratch))
            }
            EncoderInstruction::InsertLiteral { name, value } => {
                let text = name.bytes(bytes, scratch);
                (LineName::from_bytes(text), text, value.bytes(bytes, scratch))
            }
            EncoderInstruction::Duplicate(index) => {
                let entry = self.table.get(index).ok_or(no_entry)?;
                copy.extend_from_slice(entry.text);
                copy.extend_from_slice(entry.value);
                let (text, value) = copy.split_at(entry.text.len());
                (entry.name, text, value)
            }
        };
        let line = FieldLine { name, text, value, sensitive: false, sound: is_sound(name, text, value) };
        // RFC 9204 §3.2.2: an entry larger than the table is an error, not an empty table.
        if self.table.insert(&line) { Ok(()) } else { Err(QpackError::EncoderStream("an entry larger than the table")) }
    }

    /// RFC 9204 §4.5.1.1.
    const fn required_insert_count(&self, coded: u64) -> Result<u64, QpackError> {
        const WRONG: QpackError = QpackError::Section("impossible required insert count");
        if coded == 0 {
            return Ok(0);
        }
        let entries_max = (self.capacity_max / 32) as u64;
        let full_range = 2 * entries_max;
        if coded > full_range {
            return Err(WRONG);
        }
        let value_max = self.table.inserted() + entries_max;
        let wrapped = value_max / full_range * full_range;
        let required = wrapped + coded - 1;
        let required = match required > value_max {
            false => required,
            true if required <= full_range => return Err(WRONG),
            true => required - full_range,
        };
        if required == 0 { Err(WRONG) } else { Ok(required) }
    }

    /// RFC 9204 §4.5.1.2.
    fn base(&self, section: &[u8], position: &mut usize, required: u64) -> Result<u64, QpackError> {
        let is_negative = section.get(*position).is_some_and(|byte| byte & 0x80 != 0);
        let delta = prefix_integer::decode(section, position, 7)?;
        let base = if is_negative { required.checked_sub(delta + 1) } else { required.checked_add(delta) };
        base.ok_or(QpackError::Section("impossible base"))
    }
}

/// One section being decoded.
struct Lines<'a> {
    section: &'a [u8],
    required: u64,
    base: u64,
}

impl<'a> Lines<'a> {
    fn decode(
        &mut self,
        table: &DynamicTable,
        mut position: usize,
        scratch: &mut Vec<u8>,
        sink: &mut impl FieldSink,
    ) -> Result<(), QpackError> {
        while position < self.section.len() {
            scratch.clear();
            if !sink.field(self.line(table, &mut position, scratch)?) {
                return Err(QpackError::Abandoned);
            }
        }
        Ok(())
    }

    /// RFC 9204 §4.5.2 to §4.5.6.
    fn line<'b>(
        &self,
        table: &'b DynamicTable,
        position: &mut usize,
        scratch: &'b mut Vec<u8>,
    ) -> Result<FieldLine<'b>, QpackError>
    where
        'a: 'b,
    {
        let first = self.section[*position];
        match first.leading_zeros() {
            // Indexed.
            0 => self.entry(table, position, 6, first & 0x40 != 0),
            // Literal with a name of an entry.
            1 => {
                let name = self.entry(table, position, 4, first & 0x10 != 0)?;
                self.literal(name, position, first & 0x20 != 0, scratch)
            }
            // Literal with a literal name.
            2 => {
                let text = Text::read(self.section, position, 3, scratch)?;
                let value = Text::read(self.section, position, 7, scratch)?;
                let (text, value) = (text.bytes(self.section, scratch), value.bytes(self.section, scratch));
                let name = LineName::from_bytes(text);
                let sensitive = first & 0x10 != 0;
                Ok(FieldLine { name, text, value, sensitive, sound: is_sound(name, text, value) })
            }
            // Indexed, after the base.
            3 => self.entry_after_base(table, position, 4),
            // Literal with a name after the base.
            _ => {
                let name = self.entry_after_base(table, position, 3)?;
                self.literal(name, position, first & 0x08 != 0, scratch)
            }
        }
    }

    fn literal<'b>(
        &self,
        name: FieldLine<'b>,
        position: &mut usize,
        sensitive: bool,
        scratch: &'b mut Vec<u8>,
    ) -> Result<FieldLine<'b>, QpackError>
    where
        'a: 'b,
    {
        let value = Text::read(self.section, position, 7, scratch)?.bytes(self.section, scratch);
        Ok(FieldLine { value, sensitive, sound: is_sound(name.name, name.text, value), ..name })
    }

    fn entry<'b>(
        &self,
        table: &'b DynamicTable,
        position: &mut usize,
        prefix_bits: u32,
        is_static: bool,
    ) -> Result<FieldLine<'b>, QpackError> {
        let index = prefix_integer::decode(self.section, position, prefix_bits)?;
        if is_static {
            return static_table::get(index).ok_or(QpackError::Section("reference to no static entry"));
        }
        self.dynamic(table, self.base.checked_sub(index + 1))
    }

    fn entry_after_base<'b>(
        &self,
        table: &'b DynamicTable,
        position: &mut usize,
        prefix_bits: u32,
    ) -> Result<FieldLine<'b>, QpackError> {
        let index = prefix_integer::decode(self.section, position, prefix_bits)?;
        self.dynamic(table, self.base.checked_add(index))
    }

    /// An entry by its absolute number, which must be below what the section said it requires (RFC 9204 §2.2.3).
    fn dynamic<'b>(&self, table: &'b DynamicTable, number: Option<u64>) -> Result<FieldLine<'b>, QpackError> {
        let number = number.filter(|number| *number < self.required);
        let age = number.and_then(|number| table.inserted().checked_sub(number + 1));
        age.and_then(|age| table.get(age)).ok_or(QpackError::Section("reference to no entry"))
    }
}
