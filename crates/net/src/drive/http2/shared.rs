//! What the tasks of one HTTP/2 connection share: the machine, and for each stream what came in and who waits for it. All tasks run on one
//! worker, in turn.

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use edgeway_http::h2::machine::ServerConnection;
use edgeway_http::h2::wire::StreamId;
use edgeway_http::semantics::{BodyLength, Fields};
use tokio::task::AbortHandle;

use crate::drive::body::{BodyError, BodyFailure, BodySource, Frame};

/// One connection, as its streams' tasks see it.
pub(super) struct Shared {
    machine: RefCell<ServerConnection>,
    streams: RefCell<HashMap<StreamId, Stream>>,
    connection: RefCell<Option<Waker>>,
}

/// What is kept of a stream beside the machine's own record.
#[derive(Default)]
pub(super) struct Stream {
    /// Content that arrived and was not pulled. The machine's window bounds it.
    incoming: VecDeque<Frame>,
    /// No more content will come.
    incoming_ended: bool,
    /// It ended before its time.
    cancelled: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    task: Option<AbortHandle>,
}

impl Shared {
    pub(super) fn new(machine: ServerConnection) -> Rc<Self> {
        Rc::new(Self { machine: RefCell::new(machine), streams: RefCell::default(), connection: RefCell::default() })
    }

    pub(super) fn machine(&self) -> RefMut<'_, ServerConnection> {
        self.machine.borrow_mut()
    }

    pub(super) fn set_connection_waker(&self, context: &Context<'_>) {
        let mut waker = self.connection.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    /// There is something to send: the connection's task composes and writes it.
    pub(super) fn wake_connection(&self) {
        if let Some(waker) = &*self.connection.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(super) fn open(&self, stream: StreamId) {
        self.streams.borrow_mut().entry(stream).or_default();
    }

    pub(super) fn set_task(&self, stream: StreamId, task: AbortHandle) {
        self.streams.borrow_mut().entry(stream).or_default().task = Some(task);
    }

    /// The response is sent, or nobody waits for it: content that still comes is let go.
    pub(super) fn close(&self, stream: StreamId) {
        if let Some(closed) = self.streams.borrow_mut().remove(&stream) {
            self.let_go(stream, closed.incoming);
        }
    }

    fn let_go(&self, stream: StreamId, incoming: VecDeque<Frame>) {
        let unread: usize =
            incoming.iter().map(|frame| if let Frame::Data(data) = frame { data.len() } else { 0 }).sum();
        if unread > 0 {
            self.machine().consumed(stream, unread);
        }
    }

    pub(super) fn deliver(&self, stream: StreamId, data: Bytes) {
        match self.streams.borrow_mut().get_mut(&stream) {
            Some(open) => {
                open.incoming.push_back(Frame::Data(data));
                wake(&mut open.reader);
            }
            // Nobody reads it, but the window must go on for the other streams.
            None => self.machine().consumed(stream, data.len()),
        }
    }

    pub(super) fn deliver_end(&self, stream: StreamId, trailers: Option<Box<Fields>>) {
        if let Some(open) = self.streams.borrow_mut().get_mut(&stream) {
            open.incoming.extend(trailers.map(Frame::Trailers));
            open.incoming_ended = true;
            wake(&mut open.reader);
        }
    }

    /// The peer gave the stream up: the work for it stops at once.
    pub(super) fn cancel(&self, stream: StreamId) {
        let cancelled = self.streams.borrow_mut().remove(&stream);
        if let Some(cancelled) = cancelled {
            stop(cancelled);
        }
    }

    pub(super) fn cancel_all(&self) {
        let all = std::mem::take(&mut *self.streams.borrow_mut());
        all.into_values().for_each(stop);
    }

    pub(super) fn wake_writer(&self, stream: StreamId) {
        if let Some(open) = self.streams.borrow_mut().get_mut(&stream) {
            wake(&mut open.writer);
        }
    }

    /// Bytes the stream may put in line now; waits while there are none. `None` when the stream is gone.
    pub(super) fn poll_capacity(&self, context: &Context<'_>, stream: StreamId) -> Poll<Option<usize>> {
        let mut streams = self.streams.borrow_mut();
        let Some(open) = streams.get_mut(&stream).filter(|open| !open.cancelled) else { return Poll::Ready(None) };
        match self.machine().send_capacity(stream) {
            0 => {
                open.writer = Some(context.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(Some(room)),
        }
    }

    /// The next piece of a stream's content.
    pub(super) fn poll_incoming(
        &self,
        context: &Context<'_>,
        stream: StreamId,
    ) -> Poll<Option<Result<Frame, BodyError>>> {
        let mut streams = self.streams.borrow_mut();
        let Some(open) = streams.get_mut(&stream).filter(|open| !open.cancelled) else {
            return Poll::Ready(Some(Err(BodyFailure::Disconnected.into())));
        };
        match open.incoming.pop_front() {
            Some(Frame::Data(data)) => {
                self.machine().consumed(stream, data.len());
                self.wake_connection();
                Poll::Ready(Some(Ok(Frame::Data(data))))
            }
            Some(trailers) => Poll::Ready(Some(Ok(trailers))),
            None if open.incoming_ended => Poll::Ready(None),
            None => {
                open.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn stop(mut stream: Stream) {
    wake(&mut stream.reader);
    wake(&mut stream.writer);
    if let Some(task) = stream.task {
        task.abort();
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// A request's content.
pub(super) struct RequestBody {
    shared: Rc<Shared>,
    stream: StreamId,
    length: BodyLength,
}

impl RequestBody {
    pub(super) const fn new(shared: Rc<Shared>, stream: StreamId, length: BodyLength) -> Self {
        Self { shared, stream, length }
    }
}

impl BodySource for RequestBody {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        self.shared.poll_incoming(context, self.stream)
    }

    fn length(&self) -> BodyLength {
        self.length
    }
}
