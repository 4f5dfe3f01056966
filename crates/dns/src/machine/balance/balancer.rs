//! The balanced names of a zone as the authority asks them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::machine::authority::{Asker, Choice, Selection, Selector};
use crate::wire::{Name, NameRef, RecordData, RecordType};

use super::choose::{self, Share};
use super::{CheckId, Health, HealthState, Member, Pool};

/// The balanced names of a zone with the health of the moment. Made anew when either changes; shared by
/// all workers.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    pools: HashMap<Name, Arc<Pool>>,
    health: Arc<HashMap<CheckId, Health>>,
}

impl Balancer {
    /// A balancer of these names.
    pub fn new(pools: impl IntoIterator<Item = (Name, Arc<Pool>)>, health: Arc<HashMap<CheckId, Health>>) -> Self {
        Self { pools: pools.into_iter().collect(), health }
    }

    /// The same names with newer health.
    #[must_use]
    pub fn with_health(&self, health: Arc<HashMap<CheckId, Health>>) -> Self {
        Self { pools: self.pools.clone(), health }
    }

    /// Which members a name has, how each is, and which share of the answers an asker like this one would
    /// give it: for people who want to know why.
    pub fn explain(
        &self,
        owner: NameRef<'_>,
        record_type: RecordType,
        asker: &Asker,
    ) -> Option<Vec<(Member, Health, Share)>> {
        let pool = self.pools.get(&owner.to_name())?;
        let shares = choose::shares(pool, record_type, asker, &self.health);
        let health = |member: &Member| choose::health_of(member, &self.health);
        Some(pool.members.iter().zip(shares).map(|(member, share)| (member.clone(), health(member), share)).collect())
    }
}

impl Selector for Balancer {
    fn select(&self, owner: NameRef<'_>, record_type: RecordType, asker: &Asker) -> Choice {
        if self.pools.is_empty() {
            return Choice::NotMine;
        }
        let Some(pool) = self.pools.get(&owner.to_name()) else { return Choice::NotMine };
        // No answer before the first check: a target nobody has looked at may be dead.
        let waiting = |member: &Member| choose::health_of(member, &self.health).state == HealthState::Unknown;
        let family = |member: &&Member| choose::is_of(member.address, record_type);
        let mut members = pool.members.iter().filter(family).peekable();
        if members.peek().is_some() && members.all(waiting) {
            return Choice::NotReady;
        }
        let (addresses, scope_prefix) = choose::addresses(pool, record_type, asker, &self.health);
        let addresses = addresses.into_iter().map(|address| match address {
            IpAddr::V4(address) => RecordData::a(address),
            IpAddr::V6(address) => RecordData::aaaa(address),
        });
        Choice::Addresses(Selection { addresses: addresses.collect(), ttl: pool.ttl, scope_prefix })
    }
}
