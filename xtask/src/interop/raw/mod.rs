//! Bytes that no client library would send, over a socket, to a server that routes, serves files and proxies. Each
//! conversation ends with a probe, a good request on the same connection: whether it is answered shows where the
//! server believes that the first request ended. What arrived at the application shows what was believed behind it.
//! The conversations are in [`asks`].

mod asks;

use super::application::Application;
use super::report::Report;
use super::stage::Stage;
use anyhow::{Context as _, Result, ensure};
use asks::Ask;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Every conversation is over within this: the probe asks for the end of the connection.
const CONVERSATION_MAX: Duration = Duration::from_secs(5);

/// Answered with 299, a status that nothing else gives.
const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Requests sent at once in one test of order.
const PIPELINED: usize = 1000;

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    stage.write("public/hello.txt", "hello\n")?;
    let application = stage.application()?;
    let edgeway = stage.serve(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\n[log]\naccess = \"access.log\"\n[site.\"localhost\"]\ndefault = true\n\
         [[site.\"localhost\".route]]\npath = \"/probe\"\nrespond = 299\n\
         [[site.\"localhost\".route]]\npath = \"/old/*\"\nredirect = \"/*\"\n\
         [[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{}\"\nrewrite = {{ strip_prefix = \"/app\" }}\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\n",
        application.address
    ))?;
    let address = edgeway.address("http")?;
    for ask in asks::ALL {
        report.check(ask.name, || put(ask, address, &application));
    }
    report.check("a thousand pipelined requests", || pipeline(address));
    report.check("one byte at a time", || drip(address));
    Ok(())
}

fn put(ask: &Ask, address: SocketAddr, application: &Application) -> Result<()> {
    application.take_arrived();
    let mut bytes = ask.bytes();
    bytes.extend_from_slice(PROBE);
    let answer = converse(address, &bytes)?;
    let statuses = statuses(&answer);
    let first = statuses.first().copied().unwrap_or(0);
    let text = String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
    ensure!(ask.first.contains(&first), "answered {first}, wanted {:?}: {text:?}", ask.first);
    let probed = statuses.last() == Some(&299);
    ensure!(
        ask.probe.is_none_or(|wanted| wanted == probed),
        "the probe was {}answered: {statuses:?}",
        if probed { "" } else { "not " }
    );
    let arrived = application.take_arrived();
    ensure!(arrived == ask.arrives, "behind the proxy arrived {arrived:?}, wanted {:?}", ask.arrives);
    Ok(())
}

/// Sends all and reads until the server ends the connection.
fn converse(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(CONVERSATION_MAX))?;
    match socket.write_all(bytes) {
        // Whoever refuses early need not read the rest.
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
        written => written?,
    }
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset && !answer.is_empty() => {}
        read => {
            read.context("the server neither answers nor ends the connection")?;
        }
    }
    Ok(answer)
}

/// The status of each response; no body of this case looks like a status line.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let mark = b"HTTP/1.";
    let starts = answer.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at);
    starts.filter_map(|at| std::str::from_utf8(answer.get(at + 9..at + 12)?).ok()?.parse().ok()).collect()
}

fn pipeline(address: SocketAddr) -> Result<()> {
    let mut bytes = Vec::new();
    for number in 0..PIPELINED {
        let target = if number % 3 == 0 { "/app/size/3".to_owned() } else { format!("/old/{number}") };
        write!(bytes, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    }
    bytes.extend_from_slice(PROBE);
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(CONVERSATION_MAX * 4))?;
    // Reading and writing at once, as a client that pipelines must.
    let mut writer = socket.try_clone()?;
    let sender = std::thread::spawn(move || writer.write_all(&bytes));
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    sender.join().ok().context("the sender panicked")??;
    let wanted: Vec<u16> = (0..PIPELINED).map(|number| if number % 3 == 0 { 200 } else { 308 }).chain([299]).collect();
    ensure!(statuses(&answer) == wanted, "{} answers, or not in order", statuses(&answer).len());
    let text = String::from_utf8_lossy(&answer);
    let numbers: Vec<usize> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Location: ").or_else(|| line.strip_prefix("location: ")))
        .filter_map(|location| location.rsplit('/').next()?.trim().parse().ok())
        .collect();
    ensure!(numbers.len() == PIPELINED * 2 / 3 && numbers.is_sorted(), "redirects out of order");
    Ok(())
}

fn drip(address: SocketAddr) -> Result<()> {
    let request = "POST /app/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n";
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(CONVERSATION_MAX))?;
    for byte in request.as_bytes() {
        socket.write_all(&[*byte])?;
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello world"), "{answer:?}");
    Ok(())
}
