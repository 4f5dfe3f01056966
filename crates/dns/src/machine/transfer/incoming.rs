//! A zone on its way in: message after message is checked as it comes, and the result is a new version or a
//! reason.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use edgeway_base::{Blame, Blamed};

use crate::error::WireError;
use crate::limits::TRANSFER_RECORDS_MAX;
use crate::machine::update::is_newer;
use crate::wire::rdata::Soa;
use crate::wire::{Class, Composer, Compressor, Flags, Message, Name, Opcode, Rcode, Record, RecordType, Section};
use crate::zone::{BuildError, Change, Zone, ZoneBuilder, ZoneEdit};

/// A transfer being received.
#[derive(Debug)]
pub struct Incoming {
    zone: Name,
    id: u16,
    /// What we have, when differences were asked for.
    base: Option<Zone>,
    stage: Stage,
    records: usize,
}

#[derive(Debug)]
enum Stage {
    /// The first SOA is awaited.
    Opening,
    /// One SOA came; the next record shows what kind of transfer this is.
    Opened(Record),
    /// The whole zone, ended by the same SOA again.
    Whole { soa: Record, builder: Box<ZoneBuilder> },
    /// Differences, ended by the newest SOA.
    Changes(Differences),
    /// It ended; the result waits to be told once.
    Done(Option<Box<Received>>),
}

/// Differences as far as they came.
#[derive(Debug)]
struct Differences {
    newest: Record,
    done: Vec<Arc<Change>>,
    open: Change,
    /// Whether additions are being read, and no longer deletions.
    adding: bool,
}

/// What a message led to.
#[derive(Clone, Debug)]
pub enum Received {
    /// More is to come.
    More,
    /// We are up to date.
    Current,
    /// A new version of the zone, and how it came from ours, when it came as differences.
    Zone(Zone, Vec<Arc<Change>>),
}

/// Why a transfer is no good.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// A message is malformed.
    Wire(WireError),
    /// A message is no answer to our question.
    Unrelated,
    /// The primary will not.
    Refused(Rcode),
    /// It does not begin with the zone's SOA.
    NoSoa,
    /// The last SOA is not the first one.
    SoaDiffers,
    /// A record is of another zone, or of a class or type that no zone has.
    Foreign(Name),
    /// Differences do not begin at our version or leave one out.
    Gap,
    /// A record that should go is not there, or one that should come is.
    Mismatch(Name),
    /// More came behind the end.
    Trailing,
    /// The serial is older than ours.
    Older(u32),
    /// More records than a zone may have.
    TooMany,
    /// The records make no zone.
    Zone(BuildError),
}

