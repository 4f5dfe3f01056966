//! `edgeway ca serve`: the authority as an ACME server, for the other machines of a network. Hands on to [`crate::authority`].

use std::time::Duration;

use clap::Args;
use edgeway_base::world::Address;
use edgeway_tls::certificate::CertificateName;
use serde_json::json;

use crate::authority::allowed::{Allowed, private_use};
use crate::authority::{self, Announcement, Options};
use crate::command::terminal::Terminal;
use crate::command::{Failure, StateArguments, serve};
use crate::config::raw::Level;
use crate::config::words::Endpoint;

/// Signs certificates for other machines that ask by ACME (RFC 8555): certbot, Edgeway itself, and their like.
///
/// They are given the directory that is printed at the start, and the root (`edgeway ca export`) to trust it by. A machine proves a name by
/// an answer on its port 80 (http-01) or 443 (tls-alpn-01).
///
/// Whoever answers for a name on this network gets a certificate for it. So only names for private use are signed for: localhost, and
/// everything below it, internal, home.arpa, test and local; loopback and private addresses. `--allow` says others in their place.
#[derive(Args, Debug)]
pub(super) struct ServeArguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| text.parse::<Endpoint>())]
    https: Endpoint,
    /// The name under which clients reach it [default: localhost, the address, or this machine's name].
    #[arg(long, value_name = "NAME", value_parser = |text: &str| text.parse::<CertificateName>().map_err(|error| error.to_string()))]
    name: Option<CertificateName>,
    #[command(flatten)]
    state: StateArguments,
    /// Signs for this name and everything below it, or for these addresses (10.0.0.0/8); can be given more than once [default: names and
    /// addresses for private use].
    #[arg(long, value_name = "SUFFIX", value_parser = |text: &str| text.parse::<Allowed>())]
    allow: Vec<Allowed>,
    /// The port on which names are proved by HTTP.
    #[arg(long, value_name = "PORT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    http_port: u16,
    /// The port on which names are proved by TLS.
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    tls_port: u16,
    /// For how many days certificates are good [default: 90, which is also the most].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=90))]
    days: Option<u64>,
    /// How much to tell on standard error: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL", value_parser = |text: &str| text.parse::<Level>())]
    log: Option<Level>,
    /// Says that it is ready as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Does it, until it is told to stop.
pub(super) fn run(arguments: ServeArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    serve::tell_events(arguments.log.unwrap_or(Level::Info), terminal);
    let options = Options {
        https: arguments.https,
        name: arguments.name,
        state: arguments.state.state,
        allowed: if arguments.allow.is_empty() { private_use() } else { arguments.allow },
        http_port: arguments.http_port,
        tls_port: arguments.tls_port,
        lifetime: arguments.days.map(|days| Duration::from_secs(days * 86_400)),
    };
    if matches!(options.https, Endpoint::Unix(_)) {
        return Err(Failure::wrong_words("ACME clients do not speak to a Unix socket: --https needs an address"));
    }
    let json = arguments.json;
    authority::run(&options, |announcement| {
        terminal.print(&if json { as_json(announcement) } else { as_text(announcement) })
    })
}

fn as_json(announcement: &Announcement<'_>) -> String {
    let listening: Vec<_> =
        announcement.listening.iter().map(|address| json!({"what": "https", "address": address.to_string()})).collect();
    let state = announcement.state.folder().display().to_string();
    format!("{}\n", json!({"directory": announcement.directory, "listening": listening, "state": state}))
}

fn as_text(announcement: &Announcement<'_>) -> String {
    let listening: Vec<_> = announcement.listening.iter().map(Address::to_string).collect();
    let hint = serve::state_hint(announcement.state);
    format!(
        "{:<10}{}\n{:<10}{}\n{:<10}clients trust it after: edgeway ca export{hint}\n",
        "listening",
        listening.join(", "),
        "directory",
        announcement.directory,
        "trust",
    )
}
