//! Pumps one HTTP/1.x client connection to an upstream: a request goes out while its content is pulled, the response comes in.
//! Used by the proxy stage, which gets [`Connection`]s from [`super::pool`] and makes one [`Call`] at a time on each.

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::{Blame, Blamed, Instant};
use edgeway_http::error::ResponseError;
use edgeway_http::h1::machine::{ClientConnection, ClientEvent, ClientLimits};
use edgeway_http::semantics::{BodyLength, RequestHead, ResponseHead};

use super::body::{Body, BodyError, BodyFailure, BodySource, Frame};
use super::outside::Outside;
use super::pool::{Pool, PoolKey};
use super::recycle;
use super::timer::LazyTimer;
use super::transport::{Prefixed, Transport};
use crate::limits::{OUTPUT_HIGH_WATER, READ_BYTES_BULK, WRITE_SLICES};
use std::rc::Rc;

/// A connection to an upstream, idle in a pool or in use by one [`Call`].
pub struct Connection {
    machine: ClientConnection,
    transport: Box<dyn Transport>,
    timer: LazyTimer,
    ended: bool,
    /// Bytes of the request under way that the kernel took.
    sent_bytes: u64,
    /// Whether it has already carried a request: then a failure before the response may only mean that the upstream
    /// closed an idle connection.
    pub reused: bool,
}

impl Connection {
    /// A connection that was just opened.
    pub fn new(transport: Box<dyn Transport>, limits: ClientLimits) -> Self {
        Self {
            machine: ClientConnection::new(limits),
            transport,
            timer: LazyTimer::default(),
            ended: false,
            sent_bytes: 0,
            reused: false,
        }
    }

    /// Whether an idle connection is still good: nothing came, not even its end. An upstream that speaks unasked would
    /// have its words taken for the next response.
    pub fn is_quiet(&mut self, context: &mut Context<'_>) -> bool {
        let mut buffer = recycle::buffer();
        let quiet = self.transport.poll_read(context, &mut buffer).is_pending();
        recycle::give_buffer(buffer);
        quiet
    }

    fn flush(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        while self.machine.output_length() > 0 {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.machine.output(&mut slices);
            match self.transport.poll_write(context, &slices[..count])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => {
                    self.sent_bytes += written as u64;
                    self.machine.consume_output(written);
                }
                Poll::Pending => {
                    let _ = self.transport.poll_flush(context)?;
                    return Ok(false);
                }
            }
        }
        Ok(self.transport.poll_flush(context)?.is_ready())
    }

    fn fill(&mut self, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        if self.ended || !self.machine.wants_input() {
            return Ok(Poll::Pending);
        }
        let bulk = self.machine.response_started();
        let buffer = self.machine.input();
        if buffer.capacity() == 0 {
            *buffer = recycle::buffer();
        }
        if bulk {
            buffer.reserve(READ_BYTES_BULK);
        }
        match self.transport.poll_read(context, buffer)? {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(0) => {
                self.ended = true;
                self.machine.handle_end_of_input();
            }
            Poll::Ready(_) => self.machine.handle_input(),
        }
        Ok(Poll::Ready(()))
    }

    fn rest(&mut self) {
        if self.machine.input().is_empty() {
            recycle::give_buffer(std::mem::take(self.machine.input()));
        }
        self.machine.release_memory();
        self.transport.release_memory();
    }
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub struct CallTimeouts {
    /// From the moment the request has been sent until the response's head is complete.
    pub first_byte: Duration,
    /// Between two pieces of content, either way.
    pub idle: Duration,
}

/// A request as a call makes it.
pub struct Outgoing<'a> {
    /// Its head, ready for this upstream.
    pub head: &'a RequestHead,
    /// Its content.
    pub content: Body,
    /// An empty head with warm memory, for the response.
    pub reply: ResponseHead,
}

/// Around a call: clocks, the time it has, and the pool its connection came from.
pub struct CallContext {
    /// Clocks.
    pub outside: Rc<dyn Outside>,
    /// How long it may take.
    pub timeouts: CallTimeouts,
    /// Where the connection goes when both messages are complete and it may be used again.
    pub home: Option<(Rc<Pool>, PoolKey)>,
    /// When it begins.
    pub now: Instant,
}

/// One request on one connection, and its response.
pub struct Call {
    connection: Option<Box<Connection>>,
    content: Body,
    content_complete: bool,
    content_touched: bool,
    head: ResponseHead,
    outside: Rc<dyn Outside>,
    timeouts: CallTimeouts,
    deadline: Instant,
    /// When it was last polled.
    seen: Instant,
    home: Option<(Rc<Pool>, PoolKey)>,
    length: BodyLength,
}

