//! pycurl from PyPI: a libcurl years newer than Debian's, driven through its multi interface. The client is
//! tests/conformance/pycurl_client.py.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "pycurl==7.49.0";

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    let bin = install::python(&stage.cache, &[PACKAGE])?;
    let application = stage.application()?;
    stage.write("public/hello.txt", "hello\n")?;
    let (app, tls) = (application.address, stage.site_tls());
    let edgeway = stage.serve(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.2\"]\n\
         [log]\naccess = \"off\"\n[site.\"localhost\"]\nhttp = \"serve\"\n{tls}\n\
         [[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{app}\"\nrewrite = {{ strip_prefix = \"/app\" }}\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\n"
    ))?;
    let mut command = Command::new(bin.join("python"));
    command.arg(Stage::script("pycurl_client.py"));
    command.arg(edgeway.address("http")?.port().to_string()).arg(edgeway.address("https")?.port().to_string());
    command.arg(&stage.certificates.authority);
    let output = run_for(&mut command, Duration::from_secs(90))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    report.take(&String::from_utf8_lossy(&output.stdout))
}
