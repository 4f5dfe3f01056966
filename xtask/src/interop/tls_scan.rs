//! sslscan and sslyze: nothing older than TLS 1.2, no weak cipher, none of the attacks with a name; Mozilla's
//! intermediate configuration.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::{Result, ensure};
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "sslyze==6.3.1";

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["sslscan"])?;
    let bin = install::python(&stage.cache, &[PACKAGE])?;
    let tls = stage.site_tls();
    let edgeway = stage.serve(&format!(
        "[listen]\nhttps = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n[site.\"localhost\"]\ndefault = true\n{tls}\n\
         hsts = \"1y\"\n[[site.\"localhost\".route]]\nrespond = \"hello\\n\"\n"
    ))?;
    let port = edgeway.address("https")?.port();
    let mut command = Command::new("sslscan");
    command.args(["--no-colour", "--ipv4", &format!("localhost:{port}")]);
    let scan = run_for(&mut command, Duration::from_secs(60))?;
    let scan = String::from_utf8_lossy(&scan.stdout).into_owned();
    for line in
        ["SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled", "TLSv1.2   enabled"]
    {
        says(report, &scan, line);
    }
    for line in ["TLSv1.3   enabled", "Session renegotiation not supported"] {
        says(report, &scan, line);
    }
    report.check("sslscan: no heartbleed", || {
        let spoken = scan.lines().filter(|line| line.contains("vulnerable to heartbleed"));
        ensure!(spoken.clone().count() > 0 && spoken.clone().all(|line| line.contains("not vulnerable")), "{scan}");
        Ok(())
    });
    report.check("sslyze: Mozilla intermediate", || {
        let mut command = Command::new(bin.join("sslyze"));
        command
            .args(["--mozilla_config=intermediate", "--slow_connection", "--certinfo_ca_file"])
            .arg(&stage.certificates.authority);
        let output = run_for(command.arg(format!("localhost:{port}")), Duration::from_secs(120))?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{}", words.split("SCAN RESULTS").last().unwrap_or(&words));
        Ok(())
    });
    Ok(())
}

/// sslscan says this line.
fn says(report: &mut Report, scan: &str, line: &str) {
    let name = line.split_whitespace().collect::<Vec<_>>().join(" ");
    report.check(&format!("sslscan: {name}"), || {
        ensure!(scan.contains(line), "it says:\n{scan}");
        Ok(())
    });
}
