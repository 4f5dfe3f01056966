//! EDNS(0) (RFC 6891): the OPT record as a view, its options one by one, and writing them.
//!
//! Unknown options are passed over (RFC 6891 §6.1.2); a known option that is malformed is an error only
//! for whoever asks for it, so that each machine can choose between FORMERR and looking away.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::limits::EDNS_OPTIONS_MAX;

use super::compose::Composer;
use super::{NameRef, RecordView};

/// Codes of options (IANA "DNS EDNS0 Option Codes").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// Name server identity (RFC 5001).
    pub const NSID: Self = Self(3);
    /// Signalled algorithms (RFC 6975).
    pub const DAU: Self = Self(5);
    /// Client subnet (RFC 7871).
    pub const CLIENT_SUBNET: Self = Self(8);
    /// Zone expiry (RFC 7314).
    pub const EXPIRE: Self = Self(9);
    /// Cookies (RFC 7873).
    pub const COOKIE: Self = Self(10);
    /// TCP idle timeout (RFC 7828).
    pub const KEEPALIVE: Self = Self(11);
    /// Padding (RFC 7830).
    pub const PADDING: Self = Self(12);
    /// Key tags the resolver trusts (RFC 8145).
    pub const KEY_TAG: Self = Self(14);
    /// Extended error (RFC 8914).
    pub const EXTENDED_ERROR: Self = Self(15);
    /// Where to report errors (RFC 9567).
    pub const REPORT_CHANNEL: Self = Self(18);
}

/// An OPT record whose options are whole.
#[derive(Clone, Copy, Debug)]
pub struct Edns<'a> {
    payload_bytes: u16,
    bits: u32,
    options: &'a [u8],
}

impl<'a> Edns<'a> {
    /// Checks owner and options: lengths add up, and there are at most 100.
    pub(super) fn from_record(record: RecordView<'a>) -> Result<Self, WireError> {
        if record.owner().expanded_length() != 1 {
            return Err(WireError::OptMisplaced);
        }
        let options = record.raw_data();
        let (mut cursor, mut count) = (Cursor::new(options), 0);
        while !cursor.is_empty() {
            next_option(&mut cursor).map_err(|_| WireError::OptionMalformed)?;
            count += 1;
            if count > EDNS_OPTIONS_MAX {
                return Err(WireError::OptionMalformed);
            }
        }
        Ok(Self { payload_bytes: record.class().0, bits: record.ttl_bits(), options })
    }

    /// Largest UDP message the sender can take. RFC 6891 §6.2.3: below 512 means 512.
    pub fn payload_bytes(&self) -> u16 {
        self.payload_bytes.max(512)
    }

    /// The high eight bits of the outcome.
    pub const fn extended_rcode(&self) -> u8 {
        (self.bits >> 24) as u8
    }

    /// The version; we speak 0.
    pub const fn version(&self) -> u8 {
        (self.bits >> 16) as u8
    }

    /// DO: send DNSSEC records (RFC 3225).
    pub const fn dnssec_ok(&self) -> bool {
        self.bits & 0x8000 != 0
    }

    /// CO: compact answers are understood (RFC 9824 §5.1).
    pub const fn compact_answers_ok(&self) -> bool {
        self.bits & 0x4000 != 0
    }

    /// All options, in order.
    pub fn options(&self) -> impl Iterator<Item = (OptionCode, &'a [u8])> {
        let mut cursor = Cursor::new(self.options);
        std::iter::from_fn(move || next_option(&mut cursor).ok())
    }

    /// The content of the first option with this code.
    pub fn option(&self, code: OptionCode) -> Option<&'a [u8]> {
        self.options().find(|(found, _)| *found == code).map(|(_, content)| content)
    }

    /// The client subnet, when there is one.
    pub fn client_subnet(&self) -> Option<Result<ClientSubnet, WireError>> {
        self.option(OptionCode::CLIENT_SUBNET).map(ClientSubnet::decode)
    }

    /// The cookies, when there are any.
    pub fn cookie(&self) -> Option<Result<Cookie<'a>, WireError>> {
        self.option(OptionCode::COOKIE).map(Cookie::decode)
    }

    /// The idle timeout in units of 100 ms; none inside when a client merely asks (RFC 7828 §3.1).
    pub fn keepalive(&self) -> Option<Result<Option<u16>, WireError>> {
        self.option(OptionCode::KEEPALIVE).map(|content| match *content {
            [] => Ok(None),
            [high, low] => Ok(Some(u16::from_be_bytes([high, low]))),
            _ => Err(WireError::OptionMalformed),
        })
    }

    /// Extended errors (RFC 8914 §2): code and text. Text that is no UTF-8 is shown as far as it is.
    pub fn extended_errors(&self) -> impl Iterator<Item = (ExtendedError, &'a str)> {
        self.options().filter(|(code, _)| *code == OptionCode::EXTENDED_ERROR).filter_map(|(_, content)| {
            let (code, text) = content.split_first_chunk()?;
            let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            Some((ExtendedError(u16::from_be_bytes(*code)), valid.trim_end_matches('\0')))
        })
    }

    /// Whether the sender pads (RFC 7830).
    pub fn pads(&self) -> bool {
        self.option(OptionCode::PADDING).is_some()
    }

    /// Whether the sender asks for the server's identity, or the identity itself.
    pub fn nsid(&self) -> Option<&'a [u8]> {
        self.option(OptionCode::NSID)
    }
}

