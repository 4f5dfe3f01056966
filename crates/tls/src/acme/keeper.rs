//! Keeps certificates from an ACME directory fresh: gets those that are missing, asks the server when
//! to renew (RFC 9773), renews at a moment of its own choosing in the window it was told, and after a
//! failure waits longer each time. A machine around [`Client`]; the caller stores what is issued and
//! builds a new [`crate::server::Front`] with it.
//!
//! Called by `edgeway`'s certificate task: it is given the wanted names on every reload
//! ([`Keeper::set_wanted`]) and on demand ([`Keeper::want`]).

use std::collections::VecDeque;
use std::time::Duration;

use edgeway_base::{Entropy, Instant, WallTime};

use super::client::{Client, ClientSettings, Event, Failure, Proof};
use super::exchange::{Request, Response};
use super::renewal::RenewalWindow;
use crate::certificate::{Certificate, CertificateName, Facts};
use crate::limits;

/// What the caller should know or do.
#[derive(Debug)]
pub enum KeeperEvent {
    /// The account exists: store its URL beside the key.
    Account(String),
    /// Show this, then call [`Keeper::proof_ready`].
    Show(Proof),
    /// It need not be shown any more.
    Withdraw(Proof),
    /// Store it and serve it.
    Issued {
        /// The names as they were wanted.
        names: Vec<CertificateName>,
        /// Checked and ready.
        certificate: Box<Certificate>,
        /// The chain as it came.
        chain_pem: String,
        /// Its private key.
        key_pem: String,
    },
    /// It could not be had; sessions that wait for it should be given up.
    Failed {
        /// The names as they were wanted.
        names: Vec<CertificateName>,
        /// Why.
        failure: Failure,
        /// When it will be tried again.
        next_try: WallTime,
    },
}

/// One certificate to keep.
#[derive(Debug)]
struct Kept {
    names: Vec<CertificateName>,
    /// The one there is.
    facts: Option<Facts>,
    /// When to get the next; at once when there is none.
    renew_at: WallTime,
    /// When to ask the server about `renew_at`.
    ask_at: WallTime,
    /// Before that it is not renewed, whatever the server suggests.
    rest_until: WallTime,
    failures: u32,
}

/// What the client is doing, and for which names.
#[derive(Debug)]
struct Work {
    names: Vec<CertificateName>,
    kind: WorkKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WorkKind {
    Issue,
    Ask,
}

/// The machine.
#[derive(Debug)]
pub struct Keeper {
    client: Client,
    kept: Vec<Kept>,
    work: Option<Work>,
    events: VecDeque<KeeperEvent>,
}

impl Keeper {
    /// A keeper of nothing yet.
    pub fn new(settings: ClientSettings) -> Self {
        Self { client: Client::new(settings), kept: Vec::new(), work: None, events: VecDeque::new() }
    }

    /// Keeps these and forgets the others, those of [`Self::want`] too: whoever reloads names them again. Of each: the names of one certificate, and what is known of
    /// the one that is stored, if any. What is kept already stays as it is.
    pub fn set_wanted(&mut self, wanted: Vec<(Vec<CertificateName>, Option<Facts>)>, entropy: &mut dyn Entropy) {
        let mut before = std::mem::take(&mut self.kept);
        for (names, facts) in wanted {
            let known = before.iter().position(|kept| kept.names == names);
            self.kept.push(known.map_or_else(|| Kept::new(names, facts, entropy), |index| before.swap_remove(index)));
        }
    }

    /// Keeps one more, for a name that somebody asked for just now. `false` when there are
    /// [`limits::ACME_KEPT_MAX`] already.
    pub fn want(&mut self, name: CertificateName, entropy: &mut dyn Entropy) -> bool {
        let names = vec![name];
        if self.kept.iter().any(|kept| kept.names == names) {
            return true;
        }
        if self.kept.len() >= limits::ACME_KEPT_MAX {
            return false;
        }
        self.kept.push(Kept::new(names, None, entropy));
        true
    }

