//! `auth`: who may come in. Stands before the ends; called by the chain. Basic asks [`users`] through `verification`, off the
//! worker's thread; Digest is a few hashes and is done at once. Hands on to the stages below, with the user's name noted for
//! the record.
//!
//! 401 asks for credentials, 403 tells a known user that this is not for them, 429 makes a guesser wait, 503 asks to come again when too many passwords
//! wait to be checked.

mod guesses;
pub mod limits;
#[cfg(test)]
mod tests;
pub mod users;
mod verification;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edgeway_base::Entropy;
use edgeway_http::semantics::authentication::{
    Algorithm, BasicCredentials, DigestCredentials, DigestRefusal, NonceVerdict, Nonces, authentication_info,
    basic_challenge, digest_challenge, digest_secret,
};
use edgeway_http::semantics::{FieldName, Status};
use edgeway_net::drive::Response;
use edgeway_net::drive::outside::Boxed;

use self::guesses::Guesses;
use self::users::Users;
use self::verification::{Outcome, Verification};
use crate::exchange::Exchange;
use crate::page;
use crate::plan::{Next, Stage};

/// How credentials are sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// RFC 7617: the password itself, so only over TLS.
    Basic,
    /// RFC 7616, with these hash functions, the one preferred first.
    Digest(Vec<Algorithm>),
}

/// What can be set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What a browser shows its user; for Digest it is a part of every secret. Default: `restricted`.
    pub realm: String,
    /// How credentials are sent. Default: Basic.
    pub scheme: Scheme,
    /// Who of the known users may come in; the others get 403. Default: all of them.
    pub allow: Option<BTreeSet<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { realm: "restricted".to_owned(), scheme: Scheme::Basic, allow: None }
    }
}

/// What all workers share: users, what was checked just now, which nonces were used.
pub struct Shared {
    settings: Settings,
    users: Arc<Users>,
    verification: Verification,
    nonces: Mutex<Nonces>,
    guesses: Guesses,
    /// Compared with in the place of the secret of a user there is not.
    decoy: String,
}

