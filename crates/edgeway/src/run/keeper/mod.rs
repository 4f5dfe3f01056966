//! Keeps the certificates that come from a public authority: gets them by ACME, proves the names, stores them, renews them in
//! time. A task on the control thread; the thinking is `edgeway_tls::acme::client`'s, which does no I/O.
//!
//! [`kept`] is what there is, in memory and in the state folder; [`tokens`] are answers to visits on port 80; [`fetch`] carries
//! requests; [`keeping`] is the control thread's end, which gives [`Order`]s and makes a new front when something has changed.

pub mod fetch;
pub mod keeping;
pub mod kept;
pub mod refusals;
pub mod tokens;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::{Blamed as _, Entropy, Instant, WallTime};
use edgeway_net::drive::outside::Boxed;
use edgeway_tls::acme::client::{Client, ClientSettings, Event, Failure, Proof, ProofKind};
use edgeway_tls::acme::exchange::{Request, Response};
use edgeway_tls::acme::key::AccountKey;
use edgeway_tls::certificate::{Certificate, CertificateName};
use edgeway_tls::server::{Memory, challenge_certificate};
use tokio::sync::{Notify, mpsc};

use crate::config::checked::certificates::Certificates;
use crate::limits::{ACME_FIRST_PAUSE, ACME_LONGEST_PAUSE, CERTIFICATE_CHECK_INTERVAL, REFUSED_NAMES_FOR};
use crate::state::State;
use kept::Kept;
use refusals::Refusals;
use tokens::Tokens;

/// What the keeper asks of the outside.
pub trait Errands {
    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// The calendar.
    fn wall(&self) -> WallTime;
    /// Chance.
    fn entropy(&self) -> Box<dyn Entropy>;
    /// Carries a request to the ACME server; the error is a sentence.
    fn carry<'a>(&'a self, request: &'a Request) -> Boxed<'a, Result<Response, String>>;
    /// Whether the operator's own server says yes to a name that no site lists.
    fn may_issue<'a>(&'a self, ask: &'a str, name: &'a str) -> Boxed<'a, bool>;
}

/// What the control thread tells the keeper.
#[derive(Debug)]
pub enum Order {
    /// Keep certificates for these sites from now on.
    Serve(Certificates),
    /// A client waits for the certificate of this name.
    Want(String),
}

/// One certificate to get or to ask about, in the order in which the client works.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Work {
    Issue(Vec<CertificateName>),
    AskRenewal(Vec<CertificateName>),
}

impl Work {
    fn names(&self) -> &[CertificateName] {
        match self {
            Self::Issue(names) | Self::AskRenewal(names) => names,
        }
    }
}

/// The keeper.
pub struct Keeper {
    errands: Rc<dyn Errands>,
    state: State,
    memory: Arc<Memory>,
    tokens: Arc<Tokens>,
    kept: Rc<Kept>,
    changed: Rc<Notify>,
    certificates: Certificates,
    directory: String,
    client: Client,
    working: VecDeque<Work>,
    /// When each certificate is to be renewed, and when the authority is asked about that again.
    renewal: HashMap<Vec<CertificateName>, (WallTime, WallTime)>,
    /// Until when names are left alone after a failure, and for how long that was.
    pauses: HashMap<Vec<CertificateName>, (Instant, Duration)>,
    refusals: Arc<Refusals>,
}

/// What the keeper shares with the control thread and the workers.
pub struct Surroundings {
    /// Carries requests.
    pub errands: Rc<dyn Errands>,
    /// Keeps accounts and certificates.
    pub state: State,
    /// Takes challenge certificates.
    pub memory: Arc<Memory>,
    /// Takes answers for port 80.
    pub tokens: Arc<Tokens>,
    /// What there is.
    pub kept: Rc<Kept>,
    /// Told when [`Surroundings::kept`] has changed.
    pub changed: Rc<Notify>,
    /// Takes names whose clients are to be turned away.
    pub refusals: Arc<Refusals>,
    /// Ways to prove a name, best first.
    pub proofs: Vec<ProofKind>,
}

impl Keeper {
    /// A keeper of `certificates`, which name a public authority.
    ///
    /// # Errors
    /// A sentence, when the account of this authority cannot be read or made.
    pub fn new(surroundings: Surroundings, certificates: Certificates) -> Result<Self, String> {
        let Surroundings { errands, state, memory, tokens, kept, changed, refusals, proofs } = surroundings;
        let (client, directory) = client(&state, &certificates, proofs)?;
        Ok(Self {
            errands,
            state,
            memory,
            tokens,
            kept,
            changed,
            certificates,
            directory,
            client,
            working: VecDeque::new(),
            renewal: HashMap::new(),
            pauses: HashMap::new(),
            refusals,
        })
    }

