//! Scenarios of months, in no time.

use edgeway_base::SeededEntropy;

use super::*;

const NOW: WallTime = WallTime::from_seconds(1_795_000_000);
const DAY: u64 = 86_400;

fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY)
}

fn names(list: &[&str]) -> Names {
    list.iter().map(|name| name.parse().unwrap()).collect()
}

/// A certificate of ninety days.
fn facts(list: &[&str], from: WallTime) -> Facts {
    Facts {
        names: names(list),
        not_before: from,
        not_after: from.later(days(90)),
        serial: from.seconds().to_be_bytes().to_vec(),
        authority_key_identifier: Some(vec![1]),
        issuer: String::new(),
        subject: String::new(),
    }
}

#[test]
fn an_order_is_made_paused_after_failures_and_renewed_in_time() {
    let mut entropy = SeededEntropy::new(1);
    let mut schedule = Schedule::default();
    let wanted = names(&["a.test", "b.test"]);
    schedule.configure(NOW, &mut entropy, vec![(wanted.clone(), None)], Vec::new());
    let order = |failures| Task::Order { names: wanted.clone(), replaces: None, failures };
    assert_eq!(schedule.next(NOW), Ok(order(0)));

    let mut now = NOW;
    for (failures, retry_after, pause) in
        [(1, None, 60), (2, None, 120), (3, Some(3600), 3600), (4, None, 480), (5, None, 960)]
    {
        assert_eq!(schedule.failed(now, &wanted, retry_after.map(Duration::from_secs)).as_secs(), pause);
        let until = now.later(Duration::from_secs(pause));
        assert_eq!(schedule.next(now), Err(Some(until)));
        now = until;
        assert_eq!(schedule.next(now), Ok(order(failures)));
    }
    for _ in 0..20 {
        schedule.failed(now, &wanted, None);
    }
    assert_eq!(schedule.failed(now, &wanted, None), ORDER_PAUSE_MAX);

    let first = facts(&["a.test", "b.test"], now);
    schedule.issued(now, &mut entropy, &wanted, first.clone());
    assert_eq!(schedule.next(now), Err(Some(now.later(days(1)))), "the authority is asked once a day");
    now = now.later(days(1));
    assert_eq!(schedule.next(now), Ok(Task::AskRenewal { names: wanted.clone(), facts: first.clone() }));
    schedule.advised(now, &mut entropy, &wanted, None, days(400));
    assert_eq!(schedule.next(now), Err(Some(now.later(days(1)))), "not for longer than a day at a time");

    // Nobody says anything more: it is renewed in the third part of its life.
    while let Ok(Task::AskRenewal { .. }) | Err(_) = schedule.next(now) {
        schedule.advised(now, &mut entropy, &wanted, None, days(1));
        now = now.later(Duration::from_secs(3600));
    }
    let age = now.since_epoch() - first.not_before.since_epoch();
    assert!((days(60)..=days(76)).contains(&age), "{age:?}");
    assert_eq!(schedule.next(now), Ok(Task::Order { names: wanted, replaces: Some(first), failures: 0 }));
}

#[test]
fn the_authority_can_call_for_renewal_at_once() {
    let mut entropy = SeededEntropy::new(2);
    let mut schedule = Schedule::default();
    let wanted = names(&["a.test"]);
    let known = facts(&["a.test"], NOW);
    schedule.configure(NOW, &mut entropy, vec![(wanted.clone(), Some(known.clone()))], Vec::new());
    assert_eq!(schedule.next(NOW), Ok(Task::AskRenewal { names: wanted.clone(), facts: known.clone() }));
    let past = RenewalWindow { start: NOW.earlier(days(2)), end: NOW.earlier(days(1)) };
    schedule.advised(NOW, &mut entropy, &wanted, Some(past), Duration::ZERO);
    assert_eq!(schedule.next(NOW), Ok(Task::Order { names: wanted.clone(), replaces: Some(known), failures: 0 }));

    // The same window again picks no other moment.
    let future = RenewalWindow { start: NOW.later(days(1)), end: NOW.later(days(9)) };
    schedule.advised(NOW, &mut entropy, &wanted, Some(future), days(1));
    let picked = schedule.lots[&wanted].certificate.as_ref().unwrap().renew_at;
    schedule.advised(NOW, &mut entropy, &wanted, Some(future), days(1));
    assert_eq!(schedule.lots[&wanted].certificate.as_ref().unwrap().renew_at, picked);
    assert!((future.start..future.end).contains(&picked));
}

#[test]
fn a_reload_keeps_pauses_and_forgets_names() {
    let mut entropy = SeededEntropy::new(3);
    let mut schedule = Schedule::default();
    let (kept, gone, new) = (names(&["kept.test"]), names(&["gone.test"]), names(&["new.test"]));
    let none = |names: &Names| (names.clone(), None);
    schedule.configure(NOW, &mut entropy, vec![none(&kept), none(&gone)], Vec::new());
    schedule.failed(NOW, &kept, None);
    schedule.configure(NOW, &mut entropy, vec![none(&kept), none(&new)], Vec::new());
    assert!(schedule.wants(&kept[0]) && schedule.wants(&new[0]) && !schedule.wants(&gone[0]));
    assert_eq!(schedule.next(NOW), Ok(Task::Order { names: new.clone(), replaces: None, failures: 0 }));
    schedule.forget(&new);
    assert_eq!(schedule.next(NOW), Err(Some(NOW.later(ORDER_PAUSE))), "the pause outlives the reload");
}

#[test]
fn on_demand_is_bounded_in_an_hour() {
    let mut schedule = Schedule::default();
    let name = |number: u32| format!("n{number}.test").parse().unwrap();
    for number in 0..ON_DEMAND_ORDERS_PER_HOUR {
        assert!(schedule.add_on_demand(NOW, name(number)));
    }
    assert!(!schedule.add_on_demand(NOW.later(Duration::from_secs(3599)), name(1000)));
    assert!(schedule.add_on_demand(NOW.later(Duration::from_secs(3600)), name(1000)));
    assert!(schedule.is_on_demand(&vec![name(1000)]) && !schedule.wants(&name(1001)));
}
