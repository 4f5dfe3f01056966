//! RACK: a segment is lost when one sent later has been delivered and a little time has passed (RFC 8985 §6).
//! Owned by [`super::Recovery`].

use std::time::Duration;

use edgeway_base::Instant;

use super::scoreboard::{Scoreboard, Sent, Verdict};

/// Rounds without a DSACK after which the reordering window shrinks again. RFC 8985 §6.2.
const PERSISTENCE: u8 = 16;
/// RFC 8985 §6.2: segments delivered out of order that make the window zero while no reordering was seen.
const DUPLICATE_THRESHOLD: u64 = 3;

#[derive(Clone, Debug)]
pub(super) struct Rack {
    /// The delivered segment that was sent last: when, and where it ended.
    newest: Option<(Instant, i64)>,
    round_trip: Duration,
    pub(super) reordering_seen: bool,
    multiplier: u32,
    persistence: u8,
    duplicate_round: Option<i64>,
}

/// What the reordering window depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) minimum: Duration,
    pub(super) smoothed: Duration,
    pub(super) granularity: Duration,
    pub(super) segment_size: u64,
    pub(super) recovering: bool,
}

impl Rack {
    pub(super) const fn new() -> Self {
        Self {
            newest: None,
            round_trip: Duration::ZERO,
            reordering_seen: false,
            multiplier: 1,
            persistence: 0,
            duplicate_round: None,
        }
    }

    /// RFC 8985 §6.2 step 2.
    pub(super) fn delivered(&mut self, now: Instant, sent: &Sent, minimum: Option<Duration>, echo_is_older: bool) {
        let round_trip = now - sent.sent_at;
        if sent.was_retransmitted() {
            // It may be the first transmission that arrived: say nothing then.
            if echo_is_older || minimum.is_some_and(|minimum| round_trip < minimum) {
                return;
            }
        }
        self.round_trip = round_trip;
        if self.newest.is_none_or(|(at, end)| sent.sent_after(at, end)) {
            self.newest = Some((sent.sent_at, sent.end));
        }
    }

    /// A DSACK: the reordering window was too small. RFC 8985 §6.2 step 4.
    pub(super) fn duplicate_reported(&mut self, acknowledged: i64, sent: i64) {
        if self.duplicate_round.is_none_or(|round| acknowledged >= round) {
            self.duplicate_round = Some(sent);
            self.multiplier = (self.multiplier + 1).min(64);
            self.persistence = PERSISTENCE;
        }
    }

    /// A recovery ended without any DSACK.
    pub(super) const fn recovery_ended(&mut self) {
        self.persistence = self.persistence.saturating_sub(1);
        if self.persistence == 0 {
            self.multiplier = 1;
        }
    }

    fn window(&self, scoreboard: &Scoreboard, path: Path) -> Duration {
        let enough = scoreboard.sacked() >= DUPLICATE_THRESHOLD * path.segment_size;
        if !self.reordering_seen && (path.recovering || enough) {
            return path.granularity;
        }
        (path.minimum / 4 * self.multiplier).min(path.smoothed) + path.granularity
    }

    /// Marks what is lost; returns how many bytes, and when to look again. RFC 8985 §6.2 step 5.
    pub(super) fn detect(&self, now: Instant, scoreboard: &mut Scoreboard, path: Path) -> (u64, Option<Instant>) {
        let Some((newest_at, newest_end)) = self.newest else { return (0, None) };
        let patience = self.round_trip + self.window(scoreboard, path);
        let mut again: Option<Instant> = None;
        let lost = scoreboard.mark_lost(|sent| {
            if sent.sent_after(newest_at, newest_end) {
                // First transmissions leave in order: behind this one all were sent later still.
                return if sent.was_retransmitted() { Verdict::Keep } else { Verdict::Stop };
            }
            let deadline = sent.sent_at + patience;
            // With an exact clock and no reordering the window is zero and "at" counts as "after".
            if deadline <= now + path.granularity {
                return Verdict::Lost;
            }
            again = Some(again.map_or(deadline, |at| at.min(deadline)));
            Verdict::Keep
        });
        (lost, again)
    }
}
