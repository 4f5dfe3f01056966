//! Texts with stars: `*json*` matches any text with "json" in it.

use std::fmt;
use std::str::FromStr;

use crate::config::read::Word;
use crate::limits::GLOB_STARS_MAX;

/// A pattern in which each `*` stands for any run of characters, also none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wildcard(String);

impl Wildcard {
    /// Whether `text` fits, capital letters counting.
    pub fn matches(&self, text: &str) -> bool {
        captures(&self.0, text, &mut |_| ())
    }
}

/// Whether `text` fits `pattern`; if so, `found` is told what each star stands for, in order.
///
/// Only the last star is ever reconsidered, so the work is at most the product of both lengths.
pub(super) fn captures<'t>(pattern: &str, text: &'t str, found: &mut dyn FnMut(&'t str)) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let (middle, end) = tail.rsplit_once('*').map_or((None, tail), |(middle, end)| (Some(middle), end));
    let Some(body) = rest.strip_suffix(end) else { return false };
    rest = body;
    let mut runs = Vec::new();
    for piece in middle.into_iter().flat_map(|middle| middle.split('*')) {
        // The earliest place leaves the most room for the pieces after it.
        let Some(at) = rest.find(piece) else { return false };
        runs.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    runs.push(rest);
    runs.into_iter().for_each(found);
    true
}

impl Word for Wildcard {
    const EXPECTED: &'static str = "a text, in which * stands for anything";
}

impl FromStr for Wildcard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.matches('*').count() > GLOB_STARS_MAX {
            return Err(format!("a pattern has at most {GLOB_STARS_MAX} stars"));
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
    fn stars_stand_for_anything() {
        for (pattern, text, stars) in [
            ("plain", "plain", Some(vec![])),
            ("plain", "plainer", None),
            ("*", "", Some(vec![""])),
            ("a*", "abc", Some(vec!["bc"])),
            ("a*c", "abc", Some(vec!["b"])),
            ("a*bc*", "abbcbc", Some(vec!["b", "bc"])),
            ("*b*b*", "abab", Some(vec!["a", "a", ""])),
            ("ab*ba", "aba", None),
            ("*x*", "abc", None),
        ] {
            let mut found = Vec::new();
            let fits = captures(pattern, text, &mut |run| found.push(run));
            assert_eq!(fits.then_some(found), stars, "{pattern} {text}");
        }
    }
}
