//! Autobahn's WebSocket cases (run by kosoku from PyPI) against a well-known echo server, once directly and once
//! through Edgeway. What passes directly must pass through the proxy: it may not add, lose, join or split anything
//! that either side can see.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::edgeway::Edgeway;
use crate::install;
use crate::process::{Service, free_address};
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PACKAGES: &[&str] = &["kosoku==0.1.0", "websockets==17.*"];

/// Cases that only measure speed (9) and those of an extension that the echo does not speak (12, 13).
const LEFT_OUT: &[&str] = &["-x", "9.*", "-x", "12.*", "-x", "13.*"];

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    let bin = install::python(&stage.cache, PACKAGES)?;
    let echo_address = free_address()?;
    let mut command = Command::new(bin.join("python"));
    command.arg(Stage::script("websocket_echo.py")).arg(echo_address.port().to_string());
    let mut echo = Service::start(&mut command, &stage.folder.join("echo.words"))?;
    echo.wait_for(echo_address)?;

    let edgeway = stage.serve(&configuration(echo_address, "first"))?;
    let direct = play(&bin, echo_address, &stage.folder("direct")?)?;
    let through = play(&bin, edgeway.address("http")?, &stage.folder("through")?)?;
    for (case, behaviour) in &direct {
        if !is_fine(behaviour) {
            report.skip(case, &format!("direct: {behaviour}"));
            continue;
        }
        match through.get(case) {
            Some(through) if is_fine(through) => report.pass(case),
            Some(through) => report.fail(case, &format!("direct {behaviour}, through Edgeway {through}")),
            None => report.fail(case, "not played through Edgeway"),
        }
    }
    report.check("lives through reloads", || lives_through_reloads(stage, &edgeway, &bin, echo_address));
    Ok(())
}

fn configuration(echo: SocketAddr, mark: &str) -> String {
    format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n[site.\"localhost\"]\ndefault = true\n\
         [[site.\"localhost\".route]]\nproxy = \"{echo}\"\nheaders = {{ set = {{ X-Mark = \"{mark}\" }} }}\n"
    )
}

/// A connection that was open before a reload goes on as if nothing had happened.
fn lives_through_reloads(stage: &Stage, edgeway: &Edgeway, bin: &Path, echo: SocketAddr) -> Result<()> {
    let mut command = Command::new(bin.join("python"));
    command.arg(Stage::script("websocket_client.py"));
    command.arg(format!("ws://{}", edgeway.address("http")?)).arg("3");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| run_for(&mut command, Duration::from_secs(30)));
        for reload in 0..8 {
            std::thread::sleep(Duration::from_millis(300));
            stage.replace_configuration(&configuration(echo, &format!("reload {reload}")))?;
            edgeway.service.signal(Signal::HUP)?;
        }
        let output = client.join().unwrap_or_else(|_| bail!("the client panicked"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", error.lines().last().unwrap_or("no reason given"));
        let echoed: usize = String::from_utf8_lossy(&output.stdout).trim().parse()?;
        ensure!(echoed > 20, "only {echoed} messages in three seconds");
        Ok(())
    })
}

fn is_fine(behaviour: &str) -> bool {
    matches!(behaviour, "OK" | "NON-STRICT" | "INFORMATIONAL")
}

/// Plays all cases and returns the behaviour of each.
fn play(bin: &Path, address: SocketAddr, folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut command = Command::new(bin.join("kosoku"));
    command.args(["-m", "fuzzingclient", "-p", "4", "-o"]).arg(folder).args(LEFT_OUT).arg(format!("ws://{address}"));
    let output = run_for(&mut command, Duration::from_secs(240))?;
    let index = std::fs::read_to_string(folder.join("index.json"))
        .with_context(|| format!("kosoku left no report: {}", String::from_utf8_lossy(&output.stderr)))?;
    let index: BTreeMap<String, BTreeMap<String, serde_json::Value>> = serde_json::from_str(&index)?;
    let cases = index.into_values().next().context("the report names no server")?;
    let behaviour = |value: serde_json::Value| value["behavior"].as_str().unwrap_or("UNKNOWN").to_owned();
    Ok(cases.into_iter().map(|(case, value)| (case, behaviour(value))).collect())
}
