//! Status codes (RFC 9110 §15): any final one, those of redirects, and classes of errors.

use std::fmt;
use std::str::FromStr;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::config::read::{Node, Reader, Value, Word};

/// A final status code, 200 to 599.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Status(pub u16);

/// A status code that sends a client elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RedirectStatus(pub u16);

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

impl Value for Status {
    fn expected() -> String {
        "a status code from 200 to 599".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let number = u32::read(node, reader)?;
        if (200..600).contains(&number) {
            return Some(Self(number as u16));
        }
        // RFC 9110 §15.2: 1xx are interim; a route answers with a final status.
        reader.wrong::<Self>(node, &format!("{number} is not a final status code"));
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 200, "maximum": 599})
    }

    fn show(&self) -> serde_json::Value {
        self.0.into()
    }
}

impl Value for RedirectStatus {
    fn expected() -> String {
        "301, 302, 303, 307 or 308".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let number = u32::read(node, reader)?;
        let known = REDIRECTS.into_iter().find(|code| u32::from(*code) == number);
        if known.is_none() {
            reader.wrong::<Self>(node, &format!("{number} does not redirect"));
        }
        known.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": REDIRECTS})
    }

    fn show(&self) -> serde_json::Value {
        self.0.into()
    }
}

/// For which errors a page is: one code (`404`), or a class (`5xx`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StatusClass {
    /// One code, 400 to 599.
    One(u16),
    /// 4 for `4xx`, 5 for `5xx`.
    Class(u8),
}

impl StatusClass {
    /// Whether `status` is meant.
    pub const fn matches(self, status: u16) -> bool {
        match self {
            Self::One(code) => code == status,
            Self::Class(class) => status / 100 == class as u16,
        }
    }
}

impl Word for StatusClass {
    const EXPECTED: &'static str = "\"404\" or another error code, \"4xx\" or \"5xx\"";
}

impl FromStr for StatusClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "4xx" => Ok(Self::Class(4)),
            "5xx" => Ok(Self::Class(5)),
            _ => match text.parse() {
                Ok(code @ 400..600) => Ok(Self::One(code)),
                Ok(code) => Err(format!("{code} is no error: error pages are for 400 to 599")),
                Err(_) => Err(format!("\"{text}\" is not a status code")),
            },
        }
    }
}

impl fmt::Display for StatusClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(code) => code.fmt(formatter),
            Self::Class(class) => write!(formatter, "{class}xx"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (text, yes, no) in [("404", 404, 403), ("4xx", 499, 500), ("5xx", 500, 404)] {
            let class: StatusClass = text.parse().unwrap();
            assert!(class.matches(yes) && !class.matches(no), "{text}");
            assert_eq!(class.to_string(), text);
        }
        assert!("200".parse::<StatusClass>().unwrap_err().contains("no error"));
        assert!("6xx".parse::<StatusClass>().is_err());
    }
}
