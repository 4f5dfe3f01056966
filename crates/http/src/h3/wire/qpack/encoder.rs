//! The QPACK encoder (RFC 9204 §2.1, §4.5). Called by the connection with what comes on the peer's decoder stream, and to
//! write sections; gives bytes for our encoder stream.
//!
//! It risks blocked streams only as far as the peer allows, and evicts nothing that a section on its way may refer to.

use std::collections::VecDeque;

use super::QpackError;
use super::instructions::DecoderInstruction;
use super::static_table;
use crate::binary::dynamic_table::{EncoderTable, Found};
use crate::binary::field_line::is_connection_specific;
use crate::binary::indexing::Indexing;
use crate::binary::prefix_integer::{self, IntegerError};
use crate::binary::{FieldLine, LineName, string_literal};
use crate::semantics::fields::Field;
use crate::semantics::{FieldName, Fields};

/// Bytes of table we use however much the peer offers.
const CAPACITY_MAX: usize = 4_096;
/// Sections on their way that we keep account of; beyond, sections refer to the static table only. 256: two full sets of
/// streams.
const SECTIONS_MAX: usize = 256;
/// Bytes of our encoder stream that may wait; beyond, nothing is inserted. 16 KB: a peer that gives that stream no window
/// must not make us hold more.
const INSTRUCTIONS_MAX: usize = 16 << 10;

/// One direction's encoder; lives as long as the connection.
#[derive(Debug, Default)]
pub struct Encoder {
    table: EncoderTable,
    /// The peer's SETTINGS_QPACK_MAX_TABLE_CAPACITY, which insert counts are coded by.
    peer_capacity: usize,
    /// The peer's SETTINGS_QPACK_BLOCKED_STREAMS.
    blocked_max: u64,
    /// Insertions the peer is known to have.
    known_received: u64,
    /// Sections that refer to the table and are not acknowledged, oldest first.
    sections: VecDeque<Section>,
    /// For our encoder stream.
    instructions: Vec<u8>,
    /// An instruction of the peer's that is not whole.
    partial: Vec<u8>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Section {
    stream: u64,
    /// Insertions it needs.
    required: u64,
    /// The oldest entry it refers to.
    oldest: u64,
}

impl Encoder {
    /// An encoder that knows nothing of its peer: it uses the static table only.
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer's SETTINGS came. To be called once.
    pub fn set_peer_settings(&mut self, capacity: u64, blocked_max: u64) {
        self.peer_capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        self.blocked_max = blocked_max;
        let capacity = self.peer_capacity.min(CAPACITY_MAX);
        if capacity > 0 {
            self.table.set_capacity(capacity);
            prefix_integer::encode(capacity as u64, 0x20, 5, &mut self.instructions);
        }
    }

    /// Writes a section of `stream` to `out`; `lines` gives its lines to the writer.
    pub fn encode(&mut self, stream: u64, out: &mut Vec<u8>, lines: impl FnOnce(&mut SectionWriter<'_>)) {
        let base = self.table.table().inserted();
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let may_block = self.may_block(stream);
        let may_refer = self.sections.len() < SECTIONS_MAX;
        let mut writer =
            SectionWriter { encoder: self, body, base, may_block, may_refer, required: 0, oldest: u64::MAX };
        lines(&mut writer);
        let SectionWriter { body, required, oldest, .. } = writer;
        self.write_prefix(required, base, out);
        out.extend_from_slice(&body);
        self.body = body;
        if required > 0 {
            self.sections.push_back(Section { stream, required, oldest });
        }
    }

    /// Takes bytes of the peer's decoder stream.
    pub fn handle_decoder_stream(&mut self, bytes: &[u8]) -> Result<(), QpackError> {
        let mut stream = std::mem::take(&mut self.partial);
        stream.extend_from_slice(bytes);
        let mut taken = 0;
        while taken < stream.len() {
            let mut position = taken;
            match DecoderInstruction::decode(&stream, &mut position) {
                Ok(instruction) => self.apply(instruction)?,
                Err(IntegerError::Incomplete) => break,
                Err(IntegerError::Overflow) => return Err(QpackError::DecoderStream("integer overflow")),
            }
            taken = position;
        }
        stream.drain(..taken);
        self.partial = stream;
        Ok(())
    }

    /// Moves what is to be sent on our encoder stream to `out`.
    pub fn poll_encoder_stream(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.instructions);
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.table.memory()
            + self.sections.capacity() * size_of::<Section>()
            + self.instructions.capacity()
            + self.body.capacity()
    }

