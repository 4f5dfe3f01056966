//! New TLS 1.3 connection, one request, close; again and again for some seconds. Started by `cargo xtask bench
//! http1 handshake`, which divides the server's CPU time by the number of answers counted here.

use crate::trust;
use rustls::{ClientConfig, ClientConnection, Stream};
use rustls_pki_types::ServerName;
use std::io::{BufReader, Error, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No answer in this time is an error, not a slow answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Runs the load and prints one line: answers, errors, seconds, and the 99th percentile in microseconds.
pub(crate) fn run(address: SocketAddr, authority: &Path, path: &str, seconds: f64, concurrency: usize) -> Result<()> {
    let config = trust::client_config(authority)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: edgeway-bench\r\n\r\n");
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(seconds);
    let errors = AtomicU64::new(0);
    let mut micros: Vec<u64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..concurrency)
            .map(|_| scope.spawn(|| ask_until(until, address, &config, request.as_bytes(), &errors)))
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    });
    let elapsed = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    let p99 = micros.get(micros.len() * 99 / 100).copied().unwrap_or(0);
    let errors = errors.load(Ordering::Relaxed);
    let line = serde_json::json!({ "requests": micros.len(), "errors": errors, "seconds": elapsed, "p99_us": p99 });
    println!("{line}");
    Ok(())
}

fn ask_until(
    until: Instant,
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    request: &[u8],
    errors: &AtomicU64,
) -> Vec<u64> {
    let mut micros = Vec::new();
    loop {
        let start = Instant::now();
        if start >= until {
            return micros;
        }
        match ask_once(address, config, request) {
            Ok(()) => micros.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)),
            Err(_) => {
                errors.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn ask_once(address: SocketAddr, config: &Arc<ClientConfig>, request: &[u8]) -> Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    let name = ServerName::try_from("localhost").map_err(Error::other)?;
    let mut session = ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(request)?;
    read_answer(&mut BufReader::with_capacity(4096, stream))?;
    session.send_close_notify();
    session.write_tls(&mut socket)?;
    Ok(())
}

/// Reads one answer that has a Content-Length and must be 200.
pub(crate) fn read_answer(stream: &mut impl std::io::BufRead) -> Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(Error::other(format!("answered {:?}", line.trim_end())));
    }
    let mut length = None;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(Error::other("closed within the head"));
        }
        let field = line.trim_end();
        if field.is_empty() {
            break;
        }
        if let Some((name, value)) = field.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let length: u64 = length.ok_or_else(|| Error::other("no Content-Length"))?;
    let copied = std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    if copied == length { Ok(()) } else { Err(Error::other("closed within the body")) }
}
