//! Every bound of this house: value, unit, reason, source. The machines take them as arguments (`h1`'s in
//! [`crate::h1::machine::ServerLimits`]), so that an operator may choose others; these are the defaults.

/// From a piece of data this long on, in bytes, queueing it costs less than copying it: below, one more
/// slice in the vectored write costs as much as the copy.
pub const SHARED_BYTES_MIN: usize = 16 * 1024;

/// Bytes of capacity the gathering buffer begins with: a head and a body of 1 KB, in one allocation.
pub const GATHER_FIRST_BYTES: usize = 2 * 1024;

/// Bytes of capacity the gathering buffer keeps after use.
pub const GATHER_KEPT_BYTES_MAX: usize = 64 * 1024;

/// Bounds of HTTP/1.x.
pub mod h1 {
    use std::time::Duration;

    /// Bytes of a request line. RFC 9112 §3 recommends at least 8000; twice that, and then 414.
    pub const REQUEST_LINE_BYTES_MAX: usize = 16 * 1024;

    /// Bytes of a whole head, start line and empty line included; beyond is 431. nginx takes 32 KB too.
    pub const HEAD_BYTES_MAX: usize = 32 * 1024;

    /// Bytes of one field line; beyond is 431. The largest honest ones are Cookie and Authorization, and
    /// browsers keep a cookie below 4 KB.
    pub const FIELD_LINE_BYTES_MAX: usize = 16 * 1024;

    /// Bytes of one field name. The longest registered name has 47; the arena counts names in 16 bits.
    pub const FIELD_NAME_BYTES_MAX: usize = 256;

    /// Fields in a head; beyond is 431. Browsers send about 20, and each costs memory here and upstream.
    pub const FIELDS_MAX: usize = 100;

    /// Fields in a trailer section; beyond is 431. gRPC sends three.
    pub const TRAILERS_MAX: usize = 32;

    /// Bytes of a trailer section; beyond is 431.
    pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

    /// Bytes of one chunk-size line with its extensions, which nobody sends but attackers.
    pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

    /// Bytes by which chunk framing may exceed the content it frames, over one message; beyond is 400
    /// (CVE-2023-39326: one-byte chunks with long extensions read much and deliver nothing; Go allows 16 KB).
    pub const CHUNK_OVERHEAD_BYTES_MAX: usize = 16 * 1024;

    /// What every chunk may cost before it counts against [`CHUNK_OVERHEAD_BYTES_MAX`], in bytes.
    pub const CHUNK_OVERHEAD_FREE_BYTES: usize = 16;

    /// Bytes of input held before the peer is no longer read: two reads of 32 KB.
    pub const INPUT_BYTES_MAX: usize = 64 * 1024;

    /// Bytes of request content thrown away to keep a connection whose request was answered early; beyond
    /// it is cheaper for both sides to connect again.
    pub const DRAIN_BYTES_MAX: u64 = 256 * 1024;

    /// Bytes of request content. Unbounded here, because content streams; routes that store it set theirs.
    pub const BODY_BYTES_MAX: u64 = u64::MAX;

    /// Interim (1xx) responses taken from an upstream for one request; an honest server sends one or two.
    pub const INFORMATIONAL_MAX: u32 = 32;

    /// For a whole head, from its first byte, or from the connection's start for the first. Apache's
    /// mod_reqtimeout gives 20 to 40 s; slowloris lives from servers that give more.
    pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

    /// For the next byte of content.
    pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

    /// Slowest content allowed, in bytes a second (Kestrel's MinRequestBodyDataRate).
    pub const BODY_RATE_MIN: u32 = 240;

    /// How long content may be slower than [`BODY_RATE_MIN`] at its start: a mobile network waking up.
    pub const BODY_GRACE: Duration = Duration::from_secs(10);

    /// For the next request on a connection. nginx keeps 75 s.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

    /// For the peer to take some of our output.
    pub const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);

    // A head that is within its bound must fit into the input that is held.
    const _: () = assert!(HEAD_BYTES_MAX <= INPUT_BYTES_MAX && REQUEST_LINE_BYTES_MAX <= HEAD_BYTES_MAX);
    const _: () = assert!(FIELD_NAME_BYTES_MAX <= u16::MAX as usize && CHUNK_LINE_BYTES_MAX <= INPUT_BYTES_MAX);
}

/// Bounds of WebSocket connections.
pub mod websocket {
    use std::time::Duration;

    /// Bytes of one message, all its frames together; beyond is 1009. Messages are handed out whole.
    pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

    /// Bytes of input held before the peer is no longer read.
    pub const INPUT_BYTES_MAX: usize = 64 * 1024;

    /// Bytes of output beyond which no pong is added: RFC 6455 §5.5.3 lets only the last ping be answered.
    pub const PONG_OUTPUT_BYTES_MAX: usize = 16 * 1024;

    /// Control frames within [`CONTROL_WINDOW`]; beyond is 1008. A heartbeat sends one in ten seconds.
    pub const CONTROL_FRAMES_MAX: u32 = 500;

    /// The span over which control frames are counted.
    pub const CONTROL_WINDOW: Duration = Duration::from_secs(10);

    /// Frames of one message without content; beyond is 1008. Each costs work and brings nothing.
    pub const EMPTY_FRAMES_MAX: u32 = 100;

    /// Silence after which we ask whether the peer is still there: below the 60 s after which middleboxes forget.
    pub const PING_INTERVAL: Duration = Duration::from_secs(30);

    /// For any byte after we asked.
    pub const PONG_TIMEOUT: Duration = Duration::from_secs(20);

    /// For the peer's close after ours, and for its end of the connection after that.
    pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
}

/// Bounds of event streams that are read.
pub mod event_stream {
    /// Bytes of one line, and of the data of one event; a stream beyond is not read on.
    pub const EVENT_BYTES_MAX: usize = 1024 * 1024;
}
