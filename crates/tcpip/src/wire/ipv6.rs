//! IPv6 headers and their extension chain (RFC 8200). Called by [`crate::host`].

use std::net::Ipv6Addr;

use edgeway_base::Cursor;

use super::Malformed;
use crate::limits::EXTENSION_HEADERS_MAX;

/// The fixed header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Header {
    /// DSCP and ECN together.
    pub traffic_class: u8,
    /// Marks packets of one flow (RFC 6437).
    pub flow_label: u32,
    /// Bytes after the fixed header.
    pub payload_length: u16,
    /// What follows.
    pub next_header: u8,
    /// Hops left.
    pub hop_limit: u8,
    /// From whom.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
}

impl Ipv6Header {
    /// Bytes of the fixed header.
    pub const LENGTH: usize = 40;

    /// Reads the fixed header.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u32()?;
        if first >> 28 != 6 {
            return Err(Malformed::BadField);
        }
        Ok(Self {
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0x000f_ffff,
            payload_length: cursor.u16()?,
            next_header: cursor.u8()?,
            hop_limit: cursor.u8()?,
            source: cursor.array::<16>()?.into(),
            destination: cursor.array::<16>()?.into(),
        })
    }

    /// Writes the 40 bytes.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0x000f_ffff;
        bytes[..4].copy_from_slice(&first.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.payload_length.to_be_bytes());
        bytes[6] = self.next_header;
        bytes[7] = self.hop_limit;
        bytes[8..24].copy_from_slice(&self.source.octets());
        bytes[24..].copy_from_slice(&self.destination.octets());
        bytes
    }
}

/// The fragment extension header. RFC 8200 §4.5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentHeader {
    /// What the reassembled datagram carries.
    pub next_header: u8,
    /// Where this fragment starts, in bytes.
    pub offset: u32,
    /// Not the last fragment.
    pub more: bool,
    /// Groups the fragments of one datagram.
    pub identification: u32,
}

impl FragmentHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 8;

    /// Writes the 8 bytes.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.next_header;
        let offset = (self.offset as u16 & 0xfff8) | u16::from(self.more);
        bytes[2..4].copy_from_slice(&offset.to_be_bytes());
        bytes[4..].copy_from_slice(&self.identification.to_be_bytes());
        bytes
    }
}

/// What the extension chain leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chain {
    /// An upper-layer header of this protocol, this many bytes after the fixed header.
    Upper {
        /// Protocol number.
        protocol: u8,
        /// Bytes of extension headers in front of it.
        offset: usize,
    },
    /// A fragment; its data starts this many bytes after the fixed header.
    Fragment {
        /// The fragment header.
        header: FragmentHeader,
        /// Bytes of extension headers in front of the data.
        offset: usize,
    },
    /// An option or header that must be answered with a parameter problem pointing at this byte of the packet.
    Refused {
        /// Code of the ICMPv6 parameter problem: 0 field, 1 next header, 2 option.
        code: u8,
        /// Which byte, counted from the start of the packet.
        pointer: u32,
    },
    /// Drop without an answer.
    Silent,
}

/// Follows the chain from the fixed header's `next_header` through `payload`. RFC 8200 §4.
pub fn follow_chain(next_header: u8, payload: &[u8]) -> Result<Chain, Malformed> {
    let mut protocol = next_header;
    let mut cursor = Cursor::new(payload);
    // Where the current "next header" field stands, for parameter problems.
    let mut field = 6;
    for count in 0..=EXTENSION_HEADERS_MAX {
        let at = Ipv6Header::LENGTH + cursor.position();
        match protocol {
            // RFC 8200 §4.1: hop-by-hop options stand directly behind the fixed header, or are not recognised.
            0 if count > 0 => return Ok(Chain::Refused { code: 1, pointer: field }),
            0 | 60 | 43 => {
                let next = cursor.u8()?;
                let length = usize::from(cursor.u8()?) * 8 + 6;
                let content = cursor.take(length)?;
                if protocol == 43 {
                    // RFC 8200 §4.4 with RFC 5095: segments left with a type unknown here is a problem.
                    if content[1] != 0 {
                        return Ok(Chain::Refused { code: 0, pointer: (at + 2) as u32 });
                    }
                } else if let Some(refusal) = judge_options(content, at + 2) {
                    return Ok(refusal);
                }
                protocol = next;
                field = at as u32;
            }
            44 => {
                let next_header = cursor.u8()?;
                cursor.u8()?;
                let offset = cursor.u16()?;
                let identification = cursor.u32()?;
                let (more, offset) = (offset & 1 != 0, u32::from(offset & 0xfff8));
                let header = FragmentHeader { next_header, offset, more, identification };
                return Ok(Chain::Fragment { header, offset: cursor.position() });
            }
            // RFC 8200 §4.7: nothing follows.
            59 => return Ok(Chain::Silent),
            upper => return Ok(Chain::Upper { protocol: upper, offset: cursor.position() }),
        }
    }
    Ok(Chain::Silent)
}

