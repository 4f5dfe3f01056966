//! What a host refuses to its application, with whose fault it is. What comes from the wire never is an error
//! here: it is dropped and counted.

use edgeway_base::{Blame, Blamed};

/// A request that the host cannot fulfil.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostError {
    /// No route leads there.
    NoRoute,
    /// The address is none of ours, or is no address to bind or connect to (RFC 9293 MUST-46).
    BadAddress,
    /// Somebody has that port already.
    AddressInUse,
    /// All ephemeral ports to that destination are taken.
    NoPorts,
    /// There is no such socket (any more).
    NoSocket,
    /// A bound of [`crate::limits`] is reached.
    Full,
    /// More bytes than a datagram can carry.
    TooLong,
    /// Sending to a broadcast address was not asked for on this socket.
    BroadcastNotAllowed,
}

impl std::fmt::Display for HostError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::NoRoute => "no route leads to that address",
            Self::BadAddress => "that is not an address for this purpose",
            Self::AddressInUse => "the address and port are in use",
            Self::NoPorts => "no ephemeral port is left for that destination",
            Self::NoSocket => "the socket does not exist",
            Self::Full => "a limit of the host is reached",
            Self::TooLong => "the datagram is too long",
            Self::BroadcastNotAllowed => "the socket may not send to broadcast addresses",
        })
    }
}

impl std::error::Error for HostError {}

impl Blamed for HostError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoRoute => Blame::Environment,
            Self::BadAddress | Self::AddressInUse => Blame::Operator,
            Self::NoPorts | Self::Full => Blame::Environment,
            Self::NoSocket | Self::TooLong | Self::BroadcastNotAllowed => Blame::Us,
        }
    }

    fn may_retry(&self) -> bool {
        matches!(self, Self::NoPorts | Self::Full | Self::NoRoute)
    }
}
