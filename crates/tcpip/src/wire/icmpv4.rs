//! ICMP messages (RFC 792, RFC 1122 §3.2.2). Called by [`crate::host`].

use edgeway_base::Cursor;

use super::Malformed;
use super::checksum::Sum;

/// Codes of "destination unreachable" that this house names.
pub mod unreachable {
    /// Network.
    pub const NETWORK: u8 = 0;
    /// Host.
    pub const HOST: u8 = 1;
    /// Protocol: nobody speaks it there.
    pub const PROTOCOL: u8 = 2;
    /// Port: nobody listens there.
    pub const PORT: u8 = 3;
    /// Too large and must not be fragmented.
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// Source route failed.
    pub const SOURCE_ROUTE_FAILED: u8 = 5;
    /// Network administratively prohibited.
    pub const NETWORK_PROHIBITED: u8 = 9;
    /// Host administratively prohibited.
    pub const HOST_PROHIBITED: u8 = 10;
    /// Filtered.
    pub const FILTERED: u8 = 13;
}

/// A message. Error messages quote the start of the packet they are about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Icmpv4Message<'a> {
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
    /// The packet did not arrive.
    DestinationUnreachable {
        /// Why.
        code: u8,
        /// The next hop's MTU when the code is "fragmentation needed" (RFC 1191 §4), else zero.
        next_hop_mtu: u16,
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
    /// A header field made no sense.
    ParameterProblem {
        /// 0: the pointer says which byte.
        code: u8,
        /// Which byte.
        pointer: u8,
        /// The start of that packet.
        quoted: &'a [u8],
    },
    /// Slow down: obsolete, ignored (RFC 6633, RFC 9293 MUST-55).
    SourceQuench,
    /// Use another router: ignored by this host, because a stranger may say it (RFC 6274 §4.3.2.7... router lists
    /// are configured).
    Redirect,
    /// Known to nobody here; RFC 1122 §3.2.2: silently discard.
    Other(u8),
}

impl<'a> Icmpv4Message<'a> {
    /// Reads and verifies a message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !Sum::new().bytes(bytes).is_valid() {
            return Err(Malformed::BadChecksum);
        }
        let mut cursor = Cursor::new(bytes);
        let (kind, code) = (cursor.u8()?, cursor.u8()?);
        cursor.u16()?;
        let (first, second) = (cursor.u16()?, cursor.u16()?);
        let rest = cursor.rest();
        Ok(match kind {
            0 => Self::EchoReply { identifier: first, sequence: second, data: rest },
            3 => Self::DestinationUnreachable { code, next_hop_mtu: second, quoted: rest },
            4 => Self::SourceQuench,
            5 => Self::Redirect,
            8 => Self::EchoRequest { identifier: first, sequence: second, data: rest },
            11 => Self::TimeExceeded { code, quoted: rest },
            12 => Self::ParameterProblem { code, pointer: (first >> 8) as u8, quoted: rest },
            other => Self::Other(other),
        })
    }

    /// Writes the message with its checksum.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, code, first, second, rest): (u8, u8, u16, u16, &[u8]) = match self {
            Self::EchoReply { identifier, sequence, data } => (0, 0, *identifier, *sequence, data),
            Self::EchoRequest { identifier, sequence, data } => (8, 0, *identifier, *sequence, data),
            Self::DestinationUnreachable { code, next_hop_mtu, quoted } => (3, *code, 0, *next_hop_mtu, quoted),
            Self::TimeExceeded { code, quoted } => (11, *code, 0, 0, quoted),
            Self::ParameterProblem { code, pointer, quoted } => (12, *code, u16::from(*pointer) << 8, 0, quoted),
            Self::SourceQuench => (4, 0, 0, 0, &[]),
            Self::Redirect => (5, 0, 0, 0, &[]),
            Self::Other(kind) => (*kind, 0, 0, 0, &[]),
        };
        let mut bytes = Vec::with_capacity(8 + rest.len());
        bytes.extend([kind, code, 0, 0]);
        bytes.extend(first.to_be_bytes());
        bytes.extend(second.to_be_bytes());
        bytes.extend(rest);
        let checksum = Sum::new().bytes(&bytes).checksum();
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Whether the message reports an error; no error may be sent about one (RFC 1122 §3.2.2).
    pub const fn is_error(&self) -> bool {
        !matches!(self, Self::EchoRequest { .. } | Self::EchoReply { .. } | Self::Other(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for message in [
            Icmpv4Message::EchoRequest { identifier: 1, sequence: 2, data: b"ping" },
            Icmpv4Message::EchoReply { identifier: 1, sequence: 2, data: b"odd" },
            Icmpv4Message::DestinationUnreachable { code: 4, next_hop_mtu: 1400, quoted: b"12345678" },
            Icmpv4Message::TimeExceeded { code: 1, quoted: b"1234" },
            Icmpv4Message::ParameterProblem { code: 0, pointer: 20, quoted: b"12" },
            Icmpv4Message::SourceQuench,
            Icmpv4Message::Other(13),
        ] {
            let bytes = message.encode();
            assert_eq!(Icmpv4Message::decode(&bytes), Ok(message));
            let mut wrong = bytes.clone();
            wrong[0] ^= 0x40;
            assert_eq!(Icmpv4Message::decode(&wrong), Err(Malformed::BadChecksum));
        }
        assert!(Icmpv4Message::decode(&[]).is_err());
    }
}
