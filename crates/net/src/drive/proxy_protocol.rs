//! The PROXY protocol, versions 1 and 2: a line or a block in front of a connection that says whose it really is. Read by the accept loop
//! from peers that are trusted to say so; written by the proxy stage to upstreams that want it. The specification is HAProxy's
//! `proxy-protocol.txt` (revision 2020/03/05); its sections are cited.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edgeway_base::world::Address;
use edgeway_base::{Blame, Blamed, Cursor, Incomplete};

/// Which form is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// A line of text.
    One,
    /// A binary block.
    Two,
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// More bytes are needed.
    Incomplete,
    /// The header has this length and names these ends; `None` keeps the socket's own (LOCAL, UNKNOWN, UNSPEC).
    Complete(usize, Option<(SocketAddr, SocketAddr)>),
}

/// Section 2.1: the longest line of version 1, CRLF included.
const LINE_BYTES_MAX: usize = 107;

/// Section 2.2: what version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of addresses and TLVs accepted in version 2. The addresses take at most 216; what real senders add (SNI, SSL, a unique id)
/// stays far below.
const BLOCK_BYTES_MAX: usize = 2_048;

/// The header is malformed: the connection is closed without an answer (section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "malformed PROXY header: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl Blamed for Malformed {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Reads a header of either version from the front of `bytes`. Section 2: a receiver that expects a header must not guess whether
/// there is one, so anything else is malformed.
pub fn decode(bytes: &[u8]) -> Result<Outcome, Malformed> {
    let common = bytes.len().min(SIGNATURE.len());
    if bytes[..common] == SIGNATURE[..common] {
        return if bytes.len() < SIGNATURE.len() { Ok(Outcome::Incomplete) } else { decode_block(bytes) };
    }
    let start = bytes.len().min(6);
    if bytes[..start] != b"PROXY "[..start] {
        return Err(Malformed("it begins with neither form"));
    }
    decode_line(bytes)
}

fn decode_line(bytes: &[u8]) -> Result<Outcome, Malformed> {
    let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if bytes.len() >= LINE_BYTES_MAX {
            Err(Malformed("the line is too long"))
        } else {
            Ok(Outcome::Incomplete)
        };
    };
    let line = window[..end].strip_suffix(b"\r").ok_or(Malformed("the line ends without CR"))?;
    let line = str::from_utf8(line).map_err(|_| Malformed("not text"))?;
    let words: Vec<&str> = line.split(' ').collect();
    let ends = match words[..] {
        // Section 2.1: the rest of an UNKNOWN line is ignored.
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, source_port, destination_port] => {
            let four = family == "TCP4";
            Some((end_of(source, source_port, four)?, end_of(destination, destination_port, four)?))
        }
        _ => return Err(Malformed("the line has other words than expected")),
    };
    Ok(Outcome::Complete(end + 1, ends))
}

fn end_of(address: &str, port: &str, four: bool) -> Result<SocketAddr, Malformed> {
    let address: IpAddr = match four {
        true => address.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| Malformed("not an IPv4 address"))?,
        false => address.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| Malformed("not an IPv6 address"))?,
    };
    // `parse` would take a sign; the line may not have one.
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) || (port.len() > 1 && port.starts_with('0')) {
        return Err(Malformed("not a port"));
    }
    Ok(SocketAddr::new(address, port.parse().map_err(|_| Malformed("not a port"))?))
}

fn decode_block(bytes: &[u8]) -> Result<Outcome, Malformed> {
    let mut cursor = Cursor::new(&bytes[SIGNATURE.len()..]);
    let Ok([version_and_command, family, high, low]) = cursor.array::<4>() else { return Ok(Outcome::Incomplete) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version_and_command >> 4 != 2 {
        return Err(Malformed("another version than 2"));
    }
    if length > BLOCK_BYTES_MAX {
        return Err(Malformed("the block is too long"));
    }
    let Ok(block) = cursor.take(length) else { return Ok(Outcome::Incomplete) };
    let total = SIGNATURE.len() + cursor.position();
    let ends = match version_and_command & 0x0f {
        // Section 2.2: LOCAL is the sender speaking for itself, a health check for example.
        0 => None,
        1 => addresses(family, block).map_err(|Incomplete| Malformed("the block is shorter than its addresses"))?,
        _ => return Err(Malformed("an unknown command")),
    };
    check_extras(family, block)?;
    Ok(Outcome::Complete(total, ends))
}

fn addresses(family: u8, block: &[u8]) -> Result<Option<(SocketAddr, SocketAddr)>, Incomplete> {
    let mut cursor = Cursor::new(block);
    let (source, destination): (IpAddr, IpAddr) = match family >> 4 {
        1 => (cursor.array::<4>()?.into(), cursor.array::<4>()?.into()),
        2 => (cursor.array::<16>()?.into(), cursor.array::<16>()?.into()),
        // UNSPEC, and Unix sockets, whose paths name nobody on another machine.
        _ => return Ok(None),
    };
    let (source_port, destination_port) = (cursor.u16()?, cursor.u16()?);
    Ok(Some((SocketAddr::new(source, source_port), SocketAddr::new(destination, destination_port))))
}

/// Section 2.2: what follows the addresses are type-length-values; a length that runs beyond the block is a lie.
fn check_extras(family: u8, block: &[u8]) -> Result<(), Malformed> {
    let skip = match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return Ok(()),
    };
    let mut cursor = Cursor::new(block.get(skip..).unwrap_or_default());
    while !cursor.is_empty() {
        let lie = |Incomplete| Malformed("an extension is longer than the block");
        cursor.u8().map_err(lie)?;
        let length = cursor.u16().map_err(lie)?;
        cursor.take(usize::from(length)).map_err(lie)?;
    }
    Ok(())
}

