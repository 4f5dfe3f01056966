//! Which server is asked: what a person writes after `--server`, or what the system uses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A server and how to reach it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// Over TCP from the start.
    pub(super) stream: bool,
}

/// RFC 1035 §4.2.
const PORT: u16 = 53;

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (stream, place) = match text.split_once("://") {
            Some(("tcp", place)) => (true, place),
            Some(("udp", place)) => (false, place),
            Some((scheme, _)) => return Err(format!("{scheme}:// is not spoken here: expected udp:// or tcp://")),
            None => (false, text),
        };
        let bare = place.trim_start_matches('[').trim_end_matches(']');
        let address = match (place.parse(), bare.parse::<IpAddr>()) {
            (Ok(address), _) => address,
            (_, Ok(ip)) => SocketAddr::new(ip, PORT),
            _ => {
                return Err(format!(
                    "\"{place}\" is no address: expected one like 9.9.9.9, [::1]:5353 or tcp://9.9.9.9"
                ));
            }
        };
        Ok(Self { address, stream })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.stream { "tcp://" } else { "" }, self.address)
    }
}

/// The first server of /etc/resolv.conf.
pub(super) fn of_system() -> Result<Server, String> {
    const FILE: &str = "/etc/resolv.conf";
    let text =
        std::fs::read_to_string(FILE).map_err(|error| format!("cannot read {FILE}: {error}; name a --server"))?;
    first_of(&text).ok_or_else(|| format!("{FILE} names no server; name a --server"))
}

fn first_of(text: &str) -> Option<Server> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        // resolv.conf(5): an IPv6 address may end in a scope; it is left to the kernel's own choice.
        address.split('%').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (text, shown) in [
            ("9.9.9.9", "9.9.9.9:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("tcp://[::1]:5353", "tcp://[::1]:5353"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), shown);
        }
        for wrong in ["", "dns.example", "quic://9.9.9.9", "9.9.9.9:"] {
            assert!(wrong.parse::<Server>().is_err(), "{wrong}");
        }
        let text = "# nameserver 1.1.1.1\nsearch x\nnameserver fe80::1%eth0\nnameserver 9.9.9.9\n";
        assert_eq!(first_of(text).unwrap().to_string(), "[fe80::1]:53");
        assert_eq!(first_of("options edns0\n"), None);
    }
}
