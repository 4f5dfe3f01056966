//! Names and values of header fields, and methods. RFC 9110 §5.1, §5.5, §9.1.

use std::fmt;
use std::str::FromStr;

use edgeway_http::semantics;

use crate::config::read::Word;

/// The name of a header field, in lower case: names compare without case (RFC 9110 §5.1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FieldName(String);

/// The value of a header field.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FieldValue(String);

/// A request method, letter by letter: methods compare with case (RFC 9110 §9.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Method(pub semantics::Method);

impl FieldName {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the connection itself is steered by this field, so that no one may set it by hand
    /// (RFC 9110 §7.6.1; message framing RFC 9112 §6).
    pub fn belongs_to_connection(&self) -> bool {
        const CONNECTION: [&str; 9] = [
            "connection",
            "content-length",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "via",
        ];
        CONNECTION.contains(&self.0.as_str())
    }
}

impl FieldValue {
    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Word for FieldName {
    const EXPECTED: &'static str = "the name of a header field like \"Cache-Control\"";

    fn names_a_secret(&self) -> bool {
        const SECRETS: [&str; 6] = ["authorization", "cookie", "secret", "token", "api-key", "password"];
        SECRETS.iter().any(|secret| self.0.contains(secret))
    }
}

impl Word for FieldValue {
    const EXPECTED: &'static str = "the value of a header field, on one line";
}

impl Word for Method {
    const EXPECTED: &'static str = "a method like \"GET\" or \"POST\"";
}

impl FromStr for FieldName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_token(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("\"{}\" cannot be the name of a header field", text.escape_debug()))
    }
}

impl FromStr for FieldValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // RFC 9110 §5.5: CR, LF and NUL are dangerous; other controls but the tab are not field content.
        if let Some(odd) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(format!("{odd:?} cannot be in a header field"));
        }
        if text.trim() != text {
            return Err("a header field neither starts nor ends with a space".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let in_capitals = semantics::Method::from_bytes(upper.as_bytes());
        if upper != text && in_capitals.is_some_and(|method| !matches!(method, semantics::Method::Extension(_))) {
            return Err(format!("methods are written in capitals: \"{upper}\""));
        }
        let method = semantics::Method::from_bytes(text.as_bytes());
        method.map(Self).ok_or_else(|| format!("\"{}\" cannot be a method", text.escape_debug()))
    }
}

/// RFC 9110 §5.6.2: token.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Printed as it is kept.
macro_rules! printed {
    ($($name:ident),*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        })*
    };
}
printed!(FieldName, FieldValue);

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        assert_eq!("X-Frame-Options".parse::<FieldName>().unwrap().as_str(), "x-frame-options");
        for wrong in ["", "a b", "a:", "ä", "a\r\nb"] {
            assert!(wrong.parse::<FieldName>().is_err(), "{wrong:?}");
        }
        assert!("max-age=1, ö".parse::<FieldValue>().is_ok());
        for wrong in ["a\r\nSet-Cookie: x", "\0", " a"] {
            assert!(wrong.parse::<FieldValue>().is_err(), "{wrong:?}");
        }
        assert!("PURGE".parse::<Method>().is_ok());
        assert!("get".parse::<Method>().unwrap_err().contains("\"GET\""));
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for (name, secret) in [("Authorization", true), ("X-Api-Key", true), ("Set-Cookie", true), ("Vary", false)] {
            assert_eq!(name.parse::<FieldName>().unwrap().names_a_secret(), secret, "{name}");
        }
    }
}
