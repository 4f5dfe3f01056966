//! slowhttptest's four attacks: heads that never end, bodies that never end, ranges without end, readers that do not
//! read. During each, an ordinary client must be served; after the time allowed, the attackers must be gone.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::{Result, bail, ensure};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Attackers at once.
const ATTACKERS: &str = "400";

/// How long each attack lasts, in seconds: longer than the limits configured below.
const ATTACK_SECONDS: &str = "12";

/// An ordinary request takes a millisecond; a second under attack is bearable.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// The attack's name, and what makes slowhttptest do it.
const ATTACKS: &[(&str, &[&str])] = &[
    ("slow heads", &["-H", "-i", "1", "-x", "24"]),
    ("slow bodies", &["-B", "-i", "1", "-s", "100000", "-x", "10", "-t", "POST"]),
    ("ranges without end", &["-R", "-a", "10", "-b", "3000"]),
    ("readers that do not read", &["-X", "-n", "5", "-w", "1", "-y", "1", "-z", "1"]),
];

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["slowhttptest"])?;
    stage.write("public/large.txt", "the same line again and again\n".repeat(20_000))?;
    stage.write("public/hello.txt", "hello\n")?;
    stage.folder("store")?;
    let edgeway = stage.serve(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n[log]\naccess = \"off\"\n\
         [limits]\nheader_timeout = \"3s\"\nbody_timeout = \"3s\"\nwrite_timeout = \"3s\"\nidle_timeout = \"3s\"\n\
         [site.\"localhost\"]\ndefault = true\n\
         [[site.\"localhost\".route]]\npath = \"/store/*\"\nstore = \"store\"\nopen = true\n\
         rewrite = { strip_prefix = \"/store\" }\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\n",
    )?;
    let address = edgeway.address("http")?;
    for (name, words) in ATTACKS {
        report.check(name, || attack(address, name, words));
    }
    report.check("attackers are gone afterwards", || {
        std::thread::sleep(Duration::from_secs(4));
        let held = established_to(address)?;
        ensure!(held < 20, "{held} connections are still open");
        Ok(())
    });
    Ok(())
}

fn attack(address: SocketAddr, name: &str, words: &[&str]) -> Result<()> {
    let path = match name {
        "slow bodies" => "/store/body",
        _ => "/large.txt",
    };
    let mut command = Command::new("slowhttptest");
    command.args(words).args(["-c", ATTACKERS, "-r", "200", "-l", ATTACK_SECONDS, "-p", "2"]);
    command.args(["-u", &format!("http://localhost:{}{path}", address.port())]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let bystander = scope.spawn(|| stand_by(address, &is_over));
        let attacked = run_for(&mut command, Duration::from_secs(60));
        is_over.store(true, Ordering::Relaxed);
        let served = bystander.join().unwrap_or_else(|_| bail!("the bystander panicked"))?;
        let words = String::from_utf8_lossy(&attacked?.stdout).into_owned();
        ensure!(served > 0, "the bystander never asked");
        ensure!(words.contains("service available"), "slowhttptest did not report:\n{words}");
        // It colours its words: the answer stands some bytes after the colon.
        let unavailable =
            words.lines().filter(|line| line.contains("service available") && line.contains("NO")).count();
        ensure!(unavailable == 0, "slowhttptest saw the service unavailable {unavailable} times");
        Ok(())
    })
}

/// An ordinary client, four times a second, until the attack is over; returns how often it was served.
fn stand_by(address: SocketAddr, is_over: &AtomicBool) -> Result<usize> {
    let mut served = 0;
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut socket = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        socket.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello\n"), "answered {answer:?}");
        ensure!(start.elapsed() < ANSWER_MAX, "answered after {:?}", start.elapsed());
        served += 1;
        std::thread::sleep(Duration::from_millis(250));
    }
    Ok(served)
}

/// Connections that the kernel holds open on the server's side.
fn established_to(address: SocketAddr) -> Result<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let port = format!(":{:04X}", address.port());
    // proc(5): local address is the second field, state the fourth; 01 is established.
    let held = table.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, local, _, "01", ..] if local.ends_with(&port))
    });
    Ok(held.count())
}
