//! The simplest world: streams in memory, virtual time, one seed, and no packets. For scenarios about what servers and
//! upstreams say to each other, where the network between them is not the subject. Drivers and stages run in it unchanged.
//!
//! Time is tokio's paused clock: run scenarios on a current-thread runtime built with `start_paused(true)`.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use edgeway_base::world::{Address, ByteStream, Datagrams, Listener};
use edgeway_base::{Entropy, Instant, SeededEntropy, WallTime, World};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// Bytes in flight in each direction of a stream before the writer waits: a small socket buffer.
const STREAM_BYTES: usize = 64 << 10;

/// Where the calendar of this world begins: 2026-01-01T00:00:00Z.
const CALENDAR_START: WallTime = WallTime::from_seconds(1_767_225_600);

/// A world of streams. All clones are the same world.
#[derive(Clone)]
pub struct Streams {
    hub: Rc<Hub>,
}

struct Hub {
    origin: tokio::time::Instant,
    listening: RefCell<HashMap<Address, Rc<Door>>>,
    next_port: Cell<u16>,
    seed: RefCell<SeededEntropy>,
}

/// Where streams wait to be accepted.
#[derive(Default)]
struct Door {
    waiting: RefCell<VecDeque<MemoryStream>>,
    acceptor: RefCell<Option<Waker>>,
}

impl Streams {
    /// A world whose clocks start now and whose chance follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let hub = Hub {
            origin: tokio::time::Instant::now(),
            listening: RefCell::default(),
            next_port: Cell::new(40_000),
            seed: RefCell::new(SeededEntropy::new(seed)),
        };
        Self { hub: Rc::new(hub) }
    }

    fn elapsed(&self) -> Duration {
        self.hub.origin.elapsed()
    }

    fn fresh_address(&self) -> SocketAddr {
        let port = self.hub.next_port.get();
        self.hub.next_port.set(port.wrapping_add(1).max(1_024));
        SocketAddr::from(([10, 0, 0, 1], port))
    }
}

impl World for Streams {
    type Stream = MemoryStream;
    type Listener = MemoryListener;
    type Datagrams = NoDatagrams;

    fn listen(&self, at: &Address) -> io::Result<MemoryListener> {
        let mut listening = self.hub.listening.borrow_mut();
        if listening.contains_key(at) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let door = Rc::<Door>::default();
        listening.insert(at.clone(), Rc::clone(&door));
        Ok(MemoryListener { door, local: at.clone(), hub: Rc::clone(&self.hub) })
    }

    async fn dial(&self, to: &Address) -> io::Result<MemoryStream> {
        let door = self.hub.listening.borrow().get(to).cloned().ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, far) = duplex(STREAM_BYTES);
        let own = Address::Ip(self.fresh_address());
        door.waiting.borrow_mut().push_back(MemoryStream { stream: far, peer: own.clone(), local: to.clone() });
        if let Some(acceptor) = door.acceptor.borrow_mut().take() {
            acceptor.wake();
        }
        Ok(MemoryStream { stream: near, peer: to.clone(), local: own })
    }

    async fn resolve(&self, name: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        // Names are another house's subject; scenarios use addresses.
        Err(io::Error::new(io::ErrorKind::NotFound, format!("nobody here knows {name}")))
    }

    fn bind(&self, _: SocketAddr) -> io::Result<NoDatagrams> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> WallTime {
        CALENDAR_START.later(self.elapsed())
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        Box::new(SeededEntropy::new(self.hub.seed.borrow_mut().next_u64()))
    }
}

/// One end of a stream.
#[derive(Debug)]
pub struct MemoryStream {
    stream: DuplexStream,
    peer: Address,
    local: Address,
}

impl ByteStream for MemoryStream {
    fn peer_address(&self) -> Address {
        self.peer.clone()
    }

    fn local_address(&self) -> Address {
        self.local.clone()
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepts streams of this world until it is dropped; then dialling is refused.
pub struct MemoryListener {
    door: Rc<Door>,
    local: Address,
    hub: Rc<Hub>,
}

impl Listener for MemoryListener {
    type Stream = MemoryStream;

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<MemoryStream>> {
        if let Some(stream) = self.door.waiting.borrow_mut().pop_front() {
            return Poll::Ready(Ok(stream));
        }
        *self.door.acceptor.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }

    fn local_address(&self) -> Address {
        self.local.clone()
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.hub.listening.borrow_mut().remove(&self.local);
    }
}

/// This world carries no datagrams; binding one is refused, so no value of this type exists.
#[derive(Debug)]
pub enum NoDatagrams {}

impl Datagrams for NoDatagrams {
    fn poll_send(&self, _: &mut Context<'_>, _: &[u8], _: SocketAddr) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_receive(&self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        match *self {}
    }

    fn local_address(&self) -> SocketAddr {
        match *self {}
    }
}
