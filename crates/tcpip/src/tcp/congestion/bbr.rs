//! BBR: send at the rate the path delivers, keep about two bandwidth-delay products under way, and look from
//! time to time whether the path has become faster or shorter (draft-ietf-ccwg-bbr, with version 3's answer to
//! loss: a ceiling on what may be under way once losing more than two in a hundred).

use std::time::Duration;

use edgeway_base::Instant;

use super::{Acknowledged, Controller, initial_window};

const STARTUP_GAIN: f64 = 2.77;
const DRAIN_GAIN: f64 = 0.5;
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
const WINDOW_GAIN: f64 = 2.0;
/// Rounds for which the highest rate counts.
const BANDWIDTH_ROUNDS: u64 = 10;
/// How long the shortest round trip counts before it is measured again.
const MINIMUM_LIFETIME: Duration = Duration::from_secs(10);
/// How long the path is kept nearly empty to measure it.
const PROBE_DURATION: Duration = Duration::from_millis(200);
/// Lost share of a round at which the ceiling comes down.
const LOSS_THRESHOLD: f64 = 0.02;
/// By how much.
const LOSS_BETA: f64 = 0.7;
/// Pace a little below the estimate so that queues drain.
const PACING_MARGIN: f64 = 0.99;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Startup,
    Drain,
    ProbeBandwidth,
    ProbeRoundTrip,
}

#[derive(Clone, Debug)]
pub(super) struct Bbr {
    segment_size: u64,
    initial: u64,
    window: u64,
    mode: Mode,
    round: u64,
    round_ends_delivered: u64,
    /// (round, rate) with falling rates: the first is the windowed maximum.
    rates: Vec<(u64, u64)>,
    full_rate: u64,
    full_rounds: u32,
    filled: bool,
    minimum: Duration,
    minimum_at: Instant,
    probe_ends: Option<Instant>,
    cycle: usize,
    cycle_at: Instant,
    /// Ceiling for bytes under way after loss.
    ceiling: u64,
    round_lost: u64,
    round_delivered: u64,
    window_before_probe: u64,
    /// Bytes per second; only ever raised until the pipe is full.
    pacing: u64,
}

impl Bbr {
    pub(super) fn new(segments: u32, segment_size: u32) -> Self {
        let window = initial_window(segments, segment_size);
        Self {
            segment_size: u64::from(segment_size),
            initial: window,
            window,
            mode: Mode::Startup,
            round: 0,
            round_ends_delivered: 0,
            rates: Vec::new(),
            full_rate: 0,
            full_rounds: 0,
            filled: false,
            minimum: Duration::MAX,
            minimum_at: Instant::ZERO,
            probe_ends: None,
            cycle: 2,
            cycle_at: Instant::ZERO,
            ceiling: u64::MAX,
            round_lost: 0,
            round_delivered: 0,
            window_before_probe: 0,
            pacing: 0,
        }
    }

    fn bandwidth(&self) -> u64 {
        self.rates.first().map_or(0, |(_, rate)| *rate)
    }

    /// Bandwidth-delay product times `gain`, in bytes.
    fn product(&self, gain: f64) -> u64 {
        if self.minimum == Duration::MAX || self.bandwidth() == 0 {
            return self.initial;
        }
        (self.bandwidth() as f64 * self.minimum.as_secs_f64() * gain) as u64
    }

    fn gain(&self) -> f64 {
        match self.mode {
            Mode::Startup => STARTUP_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBandwidth => CYCLE[self.cycle],
            Mode::ProbeRoundTrip => 1.0,
        }
    }

    fn learn_rate(&mut self, event: &Acknowledged) -> bool {
        let Some(sample) = event.rate else { return false };
        let new_round = sample.prior_delivered >= self.round_ends_delivered;
        if new_round {
            self.round += 1;
            self.round_ends_delivered = event.delivered;
        }
        // What the application left unsent says nothing against the path.
        if !sample.application_limited || sample.rate > self.bandwidth() {
            self.rates.retain(|(round, rate)| *rate > sample.rate && round + BANDWIDTH_ROUNDS > self.round);
            self.rates.push((self.round, sample.rate));
        }
        if new_round && !self.filled && !sample.application_limited {
            self.check_filled();
        }
        new_round
    }

    /// Three rounds without a quarter more: the pipe is full.
    fn check_filled(&mut self) {
        if self.bandwidth() as f64 >= self.full_rate as f64 * 1.25 {
            self.full_rate = self.bandwidth();
            self.full_rounds = 0;
        } else {
            self.full_rounds += 1;
            self.filled = self.full_rounds >= 3;
        }
    }

    fn judge_loss(&mut self, event: &Acknowledged, new_round: bool) {
        self.round_lost += event.lost;
        self.round_delivered += event.bytes;
        if !new_round {
            return;
        }
        let total = self.round_lost + self.round_delivered;
        if self.round_lost as f64 > LOSS_THRESHOLD * total as f64 && self.round_lost > 3 * self.segment_size {
            let level = self.ceiling.min(self.window.max(event.in_flight));
            self.ceiling = ((level as f64 * LOSS_BETA) as u64).max(self.product(1.0)).max(4 * self.segment_size);
            self.filled = true;
        } else if self.mode == Mode::ProbeBandwidth && self.ceiling != u64::MAX {
            self.ceiling = self.ceiling.saturating_add(self.segment_size * self.round.min(8));
        }
        (self.round_lost, self.round_delivered) = (0, 0);
    }

