//! The bounds a connection is given, each with its default from [`crate::limits::h1`]. Chosen by the
//! configuration, copied into every connection.

use std::time::Duration;

use crate::h1::wire::RequestBounds;
use crate::limits::h1 as limits;

/// Every bound and timeout of a server connection.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// What a request head may hold.
    pub head: RequestBounds,
    /// What the content's framing and trailers may hold.
    pub content: ContentLimits,
    /// Bytes of content thrown away to keep a connection that was answered early.
    pub drain_bytes_max: u64,
    /// For a whole head from its first byte; and for the first byte of a connection.
    pub head_timeout: Duration,
    /// For the next byte of content.
    pub body_idle_timeout: Duration,
    /// Slowest content allowed, in bytes a second; zero for any.
    pub body_rate_min: u32,
    /// How long content may be slower at its start.
    pub body_grace: Duration,
    /// For the next request.
    pub idle_timeout: Duration,
    /// For the peer to take some output.
    pub write_stall_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            head: RequestBounds::default(),
            content: ContentLimits::default(),
            drain_bytes_max: limits::DRAIN_BYTES_MAX,
            head_timeout: limits::HEAD_TIMEOUT,
            body_idle_timeout: limits::BODY_IDLE_TIMEOUT,
            body_rate_min: limits::BODY_RATE_MIN,
            body_grace: limits::BODY_GRACE,
            idle_timeout: limits::IDLE_TIMEOUT,
            write_stall_timeout: limits::WRITE_STALL_TIMEOUT,
        }
    }
}

/// What the content of a message may hold beside its data.
#[derive(Clone, Copy, Debug)]
pub struct ContentLimits {
    /// Bytes of content; a request beyond is 413.
    pub body_bytes_max: u64,
    /// Bytes of one chunk-size line.
    pub chunk_line_bytes_max: usize,
    /// Bytes by which chunk framing may exceed the content.
    pub chunk_overhead_bytes_max: usize,
    /// Bytes of a trailer section.
    pub trailer_bytes_max: usize,
    /// Fields of a trailer section.
    pub trailers_max: usize,
    /// Bytes of input held before the peer is no longer read.
    pub input_bytes_max: usize,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: limits::BODY_BYTES_MAX,
            chunk_line_bytes_max: limits::CHUNK_LINE_BYTES_MAX,
            chunk_overhead_bytes_max: limits::CHUNK_OVERHEAD_BYTES_MAX,
            trailer_bytes_max: limits::TRAILER_BYTES_MAX,
            trailers_max: limits::TRAILERS_MAX,
            input_bytes_max: limits::INPUT_BYTES_MAX,
        }
    }
}

/// Every bound of a client connection. Its timeouts are the caller's, who waits for several of them at once.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Bytes of a response head.
    pub head_bytes_max: usize,
    /// Bytes of one field line.
    pub field_line_bytes_max: usize,
    /// Fields of a response head.
    pub fields_max: usize,
    /// Interim responses to one request.
    pub informational_max: u32,
    /// What the content's framing and trailers may hold.
    pub content: ContentLimits,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: limits::HEAD_BYTES_MAX,
            field_line_bytes_max: limits::FIELD_LINE_BYTES_MAX,
            fields_max: limits::FIELDS_MAX,
            informational_max: limits::INFORMATIONAL_MAX,
            content: ContentLimits::default(),
        }
    }
}