fn next_option<'a>(cursor: &mut Cursor<'a>) -> Result<(OptionCode, &'a [u8]), WireError> {
    let (code, length) = (OptionCode(cursor.u16()?), cursor.u16()?);
    Ok((code, cursor.take(usize::from(length))?))
}

/// A client's network (RFC 7871 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientSubnet {
    /// The network; bits behind the source prefix are zero.
    pub address: IpAddr,
    /// How many bits of it count.
    pub source_prefix: u8,
    /// How many bits the answer depends on; zero in queries.
    pub scope_prefix: u8,
}

impl ClientSubnet {
    /// Reads the option. RFC 7871 §7.1.2 and §9: a bad family, prefix or padding is FORMERR.
    pub fn decode(content: &[u8]) -> Result<Self, WireError> {
        let malformed = WireError::OptionMalformed;
        let [family_high, family_low, source_prefix, scope_prefix, address @ ..] = content else {
            return Err(malformed);
        };
        let bits = match (family_high, family_low) {
            (0, 1) => 32,
            (0, 2) => 128,
            _ => return Err(malformed),
        };
        let (source_prefix, scope_prefix) = (*source_prefix, *scope_prefix);
        if source_prefix > bits || scope_prefix > bits || address.len() != usize::from(source_prefix.div_ceil(8)) {
            return Err(malformed);
        }
        let used = source_prefix % 8;
        if used != 0 && address.last().is_some_and(|last| last << used != 0) {
            return Err(malformed);
        }
        let mut full = [0; 16];
        full[..address.len()].copy_from_slice(address);
        let [a, b, c, d, ..] = full;
        let address = if bits == 32 { IpAddr::V4(Ipv4Addr::new(a, b, c, d)) } else { IpAddr::V6(Ipv6Addr::from(full)) };
        Ok(Self { address, source_prefix, scope_prefix })
    }

    /// The content of the option: its length and the bytes.
    pub fn encode(&self) -> (usize, [u8; 20]) {
        let mut content = [0; 20];
        let (family, octets) = match self.address {
            IpAddr::V4(address) => (1, address.to_ipv6_compatible().octets()),
            IpAddr::V6(address) => (2, address.octets()),
        };
        let octets = if family == 1 { &octets[12..] } else { &octets[..] };
        let length = usize::from(self.source_prefix.div_ceil(8)).min(octets.len());
        content[1] = family;
        content[2] = self.source_prefix;
        content[3] = self.scope_prefix;
        content[4..4 + length].copy_from_slice(&octets[..length]);
        // RFC 7871 §6: bits beyond the prefix are zero.
        if length > 0 && !self.source_prefix.is_multiple_of(8) {
            content[3 + length] &= 0xff << (8 - self.source_prefix % 8);
        }
        (4 + length, content)
    }
}

/// Cookies (RFC 7873 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cookie<'a> {
    /// What the client chose.
    pub client: [u8; 8],
    /// What the server gave, 8 to 32 bytes; empty when the client has none yet.
    pub server: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// Reads the option. RFC 7873 §5.2.2: any other length is FORMERR.
    pub fn decode(content: &'a [u8]) -> Result<Self, WireError> {
        match content.split_first_chunk() {
            Some((client, server)) if matches!(server.len(), 0 | 8..=32) => Ok(Self { client: *client, server }),
            _ => Err(WireError::OptionMalformed),
        }
    }
}

/// Why, beyond the outcome (RFC 8914 §4 and IANA).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExtendedError(pub u16);

macro_rules! extended_errors {
    ($($name:ident $value:literal $words:literal,)*) => {
        impl ExtendedError {
            $(#[doc = $words] pub const $name: Self = Self($value);)*

            /// The registry's words for it.
            pub const fn words(self) -> &'static str {
                match self.0 {
                    $($value => $words,)*
                    _ => "Unassigned",
                }
            }
        }
    };
}

