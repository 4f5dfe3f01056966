//! Service bindings: SVCB and HTTPS (RFC 9460). Parameters are kept as wire bytes, checked key by key.

use std::net::{Ipv4Addr, Ipv6Addr};

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::wire::{NameRef, RecordData, RecordType};

use super::views::take_name;

/// A key of a parameter (IANA "Service Parameter Keys").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParameterKey(pub u16);

impl ParameterKey {
    /// Keys the client must understand.
    pub const MANDATORY: Self = Self(0);
    /// Protocols.
    pub const ALPN: Self = Self(1);
    /// The scheme's own protocol is not offered.
    pub const NO_DEFAULT_ALPN: Self = Self(2);
    /// Another port.
    pub const PORT: Self = Self(3);
    /// IPv4 addresses to begin with.
    pub const IPV4_HINT: Self = Self(4);
    /// Encrypted ClientHello configuration.
    pub const ECH: Self = Self(5);
    /// IPv6 addresses to begin with.
    pub const IPV6_HINT: Self = Self(6);
    /// Template of the DoH path (RFC 9461).
    pub const DOH_PATH: Self = Self(7);
    /// Oblivious HTTP is offered (RFC 9540).
    pub const OHTTP: Self = Self(8);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::MANDATORY, "mandatory"),
        (Self::ALPN, "alpn"),
        (Self::NO_DEFAULT_ALPN, "no-default-alpn"),
        (Self::PORT, "port"),
        (Self::IPV4_HINT, "ipv4hint"),
        (Self::ECH, "ech"),
        (Self::IPV6_HINT, "ipv6hint"),
        (Self::DOH_PATH, "dohpath"),
        (Self::OHTTP, "ohttp"),
    ];

    /// Reads a name of the registry or `key123` (RFC 9460 §2.1).
    pub fn from_text(text: &[u8]) -> Option<Self> {
        if let Some((key, _)) = Self::NAMES.iter().find(|(_, name)| name.as_bytes() == text) {
            return Some(*key);
        }
        let digits = std::str::from_utf8(text.strip_prefix(b"key")?).ok()?;
        let canonical = digits == "0" || digits.starts_with(|first: char| ('1'..='9').contains(&first));
        if canonical { digits.parse().ok().map(Self) } else { None }
    }
}

impl std::fmt::Display for ParameterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Self::NAMES.iter().find(|(key, _)| key == self) {
            Some((_, name)) => formatter.write_str(name),
            None => write!(formatter, "key{}", self.0),
        }
    }
}

/// One parameter to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Which.
    pub key: ParameterKey,
    /// Its value in wire form.
    pub value: Vec<u8>,
}

impl Parameter {
    /// The protocols on offer.
    pub fn alpn<'p>(protocols: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut value = Vec::new();
        for protocol in protocols {
            value.push(protocol.len() as u8);
            value.extend_from_slice(protocol);
        }
        Self { key: ParameterKey::ALPN, value }
    }

    /// Another port.
    pub fn port(port: u16) -> Self {
        Self { key: ParameterKey::PORT, value: port.to_be_bytes().into() }
    }

    /// IPv4 addresses to begin with.
    pub fn ipv4_hint(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        Self {
            key: ParameterKey::IPV4_HINT,
            value: addresses.into_iter().flat_map(|address| address.octets()).collect(),
        }
    }

    /// IPv6 addresses to begin with.
    pub fn ipv6_hint(addresses: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        Self {
            key: ParameterKey::IPV6_HINT,
            value: addresses.into_iter().flat_map(|address| address.octets()).collect(),
        }
    }

    /// Template of the DoH path, as in `/dns-query{?dns}`.
    pub fn doh_path(template: &str) -> Self {
        Self { key: ParameterKey::DOH_PATH, value: template.into() }
    }
}

/// A service binding in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceBinding<'a> {
    /// The lowest is tried first; zero is an alias.
    pub priority: u16,
    /// Where the service is; the root means "at the owner" (or, for an alias, "nowhere").
    pub target: NameRef<'a>,
    parameters: &'a [u8],
}

impl<'a> ServiceBinding<'a> {
    /// Reads checked data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let (priority, mut rest) = data.split_first_chunk().ok_or(WireError::DataLength)?;
        let target = take_name(&mut rest)?;
        Ok(Self { priority: u16::from_be_bytes(*priority), target, parameters: rest })
    }

    /// Writes data; parameters are sorted by key, as RFC 9460 §2.2 asks.
    pub fn encode(
        record_type: RecordType,
        priority: u16,
        target: NameRef<'_>,
        mut parameters: Vec<Parameter>,
    ) -> Result<RecordData, WireError> {
        parameters.sort_by_key(|parameter| parameter.key);
        let mut wire = [&priority.to_be_bytes(), target.wire()].concat();
        for Parameter { key, value } in parameters {
            let length = u16::try_from(value.len()).map_err(|_| WireError::DataLength)?;
            wire.extend(key.0.to_be_bytes());
            wire.extend(length.to_be_bytes());
            wire.extend(value);
        }
        RecordData::from_wire(record_type, wire)
    }

    /// Whether this only names another place (RFC 9460 §2.4.2).
    pub const fn is_alias(&self) -> bool {
        self.priority == 0
    }

    /// All parameters in order of their keys.
    pub fn parameters(&self) -> impl Iterator<Item = (ParameterKey, &'a [u8])> {
        let mut cursor = Cursor::new(self.parameters);
        std::iter::from_fn(move || {
            let (key, length) = (cursor.u16().ok()?, cursor.u16().ok()?);
            Some((ParameterKey(key), cursor.take(usize::from(length)).ok()?))
        })
    }

    /// The value of one parameter.
    pub fn parameter(&self, key: ParameterKey) -> Option<&'a [u8]> {
        self.parameters().find(|(found, _)| *found == key).map(|(_, value)| value)
    }
}

/// Whether the value of a known key has its key's form (RFC 9460 §7 and §8).
pub(super) fn is_well_formed(key: u16, value: &[u8]) -> bool {
    match ParameterKey(key) {
        ParameterKey::MANDATORY => {
            let (keys, odd) = value.as_chunks::<2>();
            // RFC 9460 §8: strictly rising and never naming itself.
            !keys.is_empty() && odd.is_empty() && keys[0] != [0, 0] && keys.windows(2).all(|pair| pair[0] < pair[1])
        }
        ParameterKey::ALPN => {
            let mut rest = value;
            while let [length, after @ ..] = rest {
                if *length == 0 {
                    return false;
                }
                let Some(after) = after.get(usize::from(*length)..) else { return false };
                rest = after;
            }
            !value.is_empty() && rest.is_empty()
        }
        ParameterKey::NO_DEFAULT_ALPN | ParameterKey::OHTTP => value.is_empty(),
        ParameterKey::PORT => value.len() == 2,
        ParameterKey::IPV4_HINT => !value.is_empty() && value.len().is_multiple_of(4),
        ParameterKey::IPV6_HINT => !value.is_empty() && value.len().is_multiple_of(16),
        ParameterKey::DOH_PATH => std::str::from_utf8(value).is_ok(),
        _ => true,
    }
}
