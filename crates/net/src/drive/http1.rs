//! Pumps one HTTP/1.x server connection: stream in, requests to the handler, responses out. Started by the accept loop; ends
//! when the connection does. All of it is one future that never spawns: when the client leaves, dropping it cancels
//! whatever was being done for that client.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use edgeway_base::{Instant, World};
use edgeway_http::error::Refusal;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, RequestHead, ResponseHead, Scheme, Status, Version};

use super::body::{Body, BodyError, BodyFailure, BodySource, Frame};
use super::gate::{Leave, Pass};
use super::handler::{Answer, Answering, ConnectionFacts, Handler, Link, Request, Response, Sent, Tunnel};
use super::recycle;
use super::timer::LazyTimer;
use super::transport::{Prefixed, Transport};
use crate::limits::{HALF_CLOSE_GRACE, LINGER, LINGER_BYTES, OUTPUT_HIGH_WATER, READ_BYTES_BULK, WRITE_SLICES};

/// One connection.
pub struct Http1<W: World, T: Transport, H: Handler> {
    shared: Rc<Shared<W, T>>,
    handler: Rc<H>,
    facts: Rc<ConnectionFacts>,
    stage: Stage<H::Ticket>,
    timer: LazyTimer,
    leave: Leave,
    pass: Pass,
}

/// What the connection and the body it reads from share: both run in the one task, in turn.
struct Shared<W, T> {
    world: W,
    io: RefCell<Io<T>>,
}

/// The machine and the stream it is fed from.
struct Io<T> {
    machine: ServerConnection,
    transport: Option<T>,
    ended: bool,
    /// When a client that half-closed is taken for gone.
    gone_at: Option<Instant>,
}

enum Stage<K> {
    /// Waiting for a request.
    Head,
    /// The handler is at work.
    Handling(Pin<Box<dyn Future<Output = Answer<K>>>>),
    /// The response's content is on its way.
    Sending(Box<Sending<K>>),
    /// The head of a 101 (or of a 2xx to CONNECT) must leave before the tunnel begins.
    Upgrading(Option<Tunnel>, Box<Option<K>>),
    /// Bytes go both ways, unread by us.
    Tunnelling(Pin<Box<dyn Future<Output = (u64, u64)>>>, Box<Option<K>>),
    /// Output leaves, then our side closes.
    Closing,
    /// Our side is closed; what still comes in is thrown away until the deadline.
    Lingering(Instant, usize),
    /// Nothing is left to do.
    Done,
}

struct Sending<K> {
    body: Body,
    ticket: Option<K>,
    status: Status,
    sent_bytes: u64,
}

/// What one step came to.
enum Step {
    /// Something changed: step again.
    Again,
    /// Nothing to do before the task is woken.
    Wait,
}

impl<W: World, T: Transport, H: Handler> Http1<W, T, H> {
    /// A connection that was just accepted (and, under TLS, has shaken hands).
    pub fn new(
        world: W,
        transport: T,
        handler: Rc<H>,
        facts: Rc<ConnectionFacts>,
        limits: impl Into<Arc<ServerLimits>>,
        pass: Pass,
    ) -> Self {
        let machine = ServerConnection::new(limits, world.now());
        let io = RefCell::new(Io { machine, transport: Some(transport), ended: false, gone_at: None });
        Self {
            shared: Rc::new(Shared { world, io }),
            handler,
            facts,
            stage: Stage::Head,
            timer: LazyTimer::default(),
            leave: Leave::default(),
            pass,
        }
    }

