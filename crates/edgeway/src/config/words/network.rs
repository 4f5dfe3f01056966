//! Networks of trusted peers: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::read::Word;

/// An address and how many of its leading bits count (CIDR, RFC 4632 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Network {
    /// The first address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix_bits: u8,
}

impl Network {
    /// Whether `address` is inside. An IPv4 address that arrives mapped into IPv6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && (bits(address) ^ bits(self.address)) & mask(self.address, self.prefix_bits) == 0
    }
}

/// The address as the leading bits of 128.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(four.to_bits()) << 96,
        IpAddr::V6(six) => six.to_bits(),
    }
}

fn mask(address: IpAddr, prefix_bits: u8) -> u128 {
    debug_assert!(prefix_bits <= width(address));
    u128::MAX.checked_shl(128 - u32::from(prefix_bits)).unwrap_or(0)
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl Word for Network {
    const EXPECTED: &'static str = "a network like \"10.0.0.0/8\", \"2001:db8::/32\" or one address";
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(left, right)| (left, Some(right)));
        let address: IpAddr = address.parse().map_err(|_| format!("\"{text}\" is not a network"))?;
        let widest = width(address);
        let prefix_bits = prefix.map_or(Ok(widest), |prefix| {
            let wrong = || format!("the number after / in \"{text}\" must be between 0 and {widest}");
            prefix.parse().ok().filter(|bits| *bits <= widest).ok_or_else(wrong)
        })?;
        let first = bits(address) & mask(address, prefix_bits);
        if first != bits(address) {
            let first = if address.is_ipv4() {
                IpAddr::from(((first >> 96) as u32).to_be_bytes())
            } else {
                first.to_be_bytes().into()
            };
            return Err(format!(
                "\"{text}\" is an address inside its network: write \"{first}/{prefix_bits}\" or \"{address}\""
            ));
        }
        Ok(Self { address, prefix_bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("0.0.0.0/0", "203.0.113.1", "::1"),
            ("::/0", "::1", "127.0.0.1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (wrong, cause) in [
            ("10.0.0.1/8", "write \"10.0.0.0/8\" or \"10.0.0.1\""),
            ("10.0.0.0/33", "between 0 and 32"),
            ("lan", "not a network"),
        ] {
            let said = wrong.parse::<Network>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
