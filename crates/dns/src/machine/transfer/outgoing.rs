//! A zone on its way out: message after message, as many records in each as fit.

use std::sync::Arc;

use crate::error::WireError;
use crate::limits::TRANSFER_MESSAGE_BYTES;
use crate::machine::authority::TransferQuery;
use crate::machine::update::is_newer;
use crate::wire::{CaseRule, Class, Composer, Compressor, Flags, Record, RecordType, Section};
use crate::zone::{Change, Zone};

use super::Journal;

/// A transfer being sent. It holds its version of the zone, whatever is served meanwhile.
#[derive(Debug)]
pub struct Outgoing {
    zone: Zone,
    query: TransferQuery,
    stage: Stage,
    /// Records of the stage, last first.
    queue: Vec<Record>,
    first: bool,
}

#[derive(Debug)]
enum Stage {
    /// The asker has this version already, or a newer one.
    OnlySoa,
    /// Part after part of the whole zone.
    Whole {
        next_part: usize,
    },
    /// Change after change.
    Changes {
        changes: std::vec::IntoIter<Arc<Change>>,
    },
    /// Only the closing SOA is left.
    Closing,
    Done,
}

impl Outgoing {
    /// Begins to send. An IXFR gets differences when `journal` has them, otherwise the whole zone (RFC 1995
    /// §4).
    pub fn new(zone: Zone, journal: &Journal, query: TransferQuery) -> Self {
        let stage = match query.from_serial {
            // RFC 1995 §2: who has this or a newer version gets the SOA alone.
            Some(serial) if serial == zone.serial() || is_newer(serial, zone.serial()) => Stage::OnlySoa,
            Some(serial) => match journal.since(serial) {
                Some(changes) if changes.last().and_then(|last| last.to_serial()) == Some(zone.serial()) => {
                    Stage::Changes { changes: changes.into_iter() }
                }
                _ => Stage::Whole { next_part: 0 },
            },
            None => Stage::Whole { next_part: 0 },
        };
        let mut outgoing = Self { queue: Vec::new(), zone, query, stage, first: true };
        outgoing.queue = outgoing.soa();
        outgoing
    }

    /// Writes the next message: its length, or none when everything was sent. `reserve_bytes` stay free for a
    /// signature.
    pub fn next_message(
        &mut self,
        buffer: &mut [u8],
        reserve_bytes: usize,
        compressor: &mut Compressor,
    ) -> Result<Option<usize>, WireError> {
        if self.queue.is_empty() && !self.refill() {
            return Ok(None);
        }
        // RFC 5936 §3.4: names keep their case.
        let mut composer = Composer::with_case(buffer, compressor, CaseRule::Keep)?;
        let full = composer.limit().saturating_sub(reserve_bytes);
        composer.set_limit(full);
        composer.set_head(self.query.id, Flags::RESPONSE | Flags::AUTHORITATIVE);
        let record_type = if self.query.from_serial.is_some() { RecordType::IXFR } else { RecordType::AXFR };
        // RFC 5936 §2.2.1: the question is in the first message at least.
        if std::mem::take(&mut self.first) {
            composer.question(self.query.zone.borrowed(), record_type, Class::IN)?;
        }
        while let Some(record) = self.queue.pop() {
            let enough = composer.header().counts[1] > 0 && composer.length() > TRANSFER_MESSAGE_BYTES;
            if enough || composer.push(Section::Answer, &record).is_err() {
                if composer.header().counts[1] == 0 {
                    // A record that does not fit even alone.
                    return Err(WireError::NoRoom);
                }
                self.queue.push(record);
                break;
            }
            if self.queue.is_empty() {
                self.refill();
            }
        }
        Ok(Some(composer.finish()))
    }

    /// Gets the next records; false when there are none.
    fn refill(&mut self) -> bool {
        while self.queue.is_empty() {
            match &mut self.stage {
                Stage::OnlySoa => self.stage = Stage::Done,
                Stage::Whole { next_part } => match self.zone.part(*next_part) {
                    Some(records) => {
                        *next_part += 1;
                        let apex = self.zone.apex();
                        let sent = |record: &Record| !is_held_back(record, apex);
                        self.queue = records.into_iter().filter(sent).collect();
                        self.queue.reverse();
                    }
                    None => self.stage = Stage::Closing,
                },
                Stage::Changes { changes } => match changes.next() {
                    // RFC 1995 §4: the older SOA, what goes, the newer SOA, what comes.
                    Some(change) => {
                        self.queue = [change.removed.as_slice(), &change.added].concat();
                        self.queue.retain(|record| !record.record_type().is_internal());
                        self.queue.reverse();
                    }
                    None => self.stage = Stage::Closing,
                },
                Stage::Closing => {
                    self.stage = Stage::Done;
                    self.queue = self.soa();
                }
                Stage::Done => return false,
            }
        }
        true
    }

    /// The SOA without its signatures, which come with the other records.
    fn soa(&self) -> Vec<Record> {
        let mut records = self.zone.soa().to_records(self.zone.apex());
        records.truncate(1);
        records
    }
}

/// The SOA opens and closes the transfer and stands nowhere else; our own types are no other server's
/// to understand.
fn is_held_back(record: &Record, apex: &crate::wire::Name) -> bool {
    record.record_type().is_internal() || (record.record_type() == RecordType::SOA && record.name == *apex)
}
