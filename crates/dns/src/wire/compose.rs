//! Writing a message into a buffer of the caller's, names compressed, without allocating.
//! Called by every machine that answers or asks. What does not fit is an answer of its own
//! ([`WireError::NoRoom`]) that leaves the message as it was before.

use crate::error::WireError;
use crate::limits::{HEADER_BYTES, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, POINTER_OFFSET_MAX};

use super::compressor::Found;
use super::edns::OptionWriter;
use super::rdata::{self, RecordData};
use super::{CaseRule, Class, Compressor, Flags, Header, Name, NameRef, Rcode, Record, RecordType};

/// A section that holds records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    /// What was asked for.
    Answer = 1,
    /// Who is responsible, or why there is nothing.
    Authority = 2,
    /// What is useful besides.
    Additional = 3,
}

/// A message being written. Sections are filled in their order.
#[derive(Debug)]
pub struct Composer<'b> {
    buffer: &'b mut [u8],
    compressor: &'b mut Compressor,
    length: usize,
    limit: usize,
    header: Header,
    /// Bytes of the first question's name, which stands behind the header. Most answers need it only as a
    /// whole, so its labels enter the table when another name asks for them.
    question: usize,
    question_pending: bool,
}

/// A moment to return to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    length: usize,
    entries: usize,
    counts: [u16; 4],
}

impl<'b> Composer<'b> {
    /// An empty message; `buffer` must hold a header, and bounds the message.
    pub fn new(buffer: &'b mut [u8], compressor: &'b mut Compressor) -> Result<Self, WireError> {
        Self::with_case(buffer, compressor, CaseRule::Ignore)
    }

    /// An empty message that compresses by `case`.
    pub fn with_case(buffer: &'b mut [u8], compressor: &'b mut Compressor, case: CaseRule) -> Result<Self, WireError> {
        compressor.start(case);
        let limit = buffer.len().min(MESSAGE_BYTES_MAX);
        if limit < HEADER_BYTES {
            return Err(WireError::NoRoom);
        }
        let header = Header::default();
        Ok(Self { buffer, compressor, length: HEADER_BYTES, limit, header, question: 0, question_pending: false })
    }

