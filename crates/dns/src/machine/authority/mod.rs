//! The authoritative server: a message goes in, an answer is composed into the caller's buffer from the
//! zones' stored bytes, without allocating on the way of an ordinary answer.
//!
//! Read [`Authority::handle`] first (`query.rs` judges the message), then `respond.rs` (what RFC 1034 §4.3.2
//! says), `denial.rs` (NSEC, NSEC3, compact), `additional.rs`. `catalog.rs` finds the zone; `cookie.rs` and
//! `rate.rs` defend.

mod additional;
mod catalog;
mod cookie;
mod denial;
mod query;
mod rate;
mod respond;

use std::net::IpAddr;
use std::sync::Arc;

use edgeway_base::{Instant, WallTime};

use crate::limits::UDP_BYTES_DEFAULT;
use crate::wire::edns::ClientSubnet;
use crate::wire::{Compressor, Name, NameRef, RecordData, RecordType};

pub use catalog::{Catalog, Served, ZoneState};
pub use cookie::{CookieSecret, Cookies};
pub use rate::{RateLimit, RateLimiter};

/// One worker's authoritative server.
#[derive(Debug)]
pub struct Authority {
    catalog: Arc<Catalog>,
    settings: Settings,
    cookies: Option<Cookies>,
    rate: Option<RateLimiter>,
    compressor: Compressor,
}

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest UDP answer; the client may ask for less.
    pub udp_bytes: u16,
    /// Leave out NS records and addresses that nobody needs to go on.
    pub minimal: bool,
    /// Begin each answer with another record of the set.
    pub rotate: bool,
    /// Who this server is (RFC 5001), told to whoever asks; also for `id.server`.
    pub identity: Option<Vec<u8>>,
    /// What `version.bind` and `version.server` say.
    pub version: Option<String>,
    /// How long an idle stream is kept, in units of 100 ms, told to clients that ask (RFC 7828).
    pub stream_idle: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            udp_bytes: UDP_BYTES_DEFAULT,
            minimal: true,
            rotate: false,
            identity: None,
            version: None,
            stream_idle: None,
        }
    }
}

/// How a message came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// UDP: small, and the source may be forged.
    Datagram,
    /// TCP, TLS, QUIC or HTTP.
    Stream,
}

/// A message and how it came.
#[derive(Clone, Copy, Debug)]
pub struct Request<'m> {
    /// The message.
    pub message: &'m [u8],
    /// Who sent it, as far as that can be known.
    pub source: IpAddr,
    /// How it came.
    pub transport: Transport,
    /// Whether a transaction signature was verified (the sender is known).
    pub authenticated: bool,
    /// Bytes to keep free at the end, for a transaction signature.
    pub reserve_bytes: usize,
    /// The moment, for rate limits.
    pub now: Instant,
    /// The calendar, for cookies and signatures.
    pub wall: WallTime,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing: not a query, or over the rate.
    Ignore,
    /// Send this many bytes of the buffer.
    Reply(usize),
    /// Resolve an ALIAS (see [`Authority::handle_resolved`]).
    Resolve(AliasQuery),
    /// A zone is to be transferred: see [`crate::machine::authority`]'s neighbour `transfer`. Whether the asker may is the caller's to
    /// decide.
    Transfer(TransferQuery),
    /// NOTIFY (RFC 1996) for a zone this server has; whether the sender may is the caller's to decide.
    Notify(NotifyQuery),
    /// UPDATE (RFC 2136): hand the message to the update machine.
    Update(Name),
}

/// The target of an ALIAS whose addresses are needed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AliasQuery {
    /// What to resolve.
    pub target: Name,
    /// A or AAAA.
    pub record_type: RecordType,
    /// The asker's network, when it may be told on (RFC 7871).
    pub subnet: Option<ClientSubnet>,
}

/// What an ALIAS target resolved to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AliasAnswer {
    /// A or AAAA records; empty when the target has none.
    pub addresses: Vec<RecordData>,
    /// Seconds they may be kept; the ALIAS's own TTL bounds it.
    pub ttl: u32,
    /// Whether resolving failed, so that the answer is SERVFAIL.
    pub failed: bool,
}

/// A transfer that was asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransferQuery {
    /// Which zone.
    pub zone: Name,
    /// IXFR: the serial the asker has. None: AXFR.
    pub from_serial: Option<u32>,
    /// The message's identity.
    pub id: u16,
}

/// A NOTIFY that came.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NotifyQuery {
    /// Which zone.
    pub zone: Name,
    /// The serial it names, as a hint (RFC 1996 §3.7).
    pub serial: Option<u32>,
}

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

impl Authority {
    /// A server for the zones of `catalog`.
    pub fn new(catalog: Arc<Catalog>, settings: Settings, cookies: Option<Cookies>, rate: Option<RateLimiter>) -> Self {
        Self { catalog, settings, cookies, rate, compressor: Compressor::new() }
    }

    /// Serves other zones from the next message on.
    pub fn set_catalog(&mut self, catalog: Arc<Catalog>) {
        self.catalog = catalog;
    }

    /// The zones it serves.
    pub const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Takes other cookie secrets.
    pub fn set_cookies(&mut self, cookies: Option<Cookies>) {
        self.cookies = cookies;
    }
}

#[cfg(test)]
mod tests;
