//! The files and folders a configuration names: there, of the right kind, readable.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{Check, Reach};
use crate::config::raw::AccessLog;
use crate::config::read::Located;
use crate::config::words::FilePath;

impl Check<'_> {
    /// A folder to serve.
    pub(super) fn folder(&mut self, path: &Located<FilePath>) {
        self.look(path, "expected a folder", |path| match fs::read_dir(path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err("is a file, not a folder".to_owned()),
            Err(error) => Err(because(&error)),
        });
    }

    /// A file to read.
    pub(super) fn readable_file(&mut self, path: &Located<FilePath>) {
        self.look(path, "expected a file", |path| {
            let file = File::open(path).map_err(|error| because(&error))?;
            let metadata = file.metadata().map_err(|error| because(&error))?;
            if metadata.is_dir() { Err("is a folder, not a file".to_owned()) } else { Ok(()) }
        });
    }

    /// A file of certificates.
    pub(super) fn certificate_file(&mut self, path: &Located<FilePath>) {
        self.look(path, "expected a PEM file with a certificate", |path| holds_pem(path, "CERTIFICATE"));
    }

    /// A certificate chain and its private key.
    pub(super) fn certificate_pair(&mut self, cert: &Located<FilePath>, key: &Located<FilePath>) {
        self.certificate_file(cert);
        self.look(key, "expected a PEM file with a private key", |path| holds_pem(path, "PRIVATE KEY"));
    }

    /// The access log, which is created if need be.
    pub(super) fn log_file(&mut self) {
        let access = &self.configuration.log.access;
        let AccessLog::File(path) = &access.value else { return };
        let path = Located { value: path.clone(), span: access.span.clone() };
        self.look(&path, "expected a file in a folder that exists", |path| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if path.is_dir() {
                return Err("is a folder, not a file".to_owned());
            }
            match folder {
                Some(folder) if !folder.is_dir() => {
                    Err(format!("cannot be made: there is no folder {}", folder.display()))
                }
                _ => Ok(()),
            }
        });
    }

    fn look(&mut self, path: &Located<FilePath>, expected: &str, look: impl FnOnce(&Path) -> Result<(), String>) {
        if self.reach == Reach::Text {
            return;
        }
        let place = self.source.resolve(path.as_path());
        if let Err(cause) = look(&place) {
            let message = format!("{} {cause}", place.display());
            self.found.error(path.span.clone(), message, expected);
        }
    }
}

fn holds_pem(path: &Path, label: &str) -> Result<(), String> {
    let text = fs::read(path).map_err(|error| because(&error))?;
    let text = String::from_utf8_lossy(&text);
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----"));
    if text.lines().any(begins) { Ok(()) } else { Err(format!("holds no {label} in PEM form")) }
}

/// The end of a sentence that starts with a path.
fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
