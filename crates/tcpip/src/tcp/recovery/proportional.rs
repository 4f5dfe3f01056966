//! Proportional rate reduction (RFC 9937, which replaces RFC 6937): in fast recovery, send in proportion to what
//! is delivered, and arrive at the slow start threshold when it ends. Owned by [`super::Recovery`].

#[derive(Clone, Copy, Debug)]
pub(super) struct ProportionalRateReduction {
    delivered: u64,
    out: u64,
    /// RecoverFS: bytes under way when recovery began.
    flight: u64,
    window: u64,
}

impl ProportionalRateReduction {
    pub(super) fn new(flight: u64, window: u64) -> Self {
        Self { delivered: 0, out: 0, flight: flight.max(1), window }
    }

    /// RFC 9937 §6.2, on every acknowledgement during recovery.
    pub(super) fn on_acknowledged(&mut self, newly: u64, in_flight: u64, threshold: u64, safe: bool, segment: u64) {
        self.delivered += newly;
        let mut count = if in_flight > threshold {
            (u128::from(self.delivered) * u128::from(threshold))
                .div_ceil(u128::from(self.flight))
                .saturating_sub(u128::from(self.out)) as u64
        } else {
            // At least what was delivered since; a segment more when every loss so far was repaired.
            let mut count = self.delivered.saturating_sub(self.out).max(newly);
            if safe {
                count += segment;
            }
            count.min(threshold - in_flight)
        };
        // RFC 9937 §6.2: force a fast retransmit on entering recovery.
        if self.out == 0 {
            count = count.max(segment);
        }
        self.window = in_flight + count;
    }

    pub(super) fn on_sent(&mut self, bytes: u64) {
        self.out += bytes;
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9937_arrives_at_the_threshold() {
        // 20 segments under way, one lost, threshold 10: about one sent for two delivered.
        let mut reduction = ProportionalRateReduction::new(20, 20);
        let (mut in_flight, mut sent) = (19_u64, 0);
        for _ in 0..19 {
            in_flight -= 1;
            reduction.on_acknowledged(1, in_flight, 10, false, 1);
            while in_flight < reduction.window() {
                in_flight += 1;
                sent += 1;
                reduction.on_sent(1);
            }
        }
        assert_eq!((in_flight, sent), (10, 10));
    }
}
