//! Node: its built-in fetch, and undici from npm with real pipelining. The client is
//! tests/conformance/node_client.mjs.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

/// The release line that the Node of Debian's and PyPI's age can load.
const PACKAGE: &str = "undici@7";

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    let modules = install::node(&stage.cache, &[PACKAGE])?;
    let application = stage.application()?;
    stage.write("public/hello.txt", "hello\n")?;
    stage.write("public/style.css", "body { color: black }\n".repeat(200))?;
    stage.folder("store")?;
    let (app, tls) = (application.address, stage.site_tls());
    let edgeway = stage.serve(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n\
         [site.\"localhost\"]\ndefault = true\nhttp = \"serve\"\n{tls}\n\
         [[site.\"localhost\".route]]\npath = \"/old/*\"\nredirect = \"/*\"\n\
         [[site.\"localhost\".route]]\npath = \"/store/*\"\nstore = \"store\"\nopen = true\n\
         rewrite = {{ strip_prefix = \"/store\" }}\n\
         [[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{app}\"\nrewrite = {{ strip_prefix = \"/app\" }}\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\ncompress = true\n"
    ))?;
    // Modules are found from where the script stands.
    let script = modules.join("node_client.mjs");
    std::fs::copy(Stage::script("node_client.mjs"), &script)?;
    let mut command = Command::new("node");
    command.arg(script).env("NODE_EXTRA_CA_CERTS", &stage.certificates.authority);
    command.arg(edgeway.address("http")?.port().to_string()).arg(edgeway.address("https")?.port().to_string());
    let output = run_for(&mut command, Duration::from_secs(90))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    report.take(&String::from_utf8_lossy(&output.stdout))
}
