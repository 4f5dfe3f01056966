//! The clocks of one connection. Owned by the connection; the endpoint's wheel holds only the earliest.

use edgeway_base::Instant;

/// What may be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Timer {
    /// Retransmission (RFC 6298), of the SYN too.
    Retransmission,
    /// Tail loss probe (RFC 8985 §7).
    TailLossProbe,
    /// RACK's reordering window (RFC 8985 §6.2).
    Reordering,
    /// A delayed acknowledgement.
    DelayedAcknowledgement,
    /// Zero-window probe, and a sender waiting on silly windows (RFC 9293 §3.8.6).
    Persist,
    /// Keep-alive.
    KeepAlive,
    /// An orphan in FIN-WAIT-2.
    FinWait2,
    /// The next paced segment.
    Pacing,
    /// Nothing acknowledged for too long (R2, RFC 5482).
    UserTimeout,
}

const COUNT: usize = Timer::UserTimeout as usize + 1;

/// All of them, in the order in which they are looked at.
pub const ALL: [Timer; COUNT] = [
    // A probe that is due with the retransmission timeout goes first (RFC 8985 §7.2).
    Timer::TailLossProbe,
    Timer::Retransmission,
    Timer::Reordering,
    Timer::DelayedAcknowledgement,
    Timer::Persist,
    Timer::KeepAlive,
    Timer::FinWait2,
    Timer::Pacing,
    Timer::UserTimeout,
];

/// Deadlines; the end of time means "not armed".
#[derive(Clone, Debug)]
pub struct Timers {
    deadlines: [Instant; COUNT],
}

const NEVER: Instant = Instant::from_nanos(u64::MAX);

impl Default for Timers {
    fn default() -> Self {
        Self { deadlines: [NEVER; COUNT] }
    }
}

impl Timers {
    /// Arms `timer`, whatever it was before.
    pub fn arm(&mut self, timer: Timer, deadline: Instant) {
        self.deadlines[timer as usize] = deadline;
    }

    /// Arms `timer` unless it is armed already.
    pub fn arm_once(&mut self, timer: Timer, deadline: Instant) {
        if !self.is_armed(timer) {
            self.arm(timer, deadline);
        }
    }

    /// Disarms it.
    pub fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = NEVER;
    }

    /// Disarms all.
    pub fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Its deadline.
    pub fn deadline(&self, timer: Timer) -> Option<Instant> {
        Some(self.deadlines[timer as usize]).filter(|deadline| *deadline != NEVER)
    }

    /// Whether it is armed.
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize] != NEVER
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<Instant> {
        self.deadlines.iter().min().copied().filter(|deadline| *deadline != NEVER)
    }

    /// Disarms `timer` if it is due, and says whether it was.
    pub fn expired(&mut self, timer: Timer, now: Instant) -> bool {
        let due = self.deadlines[timer as usize] <= now;
        if due {
            self.stop(timer);
        }
        due
    }
}
