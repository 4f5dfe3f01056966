//! ICMPv6 (RFC 4443) with neighbour discovery (RFC 4861) and listener reports (RFC 2710, RFC 3810). Called by
//! [`crate::host`].

use std::net::{IpAddr, Ipv6Addr};

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;
use super::ethernet::MacAddress;
use super::ipv4::protocol;

/// A prefix from a router advertisement. RFC 4861 §4.6.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrefixInformation {
    /// The prefix.
    pub prefix: Ipv6Addr,
    /// Its bits.
    pub length: u8,
    /// Its addresses are on the link.
    pub on_link: bool,
    /// Addresses may be formed from it (RFC 4862).
    pub autonomous: bool,
    /// Seconds for which it is valid.
    pub valid_seconds: u32,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Icmpv6Message<'a> {
    /// The packet did not arrive.
    DestinationUnreachable {
        /// 0 no route, 1 prohibited, 3 address, 4 port.
        code: u8,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// It was too large for a link on the way.
    PacketTooBig {
        /// That link's MTU.
        mtu: u32,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// It lived too long on the way (code 0) or in pieces (code 1).
    TimeExceeded {
        /// Which.
        code: u8,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// A header made no sense.
    ParameterProblem {
        /// 0 field, 1 next header, 2 option.
        code: u8,
        /// Which byte.
        pointer: u32,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// Are you there?
    EchoRequest {
        /// Which asker.
        identifier: u16,
        /// Which question.
        sequence: u16,
        /// What to send back.
        data: &'a [u8],
    },
    /// I am.
    EchoReply {
        /// Which asker.
        identifier: u16,
        /// Which question.
        sequence: u16,
        /// What was sent.
        data: &'a [u8],
    },
    /// Is there a router?
    RouterSolicitation,
    /// There is.
    RouterAdvertisement {
        /// Hop limit to use; zero means unspecified.
        hop_limit: u8,
        /// Seconds for which it is a default router; zero: no longer.
        lifetime_seconds: u16,
        /// The link's MTU, if told.
        mtu: Option<u32>,
        /// The router's hardware address, if told.
        hardware: Option<MacAddress>,
        /// The first prefix, if any; further ones are read by [`Icmpv6Message::prefixes`].
        options: &'a [u8],
    },
    /// Who has this address?
    NeighbourSolicitation {
        /// The address.
        target: Ipv6Addr,
        /// The asker's hardware address, if told.
        hardware: Option<MacAddress>,
    },
    /// I have.
    NeighbourAdvertisement {
        /// It forwards.
        router: bool,
        /// It answers a question.
        solicited: bool,
        /// It wants a cached address replaced.
        override_cache: bool,
        /// The address.
        target: Ipv6Addr,
        /// Its hardware address, if told.
        hardware: Option<MacAddress>,
    },
    /// A querier asks who listens (RFC 2710 §3).
    ListenerQuery {
        /// Which group; unspecified: all.
        group: Ipv6Addr,
        /// Answer within this many milliseconds.
        response_milliseconds: u16,
    },
    /// Somebody listens.
    ListenerReport {
        /// Which group.
        group: Ipv6Addr,
    },
    /// Somebody stopped.
    ListenerDone {
        /// Which group.
        group: Ipv6Addr,
    },
    /// Known to nobody here.
    Other(u8),
}

impl<'a> Icmpv6Message<'a> {
    /// Reads and verifies a message between these addresses.
    pub fn decode(source: Ipv6Addr, destination: Ipv6Addr, bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !sum(source, destination, bytes.len()).bytes(bytes).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        let mut cursor = Cursor::new(bytes);
        let (kind, code) = (cursor.u8()?, cursor.u8()?);
        cursor.u16()?;
        let word = cursor.u32()?;
        let rest = cursor.rest();
        let (high, low) = ((word >> 16) as u16, word as u16);
        Ok(match kind {
            1 => Self::DestinationUnreachable { code, quoted: rest },
            2 => Self::PacketTooBig { mtu: word, quoted: rest },
            3 => Self::TimeExceeded { code, quoted: rest },
            4 => Self::ParameterProblem { code, pointer: word, quoted: rest },
            128 => Self::EchoRequest { identifier: high, sequence: low, data: rest },
            129 => Self::EchoReply { identifier: high, sequence: low, data: rest },
            130 => Self::ListenerQuery { group: cursor.array::<16>()?.into(), response_milliseconds: high },
            131 => Self::ListenerReport { group: cursor.array::<16>()?.into() },
            132 => Self::ListenerDone { group: cursor.array::<16>()?.into() },
            133 => Self::RouterSolicitation,
            134 => {
                cursor.u64()?;
                let options = cursor.rest();
                Self::RouterAdvertisement {
                    hop_limit: (word >> 24) as u8,
                    lifetime_seconds: low,
                    mtu: option(options, 5)?.and_then(|body| body.get(2..6)?.try_into().ok().map(u32::from_be_bytes)),
                    hardware: hardware_option(options, 1)?,
                    options,
                }
            }
            135 => {
                let target = cursor.array::<16>()?.into();
                Self::NeighbourSolicitation { target, hardware: hardware_option(cursor.rest(), 1)? }
            }
            136 => Self::NeighbourAdvertisement {
                router: word >> 31 != 0,
                solicited: word >> 30 & 1 != 0,
                override_cache: word >> 29 & 1 != 0,
                target: cursor.array::<16>()?.into(),
                hardware: hardware_option(cursor.rest(), 2)?,
            },
            other => Self::Other(other),
        })
    }

    /// Writes the message with its checksum.
    pub fn encode(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        let (kind, code, word) = match self {
            Self::DestinationUnreachable { code, quoted } => (1, *code, body(&mut bytes, quoted, 0)),
            Self::PacketTooBig { mtu, quoted } => (2, 0, body(&mut bytes, quoted, *mtu)),
            Self::TimeExceeded { code, quoted } => (3, *code, body(&mut bytes, quoted, 0)),
            Self::ParameterProblem { code, pointer, quoted } => (4, *code, body(&mut bytes, quoted, *pointer)),
            Self::EchoRequest { identifier, sequence, data } => {
                (128, 0, body(&mut bytes, data, u32::from(*identifier) << 16 | u32::from(*sequence)))
            }
            Self::EchoReply { identifier, sequence, data } => {
                (129, 0, body(&mut bytes, data, u32::from(*identifier) << 16 | u32::from(*sequence)))
            }
            Self::ListenerQuery { group, response_milliseconds } => {
                (130, 0, body(&mut bytes, &group.octets(), u32::from(*response_milliseconds) << 16))
            }
            Self::ListenerReport { group } => (131, 0, body(&mut bytes, &group.octets(), 0)),
            Self::ListenerDone { group } => (132, 0, body(&mut bytes, &group.octets(), 0)),
            Self::RouterSolicitation => (133, 0, 0),
            Self::RouterAdvertisement { hop_limit, lifetime_seconds, options, .. } => {
                bytes.extend([0; 8]);
                (134, 0, body(&mut bytes, options, u32::from(*hop_limit) << 24 | u32::from(*lifetime_seconds)))
            }
            Self::NeighbourSolicitation { target, hardware } => {
                body(&mut bytes, &target.octets(), 0);
                (135, 0, put_hardware(&mut bytes, 1, *hardware, 0))
            }
            Self::NeighbourAdvertisement { router, solicited, override_cache, target, hardware } => {
                let flags = u32::from(*router) << 31 | u32::from(*solicited) << 30 | u32::from(*override_cache) << 29;
                body(&mut bytes, &target.octets(), 0);
                (136, 0, put_hardware(&mut bytes, 2, *hardware, flags))
            }
            Self::Other(kind) => (*kind, 0, 0),
        };
        (bytes[0], bytes[1]) = (kind, code);
        bytes[4..8].copy_from_slice(&word.to_be_bytes());
        let checksum = sum(source, destination, bytes.len()).bytes(&bytes).checksum();
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Whether the message reports an error (RFC 4443 §2.1: types below 128).
    pub const fn is_error(&self) -> bool {
        matches!(
            self,
            Self::DestinationUnreachable { .. }
                | Self::PacketTooBig { .. }
                | Self::TimeExceeded { .. }
                | Self::ParameterProblem { .. }
                | Self::Other(..128)
        )
    }

    /// The prefixes among the options of a router advertisement.
    pub fn prefixes(options: &'a [u8]) -> impl Iterator<Item = PrefixInformation> + 'a {
        Options(Cursor::new(options)).filter_map(|(kind, body)| {
            let mut cursor = Cursor::new(body);
            let (length, flags, valid_seconds) = (cursor.u8().ok()?, cursor.u8().ok()?, cursor.u32().ok()?);
            cursor.take(8).ok()?;
            let prefix = cursor.array::<16>().ok()?.into();
            let (on_link, autonomous) = (flags & 0x80 != 0, flags & 0x40 != 0);
            (kind == 3 && length <= 128).then_some(PrefixInformation {
                prefix,
                length,
                on_link,
                autonomous,
                valid_seconds,
            })
        })
    }
}

/// Neighbour discovery options: kind and content. A length of zero ends the reading (RFC 4861 §4.6: discard).
struct Options<'a>(Cursor<'a>);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.0.u8().ok()?;
        let length = usize::from(self.0.u8().ok()?) * 8;
        Some((kind, self.0.take(length.checked_sub(2)?).ok()?))
    }
}

/// The content of the first option of this kind; malformed options are an error (RFC 4861 §7.1).
fn option(options: &[u8], wanted: u8) -> Result<Option<&[u8]>, Malformed> {
    let mut reader = Options(Cursor::new(options));
    let found = reader.by_ref().find(|(kind, _)| *kind == wanted);
    if found.is_none() && !reader.0.is_empty() {
        return Err(Malformed::BadField);
    }
    Ok(found.map(|(_, body)| body))
}

fn hardware_option(options: &[u8], wanted: u8) -> Result<Option<MacAddress>, Malformed> {
    Ok(option(options, wanted)?.and_then(|body| body.first_chunk::<6>()).map(|bytes| MacAddress(*bytes)))
}

fn body(bytes: &mut Vec<u8>, content: &[u8], word: u32) -> u32 {
    bytes.extend_from_slice(content);
    word
}

fn put_hardware(bytes: &mut Vec<u8>, kind: u8, hardware: Option<MacAddress>, word: u32) -> u32 {
    if let Some(MacAddress(address)) = hardware {
        bytes.extend([kind, 1]);
        bytes.extend(address);
    }
    word
}

fn sum(source: Ipv6Addr, destination: Ipv6Addr, length: usize) -> Sum {
    Sum::new().pseudo_header(IpAddr::V6(source), IpAddr::V6(destination), protocol::ICMPV6, length)
}

/// The group in which the owner of `address` listens for solicitations. RFC 4291 §2.7.1.
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let octets = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | octets[13] as u16, (octets[14] as u16) << 8 | octets[15] as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let (source, destination): (Ipv6Addr, Ipv6Addr) = ("fe80::1".parse().unwrap(), "ff02::1".parse().unwrap());
        let hardware = Some(MacAddress([2, 0, 0, 0, 0, 1]));
        for message in [
            Icmpv6Message::DestinationUnreachable { code: 4, quoted: b"12345678" },
            Icmpv6Message::PacketTooBig { mtu: 1280, quoted: b"1234" },
            Icmpv6Message::TimeExceeded { code: 0, quoted: b"1234" },
            Icmpv6Message::ParameterProblem { code: 1, pointer: 6, quoted: b"1234" },
            Icmpv6Message::EchoRequest { identifier: 1, sequence: 2, data: b"odd" },
            Icmpv6Message::EchoReply { identifier: 1, sequence: 2, data: b"" },
            Icmpv6Message::RouterSolicitation,
            Icmpv6Message::NeighbourSolicitation { target: source, hardware },
            Icmpv6Message::NeighbourSolicitation { target: source, hardware: None },
            Icmpv6Message::NeighbourAdvertisement {
                router: true,
                solicited: false,
                override_cache: true,
                target: source,
                hardware,
            },
            Icmpv6Message::ListenerQuery { group: destination, response_milliseconds: 1000 },
            Icmpv6Message::ListenerReport { group: destination },
            Icmpv6Message::ListenerDone { group: destination },
        ] {
            let bytes = message.encode(source, destination);
            assert_eq!(Icmpv6Message::decode(source, destination, &bytes), Ok(message));
            assert_eq!(Icmpv6Message::decode(source, "::2".parse().unwrap(), &bytes), Err(Malformed::BadChecksum));
        }
    }

    #[test]
    fn an_option_of_length_zero_is_malformed_and_no_loop() {
        let (source, destination): (Ipv6Addr, Ipv6Addr) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
        let mut bytes =
            Icmpv6Message::NeighbourSolicitation { target: source, hardware: None }.encode(source, destination);
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        bytes[2..4].fill(0);
        let checksum = sum(source, destination, bytes.len()).bytes(&bytes).checksum();
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(Icmpv6Message::decode(source, destination, &bytes), Err(Malformed::BadField));
    }

    #[test]
    fn solicited_node_group() {
        let address = "fd00::1234:5678".parse().unwrap();
        assert_eq!(solicited_node(address).to_string(), "ff02::1:ff34:5678");
    }
}
