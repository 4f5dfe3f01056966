//! A budget by time: so many at once, so many per second. Used for challenge ACKs, resets and ICMP errors.

use edgeway_base::Instant;

/// Tokens that come back with time.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    /// In millionths of a token.
    level: u64,
    burst: u64,
    per_second: u64,
    at: Instant,
}

const WHOLE: u64 = 1_000_000;

impl TokenBucket {
    /// Full, with room for `burst`, refilled by `per_second`.
    pub const fn new(now: Instant, burst: u32, per_second: u32) -> Self {
        let burst = burst as u64 * WHOLE;
        Self { level: burst, burst, per_second: per_second as u64, at: now }
    }

    /// Takes one; `false` when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let elapsed = (now - self.at).as_micros() as u64;
        self.at = self.at.max(now);
        self.level = self.level.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.burst);
        let granted = self.level >= WHOLE;
        if granted {
            self.level -= WHOLE;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_rate() {
        let mut bucket = TokenBucket::new(Instant::ZERO, 5, 10);
        assert_eq!((0..100).filter(|_| bucket.take(Instant::ZERO)).count(), 5);
        let granted = (1..=1000).filter(|millisecond| bucket.take(Instant::from_millis(*millisecond))).count();
        assert_eq!(granted, 10);
    }
}
