//! Which regions are near a network: a table of prefixes, the longest that matches counting.

use std::net::IpAddr;

/// A region, by the number its table gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Region(pub u16);

/// Prefixes, each with regions from near to far. A binary trie: a lookup takes as many steps as the
/// longest prefix on its way has bits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PrefixTable {
    roots: [Node; 2],
    nodes: Vec<Node>,
    lists: Vec<Vec<Region>>,
    default: Vec<Region>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Node {
    /// Numbers of the nodes for a further 0 and 1 bit; 0 for none (a number counts from 1).
    children: [u32; 2],
    /// Number of the list of regions; 0 for none (a number counts from 1).
    list: u32,
}

impl PrefixTable {
    /// A table that knows no prefix; everyone not found is near `default`.
    pub fn new(default: Vec<Region>) -> Self {
        Self { default, ..Self::default() }
    }

    /// Says which regions are near a prefix, the nearest first. Said twice, the later counts.
    pub fn insert(&mut self, address: IpAddr, prefix: u8, regions: Vec<Region>) {
        self.lists.push(regions);
        let (family, bits, width) = bits_of(address);
        let mut place = None;
        for depth in 0..u32::from(prefix.min(width)) {
            let bit = usize::from(bits >> (127 - depth) & 1 == 1);
            let next = match self.node(family, place).children[bit] {
                0 => {
                    self.nodes.push(Node::default());
                    let number = self.nodes.len() as u32;
                    self.node_mut(family, place).children[bit] = number;
                    number
                }
                number => number,
            };
            place = Some(next);
        }
        let list = self.lists.len() as u32;
        self.node_mut(family, place).list = list;
    }

    /// Regions near an address of which `known` bits are given, the nearest first; and on how many bits of it
    /// that depends: everyone who shares them gets the same regions (RFC 7871 §7.2.1).
    pub fn nearest(&self, address: IpAddr, known: u8) -> (&[Region], u8) {
        let (family, bits, width) = bits_of(address);
        let (mut place, mut list, mut depth) = (None, 0, 0);
        loop {
            let node = self.node(family, place);
            if node.list != 0 {
                list = node.list;
            }
            if node.children == [0, 0] || depth >= u32::from(known.min(width)) {
                break;
            }
            let bit = usize::from(bits >> (127 - depth) & 1 == 1);
            // The bit was looked at, whether or not there is more behind it.
            depth += 1;
            match node.children[bit] {
                0 => break,
                number => place = Some(number),
            }
        }
        let regions = if list == 0 { &self.default } else { &self.lists[list as usize - 1] };
        (regions, depth as u8)
    }

    fn node(&self, family: usize, place: Option<u32>) -> &Node {
        place.map_or(&self.roots[family], |number| &self.nodes[number as usize - 1])
    }

    fn node_mut(&mut self, family: usize, place: Option<u32>) -> &mut Node {
        match place {
            Some(number) => &mut self.nodes[number as usize - 1],
            None => &mut self.roots[family],
        }
    }
}

/// Family, bits from the top of 128, and how many there are.
fn bits_of(address: IpAddr) -> (usize, u128, u8) {
    match address.to_canonical() {
        IpAddr::V4(address) => (0, u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (1, u128::from(address), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts_and_the_scope_is_where_answers_part() {
        let mut table = PrefixTable::new(vec![Region(9)]);
        for (address, prefix, region) in [
            ("10.0.0.0", 8, 1),
            ("10.1.0.0", 16, 2),
            ("10.1.128.0", 17, 3),
            ("2001:db8::", 32, 4),
            ("192.0.2.1", 32, 5),
        ] {
            table.insert(address.parse().unwrap(), prefix, vec![Region(region)]);
        }
        for (address, known, region, scope) in [
            ("10.2.3.4", 32, 1, 15),
            ("10.1.3.4", 32, 2, 17),
            ("10.1.200.4", 32, 3, 17),
            ("10.1.200.4", 16, 2, 16),
            ("10.1.200.4", 8, 1, 8),
            ("11.0.0.1", 32, 9, 8),
            ("200.0.0.1", 32, 9, 5),
            ("192.0.2.1", 32, 5, 32),
            ("192.0.2.2", 32, 9, 31),
            ("2001:db8::1", 128, 4, 32),
            ("2001:db9::1", 128, 9, 32),
            ("::ffff:10.1.3.4", 128, 2, 17),
            ("10.1.3.4", 0, 9, 0),
        ] {
            let (regions, found) = table.nearest(address.parse().unwrap(), known);
            assert_eq!((regions, found), (&[Region(region)][..], scope), "{address}/{known}");
        }
        table.insert("0.0.0.0".parse().unwrap(), 0, vec![Region(7)]);
        assert_eq!(table.nearest("200.0.0.1".parse().unwrap(), 0).0, [Region(7)]);
    }
}
