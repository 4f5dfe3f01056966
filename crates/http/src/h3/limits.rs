//! Every bound of an HTTP/3 connection: value, unit, reason, source. How many streams there are and how much each may have
//! on its way is QUIC's matter, and its driver's; what trouble costs is in [`crate::binary::limits`].

/// The bounds that may differ from connection to connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Field lines of one section, pseudo-header fields and cookie crumbs counted. 128, as over HTTP/2 and for its reason: one
    /// byte of QPACK makes a line.
    pub field_count_max: usize,
    /// Bytes of one section as RFC 9114 §4.2.2 counts them; announced. 32,768, as over HTTP/2.
    pub section_size_max: usize,
    /// Bytes of all request heads in progress, counted alike. 1 MB, as over HTTP/2.
    pub header_memory_max: usize,
    /// Bytes of QPACK table we keep for the peer. 4,096: what one connection's repeated fields need.
    pub table_capacity: usize,
    /// Streams that may wait for the table. 16: each holds a section; more would make loss on the encoder stream expensive.
    pub blocked_streams_max: usize,
    /// Bytes one stream may have waiting to be sent before `send_capacity` says none. 128 KB, as over HTTP/2.
    pub stream_backlog: usize,
    /// Whether extended CONNECT is offered (RFC 9220). Server only.
    pub extended_connect: bool,
    /// Whether HTTP datagrams are taken (RFC 9297).
    pub datagrams: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            field_count_max: 128,
            section_size_max: 32_768,
            header_memory_max: 1 << 20,
            table_capacity: 4_096,
            blocked_streams_max: 16,
            stream_backlog: 128 << 10,
            extended_connect: true,
            datagrams: true,
        }
    }
}

/// Bytes of one field section on the wire. 64 KB: twice the largest section.
pub const SECTION_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a frame on the control stream. 4 KB: SETTINGS with a hundred greased parameters, PRIORITY_UPDATE with a long
/// field.
pub const CONTROL_FRAME_MAX: u64 = 4 << 10;

/// Bytes that may wait behind one blocked section. 256 KB: the driver is to read no more of a stream whose events do not
/// come, but what QUIC had already given it must have a place.
pub const HELD_BYTES_MAX: usize = 256 << 10;

/// Request streams that may be opened, by the order of their numbers, before any byte of theirs has come. 1,024: far more
/// than QUIC is told to allow at once.
pub const SKIPPED_MAX: usize = 1_024;

/// 1xx responses to one request. 16, as over HTTP/2.
pub const INFORMATIONAL_MAX: u8 = 16;

/// Priorities remembered for requests that have not come. 16, as over HTTP/2.
pub const IDLE_PRIORITIES_MAX: usize = 16;

/// Pushes promised and not yet finished. 16: more than a page needs before its first byte.
pub const PUSHES_MAX: usize = 16;

/// Heads kept for reuse, and bytes of memory beyond which one is not kept.
pub const SPARE_HEADS_MAX: usize = 8;
/// See [`SPARE_HEADS_MAX`].
pub const SPARE_HEAD_MEMORY_MAX: usize = 8 << 10;
