//! Names to nodes: a hash table in shards. A shard is two blocks of memory (slots and nodes), so a name
//! costs no allocation of its own; a change copies the shards it touches and shares the others.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::ZONE_NAMES_PER_SHARD;
use crate::wire::same_ignoring_case;

use super::node::NodeView;

/// The hash of the empty prefix.
pub(super) const APEX_HASH: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of `label` in front of a name with this hash, ignoring case.
pub(super) fn hash_label(parent: u64, label: &[u8]) -> u64 {
    let mut hash = parent ^ label.len() as u64;
    for chunk in label.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        word.make_ascii_lowercase();
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53)
}

/// The hash of a prefix (labels in front of the apex, without a root).
pub(super) fn hash_of(prefix: &[u8]) -> u64 {
    label_starts(prefix)
        .rev()
        .fold(APEX_HASH, |hash, start| hash_label(hash, &prefix[start + 1..][..usize::from(prefix[start])]))
}

/// Where each label of a prefix begins, leftmost first.
pub(super) fn label_starts(prefix: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    let (mut starts, mut count, mut position) = ([0_u8; 128], 0, 0);
    while position < prefix.len() {
        starts[count] = position as u8;
        count += 1;
        position += 1 + usize::from(prefix[position]);
    }
    (0..count).map(move |index| usize::from(starts[index]))
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    shards: Vec<Arc<Shard>>,
    /// How far to shift a hash right to get the number of its shard.
    shift: u32,
    count: usize,
}

#[derive(Clone, Debug)]
struct Shard {
    slots: Box<[Slot]>,
    nodes: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The low half of the hash, so that most wrong slots are passed without touching a node.
    hash: u32,
    offset: u32,
}

const FREE: u32 = u32::MAX;

/// A node to replace (or to take out): the hash of its prefix, the prefix, its new bytes.
type NodeChange = (u64, Vec<u8>, Option<Vec<u8>>);

