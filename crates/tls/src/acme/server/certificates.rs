//! Certificates: signed, fetched, withdrawn, and when to renew them (RFC 8555 §7.4, §7.6, RFC
//! 9773). Called by [`super`]'s routes.

use std::collections::HashSet;
use std::time::Duration;

use edgeway_base::WallTime;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::authenticate::Asked;
use super::state::{Certificate, Revocation};
use super::{Context, Server, not_found, not_yours};
use crate::acme::documents::{Identifier, Status};
use crate::acme::exchange::{JSON, PEM_CHAIN, Request, Response};
use crate::acme::jws::{self, Jwk};
use crate::acme::problem::{Kind, Problem};
use crate::acme::renewal::{self, RenewalWindow};
use crate::authority::SigningRequest;
use crate::certificate::{CertificateName, Facts, reading};
use crate::error::CertificateError;
use crate::limits;

/// How long a suggestion for renewal is good (RFC 9773 §4.3).
const RENEWAL_INFO_LIFETIME: Duration = Duration::from_secs(6 * 3600);

#[derive(Deserialize)]
struct Finalize {
    csr: String,
}

#[derive(Deserialize)]
struct Revoke {
    certificate: String,
    reason: Option<u8>,
}

impl Server {
    pub(super) fn finalize(&mut self, context: &Context<'_>, request: &Request, id: &str) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        let order = self.own_order(&account, id)?;
        // RFC 8555 §7.4: only when everything is proved.
        match self.state.order_status(order, context.now) {
            Status::Ready => {}
            status => {
                let state = format!("{status:?}").to_lowercase();
                return Err(Problem::new(Kind::OrderNotReady, format!("the order is {state}")));
            }
        }
        let names: Vec<CertificateName> = order.identifiers.iter().filter_map(Identifier::name).collect();
        let signing_request = read_signing_request(&asked)?;
        check_names(&signing_request, &names)?;
        // RFC 8555 §11.1: an account's key must not be a certificate's, or a signature for one could be
        // passed off as the other's.
        if holds(&signing_request.public_key_info(), &asked.key) {
            return Err(bad_request("the certificate's key must not be the account's"));
        }
        let chain = self
            .settings
            .authority
            .sign_request(&signing_request, &names, context.now, self.settings.lifetime)
            .map_err(|error| Problem::new(Kind::ServerInternal, error.to_string()))?;
        self.keep(id, account, chain)?;
        Ok(self.show_order(200, id, context.now))
    }

    fn keep(&mut self, order: &str, account: String, chain: String) -> Result<(), Problem> {
        let internal = |error: CertificateError| Problem::new(Kind::ServerInternal, error.to_string());
        let leaf = reading::certificates(chain.as_bytes()).map_err(internal)?.swap_remove(0);
        let facts = Facts::read(&leaf).map_err(internal)?;
        // The serial is random: nothing else has this name.
        let id = jws::encode(&facts.serial);
        let certificate = Certificate {
            account,
            chain,
            renewal_id: renewal::certificate_id(&facts).unwrap_or_default(),
            expires: facts.not_after.seconds(),
            revoked: None,
            replaced: false,
        };
        let order = self.state.orders.get_mut(order).ok_or_else(not_found)?;
        (order.status, order.certificate) = (Status::Valid, Some(id.clone()));
        if let Some(replaced) = order.replaces.clone() {
            let mut known = self.state.certificates.values_mut();
            if let Some(predecessor) = known.find(|known| known.renewal_id == replaced) {
                predecessor.replaced = true;
            }
        }
        self.state.certificates.insert(id, certificate);
        self.changed = true;
        Ok(())
    }

    pub(super) fn certificate(&mut self, request: &Request, id: &str) -> Result<Response, Problem> {
        let (account, _) = self.by_account(request)?;
        let certificate = self.state.certificates.get(id).ok_or_else(not_found)?;
        if certificate.account != account {
            return Err(not_yours());
        }
        Ok(Response::new(200, certificate.chain.clone().into_bytes()).with("Content-Type", PEM_CHAIN))
    }

