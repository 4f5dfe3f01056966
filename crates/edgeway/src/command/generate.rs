//! `edgeway completions SHELL` and `edgeway man`: made from the same definition as the help.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::terminal::Terminal;

/// Prints a script that completes edgeway's words in a shell.
#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Prints the manual page, or writes one for each command into a folder.
#[derive(Args, Debug)]
pub struct ManArguments {
    /// The folder to write to.
    folder: Option<PathBuf>,
}

/// Prints completions.
pub fn completions(
    arguments: &CompletionsArguments,
    mut command: clap::Command,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "edgeway", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))
}

/// Prints or writes manual pages.
pub fn man(arguments: &ManArguments, command: clap::Command, terminal: &mut Terminal) -> Result<(), Failure> {
    if let Some(folder) = &arguments.folder {
        let written = clap_mangen::generate_to(command, folder);
        return written.map_err(|error| Failure::new(format!("cannot write to {}: {error}", folder.display())));
    }
    let mut page = Vec::new();
    let rendered: io::Result<()> = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::new(format!("cannot render the manual page: {error}")))?;
    terminal.print(&String::from_utf8_lossy(&page))
}
