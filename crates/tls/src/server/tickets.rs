//! The keys that seal session tickets: replaced by age, two old ones kept, shared by all workers,
//! and carried over to the next program by a binary upgrade. Called by rustls through
//! [`ProducesTickets`], by [`super::memory`] for export and import.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use edgeway_base::{Cursor, Incomplete, WallTime};
use rustls::server::ProducesTickets;

use crate::clock::SharedClock;
use crate::limits;

const NAME_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// One family of ticket keys: sites under one client rule.
pub(super) struct TicketKeys {
    clock: SharedClock,
    ring: ArcSwap<Ring>,
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

/// The key that seals, then those that only open, newest first.
struct Ring {
    keys: Vec<Arc<TicketKey>>,
}

/// One key. Its name stands in front of every ticket it sealed (RFC 5077 §4).
struct TicketKey {
    name: [u8; NAME_BYTES],
    secret: [u8; SECRET_BYTES],
    made: WallTime,
    // SIV: a nonce drawn twice would reveal only that two tickets are the same, so random nonces
    // need no counting (RFC 8452 §9).
    cipher: RandomizedNonceKey,
}

impl TicketKey {
    fn fresh(now: WallTime) -> Self {
        let (mut name, mut secret) = ([0; NAME_BYTES], [0; SECRET_BYTES]);
        let random = "the kernel's random source does not fail once the process runs";
        rand::fill(&mut name).expect(random);
        rand::fill(&mut secret).expect(random);
        Self::from_parts(name, secret, now)
    }

    fn from_parts(name: [u8; NAME_BYTES], secret: [u8; SECRET_BYTES], made: WallTime) -> Self {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM_SIV, &secret).expect("the secret has the cipher's length");
        Self { name, secret, made, cipher }
    }
}

impl TicketKeys {
    /// A family with one fresh key.
    pub(super) fn new(clock: SharedClock) -> Self {
        let ring = Ring { keys: vec![Arc::new(TicketKey::fresh(clock.now()))] };
        Self { clock, ring: ArcSwap::from_pointee(ring) }
    }

    /// Replaces the sealing key when it has served its time, and forgets keys whose tickets are
    /// all over.
    pub(super) fn rotate(&self) {
        let now = self.clock.now();
        if !self.ring.load().is_stale(now) {
            return;
        }
        let fresh = Arc::new(TicketKey::fresh(now));
        // Two workers may come here at once: the second finds the ring no longer stale.
        self.ring.rcu(|ring| if ring.is_stale(now) { Arc::new(ring.with(&fresh, now)) } else { Arc::clone(ring) });
    }

    /// All keys, newest first: count, then name, secret and birth of each.
    pub(super) fn export(&self, into: &mut Vec<u8>) {
        let ring = self.ring.load();
        into.push(ring.keys.len() as u8);
        for key in &ring.keys {
            into.extend_from_slice(&key.name);
            into.extend_from_slice(&key.secret);
            into.extend_from_slice(&key.made.seconds().to_be_bytes());
        }
    }

    /// Takes over the keys that [`Self::export`] wrote. The predecessor's newest key goes on sealing, so that
    /// both programs open each other's tickets while they overlap.
    pub(super) fn import(clock: SharedClock, cursor: &mut Cursor<'_>) -> Result<Self, Incomplete> {
        let count = cursor.u8()?;
        let mut keys = Vec::new();
        for _ in 0..count {
            let (name, secret) = (cursor.array()?, cursor.array()?);
            let made = WallTime::from_seconds(cursor.u64()?);
            keys.push(Arc::new(TicketKey::from_parts(name, secret, made)));
        }
        keys.truncate(1 + limits::TICKET_KEYS_OLD);
        if keys.is_empty() {
            return Ok(Self::new(clock));
        }
        Ok(Self { clock, ring: ArcSwap::from_pointee(Ring { keys }) })
    }
}

impl Ring {
    fn is_stale(&self, now: WallTime) -> bool {
        // A birth in the future means that the calendar was set back: that key's age is unknown.
        self.keys[0].made > now || self.keys[0].made.later(limits::TICKET_KEY_PERIOD) <= now
    }

