//! What TCP counts, for the dashboard and for tests that assert on reasons.

/// Counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpCounters {
    /// Segments that reached TCP.
    pub received: u64,
    /// Segments sent.
    pub sent: u64,
    /// Segments whose header or checksum was wrong.
    pub malformed: u64,
    /// Segments dropped as impossible: port zero, SYN and FIN, from ourselves.
    pub dropped: u64,
    /// Resets sent for segments that belong to nobody.
    pub resets_sent: u64,
    /// Connections we asked for.
    pub opened: u64,
    /// Connections whose handshake a listener completed.
    pub accepted: u64,
    /// SYNs or handshakes not heard because the accept queue was full.
    pub accept_overflows: u64,
    /// SYN cookies sent.
    pub cookies_sent: u64,
    /// Connections made from a cookie.
    pub cookies_received: u64,
}