    /// Makes the message end before `limit` bytes (at least what is written already).
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(self.buffer.len()).min(MESSAGE_BYTES_MAX).max(self.length);
    }

    /// Bytes this message may have.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes written.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Bytes still free.
    pub const fn room(&self) -> usize {
        self.limit - self.length
    }

    /// Identity, flags and the counts so far; id and flags may be changed until the end.
    pub const fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    /// Identity, flags and the counts so far.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// Sets the identity and the flags.
    pub const fn set_head(&mut self, id: u16, flags: Flags) {
        self.header.id = id;
        self.header.flags = flags;
    }

    /// The message as it stands, header not yet written.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// This moment.
    pub const fn mark(&self) -> Mark {
        Mark { length: self.length, entries: self.compressor.len(), counts: self.header.counts }
    }

    /// Takes back everything written since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        if mark.length == HEADER_BYTES {
            (self.question, self.question_pending) = (0, false);
        }
        self.length = mark.length;
        self.compressor.forget_after(mark.entries);
        self.header.counts = mark.counts;
    }

    /// Runs `write`; when it fails, nothing of it stays.
    pub fn whole<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, WireError>) -> Result<T, WireError> {
        let mark = self.mark();
        write(self).inspect_err(|_| self.rollback(mark))
    }

    /// Adds a question.
    pub fn question(&mut self, name: NameRef<'_>, record_type: RecordType, class: Class) -> Result<(), WireError> {
        self.whole(|composer| {
            if composer.length == HEADER_BYTES {
                composer.bytes(name.wire())?;
                (composer.question, composer.question_pending) = (name.wire().len(), true);
            } else {
                composer.name(name)?;
            }
            composer.bytes(&record_type.0.to_be_bytes())?;
            composer.bytes(&class.0.to_be_bytes())?;
            composer.count(0)
        })
    }

    /// Adds a record whose data is in uncompressed wire form. Names in it are compressed where
    /// RFC 3597 §4 allows it.
    pub fn record(
        &mut self,
        section: Section,
        owner: NameRef<'_>,
        (record_type, class, ttl): (RecordType, Class, u32),
        data: &[u8],
    ) -> Result<(), WireError> {
        self.whole(|composer| {
            composer.name(owner)?;
            composer.bytes(&record_type.0.to_be_bytes())?;
            composer.bytes(&class.0.to_be_bytes())?;
            composer.bytes(&ttl.to_be_bytes())?;
            let length_at = composer.length;
            composer.bytes(&[0, 0])?;
            rdata::compress(record_type, data, composer)?;
            composer.patch_u16(composer.length - length_at - 2)?;
            composer.count(section as usize)
        })
    }

    /// Adds an owned record.
    pub fn push(&mut self, section: Section, record: &Record) -> Result<(), WireError> {
        let Record { name, class, ttl, data } = record;
        self.record(section, name.borrowed(), (data.record_type(), *class, *ttl), data.wire())
    }

    /// Adds a record in class `IN`.
    pub fn push_data(&mut self, section: Section, owner: &Name, ttl: u32, data: &RecordData) -> Result<(), WireError> {
        self.record(section, owner.borrowed(), (data.record_type(), Class::IN, ttl), data.wire())
    }

    /// Adds a record that is complete in wire form already, names in it uncompressed.
    pub fn copy_record(&mut self, section: Section, wire: &[u8]) -> Result<(), WireError> {
        self.whole(|composer| {
            composer.bytes(wire)?;
            composer.count(section as usize)
        })
    }

    /// Adds an OPT record (RFC 6891 §6.1.2) with the options that `write` writes. The high bits of
    /// `rcode` go here, its low bits into the header.
    pub fn opt(
        &mut self,
        payload_bytes: u16,
        rcode: Rcode,
        dnssec_ok: bool,
        write: impl FnOnce(&mut OptionWriter<'_, 'b>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        self.header.flags = self.header.flags.with_rcode(rcode);
        self.whole(|composer| {
            let [size_high, size_low] = payload_bytes.to_be_bytes();
            let flags = if dnssec_ok { 0x80 } else { 0 };
            composer.bytes(&[0, 0, 41, size_high, size_low, (rcode.0 >> 4) as u8, 0, flags, 0, 0, 0])?;
            let start = composer.length;
            write(&mut OptionWriter::new(composer))?;
            composer.patch_u16(composer.length - start)?;
            composer.count(3)
        })
    }

    /// Writes the header: the message is complete, and this its length.
    pub fn finish(self) -> usize {
        self.buffer[..HEADER_BYTES].copy_from_slice(&self.header.encode());
        self.length
    }

    /// Writes a name, the longest known suffix as a pointer.
    pub(super) fn name(&mut self, name: NameRef<'_>) -> Result<(), WireError> {
        let wire = name.wire();
        if self.is_question(wire) {
            return self.bytes(&QUESTION_POINTER);
        }
        if std::mem::take(&mut self.question_pending) {
            self.remember_question();
        }
        let starts = LabelStarts::of(wire);
        let (parent, fresh) = self.longest_known(wire, &starts);
        let base = self.length;
        if fresh == starts.count {
            self.bytes(wire)?;
        } else {
            self.bytes(&wire[..starts.at(fresh)])?;
            self.bytes(&(0xc000 | parent).to_be_bytes())?;
        }
        self.remember(wire, &starts, fresh, base, parent);
        Ok(())
    }

    /// Whether this is the question's name as a whole.
    fn is_question(&self, wire: &[u8]) -> bool {
        // A root is shorter than a pointer to it.
        let question = &self.buffer[HEADER_BYTES..HEADER_BYTES + self.question];
        wire.len() > 1 && self.compressor.same_name(question, wire)
    }

    fn remember_question(&mut self) {
        let mut name = [0; NAME_BYTES_MAX];
        let name = &mut name[..self.question];
        name.copy_from_slice(&self.buffer[HEADER_BYTES..HEADER_BYTES + self.question]);
        let starts = LabelStarts::of(name);
        self.remember(name, &starts, starts.count, HEADER_BYTES, 0);
    }

    /// Offset of the longest suffix that stands in the message, and how many labels are in front of it.
    fn longest_known(&self, wire: &[u8], starts: &LabelStarts) -> (u16, usize) {
        let (mut parent, mut fresh) = (0, starts.count);
        while fresh > 0 {
            let label = starts.label(wire, fresh - 1);
            let Found::At(offset) = self.compressor.find(self.buffer, label, parent) else { break };
            parent = offset;
            fresh -= 1;
        }
        (parent, fresh)
    }

    /// The first `fresh` labels of the name at `base` can be pointed at from now on; those nearest to the
    /// root are entered first, as the others build on them.
    fn remember(&mut self, wire: &[u8], starts: &LabelStarts, fresh: usize, base: usize, parent: u16) {
        let mut parent = parent;
        for index in (0..fresh).rev() {
            let offset = base + starts.at(index);
            if offset > POINTER_OFFSET_MAX {
                // Labels to the left stand at lower offsets, but their suffix has no entry.
                return;
            }
            let label = starts.label(wire, index);
            let Found::Free(slot) = self.compressor.find(self.buffer, label, parent) else { return };
            self.compressor.remember(slot, offset as u16, parent);
            parent = offset as u16;
        }
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let end = self.length + bytes.len();
        if end > self.limit {
            return Err(WireError::NoRoom);
        }
        self.buffer[self.length..end].copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    /// Writes the 16-bit length in front of the last `length` bytes.
    pub(super) fn patch_u16(&mut self, length: usize) -> Result<(), WireError> {
        let start = self.length - length;
        let encoded = u16::try_from(length).map_err(|_| WireError::NoRoom)?.to_be_bytes();
        self.buffer[start - 2..start].copy_from_slice(&encoded);
        Ok(())
    }

    fn count(&mut self, section: usize) -> Result<(), WireError> {
        // The counts alone say which record is in which section, so a record for an earlier one would be taken
        // for one of the later.
        debug_assert!(self.header.counts[section + 1..] == [0; 4][section + 1..], "sections are filled in their order");
        let count = &mut self.header.counts[section];
        *count = count.checked_add(1).ok_or(WireError::NoRoom)?;
        Ok(())
    }
}

/// Where the question's name always stands.
const QUESTION_POINTER: [u8; 2] = [0xc0, HEADER_BYTES as u8];

/// Where each label of a name begins.
struct LabelStarts {
    starts: [u8; 128],
    count: usize,
}

impl LabelStarts {
    fn of(wire: &[u8]) -> Self {
        let (mut starts, mut count, mut position) = ([0; 128], 0, 0);
        while wire[position] != 0 {
            starts[count] = position as u8;
            count += 1;
            position += 1 + usize::from(wire[position]);
        }
        Self { starts, count }
    }

    fn at(&self, index: usize) -> usize {
        usize::from(self.starts[index])
    }

    fn label<'w>(&self, wire: &'w [u8], index: usize) -> &'w [u8] {
        let start = self.at(index);
        &wire[start + 1..][..usize::from(wire[start])]
    }
}

#[cfg(test)]
mod tests;
