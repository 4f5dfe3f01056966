//! The choice itself: who may be answered, with which share, in which order.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::limits::BALANCED_ANSWERS_MAX;
use crate::machine::authority::Asker;
use crate::wire::RecordType;

use super::{AllDown, CheckId, Health, HealthState, Member, Method, Pool};

/// A member's share of the answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share {
    /// From 0 to 1: how often it comes first.
    pub first: f64,
}

/// The addresses for an asker, best first, and how many bits of the asker's address mattered.
pub(super) fn addresses(
    pool: &Pool,
    record_type: RecordType,
    asker: &Asker,
    health: &HashMap<CheckId, Health>,
) -> (Vec<IpAddr>, u8) {
    let Candidates { members, scope_prefix } = candidates(pool, record_type, asker, health);
    let count = pool.answers.clamp(1, BALANCED_ANSWERS_MAX);
    if members.is_empty() {
        return (of_none(pool, record_type, asker, count), scope_prefix);
    }
    let (seed, sticky_prefix) = seed(pool, asker);
    let mut ordered: Vec<(f64, IpAddr)> =
        members.iter().map(|(member, weight)| (rank(seed, member.address, *weight), member.address)).collect();
    ordered.sort_by(|a, b| b.0.total_cmp(&a.0));
    (ordered.into_iter().take(count).map(|(_, address)| address).collect(), scope_prefix.max(sticky_prefix))
}

/// Each member's share, in the pool's order.
pub(super) fn shares(
    pool: &Pool,
    record_type: RecordType,
    asker: &Asker,
    health: &HashMap<CheckId, Health>,
) -> Vec<Share> {
    let Candidates { members, .. } = candidates(pool, record_type, asker, health);
    let total: f64 = members.iter().map(|(_, weight)| weight).sum();
    let share = |member: &Member| {
        members.iter().find(|(found, _)| std::ptr::eq(*found, member)).map_or(0.0, |(_, weight)| weight / total)
    };
    pool.members.iter().map(|member| Share { first: share(member) }).collect()
}

/// The health of a member; who is not checked is well.
pub(super) fn health_of(member: &Member, health: &HashMap<CheckId, Health>) -> Health {
    match member.check {
        Some(check) => health.get(&check).copied().unwrap_or_default(),
        None => Health { state: HealthState::Up, load_permille: None },
    }
}

/// Whether an address answers a question for this type.
pub(super) const fn is_of(address: IpAddr, record_type: RecordType) -> bool {
    match address {
        IpAddr::V4(_) => record_type.0 == RecordType::A.0,
        IpAddr::V6(_) => record_type.0 == RecordType::AAAA.0,
    }
}

struct Candidates<'p> {
    /// Who may be answered, each with a weight above zero.
    members: Vec<(&'p Member, f64)>,
    scope_prefix: u8,
}

fn candidates<'p>(
    pool: &'p Pool,
    record_type: RecordType,
    asker: &Asker,
    health: &HashMap<CheckId, Health>,
) -> Candidates<'p> {
    let healthy: Vec<&Member> = (pool.members.iter())
        .filter(|member| is_of(member.address, record_type) && health_of(member, health).state == HealthState::Up)
        .collect();
    // Weight zero is for when there is nobody else.
    let weighed: Vec<&Member> = healthy.iter().copied().filter(|member| member.weight > 0).collect();
    let usable = if weighed.is_empty() { healthy } else { weighed };
    let (chosen, scope_prefix) = match &pool.method {
        Method::Nearest(table) => {
            let (regions, scope_prefix) = table.nearest(asker.address, asker.prefix);
            let in_region = regions.iter().map(|region| {
                usable.iter().copied().filter(|member| member.region == Some(*region)).collect::<Vec<_>>()
            });
            let nearest = in_region.into_iter().find(|members| !members.is_empty());
            (nearest.unwrap_or(usable), scope_prefix)
        }
        Method::Failover => {
            let first = usable.iter().map(|member| member.tier).min();
            (usable.into_iter().filter(|member| Some(member.tier) == first).collect(), 0)
        }
        Method::Rotate | Method::Weighted | Method::Load => (usable, 0),
    };
    let weight = |member: &Member| match pool.method {
        Method::Rotate => 1.0,
        Method::Load => f64::from(member.weight.max(1)) * free(health_of(member, health)),
        _ => f64::from(member.weight.max(1)),
    };
    Candidates { members: chosen.into_iter().map(|member| (member, weight(member))).collect(), scope_prefix }
}

/// The free part of a member's capacity. Shares follow it instead of everyone going to the least loaded,
/// who would be the most loaded a TTL later. Who does not say is taken to be half full; nobody is left out.
fn free(health: Health) -> f64 {
    let used = f64::from(health.load_permille.unwrap_or(500).min(1_000)) / 1_000.0;
    (1.0 - used).max(0.01)
}

/// Without a healthy member.
fn of_none(pool: &Pool, record_type: RecordType, asker: &Asker, count: usize) -> Vec<IpAddr> {
    let all: Vec<IpAddr> = match &pool.all_down {
        AllDown::ServeNone => return Vec::new(),
        AllDown::ServeAll => pool.members.iter().map(|member| member.address).collect(),
        AllDown::Fallback(addresses) => addresses.clone(),
    };
    let mut all: Vec<IpAddr> = all.into_iter().filter(|address| is_of(*address, record_type)).collect();
    if !all.is_empty() {
        let middle = (asker.ticket % all.len() as u64) as usize;
        all.rotate_left(middle);
    }
    all.truncate(count);
    all
}

/// What the order depends on: each query, or the client's network, and how many of its bits.
fn seed(pool: &Pool, asker: &Asker) -> (u64, u8) {
    let Some((ipv4_prefix, ipv6_prefix)) = pool.sticky else { return (mix(asker.ticket), 0) };
    let (bits, prefix) = match asker.address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, ipv4_prefix.min(32)),
        IpAddr::V6(address) => (u128::from(address), ipv6_prefix.min(128)),
    };
    let network = if prefix == 0 { 0 } else { bits >> (128 - u32::from(prefix)) };
    (mix(mix(network as u64) ^ (network >> 64) as u64), prefix)
}

/// Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): whoever has the highest rank comes first,
/// in proportion to the weights; when a member comes or goes, only its own share moves.
fn rank(seed: u64, address: IpAddr, weight: f64) -> f64 {
    let own = match address {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            bits as u64 ^ mix((bits >> 64) as u64)
        }
    };
    // A number in (0, 1) with 52 bits, which f64 holds exactly.
    let number = ((mix(seed ^ mix(own)) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    -weight / number.ln()
}

/// SplitMix64's finalizer.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
