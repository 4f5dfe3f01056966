//! Response rate limiting: the same answer to the same network only so often, since over UDP the asker
//! may be forged and the network its victim. A fixed table; a flood cannot make it grow.

use std::net::IpAddr;

use edgeway_base::{Entropy, Instant};

use crate::limits::RATE_BUCKETS;

/// How much is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// Equal answers a second to one network.
    pub per_second: u32,
    /// Of the answers held back, every which one goes out cut short, so that a real client behind a forged
    /// address can come back over TCP. 0: none.
    pub slip: u32,
    /// Seconds that an excess is remembered.
    pub window_seconds: u32,
    /// Bits of an IPv4 address that make a network.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that make a network.
    pub ipv6_prefix: u8,
}

impl Default for RateLimit {
    /// BIND's proposals: 20 a second is far above what a resolver with a cache asks of one name.
    fn default() -> Self {
        Self { per_second: 20, slip: 2, window_seconds: 15, ipv4_prefix: 24, ipv6_prefix: 56 }
    }
}

/// What to do with an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Send,
    /// Send it empty, with TC.
    Slip,
    Drop,
}

/// The table of one worker.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    /// Nobody outside can tell which networks share a bucket.
    secret: u64,
    buckets: Box<[Bucket]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    tag: u32,
    last_ms: u32,
    /// Thousandths of answers that may still go out; negative while in excess.
    credit: i32,
    held: u32,
}

impl RateLimiter {
    /// A table with all its credit.
    pub fn new(limit: RateLimit, entropy: &mut impl Entropy) -> Self {
        Self { limit, secret: entropy.next_u64(), buckets: vec![Bucket::default(); RATE_BUCKETS].into() }
    }

    /// Judges one answer to `source`; `kind` stands for what makes answers equal.
    pub(super) fn judge(&mut self, source: IpAddr, kind: u64, now: Instant) -> Verdict {
        let hash = self.hash(source, kind);
        let bucket = &mut self.buckets[hash as usize % RATE_BUCKETS];
        let (tag, now_ms) = ((hash >> 32) as u32 | 1, now.as_millis() as u32);
        let full = self.limit.per_second as i32 * 1_000;
        if bucket.tag != tag {
            // Whoever comes to a bucket pushes the other out, with credit for one second.
            *bucket = Bucket { tag, last_ms: now_ms, credit: full, held: 0 };
        }
        let elapsed = u64::from(now_ms.wrapping_sub(bucket.last_ms));
        let earned = (elapsed * u64::from(self.limit.per_second)).min(i32::MAX as u64 / 2) as i32;
        bucket.last_ms = now_ms;
        bucket.credit = bucket.credit.saturating_add(earned).min(full) - 1_000;
        if bucket.credit >= 0 {
            return Verdict::Send;
        }
        bucket.credit = bucket.credit.max(-full.saturating_mul(self.limit.window_seconds as i32));
        bucket.held += 1;
        if self.limit.slip > 0 && bucket.held.is_multiple_of(self.limit.slip) { Verdict::Slip } else { Verdict::Drop }
    }

    fn hash(&self, source: IpAddr, kind: u64) -> u64 {
        let network = match source {
            IpAddr::V4(address) => {
                let bits = u32::from(address);
                u128::from(bits.checked_shr(32 - u32::from(self.limit.ipv4_prefix.min(32))).unwrap_or(0))
            }
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                bits.checked_shr(128 - u32::from(self.limit.ipv6_prefix.min(128))).unwrap_or(0) | 1 << 127
            }
        };
        let mut hash = self.secret ^ kind;
        for word in [network as u64, (network >> 64) as u64] {
            hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
            hash ^= hash >> 29;
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgeway_base::SeededEntropy;

    #[test]
    fn hostile_047_a_flood_is_held_back_and_slips() {
        let limit = RateLimit { per_second: 10, slip: 2, window_seconds: 5, ..RateLimit::default() };
        let mut limiter = RateLimiter::new(limit, &mut SeededEntropy::new(47));
        let victim: IpAddr = "192.0.2.1".parse().unwrap();
        let neighbour: IpAddr = "192.0.2.200".parse().unwrap();
        let other: IpAddr = "198.51.100.1".parse().unwrap();
        let count = |limiter: &mut RateLimiter, source, kind, from_ms, queries: u64| {
            let mut seen = [0_u32; 3];
            for query in 0..queries {
                let now = Instant::from_millis(from_ms + query * 1_000 / queries);
                seen[limiter.judge(source, kind, now) as usize] += 1;
            }
            seen
        };
        let [sent, slipped, dropped] = count(&mut limiter, victim, 7, 0, 1_000);
        assert!((10..=21).contains(&sent), "{sent}");
        assert!(slipped.abs_diff(dropped) <= 1 && slipped > 400, "{slipped} {dropped}");
        // The neighbour shares the network, another network and another answer do not.
        assert_ne!(limiter.judge(neighbour, 7, Instant::from_millis(1_000)), Verdict::Send);
        assert_eq!(count(&mut limiter, other, 7, 1_000, 9), [9, 0, 0]);
        assert_eq!(count(&mut limiter, victim, 8, 1_000, 9), [9, 0, 0]);
        // The excess is forgotten after the window.
        assert_eq!(limiter.judge(victim, 7, Instant::from_millis(2_000)), Verdict::Slip);
        assert_eq!(limiter.judge(victim, 7, Instant::from_millis(9_000)), Verdict::Send);
    }
}
