//! The zone itself, as one version of it: what it holds, and how to look at it. Made by the builder and by
//! edits; every answer reads it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::WireError;
use crate::wire::rdata::{Nsec3Param, Soa};
use crate::wire::{Class, Name, NameRef, Record, RecordData, RecordType};

use super::order::{self, OrderedKeys};
use super::store::{self, Store};
use super::{Change, NodeView, RrsetView};

/// A zone, complete and unchangeable. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Zone(pub(super) Arc<Contents>);

#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) apex: Name,
    pub(super) names: Store,
    pub(super) serial: u32,
    pub(super) negative_ttl: u32,
    pub(super) denial: Denial,
}

/// How the zone proves that something is not there.
#[derive(Clone, Debug)]
pub(super) enum Denial {
    /// It does not: the zone is not signed, or denials are made and signed as they are asked for.
    None,
    /// By NSEC records, which stand at their names; this is the order of the names.
    Nsec(OrderedKeys),
    /// By NSEC3 records, which stand apart from the names.
    Nsec3 { parameters: RecordData, records: Store, order: OrderedKeys },
}

impl Zone {
    /// Where the zone begins.
    pub fn apex(&self) -> &Name {
        &self.0.apex
    }

    /// Its serial number.
    pub fn serial(&self) -> u32 {
        self.0.serial
    }

    /// Seconds that a denial may be kept: the lesser of the SOA's TTL and its minimum (RFC 2308 §5).
    pub fn negative_ttl(&self) -> u32 {
        self.0.negative_ttl
    }

