//! The data of one record as a value of its own, and what can be asked of data without looking at its type
//! more closely.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::WireError;
use crate::wire::{NameRef, RecordType};

use super::{schema, wire};

/// The content of a record: its type and its data in uncompressed wire form, checked against the type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordData {
    pub(super) record_type: RecordType,
    pub(super) wire: Box<[u8]>,
}

impl RecordData {
    /// Checks uncompressed wire form.
    pub fn from_wire(record_type: RecordType, wire: impl Into<Box<[u8]>>) -> Result<Self, WireError> {
        let wire = wire.into();
        wire::check(record_type, &wire)?;
        Ok(Self { record_type, wire })
    }

    pub(crate) const fn from_checked(record_type: RecordType, wire: Box<[u8]>) -> Self {
        Self { record_type, wire }
    }

    /// An IPv4 address.
    pub fn a(address: Ipv4Addr) -> Self {
        Self::from_checked(RecordType::A, address.octets().into())
    }

    /// An IPv6 address.
    pub fn aaaa(address: Ipv6Addr) -> Self {
        Self::from_checked(RecordType::AAAA, address.octets().into())
    }

    /// A type whose data is one name: NS, CNAME, PTR, DNAME, ALIAS.
    pub fn name<'n>(record_type: RecordType, name: impl Into<NameRef<'n>>) -> Self {
        debug_assert!(matches!(schema::fields(record_type), Some([_])), "{record_type} is more than a name");
        Self::from_checked(record_type, name.into().wire().into())
    }

    /// Text of up to 255 bytes a string; longer text is split (RFC 1035 §3.3.14).
    pub fn txt(text: &[u8]) -> Self {
        let mut wire = Vec::with_capacity(text.len() + 2);
        if text.is_empty() {
            wire.push(0);
        }
        for piece in text.chunks(255) {
            wire.push(piece.len() as u8);
            wire.extend_from_slice(piece);
        }
        Self::from_checked(RecordType::TXT, wire.into())
    }

    /// Its type.
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// Its bytes, names uncompressed.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The same in canonical form: names that RFC 4034 §6.2 lists in lower case.
    pub fn to_canonical(&self) -> Self {
        let mut copy = self.clone();
        wire::make_canonical(copy.record_type, &mut copy.wire);
        copy
    }

    /// The address of an A record.
    pub fn as_a(&self) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = (*self.wire).try_into().ok()?;
        (self.record_type == RecordType::A).then(|| octets.into())
    }

    /// The address of an AAAA record.
    pub fn as_aaaa(&self) -> Option<Ipv6Addr> {
        let octets: [u8; 16] = (*self.wire).try_into().ok()?;
        (self.record_type == RecordType::AAAA).then(|| octets.into())
    }

    /// The one name that NS, CNAME, PTR, DNAME, MX, SRV, SVCB ... lead to.
    pub fn target(&self) -> Option<NameRef<'_>> {
        target(self.record_type, &self.wire)
    }
}

/// Brings checked, uncompressed data into canonical form in place (RFC 4034 §6.2).
pub fn make_canonical(record_type: RecordType, data: &mut [u8]) {
    wire::make_canonical(record_type, data);
}

/// The name that checked data leads to, for types whose point it is: NS, CNAME, PTR, DNAME, ALIAS, MX,
/// SRV, NAPTR, KX, AFSDB, RT, LP, SVCB, HTTPS.
pub fn target(record_type: RecordType, data: &[u8]) -> Option<NameRef<'_>> {
    let skip = match record_type {
        RecordType::NS
        | RecordType::CNAME
        | RecordType::PTR
        | RecordType::DNAME
        | RecordType::ALIAS
        | RecordType::MB
        | RecordType::MD
        | RecordType::MF => 0,
        RecordType::MX
        | RecordType::KX
        | RecordType::AFSDB
        | RecordType::RT
        | RecordType::LP
        | RecordType::SVCB
        | RecordType::HTTPS => 2,
        RecordType::SRV => 6,
        RecordType::NAPTR => {
            let flags = 4 + 1 + usize::from(*data.get(4)?);
            let services = flags + 1 + usize::from(*data.get(flags)?);
            services + 1 + usize::from(*data.get(services)?)
        }
        _ => return None,
    };
    NameRef::split_wire(data.get(skip..)?).ok().map(|(name, _)| name)
}
