//! TCP headers (RFC 9293 §3.1). Called by [`crate::tcp`]; options are in [`super::tcp_options`].

use std::fmt;
use std::net::IpAddr;
use std::ops::{BitOr, BitOrAssign};

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;
use super::ipv4::protocol;
use super::sequence::SequenceNumber;
use super::tcp_options::TcpOptions;

/// The control bits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(1);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(2);
    /// Reset.
    pub const RST: Self = Self(4);
    /// Push.
    pub const PSH: Self = Self(8);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(16);
    /// The urgent pointer counts.
    pub const URG: Self = Self(32);
    /// Congestion was experienced (RFC 3168).
    pub const ECE: Self = Self(64);
    /// The congestion window was reduced (RFC 3168).
    pub const CWR: Self = Self(128);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Flags {
    /// The names, as in `SYN ACK`; `-` for none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Flags, &str); 8] = [
            (Flags::SYN, "SYN"),
            (Flags::FIN, "FIN"),
            (Flags::RST, "RST"),
            (Flags::PSH, "PSH"),
            (Flags::ACK, "ACK"),
            (Flags::URG, "URG"),
            (Flags::ECE, "ECE"),
            (Flags::CWR, "CWR"),
        ];
        let names: Vec<&str> = NAMES.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect();
        formatter.pad(if names.is_empty() { "-".to_owned() } else { names.join(" ") }.as_str())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A header, options included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpHeader {
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// Number of the first byte (or of the SYN).
    pub sequence: SequenceNumber,
    /// Number of the next byte expected.
    pub acknowledgement: SequenceNumber,
    /// Control bits.
    pub flags: Flags,
    /// Bytes the sender will take, unscaled; an unsigned number (RFC 9293 MUST-1).
    pub window: u16,
    /// Where urgent data ends, relative to `sequence`.
    pub urgent: u16,
    /// Options.
    pub options: TcpOptions,
}

/// An encoded header: at most 60 bytes.
#[derive(Clone, Copy, Debug)]
pub struct EncodedTcpHeader {
    bytes: [u8; TcpHeader::LENGTH_MAX],
    length: usize,
}

impl EncodedTcpHeader {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl TcpHeader {
    /// Bytes without options.
    pub const LENGTH: usize = 20;
    /// Bytes with the most options.
    pub const LENGTH_MAX: usize = 60;

    /// Reads a header; returns it with its length. The checksum is verified by [`TcpHeader::verify`], which needs
    /// the payload.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let (source_port, destination_port) = (cursor.u16()?, cursor.u16()?);
        let (sequence, acknowledgement) = (SequenceNumber(cursor.u32()?), SequenceNumber(cursor.u32()?));
        let length = usize::from(cursor.u8()? >> 4) * 4;
        let flags = Flags(cursor.u8()?);
        let window = cursor.u16()?;
        cursor.u16()?;
        let urgent = cursor.u16()?;
        if length < Self::LENGTH {
            return Err(Malformed::BadField);
        }
        let options = TcpOptions::decode(cursor.take(length - Self::LENGTH)?);
        Ok((Self { source_port, destination_port, sequence, acknowledgement, flags, window, urgent, options }, length))
    }

    /// Whether the checksum over header and payload is right (RFC 9293 MUST-3). `header` are the bytes decoded.
    pub fn verify(source: IpAddr, destination: IpAddr, header: &[u8], payload: &[u8]) -> bool {
        let length = header.len() + payload.len();
        Sum::new().pseudo_header(source, destination, protocol::TCP, length).bytes(header).bytes(payload).is_valid()
    }

    /// Writes the header. With `payload`, the checksum is computed (MUST-2); without, it is left to the device.
    pub fn encode(&self, source: IpAddr, destination: IpAddr, payload: Option<&[u8]>) -> EncodedTcpHeader {
        let mut bytes = [0; Self::LENGTH_MAX];
        let length = Self::LENGTH + self.options.encode(&mut bytes[Self::LENGTH..]);
        bytes[..2].copy_from_slice(&self.source_port.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.acknowledgement.0.to_be_bytes());
        bytes[12] = (length as u8 / 4) << 4;
        bytes[13] = self.flags.0;
        bytes[14..16].copy_from_slice(&self.window.to_be_bytes());
        bytes[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        if let Some(payload) = payload {
            let total = length + payload.len();
            let sum = Sum::new().pseudo_header(source, destination, protocol::TCP, total);
            let checksum = sum.bytes(&bytes[..length]).bytes(payload).checksum();
            bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
        }
        EncodedTcpHeader { bytes, length }
    }

    /// How much sequence space a segment with this header and `payload` bytes takes: SYN and FIN count one each.
    pub fn sequence_length(&self, payload: usize) -> i64 {
        payload as i64 + i64::from(self.flags.has(Flags::SYN)) + i64::from(self.flags.has(Flags::FIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> TcpHeader {
        TcpHeader {
            source_port: 443,
            destination_port: 50_000,
            sequence: SequenceNumber(u32::MAX),
            acknowledgement: SequenceNumber(7),
            flags: Flags::ACK | Flags::PSH,
            window: 65_535,
            urgent: 3,
            options: TcpOptions { timestamps: Some((1, 2)), ..TcpOptions::default() },
        }
    }

    #[test]
    fn must_2_and_3_checksum_computed_and_verified() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let encoded = header().encode(address, address, Some(b"odd"));
        assert_eq!(TcpHeader::decode(encoded.as_slice()), Ok((header(), 32)));
        assert!(TcpHeader::verify(address, address, encoded.as_slice(), b"odd"));
        assert!(!TcpHeader::verify(address, address, encoded.as_slice(), b"ode"));
        assert!(!TcpHeader::verify(address, "10.0.0.2".parse().unwrap(), encoded.as_slice(), b"odd"));
    }

    #[test]
    fn must_1_the_window_is_unsigned() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let encoded = TcpHeader { window: 0x8001, ..header() }.encode(address, address, None);
        assert_eq!(TcpHeader::decode(encoded.as_slice()).unwrap().0.window, 32_769);
    }

    #[test]
    fn hostile_001_data_offset_outside_the_segment() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let mut bytes = header().encode(address, address, None).as_slice().to_vec();
        bytes[12] = 0x40;
        assert_eq!(TcpHeader::decode(&bytes), Err(Malformed::BadField), "less than five words");
        bytes[12] = 0xf0;
        assert_eq!(TcpHeader::decode(&bytes), Err(Malformed::Incomplete), "beyond the segment");
        for length in 0..20 {
            assert_eq!(TcpHeader::decode(&bytes[..length]), Err(Malformed::Incomplete), "{length}");
        }
    }

    #[test]
    fn flags_have_names() {
        assert_eq!((Flags::SYN | Flags::ACK).to_string(), "SYN ACK");
        assert_eq!(Flags::NONE.to_string(), "-");
    }
}
