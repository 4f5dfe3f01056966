//! The order of names for denial: canonical order for NSEC, order of hashes for NSEC3. Keys compare as
//! plain bytes and stand in chunks that a change copies one at a time.

use std::sync::Arc;

use crate::limits::{LABEL_BYTES_MAX, ZONE_KEYS_PER_CHUNK};
use crate::wire::presentation::base32_encode;

use super::store::label_starts;

/// Sorted keys.
#[derive(Clone, Debug, Default)]
pub(super) struct OrderedKeys {
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    bytes: Box<[u8]>,
    /// Where each key ends.
    ends: Box<[u32]>,
}

impl OrderedKeys {
    /// Keys in rising order, without doubles.
    pub(super) fn build(keys: &[Vec<u8>]) -> Self {
        Self { chunks: keys.chunks(ZONE_KEYS_PER_CHUNK).map(|keys| Arc::new(Chunk::build(keys))).collect() }
    }

    /// The largest key that is not above `key`.
    pub(super) fn at_or_before(&self, key: &[u8]) -> Option<&[u8]> {
        let chunk = self.chunks.partition_point(|chunk| chunk.key(0) <= key).checked_sub(1)?;
        let chunk = &self.chunks[chunk];
        let (mut low, mut high) = (0, chunk.ends.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if chunk.key(middle) <= key {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(chunk.key(low))
    }

    /// The largest key.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.chunks.last().map(|chunk| chunk.key(chunk.ends.len() - 1))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len() + chunk.ends.len() * 4 + 56).sum()
    }
}

impl Chunk {
    fn build(keys: &[Vec<u8>]) -> Self {
        let mut end = 0;
        let ends = keys.iter().map(|key| {
            end += key.len() as u32;
            end
        });
        Self { ends: ends.collect(), bytes: keys.concat().into() }
    }

    fn key(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[index] as usize]
    }
}

/// Labels from the right in lower case, each ended by a zero. A zero or one inside a label becomes two
/// bytes, so that keys compare as RFC 4034 §6.1 compares names.
pub(super) fn key_of_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 4);
    for start in label_starts(prefix).rev() {
        for byte in &prefix[start + 1..][..usize::from(prefix[start])] {
            match byte.to_ascii_lowercase() {
                escaped @ 0..=1 => key.extend([1, escaped + 1]),
                plain => key.push(plain),
            }
        }
        key.push(0);
    }
    key
}

/// The prefix of a key, in lower case.
pub(super) fn prefix_of_key(key: &[u8]) -> Vec<u8> {
    let mut labels: Vec<&[u8]> = key.split(|byte| *byte == 0).collect();
    // Each label has a zero behind it, so the last piece is empty.
    labels.pop();
    let mut prefix = Vec::with_capacity(key.len());
    for label in labels.iter().rev() {
        let at = prefix.len();
        prefix.push(0);
        let mut bytes = label.iter();
        while let Some(byte) = bytes.next() {
            prefix.push(if *byte == 1 { bytes.next().map_or(0, |escaped| escaped - 1) } else { *byte });
        }
        prefix[at] = (prefix.len() - at - 1) as u8;
    }
    prefix
}

/// The one label that NSEC3 makes of a hash (RFC 5155 §3).
pub(super) fn prefix_of_hash(hash: &[u8]) -> Vec<u8> {
    let label = base32_encode(hash);
    debug_assert!(label.len() <= LABEL_BYTES_MAX);
    [&[label.len() as u8], label.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    #[test]
    fn keys_compare_as_names_do_and_lead_back() {
        let names: Vec<Name> =
            ["a", "yljkjljk.a", "Z.a", "zABC.a", "z", "\\001.z", "*.z", "\\200.z", "z\\000", "z\\000a", "z\\001"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        let prefix = |name: &Name| name.wire()[..name.wire().len() - 1].to_vec();
        for a in &names {
            assert_eq!(prefix_of_key(&key_of_prefix(&prefix(a))), prefix(&a.to_lowercase()));
            for b in &names {
                assert_eq!(key_of_prefix(&prefix(a)).cmp(&key_of_prefix(&prefix(b))), a.cmp(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn the_key_at_or_before() {
        let keys: Vec<Vec<u8>> = (0..1000_u16).map(|number| (number * 2 + 10).to_be_bytes().to_vec()).collect();
        let ordered = OrderedKeys::build(&keys);
        for probe in 0..2100_u16 {
            let expected = keys.iter().rev().find(|key| ***key <= probe.to_be_bytes()[..]);
            assert_eq!(ordered.at_or_before(&probe.to_be_bytes()), expected.map(Vec::as_slice), "{probe}");
        }
        assert_eq!(ordered.last(), Some(&2008_u16.to_be_bytes()[..]));
        assert_eq!(OrderedKeys::default().at_or_before(b"x"), None);
    }
}
