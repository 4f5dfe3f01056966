//! `edgeway reload`: tells the running server to read its configuration again. By its admin address, which answers
//! what came of it; without one, by signal.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use clap::Args;
use edgeway_base::world::Address;
use rustix::process::{Pid, Signal, kill_process};

use super::terminal::Terminal;
use super::{Failure, StateArguments};
use crate::config::words::Endpoint;
use crate::limits::{ADMIN_ANSWER_BYTES_MAX, ADMIN_ANSWER_TIMEOUT};
use crate::state::State;

/// Tells the running server to read its configuration again. A mistaken configuration changes nothing.
#[derive(Args, Debug)]
pub struct ReloadArguments {
    #[command(flatten)]
    state: StateArguments,
    /// Its admin address [default: as noted in the state folder].
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| text.parse::<Endpoint>())]
    admin: Option<Endpoint>,
}

/// Does it.
pub fn run(arguments: &ReloadArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    if let Some(endpoint) = &arguments.admin {
        return ask(&endpoint.sockets()[0].address, terminal);
    }
    let state = State::choose(arguments.state.state.as_deref());
    let place = state.path("running.json");
    let running = state.running().map_err(|error| Failure::new(format!("cannot read {}: {error}", place.display())))?;
    let running = running.ok_or_else(|| {
        let folder = state.folder().display();
        Failure::new(format!("no server is running with the state folder {folder}; name another one with --state"))
    })?;
    match &running.admin {
        Some(admin) => ask(admin, terminal),
        None => signal(running.process, terminal),
    }
}

fn signal(process: u32, terminal: &Terminal) -> Result<(), Failure> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Failure::new(format!("{process} is not the number of a process")))?;
    let sent = kill_process(pid, Signal::HUP);
    sent.map_err(|error| Failure::new(format!("cannot signal process {process}: {}", io::Error::from(error))))?;
    terminal.note(&format!("told process {process} to reload; its log says what came of it\n"));
    Ok(())
}

fn ask(admin: &Address, terminal: &mut Terminal) -> Result<(), Failure> {
    let (status, body) =
        exchange(admin).map_err(|error| Failure::new(format!("no answer from the admin address {admin}: {error}")))?;
    if status == 200 {
        return terminal.print(&body);
    }
    terminal.note(&body);
    Err(Failure::told())
}

fn exchange(admin: &Address) -> io::Result<(u16, String)> {
    match admin {
        Address::Ip(address) => {
            let stream = TcpStream::connect_timeout(address, ADMIN_ANSWER_TIMEOUT)?;
            stream.set_read_timeout(Some(ADMIN_ANSWER_TIMEOUT))?;
            talk(stream, &host(*address))
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(ADMIN_ANSWER_TIMEOUT))?;
            talk(stream, "localhost")
        }
    }
}

fn host(address: SocketAddr) -> String {
    address.to_string()
}

/// One exchange of HTTP/1.0: the answer ends with the connection (RFC 1945 §7.2.2).
fn talk(mut stream: impl Read + Write, host: &str) -> io::Result<(u16, String)> {
    write!(stream, "POST /reload HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")?;
    stream.flush()?;
    let mut answer = Vec::new();
    stream.take(ADMIN_ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(not_http)?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says, and what it was told.
    struct Played {
        answer: io::Cursor<Vec<u8>>,
        told: Vec<u8>,
    }

    impl Read for Played {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answer.read(buffer)
        }
    }

    impl Write for Played {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_answer_is_read_to_its_end() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nreloaded\n", Some((200, "reloaded\n"))),
            ("HTTP/1.1 422 Unprocessable Content\r\n\r\nerror: x", Some((422, "error: x"))),
            ("SSH-2.0-OpenSSH", None),
            ("", None),
        ] {
            let mut played = Played { answer: io::Cursor::new(answer.into()), told: Vec::new() };
            let got = talk(&mut played, "localhost").ok();
            assert_eq!(got.as_ref().map(|(status, body)| (*status, body.as_str())), expected, "{answer}");
            assert!(played.told.starts_with(b"POST /reload HTTP/1.0\r\n"));
        }
    }
}
