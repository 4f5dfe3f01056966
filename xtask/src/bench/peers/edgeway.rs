//! Ours. Routing, metrics and limits on, as they come; the log in the format that nginx writes.

use super::{Scene, Setup};
use crate::bench::cases::Work;
use crate::output_of;
use anyhow::{Context as _, Result};
use std::process::Command;

pub(super) fn prepare(scene: &Scene<'_>) -> Result<Command> {
    let Scene { listen, admin, .. } = scene;
    let scheme = if scene.case.tls { "https" } else { "http" };
    let work = match scene.case.work {
        Work::Proxy => format!("proxy = \"{}\"", scene.backend),
        Work::File => format!("files = {:?}", scene.files.display().to_string()),
    };
    let certificate = if scene.case.tls {
        let made = scene.certificates;
        format!("tls = {{ cert = {:?}, key = {:?} }}\n", path(&made.certificate), path(&made.key))
    } else {
        String::new()
    };
    let log = scene.path("access.log");
    let configuration = scene.write(
        "edgeway.toml",
        &format!(
            "[listen]\n{scheme} = [\"{listen}\"]\nadmin = \"{admin}\"\n\n[log]\naccess = {log:?}\nformat = \"combined\"\n\n\
             [site.\"localhost\"]\n{certificate}\n[[site.\"localhost\".route]]\npath = \"/*\"\n{work}\n"
        ),
    )?;
    let mut command = Command::new(program(scene.setup)?);
    command.arg("serve").arg(configuration).arg("--state").arg(scene.folder.join("state"));
    Ok(command)
}

fn path(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn program(setup: &Setup) -> Result<&std::path::Path> {
    setup.edgeway.as_deref().context("Edgeway is not among the servers of this run")
}

pub(super) fn version(setup: &Setup) -> Result<String> {
    let version = output_of(Command::new(program(setup)?).arg("version"))?;
    let commit = output_of(Command::new("git").current_dir(crate::root()).args(["rev-parse", "--short", "HEAD"]))?;
    Ok(format!("{} at {}", version.lines().next().unwrap_or_default(), commit.trim()))
}
