//! `[log]`: what is written down.

use std::fmt;
use std::str::FromStr;

use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::read::{Located, Word};
use crate::config::words::FilePath;

table! {
    /// What is written down about requests, and about Edgeway itself.
    "[log]" Log {
        /// Where each request is written, one line each: a file, `"stdout"` or `"off"`.
        access: Located<AccessLog> = "stdout",
        /// `"json"` has everything; `"combined"` is the format that Apache and nginx made known.
        format: LogFormat = "json",
        /// Also writes a line for each DNS query, in JSON.
        queries: bool = "false",
        /// How much Edgeway tells of itself on standard error.
        level: Level = "info",
    }
}

/// Where the access log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(FilePath),
}

impl Word for AccessLog {
    const EXPECTED: &'static str = "\"stdout\", \"off\" or a path to a file";
}

impl FromStr for AccessLog {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Stdout),
            path => path.parse().map(Self::File),
        }
    }
}

impl fmt::Display for AccessLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Stdout => formatter.write_str("stdout"),
            Self::File(path) => path.fmt(formatter),
        }
    }
}

words! {
    /// The shape of a line of the access log.
    LogFormat, "\"json\" or \"combined\"" {
        /// One JSON object a line.
        Json = "json",
        /// NCSA combined.
        Combined = "combined",
    }
}

words! {
    /// How much Edgeway tells of itself.
    Level, "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"" {
        /// What failed.
        Error = "error",
        /// What may fail soon.
        Warn = "warn",
        /// What changed.
        Info = "info",
        /// What was decided.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}
