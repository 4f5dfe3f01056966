//! Signing what is made while answering: compact denial (RFC 9824), balanced addresses, ALIAS.

use std::sync::Arc;

use edgeway_base::WallTime;

use crate::machine::authority::OnlineSigner;
use crate::wire::{Name, NameRef, RecordType};

use super::key::SigningKey;
use super::sign::rrsig;

/// Seconds a signature made for one answer holds: longer than any cache may keep the answer.
const VALIDITY_SECONDS: u32 = 3 * 86_400;

/// Signs for one zone.
#[derive(Debug)]
pub struct AnswerSigner {
    zone: Name,
    keys: Vec<Arc<SigningKey>>,
    compact: bool,
}

impl AnswerSigner {
    /// A signer with the keys that sign the zone's data; `compact` when denials are made this way.
    pub fn new(zone: Name, keys: impl IntoIterator<Item = Arc<SigningKey>>, compact: bool) -> Self {
        Self { zone, keys: keys.into_iter().filter(|key| key.signs_zone()).collect(), compact }
    }
}

impl OnlineSigner for AnswerSigner {
    fn sign(
        &self,
        owner: NameRef<'_>,
        record_type: RecordType,
        ttl: u32,
        records: &[&[u8]],
        wall: WallTime,
    ) -> Vec<Vec<u8>> {
        // Rounded to the hour, so that equal answers within it have equal windows.
        let hour = (wall.seconds() / 3_600 * 3_600) as u32;
        let window = (hour.wrapping_sub(3_600), hour.wrapping_add(VALIDITY_SECONDS));
        let sign = |key: &Arc<SigningKey>| rrsig(key, self.zone.borrowed(), owner, (record_type, ttl), records, window);
        self.keys.iter().filter_map(sign).collect()
    }

    fn denies_compactly(&self) -> bool {
        self.compact
    }
}
