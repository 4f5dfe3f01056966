//! certbot from Debian, and Edgeway's own ACME client, get certificates from Edgeway's authority. In a network of
//! their own, where ports 80 and 443 are free and names mean what they should. The steps are tests/conformance/certbot.sh.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["certbot", "curl", "iproute2", "openssl", "util-linux"])?;
    let may_unshare = Command::new("unshare").args(["--net", "--mount", "true"]).output()?.status.success();
    if !may_unshare {
        report.skip("all", "this user may not make a network of its own");
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "bash"]).arg(Stage::script("certbot.sh"));
    command.arg(&stage.program).arg(&stage.folder);
    let output = run_for(&mut command, Duration::from_secs(180))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    report.take(&String::from_utf8_lossy(&output.stdout))
}
