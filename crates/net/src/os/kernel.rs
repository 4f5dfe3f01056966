//! The world made of the kernel's sockets. Called by the binary, which hands it to the drivers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use edgeway_base::world::{Address, ByteStream, Datagrams, Listener};
use edgeway_base::{Entropy, Instant, WallTime, World};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};

use super::listen;

/// The kernel, as a world. All clones share one clock origin.
#[derive(Clone, Debug)]
pub struct Kernel {
    origin: Arc<std::time::Instant>,
}

impl Kernel {
    /// A world whose clock starts now.
    pub fn new() -> Self {
        Self { origin: Arc::new(std::time::Instant::now()) }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

impl World for Kernel {
    type Stream = KernelStream;
    type Listener = KernelListener;
    type Datagrams = KernelDatagrams;

    fn listen(&self, at: &Address) -> io::Result<KernelListener> {
        KernelListener::adopt(listen::open(at)?)
    }

    async fn dial(&self, to: &Address) -> io::Result<KernelStream> {
        match to {
            Address::Ip(address) => {
                let stream = TcpStream::connect(*address).await?;
                // A head and its body leave in one write; waiting for an acknowledgement in between only adds a round trip.
                stream.set_nodelay(true)?;
                Ok(KernelStream {
                    local: Address::Ip(stream.local_addr()?),
                    peer: to.clone(),
                    socket: Socket::Tcp(stream),
                })
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await?;
                Ok(KernelStream { local: Address::Unix("".into()), peer: to.clone(), socket: Socket::Unix(stream) })
            }
        }
    }

    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }

    fn bind(&self, at: SocketAddr) -> io::Result<KernelDatagrams> {
        let socket = listen::open_datagrams(at)?;
        let local = socket.local_addr()?;
        Ok(KernelDatagrams { socket: UdpSocket::from_std(socket)?, local })
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_duration(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        Box::new(KernelEntropy)
    }
}

/// Chance from getrandom(2): fit for keys.
struct KernelEntropy;

impl Entropy for KernelEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        let mut filled = 0;
        while filled < bytes.len() {
            // Without flags the call fails only when interrupted before it wrote, which is tried again.
            filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()).unwrap_or(0);
        }
    }
}

/// A TCP or Unix stream.
#[derive(Debug)]
pub struct KernelStream {
    socket: Socket,
    peer: Address,
    local: Address,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl KernelStream {
    /// The TCP socket, for options only TCP has.
    pub const fn tcp(&self) -> Option<&TcpStream> {
        match &self.socket {
            Socket::Tcp(stream) => Some(stream),
            Socket::Unix(_) => None,
        }
    }
}

impl ByteStream for KernelStream {
    fn peer_address(&self) -> Address {
        self.peer.clone()
    }

    fn local_address(&self) -> Address {
        self.local.clone()
    }

    fn reset(&mut self) {
        if let Socket::Tcp(stream) = &self.socket {
            // Where it fails, the close is an ordinary one, and the missing bytes still tell.
            let _ = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
        }
    }
}

/// Calls the same method on whichever socket it is.
macro_rules! on_socket {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Unix(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for KernelStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for KernelStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_socket!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self, poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, poll_shutdown(context))
    }
}

/// Accepts TCP or Unix streams.
#[derive(Debug)]
pub struct KernelListener {
    socket: ListeningSocket,
    local: Address,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl KernelListener {
    /// Takes over a listening socket: one just opened, or one handed over by the process before us.
    pub fn adopt(socket: socket2::Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        if let Some(ip) = address.as_socket() {
            let listener = TcpListener::from_std(socket.into())?;
            return Ok(Self { socket: ListeningSocket::Tcp(listener), local: Address::Ip(ip) });
        }
        let path = address.as_pathname().map(std::path::Path::to_path_buf).unwrap_or_default();
        let listener =
            UnixListener::from_std(std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(socket)))?;
        Ok(Self { socket: ListeningSocket::Unix(listener), local: Address::Unix(path) })
    }
}

impl Listener for KernelListener {
    type Stream = KernelStream;

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<KernelStream>> {
        let local = self.local.clone();
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.poll_accept(context).map_ok(|(stream, peer)| KernelStream {
                socket: Socket::Tcp(stream),
                peer: Address::Ip(peer),
                local,
            }),
            ListeningSocket::Unix(listener) => listener.poll_accept(context).map_ok(|(stream, _)| KernelStream {
                socket: Socket::Unix(stream),
                peer: local.clone(),
                local,
            }),
        }
    }

    fn local_address(&self) -> Address {
        self.local.clone()
    }
}

/// A UDP socket.
#[derive(Debug)]
pub struct KernelDatagrams {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Datagrams for KernelDatagrams {
    fn poll_send(&self, context: &mut Context<'_>, bytes: &[u8], to: SocketAddr) -> Poll<io::Result<()>> {
        self.socket.poll_send_to(context, bytes, to).map_ok(|_| ())
    }

    fn poll_receive(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        self.socket.poll_recv_from(context, &mut buffer).map_ok(|from| (buffer.filled().len(), from))
    }

    fn local_address(&self) -> SocketAddr {
        self.local
    }
}
