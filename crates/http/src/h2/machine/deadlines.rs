//! The connection's deadlines. Set by the connection, asked by the driver through `poll_timeout`.

use edgeway_base::Instant;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deadline {
    /// The peer's preface and first SETTINGS.
    Preface,
    /// The acknowledgement of our SETTINGS.
    SettingsAck,
    /// The rest of a field block.
    Block,
    /// A sign of life; then a PING is sent.
    KeepAlive,
    /// The answer to a keep-alive PING.
    PingAnswer,
    /// The second GOAWAY of a graceful stop.
    Grace,
    /// The next look at streams with bytes waiting.
    StallCheck,
}

const ALL: [Deadline; 7] = [
    Deadline::Preface,
    Deadline::SettingsAck,
    Deadline::Block,
    Deadline::KeepAlive,
    Deadline::PingAnswer,
    Deadline::Grace,
    Deadline::StallCheck,
];

/// At most one moment for each.
#[derive(Debug, Default)]
pub(super) struct Deadlines([Option<Instant>; ALL.len()]);

impl Deadlines {
    pub(super) const fn set(&mut self, deadline: Deadline, at: Instant) {
        self.0[deadline as usize] = Some(at);
    }

    pub(super) const fn clear(&mut self, deadline: Deadline) {
        self.0[deadline as usize] = None;
    }

    pub(super) const fn is_set(&self, deadline: Deadline) -> bool {
        self.0[deadline as usize].is_some()
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one that has passed.
    pub(super) fn take_passed(&mut self, now: Instant) -> Option<Deadline> {
        let passed = ALL.into_iter().find(|deadline| self.0[*deadline as usize].is_some_and(|at| at <= now))?;
        self.clear(passed);
        Some(passed)
    }
}
