//! Servers to ask on a client's behalf: `10.0.0.2:8080`, `http://app:3000`, `https://api.example.com`,
//! `unix:/run/app.sock`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use edgeway_base::world::Address;

use super::endpoint::parse_port;
use super::host::Host;
use crate::config::read::Word;

/// One server and how to speak to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Upstream {
    /// Whether to speak TLS.
    pub tls: bool,
    /// Where it is.
    pub place: Place,
}

/// Where an upstream server is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// An address, ready to connect to.
    Address(Address),
    /// A name to look up, and a port.
    Name(String, u16),
}

impl Upstream {
    /// The name its certificate must be for, unless the configuration says another.
    pub fn server_name(&self) -> Option<String> {
        match &self.place {
            Place::Name(name, _) => Some(name.clone()),
            Place::Address(Address::Ip(address)) => Some(address.ip().to_string()),
            Place::Address(Address::Unix(_)) => None,
        }
    }

    /// The `Host` it is asked for when its own name is to be sent (RFC 9110 §7.2).
    pub fn authority(&self) -> Option<String> {
        let usual = if self.tls { 443 } else { 80 };
        match &self.place {
            Place::Name(name, port) if *port == usual => Some(name.clone()),
            Place::Name(name, port) => Some(format!("{name}:{port}")),
            Place::Address(Address::Ip(address)) => Some(address.to_string()),
            Place::Address(Address::Unix(_)) => None,
        }
    }
}

impl Word for Upstream {
    const EXPECTED: &'static str =
        "a server like \"127.0.0.1:9000\", \"http://app:3000\", \"https://api.example.com\" or \"unix:/run/app.sock\"";
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err("\"unix:\" needs the path of the socket after it".to_owned());
            }
            return Ok(Self { tls: false, place: Place::Address(Address::Unix(PathBuf::from(path))) });
        }
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let (tls, usual_port) = match scheme {
            None => (false, None),
            Some("http") => (false, Some(80)),
            Some("https") => (true, Some(443)),
            Some(other) => {
                return Err(format!("\"{other}://\" is not spoken to upstream servers: use http:// or https://"));
            }
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = authority.find(['/', '?', '#']) {
            let (server, path) = authority.split_at(at);
            return Err(format!(
                "a server has no path: write \"{server}\" and change paths with `rewrite` (found \"{path}\")"
            ));
        }
        if authority.contains('@') {
            return Err("a server has no user name: send credentials with `request_headers`".to_owned());
        }
        Ok(Self { tls, place: place(text, authority, usual_port)? })
    }
}

fn place(text: &str, authority: &str, usual_port: Option<u16>) -> Result<Place, String> {
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return Ok(Place::Address(address.into()));
    }
    let no_port = || format!("\"{text}\" has no port: write \"{authority}:8080\" or \"http://{authority}\"");
    if let Ok(ip) = authority.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(Place::Address(SocketAddr::new(ip, usual_port.ok_or_else(no_port)?).into()));
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, parse_port(port)?),
        None => (authority, usual_port.ok_or_else(no_port)?),
    };
    match name.parse()? {
        Host::Exact(name) => Ok(Place::Name(name, port)),
        Host::Wildcard(_) | Host::Ip(_) => Err(format!("\"{name}\" is not the name of one server")),
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https://" } else { "http://" };
        match &self.place {
            Place::Address(Address::Unix(path)) => write!(formatter, "unix:{}", path.display()),
            Place::Address(Address::Ip(address)) => write!(formatter, "{scheme}{address}"),
            Place::Name(name, port) => write!(formatter, "{scheme}{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for (text, shown, authority) in [
            ("127.0.0.1:9000", "http://127.0.0.1:9000", Some("127.0.0.1:9000")),
            ("[::1]:9000", "http://[::1]:9000", Some("[::1]:9000")),
            ("app:3000", "http://app:3000", Some("app:3000")),
            ("http://app/", "http://app:80", Some("app")),
            ("https://API.example.com", "https://api.example.com:443", Some("api.example.com")),
            ("https://10.0.0.1", "https://10.0.0.1:443", Some("10.0.0.1:443")),
            ("unix:/run/app.sock", "unix:/run/app.sock", None),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!((upstream.to_string().as_str(), upstream.authority().as_deref()), (shown, authority));
        }
        for (wrong, cause) in [
            ("127.0.0.1", "no port"),
            ("app", "write \"app:8080\" or \"http://app\""),
            ("http://app/v1", "change paths with `rewrite`"),
            ("ftp://app", "use http:// or https://"),
            ("http://u:p@app", "request_headers"),
            ("app:http", "not a port"),
            ("*.app:80", "not the name of one server"),
        ] {
            let said = wrong.parse::<Upstream>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