    fn with(&self, fresh: &Arc<TicketKey>, now: WallTime) -> Self {
        let oldest_useful = limits::TICKET_KEY_PERIOD + limits::TICKET_LIFETIME;
        let still_useful = |key: &&Arc<TicketKey>| key.made.later(oldest_useful) > now;
        let old = self.keys.iter().filter(still_useful).take(limits::TICKET_KEYS_OLD).cloned();
        Self { keys: std::iter::once(Arc::clone(fresh)).chain(old).collect() }
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        limits::TICKET_LIFETIME.as_secs() as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.rotate();
        let ring = self.ring.load();
        let key = &ring.keys[0];
        let mut sealed = plain.to_vec();
        let nonce = key.cipher.seal_in_place_append_tag(Aad::from(key.name), &mut sealed).ok()?;
        let mut ticket = Vec::with_capacity(NAME_BYTES + NONCE_LEN + sealed.len());
        ticket.extend_from_slice(&key.name);
        ticket.extend_from_slice(nonce.as_ref());
        ticket.append(&mut sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.rotate();
        let (name, rest) = ticket.split_first_chunk::<NAME_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if sealed.len() < TAG_BYTES {
            return None;
        }
        let ring = self.ring.load();
        // Names are public, so comparing them needs no constant time; the tag decides.
        let key = ring.keys.iter().find(|key| key.name == *name)?;
        let mut plain = sealed.to_vec();
        let length = key.cipher.open_in_place(Nonce::from(nonce), Aad::from(key.name), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: u64 = 3600;

    #[test]
    fn hostile_054_keys_rotate_and_two_old_ones_still_open() {
        let clock = SharedClock::new(WallTime::from_seconds(1_000_000));
        let keys = TicketKeys::new(clock.clone());
        let ticket = keys.encrypt(b"session").unwrap();
        for (hours, opens) in [(0, true), (11, true), (13, true), (25, true), (37, false), (60, false)] {
            clock.set(WallTime::from_seconds(1_000_000 + hours * HOUR));
            assert_eq!(keys.decrypt(&ticket).as_deref(), opens.then_some(&b"session"[..]), "{hours} hours later");
        }
        assert!(keys.ring.load().keys.len() <= 1 + limits::TICKET_KEYS_OLD);
    }

    #[test]
    fn hostile_054_a_long_pause_leaves_no_old_key() {
        let clock = SharedClock::new(WallTime::from_seconds(0));
        let keys = TicketKeys::new(clock.clone());
        clock.set(WallTime::from_duration(Duration::from_secs(365 * 24 * HOUR)));
        keys.rotate();
        assert_eq!(keys.ring.load().keys.len(), 1);
    }

    #[test]
    fn forged_tickets_open_nothing() {
        let keys = TicketKeys::new(SharedClock::default());
        let ticket = keys.encrypt(b"session").unwrap();
        for length in 0..ticket.len() {
            assert_eq!(keys.decrypt(&ticket[..length]), None, "cut to {length}");
        }
        for index in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[index] ^= 1;
            assert_eq!(keys.decrypt(&forged), None, "byte {index}");
        }
        assert_eq!(TicketKeys::new(SharedClock::default()).decrypt(&ticket), None, "another family");
    }

    #[test]
    fn hostile_054_an_upgrade_carries_the_keys_over() {
        let clock = SharedClock::new(WallTime::from_seconds(5_000));
        let before = TicketKeys::new(clock.clone());
        let ticket = before.encrypt(b"session").unwrap();
        let mut bytes = Vec::new();
        before.export(&mut bytes);
        let after = TicketKeys::import(clock.clone(), &mut Cursor::new(&bytes)).unwrap();
        assert_eq!(after.decrypt(&ticket).unwrap(), b"session");
        assert_eq!(before.decrypt(&after.encrypt(b"newer").unwrap()).unwrap(), b"newer");
        for length in 0..bytes.len() {
            assert!(TicketKeys::import(clock.clone(), &mut Cursor::new(&bytes[..length])).is_err(), "{length}");
        }
    }
}
