//! Records in any order to a [`Zone`]. Called by loading, by transfers in, and by the signer.

use std::fmt;

use crate::wire::rdata::{Rrsig, Soa};
use crate::wire::{Name, NameRef, Record, RecordType};

use super::node::NodeWriter;
use super::order::{OrderedKeys, key_of_prefix};
use super::store::{Store, hash_of};
use super::{Contents, Denial, Zone};

/// Collects the records of one zone.
#[derive(Clone, Debug)]
pub struct ZoneBuilder {
    apex: Name,
    entries: Vec<Entry>,
    /// Prefixes and data, which the entries point into.
    bytes: Vec<u8>,
    /// The prefix before, whose bytes are used again when the next record has the same owner.
    last_prefix: (u32, u8),
    mixed_ttls: Vec<(Name, RecordType)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    prefix: (u32, u8),
    record_type: RecordType,
    /// For an RRSIG: what it covers. Otherwise the type itself.
    set_type: RecordType,
    ttl: u32,
    data: (u32, u16),
}

/// Marks that a name exists without records of its own.
const EMPTY_NON_TERMINAL: RecordType = RecordType(0);

/// Why records make no zone.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The apex has no SOA, or more than one.
    Soa(usize),
    /// The owner is not at or below the apex.
    OutOfZone(Name),
    /// More than 4 GB of data, or more than 255 types at a name, or 65,535 records in a set.
    TooLarge(Name),
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soa(0) => formatter.write_str("there is no SOA record at the apex; a zone needs exactly one"),
            Self::Soa(count) => {
                write!(formatter, "there are {count} SOA records at the apex; a zone needs exactly one")
            }
            Self::OutOfZone(name) => write!(formatter, "{name} is not within the zone"),
            Self::TooLarge(name) => write!(formatter, "there is too much data at {name}"),
        }
    }
}

impl std::error::Error for BuildError {}

impl edgeway_base::Blamed for BuildError {
    fn blame(&self) -> edgeway_base::Blame {
        edgeway_base::Blame::Operator
    }
}

impl ZoneBuilder {
    /// A zone at `apex` without records.
    pub fn new(apex: Name) -> Self {
        Self { apex, entries: Vec::new(), bytes: Vec::new(), last_prefix: (0, 0), mixed_ttls: Vec::new() }
    }

    /// Where the zone begins.
    pub const fn apex(&self) -> &Name {
        &self.apex
    }

    /// How many records were added.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no records were added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a record in class `IN` from checked, uncompressed data.
    pub fn add(
        &mut self,
        owner: NameRef<'_>,
        record_type: RecordType,
        ttl: u32,
        data: &[u8],
    ) -> Result<(), BuildError> {
        let length = owner.prefix_length_under(self.apex.borrowed());
        let length = length.ok_or_else(|| BuildError::OutOfZone(owner.to_name()))?;
        let prefix = &owner.wire()[..length];
        let (start, last) = self.last_prefix;
        if self.bytes.get(start as usize..).and_then(|bytes| bytes.get(..usize::from(last))) != Some(prefix)
            || self.entries.is_empty()
        {
            self.last_prefix = (self.bytes.len() as u32, length as u8);
            self.bytes.extend_from_slice(prefix);
        }
        let set_type = match record_type {
            RecordType::RRSIG => Rrsig::decode(data).map_or(record_type, |signature| signature.type_covered),
            _ => record_type,
        };
        let (Ok(at), Ok(data_length)) = (u32::try_from(self.bytes.len() + data.len()), u16::try_from(data.len()))
        else {
            return Err(BuildError::TooLarge(owner.to_name()));
        };
        self.bytes.extend_from_slice(data);
        let data = (at - u32::from(data_length), data_length);
        let hash = hash_of(prefix);
        self.entries.push(Entry { hash, prefix: self.last_prefix, record_type, set_type, ttl, data });
        Ok(())
    }

    /// Adds an owned record.
    pub fn add_record(&mut self, record: &Record) -> Result<(), BuildError> {
        self.add(record.name.borrowed(), record.record_type(), record.ttl, record.data.wire())
    }

