//! `edgeway ca`: our own certificate authority. `export` gives its root to those who are to trust it; `issue` signs a certificate for
//! another server of the network, [`serve`] does so for all that ask by ACME.

mod serve;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use edgeway_base::World;
use edgeway_net::os::Kernel;
use edgeway_tls::authority::Usage;
use edgeway_tls::certificate::CertificateName;

use crate::command::terminal::Terminal;
use crate::command::{Failure, StateArguments};
use crate::limits::LEAF_LIFETIME;
use crate::run::own_authority;
use crate::state::{State, write_secret_file};

/// The certificate authority of this machine: made on first use and kept in the state folder.
#[derive(Args, Debug)]
pub struct CaArguments {
    #[command(subcommand)]
    command: CaCommand,
}

#[derive(Subcommand, Debug)]
enum CaCommand {
    /// Prints the root certificate (PEM). Whoever imports it trusts every certificate signed here.
    Export(ExportArguments),
    /// Signs a certificate for these names and writes it with its new key.
    Issue(IssueArguments),
    Serve(serve::ServeArguments),
}

#[derive(Args, Debug)]
struct ExportArguments {
    #[command(flatten)]
    state: StateArguments,
    /// Writes it to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct IssueArguments {
    /// Host names and addresses; `*.example.com` covers one label below.
    #[arg(required = true, value_name = "NAME", value_parser = |text: &str| text.parse::<CertificateName>().map_err(|error| error.to_string()))]
    names: Vec<CertificateName>,
    #[command(flatten)]
    state: StateArguments,
    /// A certificate to show as a client (mutual TLS) instead of one for a server.
    #[arg(long)]
    client: bool,
    /// For how many days [default: 90, which is also the most].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=90))]
    days: Option<u64>,
    /// Writes the certificate chain here.
    #[arg(long, value_name = "FILE", default_value = "cert.pem")]
    cert: PathBuf,
    /// Writes the private key here, readable by its owner alone.
    #[arg(long, value_name = "FILE", default_value = "key.pem")]
    key: PathBuf,
}

/// Does it.
pub fn run(arguments: CaArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    match arguments.command {
        CaCommand::Export(arguments) => export(&arguments, terminal),
        CaCommand::Issue(arguments) => issue(&arguments, terminal),
        CaCommand::Serve(arguments) => serve::run(arguments, terminal),
    }
}

fn export(arguments: &ExportArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let state = State::choose(arguments.state.state.as_deref());
    let (authority, _) = own_authority::open_or_create(&state, Kernel::new().wall()).map_err(Failure::new)?;
    let Some(out) = &arguments.out else { return terminal.print(authority.root_pem()) };
    std::fs::write(out, authority.root_pem())
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", out.display())))?;
    terminal
        .note(&format!("wrote {}; import it where certificates of this authority are to be trusted\n", out.display()));
    Ok(())
}

fn issue(arguments: &IssueArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let state = State::choose(arguments.state.state.as_deref());
    let now = Kernel::new().wall();
    let (authority, _) = own_authority::open_or_create(&state, now).map_err(Failure::new)?;
    let usage = if arguments.client { Usage::Client } else { Usage::Server };
    let issued = authority
        .issue(
            &arguments.names,
            usage,
            now,
            arguments.days.map_or(LEAF_LIFETIME, |days| Duration::from_secs(days * 86_400)),
        )
        .map_err(|error| Failure::new(error.to_string()))?;
    let written = |path: &PathBuf, result: std::io::Result<()>| {
        result.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    };
    written(&arguments.key, write_secret_file(&arguments.key, issued.key_pem.as_bytes()))?;
    written(&arguments.cert, std::fs::write(&arguments.cert, issued.chain_pem.as_bytes()))?;
    terminal.print(&format!("wrote {} and {}\n", arguments.cert.display(), arguments.key.display()))
}
