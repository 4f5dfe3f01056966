//! What one acknowledgement says, before anything is decided. Made and read by [`super::Recovery`].

use std::time::Duration;

use edgeway_base::Instant;

use super::Acknowledgement;
use super::scoreboard::Sent;

/// First position and the one behind the last.
type Range = (i64, i64);

/// RFC 2883 §4: a first block that lies below the acknowledgement or inside the second block reports a duplicate.
pub(super) fn split_duplicate<'a>(ack: &Acknowledgement<'a>) -> (&'a [Range], Option<Range>) {
    let Some((&first, rest)) = ack.blocks.split_first() else { return (ack.blocks, None) };
    let below = first.1 <= ack.position;
    let inside = rest.first().is_some_and(|second| second.0 <= first.0 && first.1 <= second.1);
    if (below || inside) && first.0 < first.1 { (rest, Some(first)) } else { (ack.blocks, None) }
}

/// What one acknowledgement delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    pub(super) delivered: u64,
    pub(super) cumulative: bool,
    pub(super) reordered: bool,
    /// The newly delivered segment that was sent last.
    pub(super) newest: Option<Sent>,
    /// Its like among those sent only once.
    pub(super) newest_untouched: Option<Instant>,
    pub(super) untouched_end: Option<i64>,
    pub(super) retransmitted: bool,
}

impl Survey {
    pub(super) fn add(&mut self, sent: &Sent) {
        self.delivered += sent.length();
        self.cumulative |= !sent.sacked;
        if self.newest.is_none_or(|newest| sent.sent_after(newest.sent_at, newest.end)) {
            self.newest = Some(*sent);
        }
        if sent.was_retransmitted() {
            self.retransmitted = true;
        } else {
            self.newest_untouched = self.newest_untouched.max(Some(sent.sent_at));
            self.untouched_end = self.untouched_end.max(Some(sent.end));
        }
    }

    /// Karn: from a segment sent once; else by the echoed clock, if data was acknowledged.
    pub(super) fn round_trip(&self, ack: &Acknowledgement<'_>) -> Option<Duration> {
        match self.newest_untouched {
            Some(sent_at) if !self.retransmitted => Some(ack.now - sent_at),
            _ if self.delivered > 0 => ack.echo_age,
            _ => None,
        }
    }
}