/// What came of a call so far.
pub enum Reply {
    /// A 1xx response; the final one is still to come.
    Informational(ResponseHead),
    /// The final response. Its content is the [`Call`] itself, or already complete.
    Final(ResponseHead, Body),
    /// 101: the connection now belongs to whoever asked.
    Upgraded(ResponseHead, Prefixed<Box<dyn Transport>>),
}

impl Call {
    /// Begins to send a request on `connection`.
    pub fn new(mut connection: Box<Connection>, outgoing: Outgoing<'_>, context: CallContext) -> Self {
        let Outgoing { head, content, reply } = outgoing;
        let CallContext { outside, timeouts, home, now } = context;
        let length = content.length();
        connection.sent_bytes = 0;
        connection.machine.send_request(head, length);
        let deadline = now + timeouts.first_byte;
        Self {
            connection: Some(connection),
            content_complete: length == BodyLength::None,
            content,
            content_touched: false,
            head: reply,
            outside,
            timeouts,
            deadline,
            seen: now,
            home,
            length: BodyLength::Unknown,
        }
    }

    /// Waits for the next head. After [`Reply::Informational`] it is called again.
    pub async fn reply(mut self: Box<Self>) -> Result<(Reply, Option<Box<Self>>), (CallError, Box<Self>)> {
        match std::future::poll_fn(|context| self.poll_event(context)).await {
            Ok(ClientEvent::Informational) => {
                let head = std::mem::replace(&mut self.head, recycle::reply());
                Ok((Reply::Informational(head), Some(self)))
            }
            Ok(ClientEvent::Response(length)) => {
                let head = std::mem::take(&mut self.head);
                let body = self.into_body(length);
                Ok((Reply::Final(head, body), None))
            }
            Ok(ClientEvent::Upgraded) => match self.take_tunnel() {
                Some(tunnel) => Ok((Reply::Upgraded(std::mem::take(&mut self.head), tunnel), None)),
                None => Err((CallError::Failed(io::ErrorKind::InvalidData.into()), self)),
            },
            // The machine gives a head before content.
            Ok(ClientEvent::Data(_) | ClientEvent::End(_)) => {
                Err((CallError::Failed(io::ErrorKind::InvalidData.into()), self))
            }
            Err(error) => Err((error, self)),
        }
    }

    /// Whether none of the content was pulled: then the whole call can be made again elsewhere.
    pub const fn content_untouched(&self) -> bool {
        !self.content_touched
    }

    /// Gives back the content of a failed call; see [`Call::content_untouched`].
    pub fn reclaim_content(&mut self) -> Body {
        std::mem::take(&mut self.content)
    }