impl Store {
    /// Stores nodes, each written by `write_node`.
    pub(super) fn build<'n>(nodes: impl ExactSizeIterator<Item = (u64, &'n [u8])>) -> Self {
        let shards = (nodes.len() / ZONE_NAMES_PER_SHARD).next_power_of_two();
        let shift = 64 - shards.trailing_zeros();
        let count = nodes.len();
        let mut split: Vec<Vec<(u64, &[u8])>> = vec![Vec::new(); shards];
        for (hash, node) in nodes {
            split[shard_of(hash, shift)].push((hash, node));
        }
        let shards = split.into_iter().map(|nodes| Arc::new(Shard::build(&nodes))).collect();
        Self { shards, shift, count }
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let shard = |shard: &Arc<Shard>| shard.nodes.len() + shard.slots.len() * size_of::<Slot>() + 64;
        self.shards.iter().map(shard).sum()
    }

    /// The node of a prefix with this hash.
    pub(super) fn get(&self, hash: u64, prefix: &[u8]) -> Option<NodeView<'_>> {
        let shard = &self.shards[shard_of(hash, self.shift)];
        let mask = shard.slots.len() - 1;
        let mut index = hash as usize & mask;
        loop {
            let slot = shard.slots[index];
            if slot.offset == FREE {
                return None;
            }
            if slot.hash == hash as u32 {
                let node = NodeView::new(&shard.nodes[slot.offset as usize..]);
                if same_ignoring_case(node.prefix(), prefix) {
                    return Some(node);
                }
            }
            index = (index + 1) & mask;
        }
    }

    /// All nodes in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = NodeView<'_>> {
        self.shards.iter().flat_map(|shard| {
            let taken = shard.slots.iter().filter(|slot| slot.offset != FREE);
            taken.map(|slot| NodeView::new(&shard.nodes[slot.offset as usize..]))
        })
    }

    /// The nodes of one shard; none when there is no such shard.
    pub(super) fn part(&self, index: usize) -> Option<impl Iterator<Item = NodeView<'_>>> {
        let shard = self.shards.get(index)?;
        let taken = shard.slots.iter().filter(|slot| slot.offset != FREE);
        Some(taken.map(|slot| NodeView::new(&shard.nodes[slot.offset as usize..])))
    }

    /// How many shards there are.
    pub(super) const fn parts(&self) -> usize {
        self.shards.len()
    }

    /// The same with some nodes replaced (by bytes of `write_node`) or taken out.
    pub(super) fn with(&self, changes: HashMap<Vec<u8>, Option<Vec<u8>>>) -> Self {
        // When the zone has outgrown its table of shards, everything is dealt out anew.
        if self.count + changes.len() > self.shards.len() * ZONE_NAMES_PER_SHARD * 4 {
            return self.rebuilt(&changes);
        }
        let mut by_shard: HashMap<usize, Vec<NodeChange>> = HashMap::new();
        for (prefix, node) in changes {
            let hash = hash_of(&prefix);
            by_shard.entry(shard_of(hash, self.shift)).or_default().push((hash, prefix, node));
        }
        let mut copy = self.clone();
        for (shard, changes) in by_shard {
            let old = self.shards[shard].nodes();
            let before = old.len();
            let changed = |prefix: &[u8]| changes.iter().any(|(_, changed, _)| changed.eq_ignore_ascii_case(prefix));
            let mut nodes: Vec<(u64, &[u8])> = old.filter(|(_, node)| !changed(NodeView::new(node).prefix())).collect();
            nodes.extend(changes.iter().filter_map(|(hash, _, node)| Some((*hash, node.as_deref()?))));
            copy.count = copy.count + nodes.len() - before;
            copy.shards[shard] = Arc::new(Shard::build(&nodes));
        }
        copy
    }

    fn rebuilt(&self, changes: &HashMap<Vec<u8>, Option<Vec<u8>>>) -> Self {
        let changed: std::collections::HashSet<Vec<u8>> =
            changes.keys().map(|prefix| prefix.to_ascii_lowercase()).collect();
        let mut nodes: Vec<(u64, &[u8])> = self
            .iter()
            .filter(|node| !changed.contains(&node.prefix().to_ascii_lowercase()))
            .map(|node| (hash_of(node.prefix()), node.bytes()))
            .collect();
        nodes.extend(changes.iter().filter_map(|(prefix, node)| Some((hash_of(prefix), node.as_deref()?))));
        Self::build(nodes.into_iter())
    }

    /// Adds to the number of children of a node, while the store is being built.
    pub(super) fn add_children(&mut self, prefix: &[u8], more: u32) {
        let hash = hash_of(prefix);
        let Some(node) = self.get(hash, prefix) else { return };
        let (children, at) = (node.children() + more, node.children_at());
        let shard_index = shard_of(hash, self.shift);
        let shard = &self.shards[shard_index];
        // Where the node stands inside its shard's block.
        let Some(start) = shard.offset_of(hash, prefix) else { return };
        let shard = Arc::make_mut(&mut self.shards[shard_index]);
        shard.nodes[start + at..start + at + 4].copy_from_slice(&children.to_be_bytes());
    }
}

impl Shard {
    fn build(nodes: &[(u64, &[u8])]) -> Self {
        // At most two thirds full, so that a lookup ends soon and always ends.
        let size = (nodes.len() * 3 / 2 + 1).next_power_of_two();
        let mut slots = vec![Slot { hash: 0, offset: FREE }; size];
        let mut bytes = Vec::with_capacity(nodes.iter().map(|(_, node)| node.len()).sum());
        for (hash, node) in nodes {
            let mut index = *hash as usize & (size - 1);
            while slots[index].offset != FREE {
                index = (index + 1) & (size - 1);
            }
            slots[index] = Slot { hash: *hash as u32, offset: bytes.len() as u32 };
            bytes.extend_from_slice(node);
        }
        Self { slots: slots.into(), nodes: bytes.into() }
    }

    /// All nodes with their hashes.
    fn nodes(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> {
        let nodes: Vec<(u64, &[u8])> = self
            .slots
            .iter()
            .filter(|slot| slot.offset != FREE)
            .map(|slot| {
                let node = NodeView::new(&self.nodes[slot.offset as usize..]);
                (hash_of(node.prefix()), node.bytes())
            })
            .collect();
        nodes.into_iter()
    }

    fn offset_of(&self, hash: u64, prefix: &[u8]) -> Option<usize> {
        let same = |slot: &&Slot| {
            slot.offset != FREE
                && slot.hash == hash as u32
                && NodeView::new(&self.nodes[slot.offset as usize..]).prefix().eq_ignore_ascii_case(prefix)
        };
        self.slots.iter().find(same).map(|slot| slot.offset as usize)
    }
}

const fn shard_of(hash: u64, shift: u32) -> usize {
    // A shift by all 64 bits is not allowed; with one shard everything is in it.
    if shift == 64 { 0 } else { (hash >> shift) as usize }
}
