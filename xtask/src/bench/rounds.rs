//! One case: everyone is started, asked in turn, round after round, and stopped. Called by [`super::run`]; hands the
//! samples to [`super::report`].

use super::cases::{Case, Load};
use super::cpu::{Counters, Memory};
use super::load::{self, Answers, Crowd};
use super::peers::{self, Running, Scene};
use super::{Setup, report};
use crate::certificates::{self, Certificates};
use anyhow::{Context as _, Result, bail};
use std::process::Command;
use std::time::Duration;

/// Before the first round every server is asked for so long, unmeasured: caches fill, upstream connections open.
const WARM_UP_SECONDS: u64 = 1;

/// After a crowd has gathered, before memory is read: what a server does lazily it does now.
const SETTLE: Duration = Duration::from_millis(1500);

/// Memory does not jitter as time does; a crowd that comes back finds what the first one left.
const IDLE_ROUNDS_MAX: usize = 3;

/// All samples of one case, by server.
pub(crate) struct CaseResult {
    pub(crate) case: &'static Case,
    pub(crate) servers: Vec<ServerResult>,
}

/// One server's samples, one for each round.
pub(crate) struct ServerResult {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
}

/// One server asked once.
pub(crate) struct Sample {
    pub(crate) answers: Answers,
    pub(crate) spent: Counters,
    pub(crate) memory: Memory,
    /// Only of idle cases: bytes of anonymous memory for each connection.
    pub(crate) bytes_per_connection: f64,
}

/// Measures one case.
pub(crate) fn measure(case: &'static Case, setup: &Setup) -> Result<CaseResult> {
    let scratch = tempfile::Builder::new().prefix("edgeway-bench-").tempdir()?;
    let certificates = certificates::make(scratch.path())?;
    let files = scratch.path().join("files");
    std::fs::create_dir(&files)?;
    std::fs::write(files.join("1k"), vec![b'a'; 1024])?;
    let (_backend, backend) = load::backend(setup, scratch.path())?;

    let mut running = Vec::new();
    for peer in peers::wanted(setup) {
        let (listen, admin) = peers::addresses()?;
        let folder = scratch.path().to_path_buf();
        let scene = Scene { setup, case, folder, files: &files, backend, certificates: &certificates, listen, admin };
        running.push(peers::start(peer, scene)?);
    }
    for server in &mut running {
        check(case, server, &certificates)?;
        server.at_rest = Memory::now(server.service.id());
    }
    let mut result = CaseResult {
        case,
        servers: running.iter().map(|server| ServerResult { name: server.name, samples: Vec::new() }).collect(),
    };
    let ask = |server: &Running, seconds| sample(case, setup, server, &certificates, seconds);
    if !matches!(case.load, Load::Idle { .. }) {
        for server in &running {
            ask(server, WARM_UP_SECONDS).with_context(|| server.name)?;
        }
    }
    let rounds = if matches!(case.load, Load::Idle { .. }) { setup.rounds.min(IDLE_ROUNDS_MAX) } else { setup.rounds };
    for round in 0..rounds {
        for turn in 0..running.len() {
            let at = if round % 2 == 0 { turn } else { running.len() - 1 - turn };
            let sample = ask(&running[at], setup.seconds).with_context(|| running[at].name)?;
            eprintln!("{} round {} {}", case.name, round + 1, report::sample_line(running[at].name, case, &sample));
            result.servers[at].samples.push(sample);
        }
    }
    Ok(result)
}

/// A server that answers something else is fast for nothing.
fn check(case: &Case, server: &Running, certificates: &Certificates) -> Result<()> {
    let (path, length) = match case.load {
        Load::Wrk { path: "/1m", .. } => ("/1m", 1024 * 1024),
        _ => ("/1k", 1024),
    };
    let scheme = if case.tls { "https" } else { "http" };
    let mut command = Command::new("curl");
    command.args([
        "-sS",
        "--noproxy",
        "*",
        "--max-time",
        "10",
        "-w",
        "%{http_code} %{size_download}",
        "-o",
        "/dev/null",
    ]);
    command.arg("--cacert").arg(&certificates.authority);
    command.args(["--resolve", &format!("localhost:{}:127.0.0.1", server.address.port())]);
    command.arg(format!("{scheme}://localhost:{}{path}", server.address.port()));
    let words = || format!("{} said:\n{}", server.name, server.service.last_words());
    let answered = crate::output_of(&mut command).with_context(words)?;
    if answered != format!("200 {length}") {
        bail!("{} answered {answered:?} to {path}; wanted 200 with {length} bytes", server.name);
    }
    Ok(())
}

fn sample(case: &Case, setup: &Setup, server: &Running, certificates: &Certificates, seconds: u64) -> Result<Sample> {
    let id = server.service.id();
    if let Load::Idle { connections } = case.load {
        return idle(case, setup, server, certificates, connections);
    }
    let before = Counters::now(id)?;
    let answers = match case.load {
        Load::Wrk { connections, path } => load::wrk(server.address, case.tls, path, connections, seconds)?,
        Load::Handshake { concurrency } => load::handshakes(setup, server.address, certificates, concurrency, seconds)?,
        Load::Idle { .. } => unreachable!("returned above"),
    };
    let spent = Counters::now(id)? - before;
    if answers.requests == 0 {
        bail!("not one answer in {seconds} s; it said:\n{}", server.service.last_words());
    }
    Ok(Sample { answers, spent, memory: Memory::now(id), bytes_per_connection: 0.0 })
}

fn idle(
    case: &Case,
    setup: &Setup,
    server: &Running,
    certificates: &Certificates,
    connections: usize,
) -> Result<Sample> {
    let id = server.service.id();
    let counters = Counters::now(id)?;
    let crowd = Crowd::gather(setup, server.address, case.tls.then_some(certificates), connections)?;
    std::thread::sleep(SETTLE);
    let memory = Memory::now(id);
    let spent = Counters::now(id)? - counters;
    drop(crowd);
    let added = memory.anonymous.saturating_sub(server.at_rest.anonymous);
    let answers = Answers { requests: connections as u64, errors: 0, seconds: SETTLE.as_secs_f64(), p99_us: 0.0 };
    Ok(Sample { answers, spent, memory, bytes_per_connection: added as f64 / connections as f64 })
}
