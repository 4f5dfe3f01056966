//! One record: in place ([`RecordView`]) and of its own ([`Record`]).

use std::fmt;

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::limits::TTL_SECONDS_MAX;

use super::rdata::{self, RecordData};
use super::{Class, Name, PackedName, RecordType};

/// A record inside a message, skeleton checked, data not yet.
#[derive(Clone, Copy)]
pub struct RecordView<'a> {
    message: &'a [u8],
    owner: PackedName<'a>,
    record_type: RecordType,
    class: Class,
    ttl: u32,
    data_start: usize,
    data_end: usize,
}

impl<'a> RecordView<'a> {
    /// Checks the record that begins at `start`; also says where it ends.
    pub(super) fn decode(message: &'a [u8], start: usize) -> Result<(Self, usize), WireError> {
        let (owner, after) = PackedName::decode(message, start)?;
        let mut cursor = Cursor::new(&message[after..]);
        let (record_type, class) = (RecordType(cursor.u16()?), Class(cursor.u16()?));
        let (ttl, length) = (cursor.u32()?, cursor.u16()?);
        cursor.take(usize::from(length))?;
        let data_end = after + cursor.position();
        let data_start = data_end - usize::from(length);
        Ok((Self { message, owner, record_type, class, ttl, data_start, data_end }, data_end))
    }

    /// Whose record it is.
    pub const fn owner(&self) -> PackedName<'a> {
        self.owner
    }

    /// Its type.
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// Its class.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Seconds it may be kept. RFC 2181 §8: with the highest bit set it means zero.
    pub const fn ttl(&self) -> u32 {
        if self.ttl > TTL_SECONDS_MAX { 0 } else { self.ttl }
    }

    /// The TTL field as it stands, which OPT uses for something else.
    pub const fn ttl_bits(&self) -> u32 {
        self.ttl
    }

    /// Where in the message the record begins.
    pub const fn offset(&self) -> usize {
        self.owner.offset()
    }

    /// Where in the message the data begins.
    pub const fn data_offset(&self) -> usize {
        self.data_start
    }

    /// The data as it stands, names perhaps compressed.
    pub fn raw_data(&self) -> &'a [u8] {
        &self.message[self.data_start..self.data_end]
    }

    /// The data, checked and expanded.
    pub fn data(&self) -> Result<RecordData, WireError> {
        let mut wire = Vec::with_capacity(self.data_end - self.data_start + 32);
        self.append_data(&mut wire)?;
        Ok(RecordData::from_checked(self.record_type, wire.into()))
    }

    /// Writes the data, checked and expanded, behind what `out` holds: the way to read many records
    /// without an allocation for each. On error `out` is as before.
    pub fn append_data(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        // RFC 2136 §2.4 and §2.5: prerequisites and deletions are records without data.
        if self.data_start == self.data_end && matches!(self.class, Class::ANY | Class::NONE) {
            return Ok(());
        }
        let before = out.len();
        let read = rdata::expand(self.record_type, self.message, self.data_start, self.data_end, out);
        read.inspect_err(|_| out.truncate(before))
    }

    /// An owned copy.
    pub fn to_record(&self) -> Result<Record, WireError> {
        Ok(Record { name: self.owner.to_name(), class: self.class, ttl: self.ttl(), data: self.data()? })
    }
}

impl fmt::Debug for RecordView<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_record() {
            Ok(record) => fmt::Display::fmt(&record, formatter),
            Err(error) => write!(formatter, "{} {} ({error})", self.owner, self.record_type),
        }
    }
}

/// A record of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// Its class.
    pub class: Class,
    /// Seconds it may be kept.
    pub ttl: u32,
    /// Type and content.
    pub data: RecordData,
}

impl Record {
    /// A record in class `IN`.
    pub const fn new(name: Name, ttl: u32, data: RecordData) -> Self {
        Self { name, class: Class::IN, ttl, data }
    }

    /// Its type.
    pub const fn record_type(&self) -> RecordType {
        self.data.record_type()
    }
}

impl fmt::Display for Record {
    /// One line of a zone file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class, ttl, data } = self;
        write!(formatter, "{name}\t{ttl}\t{class}\t{}\t{data}", data.record_type())
    }
}
