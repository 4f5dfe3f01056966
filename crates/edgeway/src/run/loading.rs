//! Loads the configuration that is to be served, from a file or for a folder, with the command line's words on top. Called when the server
//! starts and at every reload.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use edgeway_tls::SharedClock;

use crate::config::checked::{self, Checked};
use crate::config::read::Located;
use crate::config::words::Endpoint;
use crate::config::{Loaded, Paint, Reach, Source, load, parse};

/// What to serve, and the command line's words about it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// A configuration file, or a folder of files.
    pub path: PathBuf,
    /// In place of the configuration's plain HTTP endpoints.
    pub http: Option<Endpoint>,
    /// In place of its HTTPS endpoints.
    pub https: Option<Endpoint>,
    /// In place of its admin endpoint.
    pub admin: Option<Endpoint>,
}

/// A configuration that is ready to be served, and what its reader should know.
pub struct Ready {
    /// The configuration.
    pub checked: Checked,
    /// Warnings, as text; empty when there are none.
    pub remarks: String,
}

impl Wanted {
    /// Whether a folder is served without a configuration.
    pub fn is_folder(&self) -> bool {
        self.path.is_dir()
    }

    /// Loads it. The error is what to show: mistakes with their lines, or one sentence.
    pub fn load(&self, clock: &SharedClock, paint: Paint) -> Result<Ready, String> {
        let loaded = if self.is_folder() {
            let folder =
                self.path.canonicalize().map_err(|error| format!("cannot open {}: {error}\n", self.path.display()))?;
            let text = text_for_folder(&folder)?;
            parse(Source::new(self.path.display().to_string(), "", text), Reach::Files)
        } else {
            load(&self.path, Reach::Files).map_err(|unreadable| format!("{unreadable}\n"))?
        };
        self.finish(loaded, clock, paint)
    }

    fn finish(&self, loaded: Loaded, clock: &SharedClock, paint: Paint) -> Result<Ready, String> {
        let Loaded { source, configuration, mut diagnostics } = loaded;
        let Some(mut configuration) = configuration.filter(|_| !diagnostics.has_errors()) else {
            return Err(diagnostics.render(&source, paint));
        };
        let listen = &mut configuration.listen.0;
        let located = |endpoint: &Endpoint| Located { value: endpoint.clone(), span: 0..0 };
        if let Some(http) = &self.http {
            listen.http = vec![located(http)];
        }
        if let Some(https) = &self.https {
            listen.https = vec![located(https)];
        }
        if let Some(admin) = &self.admin {
            listen.admin = Some(located(admin));
        }
        let checked = checked::make(&configuration, &source, clock, &mut diagnostics);
        let remarks = diagnostics.render(&source, paint);
        match checked {
            // An empty file is what an editor or a full disk leaves half way; it must not close every listener.
            Some(checked) if checked.sites.is_empty() && checked.names.zones.is_empty() => {
                Err(format!("{remarks}{} has no site and no zone: there is nothing to serve\n", self.path.display()))
            }
            Some(checked) => Ok(Ready { checked, remarks }),
            None => Err(remarks),
        }
    }
}

/// The configuration that `edgeway serve FOLDER` stands for.
fn text_for_folder(folder: &Path) -> Result<String, String> {
    let name = folder.to_str().ok_or("the folder's name is not UTF-8, which a configuration cannot say\n")?;
    let mut quoted = String::new();
    for character in name.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => _ = write!(quoted, "\\u{:04X}", u32::from(control)),
            other => quoted.push(other),
        }
    }
    Ok(format!(
        "[listen]\nhttp = [\"localhost:8080\"]\nhttps = [\"localhost:8443\"]\n\n[log]\naccess = \"off\"\n\n\
         [site.\"localhost\"]\naliases = [\"127.0.0.1\", \"::1\"]\ndefault = true\nhttp = \"serve\"\n\n\
         [[site.\"localhost\".route]]\npath = \"/*\"\nfiles = \"{quoted}\"\nlisting = true\n"
    ))
}
