//! A name that a certificate speaks for, and when it speaks for a host. Called by
//! [`super::reading`] and by the name tables of [`crate::server`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::CertificateError;
use crate::limits;

/// A host, all hosts one label below a domain, or an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CertificateName {
    /// `example.com`: in lower case, without a final dot.
    Host(String),
    /// `*.example.com`: kept as `example.com`.
    Wildcard(String),
    /// `192.0.2.7` or `2001:db8::7`.
    Address(IpAddr),
}

impl CertificateName {
    /// Whether a client that asked for `host` would accept this name.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Host(name) => name.eq_ignore_ascii_case(host),
            // RFC 9525 §6.3: the wildcard stands for exactly one whole label, the leftmost.
            Self::Wildcard(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && domain.eq_ignore_ascii_case(rest))
            }
            Self::Address(address) => host_address(host) == Some(*address),
        }
    }
}

/// An address as written in a URL's authority or alone.
fn host_address(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Lower case, without the final dot; `None` when it is no host name (RFC 1123 §2.1, with `_`
/// tolerated because names in use have it).
fn host_name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let fits = text.len() <= limits::HOST_NAME_BYTES_MAX;
    // A last label of digits alone would be read as an IPv4 address by URL parsers.
    let last_is_name = text.rsplit('.').next().is_some_and(|label| !label.bytes().all(|b| b.is_ascii_digit()));
    (fits && last_is_name && text.split('.').all(label_is_fine)).then(|| text.to_ascii_lowercase())
}

impl FromStr for CertificateName {
    type Err = CertificateError;

    fn from_str(text: &str) -> Result<Self, CertificateError> {
        if let Some(address) = host_address(text) {
            return Ok(Self::Address(address));
        }
        let name = match text.strip_prefix("*.") {
            Some(domain) => host_name(domain).map(Self::Wildcard),
            None => host_name(text).map(Self::Host),
        };
        name.ok_or_else(|| CertificateError::BadName(text.chars().take(limits::HOST_NAME_BYTES_MAX).collect()))
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => formatter.write_str(name),
            Self::Wildcard(domain) => write!(formatter, "*.{domain}"),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_a_host() {
        for (name, host, covered) in [
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com.", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "WWW.Example.Com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("2001:db8::7", "[2001:db8:0::7]", true),
            ("192.0.2.7", "192.0.2.8", false),
        ] {
            let parsed: CertificateName = name.parse().unwrap();
            assert_eq!(parsed.covers(host), covered, "{name} for {host}");
        }
    }

    #[test]
    fn what_is_no_name() {
        let long = format!("{}.com", "a.".repeat(126));
        for wrong in
            ["", ".", "*.", "a..b", "-a.com", "a-.com", "w*.example.com", "*.*.com", "a b", "1.2.3", "é.fr", &long]
        {
            assert!(wrong.parse::<CertificateName>().is_err(), "{wrong}");
        }
    }
}
