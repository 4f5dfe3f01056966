//! One order from beginning to end (RFC 8555 §7.1.6, §7.4, §7.5): order, look at every
//! authorization, show the proofs, say so, wait, finalise, wait, fetch. Called by [`super::ask`].

use std::collections::VecDeque;
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::json;

use super::ask::{Outcome, Step, senseless};
use super::{Event, Failure, Proof, ProofKind};
use crate::acme::documents::{Authorization, Challenge, Directory, Identifier, Order, Status, token_is_safe};
use crate::acme::exchange::Response;
use crate::acme::jws;
use crate::acme::problem::Problem;
use crate::authority::alternative_names;
use crate::certificate::{Certificate, CertificateName};
use crate::error::CertificateError;
use crate::limits;

/// An order under way.
#[derive(Debug)]
pub(super) struct Issue {
    names: Vec<CertificateName>,
    replaces: Option<String>,
    key_pem: String,
    request: Vec<u8>,
    order_url: String,
    order: Option<Order>,
    /// Names to prove, in the order of their authorizations.
    open: Vec<Open>,
    phase: Phase,
    /// The signing request was accepted.
    finalized: bool,
    polls: u32,
}

/// A name that must be proved.
#[derive(Debug)]
struct Open {
    authorization: String,
    challenge: String,
    proof: Proof,
    ready: bool,
}

/// The next step; indices count authorizations or open names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Order,
    LookAt(usize),
    /// The caller is showing the proofs.
    Show,
    Answer(usize),
    Poll(usize),
    Finalize,
    PollOrder,
    Download,
}

impl Issue {
    pub(super) fn new(names: Vec<CertificateName>, replaces: Option<String>) -> Result<Self, CertificateError> {
        let (key_pem, request) = signing_request(&names)?;
        Ok(Self {
            names,
            replaces,
            key_pem,
            request,
            order_url: String::new(),
            order: None,
            open: Vec::new(),
            phase: Phase::Order,
            finalized: false,
            polls: 0,
        })
    }

