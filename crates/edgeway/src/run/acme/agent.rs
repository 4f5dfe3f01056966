//! The keeper of ACME certificates: a task of the control thread. It hears which names the configuration wants and which names clients
//! wait for, lets [`super::schedule`] decide what is due, has [`super::account`] do it, one piece of work at a time, and tells the
//! control thread when a certificate has come.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::WallTime;
use edgeway_net::drive::outside::Outside;
use edgeway_tls::acme::client::ProofKind;
use edgeway_tls::acme::renewal::RenewalWindow;
use edgeway_tls::certificate::{Certificate, CertificateName};
use edgeway_tls::client::{ClientSettings, Trust};
use edgeway_tls::{CertificateError, SharedClock};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::account::{Account, AccountError};
use super::schedule::{Names, Schedule, Task};
use super::supply::Supply;
use crate::config::checked::certificates::Acme;
use crate::config::checked::issued::WantedCertificates;
use crate::config::words::Endpoint;
use crate::fetch::{Fetcher, Place, Request};
use crate::limits::{
    ASK_ANSWER_BYTES_MAX, KEEPER_SLEEP_MAX, REFUSED_FOR, RENEWAL_QUESTION_PAUSE, WANTED_CERTIFICATES_MAX,
};
use crate::run::shared::Shared;

/// What the configuration in force means to the agent.
#[derive(Clone)]
pub struct Mission {
    /// The authority.
    pub acme: Acme,
    /// What is kept from it.
    pub supply: Rc<Supply>,
    /// What is wanted of it.
    pub wanted: WantedCertificates,
    /// How names can be proved, best first.
    pub ways: Vec<ProofKind>,
}

impl Mission {
    /// How names can be proved by what is listened on. The standard ports go first; another port can still be the standard one as the
    /// authority sees it, behind a router that forwards.
    pub fn ways(http: &[Endpoint], https: &[Endpoint]) -> Vec<ProofKind> {
        let has = |endpoints: &[Endpoint], port| endpoints.iter().any(|endpoint| endpoint.port() == Some(port));
        let mut ways = Vec::new();
        if !http.is_empty() {
            ways.push(ProofKind::Http);
        }
        if !https.is_empty() {
            ways.push(ProofKind::Tls);
        }
        if has(https, 443) && !has(http, 80) {
            ways.reverse();
        }
        ways
    }
}

