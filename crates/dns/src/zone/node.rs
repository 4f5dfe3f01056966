//! One name of a zone as bytes in a row: the name, how many names hang from it, and its RRsets with their
//! signatures. Written by the builder and by edits, read by every answer without a copy.
//!
//! Layout: length of the prefix (1), prefix, children (4), number of RRsets (1), RRsets. An RRset is
//! type (2), TTL (4), number of records (2), of signatures (1), bytes of the records (4), of the
//! signatures (4), and then each datum behind its length (2).

use crate::wire::RecordType;

const RRSET_HEAD: usize = 17;

/// A name's content in place.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a>(&'a [u8]);

impl<'a> NodeView<'a> {
    /// A node with nothing in it.
    pub(super) const EMPTY: NodeView<'static> = NodeView(&[0; 6]);

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
        self.0[self.children_at() + 4] == 0
    }

    /// All RRsets, by rising type.
    pub fn rrsets(self) -> impl Iterator<Item = RrsetView<'a>> {
        let at = self.children_at() + 4;
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
        self.children_at() + 5 + self.rrsets().map(RrsetView::length).sum::<usize>()
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

/// One RRset to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RrsetParts<'a> {
    pub(super) record_type: RecordType,
    pub(super) ttl: u32,
    pub(super) records: Vec<&'a [u8]>,
    pub(super) signatures: Vec<&'a [u8]>,
}

/// Writes a node behind what `out` holds; `sets` must be sorted by type, at most 255.
pub(super) fn write_node(prefix: &[u8], children: u32, sets: &[RrsetParts<'_>], out: &mut Vec<u8>) {
    out.push(prefix.len() as u8);
    out.extend_from_slice(prefix);
    out.extend(children.to_be_bytes());
    out.push(sets.len() as u8);
    for set in sets {
        let bytes = |data: &[&[u8]]| data.iter().map(|datum| datum.len() as u32 + 2).sum::<u32>();
        out.extend(set.record_type.0.to_be_bytes());
        out.extend(set.ttl.to_be_bytes());
        out.extend((set.records.len() as u16).to_be_bytes());
        out.push(set.signatures.len() as u8);
        out.extend(bytes(&set.records).to_be_bytes());
        out.extend(bytes(&set.signatures).to_be_bytes());
        for datum in set.records.iter().chain(&set.signatures) {
            out.extend((datum.len() as u16).to_be_bytes());
            out.extend_from_slice(datum);
        }
    }
}
