//! How large receive windows should be: at least twice what comes in one round trip. Asked by the connection as DATA
//! comes; it answers with a PING to send and, when that comes back, with a window.

/// Measures what arrives between a PING and its answer.
#[derive(Debug)]
pub(super) struct PathEstimate {
    window: u32,
    window_max: u32,
    /// Bytes since the PING in flight, or since the last one came back.
    bytes: u64,
    is_measuring: bool,
    /// Bytes to come before the next measurement: it doubles each time one changes nothing.
    pause: u64,
}

impl PathEstimate {
    pub(super) fn new(window: u32, window_max: u32) -> Self {
        Self { window, window_max: window_max.max(window), bytes: 0, is_measuring: false, pause: u64::from(window) / 4 }
    }

    /// Bytes of DATA came. `true`: send a PING now.
    pub(super) const fn on_data(&mut self, bytes: u32) -> bool {
        self.bytes += bytes as u64;
        if self.is_measuring || self.bytes < self.pause || self.window >= self.window_max {
            return false;
        }
        self.is_measuring = true;
        self.bytes = 0;
        true
    }

    /// The PING came back: the new window of a stream, when it should grow.
    pub(super) fn on_answer(&mut self) -> Option<u32> {
        let bytes = std::mem::take(&mut self.bytes);
        self.is_measuring = false;
        // Half a window in one round trip, of which a quarter may be used up before we announce it: the window is, or will
        // soon be, what holds the peer back.
        if bytes * 2 < u64::from(self.window) {
            self.pause = (self.pause * 2).min(u64::from(self.window_max));
            return None;
        }
        self.window = self.window.saturating_mul(2).min(self.window_max);
        self.pause = u64::from(self.window) / 4;
        Some(self.window)
    }

    /// Bytes of window a stream should have.
    pub(super) const fn window(&self) -> u32 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_path_up_to_its_bound() {
        // A peer that always fills the window within one round trip.
        let mut path = PathEstimate::new(65_535, 1 << 20);
        let mut windows = Vec::new();
        while windows.len() < 10 && path.window() < 1 << 20 {
            while !path.on_data(4_096) {}
            path.on_data(path.window());
            windows.extend(path.on_answer());
        }
        assert_eq!(windows, [131_070, 262_140, 524_280, 1_048_560, 1 << 20]);
        assert!(!path.on_data(1 << 30), "at the bound nothing more is measured");
    }

    #[test]
    fn a_slow_peer_is_measured_ever_more_seldom() {
        let (mut path, mut pings) = (PathEstimate::new(65_535, 1 << 20), 0);
        for _ in 0..10_000 {
            if path.on_data(1_000) {
                pings += 1;
                assert_eq!(path.on_answer(), None);
            }
        }
        assert!(pings < 20, "{pings}");
        assert_eq!(path.window(), 65_535);
    }
}