    fn change_mode(&mut self, event: &Acknowledged) {
        match self.mode {
            Mode::Startup if self.filled => self.mode = Mode::Drain,
            Mode::Drain if event.in_flight <= self.product(1.0) => self.enter_probe_bandwidth(event.now),
            Mode::ProbeBandwidth => self.turn_cycle(event),
            _ => {}
        }
        let stale = event.now - self.minimum_at > MINIMUM_LIFETIME;
        if stale && self.mode != Mode::ProbeRoundTrip {
            self.mode = Mode::ProbeRoundTrip;
            self.window_before_probe = self.window;
            self.probe_ends = None;
        }
        if self.mode == Mode::ProbeRoundTrip {
            self.probe_round_trip(event);
        }
    }

    fn probe_round_trip(&mut self, event: &Acknowledged) {
        match self.probe_ends {
            None if event.in_flight <= 4 * self.segment_size => self.probe_ends = Some(event.now + PROBE_DURATION),
            Some(ends) if event.now >= ends => {
                self.minimum_at = event.now;
                self.window = self.window.max(self.window_before_probe);
                if self.filled { self.enter_probe_bandwidth(event.now) } else { self.mode = Mode::Startup }
            }
            _ => {}
        }
    }

    fn enter_probe_bandwidth(&mut self, now: Instant) {
        self.mode = Mode::ProbeBandwidth;
        // Flows that start together should not probe together; the round number is as good as a die.
        self.cycle = 2 + (self.round % 6) as usize;
        self.cycle_at = now;
    }

    fn turn_cycle(&mut self, event: &Acknowledged) {
        let elapsed = event.now - self.cycle_at;
        let turn = match CYCLE[self.cycle] {
            gain if gain > 1.0 => elapsed > self.minimum && (event.lost > 0 || event.in_flight >= self.product(gain)),
            gain if gain < 1.0 => elapsed > self.minimum || event.in_flight <= self.product(1.0),
            _ => elapsed > self.minimum,
        };
        if turn {
            self.cycle = (self.cycle + 1) % CYCLE.len();
            self.cycle_at = event.now;
        }
    }

    /// Before the pipe is full a low first estimate must not slow the search down.
    fn set_pacing(&mut self, event: &Acknowledged) {
        if self.pacing == 0 && !event.smoothed.is_zero() {
            self.pacing = (self.initial as f64 / event.smoothed.as_secs_f64() * STARTUP_GAIN) as u64;
        }
        let rate = (self.bandwidth() as f64 * self.gain() * PACING_MARGIN) as u64;
        if self.filled || rate > self.pacing {
            self.pacing = rate.max(1000);
        }
    }

    fn set_window(&mut self, event: &Acknowledged) {
        if self.mode == Mode::ProbeRoundTrip {
            self.window = 4 * self.segment_size;
            return;
        }
        let gain = if self.mode == Mode::Startup || self.mode == Mode::Drain { STARTUP_GAIN } else { WINDOW_GAIN };
        // Three segments more, because acknowledgements come in lumps.
        let target = self.product(gain) + 3 * self.segment_size;
        if self.filled {
            self.window = (self.window + event.bytes).min(target);
        } else if self.window < target || event.delivered < self.initial {
            self.window += event.bytes;
        }
        self.window = self.window.min(self.ceiling).max(4 * self.segment_size);
    }
}

impl Controller for Bbr {
    fn name(&self) -> &'static str {
        "bbr"
    }

    fn on_acknowledged(&mut self, event: &Acknowledged) {
        if let Some(round_trip) = event.round_trip {
            if round_trip <= self.minimum {
                self.minimum = round_trip;
                self.minimum_at = event.now;
            } else if self.mode == Mode::ProbeRoundTrip && self.probe_ends.is_some() {
                // The path is as empty as it gets; the old minimum may have been another path's.
                let expired = event.now - self.minimum_at > MINIMUM_LIFETIME;
                if expired && self.probe_ends.is_some_and(|ends| event.now >= ends) {
                    self.minimum = round_trip;
                }
            }
        }
        let new_round = self.learn_rate(event);
        self.judge_loss(event, new_round);
        self.change_mode(event);
        self.set_window(event);
        self.set_pacing(event);
    }

    /// A loss alone says little; [`Bbr::judge_loss`] weighs them by the round.
    fn on_congestion(&mut self, _now: Instant, _in_flight: u64) {}

    fn on_timeout(&mut self, _now: Instant, _in_flight: u64) {
        self.window_before_probe = self.window;
        self.window = 4 * self.segment_size;
    }

    fn undo(&mut self) {
        self.window = self.window.max(self.window_before_probe);
    }

    fn on_idle(&mut self, _idle: Duration, _timeout: Duration) {}

    fn on_recovered(&mut self, _now: Instant) {}

    fn set_segment_size(&mut self, bytes: u32) {
        self.segment_size = u64::from(bytes);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn slow_start_threshold(&self) -> u64 {
        if self.filled { self.window } else { u64::MAX }
    }

    fn pacing_rate(&self) -> Option<u64> {
        (self.pacing > 0).then_some(self.pacing)
    }

    fn uses_proportional_rate_reduction(&self) -> bool {
        false
    }
}
