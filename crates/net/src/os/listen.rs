//! Opens sockets that listen. Every worker opens its own on the same address (SO_REUSEPORT), and the kernel spreads
//! connections over them. Called by the binary when it starts and when the configuration changes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use edgeway_base::world::Address;
use edgeway_base::{Blame, Blamed};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::limits::LISTEN_BACKLOG;

/// Opens one listening socket.
pub fn open(at: &Address) -> io::Result<Socket> {
    match at {
        Address::Ip(address) => open_tcp(*address),
        Address::Unix(path) => open_unix(path),
    }
}

fn open_tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server must not wait for the last one's TIME-WAIT (RFC 9293 §3.6.1) to end.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` are two lines of the configuration, not one that depends on a sysctl.
        socket.set_only_v6(true)?;
    }
    // Accepted sockets inherit it, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

fn open_unix(path: &Path) -> io::Result<Socket> {
    // A socket file that nobody listens on is left over from a process that died.
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

/// Opens one UDP socket.
pub fn open_datagrams(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Opens `count` listening sockets on one address, one for each worker. With port 0 the kernel chooses once and all share
/// its choice. A Unix socket cannot be shared by binding twice, so its descriptor is duplicated.
///
/// SO_REUSEPORT would let a second server of the same user listen beside us and take half the connections unnoticed;
/// so the first socket is opened without it, which fails where anyone else listens.
pub fn open_for_workers(at: &Address, count: usize) -> Result<Vec<Socket>, ListenError> {
    let blame = |error| ListenError { at: at.clone(), error };
    if let Address::Ip(address) = at
        && address.port() != 0
    {
        claim(*address).map_err(blame)?;
    }
    let first = open(at).map_err(blame)?;
    let same = match first.local_addr().map_err(blame)?.as_socket() {
        Some(address) => Address::Ip(address),
        None => at.clone(),
    };
    let mut sockets = vec![first];
    while sockets.len() < count {
        let next = match &same {
            Address::Ip(_) => open(&same),
            Address::Unix(_) => sockets[0].try_clone(),
        };
        sockets.push(next.map_err(blame)?);
    }
    Ok(sockets)
}

/// Opens `count` UDP sockets on one address and as many for TCP on the same port: a name server answers on both (RFC 7766 §5).
/// With port 0 the kernel chooses a port that is free for both.
pub fn open_pairs_for_workers(at: SocketAddr, count: usize) -> Result<(Vec<Socket>, Vec<Socket>), ListenError> {
    let blame = |error| ListenError { at: Address::Ip(at), error };
    let mut tries = PAIR_TRIES_MAX;
    loop {
        tries -= 1;
        if at.port() != 0 {
            claim_datagrams(at).map_err(blame)?;
        }
        let mut datagrams = vec![Socket::from(open_datagrams(at).map_err(blame)?)];
        let bound = datagrams[0].local_addr().map_err(blame)?.as_socket().unwrap_or(at);
        while datagrams.len() < count {
            datagrams.push(open_datagrams(bound).map_err(blame)?.into());
        }
        match open_for_workers(&Address::Ip(bound), count) {
            Ok(streams) => return Ok((datagrams, streams)),
            // Someone has this port for TCP; another one will be free for both.
            Err(error) if at.port() == 0 && tries > 0 && error.error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ports tried before one is not free for both UDP and TCP: two thirds of them would have to be taken for this to fail one time in fifty.
const PAIR_TRIES_MAX: u32 = 10;

fn claim_datagrams(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

/// Binds without SO_REUSEPORT for a moment, to learn whether someone else is there.
fn claim(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

/// A socket could not be opened.
#[derive(Debug)]
pub struct ListenError {
    /// Where.
    pub at: Address,
    /// What the kernel said.
    pub error: io::Error,
}

impl ListenError {
    /// Whether this machine has no addresses of that family, or not this one.
    pub fn is_missing_family(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrNotAvailable
            || self.error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match self.error.kind() {
            io::ErrorKind::AddrInUse => {
                write!(formatter, "{at} is in use by another program: stop it, or listen elsewhere")
            }
            io::ErrorKind::PermissionDenied => write!(
                formatter,
                "{at} may not be opened by this user: ports below 1024 need root or CAP_NET_BIND_SERVICE"
            ),
            io::ErrorKind::AddrNotAvailable => write!(formatter, "{at} is not an address of this machine"),
            _ => write!(formatter, "{at} cannot be listened on: {}", self.error),
        }
    }
}

impl std::error::Error for ListenError {}

impl Blamed for ListenError {
    fn blame(&self) -> Blame {
        Blame::Operator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_one_port_and_a_stranger_is_told() {
        let anywhere = Address::Ip(SocketAddr::from(([127, 0, 0, 1], 0)));
        let sockets = open_for_workers(&anywhere, 3).unwrap();
        let ports: Vec<_> =
            sockets.iter().map(|socket| socket.local_addr().unwrap().as_socket().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
        let taken = Address::Ip(SocketAddr::from(([127, 0, 0, 1], ports[0])));
        let error = open_for_workers(&taken, 1).unwrap_err();
        assert!(error.to_string().contains("in use by another program"), "{error}");
    }

    #[test]
    fn a_name_server_has_one_port_for_both() {
        let (datagrams, streams) = open_pairs_for_workers(SocketAddr::from(([127, 0, 0, 1], 0)), 2).unwrap();
        let port = |socket: &Socket| socket.local_addr().unwrap().as_socket().unwrap();
        let first = port(&datagrams[0]);
        assert!(datagrams.iter().chain(&streams).all(|socket| port(socket) == first));
        assert!(open_pairs_for_workers(first, 1).unwrap_err().to_string().contains("in use"));
    }
}
