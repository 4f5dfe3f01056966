//! The outside, as a shape. Drivers and stages are written against [`World`]; `net` fills it from
//! the kernel and from our own TCP/IP stack, `lab` from memory and virtual time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Entropy, Instant, WallTime};

/// Where a stream leads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A Unix-domain socket in the file system.
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

/// A connected, ordered, reliable stream of bytes.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The other side.
    fn peer_address(&self) -> Address;
    /// Our side.
    fn local_address(&self) -> Address;
    /// Makes the close to come a reset (RFC 9293 §3.10.5), so that what was sent cannot be taken for complete.
    fn reset(&mut self) {}
}

/// Accepts streams.
pub trait Listener: 'static {
    /// What it accepts.
    type Stream: ByteStream;
    /// The next stream and where it came from.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Self::Stream>>;
    /// Where it listens.
    fn local_address(&self) -> Address;
}

/// Sends and receives datagrams, one at a time.
pub trait Datagrams: 'static {
    /// Sends one datagram.
    fn poll_send(&self, context: &mut Context<'_>, bytes: &[u8], to: SocketAddr) -> Poll<io::Result<()>>;
    /// Receives one datagram into `buffer`: its length and its sender. What does not fit is lost.
    fn poll_receive(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>>;
    /// Where it is bound.
    fn local_address(&self) -> SocketAddr;
}

/// One outside: sockets, clocks and chance that belong together.
///
/// Cheap to clone. Timers are `tokio::time` in every world (the lab pauses and advances it), so
/// they are no part of this.
pub trait World: Clone + 'static {
    /// Streams of this world.
    type Stream: ByteStream;
    /// Listeners of this world.
    type Listener: Listener<Stream = Self::Stream>;
    /// Datagram sockets of this world.
    type Datagrams: Datagrams;

    /// Starts to listen.
    fn listen(&self, at: &Address) -> io::Result<Self::Listener>;
    /// Connects; the caller bounds it with a timeout.
    fn dial(&self, to: &Address) -> impl Future<Output = io::Result<Self::Stream>>;
    /// The addresses of a name, as this world's resolver knows them.
    fn resolve(&self, name: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;
    /// Binds a datagram socket.
    fn bind(&self, at: SocketAddr) -> io::Result<Self::Datagrams>;
    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// The calendar.
    fn wall(&self) -> WallTime;
    /// Chance fit for this world: the kernel's, or the seed's.
    fn entropy(&self) -> Box<dyn Entropy>;
}
