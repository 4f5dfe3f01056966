//! Types of records and their mnemonics (IANA "Resource Record (RR) TYPEs").

use std::fmt;
use std::str::FromStr;

use crate::error::TextError;

/// The type of a record, or in a question one of the types that are none (`ANY`, `AXFR`, ...).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordType(pub u16);

macro_rules! record_types {
    ($($name:ident $value:literal $doc:literal,)*) => {
        impl RecordType {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*
        }
        /// Every type with a mnemonic, in order of its number.
        const MNEMONICS: &[(u16, &str)] = &[$(($value, stringify!($name)),)*];
    };
}

record_types! {
    A 1 "IPv4 address (RFC 1035).",
    NS 2 "Name server.",
    MD 3 "Mail destination (obsolete).",
    MF 4 "Mail forwarder (obsolete).",
    CNAME 5 "Canonical name.",
    SOA 6 "Start of authority.",
    MB 7 "Mailbox.",
    MG 8 "Mail group member.",
    MR 9 "Mail rename.",
    NULL 10 "Anything.",
    WKS 11 "Well-known services.",
    PTR 12 "Pointer to a name.",
    HINFO 13 "Host information; also the minimal answer to ANY (RFC 8482).",
    MINFO 14 "Mailbox information.",
    MX 15 "Mail exchange.",
    TXT 16 "Text.",
    RP 17 "Responsible person (RFC 1183).",
    AFSDB 18 "AFS database.",
    X25 19 "X.25 address.",
    ISDN 20 "ISDN address.",
    RT 21 "Route through.",
    SIG 24 "Signature (RFC 2931: transactions).",
    KEY 25 "Key (RFC 2535).",
    PX 26 "X.400 mapping.",
    AAAA 28 "IPv6 address (RFC 3596).",
    LOC 29 "Location (RFC 1876).",
    SRV 33 "Service (RFC 2782).",
    NAPTR 35 "Naming authority pointer (RFC 3403).",
    KX 36 "Key exchanger (RFC 2230).",
    CERT 37 "Certificate (RFC 4398).",
    DNAME 39 "Redirection of a subtree (RFC 6672).",
    OPT 41 "EDNS pseudo-record (RFC 6891).",
    APL 42 "Address prefixes (RFC 3123).",
    DS 43 "Delegation signer (RFC 4034).",
    SSHFP 44 "SSH key fingerprint (RFC 4255).",
    IPSECKEY 45 "IPsec key (RFC 4025).",
    RRSIG 46 "Signature over an RRset (RFC 4034).",
    NSEC 47 "Next name and types (RFC 4034).",
    DNSKEY 48 "Zone key (RFC 4034).",
    DHCID 49 "DHCP identifier (RFC 4701).",
    NSEC3 50 "Next hashed name and types (RFC 5155).",
    NSEC3PARAM 51 "Parameters of hashing (RFC 5155).",
    TLSA 52 "TLS certificate association (RFC 6698).",
    SMIMEA 53 "S/MIME certificate association (RFC 8162).",
    HIP 55 "Host identity (RFC 8005).",
    CDS 59 "DS that the child asks for (RFC 7344).",
    CDNSKEY 60 "DNSKEY that the child asks for (RFC 7344).",
    OPENPGPKEY 61 "OpenPGP key (RFC 7929).",
    CSYNC 62 "Child-to-parent synchronisation (RFC 7477).",
    ZONEMD 63 "Digest of the zone (RFC 8976).",
    SVCB 64 "Service binding (RFC 9460).",
    HTTPS 65 "Service binding for HTTPS (RFC 9460).",
    SPF 99 "Sender policy (obsolete).",
    NID 104 "Node identifier (RFC 6742).",
    L32 105 "32-bit locator.",
    L64 106 "64-bit locator.",
    LP 107 "Locator pointer.",
    EUI48 108 "48-bit hardware address (RFC 7043).",
    EUI64 109 "64-bit hardware address.",
    NXNAME 128 "The name does not exist, said inside a compact denial (RFC 9824).",
    TKEY 249 "Transaction key (RFC 2930).",
    TSIG 250 "Transaction signature (RFC 8945).",
    IXFR 251 "Question: incremental transfer (RFC 1995).",
    AXFR 252 "Question: whole transfer (RFC 5936).",
    MAILB 253 "Question: mailbox records.",
    MAILA 254 "Question: mail agent records.",
    ANY 255 "Question: whatever there is (RFC 8482).",
    URI 256 "Uniform resource identifier (RFC 7553).",
    CAA 257 "Who may issue certificates (RFC 8659).",
    AVC 258 "Application visibility and control.",
    RESINFO 261 "What a resolver can do (RFC 9606).",
    TA 32768 "Trust anchor (DNSSEC without a signed root).",
    DLV 32769 "Lookaside validation (retired).",
    ALIAS 65401 "Not sent: `ALIAS` in our zones, replaced by its target's addresses.",
    BALANCED 65402 "Not sent: marks a name of our zones whose addresses are chosen for each answer.",
}

impl RecordType {
    /// Whether it can stand in a question but never be stored: RFC 6895 §3.1, 128 to 255, and OPT.
    pub const fn is_meta(self) -> bool {
        matches!(self.0, 128..=255 | 41)
    }

    /// Whether it is our own (of the numbers RFC 6895 §3.1 leaves for private use): it stands in zones and is
    /// never sent, signed, or shown in a bitmap; there it counts as A and AAAA, which it stands for.
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::ALIAS | Self::BALANCED)
    }

    /// The mnemonic, when the type has one.
    pub fn mnemonic(self) -> Option<&'static str> {
        let index = MNEMONICS.binary_search_by_key(&self.0, |(value, _)| *value).ok()?;
        Some(MNEMONICS[index].1)
    }

    /// Reads a mnemonic or `TYPE123` (RFC 3597 §5), in any case.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let known = MNEMONICS.iter().find(|(_, name)| text.eq_ignore_ascii_case(name.as_bytes()));
        known.map(|(value, _)| Self(*value)).or_else(|| number_after(b"TYPE", text).map(Self))
    }
}

/// The decimal number behind a prefix, as RFC 3597 §5 writes unknown types and classes.
pub(super) fn number_after(prefix: &[u8], text: &[u8]) -> Option<u16> {
    let (head, digits) = text.split_at_checked(prefix.len())?;
    if !head.eq_ignore_ascii_case(prefix) || !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "TYPE{}", self.0),
        }
    }
}

impl FromStr for RecordType {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let expected =
            || TextError::new(1, 1, format!("{text:?} is no record type; expected A, AAAA, MX, TYPE123, ..."));
        Self::from_text(text.as_bytes()).ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_both_ways_and_in_order() {
        assert!(MNEMONICS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (value, name) in MNEMONICS {
            assert_eq!(RecordType::from_text(name.to_lowercase().as_bytes()), Some(RecordType(*value)));
            assert_eq!(RecordType(*value).to_string(), *name);
        }
        assert_eq!(RecordType::from_text(b"type65535"), Some(RecordType(65535)));
        assert_eq!(RecordType(700).to_string(), "TYPE700");
        for wrong in ["TYPE", "TYPE65536", "TYPE-1", "TYPE+1", "AA", ""] {
            assert!(wrong.parse::<RecordType>().is_err(), "{wrong}");
        }
    }
}
