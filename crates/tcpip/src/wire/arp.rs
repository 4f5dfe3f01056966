//! ARP for IPv4 over Ethernet (RFC 826). Called by [`crate::network`]'s neighbour cache.

use std::net::Ipv4Addr;

use edgeway_base::Cursor;

use super::Malformed;
use super::ethernet::MacAddress;

/// A question or an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArpOperation {
    /// Who has this address?
    Request,
    /// I have.
    Reply,
}

/// One ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArpPacket {
    /// Question or answer.
    pub operation: ArpOperation,
    /// Hardware address of the sender.
    pub sender_hardware: MacAddress,
    /// Protocol address of the sender; 0.0.0.0 in a probe (RFC 5227 §1.1).
    pub sender: Ipv4Addr,
    /// Hardware address of the target; zero in a request.
    pub target_hardware: MacAddress,
    /// Protocol address of the target.
    pub target: Ipv4Addr,
}

impl ArpPacket {
    /// Bytes of the packet, without Ethernet's padding.
    pub const LENGTH: usize = 28;

    /// Reads a packet; trailing padding is ignored.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        // RFC 826: hardware type 1 (Ethernet), protocol IPv4, lengths 6 and 4.
        if (cursor.u16()?, cursor.u16()?, cursor.u8()?, cursor.u8()?) != (1, 0x0800, 6, 4) {
            return Err(Malformed::BadField);
        }
        let operation = match cursor.u16()? {
            1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            _ => return Err(Malformed::BadField),
        };
        Ok(Self {
            operation,
            sender_hardware: MacAddress(cursor.array()?),
            sender: Ipv4Addr::from(cursor.array::<4>()?),
            target_hardware: MacAddress(cursor.array()?),
            target: Ipv4Addr::from(cursor.array::<4>()?),
        })
    }

    /// Writes the packet.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
        bytes[7] = match self.operation {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
        };
        bytes[8..14].copy_from_slice(&self.sender_hardware.0);
        bytes[14..18].copy_from_slice(&self.sender.octets());
        bytes[18..24].copy_from_slice(&self.target_hardware.0);
        bytes[24..].copy_from_slice(&self.target.octets());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_and_refusals() {
        let packet = ArpPacket {
            operation: ArpOperation::Reply,
            sender_hardware: MacAddress([2, 0, 0, 0, 0, 1]),
            sender: Ipv4Addr::new(10, 0, 0, 1),
            target_hardware: MacAddress([2, 0, 0, 0, 0, 2]),
            target: Ipv4Addr::new(10, 0, 0, 2),
        };
        let bytes = packet.encode();
        assert_eq!(ArpPacket::decode(&bytes), Ok(packet));
        for (position, value) in [(1, 2), (2, 9), (4, 5), (5, 6), (7, 3)] {
            let mut wrong = bytes;
            wrong[position] = value;
            assert_eq!(ArpPacket::decode(&wrong), Err(Malformed::BadField), "{position}");
        }
        for length in 0..bytes.len() {
            assert!(ArpPacket::decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
