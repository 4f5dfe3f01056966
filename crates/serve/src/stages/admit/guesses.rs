//! Who has guessed wrong too often lately. Asked by [`super::Admit`] before it looks at credentials; shared by all workers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use edgeway_base::Instant;

use super::limits::{GUESS_WINDOW, GUESSERS_MAX, GUESSES_MAX};

/// Wrong sign-ins by address.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, Window>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    wrong: u32,
    ends: Instant,
}

impl Guesses {
    /// How long the client has to wait, if it has guessed wrong too often.
    pub(super) fn must_wait(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(&household(client)).filter(|window| window.ends > now)?;
        (window.wrong >= GUESSES_MAX).then(|| window.ends - now)
    }

    /// Notes a wrong sign-in.
    pub(super) fn note_wrong(&self, client: IpAddr, now: Instant) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= GUESSERS_MAX {
            windows.retain(|_, window| window.ends > now);
        }
        // A flood from more addresses than are remembered is bounded by the slow checks all the same.
        if windows.len() >= GUESSERS_MAX && !windows.contains_key(&household(client)) {
            return;
        }
        let fresh = Window { wrong: 0, ends: now + GUESS_WINDOW };
        let window = windows.entry(household(client)).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.wrong += 1;
    }
}

/// One subscriber has one IPv4 address, but a whole /64 of IPv6 (RFC 6177 gives more).
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) >> 64 << 64).into()),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_wrong_ones_wait_until_the_window_ends_and_others_do_not() {
        let guesses = Guesses::default();
        let (guesser, neighbour): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Instant::from_millis(1_000);
        for _ in 0..GUESSES_MAX {
            assert_eq!(guesses.must_wait(guesser, now), None);
            guesses.note_wrong(guesser, now);
        }
        assert_eq!(guesses.must_wait(guesser, now), Some(GUESS_WINDOW));
        assert_eq!(guesses.must_wait(neighbour, now), None);
        assert_eq!(guesses.must_wait(guesser, now + GUESS_WINDOW), None);
        guesses.note_wrong(guesser, now + GUESS_WINDOW);
        assert_eq!(guesses.must_wait(guesser, now + GUESS_WINDOW), None, "a new window begins at one");
    }

    #[test]
    fn a_whole_ipv6_network_is_one_guesser() {
        let guesses = Guesses::default();
        for host in 0..u128::from(GUESSES_MAX) {
            guesses.note_wrong(IpAddr::V6((0x2001_0db8_u128 << 96 | host).into()), Instant::ZERO);
        }
        assert!(guesses.must_wait("2001:db8::ffff".parse().unwrap(), Instant::ZERO).is_some());
        assert!(guesses.must_wait("2001:db8:0:1::1".parse().unwrap(), Instant::ZERO).is_none());
    }
}
