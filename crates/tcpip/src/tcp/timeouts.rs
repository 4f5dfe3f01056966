//! A deadline passed: what each timer of [`super::timers`] does. Called by [`super::endpoint`] through its wheel.

use edgeway_base::Instant;

use super::connection::{Connection, ProbeKind};
use super::receive_side::Due;
use super::state::{State, TcpError};
use super::timers::{ALL, Timer};
use crate::limits::SYN_ACK_RETRIES;

/// Full-sized segments that time out this often in a row have probably met a hole that says nothing (RFC 4821 §7.7)...
const BLACK_HOLE_TIMEOUTS: u8 = 2;
/// ...unless the path has carried such segments before: then loss is likelier, and more patience is right.
const BLACK_HOLE_TIMEOUTS_PROVEN: u8 = 6;
/// What every path carries: RFC 791's 576 less headers, RFC 8200's 1280 less headers.
const SAFE_SEGMENT_V4: u32 = 536;
const SAFE_SEGMENT_V6: u32 = 1220;

impl Connection {
    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        for timer in ALL {
            if self.timers.expired(timer, now) {
                self.expired(timer, now);
            }
        }
    }

    fn expired(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Retransmission if !self.state.is_synchronized() => self.syn_timeout(),
            Timer::Retransmission => self.retransmission_timeout(now),
            Timer::TailLossProbe => self.tail_loss_timeout(now),
            Timer::Reordering => self.reordering_timeout(now),
            Timer::DelayedAcknowledgement => self.receive.due = Due::Now,
            Timer::Persist => self.persist_timeout(now),
            Timer::KeepAlive => self.keep_alive_timeout(now),
            // The next look at what may be sent does the rest.
            Timer::Pacing => {}
            Timer::FinWait2 => self.close_with(None),
            // MUST-20: R2; a soft error seen on the way says more than "timed out" (RFC 9293 §3.9.2.2).
            Timer::UserTimeout => self.close_with(Some(self.soft_error.unwrap_or(TcpError::TimedOut))),
        }
    }

    fn syn_timeout(&mut self) {
        self.syn_retries = self.syn_retries.saturating_add(1);
        if self.passive && self.syn_retries > SYN_ACK_RETRIES {
            return self.close_with(None);
        }
        self.round_trip.back_off();
        if !self.fast_opened {
            self.send.next = self.send.next.min(1);
        }
        self.syn_due = true;
    }

    fn tail_loss_timeout(&mut self, now: Instant) {
        self.probe_due = Some(ProbeKind::TailLoss);
        self.timers.arm(Timer::Retransmission, now + self.round_trip.timeout(&self.settings));
    }

    fn retransmission_timeout(&mut self, now: Instant) {
        if self.recovery.is_idle() {
            return;
        }
        self.round_trip.back_off();
        let (unacknowledged, sent) = (self.send.unacknowledged, self.send.next);
        self.recovery.on_timeout(now, unacknowledged, sent, self.controller.as_mut());
        self.suspect_black_hole();
        self.timers.stop(Timer::TailLossProbe);
        self.timers.arm(Timer::Retransmission, now + self.round_trip.timeout(&self.settings));
    }

    /// RFC 4821 §7.7 and RFC 2923 §2.1: large segments vanish and no ICMP message comes: try a safe size.
    fn suspect_black_hole(&mut self) {
        let safe = if self.pair.remote.is_ipv4() { SAFE_SEGMENT_V4 } else { SAFE_SEGMENT_V6 };
        let full = self.recovery.head_length() > i64::from(safe);
        self.black_hole_timeouts = if full { self.black_hole_timeouts.saturating_add(1) } else { 0 };
        let patience = if self.path_proven { BLACK_HOLE_TIMEOUTS_PROVEN } else { BLACK_HOLE_TIMEOUTS };
        if self.black_hole_timeouts > patience {
            self.black_hole_timeouts = 0;
            self.path_proven = false;
            self.set_path_segment_size(safe);
        }
    }

    fn reordering_timeout(&mut self, now: Instant) {
        let edges = (self.send.unacknowledged, self.send.next);
        let size = self.send.segment_size();
        self.recovery.on_reordering_timeout(
            now,
            edges,
            &self.round_trip,
            self.controller.as_mut(),
            &self.settings,
            size,
        );
        self.reschedule(now);
    }

    /// MUST-35, MUST-36: ask about a closed window; SHLD-30: ever more slowly. A window that is only silly is used
    /// now after all (RFC 9293 §3.8.6.2.1's override timeout).
    fn persist_timeout(&mut self, now: Instant) {
        if !self.send.is_stuck() || !self.recovery.is_idle() {
            return;
        }
        // MUST-37: as long as the peer answers, the connection stays; one that is silent is given up.
        if now - self.received_at > self.settings.user_timeout {
            return self.close_with(Some(TcpError::TimedOut));
        }
        if self.send.edge() > self.send.next {
            self.send.window_max = self.send.window.min(self.send.window_max);
        } else {
            self.probe_due = Some(ProbeKind::ZeroWindow);
        }
        self.persist_backoff = (self.persist_backoff + 1).min(16);
    }

    /// RFC 9293 §3.8.4: MUST-26 only when nothing came for the interval, MUST-29 not dead after one.
    fn keep_alive_timeout(&mut self, now: Instant) {
        let Some(keep_alive) = self.settings.keep_alive else { return };
        let silent = now - self.received_at;
        if silent < keep_alive.idle || !self.recovery.is_idle() {
            self.keep_alive_unanswered = 0;
            // From the last sign of life; a moment later when that is past already and data is under way.
            let due = (self.received_at + keep_alive.idle).max(now + keep_alive.interval.min(keep_alive.idle));
            self.timers
                .arm(Timer::KeepAlive, if silent < keep_alive.idle { self.received_at + keep_alive.idle } else { due });
            return;
        }
        if self.keep_alive_unanswered >= keep_alive.probes {
            self.reset_due = Some((self.send.next, true));
            return self.close_with(Some(TcpError::TimedOut));
        }
        self.keep_alive_unanswered += 1;
        self.probe_due = Some(ProbeKind::KeepAlive);
        self.timers.arm(Timer::KeepAlive, now + keep_alive.interval);
    }

    /// After input or a timeout: the timers that follow from the state.
    pub(super) fn reschedule(&mut self, now: Instant) {
        if matches!(self.state, State::Closed | State::TimeWait) {
            return;
        }
        match self.recovery.look_again() {
            Some(again) => self.timers.arm(Timer::Reordering, again.max(now)),
            None => self.timers.stop(Timer::Reordering),
        }
        if self.recovery.is_idle() {
            self.timers.stop(Timer::Retransmission);
            self.timers.stop(Timer::TailLossProbe);
            self.timers.stop(Timer::UserTimeout);
        }
    }

    /// The path takes segments of at most this many bytes (options included); more is ignored.
    pub fn set_path_segment_size(&mut self, bytes: u32) {
        if bytes >= self.send.path_segment_size {
            return;
        }
        let before = self.send.segment_size();
        self.send.path_segment_size = bytes;
        if self.send.segment_size() < before {
            self.controller.set_segment_size(self.send.segment_size());
            // RFC 1191 §6.5: what was too large is sent again at once, and it was not congestion.
            self.recovery.on_path_shrunk();
        }
    }

    /// Whether `sequence` was sent and not acknowledged.
    pub fn is_under_way(&self, sequence: crate::wire::sequence::SequenceNumber) -> bool {
        let position = self.send.space.position(self.send.unacknowledged, sequence);
        self.send.unacknowledged <= position && position < self.send.next
    }

    /// An ICMP error about this connection, which named a sequence number of ours. RFC 5927 §4.1: believed only
    /// when that number is under way.
    pub fn handle_icmp(&mut self, sequence: crate::wire::sequence::SequenceNumber, error: IcmpError) {
        if !self.is_under_way(sequence) {
            return;
        }
        match error {
            IcmpError::TooBig { segment_size } => self.set_path_segment_size(segment_size),
            // RFC 5461 §4.1: a connection attempt may end by a hard error; an established connection never does
            // (RFC 5927 §5.2), whatever RFC 1122 said.
            IcmpError::Hard(reason) if !self.state.is_synchronized() && self.settings.icmp_may_reset => {
                self.close_with(Some(reason));
            }
            // MUST-56: soft errors must not abort.
            IcmpError::Hard(reason) | IcmpError::Soft(reason) => self.soft_error = Some(reason),
        }
    }
}

/// An ICMP error as TCP cares about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IcmpError {
    /// The packet was too large: the path takes segments of this many bytes.
    TooBig {
        /// MTU less IP and TCP headers.
        segment_size: u32,
    },
    /// RFC 1122 §4.2.3.9: there is no use in trying again.
    Hard(TcpError),
    /// It may pass.
    Soft(TcpError),
}
