//! Which paths a route is for: `/about` (that path), `/api/*` (everything below), `/img/*.png` (a star within one
//! part), `/**/feed.xml` (any depth). The pattern itself is the router's; here it becomes a word of the file.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use edgeway_serve::routes;

use crate::config::read::Word;
use crate::limits::GLOB_STARS_MAX;

/// A pattern of paths, as a route's `path`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern(pub routes::PathPattern);

impl Deref for PathPattern {
    type Target = routes::PathPattern;
    fn deref(&self) -> &routes::PathPattern {
        &self.0
    }
}

impl Word for PathPattern {
    const EXPECTED: &'static str =
        "a path like \"/about\", \"/api/*\" (all below), \"/img/*.png\" (one part) or \"/**/feed.xml\" (any depth)";
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(odd) = text.chars().find(|c| c.is_control() || matches!(c, '?' | '#' | '\\')) {
            return Err(format!("{odd:?} cannot be in a path: the pattern is compared with the path alone"));
        }
        if text.matches('*').count() > GLOB_STARS_MAX {
            return Err(format!("a pattern has at most {GLOB_STARS_MAX} stars"));
        }
        if text.split('/').any(|part| part == "." || part == "..") {
            return Err(format!("\"{text}\": requests are compared after . and .. are resolved"));
        }
        routes::PathPattern::parse(text).map(Self)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_say_what_to_write() {
        assert!("/a/**/b".parse::<PathPattern>().is_ok());
        for (wrong, cause) in [
            ("api/*", "write \"/api/*\""),
            ("/a?b=1", "the path alone"),
            ("/a/../b", "are resolved"),
            ("/***", "three stars"),
        ] {
            let said = wrong.parse::<PathPattern>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
