//! What a case is given: the program, a folder of its own, certificates, a cache of installed strangers; and the
//! verbs to start servers on it. Made by [`super::run`] for each case.

use super::application::Application;
use crate::certificates::{self, Certificates};
use crate::edgeway::Edgeway;
use crate::install;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The place of one case.
pub(crate) struct Stage {
    pub(crate) program: PathBuf,
    /// Empty at first; gone afterwards unless `--keep`.
    pub(crate) folder: PathBuf,
    /// Where packages are installed, kept between runs.
    pub(crate) cache: PathBuf,
    pub(crate) certificates: Certificates,
}

impl Stage {
    pub(crate) fn set(program: &Path, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            program: program.to_path_buf(),
            folder: folder.to_path_buf(),
            cache: install::cache_folder("edgeway-interop")?,
            certificates: certificates::make(folder)?,
        })
    }

    /// A folder below the case's own.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Puts another configuration in the place of the running one, whole, as careful editors do.
    pub(crate) fn replace_configuration(&self, text: &str) -> Result<()> {
        let written = self.write("edgeway.toml.new", text)?;
        std::fs::rename(written, self.folder.join("edgeway.toml"))?;
        Ok(())
    }

    /// Starts Edgeway with a configuration, whose relative paths start at the case's folder.
    pub(crate) fn serve(&self, configuration: &str) -> Result<Edgeway> {
        let path = self.write("edgeway.toml", configuration)?;
        Edgeway::serve(&self.program, &[&path], &self.folder)
    }

    /// Starts the application behind the proxy.
    pub(crate) fn application(&self) -> Result<Application> {
        Application::start()
    }

    /// `tls = {...}` for a site, with a certificate for localhost that clients trust by `certificates.authority`.
    pub(crate) fn site_tls(&self) -> String {
        let Certificates { certificate, key, .. } = &self.certificates;
        format!("tls = {{ cert = {:?}, key = {:?} }}", certificate.display().to_string(), key.display().to_string())
    }

    /// A script of tests/conformance.
    pub(crate) fn script(name: &str) -> PathBuf {
        crate::root().join("tests/conformance").join(name)
    }
}

/// Runs a stranger to its end, whatever that is; one that takes longer is ended and an error.
pub(crate) fn run_for(command: &mut Command, at_most: Duration) -> Result<Output> {
    let shown = format!("{command:?}");
    // Output goes to files, so that a stranger that prints much never waits for us.
    let out = tempfile::NamedTempFile::new()?;
    let err = tempfile::NamedTempFile::new()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.reopen()?)
        .stderr(err.reopen()?)
        // A group of its own, so that its children can be ended with it.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let until = Instant::now() + at_most;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > until {
            end_group(&mut child)?;
            let words = std::fs::read_to_string(out.path()).unwrap_or_default();
            bail!("{shown} did not end within {at_most:?}; it said:\n{words}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ok(Output { status, stdout: std::fs::read(out.path())?, stderr: std::fs::read(err.path())? })
}

fn end_group(child: &mut Child) -> Result<()> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
    kill_process_group(group, Signal::KILL)?;
    child.wait()?;
    Ok(())
}