    /// The node at the apex.
    pub fn apex_node(&self) -> NodeView<'_> {
        // Cannot fail: a zone is only built with a SOA at its apex.
        self.0.names.get(store::APEX_HASH, &[]).unwrap_or(NodeView::EMPTY)
    }

    /// The SOA RRset.
    pub fn soa(&self) -> RrsetView<'_> {
        self.apex_node().rrset(RecordType::SOA).unwrap_or(RrsetView::EMPTY)
    }

    /// The SOA record's content.
    pub fn soa_data(&self) -> Result<Soa<'_>, WireError> {
        Soa::decode(self.soa().records().next().unwrap_or_default())
    }

    /// Whether the zone carries signatures.
    pub fn is_signed(&self) -> bool {
        self.apex_node().rrset(RecordType::DNSKEY).is_some_and(|keys| keys.signatures().next().is_some())
    }

    /// Whether it denies by NSEC.
    pub fn has_nsec(&self) -> bool {
        matches!(self.0.denial, Denial::Nsec(_))
    }

    /// The parameters of NSEC3, when it denies so.
    pub fn nsec3(&self) -> Option<Nsec3Param<'_>> {
        match &self.0.denial {
            Denial::Nsec3 { parameters, .. } => Nsec3Param::decode(parameters.wire()).ok(),
            _ => None,
        }
    }

    /// How many names there are, empty non-terminals included, NSEC3 owners not.
    pub fn name_count(&self) -> usize {
        self.0.names.len()
    }

    /// Bytes of memory the store holds.
    pub fn memory_bytes(&self) -> usize {
        let denial = match &self.0.denial {
            Denial::None => 0,
            Denial::Nsec(order) => order.memory_bytes(),
            Denial::Nsec3 { records, order, .. } => records.memory_bytes() + order.memory_bytes(),
        };
        self.0.names.memory_bytes() + denial
    }

    /// The node of a name; none when the name does not exist or is not of this zone. Knows nothing of cuts
    /// and wildcards; see [`Zone::find`].
    pub fn node(&self, name: NameRef<'_>) -> Option<NodeView<'_>> {
        let prefix = name.prefix_length_under(self.0.apex.borrowed())?;
        let prefix = &name.wire()[..prefix];
        self.0.names.get(store::hash_of(prefix), prefix)
    }

    /// All nodes in no order: each with its owner. NSEC3 owners are not among them.
    pub fn nodes(&self) -> impl Iterator<Item = (Name, NodeView<'_>)> {
        self.0.names.iter().map(|node| (self.owner_of(node.prefix()), node))
    }

    /// All nodes with NSEC3 records.
    pub fn nsec3_nodes(&self) -> impl Iterator<Item = (Name, NodeView<'_>)> {
        let records = match &self.0.denial {
            Denial::Nsec3 { records, .. } => Some(records),
            _ => None,
        };
        records.into_iter().flat_map(Store::iter).map(|node| (self.owner_of(node.prefix()), node))
    }

    /// Every record in no order, signatures and NSEC3 included.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.nodes().chain(self.nsec3_nodes()).flat_map(|(owner, node)| {
            let sets: Vec<Record> = node.rrsets().flat_map(|set| set.to_records(&owner)).collect();
            sets
        })
    }

    /// Every record, some at a time: the parts are numbered from zero, and none comes behind the last. For
    /// transfers, which should not hold a copy of the zone.
    pub fn part(&self, index: usize) -> Option<Vec<Record>> {
        let names = self.0.names.parts();
        let nodes: Vec<NodeView<'_>> = match &self.0.denial {
            _ if index < names => self.0.names.part(index)?.collect(),
            Denial::Nsec3 { records, .. } => records.part(index - names)?.collect(),
            _ => return None,
        };
        let records = nodes.into_iter().flat_map(|node| {
            let owner = self.owner_of(node.prefix());
            node.rrsets().flat_map(|set| set.to_records(&owner)).collect::<Vec<_>>()
        });
        Some(records.collect())
    }

    /// What differs between this version and a newer one, signatures included. For zones that are signed or
    /// reloaded as a whole; an edit knows its difference already.
    pub fn difference(&self, newer: &Self) -> Change {
        let (old, new): (HashSet<Record>, HashSet<Record>) = (self.records().collect(), newer.records().collect());
        let only_in = |a: &HashSet<Record>, b: &HashSet<Record>| {
            let mut records: Vec<Record> = a.difference(b).cloned().collect();
            records.sort_by_key(|record| {
                (record.record_type() != RecordType::SOA, record.name.clone(), record.record_type())
            });
            records
        };
        Change { removed: only_in(&old, &new), added: only_in(&new, &old) }
    }

    /// The NSEC that stands at or before a name in canonical order: its owner and RRset.
    pub fn nsec_at_or_before(&self, name: NameRef<'_>) -> Option<(Name, RrsetView<'_>)> {
        let Denial::Nsec(order) = &self.0.denial else { return None };
        let length = name.prefix_length_under(self.0.apex.borrowed())?;
        let key = order.at_or_before(&order::key_of_prefix(&name.wire()[..length]))?;
        let prefix = order::prefix_of_key(key);
        let node = self.0.names.get(store::hash_of(&prefix), &prefix)?;
        Some((self.owner_of(&prefix), node.rrset(RecordType::NSEC)?))
    }

    /// The NSEC3 that matches a hash or covers it: whether it matches, its owner, its RRset.
    pub fn nsec3_at_or_before(&self, hash: &[u8]) -> Option<(bool, Name, RrsetView<'_>)> {
        let Denial::Nsec3 { records, order, .. } = &self.0.denial else { return None };
        // RFC 5155 §7.1: the chain is a ring, the last covers what is before the first.
        let key = order.at_or_before(hash).or_else(|| order.last())?;
        let prefix = order::prefix_of_hash(key);
        let node = records.get(store::hash_of(&prefix), &prefix)?;
        Some((key == hash, self.owner_of(&prefix), node.rrset(RecordType::NSEC3)?))
    }

    fn owner_of(&self, prefix: &[u8]) -> Name {
        owner_name(prefix, &self.0.apex)
    }
}

/// The name that a prefix and the apex make; both come from checked names that fit together.
pub(super) fn owner_name(prefix: &[u8], apex: &Name) -> Name {
    let mut wire = [0; crate::limits::NAME_BYTES_MAX];
    let end = prefix.len() + apex.wire().len();
    wire[..prefix.len()].copy_from_slice(prefix);
    wire[prefix.len()..end].copy_from_slice(apex.wire());
    NameRef::from_checked(&wire[..end]).to_name()
}

impl<'a> RrsetView<'a> {
    /// The records, and the signatures as RRSIG records behind them.
    pub fn to_records(self, owner: &Name) -> Vec<Record> {
        let record = |record_type, data: &'a [u8]| Record {
            name: owner.clone(),
            class: Class::IN,
            ttl: self.ttl(),
            data: RecordData::from_checked(record_type, data.into()),
        };
        let records = self.records().map(|data| record(self.record_type(), data));
        records.chain(self.signatures().map(|data| record(RecordType::RRSIG, data))).collect()
    }
}
