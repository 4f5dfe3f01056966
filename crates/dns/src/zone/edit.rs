//! Changing a zone: an edit gathers records to take out and put in, and makes a new zone that shares every
//! shard it did not touch, together with the difference (for IXFR and for the journal).

use std::collections::{BTreeMap, HashMap};

use crate::wire::rdata::Soa;
use crate::wire::{Name, NameRef, Record, RecordData, RecordType};

use super::node::NodeWriter;
use super::store::hash_of;
use super::{BuildError, Contents, Denial, NodeView, Zone};

/// A difference between two versions of a zone (RFC 1995 §4): what to take out and what to put in, the
/// SOA records first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Records of the older version that are gone; the first is its SOA.
    pub removed: Vec<Record>,
    /// Records of the newer version that are new; the first is its SOA.
    pub added: Vec<Record>,
}

impl Change {
    /// The serial before.
    pub fn from_serial(&self) -> Option<u32> {
        serial_of(self.removed.first()?)
    }

    /// The serial after.
    pub fn to_serial(&self) -> Option<u32> {
        serial_of(self.added.first()?)
    }

    /// Whether nothing but perhaps the SOA differs.
    pub fn is_empty(&self) -> bool {
        self.removed.len() <= 1 && self.added.len() <= 1
    }
}

fn serial_of(record: &Record) -> Option<u32> {
    Soa::decode(record.data.wire()).ok().map(|soa| soa.serial)
}

/// A zone being changed. Denial records are not kept up: sign the result.
#[derive(Debug)]
pub struct ZoneEdit {
    base: Zone,
    /// The nodes that were touched, by lower-case prefix.
    nodes: HashMap<Vec<u8>, OpenNode>,
}

#[derive(Clone, Debug, Default)]
struct OpenNode {
    prefix: Vec<u8>,
    children: u32,
    sets: BTreeMap<RecordType, OpenSet>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct OpenSet {
    ttl: u32,
    records: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
}

impl ZoneEdit {
    /// Begins to change `base`.
    pub fn new(base: &Zone) -> Self {
        Self { base: base.clone(), nodes: HashMap::new() }
    }

    /// Data of the records of a set as they stand now, with their TTL.
    pub fn rrset(&mut self, name: NameRef<'_>, record_type: RecordType) -> Option<(u32, Vec<RecordData>)> {
        let set = self.open(name)?.sets.get(&record_type)?;
        let data = |data: &Vec<u8>| RecordData::from_checked(record_type, data.as_slice().into());
        Some((set.ttl, set.records.iter().map(data).collect()))
    }

    /// Types at a name as they stand now.
    pub fn types(&mut self, name: NameRef<'_>) -> Vec<RecordType> {
        self.open(name).map_or_else(Vec::new, |node| node.sets.keys().copied().collect())
    }

    /// Puts a record in; its TTL becomes the set's. Says whether anything changed.
    pub fn add(&mut self, name: NameRef<'_>, ttl: u32, data: &RecordData) -> Result<bool, BuildError> {
        let node = self.open(name).ok_or_else(|| BuildError::OutOfZone(name.to_name()))?;
        let set = node.sets.entry(data.record_type()).or_default();
        let place = set.records.binary_search_by(|record| record.as_slice().cmp(data.wire()));
        let changed = place.is_err() || set.ttl != ttl;
        if let Err(place) = place {
            set.records.insert(place, data.wire().to_vec());
        }
        set.ttl = ttl;
        if changed {
            set.signatures.clear();
        }
        Ok(changed)
    }

    /// Takes a record out. Says whether it was there.
    pub fn remove(&mut self, name: NameRef<'_>, data: &RecordData) -> bool {
        let Some(node) = self.open(name) else { return false };
        let Some(set) = node.sets.get_mut(&data.record_type()) else { return false };
        let Ok(place) = set.records.binary_search_by(|record| record.as_slice().cmp(data.wire())) else { return false };
        set.records.remove(place);
        set.signatures.clear();
        if set.records.is_empty() {
            node.sets.remove(&data.record_type());
        }
        true
    }

    /// Takes a whole set out. Says whether it was there.
    pub fn remove_rrset(&mut self, name: NameRef<'_>, record_type: RecordType) -> bool {
        self.open(name).is_some_and(|node| node.sets.remove(&record_type).is_some())
    }

    /// Whether anything differs from the zone it began with.
    pub fn is_changed(&self) -> bool {
        let change = self.change();
        !(change.removed.is_empty() && change.added.is_empty())
    }