    fn step(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Step> {
        match &mut self.stage {
            Stage::Head => self.await_request(context, now),
            Stage::Handling(future) => match future.as_mut().poll(context) {
                Poll::Ready(answer) => {
                    self.begin(answer, now);
                    Ok(Step::Again)
                }
                Poll::Pending => self.shared.io.borrow_mut().watch_client(context, now),
            },
            Stage::Sending(_) => self.send(context, now),
            Stage::Upgrading(..) => self.start_tunnel(context),
            Stage::Tunnelling(future, _) => match future.as_mut().poll(context) {
                Poll::Ready((_, sent_bytes)) => {
                    self.end_tunnel(sent_bytes, now);
                    Ok(Step::Again)
                }
                Poll::Pending => Ok(Step::Wait),
            },
            Stage::Closing => self.close(context, now),
            Stage::Lingering(until, left) => {
                let (until, mut left) = (*until, *left);
                let finished = now >= until || self.shared.io.borrow_mut().throw_away(context, &mut left)?;
                self.stage = if finished { Stage::Done } else { Stage::Lingering(until, left) };
                Ok(if finished { Step::Again } else { Step::Wait })
            }
            Stage::Done => Ok(Step::Wait),
        }
    }

    /// Answers every request that has already arrived, then writes once, then reads.
    fn await_request(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Step> {
        let mut io = self.shared.io.borrow_mut();
        if self.pass.is_draining(context) && self.leave.is_due(now) {
            io.machine.close_after_response();
        }
        if io.machine.output_length() < OUTPUT_HIGH_WATER && !io.machine.wants_close() {
            let mut head = recycle::request();
            match io.machine.poll_event(now, &mut head) {
                Some(ServerEvent::Request) => {
                    drop(io);
                    self.dispatch(head, now);
                    return Ok(Step::Again);
                }
                Some(ServerEvent::Refused(refusal)) => {
                    drop(io);
                    self.refuse(head, refusal, now);
                    return Ok(Step::Again);
                }
                Some(ServerEvent::Closed) => {
                    self.stage = Stage::Closing;
                    recycle::give_request(head);
                    return Ok(Step::Again);
                }
                // The rest of a body that no handler wanted.
                Some(ServerEvent::Data(_) | ServerEvent::End(_)) => {
                    recycle::give_request(head);
                    return Ok(Step::Again);
                }
                None => recycle::give_request(head),
            }
        }
        io.flush(context, now)?;
        if io.machine.wants_close() {
            self.stage = Stage::Closing;
            return Ok(Step::Again);
        }
        match io.fill(context, now)? {
            Poll::Ready(()) => Ok(Step::Again),
            Poll::Pending => Ok(Step::Wait),
        }
    }

    fn dispatch(&mut self, mut head: Box<RequestHead>, now: Instant) {
        head.scheme = if self.facts.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let body = match head.body {
            BodyLength::None => Body::Empty,
            length => Body::Source(Box::new(RequestBody { shared: Rc::clone(&self.shared), length, complete: false })),
        };
        let request = self.request(head, body, now);
        match self.handler.handle(request) {
            Answering::Now(answer) => self.begin(answer, now),
            Answering::Later(future) => self.stage = Stage::Handling(future),
        }
    }

    fn refuse(&mut self, head: Box<RequestHead>, refusal: Refusal, now: Instant) {
        let request = self.request(head, Body::Empty, now);
        let answer = self.handler.refuse(request, refusal.status, refusal.reason);
        self.begin(answer, now);
    }

    fn request(&self, head: Box<RequestHead>, body: Body, now: Instant) -> Request {
        let link = (head.version >= Version::Http11).then(|| Rc::clone(&self.shared) as Rc<dyn Link>);
        Request { head, body, reply: recycle::reply(), connection: Rc::clone(&self.facts), link, received: now }
    }

    fn begin(&mut self, answer: Answer<H::Ticket>, now: Instant) {
        let Answer { response: Response { head, body, tunnel }, ticket } = answer;
        let mut io = self.shared.io.borrow_mut();
        io.gone_at = None;
        if self.pass.gate_is_draining() {
            io.machine.close_after_response();
        }
        let status = head.status;
        if tunnel.is_some() {
            io.machine.send_head(&head, BodyLength::None);
            drop(io);
            self.stage = Stage::Upgrading(tunnel, Box::new(Some(ticket)));
            return recycle::give_reply(head);
        }
        io.machine.send_head(&head, body.length());
        recycle::give_reply(head);
        match body {
            Body::Source(_) => {
                drop(io);
                self.stage = Stage::Sending(Box::new(Sending { body, ticket: Some(ticket), status, sent_bytes: 0 }));
            }
            small => {
                let mut body_bytes = 0;
                if let Body::Full(bytes) = small {
                    body_bytes = bytes.len() as u64;
                    io.machine.send_data(bytes);
                }
                io.machine.send_end(None);
                io.machine.discard_body();
                drop(io);
                self.stage = Stage::Head;
                self.record(ticket, Sent { status, body_bytes, complete: true, at: now });
            }
        }
    }

    fn record(&self, ticket: H::Ticket, sent: Sent) {
        if let Some(head) = self.handler.finished(ticket, sent) {
            recycle::give_request(head);
        }
    }

    /// Pulls content while the client takes it.
    fn send(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Step> {
        let Stage::Sending(sending) = &mut self.stage else { return Ok(Step::Again) };
        loop {
            if self.shared.io.borrow().machine.output_length() >= OUTPUT_HIGH_WATER
                && !self.shared.io.borrow_mut().flush(context, now)?
            {
                return Ok(Step::Wait);
            }
            // The body may itself read from this connection, so nothing of it is borrowed here.
            let frame = match sending.body.poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    let mut io = self.shared.io.borrow_mut();
                    io.flush(context, now)?;
                    return io.watch_client(context, now);
                }
            };
            let mut io = self.shared.io.borrow_mut();
            let complete = match frame {
                Some(Ok(Frame::Data(data))) => {
                    sending.sent_bytes += data.len() as u64;
                    // What moves has a reader, half-closed or not.
                    io.gone_at = None;
                    io.machine.send_data(data);
                    continue;
                }
                Some(Ok(Frame::Trailers(trailers))) => {
                    io.machine.send_end(Some(&trailers));
                    true
                }
                None => {
                    io.machine.send_end(None);
                    true
                }
                // The client must see that the content is cut short (RFC 9112 §8).
                Some(Err(_)) => {
                    io.machine.abort();
                    false
                }
            };
            io.machine.discard_body();
            drop(io);
            let sent = Sent { status: sending.status, body_bytes: sending.sent_bytes, complete, at: now };
            let ticket = sending.ticket.take();
            self.stage = if complete { Stage::Head } else { Stage::Closing };
            if let Some(ticket) = ticket {
                self.record(ticket, sent);
            }
            return Ok(Step::Again);
        }
    }

    fn start_tunnel(&mut self, context: &mut Context<'_>) -> io::Result<Step> {
        let now = self.shared.world.now();
        let mut io = self.shared.io.borrow_mut();
        if !io.flush(context, now)? {
            return Ok(Step::Wait);
        }
        let Stage::Upgrading(tunnel, ticket) = &mut self.stage else { return Ok(Step::Again) };
        let (tunnel, ticket) = (tunnel.take(), ticket.take());
        let prefix = io.machine.take_tunnel();
        self.stage = match (tunnel, prefix, io.transport.take()) {
            (Some(tunnel), Some(prefix), Some(transport)) => {
                Stage::Tunnelling(tunnel(Box::new(Prefixed::new(prefix, transport))), Box::new(ticket))
            }
            _ => Stage::Done,
        };
        Ok(Step::Again)
    }

    fn end_tunnel(&mut self, sent_bytes: u64, now: Instant) {
        if let Stage::Tunnelling(_, ticket) = &mut self.stage
            && let Some(ticket) = ticket.take()
        {
            let status = Status::SWITCHING_PROTOCOLS;
            self.record(ticket, Sent { status, body_bytes: sent_bytes, complete: true, at: now });
        }
        self.stage = Stage::Done;
    }

    fn close(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Step> {
        let mut io = self.shared.io.borrow_mut();
        if !io.flush(context, now)? {
            return Ok(Step::Wait);
        }
        if io.machine.wants_reset() {
            if let Some(transport) = &mut io.transport {
                transport.reset();
            }
            self.stage = Stage::Done;
            return Ok(Step::Again);
        }
        let unread = io.machine.wants_linger();
        let ended = io.ended;
        let Some(transport) = &mut io.transport else { return Ok(Step::Wait) };
        if transport.poll_shutdown(context)?.is_pending() {
            return Ok(Step::Wait);
        }
        // RFC 9112 §9.6: closing with unread input resets the connection, and the reset can overtake the response.
        self.stage = if unread && !ended { Stage::Lingering(now + LINGER, LINGER_BYTES) } else { Stage::Done };
        Ok(Step::Again)
    }

    /// The moment at which something has to be done though nothing came in.
    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Tunnelling(..) | Stage::Done => None,
            Stage::Lingering(until, _) => Some(*until),
            stage => {
                let io = self.shared.io.borrow();
                let leave_at = if matches!(stage, Stage::Head) { self.leave.deadline() } else { None };
                [io.machine.poll_timeout(), io.gone_at, leave_at].into_iter().flatten().min()
            }
        }
    }

