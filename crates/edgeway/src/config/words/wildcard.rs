//! Values of header fields with a star at either end: `*json*` matches any value with "json" in it.

use std::fmt;
use std::str::FromStr;

use crate::config::read::Word;

/// A value, in which a star at the front or the end stands for anything. `*` alone: any value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wildcard(String);

impl Wildcard {
    /// The text; `None` when any value will do.
    pub fn condition(&self) -> Option<&str> {
        (self.0 != "*").then_some(&self.0)
    }
}

impl Word for Wildcard {
    const EXPECTED: &'static str = "a value like \"on\", \"text/*\", \"*json*\", or \"*\" for any";
}

impl FromStr for Wildcard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inside = text.strip_prefix('*').unwrap_or(text);
        if inside.strip_suffix('*').unwrap_or(inside).contains('*') {
            return Err(format!("\"{text}\": a star stands at the front or at the end"));
        }
        if text.chars().any(char::is_control) {
            return Err("a header field holds no control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_at_the_ends() {
        for (text, good) in [("*", true), ("a", true), ("*a*", true), ("a*", true), ("a*b", false), ("*a*b*", false)] {
            assert_eq!(text.parse::<Wildcard>().is_ok(), good, "{text}");
        }
        assert_eq!("*".parse::<Wildcard>().unwrap().condition(), None);
    }
}