    /// See [`Client::proof_ready`].
    pub fn proof_ready(&mut self, name: &CertificateName) {
        self.client.proof_ready(name);
    }

    /// See [`Client::proof_failed`].
    pub fn proof_failed(&mut self, wall: WallTime, entropy: &mut dyn Entropy, reason: &str) {
        self.client.proof_failed(reason);
        self.take_events(wall, entropy);
    }

    // ---- the machine

    /// The next request, if one is due and none is under way.
    pub fn poll_output(&mut self, now: Instant, wall: WallTime) -> Option<Request> {
        if self.work.is_none() {
            self.begin_work(wall);
        }
        self.client.poll_output(now)
    }

    /// The answer to the last request.
    pub fn handle_response(&mut self, now: Instant, wall: WallTime, entropy: &mut dyn Entropy, response: &Response) {
        self.client.handle_response(now, wall, response);
        self.take_events(wall, entropy);
    }

    /// The last request could not be carried, or its answer did not come.
    pub fn handle_failure(&mut self, now: Instant, wall: WallTime, entropy: &mut dyn Entropy, reason: &str) {
        self.client.handle_failure(now, reason);
        self.take_events(wall, entropy);
    }

    /// What the caller should know or do next.
    pub fn poll_event(&mut self) -> Option<KeeperEvent> {
        self.events.pop_front()
    }

    /// How long nothing needs to be done if nothing happens; `None` while an answer or a proof is
    /// awaited, and when there is nothing to keep.
    pub fn poll_timeout(&self, now: Instant, wall: WallTime) -> Option<Duration> {
        if self.work.is_some() {
            return self.client.poll_timeout().map(|due| due.saturating_since(now));
        }
        let due = self.kept.iter().map(Kept::due).min()?;
        Some(due.since_epoch().saturating_sub(wall.since_epoch()))
    }

    /// Begins what is due longest; certificates before questions about them.
    fn begin_work(&mut self, wall: WallTime) {
        let due = |moment: WallTime| moment <= wall;
        let to_issue = self.kept.iter().filter(|kept| due(kept.renew_at)).min_by_key(|kept| kept.renew_at);
        let askable = |kept: &&Kept| kept.facts.is_some() && due(kept.ask_at);
        let to_ask = || self.kept.iter().filter(askable).min_by_key(|kept| kept.ask_at);
        let (kept, kind) = match (to_issue, to_ask()) {
            (Some(kept), _) => (kept, WorkKind::Issue),
            (None, Some(kept)) => (kept, WorkKind::Ask),
            (None, None) => return,
        };
        let names = kept.names.clone();
        let begun = match (kind, &kept.facts) {
            (WorkKind::Issue, facts) => self.client.issue(names.clone(), facts.as_ref()),
            (WorkKind::Ask, Some(facts)) if self.client.ask_renewal(facts) => Ok(()),
            // A certificate without an identifier to ask by is renewed in the usual window.
            (WorkKind::Ask, _) => return self.never_ask(&names),
        };
        match begun {
            Ok(()) => self.work = Some(Work { names, kind }),
            Err(error) => self.failed(wall, &names, Failure::BadCertificate(error)),
        }
    }

    fn never_ask(&mut self, names: &[CertificateName]) {
        if let Some(kept) = self.find(names) {
            kept.ask_at = kept.renew_at;
        }
    }

    fn find(&mut self, names: &[CertificateName]) -> Option<&mut Kept> {
        self.kept.iter_mut().find(|kept| kept.names == names)
    }