    /// Works until the control thread ends.
    pub async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            self.look_for_work();
            self.work().await;
            let now = self.errands.now();
            let pause = self.client.poll_timeout().map_or(CERTIFICATE_CHECK_INTERVAL, |until| until - now);
            let order = tokio::time::timeout(pause.min(CERTIFICATE_CHECK_INTERVAL), orders.recv()).await;
            match order {
                Ok(Some(order)) => self.obey(order).await,
                Ok(None) => return,
                Err(_) => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Serve(certificates) => {
                self.certificates = certificates;
                self.pauses.clear();
                self.refusals.clear();
            }
            Order::Want(name) => self.want(&name).await,
        }
    }

    /// A client asked for a name that has no certificate yet: one of a site's, which is being worked on, or one that somebody
    /// has to say yes to.
    async fn want(&mut self, name: &str) {
        let wall = self.errands.wall();
        if self.certificates.lists(name) || self.refusals.is_refused(name, wall) {
            return;
        }
        let ask = self.certificates.acme.as_ref().and_then(|acme| acme.ask.clone());
        let ask = ask.filter(|_| self.certificates.has_wildcard_for(name));
        let wanted = name.parse::<CertificateName>().ok();
        if let (Some(ask), Some(wanted)) = (ask, wanted)
            && self.errands.may_issue(&ask, &wanted.to_string()).await
        {
            return self.begin(Work::Issue(vec![wanted]));
        }
        tracing::info!(name, "no certificate is wanted for this name");
        self.refusals.refuse(name, wall, REFUSED_NAMES_FOR);
    }

    /// Certificates that are missing, and those whose time has come.
    fn look_for_work(&mut self) {
        let wall = self.errands.wall();
        for names in self.certificates.awaited() {
            if self.kept.find(&names).is_none() {
                self.begin(Work::Issue(names));
            }
        }
        for certificate in self.kept.all() {
            let names = certificate.facts().names.clone();
            let (renew, ask) =
                self.renewal.get(&names).copied().unwrap_or_else(|| (certificate.facts().renewal_due(), wall));
            if wall >= renew && self.certificates.wants(&names) {
                self.begin(Work::Issue(names));
            } else if wall >= ask {
                self.begin(Work::AskRenewal(names));
            }
        }
    }

    fn begin(&mut self, work: Work) {
        let now = self.errands.now();
        let paused = self.pauses.get(work.names()).is_some_and(|(until, _)| *until > now);
        if paused || self.working.contains(&work) {
            return;
        }
        let kept = self.kept.find(work.names());
        let begun = match (&work, &kept) {
            (Work::Issue(names), kept) => self
                .client
                .issue(names.clone(), kept.as_ref().map(Certificate::facts))
                .map_err(|error| error.to_string()),
            (Work::AskRenewal(_), Some(kept)) if self.client.ask_renewal(kept.facts()) => Ok(()),
            // It cannot be asked about, so the usual time holds.
            (Work::AskRenewal(names), Some(kept)) => {
                self.renewal.insert(names.clone(), (kept.facts().renewal_due(), kept.facts().not_after));
                return;
            }
            (Work::AskRenewal(_), None) => return,
        };
        match begun {
            Ok(()) => self.working.push_back(work),
            Err(error) => {
                tracing::error!(names = %shown(work.names()), "no certificate can be asked for: {error}");
                self.pause(work.names(), ACME_LONGEST_PAUSE);
            }
        }
    }

    /// Carries requests until there is nothing to ask now.
    async fn work(&mut self) {
        self.hear();
        while let Some(request) = self.client.poll_output(self.errands.now()) {
            let answer = self.errands.carry(&request).await;
            let now = self.errands.now();
            match answer {
                Ok(response) => self.client.handle_response(now, self.errands.wall(), &response),
                Err(error) => self.client.handle_failure(now, &error),
            }
            self.hear();
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Account(url) => self.store("account.url", url.as_bytes()),
                Event::KeyChanged => self.store("account.key", self.client.key().to_pem().as_bytes()),
                Event::Show(proof) => self.show(&proof),
                Event::Withdraw(proof) => self.withdraw(&proof),
                Event::Issued { certificate, chain_pem, key_pem } => self.issued(*certificate, &chain_pem, &key_pem),
                Event::Renewal { window, ask_again_after, .. } => {
                    let Some(work) = self.working.pop_front() else { continue };
                    let renew = window.pick(&mut *self.errands.entropy());
                    let ask = self.errands.wall().later(ask_again_after);
                    self.renewal.insert(work.names().to_vec(), (renew, ask));
                }
                Event::Revoked => {}
                Event::Failed(failure) => self.failed(&failure),
            }
        }
    }

    fn show(&mut self, proof: &Proof) {
        let shown = match proof.kind {
            ProofKind::Http => self.tokens.insert(&proof.token, &proof.key_authorization),
            ProofKind::Tls => match challenge_certificate(&proof.name, &proof.key_authorization) {
                Ok(certificate) => self.memory.insert_challenge(&proof.name, certificate),
                Err(error) => return self.client.proof_failed(&error.to_string()),
            },
        };
        if shown {
            self.client.proof_ready(&proof.name);
        } else {
            self.client.proof_failed("too many are being shown already");
        }
    }

    fn withdraw(&self, proof: &Proof) {
        match proof.kind {
            ProofKind::Http => self.tokens.remove(&proof.token),
            ProofKind::Tls => self.memory.remove_challenge(&proof.name),
        }
    }

    fn issued(&mut self, certificate: Certificate, chain: &str, key: &str) {
        let Some(work) = self.working.pop_front() else { return };
        tracing::info!(names = %shown(work.names()), "a certificate has come");
        self.pauses.remove(work.names());
        // The authority may order names its own way; ours are found by how it wrote them.
        self.renewal.remove(&certificate.facts().names);
        if let Err(error) = self.kept.keep(&self.state, certificate, chain, key) {
            tracing::error!(%error, "the certificate cannot be stored; it serves until this process ends");
        }
        self.changed.notify_one();
    }

    fn failed(&mut self, failure: &Failure) {
        let Some(work) = self.working.pop_front() else { return };
        let names = work.names().to_vec();
        let before = self.pauses.get(&names).map_or(Duration::ZERO, |(_, pause)| *pause);
        let pause = if failure.may_retry() { (before * 2).max(ACME_FIRST_PAUSE) } else { ACME_LONGEST_PAUSE };
        self.pause(&names, pause.min(ACME_LONGEST_PAUSE));
        match work {
            Work::Issue(_) => {
                tracing::error!(names = %shown(&names), again_in = ?pause, "no certificate: {failure}");
                // Until the next try there is nothing to wait for.
                let wall = self.errands.wall();
                names
                    .iter()
                    .for_each(|name| self.refusals.refuse(&name.to_string(), wall, pause.min(ACME_LONGEST_PAUSE)));
            }
            Work::AskRenewal(_) => {
                tracing::debug!(names = %shown(&names), "the time of renewal is not known: {failure}");
                let due = self.kept.find(&names).map(|kept| kept.facts().renewal_due());
                let wall = self.errands.wall();
                self.renewal.insert(names, (due.unwrap_or(wall), wall.later(pause)));
            }
        }
    }

    fn pause(&mut self, names: &[CertificateName], pause: Duration) {
        self.pauses.insert(names.to_vec(), (self.errands.now() + pause, pause));
    }

    fn store(&self, name: &str, bytes: &[u8]) {
        let path = format!("{}/{name}", folder_of(&self.directory));
        if let Err(error) = self.state.write(&path, bytes) {
            tracing::error!(%error, "the account cannot be stored; another one is made at the next start");
        }
    }
}

