//! Lets connections in: counts them, reads whose they are (PROXY protocol), shakes hands (TLS), and starts the driver for what they speak.
//! One loop for each listener of a worker; started by the binary.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use edgeway_base::World;
use edgeway_base::world::{Address, ByteStream, Listener};
use edgeway_http::h1::machine::ServerLimits;
use edgeway_http::semantics::forwarded::{TrustedPeers, canonical_text};
use edgeway_tls::server::Front;

use super::gate::{Gate, Pass};
use super::handler::{ConnectionFacts, Handler, Service, TlsFacts};
use super::http1::Http1;
use super::http2::Http2;
use super::outside::Boxed;
use super::proxy_protocol::{self, Outcome};
use super::tls::{self, Accepted, Tls};
use super::transport::{Plain, Transport};
use crate::limits::ACCEPT_PAUSE;

/// What is true of all connections of one listener. Swapped whole on reload; connections keep the one they came through.
pub struct Entrance {
    /// Where certificates come from, under HTTPS.
    pub certificates: Option<Rc<dyn Certificates>>,
    /// Peers whose PROXY header is expected and believed.
    pub proxy_protocol: Option<TrustedPeers>,
    /// Bounds of HTTP/1.x.
    pub limits: Arc<ServerLimits>,
    /// Bounds of HTTP/2.
    pub http2: edgeway_http::h2::limits::Limits,
    /// For the PROXY header and the TLS handshake together.
    pub handshake_timeout: Duration,
    /// Open connections of the worker beyond which new ones wait in the kernel.
    pub connections_max: usize,
    /// Open connections of one address beyond which its new ones are closed.
    pub connections_per_address_max: usize,
}

/// Where certificates come from.
pub trait Certificates {
    /// The snapshot in force.
    fn front(&self) -> Arc<Front>;
    /// Waits until the certificate of `name` has arrived; false when it will not.
    fn awaited<'a>(&'a self, name: &'a str) -> Boxed<'a, bool>;
}

/// The entrance in force.
pub struct Door(RefCell<Rc<Entrance>>);

impl Door {
    /// A door with this entrance.
    pub fn new(entrance: Entrance) -> Rc<Self> {
        Rc::new(Self(RefCell::new(Rc::new(entrance))))
    }

    /// Replaces the entrance for connections to come.
    pub fn replace(&self, entrance: Entrance) {
        *self.0.borrow_mut() = Rc::new(entrance);
    }

    pub(super) fn entrance(&self) -> Rc<Entrance> {
        Rc::clone(&self.0.borrow())
    }
}

/// Open connections by address, over all listeners of a worker.
#[derive(Debug, Default)]
pub struct Addresses(RefCell<HashMap<IpAddr, usize>>);