    pub(super) fn revoke(&mut self, context: &Context<'_>, request: &Request) -> Result<Response, Problem> {
        let asked = self.authenticate(request)?;
        let wish: Revoke = asked.document()?;
        let der =
            jws::decode(&wish.certificate).ok_or_else(|| Problem::malformed("the certificate is not base64url"))?;
        let der = CertificateDer::from(der);
        let unknown = || Problem::malformed("the certificate is not of this authority").with_status(404);
        let facts = Facts::read(&der).map_err(|_| unknown())?;
        let known = self.state.certificates.get_mut(&jws::encode(&facts.serial)).ok_or_else(unknown)?;
        // The serial alone would let anybody name another's certificate.
        if reading::certificates(known.chain.as_bytes()).ok().and_then(|chain| chain.into_iter().next())
            != Some(der.clone())
        {
            return Err(unknown());
        }
        // RFC 8555 §7.6: its account, or whoever holds its key.
        let allowed = match &asked.account {
            Some(account) => *account == known.account,
            None => reading::parse(&der).is_ok_and(|parsed| holds(parsed.public_key().raw, &asked.key)),
        };
        if !allowed {
            return Err(not_yours());
        }
        if known.revoked.is_some() {
            return Err(Problem::new(Kind::AlreadyRevoked, "the certificate is withdrawn already"));
        }
        let reason = wish.reason.unwrap_or(0);
        // RFC 5280 §5.3.1: 2, 6, 8 and 10 are for authorities, 7 is none.
        if ![0, 1, 3, 4, 5, 9].contains(&reason) {
            return Err(Problem::new(Kind::BadRevocationReason, "reasons are 0, 1, 3, 4, 5 and 9"));
        }
        known.revoked = Some(Revocation { at: context.now.seconds(), reason });
        self.changed = true;
        Ok(Response::new(200, Vec::new()))
    }

    /// Serial numbers withdrawn and not yet expired, with the moment and the reason (RFC 5280 §5.3.1), for
    /// a revocation list.
    pub fn revoked(&self) -> impl Iterator<Item = (Vec<u8>, WallTime, u8)> {
        self.state.certificates.iter().filter_map(|(id, certificate)| {
            let revocation = certificate.revoked?;
            Some((jws::decode(id)?, WallTime::from_seconds(revocation.at), revocation.reason))
        })
    }

    pub(super) fn renewal_info(&self, context: &Context<'_>, id: &str) -> Result<Response, Problem> {
        let known = self.state.certificates.values().find(|known| known.renewal_id == id).ok_or_else(not_found)?;
        let window = if known.revoked.is_some() || known.replaced {
            // RFC 9773 §4.2: a window in the past says "at once".
            let past = context.now.earlier(Duration::from_secs(86_400));
            RenewalWindow { start: past.earlier(Duration::from_secs(86_400)), end: past }
        } else {
            let chain = reading::certificates(known.chain.as_bytes());
            let facts = chain.and_then(|chain| Facts::read(&chain[0]));
            RenewalWindow::usual(&facts.map_err(|error| Problem::new(Kind::ServerInternal, error.to_string()))?)
        };
        let response = Response::new(200, window.write()).with("Content-Type", JSON);
        Ok(response.with("Retry-After", RENEWAL_INFO_LIFETIME.as_secs().to_string()))
    }
}

fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::BadCsr, detail)
}

fn read_signing_request(asked: &Asked) -> Result<SigningRequest, Problem> {
    let wish: Finalize = asked.document()?;
    let der = jws::decode(&wish.csr).ok_or_else(|| bad_request("the signing request is not base64url"))?;
    if der.len() > limits::SIGNING_REQUEST_BYTES_MAX {
        return Err(bad_request("the signing request is too large"));
    }
    SigningRequest::from_der(&der).map_err(|error| bad_request(error.to_string()))
}

/// RFC 8555 §7.4: exactly the names of the order, no fewer and no more.
fn check_names(request: &SigningRequest, names: &[CertificateName]) -> Result<(), Problem> {
    let asked: HashSet<&CertificateName> = request.names().iter().collect();
    if asked == names.iter().collect() {
        Ok(())
    } else {
        Err(bad_request("the signing request is not for the names of the order"))
    }
}

/// Whether a SubjectPublicKeyInfo holds `key`: its numbers stand in it as they are.
fn holds(key_info: &[u8], key: &Jwk) -> bool {
    let raw = key.raw();
    !raw.is_empty() && key_info.windows(raw.len()).any(|window| window == raw)
}