    /// RRsets whose records came with different TTLs (RFC 2181 §5.2 forbids it; the smallest is used).
    /// Known after [`ZoneBuilder::build`].
    pub fn mixed_ttls(&self) -> &[(Name, RecordType)] {
        &self.mixed_ttls
    }

    /// The zone. Doubles are dropped.
    pub fn build(&mut self) -> Result<Zone, BuildError> {
        self.add_empty_non_terminals();
        let mut entries = std::mem::take(&mut self.entries);
        let bytes = std::mem::take(&mut self.bytes);
        let (denial_entries, name_entries): (Vec<Entry>, Vec<Entry>) =
            entries.drain(..).partition(|entry| entry.set_type == RecordType::NSEC3);
        let names = self.nodes(name_entries, &bytes)?;
        let store = self.store(&names);
        let denial = self.denial(&store, denial_entries, &bytes)?;
        let apex = store.get(super::store::APEX_HASH, &[]);
        let soa = apex.and_then(|apex| apex.rrset(RecordType::SOA)).ok_or(BuildError::Soa(0))?;
        if soa.len() != 1 {
            return Err(BuildError::Soa(soa.len()));
        }
        let content = Soa::decode(soa.records().next().unwrap_or_default()).map_err(|_| BuildError::Soa(0))?;
        let (serial, negative_ttl) = (content.serial, content.minimum.min(soa.ttl()));
        Ok(Zone(Contents { apex: self.apex.clone(), names: store, serial, negative_ttl, denial }.into()))
    }

    /// Every name between a record's owner and the apex exists, too (RFC 4592 §2.2.2).
    fn add_empty_non_terminals(&mut self) {
        let mut added = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for entry in &self.entries {
            if entry.set_type == RecordType::NSEC3 {
                continue;
            }
            let (mut start, mut left) = entry.prefix;
            // The first label is the name itself, the apex always exists.
            while left > 0 {
                let label = 1 + self.bytes[start as usize];
                (start, left) = (start + u32::from(label), left - label);
                let prefix = &self.bytes[start as usize..][..usize::from(left)];
                let hash = hash_of(prefix);
                if left == 0 || !seen.insert(hash) {
                    break;
                }
                let record_type = EMPTY_NON_TERMINAL;
                added.push(Entry {
                    hash,
                    prefix: (start, left),
                    record_type,
                    set_type: record_type,
                    ttl: 0,
                    data: (0, 0),
                });
            }
        }
        self.entries.extend(added);
    }

    /// Sorts entries into nodes.
    fn nodes(&mut self, mut entries: Vec<Entry>, bytes: &[u8]) -> Result<Nodes, BuildError> {
        let prefix = |entry: &Entry| &bytes[entry.prefix.0 as usize..][..usize::from(entry.prefix.1)];
        let data = |entry: &Entry| &bytes[entry.data.0 as usize..][..usize::from(entry.data.1)];
        entries.sort_unstable_by(|a, b| {
            let by_name = || a.hash.cmp(&b.hash).then_with(|| lower(prefix(a)).cmp(lower(prefix(b))));
            by_name()
                .then_with(|| a.set_type.cmp(&b.set_type))
                .then_with(|| a.is_signature().cmp(&b.is_signature()))
                .then_with(|| data(a).cmp(data(b)))
        });
        let mut nodes = Nodes { bytes: Vec::with_capacity(bytes.len() + entries.len() * 16), index: Vec::new() };
        let same_name = |a: &Entry, b: &Entry| a.hash == b.hash && prefix(a).eq_ignore_ascii_case(prefix(b));
        for node in entries.chunk_by(same_name) {
            let owner = || super::owner_name(prefix(&node[0]), &self.apex);
            nodes.index.push((node[0].hash, nodes.bytes.len()));
            let mut writer = NodeWriter::new(&mut nodes.bytes, prefix(&node[0]), 0);
            for set in node.chunk_by(|a, b| a.set_type == b.set_type) {
                let (records, signatures) = set.split_at(set.partition_point(|entry| !entry.is_signature()));
                // A signature without what it covers says nothing, and an empty non-terminal has no set.
                let Some(first) = records.first().filter(|first| first.set_type != EMPTY_NON_TERMINAL) else {
                    continue;
                };
                let ttl = records.iter().map(|entry| entry.ttl).min().unwrap_or(first.ttl);
                if records.iter().any(|entry| entry.ttl != ttl) {
                    self.mixed_ttls.push((owner(), first.set_type));
                }
                if !writer.set(first.set_type, ttl, distinct(records, data), distinct(signatures, data)) {
                    return Err(BuildError::TooLarge(owner()));
                }
            }
        }
        Ok(nodes)
    }

