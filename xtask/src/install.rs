//! Brings the strangers that a measurement or a judgement needs: Debian packages, Python packages in a folder of
//! their own, npm packages in another. Called by [`crate::bench`] and [`crate::interop`]; asks a registry only for
//! what is not here yet.

use crate::output_of;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `$XDG_CACHE_HOME/NAME`, by default `~/.cache/NAME`; made where it is not there.
pub(crate) fn cache_folder(name: &str) -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?).join(".cache")
        }
    };
    let folder = base.join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Installs Debian packages. Without root, says which are missing.
pub(crate) fn debian(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("missing; install with: sudo apt-get install {}", missing.join(" "));
    }
    eprintln!("installing from Debian: {}", missing.join(" "));
    let _only_one = Stamp::lock()?;
    output_of(apt().arg("update"))?;
    output_of(apt().args(["install", "--no-install-recommends"]).args(&missing))?;
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-y", "-qq", "-o", "DPkg::Lock::Timeout=300"]);
    command
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output();
    query.is_ok_and(|output| output.stdout.ends_with(b"install ok installed"))
}

/// Installs Python packages (`name==version`) into one environment and returns its `bin` folder.
pub(crate) fn python(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let environment = folder.join("python");
    let bin = environment.join("bin");
    if !bin.join("pip").exists() {
        debian(&["python3-venv"])?;
        output_of(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&environment))?;
    }
    for package in packages {
        Stamp::of(&environment, package).once(|| {
            eprintln!("installing from PyPI: {package}");
            output_of(Command::new(bin.join("pip")).args(["install", "-q", "--disable-pip-version-check", package]))
        })?;
    }
    Ok(bin)
}

/// Installs npm packages (`name@version`) and returns the folder from which Node finds them.
pub(crate) fn node(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let place = folder.join("node");
    std::fs::create_dir_all(&place)?;
    if Command::new("npm").arg("--version").output().is_err() {
        debian(&["nodejs", "npm"])?;
    }
    for package in packages {
        Stamp::of(&place, package).once(|| {
            eprintln!("installing from npm: {package}");
            let quiet = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
            output_of(Command::new("npm").args(quiet).arg(&place).arg(package))
        })?;
    }
    Ok(place)
}

/// A file that says that a package of this very version is installed.
struct Stamp(PathBuf);

impl Stamp {
    fn of(folder: &Path, package: &str) -> Self {
        Self(folder.join(format!(".installed-{}", package.replace('/', "+"))))
    }

    fn once(&self, install: impl FnOnce() -> Result<String>) -> Result<()> {
        if !self.0.exists() {
            install()?;
            std::fs::write(&self.0, "")?;
        }
        Ok(())
    }

    /// Two runs of this program at once install one after the other.
    fn lock() -> Result<std::fs::File> {
        let file = std::fs::File::create(cache_folder("edgeway-interop")?.join("install.lock"))?;
        file.lock()?;
        Ok(file)
    }
}
