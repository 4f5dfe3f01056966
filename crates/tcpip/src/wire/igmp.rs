//! IGMP version 2 (RFC 2236), which every multicast router understands; version 3 queriers fall back to it
//! (RFC 3376 §7.3.1). Called by [`crate::host`] when groups are joined and left.

use std::net::Ipv4Addr;

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;

/// What is said about a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IgmpMessage {
    /// A querier asks who listens; unspecified means all groups.
    Query {
        /// Which group.
        group: Ipv4Addr,
        /// Answer within this many tenths of a second.
        response_deciseconds: u8,
    },
    /// Somebody listens.
    Report {
        /// Which group.
        group: Ipv4Addr,
    },
    /// Somebody stopped.
    Leave {
        /// Which group.
        group: Ipv4Addr,
    },
}

impl IgmpMessage {
    /// Reads and verifies a message; longer ones (version 3) are read by their first eight bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if !Sum::new().bytes(bytes).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        let mut cursor = Cursor::new(bytes);
        let (kind, response_deciseconds) = (cursor.u8()?, cursor.u8()?);
        cursor.u16()?;
        let group = Ipv4Addr::from(cursor.array::<4>()?);
        match kind {
            0x11 => Ok(Self::Query { group, response_deciseconds }),
            0x12 | 0x16 => Ok(Self::Report { group }),
            0x17 => Ok(Self::Leave { group }),
            _ => Err(Malformed::BadField),
        }
    }

    /// Writes the eight bytes.
    pub fn encode(&self) -> [u8; 8] {
        let (kind, time, group) = match self {
            Self::Query { group, response_deciseconds } => (0x11, *response_deciseconds, group),
            Self::Report { group } => (0x16, 0, group),
            Self::Leave { group } => (0x17, 0, group),
        };
        let [a, b, c, d] = group.octets();
        let mut bytes = [kind, time, 0, 0, a, b, c, d];
        let checksum = Sum::new().bytes(&bytes).checksum();
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        for message in [
            IgmpMessage::Query { group, response_deciseconds: 100 },
            IgmpMessage::Report { group },
            IgmpMessage::Leave { group },
        ] {
            assert_eq!(IgmpMessage::decode(&message.encode()), Ok(message));
        }
        assert_eq!(IgmpMessage::decode(&[0x11, 0, 0, 0, 0, 0, 0, 0]), Err(Malformed::BadChecksum));
    }
}
