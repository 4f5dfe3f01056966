//! Fragments become datagrams again (RFC 791 §3.2, RFC 8200 §4.5), within bounds. Called by [`crate::host`].
//!
//! Overlaps: an IPv6 datagram with any is dropped whole (RFC 5722); an IPv4 datagram too, because no honest
//! sender makes them and teardrop did.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;

use crate::limits::{FRAGMENTS_PER_DATAGRAM_MAX, REASSEMBLIES_MAX, REASSEMBLY_BYTES_MAX, REASSEMBLY_TIMEOUT};

/// What fragments of one datagram have in common (RFC 791: also the protocol; RFC 8200: not).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentKey {
    /// From whom.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The sender's number for the datagram.
    pub identification: u32,
    /// What it carries.
    pub protocol: u8,
}

/// One fragment.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Where its data stands.
    pub offset: u32,
    /// More follow.
    pub more: bool,
    /// The data.
    pub data: Bytes,
}

/// What became of a fragment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The datagram is whole.
    Complete(Bytes),
    /// Some are missing.
    Waiting,
    /// Dropped, with everything that belonged to it.
    Refused,
}

/// A datagram that timed out after its first fragment had come: RFC 792 and RFC 8200 §4.5 want an answer.
#[derive(Clone, Debug)]
pub struct Expired {
    /// Which.
    pub key: FragmentKey,
    /// The first fragment's data.
    pub first: Bytes,
}

#[derive(Debug)]
struct Partial {
    key: FragmentKey,
    /// Sorted by offset, never overlapping.
    fragments: Vec<(u32, Bytes)>,
    total: Option<u32>,
    until: Instant,
}

impl Partial {
    fn bytes(&self) -> usize {
        self.fragments.iter().map(|(_, data)| data.len()).sum()
    }
}

/// All incomplete datagrams, oldest first.
#[derive(Debug, Default)]
pub struct Reassembly {
    partials: Vec<Partial>,
    bytes: usize,
}

impl Reassembly {
    /// Takes in a fragment.
    pub fn insert(&mut self, now: Instant, key: FragmentKey, fragment: Fragment) -> Outcome {
        let end = fragment.offset + fragment.data.len() as u32;
        // Ping of death: beyond what a 16-bit length can say. All but the last are multiples of eight.
        let impossible = end > 65_535 || fragment.data.is_empty() || fragment.more && !end.is_multiple_of(8);
        let index = self.find_or_create(now, key);
        if impossible || !self.partials[index].add(&fragment, end) {
            self.forget(index);
            return Outcome::Refused;
        }
        self.bytes += fragment.data.len();
        if let Some(whole) = self.partials[index].whole() {
            self.forget(index);
            return Outcome::Complete(whole);
        }
        while self.bytes > REASSEMBLY_BYTES_MAX {
            self.forget(0);
        }
        Outcome::Waiting
    }

    fn find_or_create(&mut self, now: Instant, key: FragmentKey) -> usize {
        if let Some(index) = self.partials.iter().position(|partial| partial.key == key) {
            return index;
        }
        // The oldest makes room: an attacker's sets die first or die of age.
        if self.partials.len() >= REASSEMBLIES_MAX {
            self.forget(0);
        }
        self.partials.push(Partial { key, fragments: Vec::new(), total: None, until: now + REASSEMBLY_TIMEOUT });
        self.partials.len() - 1
    }

    fn forget(&mut self, index: usize) {
        let partial = self.partials.remove(index);
        self.bytes = self.bytes.saturating_sub(partial.bytes());
    }