/// A client with the account of this authority, made now if there is none.
fn client(state: &State, certificates: &Certificates, proofs: Vec<ProofKind>) -> Result<(Client, String), String> {
    let acme = certificates.acme.as_ref().ok_or("no ACME authority is named")?;
    let folder = folder_of(&acme.directory);
    let failed =
        |error: &dyn std::fmt::Display| format!("the ACME account in {}/{folder}: {error}", state.folder().display());
    let (key_file, url_file) = (format!("{folder}/account.key"), format!("{folder}/account.url"));
    let key = match state.read(&key_file).map_err(|error| failed(&error))? {
        Some(pem) => AccountKey::from_pem(&pem).map_err(|error| failed(&error))?,
        None => {
            let key = AccountKey::generate();
            state.write(&key_file, key.to_pem().as_bytes()).map_err(|error| failed(&error))?;
            key
        }
    };
    let account = state.read(&url_file).map_err(|error| failed(&error))?;
    let settings = ClientSettings {
        directory: acme.directory.clone(),
        key,
        account: account.and_then(|url| String::from_utf8(url).ok()),
        contacts: acme.contact.clone(),
        terms_agreed: acme.agreed,
        external_account: None,
        proofs,
    };
    Ok((Client::new(settings), acme.directory.clone()))
}

/// The folder of an authority's account: the URL with everything else than letters, digits, dots and hyphens replaced.
fn folder_of(directory: &str) -> String {
    let bare = directory.split_once("://").map_or(directory, |(_, rest)| rest);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    format!("acme/{}", bare.chars().map(plain).collect::<String>())
}

fn shown(names: &[CertificateName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
