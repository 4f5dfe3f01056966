//! HAProxy, from Debian. One thread, splicing where it helps, upstream connections shared. It logs only to syslog or
//! an open descriptor; here its standard output, which is a file.

use super::{Scene, Setup};
use crate::bench::cases::Work;
use crate::output_of;
use anyhow::Result;
use std::process::Command;

pub(super) fn prepare(scene: &Scene<'_>) -> Result<Command> {
    let Scene { listen, admin, backend, certificates, .. } = scene;
    let tls = if scene.case.tls {
        format!(" ssl crt {} alpn http/1.1 ssl-min-ver TLSv1.3", certificates.both.display())
    } else {
        String::new()
    };
    let work = match scene.case.work {
        Work::Proxy => "default_backend application".to_owned(),
        Work::File => format!(
            "http-request return status 200 content-type application/octet-stream file {}/1k",
            scene.files.display()
        ),
    };
    let configuration = scene.write(
        "haproxy.cfg",
        &format!(
            "global
  nbthread 1
  maxconn 6000
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option splice-auto
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout http-keep-alive 120s
frontend edge
  bind {listen}{tls} backlog 4096
  {work}
frontend metrics
  bind {admin}
  no log
  http-request use-service prometheus-exporter
backend application
  server one {backend} maxconn 4096
"
        ),
    )?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(configuration);
    Ok(command)
}

pub(super) fn version(_: &Setup) -> Result<String> {
    let text = output_of(Command::new("haproxy").arg("-vv"))?;
    let words = text.lines().next().unwrap_or_default().split(" - ").next().unwrap_or_default().to_owned();
    let library = text.lines().find_map(|line| line.strip_prefix("Running on OpenSSL version : ")).unwrap_or_default();
    Ok(format!("{words}, {library} (Debian)"))
}
