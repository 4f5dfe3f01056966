//! Checking passwords without holding up a worker: on the blocking pool, a few at a time, and not again for credentials that
//! were checked just now. One is shared by all workers. Called by the stage; hands on to `users`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edgeway_base::{Entropy, Instant};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::limits::{CHECKS_AT_ONCE, CHECKS_WAITING, REMEMBER_RIGHT, REMEMBER_WRONG, REMEMBERED_MAX};
use super::users::Users;

/// What became of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Right,
    Wrong,
    /// Too many are waiting already.
    Busy,
}

/// Checks passwords.
pub(super) struct Verification {
    key: [u8; 32],
    remembered: Mutex<Remembered>,
    permits: Semaphore,
    waiting: AtomicUsize,
}

impl Verification {
    pub(super) fn new(chance: &mut dyn Entropy) -> Self {
        let mut key = [0; 32];
        chance.fill(&mut key);
        Self {
            key,
            remembered: Mutex::default(),
            permits: Semaphore::new(CHECKS_AT_ONCE),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether `user` proves to be one by `password`. `clock` is asked again after the wait.
    pub(super) async fn check(
        &self,
        users: &Arc<Users>,
        user: &str,
        password: &str,
        clock: impl Fn() -> Instant,
    ) -> Outcome {
        let fingerprint = self.fingerprint(user, password);
        if let Some(right) = self.recall(&fingerprint, clock()) {
            return right;
        }
        let Some(_place) = Place::take(&self.waiting) else { return Outcome::Busy };
        // The semaphore is never closed.
        let Ok(_permit) = self.permits.acquire().await else { return Outcome::Busy };
        // A browser sends the same credentials six times at once: the first check is for all of them.
        if let Some(right) = self.recall(&fingerprint, clock()) {
            return right;
        }
        let users = Arc::clone(users);
        let (user, password) = (user.to_owned(), password.to_owned());
        let checked = tokio::task::spawn_blocking(move || {
            let (secret, known) = users.password(&user);
            // Both are always done: the time does not tell whether there is such a user.
            let proven = secret.is_some_and(|secret| secret.is_proven_by(&password));
            proven & known
        });
        let right = checked.await.unwrap_or(false);
        self.remembered().keep(fingerprint, right, clock());
        if right { Outcome::Right } else { Outcome::Wrong }
    }

    /// Whether the credentials proved right so short a time ago that they need no check.
    pub(super) fn is_remembered(&self, user: &str, password: &str, now: Instant) -> bool {
        self.recall(&self.fingerprint(user, password), now) == Some(Outcome::Right)
    }

    fn recall(&self, fingerprint: &Fingerprint, now: Instant) -> Option<Outcome> {
        self.remembered().recall(fingerprint, now).map(|right| if right { Outcome::Right } else { Outcome::Wrong })
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keyed, so that memory read by a stranger holds nothing to guess passwords against; the name's length keeps
    /// `ab` + `c` apart from `a` + `bc`.
    fn fingerprint(&self, user: &str, password: &str) -> Fingerprint {
        // HMAC takes a key of any length, so this never fails.
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        code.update(&(user.len() as u64).to_le_bytes());
        code.update(user.as_bytes());
        code.update(password.as_bytes());
        code.finalize().into_bytes().into()
    }
}

type Fingerprint = [u8; 32];

/// A place in the queue, given back when the request ends or its client leaves.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < CHECKS_WAITING).then_some(taken + 1))
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What was checked just now, the oldest forgotten first.
#[derive(Default)]
struct Remembered {
    outcomes: HashMap<Fingerprint, (bool, Instant)>,
    order: VecDeque<Fingerprint>,
}

impl Remembered {
    fn recall(&self, fingerprint: &Fingerprint, now: Instant) -> Option<bool> {
        let (right, checked) = *self.outcomes.get(fingerprint)?;
        (now - checked < life_of(right)).then_some(right)
    }

    fn keep(&mut self, fingerprint: Fingerprint, right: bool, now: Instant) {
        if self.outcomes.insert(fingerprint, (right, now)).is_none() {
            self.order.push_back(fingerprint);
        }
        while self.outcomes.len() > REMEMBERED_MAX {
            match self.order.pop_front() {
                Some(oldest) => _ = self.outcomes.remove(&oldest),
                None => return,
            }
        }
    }
}

const fn life_of(right: bool) -> Duration {
    if right { REMEMBER_RIGHT } else { REMEMBER_WRONG }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use edgeway_base::SeededEntropy;

    use super::*;

    #[test]
    fn what_is_remembered_is_not_checked_again_and_is_forgotten_in_time() {
        let mut remembered = Remembered::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        remembered.keep([1; 32], true, at(0));
        remembered.keep([2; 32], false, at(0));
        for (print, seconds, expected) in
            [(1, 299, Some(true)), (1, 300, None), (2, 9, Some(false)), (2, 10, None), (3, 0, None)]
        {
            assert_eq!(remembered.recall(&[print; 32], at(seconds)), expected, "{print} {seconds}");
        }
        for number in 0..2 * REMEMBERED_MAX as u64 {
            let mut print = [9; 32];
            print[..8].copy_from_slice(&number.to_le_bytes());
            remembered.keep(print, true, at(1));
        }
        assert_eq!((remembered.outcomes.len(), remembered.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
    }

    #[test]
    fn a_crowd_is_told_to_come_again_and_places_are_given_back() {
        let waiting = AtomicUsize::new(0);
        let places: Vec<_> = (0..CHECKS_WAITING).map(|_| Place::take(&waiting).unwrap()).collect();
        assert!(Place::take(&waiting).is_none());
        drop(places);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn hostile_083_right_wrong_unknown_and_remembered() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let line = "bob:$2y$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm";
        let secret = Users::parse(line).unwrap();
        assert!(!secret.password("bob").0.unwrap().is_proven_by(""));
        let line = format!("ann:{}", bcrypt::hash("right", 4).unwrap());
        let users = Arc::new(Users::parse(&line).unwrap());
        let nobody = Arc::new(Users::default());
        let verification = Verification::new(&mut SeededEntropy::new(3));
        let now = Cell::new(Instant::ZERO);
        let check = |users: &Arc<Users>, user: &str, password: &str| {
            runtime.block_on(verification.check(users, user, password, || now.get()))
        };
        assert_eq!(check(&users, "ann", "right"), Outcome::Right);
        assert_eq!(check(&users, "ann", "wrong"), Outcome::Wrong);
        assert_eq!(check(&users, "eve", "right"), Outcome::Wrong, "the decoy's password opens nothing");
        assert_eq!(check(&nobody, "ann", "right"), Outcome::Right, "remembered, though the users are gone");
        now.set(Instant::ZERO + REMEMBER_RIGHT);
        assert_eq!(check(&nobody, "ann", "right"), Outcome::Wrong);
        assert_ne!(verification.fingerprint("ab", "c"), verification.fingerprint("a", "bc"));
    }
}