    /// Whether the caller must do something first.
    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Show
    }

    pub(super) fn proof_ready(&mut self, name: &CertificateName) {
        for open in self.open.iter_mut().filter(|open| open.proof.name == *name) {
            open.ready = true;
        }
        if self.phase == Phase::Show && self.open.iter().all(|open| open.ready) {
            self.phase = Phase::Answer(0);
        }
    }

    pub(super) fn take_shown(&mut self) -> Vec<Proof> {
        self.open.drain(..).map(|open| open.proof).collect()
    }

    pub(super) fn forget_predecessor(&mut self) -> bool {
        self.phase == Phase::Order && self.replaces.take().is_some()
    }

    /// The request of this phase.
    pub(super) fn step(&self, directory: &Directory) -> Step {
        let authorization = |index: usize| self.order.as_ref().and_then(|order| order.authorizations.get(index));
        match self.phase {
            Phase::Order => {
                let identifiers: Vec<Identifier> = self.names.iter().map(Identifier::from).collect();
                let mut payload = json!({ "identifiers": identifiers });
                if let (Some(replaces), Some(_)) = (&self.replaces, &directory.renewal_info) {
                    payload["replaces"] = json!(replaces);
                }
                (directory.new_order.clone(), Some(payload))
            }
            Phase::LookAt(index) => Self::look_at(authorization(index).map_or("", String::as_str)),
            // RFC 8555 §7.5.1: an empty object says that the proof is there.
            Phase::Answer(index) => (self.open[index].challenge.clone(), Some(json!({}))),
            Phase::Poll(index) => Self::look_at(&self.open[index].authorization),
            Phase::Finalize => {
                let url = self.order.as_ref().map(|order| order.finalize.clone()).unwrap_or_default();
                (url, Some(json!({ "csr": jws::encode(&self.request) })))
            }
            Phase::Show | Phase::PollOrder => Self::look_at(&self.order_url),
            Phase::Download => {
                let url = self.order.as_ref().and_then(|order| order.certificate.clone()).unwrap_or_default();
                Self::look_at(&url)
            }
        }
    }

    /// Takes in the answer.
    pub(super) fn accept(
        &mut self,
        response: &Response,
        advised: Option<Duration>,
        proofs: &[ProofKind],
        thumbprint: &str,
        events: &mut VecDeque<Event>,
    ) -> Outcome {
        match self.phase {
            Phase::Order => {
                let Some(url) = response.field("Location") else { return senseless("an order without a URL") };
                self.order_url = url.to_owned();
                self.follow_order(response, advised, events)
            }
            Phase::LookAt(index) => self.look(index, response, proofs, thumbprint, events),
            Phase::Answer(index) => {
                self.phase = if index + 1 < self.open.len() { Phase::Answer(index + 1) } else { Phase::Poll(0) };
                Outcome::Next
            }
            Phase::Poll(index) => self.poll_authorization(index, response, advised),
            Phase::Finalize | Phase::PollOrder | Phase::Show => self.follow_order(response, advised, events),
            Phase::Download => self.download(response, events),
        }
    }

    /// Does what the order's state asks for (RFC 8555 §7.1.6).
    fn follow_order(
        &mut self,
        response: &Response,
        advised: Option<Duration>,
        events: &mut VecDeque<Event>,
    ) -> Outcome {
        let Ok(order) = serde_json::from_slice::<Order>(&response.body) else { return senseless("no order") };
        let status = order.status;
        let error = order.error.as_ref().and_then(Problem::from_value);
        self.finalized |= self.phase == Phase::Finalize;
        self.order = Some(order);
        match status {
            Status::Pending if self.phase == Phase::Order => {
                self.phase = Phase::LookAt(0);
                if self.authorizations() == 0 { senseless("an order with nothing to prove") } else { Outcome::Next }
            }
            Status::Ready if !self.finalized => {
                self.phase = Phase::Finalize;
                Outcome::Next
            }
            Status::Pending | Status::Ready | Status::Processing => {
                self.phase = Phase::PollOrder;
                self.wait(advised)
            }
            Status::Valid => {
                self.phase = Phase::Download;
                // The server has seen all it wanted.
                events.extend(self.take_shown().into_iter().map(Event::Withdraw));
                Outcome::Next
            }
            _ => {
                let problem = error.unwrap_or_else(|| Problem::malformed("the order became invalid"));
                Outcome::Failed(Failure::Refused(problem))
            }
        }
    }

    fn authorizations(&self) -> usize {
        self.order.as_ref().map_or(0, |order| order.authorizations.len())
    }

    /// Looks at one authorization and prepares its proof; after the last, shows them all.
    fn look(
        &mut self,
        index: usize,
        response: &Response,
        proofs: &[ProofKind],
        thumbprint: &str,
        events: &mut VecDeque<Event>,
    ) -> Outcome {
        let Ok(authorization) = serde_json::from_slice::<Authorization>(&response.body) else {
            return senseless("no authorization");
        };
        let Some(name) = authorization.identifier.name().filter(|name| self.asked_for(name)) else {
            return senseless("an authorization for a name we did not ask for");
        };
        match authorization.status {
            // Proved before.
            Status::Valid => {}
            Status::Pending => {
                let Some((kind, challenge)) = best(&authorization, proofs) else {
                    return Outcome::Failed(Failure::NoWayToProve(name));
                };
                if !token_is_safe(&challenge.token) {
                    return senseless("a token that is not base64url");
                }
                let token = challenge.token.clone();
                // RFC 8555 §8.1.
                let key_authorization = format!("{token}.{thumbprint}");
                self.open.push(Open {
                    authorization: self
                        .order
                        .as_ref()
                        .map(|order| order.authorizations[index].clone())
                        .unwrap_or_default(),
                    challenge: challenge.url.clone(),
                    proof: Proof { name, kind, token, key_authorization },
                    ready: false,
                });
            }
            _ => return self.not_proved(&authorization),
        }
        if index + 1 < self.authorizations() {
            self.phase = Phase::LookAt(index + 1);
        } else if self.open.is_empty() {
            self.phase = Phase::Finalize;
        } else {
            self.phase = Phase::Show;
            events.extend(self.open.iter().map(|open| Event::Show(open.proof.clone())));
        }
        Outcome::Next
    }

    /// RFC 8555 §7.1.4: the authorization of `*.example.com` names `example.com`.
    fn asked_for(&self, name: &CertificateName) -> bool {
        self.names.iter().any(|asked| match asked {
            CertificateName::Wildcard(domain) => *name == CertificateName::Host(domain.clone()),
            _ => asked == name,
        })
    }

    fn poll_authorization(&mut self, index: usize, response: &Response, advised: Option<Duration>) -> Outcome {
        let Ok(authorization) = serde_json::from_slice::<Authorization>(&response.body) else {
            return senseless("no authorization");
        };
        match authorization.status {
            Status::Valid => {
                self.polls = 0;
                self.phase = if index + 1 < self.open.len() { Phase::Poll(index + 1) } else { Phase::PollOrder };
                Outcome::Next
            }
            Status::Pending | Status::Processing => self.wait(advised),
            _ => self.not_proved(&authorization),
        }
    }

    fn not_proved(&self, authorization: &Authorization) -> Outcome {
        let error = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        let problem = error.and_then(Problem::from_value).unwrap_or_else(|| Problem::malformed("it does not say why"));
        Outcome::Failed(Failure::NotProved(authorization.identifier.value.clone(), problem))
    }

    /// RFC 8555 §7.5.1: after Retry-After, or after two seconds and longer each time.
    fn wait(&mut self, advised: Option<Duration>) -> Outcome {
        self.polls += 1;
        if self.polls > limits::ACME_POLLS_MAX {
            return Outcome::Failed(Failure::TooSlow);
        }
        let usual = Duration::from_secs(u64::from(self.polls * 2).min(30));
        Outcome::NextAfter(advised.unwrap_or(usual).max(Duration::from_secs(1)))
    }

    fn download(&mut self, response: &Response, events: &mut VecDeque<Event>) -> Outcome {
        let bad = |error| Outcome::Failed(Failure::BadCertificate(error));
        let certificate = match Certificate::from_pem(&response.body, self.key_pem.as_bytes()) {
            Ok(certificate) => certificate,
            Err(error) => return bad(error),
        };
        if let Some(missing) = self.names.iter().find(|name| !certificate.facts().names.contains(name)) {
            return bad(CertificateError::BadName(missing.to_string()));
        }
        let Ok(chain_pem) = String::from_utf8(response.body.clone()) else {
            return senseless("a chain that is no text");
        };
        let key_pem = std::mem::take(&mut self.key_pem);
        events.push_back(Event::Issued { certificate: Box::new(certificate), chain_pem, key_pem });
        Outcome::JobDone
    }
}

/// The first of our ways that the server offers.
fn best<'a>(authorization: &'a Authorization, proofs: &[ProofKind]) -> Option<(ProofKind, &'a Challenge)> {
    proofs.iter().find_map(|kind| {
        let wanted = match kind {
            ProofKind::Http => "http-01",
            ProofKind::Tls => "tls-alpn-01",
        };
        authorization.challenges.iter().find(|challenge| challenge.kind == wanted).map(|challenge| (*kind, challenge))
    })
}

/// A new key as PEM, and a signing request by it for `names`.
fn signing_request(names: &[CertificateName]) -> Result<(String, Vec<u8>), CertificateError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.subject_alt_names = alternative_names(names)?;
    let failed = |error: rcgen::Error| CertificateError::BadConfiguration(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let request = parameters.serialize_request(&key).map_err(failed)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}
