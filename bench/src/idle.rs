//! A crowd of silent connections. Started by `cargo xtask bench http1 idle`, which reads the server's memory before
//! and while they are held. Each asks once first: a connection that has worked is what a server keeps.

use crate::handshake::read_answer;
use crate::trust;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{BufReader, Error, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Connections that share one client address: a limit per client is a feature of the server, not what is measured.
const PER_CLIENT: usize = 16;

/// Prints `{"held":N}` when all stand, then waits until standard input closes.
pub(crate) fn hold(address: SocketAddr, authority: Option<&Path>, path: &str, count: usize) -> Result<()> {
    let config = authority.map(trust::client_config).transpose()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: edgeway-bench\r\n\r\n");
    let crowd = (0..count)
        .map(|number| open(address, number, config.as_ref(), request.as_bytes()))
        .collect::<Result<Vec<_>>>()?;
    println!("{}", serde_json::json!({ "held": crowd.len() }));
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(crowd);
    Ok(())
}

/// Kept only to keep the connection open.
enum Silent {
    Plain { _socket: TcpStream },
    Tls { _stream: Box<StreamOwned<ClientConnection, TcpStream>> },
}

fn open(address: SocketAddr, number: usize, config: Option<&Arc<ClientConfig>>, request: &[u8]) -> Result<Silent> {
    let mut socket = connect_from(client_address(number), address)?;
    let Some(config) = config else {
        ask(&mut socket, request)?;
        return Ok(Silent::Plain { _socket: socket });
    };
    let name = ServerName::try_from("localhost").map_err(Error::other)?;
    let session = ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
    let mut stream = Box::new(StreamOwned::new(session, socket));
    ask(&mut stream, request)?;
    Ok(Silent::Tls { _stream: stream })
}

fn ask<S: Read + Write>(stream: &mut S, request: &[u8]) -> Result<()> {
    stream.write_all(request)?;
    read_answer(&mut BufReader::with_capacity(2048, stream))
}

/// 127.1.0.1 and up: every address of 127/8 is this machine.
fn client_address(number: usize) -> Ipv4Addr {
    let client = u32::try_from(number / PER_CLIENT).unwrap_or(0);
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + client)
}

fn connect_from(client: Ipv4Addr, address: SocketAddr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((client, 0)).into())?;
    socket.connect_timeout(&address.into(), Duration::from_secs(5))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(socket.into())
}
