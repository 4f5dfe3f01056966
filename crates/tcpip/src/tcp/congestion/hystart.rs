//! HyStart++ (RFC 9406): leave slow start when round trips grow, before packets are lost. Owned by CUBIC.

use std::time::Duration;

/// RFC 9406 §4.3's constants.
const ROUND_TRIP_THRESHOLD_MIN: Duration = Duration::from_millis(4);
const ROUND_TRIP_THRESHOLD_MAX: Duration = Duration::from_millis(16);
const ROUND_TRIP_SAMPLES: u32 = 8;
const CONSERVATIVE_GROWTH_DIVISOR: u64 = 4;
const CONSERVATIVE_ROUNDS: u32 = 5;

/// What slow start should do with the bytes acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Advice {
    /// Grow by this many bytes.
    Grow(u64),
    /// Leave slow start.
    Leave,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Hystart {
    round_ends: i64,
    last_round_minimum: Duration,
    this_round_minimum: Duration,
    samples: u32,
    /// In conservative slow start: the round trip that started it, and rounds spent.
    conservative: Option<(Duration, u32)>,
}

impl Hystart {
    pub(super) const fn new() -> Self {
        Self {
            round_ends: 0,
            last_round_minimum: Duration::MAX,
            this_round_minimum: Duration::MAX,
            samples: 0,
            conservative: None,
        }
    }

    pub(super) fn on_acknowledged(
        &mut self,
        acknowledged: i64,
        sent: i64,
        bytes: u64,
        round_trip: Option<Duration>,
    ) -> Advice {
        if let Some(round_trip) = round_trip {
            self.this_round_minimum = self.this_round_minimum.min(round_trip);
            self.samples += 1;
        }
        self.judge();
        if acknowledged >= self.round_ends && self.next_round(sent) {
            return Advice::Leave;
        }
        Advice::Grow(if self.conservative.is_some() { bytes / CONSERVATIVE_GROWTH_DIVISOR } else { bytes })
    }

    /// RFC 9406 §4.2.
    fn judge(&mut self) {
        if self.samples < ROUND_TRIP_SAMPLES || self.this_round_minimum == Duration::MAX {
            return;
        }
        match self.conservative {
            None if self.last_round_minimum != Duration::MAX => {
                let threshold = (self.last_round_minimum / 8).clamp(ROUND_TRIP_THRESHOLD_MIN, ROUND_TRIP_THRESHOLD_MAX);
                if self.this_round_minimum >= self.last_round_minimum + threshold {
                    self.conservative = Some((self.this_round_minimum, 0));
                }
            }
            // The delay went away again: it was jitter, and slow start goes on.
            Some((baseline, _)) if self.this_round_minimum < baseline => self.conservative = None,
            _ => {}
        }
    }

    /// Whether the conservative rounds are used up.
    fn next_round(&mut self, sent: i64) -> bool {
        self.round_ends = sent;
        self.last_round_minimum = self.this_round_minimum;
        self.this_round_minimum = Duration::MAX;
        self.samples = 0;
        if let Some((_, rounds)) = &mut self.conservative {
            *rounds += 1;
            return *rounds > CONSERVATIVE_ROUNDS;
        }
        false
    }
}
