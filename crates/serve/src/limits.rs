//! Every bound of the stages, with unit, reason and source.

use std::time::Duration;

/// Bytes of access log a worker gathers before it hands them to the writer.
pub const LOG_BUFFER_BYTES: usize = 32 << 10;

/// Blocks of log that may wait for the writer, over all workers (8 MB). More are dropped and counted: a full disk must not stop
/// a request.
pub const LOG_BLOCKS_WAITING: usize = 256;

/// How long a line of the access log may wait in a worker.
pub const LOG_DELAY: Duration = Duration::from_secs(1);

/// How long we wait for an upstream to accept a connection, by default. nginx waits 60 s, HAProxy's manual advises 5 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an upstream may think before its response begins, by default (as nginx's proxy_read_timeout).
pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long content may stand still, by default, either way.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a tunnel (WebSocket) may be silent in both directions. Longer than any ping interval in use.
pub const TUNNEL_IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Idle connections kept for each upstream and worker.
pub const POOL_IDLE_MAX: usize = 128;

/// How long an idle upstream connection is kept. Below the 60 to 75 s after which most servers close it themselves.
pub const POOL_IDLE_FOR: Duration = Duration::from_secs(55);

/// Times a request is tried, the first included.
pub const ATTEMPTS_MAX: u32 = 3;

/// Interim (1xx) responses passed through for one request. A server that sends more is not answering.
pub const INFORMATIONAL_MAX: u32 = 16;

/// How often a worker closes what was idle for too long.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Bytes copied at once through a tunnel, each way.
pub const TUNNEL_BUFFER_BYTES: usize = 32 << 10;
