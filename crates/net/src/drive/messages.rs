//! Messages with a 16-bit length in front, over a stream: DNS over TCP (RFC 1035 §4.2.2, RFC 7766) and over TLS (RFC 7858).
//! Queries may come many at once; answers leave in their order. [`accept`] is started by the binary, one for each listener of a
//! worker.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, BytesMut};
use edgeway_base::world::{Address, ByteStream as _, Listener as _};
use edgeway_base::{Instant, World};

use super::accept::{Addresses, Door, Entrance, Place, is_of_one_connection};
use super::gate::{Gate, Pass};
use super::handler::Service;
use super::timer::LazyTimer;
use super::tls::{self, Accepted};
use super::transport::{Plain, Transport};
use crate::limits::{ACCEPT_PAUSE, MESSAGE_IDLE, MESSAGE_OUTPUT_HIGH_WATER, MESSAGE_READ_BYTES};

/// Answers messages.
pub trait MessageHandler: 'static {
    /// Answers `message` into `into`, which takes the longest message there is.
    fn answer(&self, message: &[u8], asker: Asker, into: &mut [u8]) -> Reply;
    /// A connection was accepted.
    fn connected(&self) {}
    /// A connection is over.
    fn disconnected(&self) {}
}

/// Who asks over a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// Its address.
    pub address: IpAddr,
    /// Whether the stream is under TLS.
    pub encrypted: bool,
}

/// What a message is answered with.
pub enum Reply {
    /// Nothing.
    Silence,
    /// So many bytes of the buffer.
    One(usize),
    /// Message after message, each made when the one before has left.
    Many(Box<dyn Replies>),
}

/// Many messages that answer one.
pub trait Replies {
    /// Writes the next one into `into`; `None` after the last.
    fn next(&mut self, into: &mut [u8]) -> Option<usize>;
}

/// Memory in which a worker composes one answer at a time.
pub type Scratch = Rc<RefCell<Vec<u8>>>;

/// Room for the longest message.
pub fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; usize::from(u16::MAX)]))
}

/// What the listeners of a worker share.
pub struct Sharing<H> {
    /// Answers.
    pub handler: Rc<H>,
    /// Open connections of the worker.
    pub gate: Rc<Gate>,
    /// And of each address.
    pub addresses: Rc<Addresses>,
    /// For composing.
    pub scratch: Scratch,
}

impl<H> Clone for Sharing<H> {
    fn clone(&self) -> Self {
        let Self { handler, gate, addresses, scratch } = self;
        Self {
            handler: Rc::clone(handler),
            gate: Rc::clone(gate),
            addresses: Rc::clone(addresses),
            scratch: Rc::clone(scratch),
        }
    }
}

/// Accepts until the future is dropped.
pub async fn accept<W: World, H: MessageHandler>(
    mut listener: W::Listener,
    door: Rc<Door>,
    world: W,
    sharing: Sharing<H>,
) {
    loop {
        let entrance = door.entrance();
        std::future::poll_fn(|context| sharing.gate.poll_below(context, entrance.connections_max)).await;
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
        let entrance = door.entrance();
        let most = entrance.connections_per_address_max;
        let Some(place) = sharing.addresses.enter(&stream.peer_address(), most) else { continue };
        sharing.handler.connected();
        tokio::task::spawn_local(serve(stream, entrance, world.clone(), sharing.clone(), sharing.gate.enter(), place));
    }
}

