//! The twelve bytes in front of every message (RFC 1035 §4.1.1, RFC 4035 §3.2 for AD and CD).

use std::fmt;

use crate::error::WireError;
use crate::limits::HEADER_BYTES;

/// Identity, flags and counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Header {
    /// Chosen by who asks, repeated by who answers.
    pub id: u16,
    /// Kind of message and its outcome.
    pub flags: Flags,
    /// Entries per section: question, answer, authority, additional.
    pub counts: [u16; 4],
}

impl Header {
    /// Reads the first twelve bytes of `message`.
    pub fn decode(message: &[u8]) -> Result<Self, WireError> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *message.first_chunk().ok_or(WireError::Truncated)?;
        let number = |high, low| u16::from_be_bytes([high, low]);
        let counts = [number(e, f), number(g, h), number(i, j), number(k, l)];
        Ok(Self { id: number(a, b), flags: Flags(number(c, d)), counts })
    }

    /// The twelve bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let [[a, b], [c, d]] = [self.id.to_be_bytes(), self.flags.0.to_be_bytes()];
        let [[e, f], [g, h], [i, j], [k, l]] = self.counts.map(u16::to_be_bytes);
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// The sixteen bits between identity and counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// QR: this answers.
    pub const RESPONSE: Self = Self(0x8000);
    /// AA: from the authority for the name.
    pub const AUTHORITATIVE: Self = Self(0x0400);
    /// TC: cut short; ask again over a stream.
    pub const TRUNCATED: Self = Self(0x0200);
    /// RD: please recurse.
    pub const RECURSION_DESIRED: Self = Self(0x0100);
    /// RA: recursion is on offer.
    pub const RECURSION_AVAILABLE: Self = Self(0x0080);
    /// Z: reserved, ignored (RFC 1035 §4.1.1).
    pub const RESERVED: Self = Self(0x0040);
    /// AD: all of this was validated (RFC 4035 §3.2.3).
    pub const AUTHENTIC: Self = Self(0x0020);
    /// CD: the asker validates itself (RFC 4035 §3.2.2).
    pub const CHECKING_DISABLED: Self = Self(0x0010);

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other` set or cleared.
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }

    /// What is asked for.
    pub const fn opcode(self) -> Opcode {
        Opcode((self.0 >> 11 & 0xf) as u8)
    }

    /// With another opcode.
    pub const fn with_opcode(self, opcode: Opcode) -> Self {
        Self(self.0 & !0x7800 | (opcode.0 as u16 & 0xf) << 11)
    }

    /// The low four bits of the outcome; EDNS holds the rest.
    pub const fn rcode(self) -> Rcode {
        Rcode(self.0 & 0xf)
    }

    /// With the low four bits of another outcome.
    pub const fn with_rcode(self, rcode: Rcode) -> Self {
        Self(self.0 & !0xf | rcode.0 & 0xf)
    }

    /// What an answer to a query with these flags begins with: QR, the opcode, RD and CD repeated
    /// (RFC 1035 §4.1.1, RFC 4035 §3.1.6 and §3.2.2).
    pub const fn reply(self) -> Self {
        Self(self.0 & (0x7800 | Self::RECURSION_DESIRED.0 | Self::CHECKING_DISABLED.0) | Self::RESPONSE.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const FLAG_WORDS: [(Flags, &str); 8] = [
    (Flags::RESPONSE, "qr"),
    (Flags::AUTHORITATIVE, "aa"),
    (Flags::TRUNCATED, "tc"),
    (Flags::RECURSION_DESIRED, "rd"),
    (Flags::RECURSION_AVAILABLE, "ra"),
    (Flags::RESERVED, "z"),
    (Flags::AUTHENTIC, "ad"),
    (Flags::CHECKING_DISABLED, "cd"),
];

impl fmt::Display for Flags {
    /// The set flags in dig's order, with blanks between.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        for (_, word) in FLAG_WORDS.into_iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(formatter, "{blank}{word}")?;
            blank = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} [{self}] {}", self.opcode(), self.rcode())
    }
}

/// What is asked for (IANA "DNS OpCodes").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A question.
    pub const QUERY: Self = Self(0);
    /// Inverse query (retired by RFC 3425).
    pub const IQUERY: Self = Self(1);
    /// Server status (never specified).
    pub const STATUS: Self = Self(2);
    /// The zone changed (RFC 1996).
    pub const NOTIFY: Self = Self(4);
    /// Change the zone (RFC 2136).
    pub const UPDATE: Self = Self(5);
}

impl fmt::Display for Opcode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::QUERY => formatter.write_str("QUERY"),
            Self::IQUERY => formatter.write_str("IQUERY"),
            Self::STATUS => formatter.write_str("STATUS"),
            Self::NOTIFY => formatter.write_str("NOTIFY"),
            Self::UPDATE => formatter.write_str("UPDATE"),
            Self(other) => write!(formatter, "OPCODE{other}"),
        }
    }
}

/// How it went (IANA "DNS RCODEs"): four bits in the header, eight more in OPT, sixteen in TSIG.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Rcode(pub u16);

macro_rules! rcodes {
    ($($name:ident $value:literal $doc:literal,)*) => {
        impl Rcode {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*

            /// The mnemonic, when there is one.
            pub const fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

rcodes! {
    NOERROR 0 "It went well, though there may be no data.",
    FORMERR 1 "The query is malformed.",
    SERVFAIL 2 "The server failed.",
    NXDOMAIN 3 "The name does not exist.",
    NOTIMP 4 "The server does not know how.",
    REFUSED 5 "The server will not.",
    YXDOMAIN 6 "A name exists that should not (RFC 2136); a DNAME made too long a name (RFC 6672).",
    YXRRSET 7 "An RRset exists that should not.",
    NXRRSET 8 "An RRset that should exist does not.",
    NOTAUTH 9 "Not authoritative for the zone; or not authenticated (RFC 8945).",
    NOTZONE 10 "A name is not within the zone.",
    DSOTYPENI 11 "This type of stateful operation is unknown (RFC 8490).",
    BADVERS 16 "EDNS version not supported; inside TSIG, BADSIG.",
    BADKEY 17 "Key not recognised (TSIG).",
    BADTIME 18 "Signature out of its time window (TSIG).",
    BADMODE 19 "Bad TKEY mode.",
    BADNAME 20 "Duplicate key name.",
    BADALG 21 "Algorithm not supported.",
    BADTRUNC 22 "Truncated signature too short (TSIG).",
    BADCOOKIE 23 "Bad or missing server cookie (RFC 7873).",
}

impl Rcode {
    /// The signature does not fit (TSIG; the same number as BADVERS).
    pub const BADSIG: Self = Self(16);
}

impl fmt::Display for Rcode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "RCODE{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_both_ways() {
        let header = Header { id: 0xbeef, flags: Flags(0x8583), counts: [1, 2, 3, 4] };
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        assert_eq!(format!("{:?}", header.flags), "QUERY [qr aa rd ra] NXDOMAIN");
    }

    #[test]
    fn hostile_001_a_header_needs_twelve_bytes() {
        for length in 0..12 {
            assert_eq!(Header::decode(&[0; 12][..length]), Err(WireError::Truncated));
        }
    }

    #[test]
    fn hostile_032_a_reply_repeats_rd_and_cd_and_nothing_else() {
        assert_eq!(Flags(0x7ff7).reply(), Flags(0xf910));
        assert_eq!(Flags(0).with_opcode(Opcode::UPDATE).with_rcode(Rcode::REFUSED), Flags(0x2805));
    }
}
