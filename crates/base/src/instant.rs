//! Moments in time, as arguments. Every machine takes `now: Instant`; nothing below storey 3
//! reads a clock. `net` fills these from the kernel's clocks, `lab` from virtual time.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on a monotonic clock, in nanoseconds since an origin that only its maker knows.
///
/// Two instants compare only when the same clock made them. Range: 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// The moment `nanoseconds` after the origin.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// The moment `milliseconds` after the origin; for tests and scenarios.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds * 1_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Microseconds since the origin, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Milliseconds since the origin, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time from `earlier` to `self`; zero when `earlier` is the later one.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Self> for Instant {
    type Output = Duration;
    /// Saturates at zero: a clock that is read twice in the wrong order is not a reason to panic.
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// A moment on the calendar: time since 1970-01-01T00:00:00Z, without leap seconds.
///
/// For what the outside dates: `Date` fields, certificates, signatures. May jump; never measure
/// a duration with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallTime(Duration);

impl WallTime {
    /// The moment `seconds` after the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The moment `since_epoch` after the epoch.
    pub const fn from_duration(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    /// Time since the epoch, to the nanosecond.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// This moment moved `duration` later (saturating).
    pub const fn later(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// This moment moved `duration` earlier (saturating at the epoch).
    pub const fn earlier(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_panicking() {
        let late = Instant::from_nanos(u64::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(Instant::ZERO - late, Duration::ZERO);
        assert_eq!(WallTime::from_seconds(1).earlier(Duration::from_secs(9)), WallTime::default());
    }

    #[test]
    fn units_round_down() {
        let moment = Instant::from_nanos(1_999_999);
        assert_eq!((moment.as_micros(), moment.as_millis()), (1_999, 1));
    }
}
