//! Every bound of the drivers, with unit, reason and source.

use std::time::Duration;

/// Connections the kernel keeps for us before they are accepted. The kernel caps it at net.core.somaxconn (4,096).
pub const LISTEN_BACKLOG: i32 = 4_096;

/// Tasks polled before the runtime looks for new readiness. Tokio's default of 61 halves throughput's cost of epoll_wait no
/// further than 128 does here, while timers and new connections still wait less than a millisecond.
pub const EVENT_INTERVAL: u32 = 128;

/// Readiness events taken from the kernel at once.
pub const EVENTS_PER_WAKE: usize = 1_024;

/// Bytes read at once while a message head is expected: heads are small, and an idle connection holds no buffer.
pub const READ_BYTES: usize = 16 << 10;

/// Bytes read at once while content is moving.
pub const READ_BYTES_BULK: usize = 256 << 10;

/// Unsent response bytes above which a response's source is not pulled (back-pressure).
pub const OUTPUT_HIGH_WATER: usize = 256 << 10;

/// Bytes composed for one write of an HTTP/2 connection: small, so that a late urgent response waits behind little; large enough for four
/// full TLS records, beyond which a write costs no less per byte.
pub const HTTP2_WRITE_BYTES: usize = 64 << 10;

/// Slices given to one vectored write; Linux takes 1,024, but a wake rarely has more than a head and a few pieces.
pub const WRITE_SLICES: usize = 16;

/// Read buffers a worker keeps for its connections.
pub const POOLED_BUFFERS: usize = 64;

/// How long a client that closed its sending side waits for its response before we take it for gone. A client may
/// half-close and still read (RFC 9112 §9.6), but most closes are departures.
pub const HALF_CLOSE_GRACE: Duration = Duration::from_secs(5);

/// How long a stopping worker waits for one more request on a kept connection. A client may have sent it just before it
/// could learn that the server stops, and would see a reset (RFC 9112 §9.5); a request takes less than this around the world.
pub const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// How long a closing connection is read (and what is read thrown away), so that the response is not destroyed by a
/// reset (RFC 9112 §9.6).
pub const LINGER: Duration = Duration::from_secs(2);

/// Bytes thrown away while lingering.
pub const LINGER_BYTES: usize = 256 << 10;

/// Pause after accept(2) failed for want of descriptors or memory: connections wait in the kernel instead of breaking.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Datagrams received, and answered, with one system call each way. Beyond 32 the cost of a datagram falls no further
/// (measured: 4.42 us with 8, 4.24 us with 32).
pub const DATAGRAM_BATCH: usize = 32;

/// Bytes of a datagram that are read. A DNS query is some 50; a signed update (RFC 2136) with dozens of records fits.
pub const DATAGRAM_BYTES: usize = 4_096;

/// Bytes of an answer by datagram at most: the largest an operator may set; what we offer by default is 1,232.
pub const DATAGRAM_ANSWER_BYTES: usize = 4_096;

/// Bytes of datagrams that may wait in the kernel for a worker: a tenth of a second of a hundred thousand queries.
pub const DATAGRAM_QUEUE_BYTES: usize = 4 << 20;

/// How long a stream of DNS messages may go without a whole query from its client, or without taking its answers. RFC 7766
/// §6.2.3: "on the order of a few seconds"; Knot gives 10.
pub const MESSAGE_IDLE: Duration = Duration::from_secs(10);

/// Bytes read at once from a stream of DNS messages: forty usual queries.
pub const MESSAGE_READ_BYTES: usize = 4_096;

/// Unsent answer bytes above which a stream's queries are left waiting (back-pressure). One answer may add 64 KB.
pub const MESSAGE_OUTPUT_HIGH_WATER: usize = 64 << 10;
