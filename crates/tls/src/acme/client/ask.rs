//! What the client asks next, how it says it, and what the answers mean, except for the steps of an
//! order, which are in [`super::issue`]. Called by [`super::Client`] alone.

use std::time::Duration;

use serde_json::{Value, json};

use super::issue::Issue;
use super::{Client, Event, Failure, Job};
use crate::acme::documents::Directory;
use crate::acme::exchange::{JOSE_JSON, Method, Request, Response};
use crate::acme::jws::{self, Signer};
use crate::acme::renewal::RenewalWindow;
use crate::limits;

/// One question.
#[derive(Debug)]
pub(super) enum Ask {
    Directory,
    Nonce,
    Account,
    /// The next step of the first job.
    Job,
}

/// What an answer led to.
pub(super) enum Outcome {
    /// Ask the next question.
    Next,
    /// Ask it after this long.
    NextAfter(Duration),
    /// The job is done.
    JobDone,
    /// The job cannot be done.
    Failed(Failure),
}

pub(super) fn senseless(what: &'static str) -> Outcome {
    Outcome::Failed(Failure::Senseless(what))
}

impl Client {
    /// What to ask next: first what every job needs, then the job's own step. `None` while there
    /// is no job, or it waits for the caller.
    pub(super) fn next_ask(&self) -> Option<Ask> {
        let job = self.jobs.front()?;
        if matches!(job, Job::Issue(issue) if issue.is_waiting()) {
            return None;
        }
        let signed = !matches!(job, Job::Renewal { .. });
        Some(if self.directory.is_none() {
            Ask::Directory
        } else if signed && self.nonce.is_none() {
            Ask::Nonce
        } else if signed && self.settings.account.is_none() {
            Ask::Account
        } else {
            Ask::Job
        })
    }

    pub(super) fn request(&mut self, ask: &Ask) -> Request {
        let Some(directory) = self.directory.clone() else {
            return Request::fetch(Method::Get, &self.settings.directory);
        };
        let (url, payload) = match (ask, self.jobs.front()) {
            (Ask::Directory | Ask::Nonce, _) | (_, None) => {
                return Request::fetch(Method::Head, &directory.new_nonce);
            }
            (Ask::Account, _) => (directory.new_account.clone(), Some(self.account_payload(&directory))),
            (Ask::Job, Some(Job::Issue(issue))) => issue.step(&directory),
            (Ask::Job, Some(Job::Revoke { certificate, reason })) => {
                let mut payload = json!({ "certificate": jws::encode(certificate) });
                if let Some(reason) = reason {
                    payload["reason"] = json!(reason);
                }
                (directory.revoke_cert.clone(), Some(payload))
            }
            (Ask::Job, Some(Job::Renewal { id, .. })) => {
                let base = directory.renewal_info.as_deref().unwrap_or_default().trim_end_matches('/');
                return Request::fetch(Method::Get, &format!("{base}/{id}"));
            }
            (Ask::Job, Some(Job::KeyChange { new })) => {
                let url = directory.key_change.clone();
                let account = self.settings.account.as_deref().unwrap_or_default();
                let payload = json!({ "account": account, "oldKey": self.settings.key.jwk() });
                // RFC 8555 §7.3.5: the inner signature is the new key's, without a nonce.
                let inner = jws::sign(new, &Signer::Key(new.jwk()), None, &url, Some(&payload));
                (url, serde_json::from_slice(&inner).ok())
            }
        };
        self.signed(matches!(ask, Ask::Account), url, payload.as_ref())
    }

    fn signed(&mut self, by_key: bool, url: String, payload: Option<&Value>) -> Request {
        let key = &self.settings.key;
        let signer = match &self.settings.account {
            Some(account) if !by_key => Signer::Account(account.clone()),
            _ => Signer::Key(key.jwk()),
        };
        let nonce = self.nonce.take();
        let body = jws::sign(key, &signer, nonce.as_deref(), &url, payload);
        Request { method: Method::Post, url, content_type: Some(JOSE_JSON.to_owned()), body }
    }

    fn account_payload(&self, directory: &Directory) -> Value {
        let mut payload =
            json!({ "termsOfServiceAgreed": self.settings.terms_agreed, "contact": self.settings.contacts });
        if let Some((identity, secret)) = &self.settings.external_account {
            let key = self.settings.key.jwk();
            payload["externalAccountBinding"] = jws::bind(&key, identity, secret, &directory.new_account);
        }
        payload
    }

    /// Takes in a good answer.
    pub(super) fn accept(&mut self, ask: &Ask, response: &Response, advised: Option<Duration>) -> Outcome {
        match ask {
            Ask::Directory => match serde_json::from_slice(&response.body) {
                Ok(directory) => {
                    self.directory = Some(directory);
                    Outcome::Next
                }
                Err(_) => senseless("no directory"),
            },
            Ask::Nonce if self.nonce.is_some() => Outcome::Next,
            Ask::Nonce => senseless("no nonce"),
            Ask::Account => match response.field("Location") {
                Some(account) => {
                    self.settings.account = Some(account.to_owned());
                    self.events.push_back(Event::Account(account.to_owned()));
                    Outcome::Next
                }
                None => senseless("an account without a URL"),
            },
            Ask::Job => self.accept_for_job(response, advised),
        }
    }

    fn accept_for_job(&mut self, response: &Response, advised: Option<Duration>) -> Outcome {
        match self.jobs.front_mut() {
            None => Outcome::Next,
            Some(Job::Issue(issue)) => {
                let thumbprint = self.settings.key.jwk().thumbprint();
                issue.accept(response, advised, &self.settings.proofs, &thumbprint, &mut self.events)
            }
            Some(Job::Revoke { .. }) => {
                self.events.push_back(Event::Revoked);
                Outcome::JobDone
            }
            Some(Job::Renewal { id, usual }) => {
                let suggested = RenewalWindow::read(&response.body);
                let event = Event::Renewal {
                    certificate: id.clone(),
                    window: suggested.unwrap_or(*usual),
                    ask_again_after: advised.unwrap_or(limits::ACME_ASK_AGAIN),
                };
                self.events.push_back(event);
                Outcome::JobDone
            }
            Some(Job::KeyChange { .. }) => {
                if let Some(Job::KeyChange { new }) = self.jobs.pop_front() {
                    self.settings.key = new;
                }
                self.events.push_back(Event::KeyChanged);
                Outcome::Next
            }
        }
    }
}

/// The URL and payload of a step; no payload is POST-as-GET.
pub(super) type Step = (String, Option<Value>);

impl Issue {
    /// POST-as-GET of `url` (RFC 8555 §6.3).
    pub(super) fn look_at(url: &str) -> Step {
        (url.to_owned(), None)
    }
}
