//! Every bound of an HTTP/2 connection: value, unit, reason, source. Those an operator may change are [`Limits`]; the
//! rest are constants, read by the machine's owners.

use std::time::Duration;

/// The bounds that may differ from connection to connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams the peer may have open at once. 128: browsers ask for 100 or more (RFC 9113 §6.5.2 advises no less than
    /// 100); each costs a request's work.
    pub streams_max: u32,
    /// Field lines of one section, pseudo-header fields and cookie crumbs counted. 128: one byte of HPACK makes a line,
    /// so size alone is no bound ("HTTP/2 bomb", CVE-2026-49975); browsers send fewer than 60, crumbs and all.
    pub field_count_max: usize,
    /// Bytes of one section as RFC 9113 §6.5.2 counts them; announced. 32,768: what nginx takes (4 buffers of 8 KB).
    pub section_size_max: usize,
    /// Bytes of all request heads in progress, counted alike. 1 MB: 128 streams of ordinary heads fit many times; 128 of
    /// the largest would be 4 MB a connection.
    pub header_memory_max: usize,
    /// Bytes of HPACK table we keep for the peer. 4,096: the protocol's own default (RFC 9113 §6.5.2).
    pub header_table_size: u32,
    /// Bytes of window a new stream starts with. 65,535: the protocol's default; it grows with the path.
    pub stream_window: u32,
    /// Bytes the window of one stream may grow to. 8 MB: 1 Gbit/s over 64 ms.
    pub stream_window_max: u32,
    /// Bytes of window the connection starts with. 256 KB: four streams at their first window.
    pub connection_window: u32,
    /// Bytes the connection's window may grow to. 16 MB: it bounds what one peer can make us hold unread.
    pub connection_window_max: u32,
    /// Bytes one stream may have waiting to be sent before [`send_capacity`] says none. 128 KB: enough to fill any write
    /// while the driver fetches more, and a late urgent response waits behind none of it.
    ///
    /// [`send_capacity`]: super::ServerConnection::send_capacity
    pub stream_backlog: usize,
    /// Bytes all streams may have waiting. 1 MB: beyond it a stream gets room only for one frame.
    pub connection_backlog: usize,
    /// A silent peer is asked for a sign of life after this. 45 s: shorter than NATs forget (RFC 5382: 124 minutes by the
    /// book, one or two minutes in practice). `None`: never.
    pub keep_alive: Option<Duration>,
    /// Whether extended CONNECT is offered (RFC 8441). Server only.
    pub extended_connect: bool,
    /// Whether server push is taken. Client only; off, because no cache is filled from it unless someone wants it.
    pub push: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams_max: 128,
            field_count_max: 128,
            section_size_max: 32_768,
            header_memory_max: 1 << 20,
            header_table_size: 4_096,
            stream_window: 65_535,
            stream_window_max: 8 << 20,
            connection_window: 256 << 10,
            connection_window_max: 16 << 20,
            stream_backlog: 128 << 10,
            connection_backlog: 1 << 20,
            keep_alive: Some(Duration::from_secs(45)),
            extended_connect: true,
            push: false,
        }
    }
}

/// Bytes of a window before any SETTINGS (RFC 9113 §6.9.2).
pub const WINDOW_DEFAULT: u32 = 65_535;

/// Bytes of a frame we take, and of the largest DATA we cut. 16,384: the least there is (RFC 9113 §6.5.2), and as often as
/// an urgent stream may have to wait for another's frame to pass.
pub const FRAME_SIZE_MAX: u32 = 16_384;

/// Bytes of one field block on the wire. 64 KB: twice the largest section, for literals and padding.
pub const BLOCK_SIZE_MAX: usize = 64 << 10;

/// CONTINUATION frames of one block, empty ones counted (CVE-2024-27316). 16: a 64 KB block needs four.
pub const CONTINUATIONS_MAX: u32 = 16;

/// Time from the first to the last frame of a block. 10 s: a block is sent at once; only loss draws it out.
pub const BLOCK_TIME_MAX: Duration = Duration::from_secs(10);

/// Time for the peer's preface and first SETTINGS. 10 s: it can send them before it hears from us.
pub const PREFACE_TIME_MAX: Duration = Duration::from_secs(10);

/// Time for the peer to acknowledge SETTINGS (RFC 9113 §6.5.3). 20 s: a round trip on the worst of paths, with losses.
pub const SETTINGS_TIME_MAX: Duration = Duration::from_secs(20);

/// Time for the peer to answer a keep-alive PING. 20 s: as above.
pub const PING_TIME_MAX: Duration = Duration::from_secs(20);

/// Time between the two GOAWAYs of a graceful stop when no PING comes back. 2 s: requests on their way have arrived.
pub const GRACE_TIME_MAX: Duration = Duration::from_secs(2);

/// How often streams with bytes waiting are looked at, and after how many looks without progress one is reset. 3 looks,
/// 10 s apart: a reader that takes less for half a minute is no reader (slow read; "HTTP/2 bomb" with closed windows).
pub const STALL_INTERVAL: Duration = Duration::from_secs(10);
/// See [`STALL_INTERVAL`].
pub const STALL_STRIKES_MAX: u8 = 3;
/// Bytes of one stream in one [`STALL_INTERVAL`] that count as progress. 2 KB: 200 bytes a second.
pub const STALL_PROGRESS_MIN: u64 = 2_048;

/// Parameters of one SETTINGS frame. 32: eight are defined, and some peers grease.
pub const SETTINGS_COUNT_MAX: usize = 32;

/// 1xx responses to one request. 16: nobody needs more than a 100, a 103 or two, and progress now and then.
pub const INFORMATIONAL_MAX: u8 = 16;

/// Events held before more input is read. 64: one batch of a driver's work.
pub const EVENTS_MAX: usize = 64;

/// Bytes of control frames and heads waiting for the transport before more input is read. 64 KB: a peer that does not
/// read our answers is not read from.
pub const CONTROL_BACKLOG_MAX: usize = 64 << 10;

/// Bytes of DATA up to which content is copied out of the input buffer. 1 KB: a small piece held for long would pin the
/// whole buffer it came in.
pub const COPY_MAX: usize = 1_024;

/// Heads kept for reuse, and bytes of memory beyond which one is not kept. 32 of 8 KB: a busy
/// connection's concurrency; an idle one gives them back.
pub const SPARE_HEADS_MAX: usize = 32;
/// See [`SPARE_HEADS_MAX`].
pub const SPARE_HEAD_MEMORY_MAX: usize = 8 << 10;

/// Streams remembered after they ended, so that late frames are told from wrong ones. 128: one full set of streams.
pub const CLOSED_MEMORY: usize = 128;

/// Priorities remembered for streams that are not open: PRIORITY_UPDATE ahead of its request (RFC 9218 §7.1) and the
/// empty group streams of old trees. 16: Firefox makes six.
pub const IDLE_PRIORITIES_MAX: usize = 16;

/// A DATA frame shorter than this earns no free answers when only the peer's window made it so short: window crumbs.
pub const CRUMB_SIZE: usize = 1_024;
/// Content of a DATA frame up to this many bytes counts as tiny. 16: a keystroke, not a message.
pub const TINY_DATA_MAX: usize = 16;

const _: () = {
    assert!(BLOCK_SIZE_MAX <= (CONTINUATIONS_MAX as usize) * FRAME_SIZE_MAX as usize);
};
