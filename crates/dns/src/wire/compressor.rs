//! Which suffixes a message holds already, and where: the memory of a [`Composer`](super::Composer).
//!
//! Each entry is one label with a link to the entry of the suffix behind it, so that finding or adding
//! a name costs one bounded probe per label: composing is linear however many names there are.

use crate::limits::{COMPRESSOR_PROBES_MAX, COMPRESSOR_SLOTS};

use super::same_ignoring_case;

/// Which names count as the same when compressing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CaseRule {
    /// Ignore case: an owner name takes the case of the question, as 0x20 wants it.
    #[default]
    Ignore,
    /// Keep case: what a zone transfer promises (RFC 5936 §3.4).
    Keep,
}

/// A reusable table of suffixes; about 20 KB. One per worker is enough.
#[derive(Clone, Debug)]
pub struct Compressor {
    slots: Box<[Slot]>,
    /// Which entry each slot filled, in order of time, so that a rollback can take them out again.
    filled: Vec<u16>,
    generation: u16,
    case: CaseRule,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Entries of earlier messages have another generation: starting over costs nothing.
    generation: u16,
    /// Where the label's length byte stands in the message.
    offset: u16,
    /// Offset of the suffix behind this label; zero for the root.
    parent: u16,
}

/// What a lookup found.
pub(super) enum Found {
    /// The suffix stands at this offset.
    At(u16),
    /// It does not; this slot is free for it.
    Free(u16),
    /// It does not, and there is no room nearby.
    Full,
}

impl Compressor {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            slots: vec![Slot::default(); COMPRESSOR_SLOTS].into(),
            filled: Vec::with_capacity(COMPRESSOR_SLOTS / 2),
            generation: 1,
            case: CaseRule::Ignore,
        }
    }

    /// Forgets everything and begins a new message.
    pub fn start(&mut self, case: CaseRule) {
        self.case = case;
        self.filled.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.slots.fill(Slot::default());
            self.generation = 1;
        }
    }

    /// Looks for `label` in front of the suffix at `parent` (zero: the root).
    pub(super) fn find(&self, message: &[u8], label: &[u8], parent: u16) -> Found {
        let mut index = slot_of(label, parent);
        for _ in 0..COMPRESSOR_PROBES_MAX {
            let slot = self.slots[index];
            if slot.generation != self.generation {
                return Found::Free(index as u16);
            }
            if slot.parent == parent && self.same(message, slot.offset, label) {
                return Found::At(slot.offset);
            }
            index = (index + 1) % COMPRESSOR_SLOTS;
        }
        Found::Full
    }

    /// Remembers a label written at `offset`, in a slot that [`Compressor::find`] called free.
    pub(super) fn remember(&mut self, slot: u16, offset: u16, parent: u16) {
        // Half full is enough: beyond that, probes grow and the message is large anyway.
        if self.filled.len() < COMPRESSOR_SLOTS / 2 {
            self.slots[usize::from(slot)] = Slot { generation: self.generation, offset, parent };
            self.filled.push(slot);
        }
    }

    /// How many entries there are; for [`Compressor::forget_after`].
    pub(super) const fn len(&self) -> usize {
        self.filled.len()
    }

    /// Takes out every entry but the first `count`. Last in, first out, so no probe sequence breaks.
    pub(super) fn forget_after(&mut self, count: usize) {
        for slot in self.filled.drain(count..) {
            self.slots[usize::from(slot)] = Slot::default();
        }
    }

    /// Whether two whole names count as the same.
    pub(super) fn same_name(&self, a: &[u8], b: &[u8]) -> bool {
        match self.case {
            CaseRule::Ignore => same_ignoring_case(a, b),
            CaseRule::Keep => a == b,
        }
    }

    fn same(&self, message: &[u8], offset: u16, label: &[u8]) -> bool {
        let offset = usize::from(offset);
        let there = &message[offset + 1..][..usize::from(message[offset])];
        match self.case {
            CaseRule::Ignore => same_ignoring_case(there, label),
            CaseRule::Keep => there == label,
        }
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

/// FNV-1a over the label in lower case and its parent. Collisions cost probes, which are bounded.
fn slot_of(label: &[u8], parent: u16) -> usize {
    let seed = 0x811c_9dc5_u32 ^ u32::from(parent).wrapping_mul(0x9e37_79b1);
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    let hash = label.iter().fold(seed, mix);
    (hash ^ hash >> 15) as usize % COMPRESSOR_SLOTS
}
