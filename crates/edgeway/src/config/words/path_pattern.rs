//! Which paths a route is for: `/about` (that path), `/api/*` (that folder and all below it),
//! `/img/*.png` (a star within one part), `/**/feed.xml` (any depth).

use std::fmt;
use std::str::FromStr;

use super::wildcard;
use crate::config::read::Word;
use crate::limits::GLOB_STARS_MAX;

/// A pattern of paths, part by part.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PathPattern {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Part {
    /// One part of the path, letter by letter; an empty last one is a path that ends in a slash.
    Plain(String),
    /// One part of the path, with stars.
    Stars(String),
    /// Any number of parts, also none. Written `**`, or `*` as the last part.
    AnyDepth,
}

impl Part {
    fn captures<'p>(&self, part: &'p str, found: &mut Vec<&'p str>) -> bool {
        match self {
            Self::Plain(own) => own == part,
            Self::Stars(pattern) => wildcard::captures(pattern, part, &mut |run| found.push(run)),
            Self::AnyDepth => false,
        }
    }
}

impl PathPattern {
    /// The pattern of every path.
    pub fn everything() -> Self {
        Self { parts: vec![Part::AnyDepth] }
    }

    /// Whether `path` (decoded and without `..`, starting with a slash) is meant; if so, what its stars stand for.
    pub fn captures<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let path = path.strip_prefix('/')?;
        walk(&self.parts, path, &mut Vec::new())
    }

    /// Whether `path` is meant.
    pub fn matches(&self, path: &str) -> bool {
        self.captures(path).is_some()
    }

    /// How many stars it has, which is how many captures a match gives.
    pub fn stars(&self) -> usize {
        let stars = |part: &Part| match part {
            Part::Plain(_) => 0,
            Part::Stars(pattern) => pattern.matches('*').count(),
            Part::AnyDepth => 1,
        };
        self.parts.iter().map(stars).sum()
    }

    /// Whether every path of `other` is certainly one of this pattern's too. May miss a case, never invents one.
    pub fn covers(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        if let Some(path) = other.only_path() {
            return self.matches(&path);
        }
        let Some((Part::AnyDepth, folder)) = self.parts.split_last() else { return false };
        folder.iter().all(|part| matches!(part, Part::Plain(_))) && other.parts.starts_with(folder)
    }

    /// The one path it is for, when it has no stars.
    fn only_path(&self) -> Option<String> {
        let plain = |part: &Part| match part {
            Part::Plain(part) => Some(format!("/{part}")),
            Part::Stars(_) | Part::AnyDepth => None,
        };
        self.parts.iter().map(plain).collect()
    }
}

/// Matches part by part. Only the last `**` is ever reconsidered: the work stays within the product of both lengths.
fn walk<'p>(parts: &[Part], path: &'p str, found: &mut Vec<&'p str>) -> Option<Vec<&'p str>> {
    let Some((first, rest)) = parts.split_first() else { return None };
    if *first == Part::AnyDepth {
        return any_depth(rest, path, found);
    }
    let (part, below) = path.split_once('/').map_or((path, None), |(part, below)| (part, Some(below)));
    if !first.captures(part, found) {
        return None;
    }
    match (rest, below) {
        ([], None) => Some(std::mem::take(found)),
        // `/api/*` is for `/api` too: a folder and what is in it belong together.
        ([Part::AnyDepth], None) => {
            found.push("");
            Some(std::mem::take(found))
        }
        (rest, Some(below)) if !rest.is_empty() => walk(rest, below, found),
        _ => None,
    }
}

fn any_depth<'p>(rest: &[Part], path: &'p str, found: &mut Vec<&'p str>) -> Option<Vec<&'p str>> {
    if rest.is_empty() {
        found.push(path);
        return Some(std::mem::take(found));
    }
    let kept = found.len();
    let starts = std::iter::once(0).chain(path.match_indices('/').map(|(slash, _)| slash + 1));
    for start in starts {
        found.truncate(kept);
        found.push(path[..start].trim_end_matches('/'));
        if let Some(all) = walk(rest, &path[start..], found) {
            return Some(all);
        }
        // A later `**` has already tried everything from here on.
        if rest.contains(&Part::AnyDepth) && walk_until_any_depth(rest, &path[start..]) {
            return None;
        }
    }
    None
}

/// Whether the parts before the next `**` fit at the start of `path`.
fn walk_until_any_depth(parts: &[Part], path: &str) -> bool {
    let fixed = parts.iter().take_while(|part| **part != Part::AnyDepth);
    let mut path_parts = path.split('/');
    fixed.into_iter().all(|part| path_parts.next().is_some_and(|text| part.captures(text, &mut Vec::new())))
}

impl Word for PathPattern {
    const EXPECTED: &'static str =
        "a path like \"/about\", \"/api/*\" (all below), \"/img/*.png\" (one part) or \"/**/feed.xml\" (any depth)";
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("\"{text}\" must start with a slash: write \"/{text}\""));
        };
        if let Some(odd) = text.chars().find(|c| c.is_control() || matches!(c, '?' | '#' | '\\')) {
            return Err(format!("{odd:?} cannot be in a path: the pattern is compared with the path alone"));
        }
        if text.matches('*').count() > GLOB_STARS_MAX {
            return Err(format!("a pattern has at most {GLOB_STARS_MAX} stars"));
        }
        let pieces: Vec<_> = path.split('/').collect();
        let mut parts = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            parts.push(match *piece {
                "**" => Part::AnyDepth,
                "*" if last => Part::AnyDepth,
                "." | ".." => return Err(format!("\"{text}\": requests are compared after . and .. are resolved")),
                "" if !last => return Err(format!("\"{text}\" has an empty part")),
                stars if stars.contains("**") => return Err(format!("\"{text}\": ** stands alone between slashes")),
                stars if stars.contains('*') => Part::Stars(stars.to_owned()),
                plain => Part::Plain(plain.to_owned()),
            });
        }
        Ok(Self { parts })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            match part {
                Part::Plain(text) | Part::Stars(text) => write!(formatter, "/{text}")?,
                Part::AnyDepth if last => formatter.write_str("/*")?,
                Part::AnyDepth => formatter.write_str("/**")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
