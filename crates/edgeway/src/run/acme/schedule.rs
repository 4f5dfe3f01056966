//! What is due, and when: which certificates to order, which to renew, which to ask the authority about. Time and chance are arguments.
//! Kept by [`super::agent`].

use std::collections::HashMap;
use std::time::Duration;

use edgeway_base::{Entropy, WallTime};
use edgeway_tls::acme::renewal::RenewalWindow;
use edgeway_tls::certificate::{CertificateName, Facts};

use crate::limits::{
    ON_DEMAND_CERTIFICATES_MAX, ON_DEMAND_ORDERS_PER_HOUR, ORDER_PAUSE, ORDER_PAUSE_MAX, RENEWAL_QUESTION_PAUSE,
};

/// The names of one certificate, in the order in which they are asked for.
pub type Names = Vec<CertificateName>;

/// Something to do at the authority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Task {
    /// Get a certificate.
    Order {
        /// For these names.
        names: Names,
        /// The one it follows.
        replaces: Option<Facts>,
        /// How many tries have failed before this one.
        failures: u32,
    },
    /// Ask when this certificate should be renewed (RFC 9773).
    AskRenewal {
        /// Its names.
        names: Names,
        /// What it says of itself.
        facts: Facts,
    },
}

/// All certificates that are wanted.
#[derive(Debug, Default)]
pub struct Schedule {
    lots: HashMap<Names, Lot>,
    /// Orders on demand since this moment.
    on_demand: (WallTime, u32),
}

/// One certificate that is wanted, and may be there.
#[derive(Debug, Default)]
struct Lot {
    on_demand: bool,
    certificate: Option<Kept>,
    failures: u32,
    /// After a failure: no order before this.
    paused_until: WallTime,
}

/// One that is there.
#[derive(Debug)]
struct Kept {
    facts: Facts,
    window: RenewalWindow,
    renew_at: WallTime,
    ask_at: WallTime,
}

impl Kept {
    fn new(facts: Facts, ask_at: WallTime, entropy: &mut dyn Entropy) -> Self {
        let window = RenewalWindow::usual(&facts);
        Self { facts, window, renew_at: window.pick(entropy), ask_at }
    }
}

impl Schedule {
    /// Wants these certificates from now on, with what is there already. What was wanted before keeps its times and pauses.
    pub fn configure(
        &mut self,
        now: WallTime,
        entropy: &mut dyn Entropy,
        listed: Vec<(Names, Option<Facts>)>,
        on_demand: Vec<(CertificateName, Facts)>,
    ) {
        let mut before = std::mem::take(&mut self.lots);
        let on_demand = on_demand.into_iter().map(|(name, facts)| (vec![name], Some(facts), true));
        let all = listed.into_iter().map(|(names, facts)| (names, facts, false)).chain(on_demand);
        for (names, facts, on_demand) in all {
            let mut lot = before.remove(&names).unwrap_or_default();
            lot.on_demand = on_demand;
            if lot.certificate.as_ref().map(|kept| &kept.facts) != facts.as_ref() {
                lot.certificate = facts.map(|facts| Kept::new(facts, now, entropy));
            }
            self.lots.insert(names, lot);
        }
    }

    /// Wants a certificate for a name that no site lists. `false` when there are too many, in all or in this hour.
    pub fn add_on_demand(&mut self, now: WallTime, name: CertificateName) -> bool {
        let (since, count) = self.on_demand;
        if now >= since.later(Duration::from_secs(3600)) || now < since {
            self.on_demand = (now, 0);
        } else if count >= ON_DEMAND_ORDERS_PER_HOUR {
            return false;
        }
        let kept = self.lots.values().filter(|lot| lot.on_demand).count();
        if kept >= ON_DEMAND_CERTIFICATES_MAX {
            return false;
        }
        self.on_demand.1 += 1;
        self.lots.entry(vec![name]).or_insert_with(|| Lot { on_demand: true, ..Lot::default() });
        true
    }