    /// Stores nodes and counts each one's children.
    fn store(&self, nodes: &Nodes) -> Store {
        let mut store = Store::build(nodes.iter());
        let mut children: std::collections::HashMap<&[u8], u32> = std::collections::HashMap::new();
        for (_, node) in nodes.iter() {
            let prefix = super::NodeView::new(node).prefix();
            if let [length, rest @ ..] = prefix {
                // The case of a parent may differ from child to child; the store's lookup ignores it.
                *children.entry(&rest[usize::from(*length)..]).or_default() += 1;
            }
        }
        for (parent, count) in children {
            store.add_children(parent, count);
        }
        store
    }

    /// What the records themselves say about denial: NSEC3PARAM and NSEC3, or NSEC at the apex.
    fn denial(&mut self, names: &Store, entries: Vec<Entry>, bytes: &[u8]) -> Result<Denial, BuildError> {
        let apex = names.get(super::store::APEX_HASH, &[]);
        let parameters = apex.and_then(|apex| apex.rrset(RecordType::NSEC3PARAM)?.records().next());
        if let Some(parameters) = parameters.filter(|_| !entries.is_empty()) {
            let parameters = crate::wire::RecordData::from_checked(RecordType::NSEC3PARAM, parameters.into());
            let nodes = self.nodes(entries, bytes)?;
            let hash = |node: &[u8]| {
                let prefix = super::NodeView::new(node).prefix();
                crate::wire::presentation::base32_decode(prefix.get(1..)?)
            };
            let mut keys: Vec<Vec<u8>> = nodes.iter().filter_map(|(_, node)| hash(node)).collect();
            keys.sort_unstable();
            let records = Store::build(nodes.iter());
            return Ok(Denial::Nsec3 { parameters, records, order: OrderedKeys::build(&keys) });
        }
        if !apex.is_some_and(|apex| apex.has(RecordType::NSEC)) {
            return Ok(Denial::None);
        }
        let with_nsec = names.iter().filter(|node| node.has(RecordType::NSEC));
        let mut keys: Vec<Vec<u8>> = with_nsec.map(|node| key_of_prefix(node.prefix())).collect();
        keys.sort_unstable();
        Ok(Denial::Nsec(OrderedKeys::build(&keys)))
    }
}

impl Entry {
    /// Whether this signs the set it stands with. An RRSIG that covers RRSIG would be a set of its own.
    fn is_signature(&self) -> bool {
        self.record_type == RecordType::RRSIG && self.set_type != RecordType::RRSIG
    }
}

/// Written nodes in a row: where each begins, under its hash.
struct Nodes {
    bytes: Vec<u8>,
    index: Vec<(u64, usize)>,
}

impl Nodes {
    fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> {
        (0..self.index.len()).map(|place| {
            let (hash, start) = self.index[place];
            let end = self.index.get(place + 1).map_or(self.bytes.len(), |(_, end)| *end);
            (hash, &self.bytes[start..end])
        })
    }
}

/// Data of sorted entries, each once.
fn distinct<'b>(entries: &[Entry], data: impl Fn(&Entry) -> &'b [u8] + Copy) -> impl Iterator<Item = &'b [u8]> {
    let is_new = move |index: &usize| *index == 0 || data(&entries[*index]) != data(&entries[*index - 1]);
    (0..entries.len()).filter(is_new).map(move |index| data(&entries[index]))
}

/// Bytes in lower case, for comparing.
fn lower(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().map(u8::to_ascii_lowercase)
}
