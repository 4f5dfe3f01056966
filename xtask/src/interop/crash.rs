//! kill -9 during PUT, again and again: after each, the file is the old one or the new one, whole; after a restart it
//! is served, and nothing half-written can be seen.

use super::report::Report;
use super::stage::Stage;
use anyhow::{Context as _, Result, ensure};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// Times the power fails.
const ROUNDS: u64 = 24;

/// Bytes of the file: enough that a PUT takes some milliseconds.
const SIZE: usize = 8 * 1024 * 1024;

const CONFIGURATION: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n[site.\"localhost\"]\ndefault = true\n\
    [[site.\"localhost\".route]]\nstore = \"store\"\nopen = true\n";

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    let store = stage.folder("store")?;
    let edgeway = stage.serve(CONFIGURATION)?;
    let mut kept = 0;
    let took = {
        let start = Instant::now();
        ensure!(put(edgeway.address("http")?, kept).context("the first PUT")? == 201, "the first PUT creates");
        start.elapsed()
    };
    drop(edgeway);
    let mut seen = [0_usize; 2];
    report.check("old or new, never torn", || {
        let mut delay = took;
        for round in 1..=ROUNDS {
            let found = fail_during(stage, &store, kept, kept + round + 1, delay)
                .with_context(|| format!("round {round}, killed after {delay:?}"))?;
            // Later after a PUT that was cut, earlier after one that was done: the moment between is what is aimed at.
            delay = delay.mul_f64(if found == kept { 1.15 } else { 0.85 });
            seen[usize::from(found != kept)] += 1;
            kept = found;
        }
        Ok(())
    });
    report.check("both ends of a PUT were hit", || {
        ensure!(seen[0] > 0 && seen[1] > 0, "old kept {} times, new {} times", seen[0], seen[1]);
        Ok(())
    });
    report.check("served after the last restart", || {
        let edgeway = stage.serve(CONFIGURATION)?;
        ensure!(get(edgeway.address("http")?)? == content(kept), "another file than on the disk");
        Ok(())
    });
    report.check("nothing half-written is left in the store", || {
        let _started_once_more = stage.serve(CONFIGURATION)?;
        let left: Vec<_> = std::fs::read_dir(&store)?.flatten().map(|entry| entry.file_name()).collect();
        ensure!(left.len() == 1, "{left:?}");
        Ok(())
    });
    Ok(())
}

/// Starts, puts `next`, ends the program after `delay`; returns which file is on the disk.
fn fail_during(stage: &Stage, store: &Path, old: u64, next: u64, delay: Duration) -> Result<u64> {
    let mut edgeway = stage.serve(CONFIGURATION)?;
    let address = edgeway.address("http")?;
    std::thread::scope(|scope| -> Result<()> {
        // That it fails is the point.
        let _client = scope.spawn(move || put(address, next));
        std::thread::sleep(delay);
        edgeway.service.kill()
    })?;
    let on_disk = std::fs::read(store.join("file.bin"))?;
    if on_disk == content(old) {
        return Ok(old);
    }
    ensure!(on_disk == content(next), "torn: {} bytes that are neither file", on_disk.len());
    Ok(next)
}

fn content(number: u64) -> Vec<u8> {
    format!("{number:016}").into_bytes().repeat(SIZE / 16)
}

fn put(address: SocketAddr, number: u64) -> Result<u16> {
    let body = content(number);
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        socket,
        "PUT /file.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    socket.write_all(&body)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| format!("answered {answer:?}"))
}

fn get(address: SocketAddr) -> Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    socket.write_all(b"GET /file.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the head")?;
    Ok(answer.split_off(head + 4))
}
