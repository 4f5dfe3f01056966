//! Nonces that are good for one request each (RFC 8555 §6.5). Called by [`super::authenticate`].

use std::collections::{HashSet, VecDeque};

use edgeway_base::Entropy;

use crate::acme::jws;
use crate::limits;

/// The good ones, oldest first. A used one stays in the queue until its turn comes.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    good: HashSet<[u8; 16]>,
    order: VecDeque<[u8; 16]>,
}

impl Nonces {
    /// A new one. When there are too many, the oldest is forgotten: its owner is told `badNonce` and
    /// asks again.
    pub(super) fn make(&mut self, entropy: &mut dyn Entropy) -> String {
        let mut nonce = [0; 16];
        entropy.fill(&mut nonce);
        while self.order.len() >= limits::ACME_NONCES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.good.remove(&oldest);
            }
        }
        self.good.insert(nonce);
        self.order.push_back(nonce);
        jws::encode(nonce)
    }

    /// Uses `text` up; `false` when it is not good.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let nonce = jws::decode(text).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        nonce.is_some_and(|nonce| self.good.remove(&nonce))
    }
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;

    #[test]
    fn once_each_and_only_so_many() {
        let mut entropy = SeededEntropy::new(1);
        let mut nonces = Nonces::default();
        let first = nonces.make(&mut entropy);
        let second = nonces.make(&mut entropy);
        assert!(nonces.take(&second) && !nonces.take(&second));
        for _ in 0..limits::ACME_NONCES_MAX {
            nonces.make(&mut entropy);
        }
        assert!(!nonces.take(&first), "forgotten");
        assert!(nonces.order.len() <= limits::ACME_NONCES_MAX && nonces.good.len() <= limits::ACME_NONCES_MAX);
        for wrong in ["", "!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA=="] {
            assert!(!nonces.take(wrong), "{wrong}");
        }
    }
}
