//! How much may be stored, and how much is. Shared by all workers; counted once at the start, kept by what is stored and
//! removed here. Called by the store stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes used and allowed.
#[derive(Debug)]
pub(super) struct Quota {
    used: AtomicU64,
    limit: u64,
}

/// There is no room for that much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl Quota {
    pub(super) const fn new(used: u64, limit: u64) -> Self {
        Self { used: AtomicU64::new(used), limit }
    }

    /// Bytes in use, reserved ones included.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Gives bytes back: a file was removed or replaced.
    pub(super) fn release(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // The closure never refuses.
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn take(&self, bytes: u64) -> Result<(), Full> {
        let more = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(|_| ()).map_err(|_| Full)
    }
}

/// Room for an upload; given back unless it is kept.
#[derive(Debug)]
pub(super) struct Reservation {
    quota: Arc<Quota>,
    bytes: u64,
}

impl Reservation {
    pub(super) fn new(quota: &Arc<Quota>, bytes: u64) -> Result<Self, Full> {
        quota.take(bytes)?;
        Ok(Self { quota: Arc::clone(quota), bytes })
    }

    /// Makes it at least this big.
    pub(super) fn grow_to(&mut self, bytes: u64) -> Result<(), Full> {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            self.quota.take(more)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    /// The upload is there, with `size` bytes, in the place of `replaced` bytes.
    pub(super) fn keep(mut self, size: u64, replaced: u64) {
        self.quota.release(self.bytes.saturating_sub(size) + replaced);
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.quota.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_kept_and_given_back() {
        let quota = Arc::new(Quota::new(10, 100));
        let mut first = Reservation::new(&quota, 50).unwrap();
        assert_eq!(Reservation::new(&quota, 41).unwrap_err(), Full);
        first.grow_to(90).unwrap();
        assert_eq!(first.grow_to(91), Err(Full));
        first.keep(60, 10);
        assert_eq!(quota.used(), 60);
        drop(Reservation::new(&quota, 40).unwrap());
        assert_eq!(quota.used(), 60);
        quota.release(1000);
        assert_eq!(quota.used(), 0);
        assert_eq!(Reservation::new(&quota, u64::MAX).unwrap_err(), Full);
    }
}
