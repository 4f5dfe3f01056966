//! What is made while answering, by others: signatures, and addresses that are chosen. The authority asks
//! through these two traits and knows neither keys nor pools.

use std::net::IpAddr;

use edgeway_base::{Instant, WallTime};

use crate::wire::{NameRef, RecordData, RecordType};

/// Signs what is made while answering: compact denial, balanced and ALIAS addresses.
pub trait OnlineSigner: Send + Sync + std::fmt::Debug {
    /// Data of the RRSIG records over a set in canonical order; none when it cannot be signed.
    fn sign(
        &self,
        owner: NameRef<'_>,
        record_type: RecordType,
        ttl: u32,
        records: &[&[u8]],
        wall: WallTime,
    ) -> Vec<Vec<u8>>;

    /// Whether denials are compact (RFC 9824) and made while answering.
    fn denies_compactly(&self) -> bool;
}

/// Chooses addresses for a name (the balancing machine). It is asked for names whose node holds a
/// [`RecordType::BALANCED`] record (without data); the zone's builder puts one there for each balanced name.
pub trait Selector: Send + Sync + std::fmt::Debug {
    /// What to answer for a name and A or AAAA.
    fn select(&self, owner: NameRef<'_>, record_type: RecordType, asker: &Asker) -> Choice;
}

/// What a selector says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The name is not balanced: answer from the zone.
    NotMine,
    /// It is, but nobody has been checked yet: SERVFAIL, so that the asker tries another server.
    NotReady,
    /// Answer with these.
    Addresses(Selection),
}

/// Who asks, as a selector sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The client's address: from its subnet option, or the source.
    pub address: IpAddr,
    /// How many bits of it are known.
    pub prefix: u8,
    /// The moment.
    pub now: Instant,
    /// A number that differs from query to query.
    pub ticket: u64,
}

/// What a selector chose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// A or AAAA records, the best first; may be empty.
    pub addresses: Vec<RecordData>,
    /// Seconds they may be kept.
    pub ttl: u32,
    /// Bits of the client's address the choice depended on.
    pub scope_prefix: u8,
}
