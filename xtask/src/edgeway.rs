//! The Edgeway under measurement or judgement: built by cargo, started with a configuration, asked where it
//! listens. Called by [`crate::bench`] and [`crate::interop`].

use crate::process::Service;
use crate::{output_of, root};
use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds a package of the workspace and returns where its program stands.
pub(crate) fn build(package: &str, profile: &str) -> Result<PathBuf> {
    eprintln!("building {package} ({profile})");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    output_of(Command::new(&cargo).current_dir(root()).args(["build", "-q", "-p", package, "--profile", profile]))?;
    let metadata = output_of(Command::new(&cargo).current_dir(root()).args([
        "metadata",
        "--no-deps",
        "--format-version=1",
        "--offline",
    ]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names the target folder")?;
    // Cargo keeps the profile called dev in a folder called debug.
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(Path::new(target).join(folder).join(package))
}

/// One running server. Stopped when dropped.
pub(crate) struct Edgeway {
    pub(crate) service: Service,
    listening: Vec<Listening>,
}

/// The line that `serve --json` prints when it accepts connections.
#[derive(Deserialize)]
struct Ready {
    listening: Vec<Listening>,
}

#[derive(Deserialize)]
struct Listening {
    what: String,
    address: String,
}

impl Edgeway {
    /// Starts `edgeway serve` with these words and waits until it says that it is ready.
    pub(crate) fn serve<S: AsRef<std::ffi::OsStr>>(program: &Path, words: &[S], folder: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").args(words).args(["--json", "--state"]).arg(folder.join("state")).current_dir(folder);
        let mut service = Service::start(&mut command, &folder.join("edgeway.words"))?;
        let listening = service.wait_until("a line of JSON says where it listens", |service| {
            service.words().lines().find_map(|line| serde_json::from_str::<Ready>(line).ok())
        })?;
        Ok(Self { service, listening: listening.listening })
    }

    /// Where it listens for `http`, `https`, `admin` or another word of `[listen]`.
    pub(crate) fn address(&self, what: &str) -> Result<SocketAddr> {
        let found = self.listening.iter().find(|listening| listening.what == what);
        let found = found.ok_or_else(|| anyhow!("it does not listen for {what}"))?;
        found.address.parse().with_context(|| format!("{:?} is not an address", found.address))
    }
}

/// One running authority, `edgeway ca serve`. Stopped when dropped.
pub(crate) struct Authority {
    _service: Service,
    /// What clients are told.
    pub(crate) directory: String,
}

/// The line that `ca serve --json` prints when it accepts connections.
#[derive(Deserialize)]
struct AuthorityReady {
    directory: String,
}

impl Authority {
    /// Starts it with these words; what it keeps is in `authority` below `folder`.
    pub(crate) fn serve<S: AsRef<std::ffi::OsStr>>(program: &Path, words: &[S], folder: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["ca", "serve"]).args(words).args(["--json", "--state"]).arg(folder.join("authority"));
        let mut service = Service::start(&mut command, &folder.join("authority.words"))?;
        let ready = service.wait_until("a line of JSON says where its directory is", |service| {
            service.words().lines().find_map(|line| serde_json::from_str::<AuthorityReady>(line).ok())
        })?;
        Ok(Self { _service: service, directory: ready.directory })
    }
}
