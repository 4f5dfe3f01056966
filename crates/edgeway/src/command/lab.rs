//! `edgeway lab`: a network in memory, to watch. Plays a scenario of the lab, shows its ladder of segments, and leaves pictures and a
//! capture that Wireshark opens.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use edgeway_lab::scenario::{self, Options};
use serde_json::json;

use super::Failure;
use super::terminal::Terminal;
use crate::config::Paint;

/// Plays a scenario of TCP/IP in virtual time and shows every segment. Without a name: which there are.
#[derive(Args, Debug)]
pub struct LabArguments {
    /// The scenario.
    scenario: Option<String>,
    /// The number that all chance follows from; the same number shows the same, byte for byte.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Writes the pictures (SVG) and the captures (pcapng) to this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The list of scenarios as JSON.
    #[arg(long, conflicts_with = "scenario")]
    json: bool,
}

/// Does it.
pub fn run(arguments: &LabArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(name) = &arguments.scenario else { return list(arguments.json, terminal) };
    let options = Options { colour: terminal.out() == Paint::Colour };
    let mut ladder = Vec::new();
    let played = scenario::run(name, arguments.seed, options, &mut ladder);
    // What was seen before something went wrong is what explains it.
    terminal.print(&String::from_utf8_lossy(&ladder))?;
    let artifacts = played.map_err(|failure| match failure {
        scenario::Failure::Unknown(_) => Failure::wrong_words(failure.to_string()),
        _ => Failure::new(failure.to_string()),
    })?;
    let Some(folder) = &arguments.out else { return Ok(()) };
    let written = artifacts.write_to(folder);
    written.map_err(|error| Failure::new(format!("cannot write to {}: {error}", folder.display())))?;
    for (file, _) in &artifacts.files {
        terminal.note(&format!("wrote {}\n", folder.join(file).display()));
    }
    Ok(())
}

fn list(as_json: bool, terminal: &mut Terminal) -> Result<(), Failure> {
    if as_json {
        let all: Vec<_> = scenario::list().iter().map(|(name, about)| json!({"name": name, "about": about})).collect();
        return terminal.print_json(&json!(all));
    }
    let mut text = Vec::new();
    for (name, about) in scenario::list() {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{name:<14}{about}");
    }
    terminal.print(&String::from_utf8_lossy(&text))
}
