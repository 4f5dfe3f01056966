//! One name of a zone as bytes in a row: the name, how many names hang from it, and its RRsets with their
//! signatures. Written by the builder and by edits, read by every answer without a copy.
//!
//! Layout: length of the prefix (1), prefix, children (4), what is of note (1), number of RRsets (1), RRsets.
//! An RRset is
//! type (2), TTL (4), number of records (2), of signatures (1), bytes of the records (4), of the
//! signatures (4), and then each datum behind its length (2).

use crate::wire::RecordType;

const RRSET_HEAD: usize = 17;

/// Bits that say which of the types that change the way are here, so that no walk has to look for them.
const OF_NOTE: [(RecordType, u8); 5] = [
    (RecordType::NS, 1),
    (RecordType::DNAME, 2),
    (RecordType::CNAME, 4),
    (RecordType::ALIAS, 8),
    (RecordType::BALANCED, 16),
];

/// A name's content in place.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a>(&'a [u8]);

impl<'a> NodeView<'a> {
    /// A node with nothing in it.
    pub(super) const EMPTY: NodeView<'static> = NodeView(&[0; 7]);

    /// The node that begins where `bytes` begins.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Labels of the owner in front of the apex, in wire form without a root.
    pub fn prefix(self) -> &'a [u8] {
        &self.0[1..][..usize::from(self.0[0])]
    }

    /// How many names hang directly from this one.
    pub fn children(self) -> u32 {
        let at = self.children_at();
        u32::from_be_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    pub(super) fn children_at(self) -> usize {
        1 + usize::from(self.0[0])
    }

    /// Whether there is nothing but names below (RFC 4592 §2.2.2).
    pub fn is_empty(self) -> bool {
        self.0[self.children_at() + 5] == 0
    }

    /// Whether there are NS records: a cut, anywhere but at the apex.
    pub fn has_servers(self) -> bool {
        self.notes() & 1 != 0
    }

    /// Whether names below are redirected.
    pub fn has_dname(self) -> bool {
        self.notes() & 2 != 0
    }

    /// Whether the name is an alias: a CNAME, or our own ALIAS.
    pub fn is_alias(self) -> bool {
        self.notes() & (4 | 8) != 0
    }

    /// Whether addresses are chosen for each answer.
    pub fn is_balanced(self) -> bool {
        self.notes() & 16 != 0
    }

    /// Whether its addresses are not the zone's own: ALIAS or balanced.
    pub fn has_made_addresses(self) -> bool {
        self.notes() & (8 | 16) != 0
    }

    fn notes(self) -> u8 {
        self.0[self.children_at() + 4]
    }

    /// All RRsets, by rising type.
    pub fn rrsets(self) -> impl Iterator<Item = RrsetView<'a>> {
        let at = self.children_at() + 5;
        let (mut left, mut rest) = (self.0[at], &self.0[at + 1..]);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let set = RrsetView(rest);
            rest = &rest[set.length()..];
            Some(set)
        })
    }

    /// The RRset of a type.
    pub fn rrset(self, record_type: RecordType) -> Option<RrsetView<'a>> {
        self.rrsets().find(|set| set.record_type() == record_type)
    }

    /// Whether there is an RRset of a type.
    pub fn has(self, record_type: RecordType) -> bool {
        self.rrset(record_type).is_some()
    }

    /// Bytes of the whole node.
    pub(super) fn length(self) -> usize {
        self.children_at() + 6 + self.rrsets().map(RrsetView::length).sum::<usize>()
    }

    /// The node as it stands.
    pub(super) fn bytes(self) -> &'a [u8] {
        &self.0[..self.length()]
    }
}

/// An RRset in place.
#[derive(Clone, Copy, Debug)]
pub struct RrsetView<'a>(&'a [u8]);

impl<'a> RrsetView<'a> {
    /// An RRset without records.
    pub(super) const EMPTY: RrsetView<'static> = RrsetView(&[0; RRSET_HEAD]);