    fn apply(&mut self, instruction: DecoderInstruction) -> Result<(), QpackError> {
        match instruction {
            DecoderInstruction::SectionAcknowledgement(stream) => {
                let index = self.sections.iter().position(|section| section.stream == stream);
                let section = index.and_then(|index| self.sections.remove(index));
                // RFC 9204 §4.4.1
                let section = section.ok_or(QpackError::DecoderStream("acknowledgement of no section"))?;
                self.known_received = self.known_received.max(section.required);
            }
            DecoderInstruction::StreamCancellation(stream) => self.sections.retain(|section| section.stream != stream),
            DecoderInstruction::InsertCountIncrement(count) => {
                // RFC 9204 §4.4.3
                let known = self.known_received + count;
                if count == 0 || known > self.table.table().inserted() {
                    return Err(QpackError::DecoderStream("increment beyond what was inserted"));
                }
                self.known_received = known;
            }
        }
        Ok(())
    }

    /// RFC 9204 §2.1.2: whether one more stream may come to wait for the table, or this one may anyway.
    fn may_block(&self, stream: u64) -> bool {
        let mut at_risk: Vec<u64> = self
            .sections
            .iter()
            .filter(|section| section.required > self.known_received)
            .map(|section| section.stream)
            .collect();
        at_risk.sort_unstable();
        at_risk.dedup();
        at_risk.binary_search(&stream).is_ok() || (at_risk.len() as u64) < self.blocked_max
    }

    /// RFC 9204 §4.5.1. The base is what was inserted when the section began, so it is never above what is required but for
    /// sections that refer to older lines only.
    fn write_prefix(&self, required: u64, base: u64, out: &mut Vec<u8>) {
        if required == 0 {
            out.extend_from_slice(&[0, 0]);
            return;
        }
        let full_range = 2 * (self.peer_capacity / 32) as u64;
        prefix_integer::encode(required % full_range + 1, 0, 8, out);
        match base.checked_sub(required) {
            Some(delta) => prefix_integer::encode(delta, 0, 7, out),
            None => prefix_integer::encode(required - base - 1, 0x80, 7, out),
        }
    }
}

/// Writes the lines of one section.
#[derive(Debug)]
pub struct SectionWriter<'a> {
    encoder: &'a mut Encoder,
    body: Vec<u8>,
    base: u64,
    may_block: bool,
    may_refer: bool,
    required: u64,
    oldest: u64,
}

