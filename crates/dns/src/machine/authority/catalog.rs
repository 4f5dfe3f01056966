//! Which zone a name belongs to: the longest apex at or above it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::wire::{Name, NameRef};
use crate::zone::Zone;

use super::{OnlineSigner, Selector};

/// Whether a zone can be answered from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ZoneState {
    /// It is served.
    #[default]
    Serving,
    /// A secondary could not refresh it in time (RFC 1034 §4.3.5).
    Expired,
    /// It was never loaded.
    NotLoaded,
}

/// A zone and what serving it takes.
#[derive(Clone, Debug)]
pub struct Served {
    /// The content.
    pub zone: Zone,
    /// Whether it can be answered from.
    pub state: ZoneState,
    /// Signs what is made while answering.
    pub signer: Option<Arc<dyn OnlineSigner>>,
    /// Chooses addresses.
    pub selector: Option<Arc<dyn Selector>>,
}

impl Served {
    /// A zone as it is.
    pub const fn new(zone: Zone) -> Self {
        Self { zone, state: ZoneState::Serving, signer: None, selector: None }
    }
}

/// All zones of a server; swapped as a whole.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// By the hash of the apex; two apexes with one hash share an entry.
    zones: HashMap<u64, Vec<Arc<Served>>, BuildHasherDefault<AlreadyHashed>>,
    /// Which numbers of labels any apex has: bit n for n labels.
    depths: u128,
}

impl Catalog {
    /// A catalog of these zones; of two with the same apex the later stays.
    pub fn new(zones: impl IntoIterator<Item = Arc<Served>>) -> Self {
        let mut catalog = Self::default();
        for zone in zones {
            catalog.insert(zone);
        }
        catalog
    }

    /// Adds or replaces a zone.
    pub fn insert(&mut self, served: Arc<Served>) {
        let apex = served.zone.apex();
        self.depths |= 1 << apex.label_count();
        let entry = self.zones.entry(hash(apex.borrowed())).or_default();
        entry.retain(|other| other.zone.apex() != apex);
        entry.push(served);
    }

    /// Takes a zone away.
    pub fn remove(&mut self, apex: &Name) -> Option<Arc<Served>> {
        let entry = self.zones.get_mut(&hash(apex.borrowed()))?;
        let place = entry.iter().position(|served| served.zone.apex() == apex)?;
        let removed = entry.remove(place);
        self.depths = self.iter().fold(0, |depths, served| depths | 1 << served.zone.apex().label_count());
        Some(removed)
    }

    /// The zone with exactly this apex.
    pub fn get(&self, apex: &Name) -> Option<&Arc<Served>> {
        self.at(apex.borrowed())
    }

    /// All zones in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.zones.values().flatten()
    }

    /// The zone a name belongs to; `above` skips a zone whose apex is the name itself.
    pub fn find(&self, name: NameRef<'_>, above: bool) -> Option<&Arc<Served>> {
        let (mut suffix, mut depth) = (name, name.label_count());
        if above {
            suffix = suffix.parent()?;
            depth -= 1;
        }
        loop {
            if self.depths >> depth & 1 == 1
                && let Some(zone) = self.at(suffix)
            {
                return Some(zone);
            }
            suffix = suffix.parent()?;
            depth -= 1;
        }
    }

    fn at(&self, apex: NameRef<'_>) -> Option<&Arc<Served>> {
        self.zones.get(&hash(apex))?.iter().find(|served| served.zone.apex().borrowed() == apex)
    }
}

/// Keys are hashes; hashing them once more would only take time.
#[derive(Clone, Copy, Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A hash of the name, ignoring case. Only operators choose what is in the table.
fn hash(name: NameRef<'_>) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    name.wire().iter().fold(0xcbf2_9ce4_8422_2325, mix)
}
