//! CUBIC (RFC 9438) with HyStart++ in slow start. Windows are kept in segments as `f64`, as the RFC writes
//! them, and saturate on the way to bytes: no cube of anything can overflow.

use std::time::Duration;

use edgeway_base::Instant;

use super::hystart::{Advice, Hystart};
use super::{Acknowledged, Controller, initial_window};

/// RFC 9438 §4.6 and §5: beta and C.
const BETA: f64 = 0.7;
const SCALING: f64 = 0.4;
/// No window is larger than what a scaled TCP window can say.
const WINDOW_MAX: u64 = 1 << 30;

#[derive(Clone, Copy, Debug)]
struct Curve {
    /// cwnd in segments.
    window: f64,
    threshold: f64,
    /// W_max.
    plateau: f64,
    /// K in seconds.
    reach: f64,
    epoch: Option<Instant>,
    /// W_est.
    reno: f64,
    epoch_window: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cubic {
    segment_size: f64,
    initial: f64,
    curve: Curve,
    before: Option<Curve>,
    hystart: Hystart,
}

impl Cubic {
    pub(super) fn new(segments: u32, segment_size: u32) -> Self {
        let initial = initial_window(segments, segment_size) as f64 / f64::from(segment_size);
        let curve = Curve {
            window: initial,
            threshold: f64::INFINITY,
            plateau: 0.0,
            reach: 0.0,
            epoch: None,
            reno: initial,
            epoch_window: initial,
        };
        Self { segment_size: f64::from(segment_size), initial, curve, before: None, hystart: Hystart::new() }
    }

    fn slow_start(&mut self, event: &Acknowledged) {
        match self.hystart.on_acknowledged(event.acknowledged, event.sent, event.bytes, event.round_trip) {
            Advice::Grow(bytes) => {
                let room = (self.curve.threshold - self.curve.window).max(1.0);
                self.curve.window += (bytes as f64 / self.segment_size).min(room);
            }
            Advice::Leave => self.curve.threshold = self.curve.window,
        }
    }

    fn avoid_congestion(&mut self, event: &Acknowledged) {
        let curve = &mut self.curve;
        let epoch = *curve.epoch.get_or_insert_with(|| {
            // RFC 9438 §4.2: K from where we are to the plateau; §4.8: after slow start the plateau is here.
            curve.plateau = curve.plateau.max(curve.window);
            curve.reach = ((curve.plateau - curve.window) / SCALING).cbrt();
            curve.epoch_window = curve.window;
            curve.reno = curve.window;
            event.now
        });
        let elapsed = (event.now - epoch).as_secs_f64();
        let acknowledged = event.bytes as f64 / self.segment_size;
        let cubic = |time: f64| SCALING * (time - curve.reach).powi(3) + curve.plateau;
        // RFC 9438 §4.3: the Reno-friendly region; §4.3 alpha becomes 1 once the old window is reached.
        let alpha = if curve.reno >= curve.plateau { 1.0 } else { 3.0 * (1.0 - BETA) / (1.0 + BETA) };
        curve.reno += alpha * acknowledged / curve.window;
        if cubic(elapsed) < curve.reno {
            curve.window = curve.window.max(curve.reno);
            return;
        }
        // RFC 9438 §4.4 and §4.5: toward where the curve will be one round trip from now, at most half again.
        let target = cubic(elapsed + event.smoothed.as_secs_f64()).clamp(curve.window, curve.window * 1.5);
        curve.window += (target - curve.window) / curve.window * acknowledged.min(curve.window);
    }

    fn reduce(&mut self, in_flight: u64) {
        self.before = Some(self.curve);
        let curve = &mut self.curve;
        // RFC 9438 §4.7: fast convergence gives room to newcomers.
        curve.plateau = if curve.window < curve.plateau { curve.window * (1.0 + BETA) / 2.0 } else { curve.window };
        // RFC 9438 §4.6: from the smaller of window and flight, so that an idle sender does not keep a claim.
        let flight = (in_flight as f64 / self.segment_size).max(1.0);
        curve.threshold = (curve.window.min(flight.max(curve.window / 2.0)) * BETA).max(2.0);
        curve.epoch = None;
    }
}

impl Controller for Cubic {
    fn name(&self) -> &'static str {
        "cubic"
    }

    fn on_acknowledged(&mut self, event: &Acknowledged) {
        if event.recovering || !event.window_limited {
            return;
        }
        if self.curve.window < self.curve.threshold {
            self.slow_start(event);
        } else {
            self.avoid_congestion(event);
        }
        self.curve.window = self.curve.window.min(WINDOW_MAX as f64 / self.segment_size);
    }

    fn on_congestion(&mut self, _now: Instant, in_flight: u64) {
        self.reduce(in_flight);
        self.curve.window = self.curve.threshold;
    }

    fn on_timeout(&mut self, _now: Instant, in_flight: u64) {
        self.reduce(in_flight);
        self.curve.window = 1.0;
        self.hystart = Hystart::new();
    }

    fn undo(&mut self) {
        // RFC 9438 §4.9: back to what was before the spurious reduction.
        if let Some(before) = self.before.take() {
            self.curve = Curve { window: before.window.max(self.curve.window), ..before };
        }
    }

    fn on_idle(&mut self, idle: Duration, timeout: Duration) {
        // RFC 5681 §4.1 in Linux's gentler form: half for every timeout gone by, not below the initial window.
        let halvings = (idle.as_secs_f64() / timeout.as_secs_f64().max(1e-6)).min(64.0) as i32;
        self.curve.threshold = self.curve.threshold.max(self.curve.window * 0.75);
        self.curve.window = (self.curve.window / 2_f64.powi(halvings)).max(self.initial.min(self.curve.window));
        self.curve.epoch = None;
    }

    fn on_recovered(&mut self, _now: Instant) {
        self.curve.window = self.curve.threshold;
    }

    fn set_segment_size(&mut self, bytes: u32) {
        let scale = self.segment_size / f64::from(bytes);
        self.segment_size = f64::from(bytes);
        for value in [&mut self.curve.window, &mut self.curve.threshold, &mut self.curve.plateau] {
            *value = (*value * scale).max(1.0);
        }
        self.curve.epoch = None;
    }

    fn window(&self) -> u64 {
        ((self.curve.window * self.segment_size) as u64).clamp(self.segment_size as u64, WINDOW_MAX)
    }

    fn slow_start_threshold(&self) -> u64 {
        // `as` saturates: infinity becomes the largest number.
        (self.curve.threshold * self.segment_size) as u64
    }
}