/// RFC 8200 §4.2: the two highest bits of an unknown option say what to do with the packet.
fn judge_options(options: &[u8], at: usize) -> Option<Chain> {
    let mut cursor = Cursor::new(options);
    while !cursor.is_empty() {
        let position = at + cursor.position();
        let kind = cursor.u8().ok()?;
        if kind == 0 {
            continue;
        }
        let Ok(length) = cursor.u8() else { return Some(Chain::Silent) };
        if cursor.take(usize::from(length)).is_err() {
            return Some(Chain::Silent);
        }
        // PadN (1) and router alert (5) are known and need nothing.
        match (kind, kind >> 6) {
            (1 | 5, _) | (_, 0) => {}
            (_, 1) => return Some(Chain::Silent),
            _ => return Some(Chain::Refused { code: 2, pointer: position as u32 }),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let header = Ipv6Header {
            traffic_class: 0xb8,
            flow_label: 0xabcde,
            payload_length: 20,
            next_header: 6,
            hop_limit: 64,
            source: "fd00::1".parse().unwrap(),
            destination: "fd00::2".parse().unwrap(),
        };
        assert_eq!(Ipv6Header::decode(&header.encode()), Ok(header));
        assert_eq!(Ipv6Header::decode(&header.encode()[..39]), Err(Malformed::Incomplete));
        assert_eq!(Ipv6Header::decode(&[0x45; 40]), Err(Malformed::BadField));
    }

    #[test]
    fn hostile_012_long_and_disordered_chains() {
        let destination_options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
        let deep: Vec<u8> = (0..100).flat_map(|_| destination_options(60)).collect();
        assert_eq!(follow_chain(60, &deep), Ok(Chain::Silent), "100 deep");
        let mut late = destination_options(0).to_vec();
        late.extend(destination_options(6));
        assert_eq!(follow_chain(60, &late), Ok(Chain::Refused { code: 1, pointer: 40 }), "hop-by-hop not first");
        assert_eq!(follow_chain(0, &destination_options(6)), Ok(Chain::Upper { protocol: 6, offset: 8 }));
        assert_eq!(follow_chain(60, &[6, 3, 0]), Err(Malformed::Incomplete), "length beyond the packet");
        assert_eq!(follow_chain(59, &[]), Ok(Chain::Silent), "nothing follows");
    }

    #[test]
    fn unknown_options_by_their_highest_bits() {
        for (kind, expected) in [
            (0x1e, Chain::Upper { protocol: 17, offset: 8 }),
            (0x5e, Chain::Silent),
            (0x9e, Chain::Refused { code: 2, pointer: 42 }),
            (0xde, Chain::Refused { code: 2, pointer: 42 }),
        ] {
            assert_eq!(follow_chain(60, &[17, 0, kind, 4, 0, 0, 0, 0]), Ok(expected), "{kind:#x}");
        }
    }

    #[test]
    fn fragment_header_both_ways() {
        let header = FragmentHeader { next_header: 17, offset: 1448, more: true, identification: 9 };
        assert_eq!(follow_chain(44, &header.encode()), Ok(Chain::Fragment { header, offset: 8 }));
    }
}
