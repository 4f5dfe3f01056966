//! The calendar as rustls sees it. rustls asks for the time while it checks certificates and
//! tickets; time is an argument here, so whoever owns a clock writes it into a [`SharedClock`] and
//! every configuration built with it reads that. Called by `net` once a second (or once a wake),
//! by the lab from virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use edgeway_base::WallTime;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

/// A calendar that many configurations share. Cheap to clone; all clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct SharedClock {
    seconds: Arc<AtomicU64>,
}

impl SharedClock {
    /// A calendar that shows `now` until told otherwise.
    pub fn new(now: WallTime) -> Self {
        let clock = Self::default();
        clock.set(now);
        clock
    }

    /// Turns the calendar to `now`. Certificates and tickets need no more than whole seconds.
    pub fn set(&self, now: WallTime) {
        self.seconds.store(now.seconds(), Ordering::Relaxed);
    }

    /// What it shows.
    pub fn now(&self) -> WallTime {
        WallTime::from_seconds(self.seconds.load(Ordering::Relaxed))
    }
}

impl TimeProvider for SharedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.now().seconds())))
    }
}
