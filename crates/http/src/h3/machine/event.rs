//! What a connection tells its driver. Made by the machine's handlers, given out by `poll_event` and `poll_command`.

use bytes::Bytes;

use crate::h3::error::ErrorCode;
use crate::semantics::{Fields, RequestHead, ResponseHead};

/// What a server's driver hears. Streams are QUIC's numbers.
#[derive(Debug)]
pub enum ServerEvent {
    /// A request. Give the head back with `recycle` when done.
    Request {
        /// Its stream.
        stream: u64,
        /// Its head.
        head: Box<RequestHead>,
    },
    /// Content. Read no more of the QUIC stream until it has gone on.
    Data {
        /// Its stream.
        stream: u64,
        /// The content, never empty.
        data: Bytes,
    },
    /// The request is whole: follows every `Request` that is not reset.
    End {
        /// Its stream.
        stream: u64,
        /// Trailers, when there are some.
        trailers: Option<Box<Fields>>,
    },
    /// The stream is over before its time: the peer cancelled it, or broke its rules. Stop work on it.
    Reset {
        /// Its stream.
        stream: u64,
        /// The code the peer sent, or is sent.
        code: ErrorCode,
    },
    /// There is room again after `send_capacity` said there was none.
    Writable {
        /// Its stream.
        stream: u64,
    },
    /// The connection is over: close QUIC, with the code of `error` when there is one.
    Closed,
}

/// What a client's driver hears. Streams are QUIC's numbers.
#[derive(Debug)]
pub enum ClientEvent {
    /// A final response.
    Response {
        /// Its stream.
        stream: u64,
        /// Its head.
        head: Box<ResponseHead>,
    },
    /// A 1xx response; the final one is still to come.
    Informational {
        /// Its stream.
        stream: u64,
        /// Its head.
        head: Box<ResponseHead>,
    },
    /// Content. Read no more of the QUIC stream until it has gone on.
    Data {
        /// Its stream.
        stream: u64,
        /// The content, never empty.
        data: Bytes,
    },
    /// The response is whole: follows every `Response` that is not reset.
    End {
        /// Its stream.
        stream: u64,
        /// Trailers, when there are some.
        trailers: Option<Box<Fields>>,
    },
    /// The stream is over before its time. [`ErrorCode::is_safe_to_retry`] says whether the request was left alone.
    Reset {
        /// Its stream.
        stream: u64,
        /// The code the peer sent, or is sent.
        code: ErrorCode,
    },
    /// There is room again after `send_capacity` said there was none.
    Writable {
        /// Its stream.
        stream: u64,
    },
    /// The server's SETTINGS have come: extended CONNECT and datagrams are known now.
    Settings,
    /// The server is leaving: open no more streams here.
    GoAway,
    /// The connection is over: close QUIC, with the code of `error` when there is one.
    Closed,
}

/// What the driver is to tell QUIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// RESET_STREAM: we send no more.
    ResetStream {
        /// The stream.
        stream: u64,
        /// Why.
        code: ErrorCode,
    },
    /// STOP_SENDING: we read no more.
    StopSending {
        /// The stream.
        stream: u64,
        /// Why.
        code: ErrorCode,
    },
}

/// What either side's handlers make; the two faces give it out under their own names.
#[derive(Debug)]
pub(super) enum Event {
    Request { stream: u64, head: Box<RequestHead> },
    Response { stream: u64, head: Box<ResponseHead> },
    Informational { stream: u64, head: Box<ResponseHead> },
    Data { stream: u64, data: Bytes },
    End { stream: u64, trailers: Option<Box<Fields>> },
    Reset { stream: u64, code: ErrorCode },
    Writable { stream: u64 },
    Settings,
    GoAway,
    Closed,
}
