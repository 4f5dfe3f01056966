//! A configuration file as text: from a byte offset to line, column and the line itself. Made by
//! `config::load`; asked by [`super::diagnostic`] when an error is shown.

use std::path::{Path, PathBuf};

/// The text of one configuration and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    name: String,
    folder: PathBuf,
    text: String,
}

/// A place in a [`Source`], counted from one, in characters, as editors count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Line number, from 1.
    pub line: usize,
    /// Column number, from 1, in characters.
    pub column: usize,
}

impl Source {
    /// A source called `name` in errors, whose relative paths start at `folder`.
    pub fn new(name: impl Into<String>, folder: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { name: name.into(), folder: folder.into(), text: text.into() }
    }

    /// What errors call it: the path as the person wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `path` as seen from the configuration file, so that `edgeway serve /etc/x.toml` works from anywhere.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Line and column of a byte offset; the end of the text for anything beyond it.
    pub fn place(&self, offset: usize) -> Place {
        let before = &self.text[..self.boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// The line that holds a byte offset, without its line ending.
    pub fn line(&self, offset: usize) -> &str {
        let offset = self.boundary(offset);
        let start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |newline| offset + newline);
        self.text[start..end].trim_end_matches('\r')
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_survive_any_offset() {
        let source = Source::new("x.toml", ".", "a = 1\r\nä = \"ö\"\nlast");
        for (offset, line, column, text) in [
            (0, 1, 1, "a = 1"),
            (4, 1, 5, "a = 1"),
            (7, 2, 1, "ä = \"ö\""),
            (8, 2, 1, "ä = \"ö\""),
            (9, 2, 2, "ä = \"ö\""),
            (1000, 3, 5, "last"),
        ] {
            assert_eq!((source.place(offset), source.line(offset)), (Place { line, column }, text), "{offset}");
        }
    }
}