    /// Its type.
    pub fn record_type(self) -> RecordType {
        RecordType(u16::from_be_bytes([self.0[0], self.0[1]]))
    }

    /// Its TTL.
    pub fn ttl(self) -> u32 {
        self.u32_at(2)
    }

    /// How many records.
    pub fn len(self) -> usize {
        usize::from(u16::from_be_bytes([self.0[6], self.0[7]]))
    }

    /// Whether there are none; never, in a zone.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Data of each record in uncompressed wire form, sorted as bytes.
    pub fn records(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        data(&self.0[RRSET_HEAD..RRSET_HEAD + self.u32_at(9) as usize])
    }

    /// Data of the RRSIG records that cover this RRset.
    pub fn signatures(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let start = RRSET_HEAD + self.u32_at(9) as usize;
        data(&self.0[start..start + self.u32_at(13) as usize])
    }

    fn length(self) -> usize {
        RRSET_HEAD + self.u32_at(9) as usize + self.u32_at(13) as usize
    }

    fn u32_at(self, at: usize) -> u32 {
        u32::from_be_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

/// Data behind their lengths.
fn data(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let (datum, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        rest = after;
        Some(datum)
    })
}

/// Writes one node behind what a buffer holds, set by set in order of their types.
#[derive(Debug)]
pub(super) struct NodeWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where the notes stand; the number of sets is behind them.
    notes_at: usize,
}

impl<'o> NodeWriter<'o> {
    /// Begins a node.
    pub(super) fn new(out: &'o mut Vec<u8>, prefix: &[u8], children: u32) -> Self {
        out.push(prefix.len() as u8);
        out.extend_from_slice(prefix);
        out.extend(children.to_be_bytes());
        let notes_at = out.len();
        out.extend([0, 0]);
        Self { out, notes_at }
    }

    /// Adds a set, records and signatures each sorted and without doubles. False when the node has 255 sets
    /// already, or the set is too large.
    #[must_use]
    pub(super) fn set<'d>(
        &mut self,
        record_type: RecordType,
        ttl: u32,
        records: impl Iterator<Item = &'d [u8]>,
        signatures: impl Iterator<Item = &'d [u8]>,
    ) -> bool {
        let head = self.out.len();
        self.out.extend([0; RRSET_HEAD]);
        let (record_count, record_bytes) = self.data(records);
        let (signature_count, signature_bytes) = self.data(signatures);
        let (Ok(records), Ok(signatures)) = (u16::try_from(record_count), u8::try_from(signature_count)) else {
            return false;
        };
        let place = &mut self.out[head..head + RRSET_HEAD];
        place[..2].copy_from_slice(&record_type.0.to_be_bytes());
        place[2..6].copy_from_slice(&ttl.to_be_bytes());
        place[6..8].copy_from_slice(&records.to_be_bytes());
        place[8] = signatures;
        place[9..13].copy_from_slice(&record_bytes.to_be_bytes());
        place[13..17].copy_from_slice(&signature_bytes.to_be_bytes());
        let note = OF_NOTE.iter().find(|(noted, _)| *noted == record_type).map_or(0, |(_, bit)| *bit);
        self.out[self.notes_at] |= note;
        let count = &mut self.out[self.notes_at + 1];
        let more = count.checked_add(1);
        *count = more.unwrap_or(u8::MAX);
        more.is_some()
    }

    /// Writes data behind their lengths: how many there were, and how many bytes.
    fn data<'d>(&mut self, data: impl Iterator<Item = &'d [u8]>) -> (usize, u32) {
        let (start, mut count) = (self.out.len(), 0);
        for datum in data {
            self.out.extend((datum.len() as u16).to_be_bytes());
            self.out.extend_from_slice(datum);
            count += 1;
        }
        (count, (self.out.len() - start) as u32)
    }
}
