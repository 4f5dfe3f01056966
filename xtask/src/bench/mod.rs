//! `cargo xtask bench http1`: Edgeway and other servers side by side in one run.
//!
//! The server under test is pinned to core 0 with one worker; the load and the backend are pinned to core 1. All
//! servers of a case stay up; each round asks them in turn, and every second round in reverse order, so that a drift
//! of the machine falls on all. The number that counts is the CPU time of core 0 per request: req/s is bounded by
//! the load generator, time per request is not.
//!
//! Read [`cases`] (what is measured, against which target), [`peers`] (who else is measured, with which settings),
//! [`run`] (the rounds), [`cpu`] (reading the kernel's counters), [`load`] (who asks), [`report`].

mod cases;
mod cpu;
mod load;
mod peers;
mod report;
mod rounds;

use crate::{edgeway, install};
use anyhow::{Context as _, Result, bail};
use cases::Case;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Suite {
    /// HTTP/1.1: proxying, files, TLS, handshakes, idle connections; beside nginx, HAProxy, Caddy and Envoy.
    Http1(Options),
}

#[derive(Args)]
pub(crate) struct Options {
    /// Cases to run: proxy1k, proxy1m, file1k, tls1k, handshake, idle, idle-tls; all by default.
    cases: Vec<String>,
    /// How often each server is asked; the median counts.
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    /// How long it is asked each time, in seconds.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Servers to run (edgeway, nginx, haproxy, caddy, envoy); all by default.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// The build profile of Edgeway. Only `release` is worth publishing.
    #[arg(long, default_value = "release")]
    profile: String,
    /// A program to measure instead of building one.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Write the result into bench/RESULTS.md.
    #[arg(long)]
    record: bool,
}

/// What every case of a run has in common.
pub(crate) struct Setup {
    /// The Edgeway to measure; `None` where it is not among the servers asked for.
    pub(crate) edgeway: Option<PathBuf>,
    /// The program with the backend and the special loads.
    pub(crate) bench: PathBuf,
    /// Where pip put Caddy and Envoy.
    pub(crate) python_bin: PathBuf,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    /// Names of the servers to run; empty for all.
    pub(crate) servers: Vec<String>,
}

/// Runs a suite; true if every target was met.
pub(crate) fn run(suite: &Suite) -> Result<bool> {
    let Suite::Http1(options) = suite;
    let cases = chosen(&options.cases)?;
    if options.record && options.profile != "release" {
        bail!("only the release profile is recorded");
    }
    let setup = prepare(options)?;
    let mut results = Vec::new();
    for case in cases {
        let result = rounds::measure(case, &setup).with_context(|| format!("case {}", case.name))?;
        print!("{}", report::case_table(&result));
        results.push(result);
    }
    let verdicts = report::verdicts(&results);
    print!("{verdicts}");
    if options.record {
        report::record(&results, &setup)?;
    }
    Ok(results.iter().all(report::is_met))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    if names.is_empty() {
        return Ok(cases::ALL.iter().collect());
    }
    let known = || cases::ALL.iter().map(|case| case.name).collect::<Vec<_>>().join(", ");
    names
        .iter()
        .map(|name| {
            let found = cases::ALL.iter().find(|case| case.name == name);
            found.with_context(|| format!("no case {name:?}; there are {}", known()))
        })
        .collect()
}

fn prepare(options: &Options) -> Result<Setup> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        bail!("a server and its load need a core each; this machine offers {cores}");
    }
    let folder = install::cache_folder("edgeway-bench")?;
    let wants = |name: &str| options.servers.is_empty() || options.servers.iter().any(|server| server == name);
    install::debian(&["nginx", "haproxy", "wrk", "util-linux"])?;
    let mut packages = Vec::new();
    if wants("caddy") {
        packages.push(peers::CADDY_PACKAGE);
    }
    if wants("envoy") {
        packages.push(peers::ENVOY_PACKAGE);
    }
    let python_bin = install::python(&folder, &packages)?;
    let edgeway = match (&options.program, wants("edgeway")) {
        (_, false) => None,
        (Some(program), true) => Some(program.clone()),
        (None, true) => Some(edgeway::build("edgeway", &options.profile)?),
    };
    Ok(Setup {
        edgeway,
        bench: edgeway::build("edgeway-bench", "release")?,
        python_bin,
        rounds: options.rounds,
        seconds: options.seconds,
        servers: options.servers.clone(),
    })
}
