//! `edgeway serve`: the server. Reads the words, sets up what is told to the operator, and hands on to [`crate::run`].

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::terminal::Terminal;
use super::{Failure, StateArguments};
use crate::config::raw::Level;
use crate::config::words::Endpoint;
use crate::run::control::{self, Announcement, Options};
use crate::run::loading::Wanted;
use crate::run::zones;

/// Serves a folder, or what a configuration says.
///
/// A folder is served at http://localhost:8080 and https://localhost:8443. A running server reloads on SIGHUP and whenever its
/// configuration changes, hands over to a new version of itself on SIGUSR2, and stops on SIGTERM when requests under way are answered.
#[derive(Args, Debug)]
pub struct ServeArguments {
    /// A folder of files, or a configuration file.
    #[arg(value_name = "FOLDER|FILE")]
    path: PathBuf,
    /// Where to listen for plain HTTP, instead of what the configuration says.
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| text.parse::<Endpoint>())]
    http: Option<Endpoint>,
    /// Where to listen for HTTPS, instead of what the configuration says.
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| text.parse::<Endpoint>())]
    https: Option<Endpoint>,
    /// Where to answer metrics, health and reload, instead of what the configuration says.
    #[arg(long, value_name = "ADDRESS", value_parser = local_endpoint)]
    admin: Option<Endpoint>,
    #[command(flatten)]
    state: StateArguments,
    /// Worker threads [default: one for each core].
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
    /// How much to tell on standard error: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL", value_parser = |text: &str| text.parse::<Level>())]
    log: Option<Level>,
    /// Says that it is ready as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// As in the configuration, the admin address is this machine's alone.
fn local_endpoint(text: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint = text.parse()?;
    if endpoint.is_local() {
        return Ok(endpoint);
    }
    let port = endpoint.port().unwrap_or_default();
    Err(format!("other machines could reach it: write \"localhost:{port}\", or \"unix:\" and a path"))
}

/// Does it, until it is told to stop.
pub fn run(arguments: ServeArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let path = arguments.path;
    if !path.exists() {
        return Err(Failure::new(format!("there is no file or folder {}", path.display())));
    }
    tell_events(arguments.log.unwrap_or(Level::Info), terminal);
    let options = Options {
        wanted: Wanted { path, http: arguments.http, https: arguments.https, admin: arguments.admin },
        state: arguments.state.state,
        workers: arguments.workers,
        json: arguments.json,
    };
    let json = options.json;
    control::run(options, terminal, move |announcement, terminal| {
        if json { announce_json(announcement, terminal) } else { announce(announcement, terminal) }
    })
}

/// Events go to standard error; without a terminal there, without colour.
pub(super) fn tell_events(level: Level, terminal: &Terminal) {
    let colour = terminal.error() == crate::config::Paint::Colour;
    let filter = tracing_subscriber::EnvFilter::new(level.to_string());
    // A second subscriber is only refused in tests, where the first one serves as well.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .try_init();
}

fn announce_json(announcement: &Announcement<'_>, terminal: &mut Terminal) -> Result<(), Failure> {
    let listening: Vec<_> = announcement
        .listening
        .iter()
        .map(|(what, address)| json!({"what": what, "address": address.to_string()}))
        .collect();
    let state = announcement.state.folder().display().to_string();
    let line = json!({"listening": listening, "workers": announcement.workers, "state": state});
    terminal.print(&format!("{line}\n"))
}

fn announce(announcement: &Announcement<'_>, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut text = String::new();
    for (what, address) in &announcement.listening {
        let scheme = if *what == "https" { "https" } else { "http" };
        let place = match address {
            names if matches!(*what, "dns" | "dot") => names.to_string(),
            edgeway_base::world::Address::Ip(ip) if ip.ip().is_loopback() => {
                format!("{scheme}://localhost:{}", ip.port())
            }
            edgeway_base::world::Address::Ip(ip) => format!("{scheme}://{ip}"),
            unix => unix.to_string(),
        };
        let line = format!("{what:<8}{place}\n");
        // `localhost` is two sockets, IPv4 and IPv6, and one line.
        if !text.contains(&line) {
            text.push_str(&line);
        }
    }
    let sites = &announcement.checked.sites;
    let names: Vec<_> =
        sites.iter().filter_map(|site| site.hosts.first()).take(SITES_SHOWN).map(String::as_str).collect();
    let more = sites.len().saturating_sub(SITES_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if !names.is_empty() {
        text.push_str(&format!("{:<8}{}{more}\n", "sites", names.join(", ")));
    }
    for zone in &announcement.checked.names.zones {
        let apex = zone.zone.apex();
        text.push_str(&format!("{:<8}{apex}\n", "zone"));
        if zone.sign.is_some()
            && let Some(ds) = zones::ds_text(apex, announcement.state).map_err(Failure::new)?
        {
            text.push_str(&format!("{:<8}{ds}\n", "ds"));
        }
    }
    text.push_str(&format!("{:<8}{}\n", "workers", announcement.workers));
    if announcement.authority.is_some() {
        text.push_str(&format!(
            "{:<8}certificates are signed by our own authority; browsers trust it after: edgeway ca export{}\n",
            "trust",
            state_hint(announcement.state),
        ));
    }
    terminal.print(&text)
}

/// How many sites the startup text names.
const SITES_SHOWN: usize = 8;

/// The `--state` that another command needs to find the same folder.
pub(super) fn state_hint(state: &crate::state::State) -> String {
    let usual = crate::state::State::choose(None);
    if *state == usual {
        return String::new();
    }
    format!(" --state {}", state.folder().display())
}