impl SectionWriter<'_> {
    /// Writes a pseudo-header field.
    pub fn pseudo(&mut self, name: LineName, text: &str, value: &[u8]) {
        let indexing =
            if matches!(name, LineName::Path | LineName::Status) { Indexing::Without } else { Indexing::Incremental };
        self.line(name, text.as_bytes(), value, indexing);
    }

    /// Writes every field that may be sent over this dialect, names in lower case.
    pub fn fields(&mut self, fields: &Fields) {
        fields.iter().for_each(|field| self.field(field));
    }

    /// The same for a request: without Host, and with no other TE than `trailers` (RFC 9114 §4.2, §4.3.1).
    pub fn request_fields(&mut self, fields: &Fields) {
        let is_allowed = |field: &Field<'_>| match field.known {
            FieldName::Host => false,
            FieldName::Te => field.value.eq_ignore_ascii_case(b"trailers"),
            _ => true,
        };
        fields.iter().filter(is_allowed).for_each(|field| self.field(field));
    }

    fn field(&mut self, field: Field<'_>) {
        if is_connection_specific(field.known) {
            return; // RFC 9114 §4.2
        }
        let name = LineName::Field(field.known);
        let indexing = if field.sensitive { Indexing::Never } else { Indexing::of(field.known, field.value) };
        if field.known != FieldName::Other {
            self.line(name, field.known.lower().as_bytes(), field.value, indexing);
        } else if field.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.line(name, field.name.to_ascii_lowercase().as_bytes(), field.value, indexing);
        } else {
            self.line(name, field.name.as_bytes(), field.value, indexing);
        }
    }

    fn line(&mut self, name: LineName, text: &[u8], value: &[u8], indexing: Indexing) {
        let (exact, named) = static_table::find(name, value);
        if let (Some(number), true) = (exact, indexing != Indexing::Never) {
            prefix_integer::encode(number.into(), 0xc0, 6, &mut self.body);
            return;
        }
        let line = FieldLine { name, text, value, sensitive: indexing == Indexing::Never, sound: true };
        let mut dynamic_name = None;
        if indexing == Indexing::Incremental && self.encoder.table.table().capacity() > 0 {
            match self.encoder.table.find(name, text, value) {
                Found::Line(age) if self.refer(self.number(age)) => return self.indexed(self.number(age)),
                Found::Line(_) => {}
                found => {
                    let age = if let Found::Name(age) = found { Some(age) } else { None };
                    if self.insert(&line, named, age) && self.refer(self.encoder.table.table().inserted() - 1) {
                        return self.indexed(self.encoder.table.table().inserted() - 1);
                    }
                }
            }
        }
        if named.is_none()
            && let Found::Name(age) | Found::Line(age) = self.encoder.table.find(name, text, value)
            && self.refer(self.number(age))
        {
            dynamic_name = Some(self.number(age));
        }
        self.literal(&line, named, dynamic_name);
    }

    const fn number(&self, age: u64) -> u64 {
        self.encoder.table.table().inserted() - 1 - age
    }

    /// Whether the section may refer to an entry; if so it does from now on.
    fn refer(&mut self, number: u64) -> bool {
        if !self.may_refer || (number >= self.encoder.known_received && !self.may_block) {
            return false;
        }
        self.required = self.required.max(number + 1);
        self.oldest = self.oldest.min(number);
        true
    }

    /// RFC 9204 §4.5.2, §4.5.3.
    fn indexed(&mut self, number: u64) {
        match self.base.checked_sub(number + 1) {
            Some(index) => prefix_integer::encode(index, 0x80, 6, &mut self.body),
            None => prefix_integer::encode(number - self.base, 0x10, 4, &mut self.body),
        }
    }

    /// RFC 9204 §4.5.4 to §4.5.6.
    fn literal(&mut self, line: &FieldLine<'_>, named: Option<u8>, dynamic_name: Option<u64>) {
        let never = line.sensitive;
        let out = &mut self.body;
        match (named, dynamic_name) {
            (Some(number), _) => prefix_integer::encode(number.into(), if never { 0x70 } else { 0x50 }, 4, out),
            (None, Some(number)) => match self.base.checked_sub(number + 1) {
                Some(index) => prefix_integer::encode(index, if never { 0x60 } else { 0x40 }, 4, out),
                None => prefix_integer::encode(number - self.base, if never { 0x08 } else { 0 }, 3, out),
            },
            (None, None) => string_literal::write(line.text, if never { 0x30 } else { 0x20 }, 3, out),
        }
        string_literal::write(line.value, 0, 7, out);
    }

    /// Inserts a line, when nothing that must stay is pushed out by it, and tells the peer (RFC 9204 §4.3).
    fn insert(&mut self, line: &FieldLine<'_>, named: Option<u8>, dynamic_name: Option<u64>) -> bool {
        let encoder = &mut *self.encoder;
        let table = encoder.table.table();
        if line.size() > table.capacity() / 4 * 3 || encoder.instructions.len() > INSTRUCTIONS_MAX {
            return false;
        }
        // RFC 9204 §2.1.1: an entry stays while it is unacknowledged or a section on its way refers to it.
        let referred = encoder.sections.iter().map(|section| section.oldest).min().unwrap_or(u64::MAX);
        let must_stay = referred.min(self.oldest).min(encoder.known_received);
        let evicted = table.evictions_for(line.size()) as u64;
        let oldest = table.inserted() - table.len() as u64;
        if evicted > 0 && oldest + evicted > must_stay {
            return false;
        }
        let out = &mut encoder.instructions;
        match (named, dynamic_name) {
            (Some(number), _) => prefix_integer::encode(number.into(), 0xc0, 6, out),
            (None, Some(age)) => prefix_integer::encode(age, 0x80, 6, out),
            (None, None) => string_literal::write(line.text, 0x40, 5, out),
        }
        string_literal::write(line.value, 0, 7, out);
        encoder.table.insert(line)
    }
}
