//! The state folder: what must outlive a restart. Found here, made readable by its owner alone; its files are
//! replaced whole. Used by `serve`, `reload` and `ca`.
//!
//! ```text
//! authority/root.pem, root.key   our own certificate authority
//! authority/acme.json            what it issued by ACME, and to whom
//! acme/DIRECTORY/account.*       our accounts at public authorities
//! certificates/                  issued certificates and their keys
//! tickets                        keys of TLS session tickets
//! running.json                   which process serves, and where its admin address is
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use edgeway_base::world::Address;
use serde_json::json;

/// The state folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    folder: PathBuf,
}

/// Who serves with this state folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Its process id.
    pub process: u32,
    /// Where its admin address is, if it has one.
    pub admin: Option<Address>,
}

impl State {
    /// The folder to use: the one asked for, else `$XDG_STATE_HOME/edgeway`, else `~/.local/state/edgeway`
    /// (XDG Base Directory Specification 0.8), else `/var/lib/edgeway` for users without a home.
    pub fn choose(asked: Option<&Path>) -> Self {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let default = || {
            absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
                .map_or_else(|| PathBuf::from("/var/lib/edgeway"), |state| state.join("edgeway"))
        };
        Self { folder: asked.map_or_else(default, Path::to_owned) }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A place in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folder, and `name` in it, readable by their owner alone.
    pub fn make(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Reads a file of the folder; `None` when there is none.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file of the folder, whole, readable by its owner alone.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        write_secret_file(&path, bytes)
    }

    /// Notes who serves.
    pub fn note_running(&self, running: &Running) -> io::Result<()> {
        let admin = running.admin.as_ref().map(ToString::to_string);
        let text = json!({"process": running.process, "admin": admin});
        self.write("running.json", format!("{text:#}\n").as_bytes())
    }

    /// Who serves, as far as was noted; the process may be gone.
    pub fn running(&self) -> io::Result<Option<Running>> {
        let Some(bytes) = self.read("running.json")? else { return Ok(None) };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "running.json is damaged");
        let text: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let process = text["process"].as_u64().and_then(|process| u32::try_from(process).ok()).ok_or_else(damaged)?;
        let admin = text["admin"].as_str().map(|address| match address.strip_prefix("unix:") {
            Some(path) => Ok(Address::Unix(path.into())),
            None => address.parse().map(Address::Ip).map_err(|_| damaged()),
        });
        Ok(Some(Running { process, admin: admin.transpose()? }))
    }

    /// Forgets who serves, if it was `process`: another one may have taken over.
    pub fn forget_running(&self, process: u32) -> io::Result<()> {
        match self.running()? {
            Some(running) if running.process == process => fs::remove_file(self.path("running.json")),
            _ => Ok(()),
        }
    }
}

/// Writes a file that only its owner may read, whole: a crash at any moment leaves the old or the new one.
pub fn write_secret_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_through(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What failed is reported; that the leftover may stay too would only hide it.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_kept_from_others_and_found_again() {
        let folder = std::env::temp_dir().join(format!("edgeway-state-{}", std::process::id()));
        let state = State::choose(Some(&folder));
        assert_eq!(state.running().unwrap(), None);
        for admin in [None, Some(Address::Unix("/run/x".into())), Some(Address::Ip("[::1]:7070".parse().unwrap()))] {
            let running = Running { process: 7, admin };
            state.note_running(&running).unwrap();
            assert_eq!(state.running().unwrap(), Some(running));
        }
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.clone()), mode(state.path("running.json"))), (0o700, 0o600));
        state.forget_running(8).unwrap();
        assert!(state.running().unwrap().is_some());
        state.forget_running(7).unwrap();
        assert_eq!(state.running().unwrap(), None);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "no temporary file is left");
        fs::remove_dir_all(&folder).unwrap();
    }
}
