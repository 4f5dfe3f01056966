//! IPv4 headers (RFC 791). Called by [`crate::host`]; hands fragments to [`crate::network::reassembly`].

use std::net::Ipv4Addr;

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;

/// Protocol numbers that this host knows.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
}

/// An IPv4 header; options are skipped (RFC 9293 MUST-50), except that source routes are noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Header {
    /// DSCP (RFC 2474) and ECN (RFC 3168) together.
    pub traffic_class: u8,
    /// Header and payload, in bytes.
    pub total_length: u16,
    /// Groups the fragments of one datagram.
    pub identification: u16,
    /// Routers must not fragment it.
    pub dont_fragment: bool,
    /// Not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment starts, in bytes (a multiple of 8).
    pub fragment_offset: u32,
    /// Hops left.
    pub time_to_live: u8,
    /// What follows.
    pub protocol: u8,
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// Bytes of the header with its options.
    pub header_length: usize,
    /// The options ask for a source route, which this host refuses (RFC 9293 MUST-51..53, RFC 6274 §3.13.2.3).
    pub source_routed: bool,
}

impl Ipv4Header {
    /// Bytes of a header without options, the only kind written.
    pub const LENGTH: usize = 20;

    /// Reads and verifies a header. What lies behind `total_length` (Ethernet padding) is the caller's to cut.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u8()?;
        let header_length = usize::from(first & 0x0f) * 4;
        // RFC 1122 §3.2.1.1: silently discard any other version; RFC 791 §3.1: the least IHL is 5.
        if first >> 4 != 4 || header_length < Self::LENGTH {
            return Err(Malformed::BadField);
        }
        let header = bytes.get(..header_length).ok_or(Malformed::Incomplete)?;
        // RFC 1122 §3.2.1.2: verify the checksum and silently discard.
        if !Sum::new().bytes(header).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        let traffic_class = cursor.u8()?;
        let total_length = cursor.u16()?;
        let identification = cursor.u16()?;
        let fragment = cursor.u16()?;
        let time_to_live = cursor.u8()?;
        let protocol = cursor.u8()?;
        cursor.u16()?;
        let (source, destination) = (cursor.array::<4>()?.into(), cursor.array::<4>()?.into());
        if usize::from(total_length) < header_length {
            return Err(Malformed::BadField);
        }
        Ok(Self {
            traffic_class,
            total_length,
            identification,
            dont_fragment: fragment & 0x4000 != 0,
            more_fragments: fragment & 0x2000 != 0,
            fragment_offset: u32::from(fragment & 0x1fff) * 8,
            time_to_live,
            protocol,
            source,
            destination,
            header_length,
            source_routed: has_source_route(&header[Self::LENGTH..]),
        })
    }

    /// Reads the header of a packet quoted in an ICMP error: routers changed it on the way and may have cut what
    /// follows, so neither checksum nor length is held against it.
    pub fn decode_quoted(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut copy = [0; 60];
        let length = usize::from(bytes.first().ok_or(Malformed::Incomplete)? & 0x0f) * 4;
        let copy = copy.get_mut(..length.max(Self::LENGTH)).ok_or(Malformed::BadField)?;
        copy.copy_from_slice(bytes.get(..copy.len()).ok_or(Malformed::Incomplete)?);
        copy[2..4].fill(0xff);
        copy[10..12].fill(0);
        let checksum = Sum::new().bytes(copy).checksum();
        copy[10..12].copy_from_slice(&checksum.to_be_bytes());
        Self::decode(copy)
    }

    /// Writes the 20 bytes, checksum included; `header_length` is ignored because no options are written.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = 0x45;
        bytes[1] = self.traffic_class;
        bytes[2..4].copy_from_slice(&self.total_length.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.identification.to_be_bytes());
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;
        let fragment = flags | (self.fragment_offset / 8) as u16;
        bytes[6..8].copy_from_slice(&fragment.to_be_bytes());
        bytes[8] = self.time_to_live;
        bytes[9] = self.protocol;
        bytes[12..16].copy_from_slice(&self.source.octets());
        bytes[16..].copy_from_slice(&self.destination.octets());
        let checksum = Sum::new().bytes(&bytes).checksum();
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Whether this is one part of a larger datagram.
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

/// Loose (131) or strict (137) source route among the options. RFC 791 §3.1.
fn has_source_route(options: &[u8]) -> bool {
    let mut cursor = Cursor::new(options);
    while let Ok(kind) = cursor.u8() {
        match kind {
            0 => return false,
            1 => {}
            131 | 137 => return true,
            _ => {
                // RFC 791: the length counts kind and length themselves; a nonsense length ends the reading.
                let Ok(length @ 2..) = cursor.u8() else { return false };
                if cursor.take(usize::from(length) - 2).is_err() {
                    return false;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Ipv4Header {
        Ipv4Header {
            traffic_class: 2,
            total_length: 40,
            identification: 7,
            dont_fragment: false,
            more_fragments: true,
            fragment_offset: 1480,
            time_to_live: 64,
            protocol: protocol::TCP,
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            header_length: 20,
            source_routed: false,
        }
    }

    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        let length = usize::from(bytes[0] & 15) * 4;
        bytes[10..12].fill(0);
        if let Some(header) = bytes.get(..length) {
            let checksum = Sum::new().bytes(header).checksum();
            bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn both_ways() {
        assert_eq!(Ipv4Header::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn hostile_004_bad_lengths_and_versions() {
        let good = header().encode().to_vec();
        for (what, position, value) in [("ihl 4", 0, 0x44), ("ihl 0", 0, 0x40), ("version 6", 0, 0x65)] {
            let mut wrong = good.clone();
            wrong[position] = value;
            assert_eq!(Ipv4Header::decode(&with_checksum(wrong)), Err(Malformed::BadField), "{what}");
        }
        let mut longer = good.clone();
        longer[0] = 0x4f;
        assert_eq!(Ipv4Header::decode(&longer), Err(Malformed::Incomplete), "ihl beyond the packet");
        let mut short = good.clone();
        short[2..4].copy_from_slice(&[0, 19]);
        assert_eq!(Ipv4Header::decode(&with_checksum(short)), Err(Malformed::BadField), "total below header");
        let mut flipped = good;
        flipped[15] ^= 1;
        assert_eq!(Ipv4Header::decode(&flipped), Err(Malformed::BadChecksum));
    }

    #[test]
    fn must_51_source_routes_are_noticed_and_nonsense_options_are_not_a_loop() {
        for (options, routed) in [
            ([131, 7, 4, 10, 0, 0, 9, 0], true),
            ([1, 137, 3, 4, 0, 0, 0, 0], true),
            ([7, 4, 0, 0, 131, 3, 4, 0], true),
            ([7, 0, 131, 3, 4, 0, 0, 0], false),
            ([7, 1, 131, 3, 4, 0, 0, 0], false),
            ([7, 200, 131, 3, 4, 0, 0, 0], false),
            ([0, 131, 3, 4, 0, 0, 0, 0], false),
        ] {
            assert_eq!(has_source_route(&options), routed, "{options:?}");
        }
    }
}
