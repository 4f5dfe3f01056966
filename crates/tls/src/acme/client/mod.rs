//! The client's side of ACME: gets certificates from a directory, asks when to renew them, withdraws
//! them. One request is under way at a time, because each needs the nonce of the one before.
//!
//! Called by the certificate keeper in `edgeway`: it carries what [`Client::poll_output`] gives over
//! HTTPS, hands the answers to [`Client::handle_response`], and does what [`Client::poll_event`] says:
//! show a proof, store an account or a certificate.

mod ask;
mod issue;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use edgeway_base::{Blame, Blamed, Instant, WallTime};
use rustls_pki_types::CertificateDer;

use super::documents::{Directory, http_path};
use super::exchange::{Request, Response};
use super::jws;
use super::key::AccountKey;
use super::moment;
use super::problem::{Kind, Problem};
use super::renewal::{self, RenewalWindow};
use crate::certificate::{Certificate, CertificateName, Facts};
use crate::error::CertificateError;
use crate::limits;

use ask::{Ask, Outcome};
use issue::Issue;

/// Who we are to a directory, and how we prove our names.
#[derive(Debug)]
pub struct ClientSettings {
    /// The directory's URL.
    pub directory: String,
    /// The account's key.
    pub key: AccountKey,
    /// The account's URL, if it was made before.
    pub account: Option<String>,
    /// Addresses such as `mailto:admin@example.com`.
    pub contacts: Vec<String>,
    /// Whether the operator agrees to the directory's terms of service.
    pub terms_agreed: bool,
    /// Credentials from elsewhere, where the directory asks for them: identity and secret.
    pub external_account: Option<(String, Vec<u8>)>,
    /// Ways to prove a name, best first.
    pub proofs: Vec<ProofKind>,
}

/// A way to prove a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofKind {
    /// By an answer on port 80 (RFC 8555 §8.3).
    Http,
    /// By a certificate on port 443 (RFC 8737).
    Tls,
}

/// What to show so that a name is proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The name.
    pub name: CertificateName,
    /// How.
    pub kind: ProofKind,
    /// For [`ProofKind::Http`] the last segment of `/.well-known/acme-challenge/`; base64url
    /// characters alone.
    pub token: String,
    /// What is to be answered there, or what [`crate::server::challenge_certificate`] needs.
    pub key_authorization: String,
}

impl Proof {
    /// The path on port 80 under which [`ProofKind::Http`] is looked for (RFC 8555 §8.3).
    pub fn path(&self) -> String {
        http_path(&self.token)
    }
}

/// What the caller should know or do.
#[derive(Debug)]
pub enum Event {
    /// The account exists: store its URL beside the key.
    Account(String),
    /// Show this, then call [`Client::proof_ready`].
    Show(Proof),
    /// It need not be shown any more.
    Withdraw(Proof),
    /// Here it is: store both, serve it.
    Issued {
        /// Checked and ready.
        certificate: Box<Certificate>,
        /// The chain as it came.
        chain_pem: String,
        /// Its private key.
        key_pem: String,
    },
    /// When to renew the certificate of this identifier, and when to ask again.
    Renewal {
        /// See [`renewal::certificate_id`].
        certificate: String,
        /// The window; the usual one when the server suggests none.
        window: RenewalWindow,
        /// How long the answer is good.
        ask_again_after: Duration,
    },
    /// It is withdrawn.
    Revoked,
    /// The account's key was changed: store the new one.
    KeyChanged,
    /// The work asked for could not be done. The next begins.
    Failed(Failure),
}