impl Version {
    /// The header for a connection from `peer` that reached us at `local`.
    pub fn encode(self, peer: &Address, local: &Address) -> Vec<u8> {
        let ends = match (peer, local) {
            (Address::Ip(peer), Address::Ip(local)) if peer.is_ipv4() == local.is_ipv4() => Some((*peer, *local)),
            _ => None,
        };
        match self {
            Self::One => encode_line(ends),
            Self::Two => encode_block(ends),
        }
    }
}

fn encode_line(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((peer, local)) = ends else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let family = if peer.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {} {} {} {}\r\n", peer.ip(), local.ip(), peer.port(), local.port()).into_bytes()
}

fn encode_block(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut block = SIGNATURE.to_vec();
    let mut addresses = Vec::new();
    let Some((peer, local)) = ends else {
        // PROXY command, UNSPEC: relayed for someone whose address cannot be written here.
        block.extend_from_slice(&[0x21, 0, 0, 0]);
        return block;
    };
    for end in [peer, local] {
        match end.ip() {
            IpAddr::V4(four) => addresses.extend_from_slice(&four.octets()),
            IpAddr::V6(six) => addresses.extend_from_slice(&six.octets()),
        }
    }
    addresses.extend_from_slice(&peer.port().to_be_bytes());
    addresses.extend_from_slice(&local.port().to_be_bytes());
    block.extend_from_slice(&[0x21, if peer.is_ipv4() { 0x11 } else { 0x21 }]);
    block.extend_from_slice(&(addresses.len() as u16).to_be_bytes());
    block.extend_from_slice(&addresses);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_we_write_we_read_at_every_split() {
        for (peer, local) in [("192.0.2.1:1000", "198.51.100.1:443"), ("[2001:db8::1]:1000", "[2001:db8::2]:443")] {
            let (peer, local) = (address(peer), address(local));
            for version in [Version::One, Version::Two] {
                let bytes = version.encode(&peer.into(), &local.into());
                assert_eq!(decode(&bytes), Ok(Outcome::Complete(bytes.len(), Some((peer, local)))));
                for end in 0..bytes.len() {
                    assert_eq!(decode(&bytes[..end]), Ok(Outcome::Incomplete), "{version:?} {end}");
                }
            }
        }
        let unix = Address::Unix("/run/x".into());
        for version in [Version::One, Version::Two] {
            let bytes = version.encode(&unix, &unix);
            assert_eq!(decode(&bytes), Ok(Outcome::Complete(bytes.len(), None)), "{version:?}");
        }
    }

    #[test]
    fn hostile_077_lies_are_refused() {
        let lines = [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
            b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
            &[&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(),
        ];
        for line in lines {
            assert!(decode(line).is_err(), "{}", String::from_utf8_lossy(line));
        }
        let block = |tail: &[u8]| [&SIGNATURE[..], tail].concat();
        for tail in [
            &[0x11, 0x11, 0, 0][..],
            &[0x22, 0x11, 0, 0],
            &[0x21, 0x11, 0, 4, 1, 2, 3, 4],
            &[0x21, 0x11, 0xff, 0xff],
            // An extension that says it is longer than the block.
            &[0x21, 0x11, 0, 15, 1, 2, 3, 4, 1, 2, 3, 4, 0, 1, 0, 2, 4, 0, 9],
        ] {
            assert!(decode(&block(tail)).is_err(), "{tail:x?}");
        }
        assert_eq!(decode(&block(&[0x20, 0, 0, 0])), Ok(Outcome::Complete(16, None)), "LOCAL");
    }
}