/// Accepts until the future is dropped.
pub async fn run<W: World, H: Handler>(
    mut listener: W::Listener,
    door: Rc<Door>,
    world: W,
    handler: Rc<H>,
    gate: Rc<Gate>,
    addresses: Rc<Addresses>,
    worker: usize,
) {
    loop {
        let entrance = door.entrance();
        std::future::poll_fn(|context| gate.poll_below(context, entrance.connections_max)).await;
        let stream = match std::future::poll_fn(|context| listener.poll_accept(context)).await {
            Ok(stream) => stream,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!(%error, "accepting pauses");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        // The entrance may have been replaced while we waited.
        let entrance = door.entrance();
        let Some(place) = addresses.enter(&stream.peer_address(), entrance.connections_per_address_max) else {
            continue;
        };
        let arrival = Arrival { entrance, world: world.clone(), handler: Rc::clone(&handler), worker, place };
        let pass = gate.enter();
        handler.connected();
        arrival.start(stream, pass);
    }
}

/// Errors that say something about the connection that was to be accepted, not about us (accept(2)).
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Everything a new connection needs.
struct Arrival<W, H> {
    entrance: Rc<Entrance>,
    world: W,
    handler: Rc<H>,
    worker: usize,
    place: Place,
}

impl<W: World, H: Handler> Arrival<W, H> {
    fn start(self, stream: W::Stream, pass: Pass) {
        let socket_peer = stream.peer_address();
        let local = stream.local_address();
        let expects_header = match (&self.entrance.proxy_protocol, &socket_peer) {
            (Some(trusted), Address::Ip(address)) => trusted.contains(address.ip()),
            (Some(_), Address::Unix(_)) => true,
            (None, _) => false,
        };
        if !expects_header && self.entrance.certificates.is_none() {
            // The short way: nothing stands between the stream and HTTP, and the task is as small as the driver.
            let facts = self.facts(socket_peer.clone(), socket_peer, local, None);
            let driver = Http1::new(
                self.world.clone(),
                Plain(stream),
                Rc::clone(&self.handler),
                facts,
                Arc::clone(&self.entrance.limits),
                pass,
            );
            tokio::task::spawn_local(self.watch(driver));
            return;
        }
        let driver = Box::pin(self.shake_hands(stream, pass, socket_peer, local, expects_header));
        tokio::task::spawn_local(driver);
    }

    /// Runs a driver and counts its connection out.
    async fn watch(self, driver: impl Future<Output = ()>) {
        driver.await;
        self.handler.disconnected();
        drop(self.place);
    }

    async fn shake_hands(
        self,
        stream: W::Stream,
        pass: Pass,
        socket_peer: Address,
        local: Address,
        expects_header: bool,
    ) {
        let timeout = self.entrance.handshake_timeout;
        let opened = tokio::time::timeout(timeout, self.open(stream, socket_peer, local, expects_header)).await;
        let driver: Option<Boxed<'static, ()>> = match opened {
            Ok(Ok(Some((Opened::Plain(transport), facts)))) => Some(Box::pin(self.drive(transport, facts, pass))),
            Ok(Ok(Some((Opened::Tls(transport), facts)))) if facts.tls.as_ref().is_some_and(|tls| tls.http2) => {
                let (world, handler, limits) = (self.world.clone(), Rc::clone(&self.handler), self.entrance.http2);
                Some(Box::pin(Http2::new(world, transport, handler, facts, limits, pass, &[])))
            }
            Ok(Ok(Some((Opened::Tls(transport), facts)))) => Some(Box::pin(self.drive(transport, facts, pass))),
            Ok(Ok(None)) => None,
            failed => {
                let reason = failed.err().map_or_else(|| "malformed".to_owned(), |elapsed| elapsed.to_string());
                tracing::debug!(%reason, "a connection did not get in");
                self.handler.handshake_failed();
                None
            }
        };
        // What the handshake needed is given back before the connection begins its long life.
        match driver {
            Some(driver) => _ = tokio::task::spawn_local(self.watch(driver)),
            None => self.handler.disconnected(),
        }
    }

    fn drive<T: Transport>(&self, transport: T, facts: Rc<ConnectionFacts>, pass: Pass) -> Http1<W, T, H> {
        Http1::new(
            self.world.clone(),
            transport,
            Rc::clone(&self.handler),
            facts,
            Arc::clone(&self.entrance.limits),
            pass,
        )
    }

    /// Everything before HTTP. `None` when the connection had another purpose and is served.
    async fn open(
        &self,
        stream: W::Stream,
        socket_peer: Address,
        local: Address,
        expects_header: bool,
    ) -> io::Result<Option<(Opened<W::Stream>, Rc<ConnectionFacts>)>> {
        let mut transport = Started { prefix: Bytes::new(), transport: Plain(stream) };
        let mut peer = socket_peer.clone();
        if expects_header {
            peer = self.read_header(&mut transport).await?.unwrap_or(peer);
        }
        let Some(certificates) = &self.entrance.certificates else {
            let facts = self.facts(peer, socket_peer, local, None);
            return Ok(Some((Opened::Plain(transport), facts)));
        };
        let awaited = async |name: &str| certificates.awaited(name).await;
        match tls::accept(transport, || certificates.front(), &local, awaited).await? {
            Accepted::Session(_, tls) if tls.service == Service::Dns => {
                Err(io::Error::other("DNS was agreed on where HTTP is spoken"))
            }
            Accepted::Session(transport, tls) => {
                Ok(Some((Opened::Tls(transport), self.facts(peer, socket_peer, local, Some(tls)))))
            }
            Accepted::Challenge => Ok(None),
        }
    }

    /// Reads the PROXY header; the address it names, if it names one.
    async fn read_header(&self, started: &mut Started<W::Stream>) -> io::Result<Option<Address>> {
        let mut buffer = BytesMut::with_capacity(4096);
        loop {
            let read = std::future::poll_fn(|context| started.transport.poll_read(context, &mut buffer)).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match proxy_protocol::decode(&buffer).map_err(io::Error::other)? {
                Outcome::Incomplete => buffer.reserve(1024),
                Outcome::Complete(length, ends) => {
                    buffer.advance(length);
                    started.prefix = buffer.freeze();
                    return Ok(ends.map(|(source, _)| Address::Ip(source)));
                }
            }
        }
    }

    fn facts(&self, peer: Address, socket_peer: Address, local: Address, tls: Option<TlsFacts>) -> Rc<ConnectionFacts> {
        let peer_text = match &peer {
            Address::Ip(address) => canonical_text(address.ip()).into(),
            Address::Unix(_) => Box::default(),
        };
        Rc::new(ConnectionFacts { peer, peer_text, socket_peer, local, tls: tls.map(Box::new), worker: self.worker })
    }
}

/// A connection that is ready for HTTP.
enum Opened<S> {
    Plain(Started<S>),
    Tls(Tls<Started<S>>),
}

/// A stream of which some bytes were already read.
struct Started<S> {
    prefix: Bytes,
    transport: Plain<S>,
}

impl<S: ByteStream> Transport for Started<S> {
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        if self.prefix.is_empty() {
            return self.transport.poll_read(context, into);
        }
        let prefix = std::mem::take(&mut self.prefix);
        into.extend_from_slice(&prefix);
        Poll::Ready(Ok(prefix.len()))
    }

    fn poll_read_slice(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.prefix.is_empty() {
            return self.transport.poll_read_slice(context, into);
        }
        let count = self.prefix.len().min(into.len());
        self.prefix.copy_to_slice(&mut into[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.transport.poll_write(context, slices)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_shutdown(context)
    }

    fn reset(&mut self) {
        self.transport.reset();
    }
}

impl Addresses {
    /// A place for one more connection of this address; `None` when it has too many.
    pub(super) fn enter(self: &Rc<Self>, peer: &Address, most: usize) -> Option<Place> {
        let Address::Ip(address) = peer else { return Some(Place { address: None, addresses: Rc::clone(self) }) };
        let mut counts = self.0.borrow_mut();
        let count = counts.entry(address.ip()).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { address: Some(address.ip()), addresses: Rc::clone(self) })
    }
}

/// One connection's place in its address's count, until dropped.
pub(super) struct Place {
    address: Option<IpAddr>,
    addresses: Rc<Addresses>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.addresses.0.borrow_mut();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}
