//! What a connection tells its driver. Made by the machine's handlers, given out by `poll_event`.

use bytes::Bytes;

use crate::h2::error::ErrorCode;
use crate::h2::wire::StreamId;
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// What a server's driver hears.
#[derive(Debug)]
pub enum ServerEvent {
    /// A request. Give the head back with `recycle` when done.
    Request {
        /// Its stream.
        stream: StreamId,
        /// Its head.
        head: Box<RequestHead>,
        /// It has no content: no `Data` and no `End` follows.
        end: bool,
    },
    /// Content. Call `consumed` when it has gone on, or the peer will stop sending.
    Data {
        /// Its stream.
        stream: StreamId,
        /// The content, never empty.
        data: Bytes,
    },
    /// The content is whole.
    End {
        /// Its stream.
        stream: StreamId,
        /// Trailers, when there are some.
        trailers: Option<Box<Fields>>,
    },
    /// The stream is over before its time: the peer cancelled it, or broke its rules. Stop work on it.
    Reset {
        /// Its stream.
        stream: StreamId,
        /// The code the peer sent, or was sent.
        code: ErrorCode,
    },
    /// There is room again after `send_capacity` said there was none.
    Writable {
        /// Its stream.
        stream: StreamId,
    },
    /// The connection is over, and every stream with it. The last event; `error` says why.
    Closed,
}

/// What a client's driver hears.
#[derive(Debug)]
pub enum ClientEvent {
    /// A final response.
    Response {
        /// Its stream.
        stream: StreamId,
        /// Its head.
        head: Box<ResponseHead>,
        /// It has no content: no `Data` and no `End` follows.
        end: bool,
    },
    /// A 1xx response; the final one is still to come.
    Informational {
        /// Its stream.
        stream: StreamId,
        /// Its head.
        head: Box<ResponseHead>,
    },
    /// The server promises the response to a request it makes up. Only when push was allowed.
    Promise {
        /// The stream whose response it goes with.
        stream: StreamId,
        /// The stream the response will come on.
        promised: StreamId,
        /// The request.
        head: Box<RequestHead>,
    },
    /// Content. Call `consumed` when it has gone on, or the peer will stop sending.
    Data {
        /// Its stream.
        stream: StreamId,
        /// The content, never empty.
        data: Bytes,
    },
    /// The content is whole.
    End {
        /// Its stream.
        stream: StreamId,
        /// Trailers, when there are some.
        trailers: Option<Box<Fields>>,
    },
    /// The stream is over before its time. [`ErrorCode::is_safe_to_retry`] says whether the request was left alone.
    Reset {
        /// Its stream.
        stream: StreamId,
        /// The code the peer sent, or was sent.
        code: ErrorCode,
    },
    /// There is room again after `send_capacity` said there was none.
    Writable {
        /// Its stream.
        stream: StreamId,
    },
    /// The server is leaving: open no more streams here. Those it will not process follow as `Reset`.
    GoAway {
        /// Why.
        code: ErrorCode,
    },
    /// The connection is over, and every stream with it. The last event; `error` says why.
    Closed,
}

/// What either side's handlers make; the two faces give it out under their own names.
#[derive(Debug)]
pub(super) enum Event {
    Request { stream: StreamId, head: Box<RequestHead>, end: bool },
    Response { stream: StreamId, head: Box<ResponseHead>, end: bool },
    Informational { stream: StreamId, head: Box<ResponseHead> },
    Promise { stream: StreamId, promised: StreamId, head: Box<RequestHead> },
    Data { stream: StreamId, data: Bytes },
    End { stream: StreamId, trailers: Option<Box<Fields>> },
    Reset { stream: StreamId, code: ErrorCode },
    Writable { stream: StreamId },
    GoAway { code: ErrorCode },
    Closed,
}
