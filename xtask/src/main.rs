//! `cargo xtask`: what measures and judges Edgeway from outside. It imports no crate of ours, so it sees what a
//! stranger sees: a program, its configuration and its answers.
//!
//! * [`bench`]: Edgeway and other servers side by side, CPU microseconds per request;
//! * [`interop`]: other people's clients and test suites against a running Edgeway.
//!
//! Both install what they need ([`install`]: Debian, PyPI, npm) and leave nothing running ([`process`]).

mod bench;
mod certificates;
mod edgeway;
mod install;
mod interop;
mod process;

use anyhow::Result;
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about = "Measure and judge Edgeway from outside")]
enum Task {
    /// Edgeway and its peers side by side, pinned and interleaved.
    #[command(subcommand)]
    Bench(bench::Suite),
    /// Other people's clients and test suites against a running Edgeway.
    Interop(interop::Options),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Bench(suite) => bench::run(&suite),
        Task::Interop(options) => interop::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate stands in the root folder").to_path_buf()
}

/// Runs a command to its end and returns what it printed; its failure is an error with its last words.
fn output_of(command: &mut std::process::Command) -> Result<String> {
    use anyhow::Context as _;
    let shown = format!("{command:?}");
    let output = command.stdin(std::process::Stdio::null()).output().with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = words.lines().rev().take(12).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        anyhow::bail!("{shown} ended with {}:\n{}", output.status, last.join("\n"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