    fn take_events(&mut self, wall: WallTime, entropy: &mut dyn Entropy) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Account(url) => self.events.push_back(KeeperEvent::Account(url)),
                Event::Show(proof) => self.events.push_back(KeeperEvent::Show(proof)),
                Event::Withdraw(proof) => self.events.push_back(KeeperEvent::Withdraw(proof)),
                Event::Issued { certificate, chain_pem, key_pem } => {
                    self.issued(wall, entropy, certificate, chain_pem, key_pem);
                }
                Event::Renewal { window, ask_again_after, .. } => self.told(wall, entropy, window, ask_again_after),
                Event::Failed(failure) => {
                    if let Some(work) = self.work.take() {
                        match work.kind {
                            WorkKind::Issue => self.failed(wall, &work.names, failure),
                            // RFC 9773 §4.3.3: what cannot be asked now is asked later; the moment known stands.
                            WorkKind::Ask => self.ask_later(wall, &work.names, limits::ACME_ASK_AGAIN),
                        }
                    }
                }
                // The keeper orders neither.
                Event::Revoked | Event::KeyChanged => {}
            }
        }
    }

    fn issued(
        &mut self,
        wall: WallTime,
        entropy: &mut dyn Entropy,
        certificate: Box<Certificate>,
        chain_pem: String,
        key_pem: String,
    ) {
        let Some(work) = self.work.take() else { return };
        if let Some(kept) = self.find(&work.names) {
            *kept = Kept::new(work.names.clone(), Some(certificate.facts().clone()), entropy);
            // A server that calls for renewal as soon as it has issued would keep us, and itself, busy for ever.
            kept.rest_until = wall.later(limits::ACME_REST);
            kept.renew_at = kept.renew_at.max(kept.rest_until);
        }
        self.events.push_back(KeeperEvent::Issued { names: work.names, certificate, chain_pem, key_pem });
    }

    /// The server told its window.
    fn told(&mut self, wall: WallTime, entropy: &mut dyn Entropy, window: RenewalWindow, again: Duration) {
        let Some(work) = self.work.take() else { return };
        if let Some(kept) = self.find(&work.names) {
            // A moment already chosen in this window stays: choosing again each time would draw it ever nearer.
            if !(window.start..window.end).contains(&kept.renew_at) {
                kept.renew_at = window.pick(entropy).max(kept.rest_until);
            }
        }
        self.ask_later(wall, &work.names, again);
    }

    fn ask_later(&mut self, wall: WallTime, names: &[CertificateName], after: Duration) {
        // RFC 9773 §4.3.2: neither too often nor too seldom, whatever the server says.
        let after = after.clamp(limits::ACME_FIRST_RETRY, limits::ACME_RETRY_AFTER_MAX);
        if let Some(kept) = self.find(names) {
            kept.ask_at = wall.later(after);
        }
    }

    fn failed(&mut self, wall: WallTime, names: &[CertificateName], failure: Failure) {
        let mut next_try = wall.later(limits::ACME_LAST_RETRY);
        if let Some(kept) = self.find(names) {
            next_try = wall.later(kept.pause_after(&failure));
            kept.failures += 1;
            kept.renew_at = next_try;
            kept.ask_at = kept.ask_at.max(next_try);
        }
        self.events.push_back(KeeperEvent::Failed { names: names.to_vec(), failure, next_try });
    }
}

impl Kept {
    fn new(names: Vec<CertificateName>, facts: Option<Facts>, entropy: &mut dyn Entropy) -> Self {
        let at_once = WallTime::default();
        // One that does not name all of these is of an earlier configuration.
        let facts = facts.filter(|facts| names.iter().all(|name| facts.names.contains(name)));
        let renew_at = facts.as_ref().map_or(at_once, |facts| RenewalWindow::usual(facts).pick(entropy));
        Self { names, facts, renew_at, ask_at: at_once, rest_until: at_once, failures: 0 }
    }

    /// When something is to be done; there is nothing to ask about what there is not.
    fn due(&self) -> WallTime {
        if self.facts.is_some() { self.renew_at.min(self.ask_at) } else { self.renew_at }
    }

    /// A minute, then ten times longer each time, up to a day (public issuers allow five failed proofs an hour); longer if the server
    /// says so.
    fn pause_after(&self, failure: &Failure) -> Duration {
        let usual = limits::ACME_FIRST_RETRY.saturating_mul(10_u32.saturating_pow(self.failures));
        let advised = match failure {
            Failure::Refused(problem) => problem.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        usual.min(limits::ACME_LAST_RETRY).max(advised)
    }
}
