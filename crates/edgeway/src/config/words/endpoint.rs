//! Where to listen: `0.0.0.0:80`, `:8080`, `localhost:8080`, `unix:/run/edgeway.sock`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use edgeway_base::world::Address;

use crate::config::read::Word;

/// A place to listen at, as a person writes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Endpoint {
    /// One address and port.
    Ip(SocketAddr),
    /// A port on every address of the machine, IPv4 and IPv6.
    Everywhere(u16),
    /// A port on this machine alone, IPv4 and IPv6.
    Localhost(u16),
    /// A Unix-domain socket.
    Unix(PathBuf),
}

/// One socket to open for an [`Endpoint`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Socket {
    /// Where.
    pub address: Address,
    /// It stands beside another one for the same endpoint, and a machine without that family of
    /// addresses may do without it.
    pub may_be_missing: bool,
}

impl Endpoint {
    /// The sockets to open.
    pub fn sockets(&self) -> Vec<Socket> {
        let ip = |ip: IpAddr, port, may_be_missing| Socket {
            address: Address::Ip(SocketAddr::new(ip, port)),
            may_be_missing,
        };
        match self {
            Self::Ip(address) => vec![ip(address.ip(), address.port(), false)],
            Self::Everywhere(port) => {
                vec![ip(Ipv4Addr::UNSPECIFIED.into(), *port, false), ip(Ipv6Addr::UNSPECIFIED.into(), *port, true)]
            }
            Self::Localhost(port) => {
                vec![ip(Ipv4Addr::LOCALHOST.into(), *port, false), ip(Ipv6Addr::LOCALHOST.into(), *port, true)]
            }
            Self::Unix(path) => vec![Socket { address: Address::Unix(path.clone()), may_be_missing: false }],
        }
    }

    /// The port; none for a Unix-domain socket.
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Everywhere(port) | Self::Localhost(port) => Some(*port),
            Self::Unix(_) => None,
        }
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().is_loopback(),
            Self::Everywhere(_) => false,
            Self::Localhost(_) | Self::Unix(_) => true,
        }
    }

    /// Whether a connection to `address` would arrive here.
    pub fn hears(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Unix(path), Address::Unix(other)) => path == other,
            (Self::Ip(here), Address::Ip(other)) => {
                here.port() == other.port() && (here.ip() == other.ip() || here.ip().is_unspecified())
            }
            (Self::Everywhere(port), Address::Ip(other)) => *port == other.port() && other.ip().is_loopback(),
            (Self::Localhost(port), Address::Ip(other)) => *port == other.port() && other.ip().is_loopback(),
            _ => false,
        }
    }
}

impl Word for Endpoint {
    const EXPECTED: &'static str = "an address with a port like \"0.0.0.0:80\", \":8080\" (everywhere), \"localhost:8080\" or \"unix:/run/edgeway.sock\"";
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err("\"unix:\" needs the path of the socket after it".to_owned());
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Err(format!("\"{text}\" has no port"));
        }
        match text.rsplit_once(':') {
            Some(("", port)) => Ok(Self::Everywhere(parse_port(port)?)),
            Some(("localhost", port)) => Ok(Self::Localhost(parse_port(port)?)),
            Some((host, _)) => {
                Err(format!("\"{host}\" is not an address of this machine: names are not looked up here"))
            }
            None => Err(format!("\"{text}\" has no port")),
        }
    }
}

/// A port number, with a sentence when it is none.
pub(super) fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a port: ports are numbers up to 65535"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Everywhere(port) => write!(formatter, ":{port}"),
            Self::Localhost(port) => write!(formatter, "localhost:{port}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for (text, sockets, local) in [
            ("0.0.0.0:80", "0.0.0.0:80", false),
            ("[::1]:443", "[::1]:443", true),
            (":8080", "0.0.0.0:8080 [::]:8080", false),
            ("localhost:8443", "127.0.0.1:8443 [::1]:8443", true),
            ("unix:/run/e.sock", "unix:/run/e.sock", true),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            let opened: Vec<_> = endpoint.sockets().iter().map(|socket| socket.address.to_string()).collect();
            assert_eq!((endpoint.to_string().as_str(), opened.join(" ").as_str()), (text, sockets));
            assert_eq!(endpoint.is_local(), local, "{text}");
        }
        for (wrong, cause) in [
            ("80", "no port"),
            ("10.0.0.1", "no port"),
            ("::1", "no port"),
            (":99999", "not a port"),
            ("example.com:80", "not looked up"),
            ("unix:", "needs the path"),
        ] {
            let said = wrong.parse::<Endpoint>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
