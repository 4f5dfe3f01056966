//! Pumps one HTTP/2 server connection: the machine's events go to the handler, and what the handler answers goes back in the order the machine's
//! priorities say. Started by the accept loop when ALPN chose `h2`.
//!
//! An answer that is there at once is sent from the connection's own task. One that takes time, or whose content has to be pulled,
//! gets a task of its own ([`answering`]), which ends with its stream. All of them share the machine ([`shared`]); the connection's task
//! alone reads and writes, once for each wake.

mod answering;
mod shared;
mod tunnel;

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use edgeway_base::{Instant, World};
use edgeway_http::h2::limits::Limits;
use edgeway_http::h2::machine::{ServerConnection, ServerEvent};
use edgeway_http::h2::wire::StreamId;
use edgeway_http::semantics::{BodyLength, FieldName, Method, RequestHead, Scheme};

use self::answering::{Answered, StreamLink};
use self::shared::{RequestBody, Shared};
use super::body::Body;
use super::gate::Pass;
use super::handler::{Answering, ConnectionFacts, Handler, Link, Request};
use super::recycle;
use super::timer::LazyTimer;
use super::transport::Transport;
use crate::limits::{HTTP2_WRITE_BYTES, READ_BYTES_BULK};

/// One connection.
pub struct Http2<W: World, T: Transport, H: Handler> {
    shared: Rc<Shared>,
    world: W,
    transport: T,
    handler: Rc<H>,
    facts: Rc<ConnectionFacts>,
    /// Composed and not yet written.
    output: BytesMut,
    timer: LazyTimer,
    pass: Pass,
    ended: bool,
    leaving: bool,
}

impl<W: World, T: Transport, H: Handler> Http2<W, T, H> {
    /// A connection on which HTTP/2 was agreed. `received` is what was already read of it.
    pub fn new(
        world: W,
        transport: T,
        handler: Rc<H>,
        facts: Rc<ConnectionFacts>,
        limits: Limits,
        pass: Pass,
        received: &[u8],
    ) -> Self {
        let now = world.now();
        let mut machine = ServerConnection::new(limits, now);
        if !received.is_empty() {
            machine.input().extend_from_slice(received);
            machine.handle_input(now);
        }
        Self {
            shared: Shared::new(machine),
            world,
            transport,
            handler,
            facts,
            output: BytesMut::new(),
            timer: LazyTimer::default(),
            pass,
            ended: false,
            leaving: false,
        }
    }

    /// True when there were any.
    fn take_events(&mut self, now: Instant) -> bool {
        let mut any = false;
        loop {
            let event = self.shared.machine().poll_event(now);
            any |= event.is_some();
            match event {
                Some(ServerEvent::Request { stream, head, end }) => self.dispatch(stream, head, end, now),
                Some(ServerEvent::Data { stream, data }) => self.shared.deliver(stream, data),
                Some(ServerEvent::End { stream, trailers }) => self.shared.deliver_end(stream, trailers),
                Some(ServerEvent::Reset { stream, .. }) => self.shared.cancel(stream),
                Some(ServerEvent::Writable { stream }) => self.shared.wake_writer(stream),
                Some(ServerEvent::Closed) => {
                    self.ended = true;
                    self.shared.cancel_all();
                }
                None => return any,
            }
        }
    }

    fn dispatch(&mut self, stream: StreamId, mut head: Box<RequestHead>, end: bool, now: Instant) {
        head.scheme = if self.facts.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let tunnel = head.method == Method::Connect;
        let body = if end || tunnel {
            head.body = BodyLength::None;
            Body::Empty
        } else {
            Body::Source(Box::new(RequestBody::new(Rc::clone(&self.shared), stream, announced_length(&head))))
        };
        if !end {
            self.shared.open(stream);
        }
        let answered = Answered { stream, without_content: head.method == Method::Head, content_wanted: !end };
        let link: Rc<dyn Link> = Rc::new(StreamLink { shared: Rc::clone(&self.shared), stream });
        let request = Request {
            head,
            body,
            reply: recycle::reply(),
            connection: Rc::clone(&self.facts),
            link: Some(link),
            received: now,
        };
        match self.handler.handle(request) {
            Answering::Now(answer) => answered.send(&self.shared, &self.handler, &self.world, answer),
            Answering::Later(future) => answered.send_later(&self.shared, &self.handler, &self.world, future),
        }
    }