    /// Whether nothing at all was handed to the kernel.
    pub fn nothing_sent(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.sent_bytes == 0)
    }

    /// Whether the connection had carried an earlier request.
    pub fn was_reused(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.reused)
    }

    /// Content that is complete at once becomes plain bytes, and its connection goes home before the client has its answer.
    fn into_body(mut self: Box<Self>, length: BodyLength) -> Body {
        self.length = length;
        if length == BodyLength::None {
            self.go_home();
            return Body::Empty;
        }
        let mut head = ResponseHead::default();
        let Some(connection) = &mut self.connection else { return Body::Empty };
        let first = match connection.machine.poll_event(&mut head) {
            Ok(Some(ClientEvent::Data(data))) => data,
            Ok(Some(ClientEvent::End(None))) => {
                self.go_home();
                return Body::Empty;
            }
            _ => Bytes::new(),
        };
        if matches!(length, BodyLength::Known(known) if known == first.len() as u64)
            && matches!(connection.machine.poll_event(&mut head), Ok(Some(ClientEvent::End(None))))
        {
            self.go_home();
            return Body::Full(first);
        }
        Body::Source(Box::new(ResponseBody { call: self, first, complete: false }))
    }

    fn take_tunnel(&mut self) -> Option<Prefixed<Box<dyn Transport>>> {
        let mut connection = self.connection.take()?;
        let prefix = connection.machine.take_tunnel()?;
        Some(Prefixed::new(prefix, connection.transport))
    }

    /// Sends, reads, and answers with the next thing the upstream said.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<ClientEvent, CallError>> {
        let now = self.outside.now();
        self.seen = now;
        loop {
            self.pump_content(context, now)?;
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(Err(CallError::Failed(io::ErrorKind::NotConnected.into())));
            };
            if let Some(event) = connection.machine.poll_event(&mut self.head).map_err(CallError::Malformed)? {
                self.deadline = now + self.timeouts.idle;
                return Poll::Ready(Ok(event));
            }
            if connection.fill(context).map_err(CallError::Failed)?.is_ready() {
                continue;
            }
            ready!(connection.timer.poll(context, now, Some(self.deadline)));
            return Poll::Ready(Err(CallError::TimedOut));
        }
    }

    /// Moves request content from the client to the upstream, as fast as the upstream takes it.
    fn pump_content(&mut self, context: &mut Context<'_>, now: Instant) -> Result<(), CallError> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        loop {
            // An upstream that refuses content early may close its side: what it said before is still to be read.
            let flushed = match connection.flush(context) {
                Ok(flushed) => flushed,
                Err(_) if connection.sent_bytes == 0 => {
                    return Err(CallError::Failed(io::ErrorKind::ConnectionReset.into()));
                }
                Err(_) => {
                    self.content_complete = true;
                    return Ok(());
                }
            };
            if self.content_complete || (!flushed && connection.machine.output_length() >= OUTPUT_HIGH_WATER) {
                return Ok(());
            }
            let frame = self.content.poll_frame(context);
            self.content_touched |= frame.is_ready();
            match frame {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                    connection.machine.send_data(data);
                    self.deadline = now + self.timeouts.first_byte;
                }
                Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                    connection.machine.send_end(Some(&trailers));
                    self.content_complete = true;
                }
                Poll::Ready(None) => {
                    connection.machine.send_end(None);
                    self.content_complete = true;
                    self.deadline = now + self.timeouts.first_byte;
                }
                Poll::Ready(Some(Err(error))) => return Err(CallError::Content(error)),
            }
        }
    }

    fn go_home(&mut self) {
        let (Some(mut connection), Some((pool, key))) = (self.connection.take(), self.home.take()) else { return };
        if self.content_complete && connection.machine.is_reusable() && !connection.ended {
            connection.reused = true;
            connection.rest();
            pool.put(key, connection, self.seen);
        }
    }
}

/// A response's content, read from the upstream as the client takes it.
struct ResponseBody {
    call: Box<Call>,
    first: Bytes,
    complete: bool,
}

impl BodySource for ResponseBody {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::Data(std::mem::take(&mut self.first)))));
        }
        if self.complete {
            return Poll::Ready(None);
        }
        match ready!(self.call.poll_event(context)) {
            Ok(ClientEvent::Data(data)) => Poll::Ready(Some(Ok(Frame::Data(data)))),
            Ok(ClientEvent::End(trailers)) => {
                self.complete = true;
                self.call.go_home();
                Poll::Ready(trailers.map(|trailers| Ok(Frame::Trailers(trailers))))
            }
            Ok(_) => Poll::Ready(Some(Err(upstream(BodyFailure::Malformed)))),
            Err(CallError::TimedOut) => Poll::Ready(Some(Err(upstream(BodyFailure::TimedOut)))),
            Err(CallError::Malformed(_)) => Poll::Ready(Some(Err(upstream(BodyFailure::Malformed)))),
            Err(_) => Poll::Ready(Some(Err(upstream(BodyFailure::Disconnected)))),
        }
    }

    fn length(&self) -> BodyLength {
        self.call.length
    }
}

const fn upstream(failure: BodyFailure) -> BodyError {
    BodyError { failure, blame: Blame::Upstream }
}

/// Why a call failed.
#[derive(Debug)]
pub enum CallError {
    /// The upstream could not be reached, or the connection broke (502).
    Failed(io::Error),
    /// What it said is not HTTP (502).
    Malformed(ResponseError),
    /// It was too slow (504).
    TimedOut,
    /// The client's content broke off or was refused; the client's status follows from it.
    Content(BodyError),
}

impl Blamed for CallError {
    fn blame(&self) -> Blame {
        match self {
            Self::Content(error) => error.blame,
            _ => Blame::Upstream,
        }
    }

    fn may_retry(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            // An upstream that closed an idle connection just as we used it.
            Self::Malformed(error) => error.may_retry(),
            Self::TimedOut | Self::Content(_) => false,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(formatter, "the upstream cannot be reached: {error}"),
            Self::Malformed(error) => write!(formatter, "the upstream's response is malformed: {error}"),
            Self::TimedOut => formatter.write_str("the upstream did not answer in time"),
            Self::Content(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for CallError {}
