//! Digest nonces (RFC 7616 §3.3, §5.4, §5.5): made so that any worker recognises them without having stored them, and
//! counted so that no request is taken twice. One keeper is shared by all workers; its owner guards it with a lock.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgeway_base::{Entropy, Instant};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::semantics::limits::{NONCE_COUNT_WINDOW, NONCE_LIFE, NONCES_MAX};

/// Time of making (8 bytes), chance (8), proof (16).
const NONCE_BYTES: usize = 32;
const PROOF_BYTES: usize = 16;

type Nonce = [u8; NONCE_BYTES];

/// What a nonce and its count are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NonceVerdict {
    /// Ours, young, and this count is new.
    Fresh,
    /// Ours, but too old or forgotten: challenge again with `stale=true`; the password may well be right.
    Stale,
    /// Ours, but this count was used: a replay. Challenge again, with `stale=true`, as a client with a lost answer is
    /// told the same.
    Replayed,
    /// Not ours.
    Foreign,
}

/// Makes and judges nonces.
pub struct Nonces {
    key: [u8; 32],
    counts: HashMap<Nonce, Counts>,
    /// Oldest first.
    order: VecDeque<Nonce>,
    /// Nonces made up to then and not in `counts` may have been forgotten with their counts: they are stale.
    forgotten_until: Option<u64>,
}

/// Which counts of one nonce were used: the highest, and a bit for each of the [`NONCE_COUNT_WINDOW`] up to it.
#[derive(Clone, Copy, Default)]
struct Counts {
    highest: u32,
    used: u128,
}

impl Nonces {
    /// A keeper with a key of its own; nonces of another keeper (an earlier start of the program) are foreign to it.
    pub fn new(chance: &mut dyn Entropy) -> Self {
        let mut key = [0; 32];
        chance.fill(&mut key);
        Self { key, counts: HashMap::new(), order: VecDeque::new(), forgotten_until: None }
    }

    /// A new nonce, as the challenge holds it.
    pub fn make(&self, now: Instant, chance: &mut dyn Entropy) -> String {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..8].copy_from_slice(&now.as_nanos().to_be_bytes());
        chance.fill(&mut nonce[8..16]);
        let proof = self.authenticator(&nonce).finalize().into_bytes();
        nonce[16..].copy_from_slice(&proof[..PROOF_BYTES]);
        URL_SAFE_NO_PAD.encode(nonce)
    }

    /// Judges a nonce and its count without taking note: to be asked before the password is looked at.
    pub fn judge(&self, nonce: &str, count: u32, now: Instant) -> NonceVerdict {
        self.read(nonce).map_or(NonceVerdict::Foreign, |nonce| self.judge_read(&nonce, count, now))
    }

    /// The same, and takes note of the count when it is fresh: to be called once the response proved right, so that only
    /// those who know a password can fill the memory.
    pub fn use_count(&mut self, nonce: &str, count: u32, now: Instant) -> NonceVerdict {
        let Some(nonce) = self.read(nonce) else { return NonceVerdict::Foreign };
        let verdict = self.judge_read(&nonce, count, now);
        if verdict == NonceVerdict::Fresh {
            self.note(nonce, count);
        }
        verdict
    }

    fn judge_read(&self, nonce: &Nonce, count: u32, now: Instant) -> NonceVerdict {
        let made = made_at(nonce);
        let age = now.saturating_since(Instant::from_nanos(made));
        let forgotten = !self.counts.contains_key(nonce) && self.forgotten_until.is_some_and(|until| made <= until);
        if age > NONCE_LIFE || forgotten {
            return NonceVerdict::Stale;
        }
        // RFC 7616 §3.4: the count of the first request is 1.
        match self.counts.get(nonce) {
            _ if count == 0 => NonceVerdict::Replayed,
            Some(counts) if counts.has(count) => NonceVerdict::Replayed,
            _ => NonceVerdict::Fresh,
        }
    }

    fn note(&mut self, nonce: Nonce, count: u32) {
        if !self.counts.contains_key(&nonce) {
            self.order.push_back(nonce);
            if self.order.len() > NONCES_MAX {
                self.forget_oldest();
            }
        }
        self.counts.entry(nonce).or_default().add(count);
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.counts.remove(&oldest);
            self.forgotten_until = self.forgotten_until.max(Some(made_at(&oldest)));
        }
    }

    fn read(&self, text: &str) -> Option<Nonce> {
        let nonce: Nonce = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        // verify_truncated_left compares in constant time.
        self.authenticator(&nonce).verify_truncated_left(&nonce[16..]).ok().map(|()| nonce)
    }

    fn authenticator(&self, nonce: &Nonce) -> Hmac<Sha256> {
        // HMAC takes a key of any length, so this never fails.
        let mut authenticator = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        authenticator.update(&nonce[..16]);
        authenticator
    }
}

fn made_at(nonce: &Nonce) -> u64 {
    nonce.first_chunk::<8>().map_or(0, |made| u64::from_be_bytes(*made))
}

impl Counts {
    fn has(&self, count: u32) -> bool {
        match self.highest.checked_sub(count) {
            None => false,
            // Too far back to remember: as good as used.
            Some(back) => back >= NONCE_COUNT_WINDOW || self.used >> back & 1 == 1,
        }
    }

    fn add(&mut self, count: u32) {
        if let Some(ahead) = count.checked_sub(self.highest) {
            self.used = self.used.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
        } else {
            self.used |= 1_u128.checked_shl(self.highest - count).unwrap_or(0);
        }
    }
}

// One bit for each count of the window.
const _: () = assert!(NONCE_COUNT_WINDOW as usize <= u128::BITS as usize);
