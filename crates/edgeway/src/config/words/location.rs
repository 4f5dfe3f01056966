//! Where a redirect leads: a path of the same site, or a URL.

use std::fmt;
use std::str::FromStr;

use crate::config::read::Word;

/// A path (`/new/*`) or a URL (`https://example.com`). A star stands for what the star at the end of the route's path
/// took, `{path}` and `{query}` for those of the request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Location(String);

impl Location {
    /// The text with its placeholders.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and authority, when it leads to another host: `https://example.com`.
    pub fn origin(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("://")?;
        let authority = rest.find(['/', '?', '#', '{']).unwrap_or(rest.len());
        Some(&self.0[..self.0.len() - rest.len() + authority])
    }

    /// Whether it names nothing but a scheme and a host, so that the path of the request is kept.
    pub fn is_origin_only(&self) -> bool {
        self.origin().is_some_and(|origin| origin == self.0.trim_end_matches('/'))
    }
}

impl Word for Location {
    const EXPECTED: &'static str = "a path like \"/new\" or a URL like \"https://example.com\"";
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(odd) = text.chars().find(|c| c.is_control() || *c == ' ' || *c == '\\' || !c.is_ascii()) {
            return Err(format!("{odd:?} cannot be in a URL: write it percent-encoded"));
        }
        if text.starts_with("//") {
            // A browser reads it as a URL of another host; who writes it rarely means that.
            return Err("\"//\" leads to another host: write the scheme too, as in \"https://...\"".to_owned());
        }
        if text.starts_with('/') || text.starts_with("{path}") {
            return Ok(Self(text.to_owned()));
        }
        match text.split_once("://") {
            Some(("http" | "https", rest)) if !rest.is_empty() && !rest.starts_with('/') => Ok(Self(text.to_owned())),
            Some((scheme, _)) => Err(format!("\"{scheme}://\" is not a URL of the web")),
            None => Err(format!("\"{text}\" is neither a path nor a URL: write \"/{text}\" or \"https://{text}\"")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for (text, origin, origin_only) in [
            ("/new/*", None, false),
            ("https://example.com", Some("https://example.com"), true),
            ("https://example.com/", Some("https://example.com"), true),
            ("http://example.com:8080{path}?{query}", Some("http://example.com:8080"), false),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.origin(), location.is_origin_only()), (origin, origin_only), "{text}");
        }
        for (wrong, cause) in [
            ("example.com", "write \"/example.com\" or \"https://example.com\""),
            ("//evil", "another host"),
            ("/a b", "percent-encoded"),
            ("/a\r\nSet-Cookie: x", "percent-encoded"),
            ("javascript://x", "not a URL of the web"),
            ("https:///x", "not a URL of the web"),
        ] {
            let said = wrong.parse::<Location>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
