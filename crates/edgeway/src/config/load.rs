//! From a path or a folder to a checked configuration. Called by `serve`, `check` and reload.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use edgeway_tls::SharedClock;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{Reach, check};
use super::checked::{self, Checked};
use super::diagnostic::Diagnostics;
use super::raw::Configuration;
use super::read::{Reader, Value as _};
use super::source::Source;
use crate::limits::CONFIGURATION_BYTES_MAX;

/// A text that was read, what it says, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The text.
    pub source: Source,
    /// What it says; `None` when it cannot be read as a configuration at all.
    pub configuration: Option<Configuration>,
    /// What is wrong with it.
    pub diagnostics: Diagnostics,
}

impl Loaded {
    /// Makes the checked form; `None` when something is wrong, which [`Self::diagnostics`] then tells.
    pub fn make(&mut self, clock: &SharedClock) -> Option<Checked> {
        let raw = self.configuration.as_ref().filter(|_| !self.diagnostics.has_errors())?;
        checked::make(raw, &self.source, clock, &mut self.diagnostics)
    }
}

/// A configuration file that could not even be read.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    cause: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot read {}: {}", self.path.display(), self.cause)
    }
}

impl std::error::Error for Unreadable {}

/// Reads and checks a file.
///
/// # Errors
/// When it cannot be read or is no text; mistakes inside are in [`Loaded::diagnostics`].
pub fn load(path: &Path, reach: Reach) -> Result<Loaded, Unreadable> {
    let unreadable = |cause: String| Unreadable { path: path.to_owned(), cause };
    let text = read(path).map_err(|error| unreadable(cause(&error)))?;
    let text = String::from_utf8(text).map_err(|_| unreadable("it is not text in UTF-8".to_owned()))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    Ok(parse(Source::new(path.display().to_string(), folder, text), reach))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path)?.take(CONFIGURATION_BYTES_MAX + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CONFIGURATION_BYTES_MAX {
        let limit = edgeway_base::ByteCount(CONFIGURATION_BYTES_MAX);
        return Err(io::Error::other(format!("it is larger than {limit}, which no configuration is")));
    }
    Ok(bytes)
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads and checks a text.
pub fn parse(source: Source, reach: Reach) -> Loaded {
    let mut reader = Reader::default();
    let (table, mistakes) = DeTable::parse_recoverable(source.text());
    syntax(&mistakes, &source, &mut reader.diagnostics);
    let configuration = if mistakes.is_empty() {
        let whole = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        Configuration::read(&whole, &mut reader)
    } else {
        None
    };
    let mut diagnostics = reader.diagnostics;
    if let Some(configuration) = &configuration {
        check(configuration, &source, reach, &mut diagnostics);
    }
    Loaded { source, configuration, diagnostics }
}

/// Mistakes of TOML itself: the first of each line, because the others only follow from it.
fn syntax(mistakes: &[toml::de::Error], source: &Source, found: &mut Diagnostics) {
    let mut last_line = 0;
    for mistake in mistakes {
        let span = mistake.span().unwrap_or(0..0);
        let line = source.place(span.start).line;
        if line == last_line {
            continue;
        }
        last_line = line;
        let message = mistake.message().trim_end_matches('.');
        let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let written = source.text().get(span.clone()).unwrap_or_default();
        let expected = match (what, expected) {
            ("string values must be quoted", _) => format!("write \"{written}\""),
            (_, "") => String::new(),
            (_, expected) => format!("expected {expected}"),
        };
        found.error(span, format!("this is not TOML: {what}"), expected);
    }
}