    /// When [`Reassembly::expire`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.partials.first().map(|partial| partial.until)
    }

    /// Drops what has waited too long; returns those whose sender should be told.
    pub fn expire(&mut self, now: Instant) -> Vec<Expired> {
        let mut told = Vec::new();
        while self.partials.first().is_some_and(|partial| partial.until <= now) {
            if let Some((0, first)) = self.partials[0].fragments.first() {
                told.push(Expired { key: self.partials[0].key, first: first.clone() });
            }
            self.forget(0);
        }
        told
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Partial {
    /// Whether the fragment fits to the others.
    fn add(&mut self, fragment: &Fragment, end: u32) -> bool {
        let index = self.fragments.partition_point(|(offset, _)| *offset < fragment.offset);
        let stop = |(offset, data): &(u32, Bytes)| offset + data.len() as u32;
        let before = index.checked_sub(1).is_some_and(|index| stop(&self.fragments[index]) > fragment.offset);
        let after = self.fragments.get(index).is_some_and(|(offset, _)| *offset < end);
        let beyond = self.total.is_some_and(|total| end > total || !fragment.more && end != total);
        let short = !fragment.more && self.fragments.last().is_some_and(|last| stop(last) > end);
        if before || after || beyond || short || self.fragments.len() >= FRAGMENTS_PER_DATAGRAM_MAX {
            return false;
        }
        if !fragment.more {
            self.total = Some(end);
        }
        self.fragments.insert(index, (fragment.offset, fragment.data.clone()));
        true
    }

    fn whole(&self) -> Option<Bytes> {
        let total = self.total? as usize;
        if self.bytes() != total {
            return None;
        }
        let mut whole = BytesMut::with_capacity(total);
        for (_, data) in &self.fragments {
            whole.extend_from_slice(data);
        }
        Some(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(identification: u32) -> FragmentKey {
        let (source, destination) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        FragmentKey { source, destination, identification, protocol: 17 }
    }

    fn fragment(offset: u32, length: usize, more: bool) -> Fragment {
        Fragment { offset, more, data: (0..length).map(|index| (offset as usize + index) as u8).collect() }
    }

    #[test]
    fn every_order_of_three_gives_the_datagram() {
        let parts = [fragment(0, 16, true), fragment(16, 16, true), fragment(32, 5, false)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut reassembly = Reassembly::default();
            let outcomes: Vec<Outcome> =
                order.iter().map(|index| reassembly.insert(Instant::ZERO, key(1), parts[*index].clone())).collect();
            let Outcome::Complete(whole) = &outcomes[2] else { panic!("{order:?}: {outcomes:?}") };
            assert_eq!(whole.to_vec(), (0..37).collect::<Vec<u8>>());
            assert_eq!(reassembly.bytes(), 0);
        }
    }

    #[test]
    fn hostile_075_overlap_beyond_64k_odd_length_and_shrinking_ends() {
        let first = fragment(0, 24, true);
        for (what, wrong) in [
            ("teardrop", fragment(16, 4, false)),
            ("overlapping the end", fragment(16, 24, true)),
            ("ping of death", fragment(65_528, 100, false)),
            ("not a multiple of eight", fragment(24, 5, true)),
            ("empty", fragment(24, 0, false)),
            ("the end before what came", fragment(8, 8, false)),
            ("duplicate", fragment(0, 24, true)),
        ] {
            let mut reassembly = Reassembly::default();
            assert_eq!(reassembly.insert(Instant::ZERO, key(1), first.clone()), Outcome::Waiting);
            assert_eq!(reassembly.insert(Instant::ZERO, key(1), wrong), Outcome::Refused, "{what}");
            assert_eq!(reassembly.bytes(), 0, "{what}");
        }
    }

    #[test]
    fn hostile_075_sixty_four_thousand_incomplete_sets_are_bounded_and_time_out() {
        let mut reassembly = Reassembly::default();
        for identification in 0..65_536 {
            reassembly.insert(
                Instant::from_millis(u64::from(identification)),
                key(identification),
                fragment(0, 1400, true),
            );
        }
        assert!(reassembly.partials.len() <= REASSEMBLIES_MAX && reassembly.bytes() <= REASSEMBLY_BYTES_MAX);
        let late = Instant::from_millis(65_536) + REASSEMBLY_TIMEOUT;
        assert_eq!(reassembly.expire(late).len(), REASSEMBLIES_MAX);
        assert_eq!((reassembly.bytes(), reassembly.deadline()), (0, None));
    }
}
