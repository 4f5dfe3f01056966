//! The timestamps option: round trips for retransmissions, and protection against old duplicates (PAWS,
//! RFC 7323). Owned by the connection.

use std::time::Duration;

use edgeway_base::Instant;

use crate::limits::TIMESTAMP_IDLE_MAX;

/// Both sides' clocks.
#[derive(Clone, Copy, Debug)]
pub struct Timestamps {
    /// Both sides agreed.
    pub enabled: bool,
    /// Added to our clock, different for every connection (RFC 7323 §5.4 and RFC 6056's worry).
    pub offset: u32,
    /// TS.Recent.
    pub recent: u32,
    /// When it came.
    pub recent_at: Instant,
}

impl Timestamps {
    /// Not agreed yet.
    pub const fn new(offset: u32) -> Self {
        Self { enabled: false, offset, recent: 0, recent_at: Instant::ZERO }
    }

    /// Our clock: milliseconds (RFC 7323 §5.4 allows 1 ms to 1 s per tick).
    pub const fn value(&self, now: Instant) -> u32 {
        self.offset.wrapping_add(now.as_millis() as u32)
    }

    /// How long ago the peer's echo was our clock; `None` when it never was.
    pub fn age(&self, now: Instant, echo: u32) -> Option<Duration> {
        let age = self.value(now).wrapping_sub(echo);
        // An echo from the future, or older than any connection waits, is nonsense.
        (echo != 0 && age < 1 << 30).then(|| Duration::from_millis(u64::from(age)))
    }

    /// RFC 7323 §5.3 R1: the segment is older than what was seen. Not after 24 days of silence (§5.5).
    pub fn is_old(&self, now: Instant, value: u32) -> bool {
        self.enabled && (value.wrapping_sub(self.recent) as i32) < 0 && now - self.recent_at < TIMESTAMP_IDLE_MAX
    }

    /// RFC 7323 §4.3 (2): remember the peer's clock from the segment that covers the last acknowledgement sent.
    pub fn note(&mut self, now: Instant, value: u32, covers_last_acknowledged: bool) {
        if covers_last_acknowledged && (value.wrapping_sub(self.recent) as i32) >= 0 {
            (self.recent, self.recent_at) = (value, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_045_old_wrapped_and_long_idle_timestamps() {
        let mut now = Instant::from_millis(10);
        let mut timestamps = Timestamps { enabled: true, recent: u32::MAX - 9, recent_at: now, ..Timestamps::new(0) };
        timestamps.note(now, u32::MAX - 5, true);
        assert!(timestamps.is_old(now, u32::MAX - 6));
        assert!(!timestamps.is_old(now, u32::MAX - 5), "equal is not old");
        assert!(!timestamps.is_old(now, 3), "wrapped is newer");
        timestamps.note(now, 3, true);
        assert_eq!(timestamps.recent, 3);
        timestamps.note(now, 9, false);
        assert_eq!(timestamps.recent, 3, "only what covers the last acknowledgement");
        now += Duration::from_secs(25 * 24 * 3600);
        assert!(!timestamps.is_old(now, 0x9000_0000), "after 24 days nothing can be compared");
    }

    #[test]
    fn ages() {
        let timestamps = Timestamps::new(u32::MAX);
        let now = Instant::from_millis(500);
        assert_eq!(timestamps.age(now, timestamps.value(Instant::from_millis(400))), Some(Duration::from_millis(100)));
        assert_eq!(timestamps.age(now, timestamps.value(Instant::from_millis(600))), None, "from the future");
    }
}
