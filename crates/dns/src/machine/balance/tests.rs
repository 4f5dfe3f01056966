//! Balancing: distribution, failure, flapping, nearness, stickiness.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::Instant;

use super::*;
use crate::machine::authority::{Asker, Choice, Selection, Selector};
use crate::wire::{Name, RecordType};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn name() -> Name {
    "www.example.".parse().unwrap()
}

fn asker(source: &str, ticket: u64) -> Asker {
    let address = address(source);
    Asker { address, prefix: if address.is_ipv4() { 32 } else { 128 }, now: Instant::ZERO, ticket }
}

/// A member at 192.0.2.`last`, checked under that number.
fn member(last: u8, weight: u32) -> Member {
    Member { weight, check: Some(CheckId(last.into())), ..Member::new([192, 0, 2, last].into()) }
}

fn health(states: &[(u64, HealthState, Option<u16>)]) -> Arc<HashMap<CheckId, Health>> {
    Arc::new(
        states.iter().map(|(id, state, load)| (CheckId(*id), Health { state: *state, load_permille: *load })).collect(),
    )
}

fn up(count: u64) -> Arc<HashMap<CheckId, Health>> {
    health(&(1..=count).map(|id| (id, HealthState::Up, None)).collect::<Vec<_>>())
}

fn balancer(pool: Pool, health: Arc<HashMap<CheckId, Health>>) -> Balancer {
    Balancer::new([(name(), Arc::new(pool))], health)
}

fn choice(balancer: &Balancer, asker: &Asker) -> (Vec<String>, u8) {
    match balancer.select(name().borrowed(), RecordType::A, asker) {
        Choice::Addresses(selection) => {
            (selection.addresses.iter().map(ToString::to_string).collect(), selection.scope_prefix)
        }
        other => panic!("{other:?}"),
    }
}

/// How often each member came first in this many answers.
fn counts(balancer: &Balancer, members: u8, answers: u64) -> Vec<u64> {
    let mut counts = vec![0; usize::from(members)];
    let (owner, someone) = (name(), asker("198.51.100.1", 0));
    for ticket in 0..answers {
        let Choice::Addresses(selection) =
            balancer.select(owner.borrowed(), RecordType::A, &Asker { ticket, ..someone })
        else {
            panic!("no addresses");
        };
        let [.., last] = selection.addresses[0].as_a().unwrap().octets();
        counts[usize::from(last) - 1] += 1;
    }
    counts
}

