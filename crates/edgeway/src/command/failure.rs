//! How a command fails: one sentence and an exit code.

use std::fmt;
use std::process::ExitCode;

use super::terminal::Terminal;

/// Work that failed.
#[derive(Debug)]
pub struct Failure {
    sentence: Option<String>,
    code: u8,
}

impl Failure {
    /// The work failed, for the reason in `sentence` (no full stop at its end). Exit code 1.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: Some(sentence.into()), code: 1 }
    }

    /// The work failed, and what there is to say has been said. Exit code 1.
    pub const fn told() -> Self {
        Self { sentence: None, code: 1 }
    }

    /// The words were wrong. Exit code 2.
    pub fn wrong_words(sentence: impl Into<String>) -> Self {
        Self { sentence: Some(sentence.into()), code: 2 }
    }

    /// Tells it on standard error and gives the exit code.
    pub fn tell(&self, terminal: &Terminal) -> ExitCode {
        if let Some(sentence) = &self.sentence {
            terminal.complain(sentence);
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence.as_deref().unwrap_or("failed"))
    }
}

impl std::error::Error for Failure {}