    /// The new zone and what differs from the old. The change is empty when nothing differs.
    pub fn finish(mut self) -> Result<(Zone, Change), BuildError> {
        let change = self.change();
        self.fix_tree();
        let mut changes = HashMap::new();
        for node in self.nodes.into_values() {
            let keep = node.prefix.is_empty() || !node.sets.is_empty() || node.children > 0;
            let too_large = || BuildError::TooLarge(super::owner_name(&node.prefix, self.base.apex()));
            let bytes = if keep { Some(node.write().ok_or_else(too_large)?) } else { None };
            changes.insert(node.prefix, bytes);
        }
        let old = &self.base.0;
        let names = old.names.with(changes);
        let soa = names.get(super::store::APEX_HASH, &[]).and_then(|apex| apex.rrset(RecordType::SOA));
        let soa =
            soa.filter(|soa| soa.len() == 1).ok_or_else(|| BuildError::Soa(soa.map_or(0, super::RrsetView::len)))?;
        let content = Soa::decode(soa.records().next().unwrap_or_default()).map_err(|_| BuildError::Soa(0))?;
        let (serial, negative_ttl) = (content.serial, content.minimum.min(soa.ttl()));
        let contents = Contents { apex: old.apex.clone(), names, serial, negative_ttl, denial: Denial::None };
        Ok((Zone(contents.into()), change))
    }

    /// The node of a name, copied from the zone when it is first touched. None for a foreign name.
    fn open(&mut self, name: NameRef<'_>) -> Option<&mut OpenNode> {
        let length = name.prefix_length_under(self.base.apex().borrowed())?;
        Some(self.open_prefix(&name.wire()[..length]))
    }

    fn open_prefix(&mut self, prefix: &[u8]) -> &mut OpenNode {
        let base = &self.base;
        self.nodes.entry(prefix.to_ascii_lowercase()).or_insert_with(|| {
            let node = base.0.names.get(hash_of(prefix), prefix);
            node.map_or_else(|| OpenNode { prefix: prefix.to_vec(), ..OpenNode::default() }, OpenNode::read)
        })
    }

    /// Makes names above new ones exist, and takes away those that nothing hangs from any more.
    fn fix_tree(&mut self) {
        let mut touched: Vec<Vec<u8>> = self.nodes.keys().cloned().collect();
        // Deepest first, so that what a name does to its parent is known before the parent's turn.
        touched.sort_by_key(|prefix| std::cmp::Reverse(super::store::label_starts(prefix).count()));
        let mut queue: std::collections::VecDeque<Vec<u8>> = touched.into();
        while let Some(key) = queue.pop_front() {
            let Some((length, rest)) = key.split_first() else { continue };
            let parent = rest[usize::from(*length)..].to_vec();
            let existed = self.base.0.names.get(hash_of(&key), &key).is_some();
            let exists = self.nodes.get(&key).is_some_and(|node| !node.sets.is_empty() || node.children > 0);
            if existed == exists {
                continue;
            }
            let parent_node = self.open_prefix(&parent);
            parent_node.children =
                if exists { parent_node.children + 1 } else { parent_node.children.saturating_sub(1) };
            let depth = super::store::label_starts(&parent).count();
            if depth > 0 && !queue.contains(&parent) {
                // Keeps the queue ordered by depth.
                let place = queue.iter().position(|other| super::store::label_starts(other).count() <= depth);
                queue.insert(place.unwrap_or(queue.len()), parent);
            }
        }
    }

    fn change(&self) -> Change {
        let mut change = Change::default();
        for node in self.nodes.values() {
            let old = self.base.0.names.get(hash_of(&node.prefix), &node.prefix);
            let old = old.map_or_else(OpenNode::default, OpenNode::read);
            let owner = super::owner_name(&node.prefix, self.base.apex());
            diff(&owner, &old, node, &mut change.removed);
            diff(&owner, node, &old, &mut change.added);
        }
        let order =
            |record: &Record| (record.record_type() != RecordType::SOA, record.name.clone(), record.record_type());
        change.removed.sort_by_key(order);
        change.added.sort_by_key(order);
        change
    }
}

/// Records that `a` has and `b` has not, or not with the same TTL.
fn diff(owner: &Name, a: &OpenNode, b: &OpenNode, out: &mut Vec<Record>) {
    for (record_type, set) in &a.sets {
        let other = b.sets.get(record_type).filter(|other| other.ttl == set.ttl);
        let gone = set.records.iter().filter(|data| !other.is_some_and(|other| other.records.contains(data)));
        out.extend(gone.map(|data| {
            let data = RecordData::from_checked(*record_type, data.as_slice().into());
            Record::new(owner.clone(), set.ttl, data)
        }));
    }
}

impl OpenNode {
    fn read(node: NodeView<'_>) -> Self {
        let own = |data: &[u8]| data.to_vec();
        let set = |set: super::RrsetView<'_>| {
            let content = OpenSet {
                ttl: set.ttl(),
                records: set.records().map(own).collect(),
                signatures: set.signatures().map(own).collect(),
            };
            (set.record_type(), content)
        };
        Self { prefix: node.prefix().to_vec(), children: node.children(), sets: node.rrsets().map(set).collect() }
    }

    /// The node's bytes; none when there is more than a node can hold.
    fn write(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut writer = NodeWriter::new(&mut out, &self.prefix, self.children);
        for (record_type, set) in &self.sets {
            let (records, signatures) =
                (set.records.iter().map(Vec::as_slice), set.signatures.iter().map(Vec::as_slice));
            if !writer.set(*record_type, set.ttl, records, signatures) {
                return None;
            }
        }
        Some(out)
    }
}