/// Why work was given up.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The server said no.
    Refused(Problem),
    /// A name could not be proved; what the server says about it.
    NotProved(String, Problem),
    /// The server offers no way to prove this name that we have.
    NoWayToProve(CertificateName),
    /// The caller could not show a proof.
    NotShown(String),
    /// The server cannot be reached, again and again.
    Unreachable(String),
    /// The server's answer makes no sense.
    Senseless(&'static str),
    /// The server is never done.
    TooSlow,
    /// The certificate that came cannot be used.
    BadCertificate(CertificateError),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => write!(formatter, "the ACME server refuses: {problem}"),
            Self::NotProved(name, problem) => {
                write!(formatter, "the ACME server does not believe that we are {}: {problem}", name.escape_debug())
            }
            Self::NoWayToProve(name) => write!(formatter, "the ACME server offers no way we have to prove {name}"),
            Self::NotShown(reason) => write!(formatter, "the proof could not be shown: {reason}"),
            Self::Unreachable(reason) => write!(formatter, "the ACME server cannot be reached: {reason}"),
            Self::Senseless(what) => write!(formatter, "the ACME server's answer makes no sense: {what}"),
            Self::TooSlow => formatter.write_str("the ACME server takes too long"),
            Self::BadCertificate(error) => write!(formatter, "the ACME server's certificate cannot be used: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Blamed for Failure {
    fn blame(&self) -> Blame {
        match self {
            Self::Refused(_) | Self::Senseless(_) | Self::TooSlow | Self::BadCertificate(_) => Blame::Upstream,
            // Names that do not lead here, ports that are shut: the operator can mend it.
            Self::NotProved(..) | Self::NoWayToProve(_) | Self::NotShown(_) => Blame::Operator,
            Self::Unreachable(_) => Blame::Environment,
        }
    }

    fn may_retry(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.may_retry(),
            Self::NoWayToProve(_) => false,
            _ => true,
        }
    }
}

/// Work to do at the directory.
#[derive(Debug)]
enum Job {
    Issue(Box<Issue>),
    Revoke { certificate: CertificateDer<'static>, reason: Option<u8> },
    Renewal { id: String, usual: RenewalWindow },
    KeyChange { new: AccountKey },
}

/// The machine.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    directory: Option<Directory>,
    nonce: Option<String>,
    jobs: VecDeque<Job>,
    in_flight: Option<Ask>,
    /// Until then nothing is asked.
    wait: Option<Instant>,
    tries: u32,
    events: VecDeque<Event>,
}

impl Client {
    /// A client with nothing to do.
    pub fn new(settings: ClientSettings) -> Self {
        Self {
            settings,
            directory: None,
            nonce: None,
            jobs: VecDeque::new(),
            in_flight: None,
            wait: None,
            tries: 0,
            events: VecDeque::new(),
        }
    }

    // ---- work

    /// Gets one certificate for all of `names`, with a new ECDSA P-256 key; `replaces` is the one it
    /// follows, if any, so that the server lets it pass its rate limits (RFC 9773 §5).
    ///
    /// # Errors
    /// No names, too many, or names that cannot stand in a certificate.
    pub fn issue(&mut self, names: Vec<CertificateName>, replaces: Option<&Facts>) -> Result<(), CertificateError> {
        let replaces = replaces.and_then(renewal::certificate_id);
        self.jobs.push_back(Job::Issue(Box::new(Issue::new(names, replaces)?)));
        Ok(())
    }

    /// Withdraws a certificate of this account. `reason` as of RFC 5280 §5.3.1; 1 is a stolen key.
    pub fn revoke(&mut self, certificate: CertificateDer<'static>, reason: Option<u8>) {
        self.jobs.push_back(Job::Revoke { certificate, reason });
    }

    /// Asks when a certificate should be renewed. `false` when it has no identifier to ask by; the usual window
    /// ([`RenewalWindow::usual`]) is then all there is.
    pub fn ask_renewal(&mut self, facts: &Facts) -> bool {
        let Some(id) = renewal::certificate_id(facts) else { return false };
        self.jobs.push_back(Job::Renewal { id, usual: RenewalWindow::usual(facts) });
        true
    }

    /// Puts `new` in place of the account's key (RFC 8555 §7.3.5).
    pub fn change_key(&mut self, new: AccountKey) {
        self.jobs.push_back(Job::KeyChange { new });
    }

    /// The proof for `name` can be seen from outside.
    pub fn proof_ready(&mut self, name: &CertificateName) {
        if let Some(Job::Issue(issue)) = self.jobs.front_mut() {
            issue.proof_ready(name);
        }
    }

