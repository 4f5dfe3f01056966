//! From a name to what the zone has for it: RFC 1034 §4.3.2 step 3, with wildcards as RFC 4592 says and
//! DNAME as RFC 6672 says. One table lookup for each label below the apex.

use crate::wire::NameRef;

use super::store::{APEX_HASH, hash_label, label_starts};
use super::{NodeView, Zone};

/// What stands where a name leads.
#[derive(Clone, Copy, Debug)]
pub enum Found<'z> {
    /// The name exists.
    Exact(NodeView<'z>),
    /// It is at or below a zone cut; the node holds the NS.
    Delegation(NodeView<'z>),
    /// It is below a DNAME.
    Redirection(NodeView<'z>),
    /// It does not exist, but a wildcard at the closest encloser does.
    Wildcard(NodeView<'z>),
    /// It does not exist.
    Missing,
}

/// The way to it.
#[derive(Clone, Copy, Debug)]
pub struct Path<'z> {
    /// What stands there.
    pub found: Found<'z>,
    /// How many labels the deepest existing name on the way has below the apex: the closest encloser, the
    /// cut, or the owner of the DNAME.
    pub depth: usize,
}

impl Zone {
    /// Follows `name`, which must be at or below the apex (none otherwise). `parent_side` stops before a
    /// cut exactly at the name: for what the parent answers itself, DS (RFC 4035 §3.1.4.1).
    pub fn find(&self, name: NameRef<'_>, parent_side: bool) -> Option<Path<'_>> {
        let prefix = name.prefix_length_under(self.0.apex.borrowed())?;
        let wire = &name.wire()[..prefix];
        let (mut node, mut hash) = (self.apex_node(), APEX_HASH);
        for (depth, start) in label_starts(wire).rev().enumerate() {
            // What hangs below a DNAME or a cut is not this zone's to tell.
            if node.has_dname() {
                return Some(Path { found: Found::Redirection(node), depth });
            }
            if depth > 0 && node.has_servers() {
                return Some(Path { found: Found::Delegation(node), depth });
            }
            let next = hash_label(hash, &wire[start + 1..][..usize::from(wire[start])]);
            let Some(child) = self.0.names.get(next, &wire[start..]) else {
                return Some(Path { found: self.wildcard(hash, node), depth });
            };
            (node, hash) = (child, next);
        }
        let depth = label_starts(wire).count();
        let cut = depth > 0 && !parent_side && node.has_servers();
        Some(Path { found: if cut { Found::Delegation(node) } else { Found::Exact(node) }, depth })
    }

    /// The asterisk below the closest encloser (RFC 4592 §3.3.1).
    fn wildcard(&self, encloser_hash: u64, encloser: NodeView<'_>) -> Found<'_> {
        if encloser.children() == 0 {
            return Found::Missing;
        }
        let prefix = encloser.prefix();
        let mut wildcard = [0; crate::limits::NAME_BYTES_MAX + 2];
        wildcard[..2].copy_from_slice(&[1, b'*']);
        wildcard[2..2 + prefix.len()].copy_from_slice(prefix);
        let hash = hash_label(encloser_hash, b"*");
        let node = self.0.names.get(hash, &wildcard[..2 + prefix.len()]);
        node.map_or(Found::Missing, Found::Wildcard)
    }
}
