//! certbot from Debian against `edgeway ca serve`, on free ports: an account, a certificate by http-01, a renewal, a name that is refused, a withdrawal.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::edgeway::Authority;
use crate::install;
use crate::process;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// certbot is Python and starts in a second or two; each run makes a dozen requests.
const RUN_MAX: Duration = Duration::from_secs(60);

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["certbot", "openssl"])?;
    let port = process::free_address()?.port().to_string();
    let authority = Authority::serve(&stage.program, &["--https", "127.0.0.1:0", "--http-port", &port], &stage.folder)?;
    let root = stage.folder.join("root.pem");
    let mut export = Command::new(&stage.program);
    export.args(["ca", "export", "--state"]).arg(stage.folder.join("authority")).arg("--out").arg(&root);
    ensure!(run_for(&mut export, RUN_MAX)?.status.success(), "the root cannot be exported");
    let certbot = Certbot { stage, directory: &authority.directory, root: &root };
    let chain = stage.folder.join("certbot/config/live/localhost/fullchain.pem");

    let http = ["--standalone", "--http-01-port", &port];
    report.check("gets a certificate", || {
        let words = ["certonly", "-d", "localhost", "--register-unsafely-without-email", "--agree-tos"];
        certbot.succeeds(&[&words[..], &http].concat())?;
        verifies(&root, &chain)
    });
    report.check("renews it", || {
        let before = std::fs::read(&chain)?;
        certbot.succeeds(&["renew", "--force-renewal", "--no-random-sleep-on-renew", "--http-01-port", &port])?;
        ensure!(std::fs::read(&chain)? != before, "it is the same certificate");
        verifies(&root, &chain)
    });
    report.check("is told that a public name is not signed for", || {
        let output = certbot.run(&[&["certonly", "-d", "example.com"][..], &http].concat())?;
        ensure!(!output.status.success(), "it got one");
        let log = std::fs::read_to_string(stage.folder.join("certbot/logs/letsencrypt.log"))?;
        ensure!(log.contains("urn:ietf:params:acme:error:rejectedIdentifier"), "its log says:\n{log}");
        Ok(())
    });
    report.check("changes its contact", || certbot.succeeds(&["update_account", "--email", "admin@example.test"]));
    report.check("withdraws it", || {
        certbot.succeeds(&["revoke", "--cert-name", "localhost", "--no-delete-after-revoke"])
    });
    report.check("gives its account up", || certbot.succeeds(&["unregister"]));
    Ok(())
}

struct Certbot<'a> {
    stage: &'a Stage,
    directory: &'a str,
    root: &'a Path,
}

impl Certbot<'_> {
    fn run(&self, words: &[&str]) -> Result<std::process::Output> {
        let folder = |name: &str| -> PathBuf { self.stage.folder.join("certbot").join(name) };
        let mut command = Command::new("certbot");
        command.args(words).args(["--non-interactive", "--server", self.directory]);
        command.arg("--config-dir").arg(folder("config")).arg("--work-dir").arg(folder("work"));
        command.arg("--logs-dir").arg(folder("logs")).env("REQUESTS_CA_BUNDLE", self.root);
        run_for(&mut command, RUN_MAX)
    }

    fn succeeds(&self, words: &[&str]) -> Result<()> {
        let output = self.run(words)?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{words:?}: {out}{err}");
        Ok(())
    }
}

/// OpenSSL believes the first certificate of `chain` because of `root`.
fn verifies(root: &Path, chain: &Path) -> Result<()> {
    let mut command = Command::new("openssl");
    command.args(["verify", "-verify_hostname", "localhost", "-CAfile"]).arg(root).arg(chain);
    let output = run_for(&mut command, RUN_MAX).context("openssl")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
