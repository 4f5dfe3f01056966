//! Typed views of ordinary record data. Each `decode` takes uncompressed wire form; where a type is also
//! made by us there is an `encode`.

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::wire::{NameRef, RecordData, RecordType};

/// Takes a name from the front of `rest`.
pub(super) fn take_name<'a>(rest: &mut &'a [u8]) -> Result<NameRef<'a>, WireError> {
    let (name, after) = NameRef::split_wire(rest)?;
    *rest = after;
    Ok(name)
}

/// Start of authority (RFC 1035 §3.3.13).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Soa<'a> {
    /// The primary server.
    pub primary: NameRef<'a>,
    /// Who is responsible, the first dot standing for `@`.
    pub mailbox: NameRef<'a>,
    /// Version of the zone, in the arithmetic of RFC 1982.
    pub serial: u32,
    /// Seconds between a secondary's checks.
    pub refresh: u32,
    /// Seconds before it tries again.
    pub retry: u32,
    /// Seconds after which it stops answering.
    pub expire: u32,
    /// Seconds that a denial may be kept, at most (RFC 2308 §4).
    pub minimum: u32,
}

impl<'a> Soa<'a> {
    /// Reads the data of a SOA record.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut rest = data;
        let (primary, mailbox) = (take_name(&mut rest)?, take_name(&mut rest)?);
        let mut cursor = Cursor::new(rest);
        let mut next = || cursor.u32();
        let (serial, refresh, retry, expire, minimum) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Self { primary, mailbox, serial, refresh, retry, expire, minimum })
    }

    /// The data of a SOA record.
    pub fn encode(&self) -> RecordData {
        let mut wire = [self.primary.wire(), self.mailbox.wire()].concat();
        for number in [self.serial, self.refresh, self.retry, self.expire, self.minimum] {
            wire.extend(number.to_be_bytes());
        }
        RecordData::from_checked(RecordType::SOA, wire.into())
    }
}

/// Mail exchange (RFC 1035 §3.3.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailExchange<'a> {
    /// The lowest is tried first.
    pub preference: u16,
    /// The host; the root means "no mail" (RFC 7505).
    pub exchange: NameRef<'a>,
}

impl<'a> MailExchange<'a> {
    /// Reads the data of an MX record.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let (preference, mut rest) = data.split_first_chunk().ok_or(WireError::DataLength)?;
        Ok(Self { preference: u16::from_be_bytes(*preference), exchange: take_name(&mut rest)? })
    }
}

/// Service location (RFC 2782).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Service<'a> {
    /// The lowest is tried first.
    pub priority: u16,
    /// Share among those of one priority.
    pub weight: u16,
    /// Port of the service.
    pub port: u16,
    /// The host; the root means "no such service here".
    pub target: NameRef<'a>,
}

impl<'a> Service<'a> {
    /// Reads the data of an SRV record.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new(data);
        let (priority, weight, port) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        Ok(Self { priority, weight, port, target: take_name(&mut cursor.rest())? })
    }
}

/// Who may issue certificates (RFC 8659 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caa<'a> {
    /// 128 when an issuer that does not understand the tag must refuse.
    pub flags: u8,
    /// `issue`, `issuewild`, `iodef`, ...
    pub tag: &'a [u8],
    /// What the tag says.
    pub value: &'a [u8],
}

impl<'a> Caa<'a> {
    /// Reads the data of a CAA record.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new(data);
        let (flags, length) = (cursor.u8()?, cursor.u8()?);
        let tag = cursor.take(usize::from(length))?;
        Ok(Self { flags, tag, value: cursor.rest() })
    }
}

/// The character-strings of TXT-like data.
pub fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first()?;
        let (text, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        Some(text)
    })
}
