//! Flow-control windows (RFC 9113 §6.9). Owned by each stream and by the connection.

use crate::h2::wire::settings::WINDOW_MAX;

/// How much we may send. It goes below zero when the peer shrinks its initial window (RFC 9113 §6.9.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct SendWindow(i64);

/// The window went beyond 2^31-1 (RFC 9113 §6.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WindowOverflow;

impl SendWindow {
    pub(super) const fn new(size: u32) -> Self {
        Self(size as i64)
    }

    /// Bytes that may be sent now.
    pub(super) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Opens it by a WINDOW_UPDATE, or moves it either way with the peer's initial window.
    pub(super) const fn change(&mut self, delta: i64) -> Result<(), WindowOverflow> {
        if self.0 + delta > WINDOW_MAX as i64 {
            return Err(WindowOverflow);
        }
        self.0 += delta;
        Ok(())
    }

    /// Bytes were sent; never more than [`SendWindow::available`].
    pub(super) fn take(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.available(), "sent beyond the window");
        self.0 -= bytes as i64;
    }
}

/// How much the peer may send. At any time `available + owed + what the driver holds = target`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveWindow {
    available: i64,
    /// Consumed, and not yet told to the peer.
    owed: u32,
    target: u32,
}

/// The peer sent more than it may (RFC 9113 §6.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WindowExceeded;

impl ReceiveWindow {
    /// A window of which the peer knows `available` bytes.
    pub(super) const fn new(available: u32) -> Self {
        Self { available: available as i64, owed: 0, target: available }
    }

    /// Bytes came, padding counted.
    pub(super) const fn receive(&mut self, bytes: u32) -> Result<(), WindowExceeded> {
        if bytes as i64 > self.available {
            return Err(WindowExceeded);
        }
        self.available -= bytes as i64;
        Ok(())
    }

    /// Bytes were consumed: the increment to announce, when it is worth a frame.
    pub(super) fn consume(&mut self, bytes: u32) -> Option<u32> {
        self.owed += bytes;
        // A quarter: the rest covers the way there and back, and a frame of 16 KB is the least worth announcing.
        (self.owed >= self.target.div_ceil(4).max(1)).then(|| self.announce())
    }

    /// Lets the window grow: the increment to announce.
    pub(super) fn grow_to(&mut self, target: u32) -> Option<u32> {
        let grown = target.checked_sub(self.target).filter(|grown| *grown > 0)?;
        self.target = target;
        self.owed += grown;
        Some(self.announce())
    }

    /// The peer has applied another initial window of ours.
    pub(super) const fn shift(&mut self, delta: i64) {
        self.available += delta;
        self.target = (self.target as i64 + delta) as u32;
    }

    fn announce(&mut self) -> u32 {
        let increment = std::mem::take(&mut self.owed);
        self.available += i64::from(increment);
        increment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_never_overflow_and_may_go_negative_only_by_settings() {
        let mut window = SendWindow::new(10);
        window.take(10);
        assert_eq!(window.change(-5), Ok(()));
        assert_eq!((window.0, window.available()), (-5, 0));
        assert_eq!(window.change(i64::from(WINDOW_MAX)), Ok(()));
        assert_eq!(window.change(6), Err(WindowOverflow));
        assert_eq!(window.change(5), Ok(()));
    }

    #[test]
    fn credit_is_announced_by_quarters_and_growth_at_once() {
        let mut window = ReceiveWindow::new(100);
        assert_eq!(window.receive(101), Err(WindowExceeded));
        assert_eq!(window.receive(80), Ok(()));
        assert_eq!((window.consume(24), window.consume(26)), (None, Some(50)));
        assert_eq!(window.grow_to(200), Some(100));
        assert_eq!(window.grow_to(150), None);
        assert_eq!(window.receive(171), Err(WindowExceeded));
        assert_eq!(window.receive(170), Ok(()));
    }
}