impl Shared {
    /// Joins settings and users.
    ///
    /// # Errors
    /// A sentence, when nobody could ever get in: no user of the kind that the scheme needs.
    pub fn new(settings: Settings, users: Users, chance: &mut dyn Entropy) -> Result<Arc<Self>, String> {
        match &settings.scheme {
            Scheme::Basic if !users.has_passwords() => {
                return Err("the file of users has no password for Basic; add one with \"edgeway user add FILE NAME\""
                    .to_owned());
            }
            Scheme::Digest(algorithms) => {
                let realm = &settings.realm;
                if !algorithms.iter().any(|algorithm| users.has_digests(realm, *algorithm)) {
                    return Err(format!("the file of users has no digest for the realm \"{realm}\""));
                }
            }
            Scheme::Basic => {}
        }
        let decoy = digest_secret(Algorithm::Sha256, "", &settings.realm, &chance.next_u64().to_string());
        let verification = Verification::new(chance);
        let nonces = Mutex::new(Nonces::new(chance));
        Ok(Arc::new(Self {
            settings,
            users: Arc::new(users),
            verification,
            nonces,
            guesses: Guesses::default(),
            decoy,
        }))
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's stage.
pub struct Admit {
    shared: Arc<Shared>,
}

/// What is to be done with a request.
enum Verdict {
    /// It is this user's; the second is the Authentication-Info to add to the answer.
    Admitted(String, Option<String>),
    /// Ask for credentials; `stale`: the password was right, the nonce was not.
    Challenge {
        stale: bool,
    },
    Refused(Status),
    /// It guessed wrong too often; it may come again after this.
    Tired(Duration),
}

impl Admit {
    /// One worker's stage.
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn judge(&self, exchange: &Exchange) -> Verdict {
        let fields = &exchange.head.fields;
        if !fields.contains(FieldName::Authorization) {
            return Verdict::Challenge { stale: false };
        }
        // Two of them are a way to show one to us and the other to the application.
        let Some(value) = fields.get_single(FieldName::Authorization) else {
            return Verdict::Refused(Status::BAD_REQUEST);
        };
        let (client, now) = (exchange.origin(&exchange.edge.plan().trusted).client, exchange.edge.outside.now());
        if let Some(wait) = self.shared.guesses.must_wait(client, now) {
            return Verdict::Tired(wait);
        }
        let verdict = match &self.shared.settings.scheme {
            Scheme::Basic => self.judge_basic(exchange, value).await,
            Scheme::Digest(algorithms) => self.judge_digest(exchange, value, algorithms),
        };
        if matches!(verdict, Verdict::Challenge { stale: false }) {
            self.shared.guesses.note_wrong(client, now);
        }
        match (verdict, &self.shared.settings.allow) {
            (Verdict::Admitted(user, _), Some(allowed)) if !allowed.contains(&user) => {
                Verdict::Refused(Status::FORBIDDEN)
            }
            (verdict, _) => verdict,
        }
    }

    async fn judge_basic(&self, exchange: &Exchange, value: &[u8]) -> Verdict {
        let Some(BasicCredentials { user, password }) = BasicCredentials::parse(value) else {
            return Verdict::Challenge { stale: false };
        };
        let clock = || exchange.edge.outside.now();
        match self.shared.verification.check(&self.shared.users, &user, &password, clock).await {
            Outcome::Right => Verdict::Admitted(user, None),
            Outcome::Wrong => Verdict::Challenge { stale: false },
            Outcome::Busy => Verdict::Refused(Status::SERVICE_UNAVAILABLE),
        }
    }

    fn judge_digest(&self, exchange: &Exchange, value: &[u8], algorithms: &[Algorithm]) -> Verdict {
        let credentials = match DigestCredentials::parse(value) {
            Ok(credentials) => credentials,
            // RFC 7616 §3.4: improper syntax is 400.
            Err(DigestRefusal::Malformed) => return Verdict::Refused(Status::BAD_REQUEST),
            Err(DigestRefusal::OtherScheme | DigestRefusal::NotOffered) => return Verdict::Challenge { stale: false },
        };
        let offered = algorithms.contains(&credentials.algorithm) && credentials.realm == self.shared.settings.realm;
        let secret = self.shared.users.digest(&credentials.user, &credentials.realm, credentials.algorithm);
        // Compared in any case: the time does not tell whether there is such a user.
        let method = exchange.head.method;
        let proven = credentials.proves(secret.unwrap_or(&self.shared.decoy), method.as_str(), exchange.asked_target());
        let Some(secret) = secret.filter(|_| proven && offered) else { return Verdict::Challenge { stale: false } };
        let now = exchange.edge.outside.now();
        match self.shared.nonces().use_count(&credentials.nonce, credentials.count, now) {
            NonceVerdict::Fresh => {
                let information = authentication_info(&credentials, secret);
                Verdict::Admitted(credentials.user, Some(information))
            }
            // RFC 7616 §3.3: stale only where the digest itself was right, as here.
            NonceVerdict::Stale | NonceVerdict::Replayed => Verdict::Challenge { stale: true },
            NonceVerdict::Foreign => Verdict::Challenge { stale: false },
        }
    }

    fn challenge(&self, exchange: &mut Exchange, stale: bool) -> Response {
        let mut response = page::error(exchange, Status::UNAUTHORIZED);
        let fields = &mut response.head.fields;
        let realm = &self.shared.settings.realm;
        match &self.shared.settings.scheme {
            Scheme::Basic => fields.append(FieldName::WwwAuthenticate, basic_challenge(realm)),
            Scheme::Digest(algorithms) => {
                let outside = &exchange.edge.outside;
                let nonce = self.shared.nonces().make(outside.now(), &mut *outside.entropy());
                for algorithm in algorithms {
                    fields.append(FieldName::WwwAuthenticate, digest_challenge(*algorithm, realm, &nonce, stale));
                }
            }
        }
        // The page says nothing of use to anybody else, and a nonce is for one.
        fields.append(FieldName::CacheControl, "no-store");
        response
    }
}

impl Stage for Admit {
    /// Basic credentials that were checked just now. Not Digest: a count is used up by looking at it.
    fn around_now(&self, exchange: &mut Exchange, next: Next<'_>) -> Option<Response> {
        let credentials =
            exchange.head.fields.get_single(FieldName::Authorization).and_then(BasicCredentials::parse)?;
        let now = exchange.edge.outside.now();
        let settings = &self.shared.settings;
        let known = settings.scheme == Scheme::Basic
            && settings.allow.as_ref().is_none_or(|allowed| allowed.contains(&credentials.user))
            && self.shared.verification.is_remembered(&credentials.user, &credentials.password, now);
        if !known {
            return None;
        }
        exchange.notes.user = Some(credentials.user.into_boxed_str());
        next.run_now(exchange)
    }

    fn around<'a>(&'a self, exchange: &'a mut Exchange, next: Next<'a>) -> Boxed<'a, Response> {
        Box::pin(async move {
            match self.judge(exchange).await {
                Verdict::Admitted(user, information) => {
                    exchange.notes.user = Some(user.into_boxed_str());
                    let mut response = next.run(exchange).await;
                    if let Some(information) = information {
                        response.head.fields.set(FieldName::AuthenticationInfo, information);
                    }
                    response
                }
                Verdict::Challenge { stale } => self.challenge(exchange, stale),
                Verdict::Refused(Status::SERVICE_UNAVAILABLE) => {
                    let mut response = page::error(exchange, Status::SERVICE_UNAVAILABLE);
                    response.head.fields.append(FieldName::RetryAfter, "2");
                    response
                }
                Verdict::Tired(wait) => {
                    let mut response = page::error(exchange, Status::TOO_MANY_REQUESTS);
                    response.head.fields.append(FieldName::RetryAfter, (wait.as_secs() + 1).to_string());
                    response
                }
                Verdict::Refused(status) => page::error(exchange, status),
            }
        })
    }
}