impl TransferError {
    /// Whether the whole zone may succeed where differences failed.
    pub const fn wants_whole_zone(&self) -> bool {
        matches!(self, Self::Gap | Self::Mismatch(_) | Self::Refused(Rcode::NOTIMP | Rcode::FORMERR))
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(error) => error.fmt(formatter),
            Self::Unrelated => formatter.write_str("a message does not answer our question"),
            Self::Refused(rcode) => write!(formatter, "the primary answers {rcode}"),
            Self::NoSoa => formatter.write_str("the transfer does not begin with the zone's SOA"),
            Self::SoaDiffers => formatter.write_str("the zone changed while it was transferred"),
            Self::Foreign(name) => write!(formatter, "a record of {name} has no place in the zone"),
            Self::Gap => formatter.write_str("the differences do not join our version to the newest"),
            Self::Mismatch(name) => write!(formatter, "the differences at {name} do not fit our version"),
            Self::Trailing => formatter.write_str("more came behind the end of the transfer"),
            Self::Older(serial) => write!(formatter, "the primary's serial {serial} is older than ours"),
            Self::TooMany => formatter.write_str("the transfer has too many records"),
            Self::Zone(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for TransferError {}

impl Blamed for TransferError {
    fn blame(&self) -> Blame {
        Blame::Upstream
    }

    fn may_retry(&self) -> bool {
        true
    }
}

impl From<WireError> for TransferError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<BuildError> for TransferError {
    fn from(error: BuildError) -> Self {
        Self::Zone(error)
    }
}

impl Incoming {
    /// Asks for a zone: for differences from `base`, when there is one, otherwise for all of it.
    pub const fn new(zone: Name, base: Option<Zone>, id: u16) -> Self {
        Self { zone, id, base, stage: Stage::Opening, records: 0 }
    }

    /// Writes the question: its length.
    pub fn compose_query(&self, buffer: &mut [u8], compressor: &mut Compressor) -> Result<usize, WireError> {
        let mut composer = Composer::new(buffer, compressor)?;
        composer.set_head(self.id, Flags::default());
        let record_type = if self.base.is_some() { RecordType::IXFR } else { RecordType::AXFR };
        composer.question(self.zone.borrowed(), record_type, Class::IN)?;
        if let Some(base) = &self.base {
            // RFC 1995 §3: our SOA says what we have.
            for data in base.soa().records() {
                composer.record(Section::Authority, self.zone.borrowed(), (RecordType::SOA, Class::IN, 0), data)?;
            }
        }
        Ok(composer.finish())
    }

    /// Takes the next message of the answer, its signature already verified.
    pub fn handle_input(&mut self, message: &[u8]) -> Result<Received, TransferError> {
        let message = Message::decode(message)?;
        let header = message.header();
        if header.id != self.id || !header.flags.contains(Flags::RESPONSE) || header.flags.opcode() != Opcode::QUERY {
            return Err(TransferError::Unrelated);
        }
        if header.flags.rcode() != Rcode::NOERROR {
            return Err(TransferError::Refused(header.flags.rcode()));
        }
        // RFC 5936 §2.2.1: later messages may leave the question out.
        if message.questions().any(|question| !question.name.is(self.zone.borrowed())) {
            return Err(TransferError::Unrelated);
        }
        for record in message.answers() {
            self.records += 1;
            if self.records > TRANSFER_RECORDS_MAX {
                return Err(TransferError::TooMany);
            }
            let record = record.to_record()?;
            if !record.name.is_at_or_below(&self.zone) || record.class != Class::IN || record.record_type().is_meta() {
                return Err(TransferError::Foreign(record.name));
            }
            self.record(record)?;
        }
        self.outcome()
    }

    fn record(&mut self, record: Record) -> Result<(), TransferError> {
        let is_soa = record.record_type() == RecordType::SOA && record.name == self.zone;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(None)) {
            Stage::Opening if is_soa => self.opening(record)?,
            Stage::Opening => return Err(TransferError::NoSoa),
            Stage::Opened(soa) => self.opened(soa, record, is_soa)?,
            Stage::Whole { soa, mut builder } => {
                builder.add_record(&record)?;
                if !is_soa {
                    Stage::Whole { soa, builder }
                } else if record.data != soa.data {
                    return Err(TransferError::SoaDiffers);
                } else {
                    whole(&mut builder)?
                }
            }
            Stage::Changes(differences) => self.difference(differences, record, is_soa)?,
            Stage::Done(_) => return Err(TransferError::Trailing),
        };
        Ok(())
    }

    /// The first SOA says which version this will be.
    fn opening(&self, soa: Record) -> Result<Stage, TransferError> {
        let serial = serial_of(&soa)?;
        match &self.base {
            Some(base) if serial != base.serial() && !is_newer(serial, base.serial()) => {
                Err(TransferError::Older(serial))
            }
            _ => Ok(Stage::Opened(soa)),
        }
    }

    /// The second record tells differences, which go on with our own SOA, from a whole zone (RFC 1995 §4).
    fn opened(&self, soa: Record, record: Record, is_soa: bool) -> Result<Stage, TransferError> {
        let mut builder = Box::new(ZoneBuilder::new(self.zone.clone()));
        builder.add_record(&record)?;
        if !is_soa {
            return Ok(Stage::Whole { soa, builder });
        }
        if record.data == soa.data {
            // A zone of nothing but its SOA.
            return whole(&mut builder);
        }
        let base = self.base.as_ref().ok_or(TransferError::SoaDiffers)?;
        if serial_of(&record)? != base.serial() {
            return Err(TransferError::Gap);
        }
        let open = Change { removed: vec![record], added: Vec::new() };
        Ok(Stage::Changes(Differences { newest: soa, done: Vec::new(), open, adding: false }))
    }

    fn difference(&self, mut state: Differences, record: Record, is_soa: bool) -> Result<Stage, TransferError> {
        match (state.adding, is_soa) {
            (false, false) => state.open.removed.push(record),
            (true, false) => state.open.added.push(record),
            (false, true) => {
                state.adding = true;
                state.open.added.push(record);
            }
            (true, true) => {
                let next = Change { removed: vec![record], added: Vec::new() };
                // Each difference begins where the one before it ended; the last ends with the newest.
                if state.open.to_serial() != next.from_serial() {
                    return Err(TransferError::Gap);
                }
                let ended = next.removed[0].data == state.newest.data;
                state.done.push(Arc::new(std::mem::replace(&mut state.open, next)));
                state.adding = false;
                if ended {
                    let base = self.base.as_ref().ok_or(TransferError::Gap)?;
                    let zone = apply(base, &state.done)?;
                    return Ok(Stage::Done(Some(Box::new(Received::Zone(zone, state.done)))));
                }
            }
        }
        Ok(Stage::Changes(state))
    }

    fn outcome(&mut self) -> Result<Received, TransferError> {
        match &mut self.stage {
            Stage::Opening => Err(TransferError::NoSoa),
            // RFC 1995 §2: the SOA alone says that there is nothing newer. A newer one begins a transfer whose
            // first message holds nothing else.
            Stage::Opened(soa) => {
                let serial = serial_of(soa)?;
                Ok(if self.base.as_ref().is_some_and(|base| base.serial() == serial) {
                    Received::Current
                } else {
                    Received::More
                })
            }
            Stage::Done(result) => result.take().map(|result| *result).ok_or(TransferError::Trailing),
            _ => Ok(Received::More),
        }
    }
}

/// The whole zone has come.
fn whole(builder: &mut ZoneBuilder) -> Result<Stage, TransferError> {
    Ok(Stage::Done(Some(Box::new(Received::Zone(builder.build()?, Vec::new())))))
}

fn serial_of(soa: &Record) -> Result<u32, TransferError> {
    Ok(Soa::decode(soa.data.wire())?.serial)
}

/// The zone with changes made to it. A signed zone is built anew, since its signatures and denial records
/// stand with what they belong to; an unsigned one is edited.
fn apply(base: &Zone, changes: &[Arc<Change>]) -> Result<Zone, TransferError> {
    let signs =
        |record: &Record| matches!(record.record_type(), RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3);
    let signed = base.is_signed() || changes.iter().any(|change| change.added.iter().any(signs));
    if signed { apply_by_building(base, changes) } else { apply_by_editing(base, changes) }
}

fn apply_by_editing(base: &Zone, changes: &[Arc<Change>]) -> Result<Zone, TransferError> {
    let mut edit = ZoneEdit::new(base);
    for change in changes {
        for record in &change.removed {
            if !edit.remove(record.name.borrowed(), &record.data) {
                return Err(TransferError::Mismatch(record.name.clone()));
            }
        }
        for record in &change.added {
            if !edit.add(record.name.borrowed(), record.ttl, &record.data)? {
                return Err(TransferError::Mismatch(record.name.clone()));
            }
        }
    }
    Ok(edit.finish()?.0)
}

fn apply_by_building(base: &Zone, changes: &[Arc<Change>]) -> Result<Zone, TransferError> {
    let mut records: HashSet<Record> = base.records().collect();
    for change in changes {
        for record in &change.removed {
            if !records.remove(record) {
                return Err(TransferError::Mismatch(record.name.clone()));
            }
        }
        for record in &change.added {
            if !records.insert(record.clone()) {
                return Err(TransferError::Mismatch(record.name.clone()));
            }
        }
    }
    let mut builder = ZoneBuilder::new(base.apex().clone());
    for record in &records {
        builder.add_record(record)?;
    }
    Ok(builder.build()?)
}
