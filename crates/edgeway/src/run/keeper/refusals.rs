//! Names that get no certificate for now: nobody allows them, or their order failed. Clients that ask for one are turned away at once
//! instead of being held, and nobody is asked about it again too soon. Entered by the keeper, asked by every worker.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgeway_base::WallTime;
use tokio::sync::watch;

use crate::limits::REFUSED_NAMES_MAX;

/// Names and until when they are refused.
#[derive(Debug, Default)]
pub struct Refusals {
    until: Mutex<HashMap<String, WallTime>>,
    changes: watch::Sender<u64>,
}

impl Refusals {
    /// Refuses `name` from `now` on for this long. When there are too many, those whose time is over make room; if there are none, the
    /// name is only not remembered.
    pub fn refuse(&self, name: &str, now: WallTime, period: Duration) {
        let mut until = self.lock();
        if until.len() >= REFUSED_NAMES_MAX {
            until.retain(|_, end| *end > now);
        }
        if until.len() < REFUSED_NAMES_MAX {
            until.insert(name.to_owned(), now.later(period));
        }
        drop(until);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Refuses nobody any more.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Changes when another name is refused.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether it is refused.
    pub fn is_refused(&self, name: &str, now: WallTime) -> bool {
        self.lock().get(name).is_some_and(|end| now < *end)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, WallTime>> {
        // Every change is one insertion or removal: a panic elsewhere leaves nothing half done.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ends_in_time() {
        let refusals = Refusals::default();
        let now = WallTime::from_seconds(1000);
        refusals.refuse("a.test", now, Duration::from_secs(10));
        assert!(refusals.is_refused("a.test", now) && !refusals.is_refused("b.test", now));
        assert!(!refusals.is_refused("a.test", now.later(Duration::from_secs(10))));
        for number in 0..=REFUSED_NAMES_MAX {
            refusals.refuse(&number.to_string(), now, Duration::from_secs(10));
        }
        assert!(!refusals.is_refused(&REFUSED_NAMES_MAX.to_string(), now), "the number is bounded");
        let later = now.later(Duration::from_secs(11));
        refusals.refuse("c.test", later, Duration::from_secs(10));
        assert!(refusals.is_refused("c.test", later), "the old ones made room");
        refusals.clear();
        assert!(!refusals.is_refused("c.test", later));
    }
}