/// One connection, until it ends.
async fn serve<W: World, H: MessageHandler>(
    stream: W::Stream,
    entrance: Rc<Entrance>,
    world: W,
    sharing: Sharing<H>,
    pass: Pass,
    place: Place,
) {
    let (peer, local) = (stream.peer_address(), stream.local_address());
    let address = match peer {
        Address::Ip(address) => address.ip(),
        Address::Unix(_) => Ipv4Addr::LOCALHOST.into(),
    };
    let handler = Rc::clone(&sharing.handler);
    let ended = match &entrance.certificates {
        None => {
            let asker = Asker { address, encrypted: false };
            Messages::new(world, Plain(stream), asker, sharing, pass).await
        }
        Some(certificates) => {
            let awaited = async |name: &str| certificates.awaited(name).await;
            let shaken = tls::accept(Plain(stream), || certificates.front(), &local, awaited);
            match tokio::time::timeout(entrance.handshake_timeout, shaken).await {
                // A client that wants HTTP is at the wrong door: it must not take our answers for a page.
                Ok(Ok(Accepted::Session(transport, facts))) if facts.service != Service::Http => {
                    let asker = Asker { address, encrypted: true };
                    Box::pin(Messages::new(world, transport, asker, sharing, pass)).await
                }
                Ok(Err(error)) => Err(error),
                _ => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a stream of messages broke off");
    }
    handler.disconnected();
    drop(place);
}

/// The driver of one stream.
struct Messages<W, T, H> {
    world: W,
    transport: T,
    asker: Asker,
    sharing: Sharing<H>,
    pass: Pass,
    input: BytesMut,
    output: BytesMut,
    more: Option<Box<dyn Replies>>,
    /// The client has sent its last byte.
    ended: bool,
    timer: LazyTimer,
    deadline: Instant,
}

/// Nothing in it is pinned: fields are only ever borrowed.
impl<W, T, H> Unpin for Messages<W, T, H> {}

impl<W: World, T: Transport, H: MessageHandler> Messages<W, T, H> {
    fn new(world: W, transport: T, asker: Asker, sharing: Sharing<H>, pass: Pass) -> Self {
        let deadline = world.now() + MESSAGE_IDLE;
        Self {
            world,
            transport,
            asker,
            sharing,
            pass,
            input: BytesMut::new(),
            output: BytesMut::new(),
            more: None,
            ended: false,
            timer: LazyTimer::default(),
            deadline,
        }
    }

    /// Writes what is ready; whether anything was written.
    fn write(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let before = self.output.len();
        while !self.output.is_empty() {
            match self.transport.poll_write(context, &[IoSlice::new(&self.output)])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.output.advance(written),
                Poll::Pending => break,
            }
        }
        // What TLS holds back leaves when the stream can be written again, which wakes us.
        if let Poll::Ready(flushed) = self.transport.poll_flush(context) {
            flushed?;
        }
        if before > 0 && self.output.is_empty() {
            // An idle stream holds no buffer.
            self.output = BytesMut::new();
            self.touch();
        }
        Ok(self.output.len() < before)
    }

    /// Answers what has arrived, as long as the answers find room; whether anything was answered.
    fn answer(&mut self) -> bool {
        let mut answered = false;
        while self.output.len() < MESSAGE_OUTPUT_HIGH_WATER {
            let mut scratch = self.sharing.scratch.borrow_mut();
            let length = if let Some(more) = &mut self.more {
                let length = more.next(&mut scratch);
                if length.is_none() {
                    self.more = None;
                }
                length
            } else {
                let Some(whole) = whole_message(&self.input) else { break };
                let reply = self.sharing.handler.answer(&self.input[2..whole], self.asker, &mut scratch);
                self.input.advance(whole);
                match reply {
                    Reply::Silence => None,
                    Reply::One(length) => Some(length),
                    Reply::Many(replies) => {
                        self.more = Some(replies);
                        None
                    }
                }
            };
            if let Some(length) = length {
                let length = length.min(usize::from(u16::MAX));
                self.output.reserve(2 + length);
                self.output.put_u16(length as u16);
                self.output.put_slice(&scratch[..length]);
            }
            answered = true;
        }
        if answered {
            self.touch();
        }
        answered
    }

    /// Reads once; whether anything came of it.
    fn read(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.ended || self.more.is_some() || self.output.len() >= MESSAGE_OUTPUT_HIGH_WATER {
            return Ok(false);
        }
        self.input.reserve(MESSAGE_READ_BYTES);
        match self.transport.poll_read(context, &mut self.input)? {
            Poll::Ready(0) => self.ended = true,
            Poll::Ready(_) => {}
            Poll::Pending => {
                if self.input.is_empty() {
                    self.input = BytesMut::new();
                    self.transport.release_memory();
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Only whole messages and answers that were taken count: one byte at a time keeps no stream open.
    fn touch(&mut self) {
        self.deadline = self.world.now() + MESSAGE_IDLE;
    }
}

impl<W: World, T: Transport, H: MessageHandler> Future for Messages<W, T, H> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let written = this.write(context)?;
            let answered = this.answer();
            // Whoever stops finishes what was asked and reads no more.
            let stopping = this.ended || this.pass.is_draining(context);
            let done = this.output.is_empty() && this.more.is_none() && whole_message(&this.input).is_none();
            if stopping && done {
                return this.transport.poll_shutdown(context);
            }
            let read = !stopping && this.read(context)?;
            if written || answered || read {
                continue;
            }
            if this.timer.poll(context, this.world.now(), Some(this.deadline)).is_ready() {
                return Poll::Ready(Ok(()));
            }
            return Poll::Pending;
        }
    }
}

/// Where the first message with its length in front ends, when all of it is there.
fn whole_message(input: &[u8]) -> Option<usize> {
    let (length, rest) = input.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    (rest.len() >= length).then_some(2 + length)
}

#[cfg(test)]
mod tests;
