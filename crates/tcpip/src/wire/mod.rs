//! Bytes to values and back, one file per header. No state, no decisions. Called by [`crate::network`],
//! [`crate::udp`] and [`crate::tcp`]; hands on nothing.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmpv4;
pub mod icmpv6;
pub mod igmp;
pub mod ipv4;
pub mod ipv6;
pub mod sequence;
pub mod tcp;
pub mod tcp_options;
pub mod udp;

use edgeway_base::Incomplete;

/// Why bytes are not the header they should be. Each counts under its own name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Fewer bytes than the header says or needs. Over a datagram link there will be no more.
    Incomplete,
    /// A version, hardware type or length field with a value that this header cannot have.
    BadField,
    /// The checksum is wrong.
    BadChecksum,
}

impl From<Incomplete> for Malformed {
    fn from(_: Incomplete) -> Self {
        Self::Incomplete
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Incomplete => "the header is cut short",
            Self::BadField => "a field has a value that the header cannot have",
            Self::BadChecksum => "the checksum is wrong",
        })
    }
}

impl std::error::Error for Malformed {}
