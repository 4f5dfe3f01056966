//! A learning switch (IEEE 802.1D without spanning trees): frames go where their address was last seen, or
//! everywhere. Owned by [`super::world`].

use std::collections::BTreeMap;

use edgeway_tcpip::wire::ethernet::{EthernetHeader, MacAddress};

/// Addresses remembered; real switches keep some thousands.
const ADDRESSES_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Switch {
    known: BTreeMap<MacAddress, usize>,
}

impl Switch {
    /// Out of which of `ports` a frame that came in by `from` goes.
    pub(crate) fn forward(&mut self, frame: &[u8], from: usize, ports: usize) -> Vec<usize> {
        let Ok(header) = EthernetHeader::decode(frame) else { return Vec::new() };
        if self.known.len() < ADDRESSES_MAX || self.known.contains_key(&header.source) {
            self.known.insert(header.source, from);
        }
        match self.known.get(&header.destination).filter(|_| !header.destination.is_group()) {
            Some(port) if *port == from => Vec::new(),
            Some(port) => vec![*port],
            None => (0..ports).filter(|port| *port != from).collect(),
        }
    }
}
