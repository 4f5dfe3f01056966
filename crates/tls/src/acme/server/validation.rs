//! Proofs (RFC 8555 §8, RFC 8737): a client says that its proof is ready, the caller visits its
//! machine, and what it saw is judged here. Called by [`super`]'s routes and by the caller's driver.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use edgeway_base::WallTime;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::GeneralName;

use super::{Context, Server, json_response, not_found};
use crate::acme::documents::{Status, http_path};
use crate::acme::exchange::{Request, Response};
use crate::acme::problem::{Kind, Problem};
use crate::certificate::{CertificateName, reading};
use crate::limits;
use crate::server::{ACME_TLS_PROTOCOL, reverse_name};

/// id-pe-acmeIdentifier (RFC 8737 §6.1).
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// A visit to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Validation {
    /// To be given back with what was seen.
    pub id: ValidationId,
    /// The name whose machine is visited; the caller resolves it, and decides which addresses it will go to.
    pub name: CertificateName,
    /// What to look at there.
    pub visit: Visit,
}

/// Which proof it is for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ValidationId {
    authorization: String,
    kind: String,
}

/// What to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Visit {
    /// GET this path on port 80, with the name as Host. Redirects may be followed, to ports 80 and 443
    /// (RFC 8555 §8.3).
    Http {
        /// `/.well-known/acme-challenge/` and the token.
        path: String,
    },
    /// A TLS handshake on port 443 with this server name and [`ACME_TLS_PROTOCOL`] alone, believing
    /// any certificate ([`crate::client::Trust::Anyone`]).
    Tls {
        /// The name, or the reverse name of an address (RFC 8738 §6).
        server_name: String,
    },
}

/// What was seen.
#[derive(Clone, Debug)]
pub enum Shown {
    /// An answer to the GET.
    Http {
        /// Its status.
        status: u16,
        /// The first kilobytes of its body.
        body: Vec<u8>,
    },
    /// A handshake that succeeded.
    Tls {
        /// The protocol agreed on.
        alpn: Option<Vec<u8>>,
        /// The certificate shown.
        certificate: CertificateDer<'static>,
    },
    /// Nothing: the name could not be resolved ([`Kind::Dns`]), reached ([`Kind::Connection`]), or spoken to
    /// ([`Kind::Tls`]).
    Nothing(Kind, String),
}

impl Server {
    /// The next visit to make.
    pub fn poll_event(&mut self) -> Option<Validation> {
        self.visits.pop_front()
    }

    /// What a visit showed.
    pub fn handle_validation(&mut self, now: WallTime, id: &ValidationId, shown: &Shown) {
        self.visiting = self.visiting.saturating_sub(1);
        let judged = self.judge(id, shown);
        let Some(authorization) = self.state.authorizations.get_mut(&id.authorization) else { return };
        let challenges = &mut authorization.challenges;
        let Some(challenge) = challenges.iter_mut().find(|challenge| challenge.kind == id.kind) else { return };
        if challenge.status != Status::Processing {
            return;
        }
        self.changed = true;
        match judged {
            Ok(()) => {
                (challenge.status, challenge.validated) = (Status::Valid, Some(now.seconds()));
                if authorization.status == Status::Pending {
                    authorization.status = Status::Valid;
                }
            }
            Err(problem) => {
                // RFC 8555 §7.1.6: one failed challenge ends the authorization, and with it its orders.
                let error = problem.to_value();
                (challenge.status, challenge.error) = (Status::Invalid, Some(error.clone()));
                authorization.status = Status::Invalid;
                self.end_orders(&id.authorization, &error);
            }
        }
    }

    fn end_orders(&mut self, authorization: &str, error: &serde_json::Value) {
        let concerned = |order: &&mut super::state::Order| {
            order.status == Status::Pending && order.authorizations.iter().any(|id| id == authorization)
        };
        for order in self.state.orders.values_mut().filter(concerned) {
            (order.status, order.error) = (Status::Invalid, Some(error.clone()));
        }
    }

