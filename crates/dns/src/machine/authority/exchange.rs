//! What goes into the authority and what comes out of it.

use std::net::IpAddr;

use edgeway_base::{Instant, WallTime};

use crate::wire::edns::ClientSubnet;
use crate::wire::{Name, RecordData, RecordType};

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
    /// Resolve an ALIAS (see [`super::Authority::handle_resolved`]).
    Resolve(AliasQuery),
    /// A zone is to be transferred, by [`crate::machine::transfer::Outgoing`]. Whether the asker may is the
    /// caller's to decide.
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
