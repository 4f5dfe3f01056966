//! Reno: slow start and congestion avoidance (RFC 5681), counting bytes (RFC 3465) so that splitting
//! acknowledgements gains nothing.

use std::time::Duration;

use edgeway_base::Instant;

use super::{Acknowledged, Controller, initial_window};

#[derive(Clone, Copy, Debug)]
pub(super) struct Reno {
    segment_size: u64,
    initial: u64,
    window: u64,
    threshold: u64,
    /// Bytes acknowledged toward the next segment of growth.
    counted: u64,
    before: Option<(u64, u64)>,
}

impl Reno {
    pub(super) fn new(segments: u32, segment_size: u32) -> Self {
        let window = initial_window(segments, segment_size);
        Self {
            segment_size: u64::from(segment_size),
            initial: window,
            window,
            threshold: u64::MAX,
            counted: 0,
            before: None,
        }
    }

    fn reduce(&mut self, in_flight: u64) {
        self.before = Some((self.window, self.threshold));
        // RFC 5681 §3.1 equation 4.
        self.threshold = (in_flight / 2).max(2 * self.segment_size);
        self.counted = 0;
    }
}

impl Controller for Reno {
    fn name(&self) -> &'static str {
        "reno"
    }

    fn on_acknowledged(&mut self, event: &Acknowledged) {
        if event.recovering || !event.window_limited {
            return;
        }
        if self.window < self.threshold {
            // RFC 3465 §2.2: as many bytes as were acknowledged; without its limit L, because bursts are RACK's.
            self.window += event.bytes.min(self.threshold.saturating_sub(self.window).max(self.segment_size));
            return;
        }
        // RFC 3465 §2.1: one segment for each window acknowledged.
        self.counted += event.bytes;
        if self.counted >= self.window {
            self.counted -= self.window;
            self.window += self.segment_size;
        }
    }

    fn on_congestion(&mut self, _now: Instant, in_flight: u64) {
        self.reduce(in_flight);
        self.window = self.threshold;
    }

    fn on_timeout(&mut self, _now: Instant, in_flight: u64) {
        self.reduce(in_flight);
        self.window = self.segment_size;
    }

    fn undo(&mut self) {
        if let Some((window, threshold)) = self.before.take() {
            self.window = self.window.max(window);
            self.threshold = self.threshold.max(threshold);
        }
    }

    fn on_idle(&mut self, _idle: Duration, _timeout: Duration) {
        self.window = self.window.min(self.initial);
    }

    fn on_recovered(&mut self, _now: Instant) {
        self.window = self.threshold;
    }

    fn set_segment_size(&mut self, bytes: u32) {
        self.segment_size = u64::from(bytes);
        self.window = self.window.max(self.segment_size);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn slow_start_threshold(&self) -> u64 {
        self.threshold
    }
}
