//! Ethernet II frames (IEEE 802.3 §3.2.6). Called by the host for interfaces with a link layer.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edgeway_base::Cursor;

use super::Malformed;

/// A 48-bit hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether a frame to this address is for several stations.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The group address that carries an IP multicast group. RFC 1112 §6.4, RFC 2464 §7.
    pub const fn for_multicast(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => Self::for_multicast_v4(group),
            IpAddr::V6(group) => Self::for_multicast_v6(group),
        }
    }

    const fn for_multicast_v4(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    const fn for_multicast_v6(group: Ipv6Addr) -> Self {
        let octets = group.octets();
        Self([0x33, 0x33, octets[12], octets[13], octets[14], octets[15]])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EtherType {
    /// 0x0800
    Ipv4,
    /// 0x0806
    Arp,
    /// 0x86dd
    Ipv6,
    /// Anything else, which this host does not speak.
    Other(u16),
}

impl From<u16> for EtherType {
    fn from(number: u16) -> Self {
        match number {
            0x0800 => Self::Ipv4,
            0x0806 => Self::Arp,
            0x86dd => Self::Ipv6,
            other => Self::Other(other),
        }
    }
}

impl From<EtherType> for u16 {
    fn from(kind: EtherType) -> Self {
        match kind {
            EtherType::Ipv4 => 0x0800,
            EtherType::Arp => 0x0806,
            EtherType::Ipv6 => 0x86dd,
            EtherType::Other(other) => other,
        }
    }
}

/// The 14 bytes in front of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetHeader {
    /// To whom.
    pub destination: MacAddress,
    /// From whom.
    pub source: MacAddress,
    /// What follows.
    pub kind: EtherType,
}

impl EthernetHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 14;

    /// Reads the first 14 bytes of a frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        Ok(Self {
            destination: MacAddress(cursor.array()?),
            source: MacAddress(cursor.array()?),
            kind: cursor.u16()?.into(),
        })
    }

    /// Writes the 14 bytes.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..6].copy_from_slice(&self.destination.0);
        bytes[6..12].copy_from_slice(&self.source.0);
        bytes[12..].copy_from_slice(&u16::from(self.kind).to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_and_cut_short() {
        let header = EthernetHeader {
            destination: MacAddress::BROADCAST,
            source: MacAddress([2, 0, 0, 0, 0, 1]),
            kind: EtherType::Arp,
        };
        assert_eq!(EthernetHeader::decode(&header.encode()), Ok(header));
        assert_eq!(EthernetHeader::decode(&header.encode()[..13]), Err(Malformed::Incomplete));
    }

    #[test]
    fn group_addresses() {
        let v4 = MacAddress::for_multicast(IpAddr::V4(Ipv4Addr::new(239, 129, 2, 3)));
        assert_eq!(v4.to_string(), "01:00:5e:01:02:03");
        let v6 = MacAddress::for_multicast("ff02::1:ff00:7".parse().unwrap());
        assert_eq!(v6.to_string(), "33:33:ff:00:00:07");
        assert!(v4.is_group() && v6.is_group() && !MacAddress([2, 0, 0, 0, 0, 1]).is_group());
    }
}