fn chi_square(counts: &[u64], shares: &[f64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let term = |(count, share): (&u64, &f64)| {
        let expected = total as f64 * share;
        (*count as f64 - expected).powi(2) / expected
    };
    counts.iter().zip(shares).map(term).sum()
}

#[test]
fn hostile_100_distributions_are_what_the_weights_say_over_100_000_answers() {
    // The 99.9 % quantiles for 3 and 2 degrees of freedom are 16.27 and 13.82.
    let weights = [5, 3, 1, 1];
    let members: Vec<Member> = weights.iter().zip(1..).map(|(weight, last)| member(last, *weight)).collect();
    let weighted = Pool { method: Method::Weighted, members: members.clone(), answers: 1, ..Pool::new([]) };
    let counted = counts(&balancer(weighted.clone(), up(4)), 4, 100_000);
    assert!(chi_square(&counted, &[0.5, 0.3, 0.1, 0.1]) < 16.27, "weighted: {counted:?}");
    let rotate = Pool { method: Method::Rotate, ..weighted.clone() };
    let counted = counts(&balancer(rotate, up(4)), 4, 100_000);
    assert!(chi_square(&counted, &[0.25; 4]) < 16.27, "rotate: {counted:?}");
    let load =
        Pool { method: Method::Load, members: vec![member(1, 1), member(2, 1), member(3, 2)], ..weighted.clone() };
    let loads = health(&[(1, HealthState::Up, Some(900)), (2, HealthState::Up, Some(100)), (3, HealthState::Up, None)]);
    let balancer = balancer(load, loads);
    let counted = counts(&balancer, 3, 100_000);
    assert!(chi_square(&counted, &[0.05, 0.45, 0.5]) < 13.82, "load: {counted:?}");
    let explained = balancer.explain(name().borrowed(), RecordType::A, &asker("192.0.2.1", 0)).unwrap();
    let shares: Vec<f64> = explained.iter().map(|(_, _, share)| (share.first * 100.0).round()).collect();
    assert_eq!(shares, [5.0, 45.0, 50.0]);
}

#[test]
fn hostile_100_dead_members_all_down_and_weights_of_zero() {
    let pool = |all_down| Pool { members: vec![member(1, 1), member(2, 0)], all_down, ..Pool::new([]) };
    let down = health(&[(1, HealthState::Down, None), (2, HealthState::Down, None)]);
    let one_down = health(&[(1, HealthState::Down, None), (2, HealthState::Up, None)]);
    let someone = asker("198.51.100.1", 0);
    let ask = |pool, health| choice(&balancer(pool, health), &someone).0;
    assert_eq!(ask(pool(AllDown::ServeAll), up(2)), ["192.0.2.1"], "weight zero waits");
    assert_eq!(ask(pool(AllDown::ServeAll), one_down), ["192.0.2.2"], "until nobody else is there");
    assert_eq!(ask(pool(AllDown::ServeAll), down.clone()), ["192.0.2.1", "192.0.2.2"], "fail open");
    assert_eq!(ask(pool(AllDown::ServeNone), down.clone()), Vec::<String>::new());
    let fallback = AllDown::Fallback(vec![address("203.0.113.1"), address("2001:db8::1")]);
    assert_eq!(ask(pool(fallback), down), ["203.0.113.1"]);
    let zeros = Pool { method: Method::Weighted, members: vec![member(1, 0), member(2, 0)], ..Pool::new([]) };
    assert_eq!(ask(zeros, up(2)).len(), 2, "all zero is all alike");
    // IPv4 and IPv6 stand for themselves.
    let v6 = balancer(pool(AllDown::ServeAll), up(2)).select(name().borrowed(), RecordType::AAAA, &someone);
    assert_eq!(v6, Choice::Addresses(Selection { addresses: vec![], ttl: 30, scope_prefix: 0 }));
    let other: Name = "other.example.".parse().unwrap();
    let missing = balancer(pool(AllDown::ServeAll), up(2)).select(other.borrowed(), RecordType::A, &someone);
    assert_eq!(missing, Choice::NotMine);
}

#[test]
fn hostile_100_no_answer_before_the_first_check() {
    let pool = Pool { members: vec![member(1, 1), member(2, 1)], ..Pool::new([]) };
    let mut checks = Checks::new();
    checks.set_targets([1, 2].map(|id| (CheckId(id), CheckRule::default())), Instant::ZERO);
    let someone = asker("198.51.100.1", 0);
    let before = balancer(pool.clone(), checks.health());
    assert_eq!(before.select(name().borrowed(), RecordType::A, &someone), Choice::NotReady);
    let (id, run) = checks.poll_start(Instant::ZERO).unwrap();
    checks.handle_result(id, run, CheckOutcome::Passed { load_permille: None });
    let after = before.with_health(checks.health());
    assert_eq!(choice(&after, &someone).0, ["192.0.2.1"], "the first result decides at once");
    let unchecked = Pool::new([address("192.0.2.9")]);
    assert_eq!(choice(&balancer(unchecked, Arc::default()), &someone).0, ["192.0.2.9"]);
}

#[test]
fn failover_goes_by_tier_and_comes_back() {
    let tiered = |last, tier| Member { tier, ..member(last, 1) };
    let pool =
        Pool { method: Method::Failover, members: vec![tiered(1, 0), tiered(2, 1), tiered(3, 1)], ..Pool::new([]) };
    let someone = asker("198.51.100.1", 3);
    let states = |first| health(&[(1, first, None), (2, HealthState::Up, None), (3, HealthState::Up, None)]);
    assert_eq!(choice(&balancer(pool.clone(), states(HealthState::Up)), &someone).0, ["192.0.2.1"]);
    let mut second = choice(&balancer(pool, states(HealthState::Down)), &someone).0;
    second.sort();
    assert_eq!(second, ["192.0.2.2", "192.0.2.3"]);
}

#[test]
fn hostile_100_nearness_by_subnet_with_misses_and_scope() {
    let at = |last, region| Member { region: Some(Region(region)), ..member(last, 1) };
    let mut table = PrefixTable::new(vec![Region(1)]);
    table.insert(address("10.0.0.0"), 8, vec![Region(2), Region(1)]);
    table.insert(address("10.9.0.0"), 16, vec![Region(3), Region(2)]);
    let pool =
        Pool { method: Method::Nearest(Arc::new(table)), members: vec![at(1, 1), at(2, 2), at(3, 3)], ..Pool::new([]) };
    let all = balancer(pool.clone(), up(3));
    assert_eq!(choice(&all, &asker("10.9.1.1", 0)), (vec!["192.0.2.3".to_owned()], 16));
    assert_eq!(
        choice(&all, &asker("10.8.1.1", 0)),
        (vec!["192.0.2.2".to_owned()], 16),
        "the next bit could have led on"
    );
    assert_eq!(choice(&all, &asker("203.0.113.1", 0)), (vec!["192.0.2.1".to_owned()], 1), "a miss is near the default");
    let unknown = Asker { prefix: 0, ..asker("0.0.0.0", 0) };
    assert_eq!(choice(&all, &unknown), (vec!["192.0.2.1".to_owned()], 0), "a /0 asks not to be told apart");
    let third_down = health(&[(1, HealthState::Up, None), (2, HealthState::Up, None), (3, HealthState::Down, None)]);
    assert_eq!(choice(&balancer(pool.clone(), third_down), &asker("10.9.1.1", 0)).0, ["192.0.2.2"], "the next region");
    let only_first = health(&[(1, HealthState::Up, None), (2, HealthState::Down, None), (3, HealthState::Down, None)]);
    assert_eq!(choice(&balancer(pool, only_first), &asker("10.9.1.1", 0)).0, ["192.0.2.1"], "any region at last");
}

#[test]
fn hostile_100_sticky_clients_stay_when_others_come_and_go() {
    let pool = |count| Pool {
        members: (1..=count).map(|last| member(last, 1)).collect(),
        sticky: Some((24, 56)),
        answers: 1,
        ..Pool::new([])
    };
    let (ten, eleven) = (balancer(pool(10), up(11)), balancer(pool(11), up(11)));
    let mut moved = 0;
    for network in 0..10_000_u32 {
        let source = format!("10.{}.{}.7", network >> 8, network & 255);
        let neighbour = format!("10.{}.{}.200", network >> 8, network & 255);
        let (first, scope) = choice(&ten, &asker(&source, u64::from(network)));
        assert_eq!((choice(&ten, &asker(&neighbour, 99)).0, scope), (first.clone(), 24));
        let (second, _) = choice(&eleven, &asker(&source, 5));
        if second != first {
            assert_eq!(second, ["192.0.2.11"], "whoever moves, moves to the new one");
            moved += 1;
        }
    }
    assert!((750..1_070).contains(&moved), "about an eleventh: {moved}");
}

#[test]
fn hostile_100_flapping_hanging_and_deleted_targets() {
    let rule = CheckRule { rise: 2, fall: 3, ..CheckRule::default() };
    let mut checks = Checks::new();
    checks.set_targets([(CheckId(1), rule)], Instant::ZERO);
    let mut now = Instant::ZERO;
    let mut run = |checks: &mut Checks, passed: Option<bool>| {
        let due = checks.poll_timeout().unwrap();
        now = due.max(now);
        let (id, number) = checks.poll_start(now).expect("a check is due");
        match passed {
            Some(true) => checks.handle_result(id, number, CheckOutcome::Passed { load_permille: Some(10) }),
            Some(false) => checks.handle_result(id, number, CheckOutcome::Failed),
            None => {
                // It hangs; its result comes after the timeout.
                now += rule.timeout;
                checks.handle_timeout(now);
                checks.handle_result(id, number, CheckOutcome::Passed { load_permille: None });
            }
        }
        checks.poll_event().map(|change| change.to)
    };
    use HealthState::{Down, Up};
    for (step, (passed, expected)) in [
        (Some(true), Some(Up)),
        (Some(false), None),
        (Some(false), None),
        (Some(true), None),
        (Some(false), None),
        (Some(false), None),
        (None, Some(Down)),
        (Some(true), None),
        (Some(false), None),
        (Some(true), None),
        (Some(true), Some(Up)),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(run(&mut checks, passed), expected, "step {step}");
    }
    let later = now + Duration::from_secs(60);
    let (id, number) = checks.poll_start(later).unwrap();
    checks.set_targets([(CheckId(2), rule)], later);
    checks.handle_result(id, number, CheckOutcome::Failed);
    assert_eq!(
        (checks.poll_event(), checks.health().contains_key(&id)),
        (None, false),
        "a deleted target is forgotten"
    );
}

#[test]
fn hostile_100_checks_are_rate_limited_and_none_starves() {
    let rule = CheckRule { interval: Duration::from_secs(1), ..CheckRule::default() };
    let mut checks = Checks::new();
    checks.set_targets((0..500).map(|id| (CheckId(id), rule)), Instant::ZERO);
    let (mut started, mut now) = (HashMap::new(), Instant::ZERO);
    while now < Instant::from_millis(10_000) {
        while let Some((id, run)) = checks.poll_start(now) {
            *started.entry(id).or_insert(0_u32) += 1;
            checks.handle_result(id, run, CheckOutcome::Passed { load_permille: None });
        }
        now = checks.poll_timeout().unwrap().max(now + Duration::from_millis(1));
    }
    let total: u32 = started.values().sum();
    assert!((990..=1_001).contains(&total), "{total}");
    assert!(started.len() == 500 && started.values().all(|count| *count == 2), "two each");
}
