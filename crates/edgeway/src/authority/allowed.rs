//! For which names the authority signs. Whoever can answer for a name on this network gets a certificate for it, so by default only names
//! are signed for that mean nothing outside. Read by the command line, asked by the ACME machine for every order.

use std::fmt;
use std::str::FromStr;

use edgeway_http::semantics::forwarded::AddressBlock;
use edgeway_tls::certificate::CertificateName;

/// A part of what is allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// This name and everything below it.
    Suffix(String),
    /// Addresses.
    Block(AddressBlock),
}

/// Names and addresses that are for private use: RFC 6761 (localhost, test), RFC 6762 (local), RFC 8375 (home.arpa), ICANN's resolution of
/// 2024 (internal); RFC 1918, RFC 4193 and the loopback addresses.
const PRIVATE: [&str; 10] = [
    "localhost",
    "internal",
    "home.arpa",
    "test",
    "local",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
];

/// What is allowed when nobody says otherwise.
pub fn private_use() -> Vec<Allowed> {
    PRIVATE.iter().chain(&["::1"]).filter_map(|text| text.parse().ok()).collect()
}

/// Whether one of `allowed` has `name`.
pub fn allows(allowed: &[Allowed], name: &CertificateName) -> bool {
    allowed.iter().any(|part| match (part, name) {
        (Allowed::Suffix(suffix), CertificateName::Host(host)) => {
            host.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }
        (Allowed::Block(block), CertificateName::Address(address)) => block.contains(*address),
        _ => false,
    })
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("\"{text}\" is neither a name like \"corp.example\" nor a network like \"10.0.0.0/8\"");
        if let Ok(block) = text.parse() {
            return Ok(Self::Block(block));
        }
        let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        match name.parse() {
            Ok(CertificateName::Host(host)) => Ok(Self::Suffix(host)),
            _ => Err(expected()),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suffix(suffix) => formatter.write_str(suffix),
            Self::Block(block) => write!(formatter, "{block:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_names_alone_unless_told_otherwise() {
        let private = private_use();
        assert_eq!(private.len(), PRIVATE.len() + 1, "every word is read");
        let corporate: Vec<Allowed> = ["*.corp.example", "203.0.113.0/24"].map(|text| text.parse().unwrap()).to_vec();
        for (name, by_default, by_word) in [
            ("localhost", true, false),
            ("a.localhost", true, false),
            ("db.internal", true, false),
            ("printer.home.arpa", true, false),
            ("arpa", false, false),
            ("notinternal", false, false),
            ("example.com", false, false),
            ("localhost.example.com", false, false),
            ("x.corp.example", false, true),
            ("evilcorp.example", false, false),
            ("127.0.0.1", true, false),
            ("::1", true, false),
            ("10.1.2.3", true, false),
            ("fd00::1", true, false),
            ("172.32.0.1", false, false),
            ("203.0.113.9", false, true),
            ("2001:db8::1", false, false),
        ] {
            let name = name.parse().unwrap();
            assert_eq!((allows(&private, &name), allows(&corporate, &name)), (by_default, by_word), "{name}");
        }
        assert!("not a name".parse::<Allowed>().is_err() && "*".parse::<Allowed>().is_err());
    }
}
