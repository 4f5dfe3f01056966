//! Balancing by name: which addresses a name is answered with, and in which order. A pure choice from the
//! pool's rules, the health of its members (which is an input), and who asks; equal inputs, equal answers.
//!
//! [`Balancer`] chooses (`choose.rs` has the methods), [`Checks`] decides when to check whom and turns results
//! into health, [`PrefixTable`] knows which network is near what.

mod checks;
mod choose;
mod prefixes;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::machine::authority::{Asker, Choice, Selection, Selector};
use crate::wire::{Name, NameRef, RecordData, RecordType};

pub use checks::{CheckId, CheckOutcome, CheckRule, Checks, HealthChange};
pub use choose::Share;
pub use prefixes::{PrefixTable, Region};

/// How a pool chooses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// Everyone alike, another one first each time.
    #[default]
    Rotate,
    /// By weight.
    Weighted,
    /// By weight and by how much of its capacity each says is free.
    Load,
    /// The region nearest to the asker that has a healthy member; in it by weight.
    Nearest(Arc<PrefixTable>),
    /// The first tier that has a healthy member; in it by weight.
    Failover,
}

/// What to answer when no member is healthy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum AllDown {
    /// All of them: perhaps it is the check that is broken. The default, since an answer may work and none
    /// cannot.
    #[default]
    ServeAll,
    /// None of them: no such record.
    ServeNone,
    /// These instead, as of a page that says sorry.
    Fallback(Vec<IpAddr>),
}

/// One address of a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The address that is answered.
    pub address: IpAddr,
    /// Its share. Zero: only when nobody else is healthy.
    pub weight: u32,
    /// Its tier, for failover: lower ones first.
    pub tier: u32,
    /// Where it is, for nearness.
    pub region: Option<Region>,
    /// What is checked, which may be another address; none when it counts as healthy always.
    pub check: Option<CheckId>,
}

impl Member {
    /// An unchecked member of weight 1.
    pub const fn new(address: IpAddr) -> Self {
        Self { address, weight: 1, tier: 0, region: None, check: None }
    }
}

/// The rules of one balanced name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// How it chooses.
    pub method: Method,
    /// Among whom.
    pub members: Vec<Member>,
    /// Addresses in one answer, at most; at least 1.
    pub answers: usize,
    /// Seconds an answer may be kept: how long a dead server is still asked.
    pub ttl: u32,
    /// What to do when no member is healthy.
    pub all_down: AllDown,
    /// Give a client's network the same member as long as that is healthy: bits of IPv4 and IPv6 addresses
    /// that make a network.
    pub sticky: Option<(u8, u8)>,
}

impl Pool {
    /// A rotating pool of unchecked members: all of them in each answer, kept for 30 seconds.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let members = addresses.into_iter().map(Member::new).collect();
        Self {
            method: Method::Rotate,
            members,
            answers: crate::limits::BALANCED_ANSWERS_MAX,
            ttl: 30,
            all_down: AllDown::ServeAll,
            sticky: None,
        }
    }
}

/// What is known of a member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Health {
    /// Whether it works.
    pub state: HealthState,
    /// How much of its capacity is in use, in thousandths, when it says so.
    pub load_permille: Option<u16>,
}

/// Whether a member works.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HealthState {
    /// Not checked yet.
    #[default]
    Unknown,
    /// It does.
    Up,
    /// It does not.
    Down,
}

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

#[cfg(test)]
mod tests;
