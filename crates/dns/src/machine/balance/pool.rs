//! The rules of a balanced name, and what is known of its members.

use std::net::IpAddr;
use std::sync::Arc;

use super::{CheckId, PrefixTable, Region};

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
