//! An address with the length of its prefix, and what kinds of address there are. Called by routes and
//! interfaces.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `10.0.0.1/24`, `fd00::1/64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cidr {
    /// The address, host bits included.
    pub address: IpAddr,
    /// Bits of the prefix: 0-32 or 0-128.
    pub length: u8,
}

impl Cidr {
    /// An address in its prefix; a length too large is cut to a host's.
    pub fn new(address: impl Into<IpAddr>, length: u8) -> Self {
        let address = address.into();
        Self { address, length: length.min(width(address)) }
    }

    /// Whether `other` lies in the prefix.
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                (u32::from(ours) ^ u32::from(theirs)) & mask == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                (u128::from(ours) ^ u128::from(theirs)) & mask == 0
            }
            _ => false,
        }
    }

    /// The prefix's directed broadcast. RFC 919 §7; none for /31 (RFC 3021) and /32.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.length < 31 => {
                Some(Ipv4Addr::from(u32::from(address) | u32::MAX.checked_shr(u32::from(self.length)).unwrap_or(0)))
            }
            _ => None,
        }
    }
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

/// Text that is no address with prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotACidr(pub String);

impl fmt::Display for NotACidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is no address with a prefix length; write it like 10.0.0.1/24 or fd00::1/64", self.0)
    }
}

impl std::error::Error for NotACidr {}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let wrong = || NotACidr(text.to_owned());
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        if length > width(address) { Err(wrong()) } else { Ok(Self { address, length }) }
    }
}

/// Whether a packet from the wire may claim to come from `address`. RFC 1122 §3.2.1.3, RFC 4291 §2.7
/// (RFC 9293 MUST-63): not broadcast, multicast, unspecified or loopback, nor IPv4 in IPv6's clothes.
pub fn may_be_source(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_broadcast() || address.is_multicast() || address.octets()[0] == 0 || address.is_loopback())
        }
        IpAddr::V6(address) => !(address.is_multicast() || address.is_loopback() || address.to_ipv4_mapped().is_some()),
    }
}

/// fe80::/10.
pub const fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_085_prefixes_of_every_length_and_their_broadcasts() {
        for (cidr, inside, outside, broadcast) in [
            ("10.1.2.3/24", "10.1.2.255", "10.1.3.0", Some("10.1.2.255")),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.4", None),
            ("10.1.2.2/31", "10.1.2.3", "10.1.2.4", None),
            ("10.1.2.3/0", "255.1.1.1", "::1", Some("255.255.255.255")),
            ("fd00::1/64", "fd00::ffff", "fd00:0:0:1::1", None),
            ("fd00::1/128", "fd00::1", "fd00::2", None),
            ("::/0", "fd00::1", "1.2.3.4", None),
        ] {
            let cidr: Cidr = cidr.parse().unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{cidr}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{cidr}");
            assert_eq!(cidr.broadcast().map(|address| address.to_string()).as_deref(), broadcast, "{cidr}");
        }
        for wrong in ["10.0.0.1", "10.0.0.1/33", "fd00::/129", "x/8", "10.0.0.1/-1"] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn hostile_014_impossible_sources() {
        for source in
            ["255.255.255.255", "224.0.0.1", "0.0.0.0", "0.1.2.3", "127.0.0.1", "ff02::1", "::1", "::ffff:1.2.3.4"]
        {
            assert!(!may_be_source(source.parse().unwrap()), "{source}");
        }
        assert!(may_be_source("10.0.0.1".parse().unwrap()) && may_be_source("fe80::1".parse().unwrap()));
    }
}