    /// A proof cannot be shown; the certificate is given up.
    pub fn proof_failed(&mut self, reason: &str) {
        if matches!(self.jobs.front(), Some(Job::Issue(_))) {
            self.give_up(Failure::NotShown(reason.to_owned()));
        }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The account's key; the new one after [`Event::KeyChanged`].
    pub fn key(&self) -> &AccountKey {
        &self.settings.key
    }

    // ---- the machine

    /// The next request, if one is due at `now` and none is under way.
    pub fn poll_output(&mut self, now: Instant) -> Option<Request> {
        if self.in_flight.is_some() || self.wait.is_some_and(|until| now < until) {
            return None;
        }
        self.wait = None;
        let ask = self.next_ask()?;
        let request = self.request(&ask);
        self.in_flight = Some(ask);
        Some(request)
    }

    /// The answer to the last request. `wall` is for dates in it.
    pub fn handle_response(&mut self, now: Instant, wall: WallTime, response: &Response) {
        let Some(ask) = self.in_flight.take() else { return };
        // RFC 8555 §6.5.1: a nonce that is not base64url is ignored.
        if let Some(nonce) = response.field("Replay-Nonce").filter(|nonce| jws::decode(nonce).is_some()) {
            self.nonce = Some(nonce.to_owned());
        }
        let advised = response.field("Retry-After").and_then(|text| moment::retry_after(text, wall));
        if response.body.len() > limits::ACME_BODY_BYTES_MAX {
            return self.give_up(Failure::Senseless("its body is too large"));
        }
        if response.status >= 400 {
            let mut problem = Problem::from_response(response);
            problem.retry_after = advised;
            return self.handle_problem(now, &ask, problem);
        }
        match self.accept(&ask, response, advised) {
            Outcome::Next => self.tries = 0,
            Outcome::NextAfter(delay) => {
                self.tries = 0;
                self.wait = Some(now + delay.min(limits::ACME_RETRY_AFTER_MAX));
            }
            Outcome::JobDone => {
                self.tries = 0;
                self.finish_job();
            }
            Outcome::Failed(failure) => self.give_up(failure),
        }
    }

    /// The last request could not be carried, or its answer did not come.
    pub fn handle_failure(&mut self, now: Instant, reason: &str) {
        if self.in_flight.take().is_some() {
            // Whether the server has seen the nonce is not known.
            self.nonce = None;
            self.try_again(now, None, Failure::Unreachable(reason.to_owned()));
        }
    }

    /// What the caller should know or do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::poll_output`] should be called again if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wait.filter(|_| self.in_flight.is_none() && !self.jobs.is_empty())
    }

    fn handle_problem(&mut self, now: Instant, ask: &Ask, problem: Problem) {
        match problem.kind {
            // RFC 8555 §6.5: the same again with the nonce that came along.
            Kind::BadNonce => self.try_again(now, Some(Duration::ZERO), Failure::Refused(problem)),
            // The server forgot us: make the account anew.
            Kind::AccountDoesNotExist if self.settings.account.is_some() && !matches!(ask, Ask::Account) => {
                self.settings.account = None;
                self.try_again(now, Some(Duration::ZERO), Failure::Refused(problem));
            }
            _ if problem.may_retry() => self.try_again(now, problem.retry_after, Failure::Refused(problem)),
            // RFC 9773 §5: a server may refuse an order for the predecessor it names; then renew without naming
            // it. If that was not the reason, the second answer says so.
            _ if self.forget_predecessor() => self.try_again(now, Some(Duration::ZERO), Failure::Refused(problem)),
            _ => self.give_up(Failure::Refused(problem)),
        }
    }

    fn forget_predecessor(&mut self) -> bool {
        match self.jobs.front_mut() {
            Some(Job::Issue(issue)) => issue.forget_predecessor(),
            _ => false,
        }
    }

    /// Once more after `delay`; without one after 1, 2, 4 ... 64 seconds. When that was often enough, or the
    /// delay is longer than anyone waits, gives up for `failure`.
    fn try_again(&mut self, now: Instant, delay: Option<Duration>, failure: Failure) {
        self.tries += 1;
        let delay = delay.unwrap_or_else(|| Duration::from_secs(1 << self.tries.min(7).saturating_sub(1)));
        if self.tries > limits::ACME_TRIES_MAX || delay > limits::ACME_RETRY_AFTER_MAX {
            self.give_up(failure);
        } else {
            self.wait = Some(now + delay);
        }
    }

    fn give_up(&mut self, failure: Failure) {
        self.tries = 0;
        self.wait = None;
        self.in_flight = None;
        self.finish_job();
        self.events.push_back(Event::Failed(failure));
    }

    fn finish_job(&mut self) {
        if let Some(Job::Issue(mut issue)) = self.jobs.pop_front() {
            self.events.extend(issue.take_shown().into_iter().map(Event::Withdraw));
        }
    }
}
