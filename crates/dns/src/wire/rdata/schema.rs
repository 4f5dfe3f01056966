//! What the data of each record type is made of: one table from which reading, writing, compressing,
//! canonical form, and both directions of presentation form follow.

use crate::wire::RecordType;

/// One field of record data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::wire) enum Field {
    /// A name of RFC 1035: compressed on output, lower-cased in canonical form.
    Compressible,
    /// A name of the other types that RFC 4034 §6.2 lower-cases: compressed input is understood
    /// (RFC 3597 §4), output never compressed.
    Lowered,
    /// A name of younger types: never compressed, never changed.
    Plain,
    /// One byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// Six bytes as a number (TSIG's time).
    U48,
    /// Four bytes of seconds; text may say `1h30m`.
    Seconds,
    /// Four bytes of seconds since 1970; text may say `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
    Moment,
    /// An algorithm number; text may be a mnemonic (RFC 4034 appendix A.1).
    Algorithm,
    /// A certificate type; text may be a mnemonic (RFC 4398 §2.1).
    CertificateType,
    /// The number of a record type.
    Type,
    /// Four bytes of address.
    Ipv4,
    /// Sixteen bytes of address.
    Ipv6,
    /// Eight bytes as four groups of hexadecimal digits (RFC 6742).
    Locator,
    /// Hardware address of this many bytes (RFC 7043).
    Hardware(usize),
    /// A character-string: length byte and content.
    Text,
    /// One or more character-strings to the end.
    Texts,
    /// Text to the end without a length byte (CAA's value, URI's target).
    RestText,
    /// A tag of letters and digits behind a length byte (CAA).
    Tag,
    /// Bytes to the end, at least one, in hexadecimal digits.
    Hex,
    /// Bytes to the end, in base 64.
    Base64,
    /// Bytes behind a 16-bit length, in base 64 (TSIG).
    Base64Counted,
    /// Bytes behind a length byte, in hexadecimal digits, `-` for none (NSEC3 salt).
    Salt,
    /// Bytes behind a length byte, in base 32 (NSEC3 next owner).
    HashedOwner,
    /// A bitmap of types to the end (RFC 4034 §4.1.2).
    Types,
    /// Address prefixes to the end (RFC 3123).
    Prefixes,
    /// A place on earth (RFC 1876).
    Location,
    /// Gateway and its type, algorithm between them (RFC 4025 §2.1 behind the precedence).
    Gateway,
    /// Service parameters to the end (RFC 9460 §2.2).
    Parameters,
}

/// The fields of a type; none for types of which we know nothing (RFC 3597).
#[rustfmt::skip]
pub(in crate::wire) const fn fields(record_type: RecordType) -> Option<&'static [Field]> {
    use Field::{
        Algorithm, Base64, Base64Counted, CertificateType, Compressible, Gateway, Hardware, HashedOwner, Hex, Ipv4, Ipv6,
        Location, Locator, Lowered, Moment, Parameters, Plain, Prefixes, RestText, Salt, Seconds, Tag, Text, Texts, Type,
        Types, U8, U16, U32, U48,
    };
    Some(match record_type {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::MB | RecordType::MG | RecordType::MR
        | RecordType::MD | RecordType::MF => &[Compressible],
        RecordType::SOA => &[Compressible, Compressible, U32, Seconds, Seconds, Seconds, Seconds],
        RecordType::MINFO => &[Compressible, Compressible],
        RecordType::MX => &[U16, Compressible],
        RecordType::HINFO => &[Text, Text],
        RecordType::TXT | RecordType::SPF | RecordType::AVC | RecordType::RESINFO | RecordType::ISDN => &[Texts],
        RecordType::X25 => &[Text],
        RecordType::RP => &[Lowered, Lowered],
        RecordType::AFSDB | RecordType::RT | RecordType::KX => &[U16, Lowered],
        RecordType::PX => &[U16, Lowered, Lowered],
        RecordType::LOC => &[Location],
        RecordType::SRV => &[U16, U16, U16, Lowered],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Lowered],
        RecordType::CERT => &[CertificateType, U16, Algorithm, Base64],
        RecordType::DNAME => &[Lowered],
        RecordType::ALIAS => &[Plain],
        RecordType::APL => &[Prefixes],
        RecordType::DS | RecordType::CDS | RecordType::DLV | RecordType::TA => &[U16, Algorithm, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        RecordType::IPSECKEY => &[U8, Gateway, Base64],
        RecordType::RRSIG | RecordType::SIG => &[Type, Algorithm, U8, U32, Moment, Moment, U16, Lowered, Base64],
        RecordType::NSEC => &[Plain, Types],
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::KEY => &[U16, U8, Algorithm, Base64],
        RecordType::DHCID | RecordType::OPENPGPKEY => &[Base64],
        RecordType::NSEC3 => &[U8, U8, U16, Salt, HashedOwner, Types],
        RecordType::NSEC3PARAM => &[U8, U8, U16, Salt],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::CSYNC => &[U32, U16, Types],
        RecordType::ZONEMD => &[U32, U8, U8, Hex],
        RecordType::SVCB | RecordType::HTTPS => &[U16, Plain, Parameters],
        RecordType::NID | RecordType::L64 => &[U16, Locator],
        RecordType::L32 => &[U16, Ipv4],
        RecordType::LP => &[U16, Plain],
        RecordType::EUI48 => &[Hardware(6)],
        RecordType::EUI64 => &[Hardware(8)],
        RecordType::URI => &[U16, U16, RestText],
        RecordType::CAA => &[U8, Tag, RestText],
        RecordType::TSIG => &[Plain, U48, U16, Base64Counted, U16, U16, Base64Counted],
        _ => return None,
    })
}
