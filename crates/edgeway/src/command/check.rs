//! `edgeway check FILE`: what is wrong with a configuration; and what a configuration can say.

use std::path::{Path, PathBuf};

use clap::Args;
use edgeway_base::World as _;
use edgeway_net::os::Kernel;
use edgeway_tls::SharedClock;

use super::terminal::Terminal;
use super::{Failure, StateArguments};
use crate::config::diagnostic::Severity;
use crate::config::{Checked, Diagnostics, Loaded, Reach, load, reference, schema};
use crate::run::zones;
use crate::state::State;

/// Reads a configuration and tells what is wrong with it. Nothing is started.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// The configuration.
    #[arg(required_unless_present_any = ["schema", "reference"])]
    file: Option<PathBuf>,
    /// Do not look at the files and folders it names: for a configuration that will run on another machine.
    #[arg(long)]
    text_only: bool,
    /// What is found, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateArguments,
    /// Prints the JSON Schema of configurations, for editors.
    #[arg(long, conflicts_with_all = ["file", "reference"])]
    schema: bool,
    /// Prints the reference page of configurations, as markdown.
    #[arg(long, conflicts_with = "file")]
    reference: bool,
}

/// Does it.
pub fn run(arguments: &CheckArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    if arguments.schema {
        return terminal.print_json(&schema::schema());
    }
    if arguments.reference {
        return terminal.print(&reference::reference());
    }
    // Clap has seen to it: one of the three is there.
    let file = arguments.file.as_deref().ok_or_else(|| Failure::wrong_words("which file?"))?;
    let reach = if arguments.text_only { Reach::Text } else { Reach::Files };
    let mut loaded = load(file, reach).map_err(|unreadable| Failure::new(unreadable.to_string()))?;
    let mut delegations = String::new();
    if reach == Reach::Files {
        // Certificates and keys are read as the server would: some mistakes show only then.
        if let Some(checked) = loaded.make(&SharedClock::new(Kernel::new().wall())) {
            delegations = delegation_records(&checked, arguments.state.state.as_deref())?;
        }
    }
    if arguments.json {
        terminal.print_json(&loaded.diagnostics.to_json(&loaded.source))?;
    } else {
        tell(&loaded, terminal)?;
        terminal.print(&delegations)?;
    }
    if loaded.diagnostics.has_errors() { Err(Failure::told()) } else { Ok(()) }
}

/// What the registrar of each signed zone needs.
fn delegation_records(checked: &Checked, state: Option<&Path>) -> Result<String, Failure> {
    let state = State::choose(state.or(checked.state.as_deref()));
    let mut text = String::new();
    for zone in checked.names.zones.iter().filter(|zone| zone.sign.is_some()) {
        let apex = zone.zone.apex();
        text.push_str(&match zones::ds_text(apex, &state).map_err(Failure::new)? {
            Some(ds) => format!("{ds}\n"),
            None => format!("{apex} has no key yet: it is made when the zone is first served\n"),
        });
    }
    Ok(text)
}

/// Mistakes go to standard error, the good news to standard output.
fn tell(loaded: &Loaded, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.note(&loaded.diagnostics.render(&loaded.source, terminal.error()));
    let counts = counts(&loaded.diagnostics);
    if loaded.diagnostics.has_errors() {
        terminal.note(&format!("{}: {counts}\n", loaded.source.name()));
        return Ok(());
    }
    let sites = loaded.configuration.as_ref().map_or(0, |configuration| configuration.site.len());
    let sites = count(sites, "site");
    let zones = loaded.configuration.as_ref().map_or(0, |configuration| configuration.zone.len());
    let sites = if zones == 0 { sites } else { format!("{sites}, {}", count(zones, "zone")) };
    let after = if counts.is_empty() { String::new() } else { format!(", {counts}") };
    terminal.print(&format!("{} is good: {sites}{after}\n", loaded.source.name()))
}

/// "2 errors, 1 warning"; empty when there is nothing to say.
pub fn counts(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics.count(Severity::Error);
    let warnings = diagnostics.count(Severity::Warning);
    let parts = [(errors, "error"), (warnings, "warning")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| count(number, word));
    parts.collect::<Vec<_>>().join(", ")
}

fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}