/// The task's other end, held by the control thread.
pub struct Agent {
    mission: watch::Sender<Option<Mission>>,
    news: mpsc::UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Agent {
    /// Starts the task. `wanted` brings the names that clients wait for.
    pub fn start(
        outside: Rc<dyn Outside>,
        clock: SharedClock,
        shared: Arc<Shared>,
        wanted: mpsc::Receiver<String>,
        mission: Option<Mission>,
    ) -> Self {
        let (sender, mission) = watch::channel(mission);
        let (tell, news) = mpsc::unbounded_channel();
        let keeper = Keeper {
            outside,
            clock,
            shared,
            mission,
            wanted,
            news: tell,
            schedule: Schedule::default(),
            account: None,
            asks: JoinSet::new(),
            work: JoinSet::new(),
        };
        Self { mission: sender, news, task: tokio::task::spawn_local(keeper.run()) }
    }

    /// Another configuration is in force.
    pub fn configure(&self, mission: Option<Mission>) {
        self.mission.send_replace(mission);
    }

    /// Waits until a certificate has come.
    pub async fn news(&mut self) {
        if self.news.recv().await.is_none() {
            // The task is over, which happens only when we end.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Asked = (CertificateName, Names, bool);

/// What came of a piece of work.
enum Done {
    Order(Names, Result<Certificate, AccountError>),
    Renewal(Names, Result<Option<(RenewalWindow, Duration)>, AccountError>),
}

struct Keeper {
    outside: Rc<dyn Outside>,
    clock: SharedClock,
    shared: Arc<Shared>,
    mission: watch::Receiver<Option<Mission>>,
    wanted: mpsc::Receiver<String>,
    /// One word for each certificate that came: as many as there are names, at most.
    news: mpsc::UnboundedSender<()>,
    schedule: Schedule,
    account: Option<Rc<Account>>,
    asks: JoinSet<Asked>,
    /// At most one piece of work.
    work: JoinSet<(Rc<Account>, Done)>,
}

impl Keeper {
    async fn run(mut self) {
        self.configure();
        loop {
            let pause = self.begin_work();
            tokio::select! {
                changed = self.mission.changed() => match changed {
                    Ok(()) => self.configure(),
                    Err(_) => return,
                },
                Some(name) = self.wanted.recv() => self.want(&name),
                Some(asked) = self.asks.join_next() => self.asked(asked),
                Some(done) = self.work.join_next() => self.done(done),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes up the configuration in force.
    fn configure(&mut self) {
        let Some(mission) = self.mission.borrow_and_update().clone() else {
            (self.account, self.schedule) = (None, Schedule::default());
            return;
        };
        let same = self
            .account
            .as_ref()
            .is_some_and(|account| account.acme == mission.acme && Rc::ptr_eq(&account.supply, &mission.supply));
        if !same {
            self.work.abort_all();
            self.asks.abort_all();
            match self.account(&mission) {
                Ok(account) => self.account = Some(Rc::new(account)),
                Err(error) => {
                    tracing::error!(%error, "the ACME authority cannot be spoken to");
                    self.account = None;
                }
            }
        }
        let now = self.outside.wall();
        let (supply, wanted) = (&mission.supply, &mission.wanted);
        supply.forget_expired(now);
        let listed = wanted
            .listed
            .iter()
            .map(|names| (names.clone(), supply.find(names).map(|certificate| certificate.facts().clone())));
        let on_demand =
            supply.certificates().into_iter().filter_map(|certificate| match &certificate.facts().names[..] {
                [name] if wanted.is_on_demand(name) => Some((name.clone(), certificate.facts().clone())),
                _ => None,
            });
        self.schedule.configure(now, &mut *self.outside.entropy(), listed.collect(), on_demand.collect());
    }

    fn account(&self, mission: &Mission) -> Result<Account, CertificateError> {
        let trust = match &mission.acme.roots {
            Some(roots) => Trust::from_pem(false, roots)?,
            None => Trust::default(),
        };
        Ok(Account {
            fetcher: self.fetcher(trust)?,
            acme: mission.acme.clone(),
            supply: Rc::clone(&mission.supply),
            proofs: Arc::clone(&self.shared.proofs),
            memory: Arc::clone(&self.shared.memory),
        })
    }

    fn fetcher(&self, trust: Trust) -> Result<Fetcher, CertificateError> {
        let settings = ClientSettings { trust, alpn: vec![b"http/1.1".to_vec()], ..ClientSettings::default() };
        Ok(Fetcher::new(Rc::clone(&self.outside), settings.build(&self.clock)?))
    }

    /// Begins what is due, if nothing is under way. How long nothing else is due.
    fn begin_work(&mut self) -> Duration {
        let now = self.outside.wall();
        let (Some(account), true) = (&self.account, self.work.is_empty()) else { return KEEPER_SLEEP_MAX };
        let account = Rc::clone(account);
        match self.schedule.next(now) {
            Err(due) => {
                let pause = due.map_or(KEEPER_SLEEP_MAX, |due| due.since_epoch().saturating_sub(now.since_epoch()));
                return pause.min(KEEPER_SLEEP_MAX);
            }
            Ok(Task::Order { names, replaces, failures }) => {
                let mut ways = self.ways();
                // When one way fails, the next order tries the other: port 80 may be shut where 443 is open.
                let count = ways.len().max(1);
                ways.rotate_left(failures as usize % count);
                // An on-demand name that comes up for renewal must still be allowed.
                let ask = match &names[..] {
                    [name] if replaces.is_some() && self.schedule.is_on_demand(&names) => Some(self.ask(name)),
                    _ => None,
                };
                self.work.spawn_local(async move {
                    if let Some(ask) = ask
                        && !ask.await
                    {
                        return (
                            account,
                            Done::Order(names, Err(AccountError::Own("nobody allows it any more".into()))),
                        );
                    }
                    let result = account.order(names.clone(), replaces.as_ref(), ways).await;
                    (account, Done::Order(names, result))
                });
            }
            Ok(Task::AskRenewal { names, facts }) => {
                self.work.spawn_local(async move {
                    let result = account.ask_renewal(&facts).await;
                    (account, Done::Renewal(names, result))
                });
            }
        }
        KEEPER_SLEEP_MAX
    }

    fn ways(&self) -> Vec<ProofKind> {
        self.mission.borrow().as_ref().map(|mission| mission.ways.clone()).unwrap_or_default()
    }

    /// A client waits for the certificate of `name`.
    fn want(&mut self, name: &str) {
        let now = self.outside.wall();
        let known = name.parse::<CertificateName>().ok().filter(|name| matches!(name, CertificateName::Host(_)));
        let Some(name) = known else { return self.refuse(name, now, REFUSED_FOR) };
        if self.schedule.wants(&name) {
            return;
        }
        let may_ask = self
            .mission
            .borrow()
            .as_ref()
            .is_some_and(|mission| mission.wanted.is_on_demand(&name) && mission.acme.ask.is_some());
        if !may_ask || self.account.is_none() {
            return self.refuse(&name.to_string(), now, REFUSED_FOR);
        }
        // Those who are turned away for lack of room will come again.
        if self.asks.len() < WANTED_CERTIFICATES_MAX {
            let ask = self.ask(&name);
            self.asks.spawn_local(async move {
                let allowed = ask.await;
                (name.clone(), vec![name], allowed)
            });
        }
    }

    /// Asks whether `name` may have a certificate.
    fn ask(&self, name: &CertificateName) -> impl Future<Output = bool> + use<> {
        let mission = self.mission.borrow();
        let acme = mission.as_ref().map(|mission| &mission.acme);
        let url = acme.and_then(|acme| acme.ask.clone()).unwrap_or_default();
        // Whoever is asked may have a certificate of the authority itself.
        let trust = acme
            .and_then(|acme| acme.roots.as_deref())
            .map_or(Ok(Trust::default()), |roots| Trust::from_pem(true, roots));
        let fetcher = trust.and_then(|trust| self.fetcher(trust));
        let name = name.to_string();
        async move {
            // A host name needs no percent-encoding in a query (RFC 3986 §2.3).
            let url = format!("{url}{}domain={name}", if url.contains('?') { '&' } else { '?' });
            let (Ok(fetcher), Some(place)) = (fetcher, Place::parse(&url)) else { return false };
            match fetcher.fetch(Request::get(place, ASK_ANSWER_BYTES_MAX)).await {
                Ok(response) => {
                    let status = response.status().code();
                    tracing::debug!(name, status, "asked whether a certificate may be had");
                    status == 200
                }
                Err(error) => {
                    tracing::warn!(name, %error, "nobody answers whether a certificate may be had");
                    false
                }
            }
        }
    }

    fn asked(&mut self, asked: Result<Asked, JoinError>) {
        let Ok((name, names, allowed)) = asked else { return };
        let now = self.outside.wall();
        if self.schedule.wants(&name) {
            return;
        }
        let still = self.mission.borrow().as_ref().is_some_and(|mission| mission.wanted.is_on_demand(&name));
        if !allowed || !still || !self.schedule.add_on_demand(now, name) {
            self.refuse(&names[0].to_string(), now, REFUSED_FOR);
        }
    }

    fn done(&mut self, done: Result<(Rc<Account>, Done), JoinError>) {
        let Ok((account, done)) = done else { return };
        if !self.account.as_ref().is_some_and(|current| Rc::ptr_eq(current, &account)) {
            return;
        }
        let now = self.outside.wall();
        match done {
            Done::Order(names, Ok(certificate)) => self.issued(now, &names, &certificate),
            Done::Order(names, Err(error)) => self.failed(now, &names, &error),
            Done::Renewal(names, result) => {
                let (window, again) = match result {
                    Ok(Some((window, again))) => (Some(window), again),
                    Ok(None) => (None, RENEWAL_QUESTION_PAUSE.1),
                    Err(error) => {
                        tracing::debug!(names = show(&names), %error, "no answer about the renewal");
                        (None, RENEWAL_QUESTION_PAUSE.1 / 4)
                    }
                };
                self.schedule.advised(now, &mut *self.outside.entropy(), &names, window, again);
            }
        }
    }

    fn issued(&mut self, now: WallTime, names: &Names, certificate: &Certificate) {
        let facts = certificate.facts();
        tracing::info!(names = show(names), issuer = facts.issuer, "a certificate has come");
        names.iter().for_each(|name| self.shared.refusals.allow(&name.to_string()));
        self.schedule.issued(now, &mut *self.outside.entropy(), names, facts.clone());
        // The control thread ends before we do.
        let _ = self.news.send(());
    }

    fn failed(&mut self, now: WallTime, names: &Names, error: &AccountError) {
        let pause = self.schedule.failed(now, names, error.retry_after());
        let again = pause.as_secs();
        if !self.schedule.is_on_demand(names) {
            tracing::error!(names = show(names), %error, again_in_seconds = again, "no certificate");
        } else {
            tracing::warn!(names = show(names), %error, "no certificate");
            // Whoever wants it will ask again, and then it is decided anew. What is there is served to its end.
            self.schedule.forget(names);
        }
        for name in names {
            self.refuse(&name.to_string(), now, pause.min(REFUSED_FOR));
        }
    }

    /// Clients that wait for `name` are turned away.
    fn refuse(&self, name: &str, now: WallTime, period: Duration) {
        self.shared.refusals.refuse(name, now, period);
        self.shared.wake_waiting();
    }
}

/// As a person reads it in a log.
fn show(names: &Names) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_port_goes_first() {
        let at = |text: &str| vec![text.parse::<Endpoint>().unwrap()];
        for (http, https, ways) in [
            (at(":80"), at(":443"), vec![ProofKind::Http, ProofKind::Tls]),
            (at(":8080"), at(":443"), vec![ProofKind::Tls, ProofKind::Http]),
            (at(":8080"), at(":8443"), vec![ProofKind::Http, ProofKind::Tls]),
            (Vec::new(), at(":443"), vec![ProofKind::Tls]),
        ] {
            assert_eq!(Mission::ways(&http, &https), ways);
        }
    }
}
