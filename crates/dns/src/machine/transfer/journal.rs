//! The versions of a zone that are remembered, for IXFR and for a restart. In memory as [`Change`]s; on disk,
//! which is the caller's, as frames that survive being torn.

use std::collections::VecDeque;
use std::sync::Arc;

use edgeway_base::Cursor;

use crate::limits::{JOURNAL_RECORDS_MAX, JOURNAL_VERSIONS_MAX};
use crate::wire::{Class, NameRef, Record, RecordData, RecordType};
use crate::zone::Change;

/// Changes in a row, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    changes: VecDeque<Arc<Change>>,
    records: usize,
}

impl Journal {
    /// Nothing remembered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers a change. One that does not begin where the last ended makes all before it useless.
    pub fn push(&mut self, change: Arc<Change>) {
        let last = self.changes.back().and_then(|last| last.to_serial());
        if last.is_some() && last != change.from_serial() {
            self.changes.clear();
            self.records = 0;
        }
        self.records += size(&change);
        self.changes.push_back(change);
        while self.changes.len() > JOURNAL_VERSIONS_MAX || self.records > JOURNAL_RECORDS_MAX {
            let Some(oldest) = self.changes.pop_front() else { return };
            self.records -= size(&oldest);
        }
    }

    /// The changes from a serial to the newest version; none when that version is not remembered.
    pub fn since(&self, serial: u32) -> Option<Vec<Arc<Change>>> {
        let start = self.changes.iter().position(|change| change.from_serial() == Some(serial))?;
        Some(self.changes.range(start..).cloned().collect())
    }
}

fn size(change: &Change) -> usize {
    change.removed.len() + change.added.len()
}

/// What each frame begins with.
const MAGIC: [u8; 4] = *b"EDJ1";

/// A change as a frame: magic, length, checksum, content. To be appended to a file and synchronised before
/// the zone is swapped in; a frame that a power cut tore is recognised and dropped when reading.
pub fn encode_change(change: &Change) -> Vec<u8> {
    let mut content = Vec::new();
    for records in [&change.removed, &change.added] {
        content.extend((records.len() as u32).to_be_bytes());
        for record in records {
            content.extend(record.name.wire());
            content.extend(record.record_type().0.to_be_bytes());
            content.extend(record.ttl.to_be_bytes());
            content.extend((record.data.wire().len() as u16).to_be_bytes());
            content.extend(record.data.wire());
        }
    }
    let mut frame = MAGIC.to_vec();
    frame.extend((content.len() as u32).to_be_bytes());
    frame.extend(checksum(&content).to_be_bytes());
    frame.extend(content);
    frame
}

/// Reads frames from the beginning: the changes, and how many bytes of them are whole. What stands behind is
/// a torn write, to be cut off.
pub fn decode_changes(bytes: &[u8]) -> (Vec<Change>, usize) {
    let (mut changes, mut cursor, mut whole) = (Vec::new(), Cursor::new(bytes), 0);
    while let Some(change) = decode_frame(&mut cursor) {
        changes.push(change);
        whole = cursor.position();
    }
    (changes, whole)
}

fn decode_frame(cursor: &mut Cursor<'_>) -> Option<Change> {
    if cursor.array::<4>().ok()? != MAGIC {
        return None;
    }
    let (length, expected) = (cursor.u32().ok()?, cursor.u64().ok()?);
    let content = cursor.take(length as usize).ok()?;
    if checksum(content) != expected {
        return None;
    }
    let mut content = Cursor::new(content);
    let change = Change { removed: decode_records(&mut content)?, added: decode_records(&mut content)? };
    content.is_empty().then_some(change)
}

fn decode_records(cursor: &mut Cursor<'_>) -> Option<Vec<Record>> {
    let count = cursor.u32().ok()?;
    // A record takes nine bytes at least, so a count cannot make this reserve more than the frame holds.
    let mut records = Vec::with_capacity((count as usize).min(cursor.remaining() / 9));
    for _ in 0..count {
        let (name, _) = NameRef::split_wire(cursor.rest()).ok()?;
        cursor.take(name.wire().len()).ok()?;
        let (record_type, ttl, length) = (RecordType(cursor.u16().ok()?), cursor.u32().ok()?, cursor.u16().ok()?);
        let data = RecordData::from_wire(record_type, cursor.take(usize::from(length)).ok()?).ok()?;
        records.push(Record { name: name.to_name(), class: Class::IN, ttl, data });
    }
    Some(records)
}

/// FNV-1a over 64 bits: against tearing, not against malice.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
