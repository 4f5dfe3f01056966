//! What recovery is told by an acknowledgement, and what it answers. Passed between the connection and
//! [`super::Recovery`].

use std::time::Duration;

use edgeway_base::Instant;

/// An acknowledgement as the connection read it: positions, not wire numbers.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement<'a> {
    /// When it came.
    pub now: Instant,
    /// SND.UNA before it.
    pub previous: i64,
    /// What it acknowledges.
    pub position: i64,
    /// SND.NXT.
    pub sent: i64,
    /// SACK blocks, as sent (a first block below `position` or inside the second is a DSACK).
    pub blocks: &'a [(i64, i64)],
    /// Nothing but an acknowledgement: no data, no FIN, no window change.
    pub pure: bool,
    /// Our timestamp it echoes.
    pub echo: Option<u32>,
    /// Time since that timestamp was sent.
    pub echo_age: Option<Duration>,
    /// It carries an ECN echo that this window has not reacted to.
    pub congestion_echo: bool,
    /// The congestion window was the limit before it.
    pub window_limited: bool,
}

/// What an acknowledgement changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Bytes newly acknowledged or selectively acknowledged.
    pub delivered: u64,
    /// Bytes newly found lost.
    pub lost: u64,
    /// The congestion window was cut.
    pub reduced: bool,
    /// A reduction was taken back.
    pub undone: bool,
}

/// Numbers for `TcpInfo` and for pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecoveryCounts {
    /// Segments sent again.
    pub retransmissions: u64,
    /// Bytes sent again.
    pub retransmitted_bytes: u64,
    /// Timeouts.
    pub timeouts: u64,
    /// Fast recoveries.
    pub recoveries: u64,
    /// Reductions taken back.
    pub undone: u64,
    /// Tail loss probes.
    pub probes: u64,
    /// DSACKs received.
    pub duplicates_reported: u64,
}