    /// Composes and writes until there is nothing to send or the transport is full; true when all is gone.
    fn flush(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        loop {
            if self.output.is_empty() {
                if self.output.capacity() == 0 {
                    self.output = recycle::buffer();
                }
                self.shared.machine().poll_output(&mut self.output, HTTP2_WRITE_BYTES);
                if self.output.is_empty() {
                    recycle::give_buffer(std::mem::take(&mut self.output));
                    return Ok(self.transport.poll_flush(context)?.is_ready());
                }
            }
            match self.transport.poll_write(context, &[IoSlice::new(&self.output)])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.output.advance(written),
                Poll::Pending => {
                    let _ = self.transport.poll_flush(context)?;
                    return Ok(false);
                }
            }
        }
    }

    /// Reads once and hands it to the machine; false when nothing came.
    fn fill(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let mut machine = self.shared.machine();
        let input = machine.input();
        // Input that waits until output has left is not added to without end.
        if input.len() > READ_BYTES_BULK {
            return Ok(false);
        }
        if input.capacity() == 0 {
            *input = recycle::buffer();
        }
        match self.transport.poll_read(context, input)? {
            Poll::Pending => Ok(false),
            Poll::Ready(0) => {
                self.ended = true;
                machine.handle_end_of_input(now);
                Ok(true)
            }
            Poll::Ready(_) => {
                machine.handle_input(now);
                Ok(true)
            }
        }
    }

    /// One turn; `Ready` when the connection is over.
    fn turn(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Poll<()>> {
        if !self.leaving && self.pass.is_draining(context) {
            self.leaving = true;
            self.shared.machine().go_away(true, now);
        }
        self.take_events(now);
        loop {
            let flushed = self.flush(context)?;
            if self.shared.machine().wants_close() && flushed {
                return Ok(self.transport.poll_shutdown(context)?);
            }
            let filled = self.fill(context, now)?;
            // What is read makes events, and so does what was composed: it leaves room in the line of a stream whose task
            // waits to hear of it. What handlers do while events are taken makes more to send.
            if !(self.take_events(now) || filled) {
                if self.ended && flushed {
                    return Ok(Poll::Ready(()));
                }
                return Ok(Poll::Pending);
            }
        }
    }

    /// Before the task sleeps: an idle connection holds no buffers.
    fn rest(&self) {
        let mut machine = self.shared.machine();
        if machine.input().is_empty() {
            recycle::give_buffer(std::mem::take(machine.input()));
        }
        if machine.is_idle() {
            machine.release_memory();
        }
    }
}

impl<W: World, T: Transport, H: Handler> Future for Http2<W, T, H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.shared.set_connection_waker(context);
        loop {
            let now = this.world.now();
            match this.turn(context, now) {
                Ok(Poll::Ready(())) | Err(_) => return Poll::Ready(()),
                Ok(Poll::Pending) => {}
            }
            let deadline = this.shared.machine().poll_timeout();
            if this.timer.poll(context, now, deadline).is_pending() {
                this.rest();
                return Poll::Pending;
            }
            this.shared.machine().handle_timeout(now);
        }
    }
}

impl<W: World, T: Transport, H: Handler> Drop for Http2<W, T, H> {
    /// The client is gone: whatever was being done for it stops.
    fn drop(&mut self) {
        self.shared.cancel_all();
    }
}

// Nothing in here is pinned in place.
impl<W: World, T: Transport, H: Handler> Unpin for Http2<W, T, H> {}

fn announced_length(head: &RequestHead) -> BodyLength {
    // The machine has checked the number and holds the content to it (RFC 9113 §8.1.1).
    let length = head.fields.get_str(FieldName::ContentLength).and_then(|digits| digits.parse().ok());
    length.map_or(BodyLength::Unknown, BodyLength::Known)
}
