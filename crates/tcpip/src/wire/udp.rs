//! UDP headers (RFC 768). Called by [`crate::udp`].

use std::net::IpAddr;

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;
use super::ipv4::protocol;

/// The eight bytes in front of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UdpHeader {
    /// From which port; zero: no answer expected.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// Header and payload, in bytes.
    pub length: u16,
    /// The checksum; zero: none (IPv4 only).
    pub checksum: u16,
}

impl UdpHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 8;

    /// Reads a header; `available` counts the bytes from its start to the end of the IP payload.
    pub fn decode(bytes: &[u8], available: usize) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let header = Self {
            source_port: cursor.u16()?,
            destination_port: cursor.u16()?,
            length: cursor.u16()?,
            checksum: cursor.u16()?,
        };
        match usize::from(header.length) {
            length if length < Self::LENGTH => Err(Malformed::BadField),
            length if length > available => Err(Malformed::Incomplete),
            _ => Ok(header),
        }
    }

    /// Whether the checksum allows the datagram. RFC 768: zero means none; RFC 8200 §8.1: never over IPv6.
    pub fn verify(&self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> bool {
        if self.checksum == 0 {
            return source.is_ipv4();
        }
        self.sum(source, destination, payload).word(self.checksum).is_valid()
    }

    /// Writes the header with the checksum over `payload`.
    pub fn encode(&self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> [u8; Self::LENGTH] {
        // RFC 768: a computed zero is written as all ones.
        let checksum = match self.sum(source, destination, payload).checksum() {
            0 => 0xffff,
            checksum => checksum,
        };
        let mut bytes = [0; Self::LENGTH];
        bytes[..2].copy_from_slice(&self.source_port.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.length.to_be_bytes());
        bytes[6..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn sum(&self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> Sum {
        Sum::new()
            .pseudo_header(source, destination, protocol::UDP, usize::from(self.length))
            .word(self.source_port)
            .word(self.destination_port)
            .word(self.length)
            .bytes(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_003_udp_checksums_and_011_lengths() {
        let (v4, v6): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap());
        let header = UdpHeader { source_port: 1, destination_port: 2, length: 11, checksum: 0 };
        for address in [v4, v6] {
            let mut bytes = header.encode(address, address, b"abc").to_vec();
            bytes.extend(b"abc");
            let read = UdpHeader::decode(&bytes, bytes.len()).unwrap();
            assert!(read.verify(address, address, b"abc"));
            assert!(!read.verify(address, address, b"abd"));
        }
        assert!(header.verify(v4, v4, b"abc"), "no checksum is allowed over IPv4");
        assert!(!header.verify(v6, v6, b"abc"), "and not over IPv6");
        for (length, expected) in
            [(7, Err(Malformed::BadField)), (12, Err(Malformed::Incomplete)), (8, Ok(())), (11, Ok(()))]
        {
            let bytes = UdpHeader { length, ..header }.encode(v4, v4, b"");
            assert_eq!(UdpHeader::decode(&bytes, 11).map(|_| ()), expected, "{length}");
        }
    }
}
