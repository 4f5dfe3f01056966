//! The command line: one definition, from which help, man pages and shell completions come too. Called by
//! `main`; each command has a file of its own here and hands on to the houses below.

pub mod ca;
pub mod check;
pub mod failure;
pub mod generate;
pub mod lab;
pub mod reload;
pub mod resolve;
pub mod serve;
pub mod terminal;
pub mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub use failure::Failure;
use terminal::Terminal;

/// Everything between a name and a page, in one binary.
#[derive(Parser, Debug)]
#[command(name = "edgeway", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the work failed, 2 the words were wrong.";

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::ServeArguments),
    Check(check::CheckArguments),
    Ca(ca::CaArguments),
    Lab(lab::LabArguments),
    Reload(reload::ReloadArguments),
    Resolve(resolve::ResolveArguments),
    User(user::UserArguments),
    Version(VersionArguments),
    Completions(generate::CompletionsArguments),
    Man(generate::ManArguments),
}

/// Tells which version this is.
#[derive(Args, Debug)]
struct VersionArguments {
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Where Edgeway keeps what must outlive a restart.
#[derive(Args, Clone, Debug, Default)]
pub struct StateArguments {
    /// The state folder [default: $XDG_STATE_HOME/edgeway or ~/.local/state/edgeway].
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
}

/// Reads the words of the shell and does what they say.
pub fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and version are no mistakes: clap prints them to standard output and exits with 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut terminal = Terminal::of_process();
    let result = match line.command {
        Command::Serve(arguments) => serve::run(arguments, &mut terminal),
        Command::Ca(arguments) => ca::run(arguments, &mut terminal),
        Command::Check(arguments) => check::run(&arguments, &mut terminal),
        Command::Lab(arguments) => lab::run(&arguments, &mut terminal),
        Command::Reload(arguments) => reload::run(&arguments, &mut terminal),
        Command::Resolve(arguments) => resolve::run(&arguments, &mut terminal),
        Command::User(arguments) => user::run(&arguments, &mut terminal),
        Command::Version(arguments) => version(&arguments, &mut terminal),
        Command::Completions(arguments) => generate::completions(&arguments, CommandLine::command(), &mut terminal),
        Command::Man(arguments) => generate::man(&arguments, CommandLine::command(), &mut terminal),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(&terminal),
    }
}

fn version(arguments: &VersionArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if arguments.json {
        let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
        return terminal.print_json(&serde_json::json!({"version": version, "system": system, "machine": machine}));
    }
    terminal.print(&format!("edgeway {version}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn wrong_words_are_told_apart_from_failed_work() {
        for words in [&["edgeway", "chekc"][..], &["edgeway", "check"], &["edgeway", "user", "add", "file"]] {
            let error = CommandLine::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