    fn handle_deadline(&mut self, now: Instant) {
        let mut io = self.shared.io.borrow_mut();
        if io.gone_at.is_some_and(|gone_at| gone_at <= now) {
            drop(io);
            return self.give_up(now);
        }
        io.machine.handle_timeout(now);
        if io.machine.wants_reset() {
            // The client takes nothing any more: whatever is still being made for it has no reader.
            if let Some(transport) = &mut io.transport {
                transport.reset();
            }
            drop(io);
            self.give_up(now);
        }
    }

    /// The connection is over before its response was: the record says so.
    fn give_up(&mut self, now: Instant) {
        let (ticket, status, body_bytes) = match &mut self.stage {
            Stage::Sending(sending) => (sending.ticket.take(), sending.status, sending.sent_bytes),
            Stage::Upgrading(_, ticket) | Stage::Tunnelling(_, ticket) => {
                (ticket.take(), Status::SWITCHING_PROTOCOLS, 0)
            }
            _ => (None, Status::OK, 0),
        };
        if let Some(ticket) = ticket {
            self.record(ticket, Sent { status, body_bytes, complete: false, at: now });
        }
        self.stage = Stage::Done;
    }
}

impl<W: World, T: Transport, H: Handler> Future for Http1<W, T, H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let now = this.shared.world.now();
            loop {
                match this.step(context, now) {
                    Ok(Step::Again) => {}
                    Ok(Step::Wait) => break,
                    Err(_) => this.give_up(now),
                }
            }
            if matches!(this.stage, Stage::Done) {
                this.give_up(now);
                return Poll::Ready(());
            }
            let deadline = this.deadline();
            if this.timer.poll(context, now, deadline).is_pending() {
                this.shared.io.borrow_mut().rest(matches!(this.stage, Stage::Head));
                return Poll::Pending;
            }
            this.handle_deadline(now);
        }
    }
}

