//! Who is measured, and with which settings: each at its best for the work, one worker, access log to a file,
//! metrics on where they exist. Called by [`super::rounds`].

mod caddy;
mod edgeway;
mod envoy;
mod haproxy;
mod nginx;

pub(crate) use caddy::PACKAGE as CADDY_PACKAGE;
pub(crate) use envoy::PACKAGE as ENVOY_PACKAGE;

use super::Setup;
use super::cases::Case;
use super::cpu::Memory;
use crate::certificates::Certificates;
use crate::process::{Service, free_address};
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The core of the server under test.
const SERVER_CORE: &str = "0";

/// A server that can be measured.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Writes the configuration into the scene's folder and says how to start the server there.
    prepare: fn(&Scene<'_>) -> Result<Command>,
    /// One line for the report.
    pub(crate) version: fn(&Setup) -> Result<String>,
}

/// All of them; the first is ours.
pub(crate) const ALL: &[Peer] = &[
    Peer { name: "edgeway", prepare: edgeway::prepare, version: edgeway::version },
    Peer { name: "nginx", prepare: nginx::prepare, version: nginx::version },
    Peer { name: "haproxy", prepare: haproxy::prepare, version: haproxy::version },
    Peer { name: "caddy", prepare: caddy::prepare, version: caddy::version },
    Peer { name: "envoy", prepare: envoy::prepare, version: envoy::version },
];

/// The place of one server in one case.
pub(crate) struct Scene<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) case: &'a Case,
    /// This server's own folder, empty at first.
    pub(crate) folder: PathBuf,
    /// The folder with the file `1k`.
    pub(crate) files: &'a Path,
    pub(crate) backend: SocketAddr,
    pub(crate) certificates: &'a Certificates,
    /// Where to listen for requests.
    pub(crate) listen: SocketAddr,
    /// Where to listen for those who read metrics.
    pub(crate) admin: SocketAddr,
}

impl Scene<'_> {
    /// Writes a file into this server's folder and returns its path.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The path of something in this server's folder, as configurations want it.
    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// A server that is being measured.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
    /// After one request, before any load.
    pub(crate) at_rest: Memory,
}

/// The servers of a run that are asked for.
pub(crate) fn wanted(setup: &Setup) -> impl Iterator<Item = &'static Peer> {
    ALL.iter().filter(|peer| setup.servers.is_empty() || setup.servers.iter().any(|name| name == peer.name))
}

/// Starts one server, pinned, and waits until it accepts connections.
pub(crate) fn start(peer: &Peer, mut scene: Scene<'_>) -> Result<Running> {
    scene.folder.push(peer.name);
    std::fs::create_dir_all(&scene.folder)?;
    let plain = (peer.prepare)(&scene)?;
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(plain.get_program()).args(plain.get_args()).current_dir(&scene.folder);
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut service = Service::start(&mut command, &scene.folder.join("words.log"))
        .with_context(|| format!("{} does not start", peer.name))?;
    service.wait_for(scene.listen).with_context(|| format!("{} does not start", peer.name))?;
    Ok(Running { name: peer.name, service, address: scene.listen, at_rest: Memory::default() })
}

/// Two addresses to listen on, one for requests and one for metrics.
pub(crate) fn addresses() -> Result<(SocketAddr, SocketAddr)> {
    Ok((free_address()?, free_address()?))
}