    /// Whether a certificate with this name is wanted already.
    pub fn wants(&self, name: &CertificateName) -> bool {
        self.lots.keys().any(|names| names.contains(name))
    }

    /// Whether these names are wanted, and only because somebody asked for them.
    pub fn is_on_demand(&self, names: &Names) -> bool {
        self.lots.get(names).is_some_and(|lot| lot.on_demand)
    }

    /// What to do now, the most urgent first; else the moment when something will be due.
    pub fn next(&self, now: WallTime) -> Result<Task, Option<WallTime>> {
        let mut later: Option<WallTime> = None;
        let mut best: Option<((u8, WallTime), &Names, &Lot)> = None;
        for (names, lot) in &self.lots {
            let (class, due) = lot.due();
            if due > now {
                later = Some(later.map_or(due, |earlier| earlier.min(due)));
            } else if best.as_ref().is_none_or(|(rank, _, _)| (class, due) < *rank) {
                best = Some(((class, due), names, lot));
            }
        }
        best.map(|((class, _), names, lot)| lot.task(class, names)).ok_or(later)
    }

    /// A certificate has come. The authority is asked about its renewal in its own time.
    pub fn issued(&mut self, now: WallTime, entropy: &mut dyn Entropy, names: &Names, facts: Facts) {
        if let Some(lot) = self.lots.get_mut(names) {
            (lot.failures, lot.paused_until) = (0, WallTime::default());
            lot.certificate = Some(Kept::new(facts, now.later(RENEWAL_QUESTION_PAUSE.1), entropy));
        }
    }

    /// An order has failed; the authority may have said when to come back. Gives the pause before the next one.
    pub fn failed(&mut self, now: WallTime, names: &Names, retry_after: Option<Duration>) -> Duration {
        let Some(lot) = self.lots.get_mut(names) else { return ORDER_PAUSE };
        let doubled = ORDER_PAUSE.saturating_mul(1 << lot.failures.min(16)).min(ORDER_PAUSE_MAX);
        let pause = doubled.max(retry_after.unwrap_or_default());
        lot.failures += 1;
        lot.paused_until = now.later(pause);
        pause
    }

    /// The authority has said when to renew, or has not (`None`); ask again after this long.
    pub fn advised(
        &mut self,
        now: WallTime,
        entropy: &mut dyn Entropy,
        names: &Names,
        window: Option<RenewalWindow>,
        ask_again_after: Duration,
    ) {
        let Some(kept) = self.lots.get_mut(names).and_then(|lot| lot.certificate.as_mut()) else { return };
        let (shortest, longest) = RENEWAL_QUESTION_PAUSE;
        kept.ask_at = now.later(ask_again_after.clamp(shortest, longest));
        // RFC 9773 §4.2: the moment is picked once for a window, or everybody would come to sit at its beginning.
        if let Some(window) = window.filter(|window| *window != kept.window) {
            kept.window = window;
            kept.renew_at = window.pick(entropy);
        }
    }

    /// Wants these names no more.
    pub fn forget(&mut self, names: &Names) {
        self.lots.remove(names);
    }
}

const FIRST: u8 = 0;
const RENEW: u8 = 1;
const ASK: u8 = 2;

impl Lot {
    /// What is next for it, and when. Names without any certificate go before those that have one still.
    fn due(&self) -> (u8, WallTime) {
        match &self.certificate {
            None => (FIRST, self.paused_until),
            Some(kept) => {
                let renewal = kept.renew_at.max(self.paused_until);
                if renewal <= kept.ask_at { (RENEW, renewal) } else { (ASK, kept.ask_at) }
            }
        }
    }

    fn task(&self, class: u8, names: &Names) -> Task {
        match &self.certificate {
            Some(kept) if class == ASK => Task::AskRenewal { names: names.clone(), facts: kept.facts.clone() },
            kept => Task::Order {
                names: names.clone(),
                replaces: kept.as_ref().map(|kept| kept.facts.clone()),
                failures: self.failures,
            },
        }
    }
}

#[cfg(test)]
mod tests;