impl<W: World, T: Transport, H: Handler> Drop for Http1<W, T, H> {
    fn drop(&mut self) {
        let now = self.shared.world.now();
        self.give_up(now);
    }
}

// Everything pinned in here is boxed.
impl<W: World, T: Transport, H: Handler> Unpin for Http1<W, T, H> {}

impl<T: Transport> Io<T> {
    /// Writes what is ready; true when all of it is gone.
    fn flush(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<bool> {
        let Some(transport) = &mut self.transport else { return Ok(true) };
        while self.machine.output_length() > 0 {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.machine.output(&mut slices);
            match transport.poll_write(context, &slices[..count])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.machine.consume_output(now, written),
                Poll::Pending => {
                    // A transport that encrypts holds bytes back until it is flushed.
                    let _ = transport.poll_flush(context)?;
                    return Ok(false);
                }
            }
        }
        Ok(transport.poll_flush(context)?.is_ready())
    }

    /// Reads once and hands it to the machine.
    fn fill(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Poll<()>> {
        if self.ended || !self.machine.wants_input() {
            return Ok(Poll::Pending);
        }
        let Some(transport) = &mut self.transport else { return Ok(Poll::Pending) };
        let bulk = self.machine.body_pending();
        let buffer = self.machine.input();
        if buffer.capacity() == 0 {
            *buffer = recycle::buffer();
        }
        if bulk {
            buffer.reserve(READ_BYTES_BULK);
        }
        match transport.poll_read(context, buffer)? {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(0) => {
                self.ended = true;
                self.machine.handle_end_of_input(now);
                Ok(Poll::Ready(()))
            }
            Poll::Ready(_) => {
                self.machine.handle_input(now);
                Ok(Poll::Ready(()))
            }
        }
    }

    /// While a response is being made: notices that the client left, which cancels it, and keeps what it pipelines.
    fn watch_client(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Step> {
        self.flush(context, now)?;
        if self.machine.body_pending() {
            // Whoever reads the body does the reading.
            return Ok(Step::Wait);
        }
        while !self.ended && self.fill(context, now)?.is_ready() {}
        if self.ended {
            self.gone_at.get_or_insert(now + HALF_CLOSE_GRACE);
        }
        Ok(Step::Wait)
    }

    /// Reads and forgets; true when the other side is done or the budget is.
    fn throw_away(&mut self, context: &mut Context<'_>, left: &mut usize) -> io::Result<bool> {
        let Some(transport) = &mut self.transport else { return Ok(true) };
        let mut buffer = recycle::buffer();
        loop {
            buffer.clear();
            match transport.poll_read(context, &mut buffer)? {
                Poll::Ready(0) => return Ok(true),
                Poll::Ready(read) if read >= *left => return Ok(true),
                Poll::Ready(read) => *left -= read,
                Poll::Pending => {
                    recycle::give_buffer(buffer);
                    return Ok(false);
                }
            }
        }
    }

    /// Before the task sleeps: an idle connection holds no buffers.
    fn rest(&mut self, between_requests: bool) {
        if self.machine.input().is_empty() {
            let buffer = std::mem::take(self.machine.input());
            recycle::give_buffer(buffer);
        }
        if between_requests && self.machine.output_length() == 0 {
            self.machine.release_memory();
            if let Some(transport) = &mut self.transport {
                transport.release_memory();
            }
        }
    }
}

impl<W: World, T: Transport> Link for Shared<W, T> {
    fn send_informational(&self, head: &ResponseHead) {
        // It leaves with the next flush, which every step of the connection ends with.
        self.io.borrow_mut().machine.send_informational(head);
    }
}

/// A request's content, read from the connection as it is pulled.
struct RequestBody<W: World, T: Transport> {
    shared: Rc<Shared<W, T>>,
    length: BodyLength,
    complete: bool,
}

impl<W: World, T: Transport> BodySource for RequestBody<W, T> {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        if self.complete {
            return Poll::Ready(None);
        }
        let now = self.shared.world.now();
        let mut io = self.shared.io.borrow_mut();
        io.machine.want_body();
        loop {
            // No head can come before the body has ended.
            let outcome = match io.machine.poll_event(now, &mut RequestHead::default()) {
                Some(ServerEvent::Data(data)) => return Poll::Ready(Some(Ok(Frame::Data(data)))),
                Some(ServerEvent::End(trailers)) => trailers.map(|trailers| Ok(Frame::Trailers(trailers))),
                Some(ServerEvent::Refused(refusal)) => Some(Err(failure_of(refusal).into())),
                Some(ServerEvent::Request | ServerEvent::Closed) => Some(Err(BodyFailure::Disconnected.into())),
                None => match io.pump(context, now) {
                    Ok(Poll::Ready(())) => continue,
                    Ok(Poll::Pending) => return Poll::Pending,
                    Err(_) => Some(Err(BodyFailure::Disconnected.into())),
                },
            };
            self.complete = true;
            return Poll::Ready(outcome);
        }
    }

    fn length(&self) -> BodyLength {
        self.length
    }
}

impl<T: Transport> Io<T> {
    /// For a body: lets an owed 100 Continue leave, then reads.
    fn pump(&mut self, context: &mut Context<'_>, now: Instant) -> io::Result<Poll<()>> {
        self.flush(context, now)?;
        self.fill(context, now)
    }
}

const fn failure_of(refusal: Refusal) -> BodyFailure {
    match refusal.status {
        Status::REQUEST_TIMEOUT => BodyFailure::TimedOut,
        Status::CONTENT_TOO_LARGE => BodyFailure::TooLarge,
        _ => BodyFailure::Malformed,
    }
}
