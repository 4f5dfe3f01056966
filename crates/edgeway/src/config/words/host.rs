//! Names of sites: `example.com`, `*.example.com`, an address. RFC 9110 §4.2.3: hosts compare without case.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::read::Word;

/// The name of a site, in lower case and without a port.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Host {
    /// One name.
    Exact(String),
    /// `*.name`: every name below that has no site of its own.
    Wildcard(String),
    /// An IPv4 or IPv6 address; IPv6 in brackets when printed, as in a URL.
    Ip(IpAddr),
}

impl Host {
    /// Whether a request for `name` (lower case, no port) is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(own) => own == name,
            Self::Wildcard(parent) => {
                name.strip_suffix(parent.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            Self::Ip(address) => name.trim_matches(['[', ']']).parse::<IpAddr>() == Ok(*address),
        }
    }
}

impl Word for Host {
    const EXPECTED: &'static str = "a host name like \"example.com\" or \"*.example.com\"";
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self::Ip(address));
        }
        if let Some((_, rest)) = text.split_once("://") {
            return Err(format!("\"{text}\" is a URL: write the host alone, \"{}\"", rest.trim_end_matches('/')));
        }
        if let Some((host, _)) = text.split_once(':') {
            return Err(format!("\"{text}\" has a port: write \"{host}\" (ports belong to [listen])"));
        }
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        if let Some(parent) = name.strip_prefix("*.") {
            check_name(parent)?;
            return Ok(Self::Wildcard(parent.to_owned()));
        }
        check_name(name)?;
        Ok(Self::Exact(name.to_owned()))
    }
}

/// RFC 1123 §2.1 and RFC 1035 §2.3.4: labels of up to 63 letters, digits and hyphens; 253 in all.
fn check_name(name: &str) -> Result<(), String> {
    if name.contains('*') {
        return Err(format!("\"{name}\": a star stands alone as the first label, as in \"*.example.com\""));
    }
    if !name.is_ascii() {
        return Err(format!("\"{name}\" has letters beyond ASCII: write its form that starts with \"xn--\""));
    }
    if name.len() > 253 {
        return Err("a host name is at most 253 characters long".to_owned());
    }
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match name.split('.').find(|label| !label_is_good(label)) {
        Some("") => Err(format!("\"{name}\" has an empty part")),
        Some(label) => Err(format!("\"{label}\" cannot be part of a host name")),
        None => Ok(()),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => formatter.write_str(name),
            Self::Wildcard(parent) => write!(formatter, "*.{parent}"),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Self::Ip(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_they_match() {
        for (written, shown, yes, no) in [
            ("Example.COM.", "example.com", "example.com", "www.example.com"),
            ("*.example.com", "*.example.com", "a.b.example.com", "wwwexample.com"),
            ("*.example.com", "*.example.com", "x.example.com", "example.com"),
            ("[::1]", "[::1]", "[::1]", "::2"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1", "localhost"),
        ] {
            let host: Host = written.parse().unwrap();
            assert_eq!(host.to_string(), shown);
            assert!(host.matches(yes) && !host.matches(no), "{written}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (wrong, cause) in [
            ("https://example.com/", "write the host alone, \"example.com\""),
            ("example.com:8080", "write \"example.com\""),
            ("a.*.com", "a star stands alone"),
            ("*", "a star stands alone"),
            ("bücher.example", "xn--"),
            ("a..b", "empty part"),
            ("-a.com", "cannot be part"),
            ("", "empty part"),
        ] {
            let said = wrong.parse::<Host>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
