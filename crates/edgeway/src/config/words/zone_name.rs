//! Names of zones and keys, who may transfer a zone, and secrets of transaction signatures.

use std::fmt;
use std::str::FromStr;

use edgeway_dns::machine::tsig::Algorithm;
use edgeway_dns::wire::Name;
use edgeway_dns::wire::presentation::base64_decode;

use super::Network;
use crate::config::read::Word;
use crate::limits::TSIG_SECRET_BYTES_MIN;

/// The name of a zone or of a key; its last dot may be left out.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ZoneName(pub Name);

impl Word for ZoneName {
    const EXPECTED: &'static str = "a domain name like \"example.com\"";
}

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_ascii() {
            return Err(format!("\"{text}\" has letters beyond ASCII: write its form that starts with \"xn--\""));
        }
        if text.is_empty() {
            return Err("the name is empty; the root is written \".\"".to_owned());
        }
        let name: Result<Name, _> = text.parse();
        name.map(|name| Self(name.to_lowercase())).map_err(|error| error.message)
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        formatter.write_str(if text == "." { "." } else { text.trim_end_matches('.') })
    }
}

/// Who may have a copy of a zone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TransferPeer {
    /// Whoever asks from here.
    Network(Network),
    /// Whoever signs with this key.
    Key(ZoneName),
}

impl Word for TransferPeer {
    const EXPECTED: &'static str = "a network like \"192.0.2.53\" or \"10.0.0.0/8\", or a key like \"key:NAME\"";
}

impl FromStr for TransferPeer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("key:") {
            Some(key) => key.parse().map(Self::Key),
            None => text.parse().map(Self::Network),
        }
    }
}

impl fmt::Display for TransferPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(formatter),
            Self::Key(key) => write!(formatter, "key:{key}"),
        }
    }
}

/// How a transaction is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyWord(pub Algorithm);

impl Word for KeyWord {
    const EXPECTED: &'static str = "\"hmac-sha256\", \"hmac-sha384\" or \"hmac-sha512\"";
}

impl FromStr for KeyWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let algorithm = Algorithm::from_text(text).filter(|_| text.starts_with("hmac-sha") && !text.ends_with("sha1"));
        algorithm.map(Self).ok_or_else(|| format!("\"{text}\" is none of the algorithms that are still safe"))
    }
}

impl fmt::Display for KeyWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.text().trim_end_matches('.'))
    }
}

/// A secret in base64. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl Word for Secret {
    const EXPECTED: &'static str = "a secret in base64 of at least 16 bytes";
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let secret = base64_decode(text.as_bytes()).ok_or("this is not base64")?;
        if secret.len() < TSIG_SECRET_BYTES_MIN {
            return Err(format!("a secret of {} bytes can be guessed", secret.len()));
        }
        Ok(Self(secret))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(not shown)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for (text, shown) in [("Example.COM", "example.com"), ("example.com.", "example.com"), (".", ".")] {
            assert_eq!(text.parse::<ZoneName>().unwrap().to_string(), shown);
        }
        for wrong in ["", "a..b", "ä.example", &"a".repeat(64)] {
            assert!(wrong.parse::<ZoneName>().is_err(), "{wrong}");
        }
        for text in ["10.0.0.0/8", "key:a.example", "::1"] {
            assert_eq!(text.parse::<TransferPeer>().unwrap().to_string(), text);
        }
        assert!("hmac-sha1".parse::<KeyWord>().is_err() && "md5".parse::<KeyWord>().is_err());
        assert_eq!("hmac-sha256".parse::<KeyWord>().unwrap().to_string(), "hmac-sha256");
        let secret: Secret = "MDEyMzQ1Njc4OTAxMjM0NQ==".parse().unwrap();
        assert_eq!((secret.0.len(), format!("{secret} {secret:?}").as_str()), (16, "(not shown) (not shown)"));
        assert!("MDEy".parse::<Secret>().is_err() && "?".parse::<Secret>().is_err());
    }
}
