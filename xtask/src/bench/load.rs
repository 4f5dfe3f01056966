//! Who asks: wrk, the handshake client, the idle crowd; and the backend behind the proxies. Everything here is
//! pinned to core 1. Called by [`super::rounds`].

use super::Setup;
use crate::certificates::Certificates;
use crate::output_of;
use crate::process::Service;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The core of everything that is not the server under test.
const LOAD_CORE: &str = "1";

/// What a load saw.
pub(crate) struct Answers {
    pub(crate) requests: u64,
    /// Answers that were not the one asked for, and connections that broke.
    pub(crate) errors: u64,
    pub(crate) seconds: f64,
    pub(crate) p99_us: f64,
}

/// A command that runs on the load's core.
pub(crate) fn beside(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(program);
    command
}

/// Starts the backend and returns where it listens.
pub(crate) fn backend(setup: &Setup, folder: &Path) -> Result<(Service, SocketAddr)> {
    let mut service = Service::start(beside(&setup.bench).arg("backend"), &folder.join("backend.words"))?;
    let address = service.wait_until("the backend says where it listens", |service| {
        let line: serde_json::Value = serde_json::from_str(service.words().lines().next()?).ok()?;
        line["address"].as_str()?.parse().ok()
    })?;
    Ok((service, address))
}

/// Runs wrk with one thread.
pub(crate) fn wrk(address: SocketAddr, tls: bool, path: &str, connections: usize, seconds: u64) -> Result<Answers> {
    let scheme = if tls { "https" } else { "http" };
    // wrk sends the name of the URL as SNI; it drops those addresses of localhost that nobody listens on.
    let url = format!("{scheme}://localhost:{}{path}", address.port());
    let mut command = beside(Path::new("wrk"));
    command.args(["-t1", "--latency", "--timeout", "5s"]);
    command.args([format!("-c{connections}"), format!("-d{seconds}s"), url]);
    parse_wrk(&output_of(&mut command)?)
}

/// wrk's summary for people.
fn parse_wrk(text: &str) -> Result<Answers> {
    let mut answers = Answers { requests: 0, errors: 0, seconds: 0.0, p99_us: 0.0 };
    for line in text.lines().map(str::trim) {
        if let Some((requests, rest)) = line.split_once(" requests in ") {
            answers.requests = requests.parse().with_context(|| format!("wrk said {line:?}"))?;
            answers.seconds = microseconds(rest.split(',').next().unwrap_or_default())? / 1e6;
        } else if let Some(p99) = line.strip_prefix("99%") {
            answers.p99_us = microseconds(p99.trim())?;
        } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
            answers.errors += count.trim().parse::<u64>()?;
        } else if let Some(errors) = line.strip_prefix("Socket errors:") {
            answers.errors += errors.split(&[' ', ','][..]).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
        }
    }
    if answers.seconds == 0.0 {
        bail!("wrk did not say how long it ran:\n{text}");
    }
    Ok(answers)
}

/// `703.00us`, `2.40ms`, `3.01s`, `1.00m`.
fn microseconds(text: &str) -> Result<f64> {
    let split = text.find(|c: char| c.is_alphabetic()).with_context(|| format!("{text:?} has no unit"))?;
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => bail!("{text:?}: what unit is that?"),
    };
    Ok(number.parse::<f64>()? * scale)
}

/// Runs the handshake client.
pub(crate) fn handshakes(
    setup: &Setup,
    address: SocketAddr,
    certificates: &Certificates,
    concurrency: usize,
    seconds: u64,
) -> Result<Answers> {
    let mut command = beside(&setup.bench);
    command.args(["handshake", &address.to_string(), "--trust"]).arg(&certificates.authority);
    command.args(["--seconds", &seconds.to_string(), "--concurrency", &concurrency.to_string()]);
    let line: serde_json::Value = serde_json::from_str(&output_of(&mut command)?)?;
    let number = |key: &str| line[key].as_f64().with_context(|| format!("the handshake client names {key}"));
    let whole = |key: &str| line[key].as_u64().with_context(|| format!("the handshake client names {key}"));
    Ok(Answers {
        requests: whole("requests")?,
        errors: whole("errors")?,
        seconds: number("seconds")?,
        p99_us: number("p99_us")?,
    })
}

/// Connections held open until this is dropped.
pub(crate) struct Crowd {
    child: Child,
}

impl Crowd {
    pub(crate) fn gather(
        setup: &Setup,
        address: SocketAddr,
        certificates: Option<&Certificates>,
        connections: usize,
    ) -> Result<Self> {
        let mut command = beside(&setup.bench);
        command.args(["idle", &address.to_string(), "--count", &connections.to_string()]);
        if let Some(certificates) = certificates {
            command.arg("--trust").arg(&certificates.authority);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let crowd = Self { child };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let held: serde_json::Value = serde_json::from_str(&line).context("the crowd did not gather")?;
        if held["held"].as_u64() != u64::try_from(connections).ok() {
            bail!("{held} of {connections} connections stand");
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // The crowd leaves when its input closes.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn the_summary_of_wrk_is_understood() {
    let text = "Running 3s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  Latency Distribution\n     \
        50%    1.10ms\n     99%    2.40ms\n  181046 requests in 3.01s, 200.1MB read\n  Socket errors: connect 0, read 1, \
        write 0, timeout 2\n  Non-2xx or 3xx responses: 4\nRequests/sec:  60334.12\n";
    let answers = parse_wrk(text).unwrap();
    assert_eq!((answers.requests, answers.errors), (181_046, 7));
    assert!((answers.seconds - 3.01).abs() < 1e-9 && (answers.p99_us - 2400.0).abs() < 1e-9);
}
