//! What is wrong with a configuration, and how a person is told. Collected by [`super::read`] and
//! [`super::check`]; printed by the commands `check`, `serve` and `reload`.

use std::fmt::Write as _;
use std::ops::Range;

use super::source::Source;
use crate::limits::DIAGNOSTICS_SHOWN_MAX;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It would start, but probably not do what was meant.
    Warning,
    /// It cannot start.
    Error,
}

impl Severity {
    /// The word a person reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong: where, what, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which bytes of the source it is about.
    pub span: Range<usize>,
    /// One sentence: what is wrong.
    pub message: String,
    /// What was expected, said at the caret.
    pub expected: String,
    /// What to write instead, or why, in a line of its own.
    pub advice: Option<String>,
}

/// Everything found in one configuration, in the order it was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds an error.
    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>, expected: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), expected.into());
    }

    /// Adds a warning.
    pub fn warning(&mut self, span: Range<usize>, message: impl Into<String>, expected: impl Into<String>) {
        self.push(Severity::Warning, span, message.into(), expected.into());
    }

    /// Adds a line of advice to what was found last.
    pub fn advise(&mut self, advice: impl Into<String>) {
        if let Some(last) = self.found.last_mut() {
            last.advice = Some(advice.into());
        }
    }

    fn push(&mut self, severity: Severity, span: Range<usize>, message: String, expected: String) {
        self.found.push(Diagnostic { severity, span, message, expected, advice: None });
    }

    /// Whether anything found is an error.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many of a severity were found.
    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|one| one.severity == severity).count()
    }

    /// Everything found, by its place in the file.
    pub fn in_order(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.found.iter().collect();
        all.sort_by_key(|one| (one.span.start, one.span.end));
        all
    }

    /// Everything found as text for a terminal: the first [`DIAGNOSTICS_SHOWN_MAX`], then how many more.
    pub fn render(&self, source: &Source, paint: Paint) -> String {
        let all = self.in_order();
        let mut text = String::new();
        for one in all.iter().take(DIAGNOSTICS_SHOWN_MAX) {
            text.push_str(&one.render(source, paint));
            text.push('\n');
        }
        if let Some(more) = all.len().checked_sub(DIAGNOSTICS_SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "and {more} more; the rest is shown when these are mended\n");
        }
        text
    }

    /// Everything found as JSON, for editors and scripts.
    pub fn to_json(&self, source: &Source) -> serde_json::Value {
        self.in_order().into_iter().map(|one| one.to_json(source)).collect()
    }
}

impl Diagnostic {
    /// The error as a person reads it: sentence, file:line:column, the line, a caret, advice.
    pub fn render(&self, source: &Source, paint: Paint) -> String {
        let place = source.place(self.span.start);
        let line = source.line(self.span.start);
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let before: String = line.chars().take(place.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(self.width(source, line, place.column));
        let (word, bar) = (paint.severity(self.severity), paint.faint("|"));
        let marked = paint.mark(self.severity, format!("{carets} {}", self.expected).trim_end());
        let mut text = String::new();
        let _ = writeln!(text, "{word}: {}", paint.strong(&self.message));
        let _ = writeln!(text, "{margin}{} {}:{}:{}", paint.faint("-->"), source.name(), place.line, place.column);
        let _ = writeln!(text, "{margin} {bar}");
        let _ = writeln!(text, "{} {bar} {line}", paint.faint(&number));
        let _ = writeln!(text, "{margin} {bar} {before}{marked}");
        if let Some(advice) = &self.advice {
            let _ = writeln!(text, "{margin} {} {advice}", paint.faint("="));
        }
        text
    }

    /// Carets reach to the end of the span, but never past the line that is shown.
    fn width(&self, source: &Source, line: &str, column: usize) -> usize {
        let room = (line.chars().count() + 1).saturating_sub(column);
        let text = source.text().get(self.span.clone()).unwrap_or_default();
        let first_line = text.lines().next().unwrap_or_default();
        first_line.chars().count().clamp(1, room.max(1))
    }

    fn to_json(&self, source: &Source) -> serde_json::Value {
        let place = source.place(self.span.start);
        serde_json::json!({
            "severity": self.severity.word(),
            "file": source.name(),
            "line": place.line,
            "column": place.column,
            "start": self.span.start,
            "end": self.span.end,
            "message": self.message,
            "expected": self.expected,
            "advice": self.advice,
        })
    }
}

/// Whether to colour what a person reads: only on a terminal, never in a file or a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// Escape sequences of ECMA-48, which terminals show as colour.
    Colour,
    /// Text alone.
    Plain,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }

    /// Bold.
    pub fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What frames the text and is not the text.
    pub fn faint(self, text: &str) -> String {
        self.wrap("34", text)
    }

    fn mark(self, severity: Severity, text: &str) -> String {
        self.wrap(if severity == Severity::Error { "1;31" } else { "1;33" }, text)
    }

    fn severity(self, severity: Severity) -> String {
        self.mark(severity, severity.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_line_and_points_at_it() {
        let source = Source::new("edge.toml", ".", "[listen]\nhttp = 80 # all\n");
        let mut found = Diagnostics::default();
        found.error(16..18, "`http` is a number", "expected an address");
        found.advise("write `http = [\":80\"]`");
        let expected = "\
error: `http` is a number
 --> edge.toml:2:8
  |
2 | http = 80 # all
  |        ^^ expected an address
  = write `http = [\":80\"]`

";
        assert_eq!(found.render(&source, Paint::Plain), expected);
        assert_eq!(found.to_json(&source)[0]["column"], 8);
    }

    #[test]
    fn a_flood_of_errors_is_cut_short() {
        let source = Source::new("edge.toml", ".", "x\n".repeat(100));
        let mut found = Diagnostics::default();
        for line in 0..100 {
            found.warning(line * 2..line * 2 + 1, format!("w{line}"), "");
        }
        let text = found.render(&source, Paint::Plain);
        assert_eq!(text.matches("warning:").count(), DIAGNOSTICS_SHOWN_MAX);
        assert!(text.contains("and 80 more"), "{text}");
        assert!(!found.has_errors());
    }
}