    /// A client says that its proof is ready, or looks how it stands.
    pub(super) fn challenge(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        id: &str,
        kind: &str,
    ) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        let full = self.visiting >= limits::ACME_VALIDATIONS_MAX;
        let status = {
            let authorization = self.own_authorization(&account, id)?;
            if authorization.challenges.iter().all(|challenge| challenge.kind != kind) {
                return Err(not_found());
            }
            authorization.status
        };
        if !asked.is_look() && status == Status::Pending && self.state.authorization_status(id, context.now) == status {
            let _: serde_json::Map<String, serde_json::Value> = asked.document()?;
            self.begin_validation(id, kind, full)?;
        }
        let authorization = self.state.authorizations.get(id).ok_or_else(not_found)?;
        let challenge =
            authorization.challenges.iter().find(|challenge| challenge.kind == kind).ok_or_else(not_found)?;
        let shown = self.show_challenge(id, &authorization.token, challenge);
        let up = format!("<{}>;rel=\"up\"", self.url(&format!("authorization/{id}")));
        Ok(json_response(200, &shown).with("Link", up))
    }

    fn begin_validation(&mut self, id: &str, kind: &str, full: bool) -> Result<(), Problem> {
        let Some(authorization) = self.state.authorizations.get_mut(id) else { return Ok(()) };
        // One proof is enough, so one visit at a time.
        if authorization.challenges.iter().any(|challenge| challenge.status != Status::Pending) {
            return Ok(());
        }
        if full {
            let busy = Problem::new(Kind::RateLimited, "too many names are being looked at");
            return Err(busy.later(std::time::Duration::from_secs(10)));
        }
        if let Some(challenge) = authorization.challenges.iter_mut().find(|challenge| challenge.kind == kind) {
            challenge.status = Status::Processing;
            self.changed = true;
            self.push_visit(id, kind);
        }
        Ok(())
    }

    /// After a restart: visits that were under way are made again.
    pub(super) fn resume_validations(&mut self) {
        let under_way: Vec<(String, String)> = self
            .state
            .authorizations
            .iter()
            .flat_map(|(id, known)| known.challenges.iter().map(move |challenge| (id, challenge)))
            .filter(|(_, challenge)| challenge.status == Status::Processing)
            .map(|(id, challenge)| (id.clone(), challenge.kind.clone()))
            .collect();
        for (id, kind) in under_way {
            self.push_visit(&id, &kind);
        }
    }

    fn push_visit(&mut self, id: &str, kind: &str) {
        let Some(authorization) = self.state.authorizations.get(id) else { return };
        let Some(name) = authorization.identifier.name() else { return };
        let visit = if kind == "http-01" {
            Visit::Http { path: http_path(&authorization.token) }
        } else {
            Visit::Tls { server_name: reverse_name(&name) }
        };
        let id = ValidationId { authorization: id.to_owned(), kind: kind.to_owned() };
        self.visits.push_back(Validation { id, name, visit });
        self.visiting += 1;
    }

    fn judge(&self, id: &ValidationId, shown: &Shown) -> Result<(), Problem> {
        let authorization = self.state.authorizations.get(&id.authorization).ok_or_else(not_found)?;
        let account = self.state.accounts.get(&authorization.account).ok_or_else(not_found)?;
        // RFC 8555 §8.1. With the key the account has now: a key change in between makes the proof void.
        let expected = format!("{}.{}", authorization.token, account.key.thumbprint());
        let name = authorization.identifier.name().ok_or_else(not_found)?;
        match (shown, id.kind.as_str()) {
            (Shown::Http { status, body }, "http-01") => judge_http(*status, body, &expected),
            (Shown::Tls { alpn, certificate }, "tls-alpn-01") => {
                judge_tls(alpn.as_deref(), certificate, &name, &expected)
            }
            (Shown::Nothing(kind, detail), _) => Err(Problem::new(kind.clone(), detail.clone())),
            _ => Err(Problem::new(Kind::ServerInternal, "the visit was of another kind")),
        }
    }
}

fn judge_http(status: u16, body: &[u8], expected: &str) -> Result<(), Problem> {
    if status != 200 {
        return Err(Problem::new(Kind::Unauthorized, format!("the proof was answered with status {status}")));
    }
    // RFC 8555 §8.3: white space at the end is ignored.
    if body.trim_ascii_end() != expected.as_bytes() {
        return Err(Problem::new(Kind::Unauthorized, "what was found is not the key authorization"));
    }
    Ok(())
}

/// RFC 8737 §3: the protocol, one name and no other, and the digest in a critical extension.
fn judge_tls(
    alpn: Option<&[u8]>,
    certificate: &CertificateDer<'_>,
    name: &CertificateName,
    expected: &str,
) -> Result<(), Problem> {
    let wrong = |detail: &str| Problem::new(Kind::IncorrectResponse, detail);
    if alpn != Some(ACME_TLS_PROTOCOL) {
        return Err(wrong("acme-tls/1 was not agreed on"));
    }
    let parsed = reading::parse(certificate).map_err(|_| wrong("the certificate cannot be read"))?;
    let names = parsed.subject_alternative_name().ok().flatten().map(|extension| &extension.value.general_names);
    if !names.is_some_and(|names| matches!(&names[..], [only] if is_name(only, name))) {
        return Err(wrong("the certificate is not for this name alone"));
    }
    let proof = parsed.extensions().iter().find(|extension| extension.oid.to_id_string() == ACME_IDENTIFIER);
    let digest = digest(&SHA256, expected.as_bytes());
    // An OCTET STRING of 32 bytes.
    let value = [&[4, 32][..], digest.as_ref()].concat();
    match proof {
        Some(extension) if extension.critical && verify_slices_are_equal(extension.value, &value).is_ok() => Ok(()),
        Some(_) => Err(wrong("the digest in the certificate is not the key authorization's")),
        None => Err(wrong("the certificate has no acmeIdentifier extension")),
    }
}

fn is_name(shown: &GeneralName<'_>, name: &CertificateName) -> bool {
    match (shown, name) {
        (GeneralName::DNSName(shown), CertificateName::Host(host)) => shown.eq_ignore_ascii_case(host),
        (GeneralName::IPAddress(bytes), CertificateName::Address(address)) => reading::address(bytes) == Some(*address),
        _ => false,
    }
}
