//! Round-trip times and the retransmission timeout (RFC 6298). Owned by a connection; fed by acknowledgements.

use std::time::Duration;

use edgeway_base::Instant;

use super::settings::TcpSettings;

/// How long the shortest round trip is remembered; Linux tcp_min_rtt_wlen.
const MINIMUM_WINDOW: Duration = Duration::from_secs(300);

/// What is known about the path's delay.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    latest: Duration,
    minimum: Duration,
    minimum_at: Instant,
    timeout: Duration,
    backoff: u32,
}

impl RoundTrip {
    /// Nothing known: RFC 6298 §2.1's initial timeout.
    pub fn new(settings: &TcpSettings) -> Self {
        Self {
            smoothed: None,
            variation: Duration::ZERO,
            latest: Duration::ZERO,
            minimum: Duration::MAX,
            minimum_at: Instant::ZERO,
            timeout: settings.rto_initial,
            backoff: 0,
        }
    }

    /// Takes in one measured round trip. Karn's rule (MUST-18) is the caller's: never from a retransmission,
    /// unless a timestamp says which one was acknowledged.
    pub fn measured(&mut self, now: Instant, round_trip: Duration, settings: &TcpSettings) {
        let round_trip = round_trip.max(Duration::from_micros(1));
        self.latest = round_trip;
        if round_trip <= self.minimum || now - self.minimum_at > MINIMUM_WINDOW {
            self.minimum = round_trip;
            self.minimum_at = now;
        }
        let smoothed = match self.smoothed {
            // RFC 6298 §2.2
            None => {
                self.variation = round_trip / 2;
                round_trip
            }
            // RFC 6298 §2.3: variation first, with the old mean; then the mean.
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(round_trip)) / 4;
                (smoothed * 7 + round_trip) / 8
            }
        };
        self.smoothed = Some(smoothed);
        let spread = (self.variation * 4).max(settings.clock_granularity);
        self.timeout = (smoothed + spread).clamp(settings.rto_min, settings.rto_max);
        // RFC 6298 §5.7 keeps the backed-off value only until a new measurement.
        self.backoff = 0;
    }

    /// The timeout as it is now, backed off (RFC 6298 §5.5, MUST-19).
    pub fn timeout(&self, settings: &TcpSettings) -> Duration {
        self.timeout.saturating_mul(1 << self.backoff.min(20)).min(settings.rto_max)
    }

    /// Doubles the timeout after it fired.
    pub fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(20);
    }

    /// New data was acknowledged: the path lives, whatever was doubted.
    pub fn forget_backoff(&mut self) {
        self.backoff = 0;
    }

    /// How often the timeout was doubled.
    pub const fn backoff(&self) -> u32 {
        self.backoff
    }

    /// RFC 6298 §5.7: after a lost SYN, data transfer begins with 3 seconds.
    pub fn handshake_was_retransmitted(&mut self) {
        if self.smoothed.is_none() {
            self.timeout = Duration::from_secs(3);
        }
        self.backoff = 0;
    }

    /// SRTT.
    pub const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// RTTVAR.
    pub const fn variation(&self) -> Duration {
        self.variation
    }

    /// The last measurement.
    pub const fn latest(&self) -> Duration {
        self.latest
    }

    /// The shortest round trip of the last five minutes.
    pub fn minimum(&self) -> Option<Duration> {
        self.smoothed.map(|_| self.minimum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_rfc_6298() {
        let settings = TcpSettings::default();
        let mut round_trip = RoundTrip::new(&settings);
        assert_eq!(round_trip.timeout(&settings), Duration::from_secs(1));
        round_trip.measured(Instant::ZERO, Duration::from_millis(400), &settings);
        assert_eq!(round_trip.timeout(&settings), Duration::from_millis(400 + 4 * 200));
        round_trip.measured(Instant::ZERO, Duration::from_millis(400), &settings);
        assert_eq!(round_trip.timeout(&settings), Duration::from_millis(400 + 4 * 150));
        assert_eq!(round_trip.minimum(), Some(Duration::from_millis(400)));
    }

    #[test]
    fn must_19_backs_off_exponentially_to_the_maximum_and_forgets() {
        let settings = TcpSettings::default();
        let mut round_trip = RoundTrip::new(&settings);
        let mut seen = Vec::new();
        for _ in 0..9 {
            seen.push(round_trip.timeout(&settings).as_secs());
            round_trip.back_off();
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        round_trip.measured(Instant::ZERO, Duration::from_millis(10), &settings);
        assert_eq!(round_trip.timeout(&settings), settings.rto_min);
    }

    #[test]
    fn hostile_064_one_microsecond_and_ten_seconds() {
        let settings = TcpSettings::default();
        for (time, least) in
            [(Duration::from_micros(1), settings.rto_min), (Duration::from_secs(10), Duration::from_secs(10))]
        {
            let mut round_trip = RoundTrip::new(&settings);
            for _ in 0..100 {
                round_trip.measured(Instant::ZERO, time, &settings);
            }
            assert!(round_trip.timeout(&settings) >= least && round_trip.timeout(&settings) <= least + least);
        }
    }
}
