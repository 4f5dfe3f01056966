//! Scripts in packetdrill's language, run in virtual time against one host of our own TCP/IP: what the script
//! injects is handed to the host, what it expects is compared with what the host sends.
//!
//! [`script`] and [`packet_line`] read the text; [`runner`] plays it, with [`syscalls`] for the application's
//! side, [`flow`] for turning the script's relative numbers into the wire's, [`compare`] for what counts as equal,
//! [`personality`] for `sysctl` lines and [`expression`] for asserts. Called by the command that runs a folder.

pub mod compare;
pub mod expression;
pub mod flow;
pub mod known;
pub mod packet_line;
pub mod personality;
pub mod runner;
pub mod script;
pub mod syscalls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

pub use compare::Mode;

/// How one script went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything as expected.
    Passed,
    /// Not as expected: the line of the script, and what was different.
    Failed {
        /// Line, from one.
        line: usize,
        /// What was different.
        why: String,
    },
    /// It needs something this runner or stack does not have.
    Skipped(String),
}

/// The verdicts of a folder, by path below it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Each script.
    pub verdicts: BTreeMap<String, Verdict>,
}

impl Report {
    /// Scripts that failed without a reason in [`known`].
    pub fn unexplained(&self) -> impl Iterator<Item = &str> {
        let failed = self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed { .. }));
        failed.map(|(path, _)| path.as_str()).filter(|path| known::reason(path).is_none())
    }

    /// Passed, failed, skipped.
    pub fn totals(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Verdict) -> bool| self.verdicts.values().filter(|verdict| wanted(verdict)).count();
        (
            count(|verdict| *verdict == Verdict::Passed),
            count(|verdict| matches!(verdict, Verdict::Failed { .. })),
            count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        )
    }
}

/// Runs one script.
pub fn run_text(text: &str, mode: Mode) -> Verdict {
    match script::parse(text) {
        Ok(script) => runner::run(&script, mode),
        Err(script::Unreadable { line, why }) => Verdict::Skipped(format!("line {line}: {why}")),
    }
}

/// Runs every `.pkt` file below `folder`.
pub fn run_folder(folder: &Path, mode: Mode) -> io::Result<Report> {
    let mut report = Report::default();
    for path in scripts_below(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        report.verdicts.insert(name, run_text(&fs::read_to_string(&path)?, mode));
    }
    Ok(report)
}

fn scripts_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(scripts_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