extended_errors! {
    OTHER 0 "Other Error",
    UNSUPPORTED_DNSKEY_ALGORITHM 1 "Unsupported DNSKEY Algorithm",
    UNSUPPORTED_DS_DIGEST 2 "Unsupported DS Digest Type",
    STALE_ANSWER 3 "Stale Answer",
    FORGED_ANSWER 4 "Forged Answer",
    DNSSEC_INDETERMINATE 5 "DNSSEC Indeterminate",
    DNSSEC_BOGUS 6 "DNSSEC Bogus",
    SIGNATURE_EXPIRED 7 "Signature Expired",
    SIGNATURE_NOT_YET_VALID 8 "Signature Not Yet Valid",
    DNSKEY_MISSING 9 "DNSKEY Missing",
    RRSIGS_MISSING 10 "RRSIGs Missing",
    NO_ZONE_KEY_BIT 11 "No Zone Key Bit Set",
    NSEC_MISSING 12 "NSEC Missing",
    CACHED_ERROR 13 "Cached Error",
    NOT_READY 14 "Not Ready",
    BLOCKED 15 "Blocked",
    CENSORED 16 "Censored",
    FILTERED 17 "Filtered",
    PROHIBITED 18 "Prohibited",
    STALE_NXDOMAIN 19 "Stale NXDOMAIN Answer",
    NOT_AUTHORITATIVE 20 "Not Authoritative",
    NOT_SUPPORTED 21 "Not Supported",
    NO_REACHABLE_AUTHORITY 22 "No Reachable Authority",
    NETWORK_ERROR 23 "Network Error",
    INVALID_DATA 24 "Invalid Data",
    SIGNATURE_EXPIRED_BEFORE_VALID 25 "Signature Expired before Valid",
    TOO_EARLY 26 "Too Early",
    UNSUPPORTED_NSEC3_ITERATIONS 27 "Unsupported NSEC3 Iterations Value",
    UNABLE_TO_CONFORM_TO_POLICY 28 "Unable to conform to policy",
    SYNTHESIZED 29 "Synthesized",
    INVALID_QUERY_TYPE 30 "Invalid Query Type",
}

/// Writes options into the OPT record being composed; given by [`Composer::opt`].
#[derive(Debug)]
pub struct OptionWriter<'c, 'b> {
    composer: &'c mut Composer<'b>,
}

impl<'c, 'b> OptionWriter<'c, 'b> {
    pub(super) const fn new(composer: &'c mut Composer<'b>) -> Self {
        Self { composer }
    }

    /// Any option.
    pub fn option(&mut self, code: OptionCode, content: &[u8]) -> Result<(), WireError> {
        self.parts(code, &[content])
    }

    /// The client subnet.
    pub fn client_subnet(&mut self, subnet: &ClientSubnet) -> Result<(), WireError> {
        let (length, content) = subnet.encode();
        self.option(OptionCode::CLIENT_SUBNET, &content[..length])
    }

    /// Cookies.
    pub fn cookie(&mut self, cookie: &Cookie<'_>) -> Result<(), WireError> {
        self.parts(OptionCode::COOKIE, &[&cookie.client, cookie.server])
    }

    /// The idle timeout in units of 100 ms; none to ask for one.
    pub fn keepalive(&mut self, timeout: Option<u16>) -> Result<(), WireError> {
        match timeout {
            Some(timeout) => self.option(OptionCode::KEEPALIVE, &timeout.to_be_bytes()),
            None => self.option(OptionCode::KEEPALIVE, &[]),
        }
    }

    /// An extended error with a text for people, which may be empty.
    pub fn extended_error(&mut self, error: ExtendedError, text: &str) -> Result<(), WireError> {
        self.parts(OptionCode::EXTENDED_ERROR, &[&error.0.to_be_bytes(), text.as_bytes()])
    }

    /// Where to report errors (RFC 9567 §5): the agent's name.
    pub fn report_channel(&mut self, agent: NameRef<'_>) -> Result<(), WireError> {
        self.option(OptionCode::REPORT_CHANNEL, agent.wire())
    }

    /// Pads the message to a multiple of `block` bytes (RFC 8467 §4.1: 128 for queries, 468 for
    /// answers). Must be the last option; pads less, or not at all, where the limit comes first.
    pub fn pad_to_block(&mut self, block: usize) -> Result<(), WireError> {
        let unpadded = self.composer.length() + 4;
        let Some(room) = self.composer.limit().checked_sub(unpadded) else { return Ok(()) };
        let padding = (unpadded.next_multiple_of(block.max(1)) - unpadded).min(room);
        self.parts(OptionCode::PADDING, &[])?;
        const ZEROS: [u8; 64] = [0; 64];
        let mut left = padding;
        while left > 0 {
            let piece = left.min(ZEROS.len());
            self.composer.bytes(&ZEROS[..piece])?;
            left -= piece;
        }
        self.composer.patch_u16(padding)
    }

    fn parts(&mut self, code: OptionCode, parts: &[&[u8]]) -> Result<(), WireError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u16::try_from(length).map_err(|_| WireError::NoRoom)?;
        self.composer.bytes(&code.0.to_be_bytes())?;
        self.composer.bytes(&length.to_be_bytes())?;
        parts.iter().try_for_each(|part| self.composer.bytes(part))
    }
}

#[cfg(test)]
mod tests;
