//! Certificates kept fresh over months, in a second.

use super::*;
use crate::acme::keeper::{Keeper, KeeperEvent};
use crate::acme::renewal::RenewalWindow;
use crate::certificate::Facts;

/// A network with a keeper in it.
struct Months {
    network: Network,
    keeper: Keeper,
    entropy: SeededEntropy,
    /// Whether proofs are shown.
    reachable: bool,
    /// Answers questions about renewal in the server's place.
    suggested: Option<RenewalWindow>,
}

impl Months {
    fn new() -> Self {
        let keeper = Keeper::new(client_settings(&[ProofKind::Tls]));
        let entropy = SeededEntropy::new(3);
        Self { network: Network::new(settings()), keeper, entropy, reachable: true, suggested: None }
    }

    /// Everything that happens within `days`, with its moment.
    fn pass(&mut self, days: u64) -> Vec<(WallTime, KeeperEvent)> {
        let end = self.network.now.later(Duration::from_secs(days * 86_400));
        let mut seen = Vec::new();
        loop {
            while let Some(event) = self.keeper.poll_event() {
                if let KeeperEvent::Show(proof) = &event {
                    if self.reachable {
                        self.network.shown.insert(proof.name.clone(), proof.clone());
                    }
                    self.keeper.proof_ready(&proof.name);
                }
                seen.push((self.network.now, event));
            }
            if let Some(request) = self.keeper.poll_output(self.network.clock, self.network.now) {
                let mut response = self.network.ask(&request);
                if let (true, Some(window)) = (request.url.contains("renewal-info"), self.suggested) {
                    response.body = window.write();
                }
                self.keeper.handle_response(self.network.clock, self.network.now, &mut self.entropy, &response);
                self.network.visit();
                continue;
            }
            let pause = self.keeper.poll_timeout(self.network.clock, self.network.now);
            let pause = pause.unwrap_or(Duration::from_secs(86_400)).max(Duration::from_secs(1));
            if self.network.now.later(pause) > end {
                return seen;
            }
            self.network.now = self.network.now.later(pause);
            self.network.clock += pause;
        }
    }

    fn want(&mut self, names: &[&str], facts: Option<Facts>) {
        let names = names.iter().map(|text| name(text)).collect();
        self.keeper.set_wanted(vec![(names, facts)], &mut self.entropy);
    }
}

fn issued(seen: &[(WallTime, KeeperEvent)]) -> Vec<(WallTime, Facts)> {
    seen.iter()
        .filter_map(|(moment, event)| match event {
            KeeperEvent::Issued { certificate, .. } => Some((*moment, certificate.facts().clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_year_without_a_gap_and_without_haste() {
    let mut months = Months::new();
    months.want(&["a.test", "b.test"], None);
    let certificates = issued(&months.pass(365));
    assert!(certificates[0].0 <= NOW.later(Duration::from_secs(60)), "the first at once");
    // Thirty days of life, renewed with five to ten left.
    assert!((14..=19).contains(&certificates.len()), "{} in a year", certificates.len());
    for ((_, old), (made, _)) in certificates.iter().zip(&certificates[1..]) {
        let left = old.not_after.since_epoch() - made.since_epoch();
        assert!(*made >= old.renewal_due() && left.as_secs() > 4 * 86_400, "{left:?} left");
    }
}

#[test]
fn stored_certificates_are_kept_and_others_replaced() {
    let mut months = Months::new();
    months.want(&["a.test"], None);
    let (_, facts) = issued(&months.pass(1)).remove(0);
    for (names, stored, expected) in
        [(&["a.test"][..], Some(facts.clone()), 0), (&["a.test", "b.test"], Some(facts), 1), (&["c.test"], None, 1)]
    {
        let mut later = Months { network: months.network, ..Months::new() };
        later.want(names, stored);
        assert_eq!(issued(&later.pass(2)).len(), expected, "{names:?}");
        months = later;
    }
    assert!(months.keeper.want(name("d.test"), &mut months.entropy));
    assert!(months.keeper.want(name("d.test"), &mut months.entropy), "wanted twice, had once");
    assert_eq!(issued(&months.pass(1)).len(), 1);
}

#[test]
fn the_server_may_hasten_a_renewal() {
    let mut months = Months::new();
    months.want(&["a.test"], None);
    assert_eq!(issued(&months.pass(2)).len(), 1);
    let past =
        RenewalWindow { start: NOW.earlier(Duration::from_secs(200)), end: NOW.earlier(Duration::from_secs(100)) };
    months.suggested = Some(past);
    // Each new certificate is hastened too; yet there is an hour of rest between them.
    let hastened = issued(&months.pass(1)).len();
    assert!((2..=24).contains(&hastened), "{hastened}");
    months.suggested = None;
    months.pass(1);
    assert_eq!(issued(&months.pass(10)).len(), 0, "calm again");
}

#[test]
fn failures_are_tried_again_with_patience() {
    let mut months = Months::new();
    months.reachable = false;
    months.want(&["a.test"], None);
    let pauses: Vec<u64> = months
        .pass(5)
        .iter()
        .filter_map(|(moment, event)| match event {
            KeeperEvent::Failed { next_try, .. } => Some(next_try.seconds() - moment.seconds()),
            _ => None,
        })
        .collect();
    assert_eq!(pauses[..5], [60, 600, 6_000, 60_000, 86_400]);
    months.reachable = true;
    assert_eq!(issued(&months.pass(2)).len(), 1, "and succeeds when the way is free");
}
