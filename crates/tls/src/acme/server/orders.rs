//! Orders and authorizations (RFC 8555 §7.4, §7.5). Called by [`super`]'s routes; hands signing
//! requests on to [`super::certificates`] and proofs to [`super::validation`].

use std::collections::HashSet;
use std::time::Duration;

use edgeway_base::WallTime;
use serde::Deserialize;

use super::state::{Authorization, Challenge, Order};
use super::{Context, Server, json_response, not_found, not_yours};
use crate::acme::documents::{self, Identifier, Status};
use crate::acme::exchange::{Request, Response};
use crate::acme::jws;
use crate::acme::moment;
use crate::acme::problem::{Kind, Problem};
use crate::certificate::CertificateName;
use crate::limits;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    identifiers: Vec<Identifier>,
    not_before: Option<String>,
    not_after: Option<String>,
    replaces: Option<String>,
}

#[derive(Deserialize)]
struct Update {
    status: Status,
}

impl Server {
    pub(super) fn new_order(&mut self, context: &mut Context<'_>, request: &Request) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        let wish: NewOrder = asked.document()?;
        if wish.not_before.is_some() || wish.not_after.is_some() {
            return Err(Problem::malformed("the life of certificates is not for clients to choose here"));
        }
        let identifiers = self.check_identifiers(wish.identifiers)?;
        self.check_order_count(&account, context.now)?;
        if let Some(replaced) = &wish.replaces {
            self.check_replaced(&account, replaced, &identifiers)?;
        }
        let authorizations =
            identifiers.iter().map(|identifier| self.authorization_for(context, &account, identifier)).collect();
        let id = context.identifier();
        let order = Order {
            account,
            identifiers,
            authorizations,
            status: Status::Pending,
            expires: context.now.later(limits::ACME_ORDER_LIFETIME).seconds(),
            certificate: None,
            replaces: wish.replaces,
            error: None,
        };
        self.state.orders.insert(id.clone(), order);
        self.changed = true;
        Ok(self.show_order(201, &id, context.now))
    }

    /// The names in a form of their own, each once; names we do not sign for are refused, and so are wildcards: neither
    /// challenge here can prove one (RFC 8737 §3, RFC 8555 §8.3).
    fn check_identifiers(&self, asked: Vec<Identifier>) -> Result<Vec<Identifier>, Problem> {
        if asked.is_empty() || asked.len() > limits::NAMES_PER_CERTIFICATE_MAX {
            let most = limits::NAMES_PER_CERTIFICATE_MAX;
            return Err(Problem::malformed(format!("an order is for 1 to {most} names")));
        }
        let mut seen = HashSet::new();
        let mut checked = Vec::new();
        for identifier in asked {
            if identifier.kind != "dns" && identifier.kind != "ip" {
                return Err(Problem::new(Kind::UnsupportedIdentifier, "identifiers are of type dns or ip here"));
            }
            let shown: String = identifier.value.chars().take(limits::HOST_NAME_BYTES_MAX).collect();
            let rejected = |why: &str| Problem::new(Kind::RejectedIdentifier, format!("{shown}: {why}"));
            let name = identifier.name().ok_or_else(|| rejected("not such a name"))?;
            if matches!(name, CertificateName::Wildcard(_)) {
                return Err(rejected("wildcards cannot be proved here"));
            }
            if !(self.settings.allowed)(&name) {
                return Err(rejected("this authority does not sign for it"));
            }
            if seen.insert(name.clone()) {
                checked.push(Identifier::from(&name));
            }
        }
        Ok(checked)
    }

    fn check_order_count(&mut self, account: &str, now: WallTime) -> Result<(), Problem> {
        if self.is_full() {
            self.state.forget(now);
        }
        let own = self.state.orders.values().filter(|order| order.account == account).count();
        let too_many = self.is_full()
            || own >= limits::ACME_ORDERS_PER_ACCOUNT_MAX
            || self.state.open_orders(account, now) >= limits::ACME_OPEN_ORDERS_PER_ACCOUNT_MAX;
        let problem = || Problem::new(Kind::RateLimited, "there are too many orders");
        if too_many { Err(problem().later(Duration::from_secs(3600))) } else { Ok(()) }
    }

    /// Whether an order of the largest kind would go beyond what is kept.
    fn is_full(&self) -> bool {
        self.state.orders.len() >= limits::ACME_ORDERS_MAX
            || self.state.authorizations.len() + limits::NAMES_PER_CERTIFICATE_MAX > limits::ACME_AUTHORIZATIONS_MAX
    }

    /// RFC 9773 §5: the predecessor is the account's own, shares a name, and has no successor yet.
    fn check_replaced(&self, account: &str, replaced: &str, identifiers: &[Identifier]) -> Result<(), Problem> {
        let found = self.state.certificates.iter().find(|(_, certificate)| certificate.renewal_id == replaced);
        let Some((id, certificate)) = found else {
            return Err(Problem::malformed("the certificate to be replaced is not known").with_status(404));
        };
        if certificate.account != account {
            return Err(not_yours());
        }
        if certificate.replaced {
            return Err(Problem::new(Kind::AlreadyReplaced, "the certificate has been replaced already"));
        }
        let order = self.state.orders.values().find(|order| order.certificate.as_ref() == Some(id));
        let shares = order.is_some_and(|order| order.identifiers.iter().any(|name| identifiers.contains(name)));
        if shares { Ok(()) } else { Err(Problem::malformed("the certificate to be replaced is for other names")) }
    }

    /// An authorization of this account for this name that is good or can become so, or a new one.
    fn authorization_for(&mut self, context: &mut Context<'_>, account: &str, identifier: &Identifier) -> String {
        let usable = |(_, known): &(&String, &Authorization)| {
            // One that is proved must still be so when the order is finalised.
            let lasting = known.expires >= context.now.later(Duration::from_secs(3600)).seconds();
            known.account == account
                && known.identifier == *identifier
                && lasting
                && matches!(known.status, Status::Valid | Status::Pending)
        };
        if let Some((id, _)) = self.state.authorizations.iter().find(usable) {
            return id.clone();
        }
        let id = context.identifier();
        // RFC 8555 §8: at least 128 bits of chance; here 256. As one base64url value, because some clients
        // (certbot) decode it and show what they encode again.
        let mut token = [0; 32];
        context.entropy.fill(&mut token);
        let token = jws::encode(token);
        let challenge =
            |kind: &str| Challenge { kind: kind.to_owned(), status: Status::Pending, validated: None, error: None };
        let authorization = Authorization {
            account: account.to_owned(),
            identifier: identifier.clone(),
            status: Status::Pending,
            expires: context.now.later(limits::ACME_ORDER_LIFETIME).seconds(),
            token,
            challenges: vec![challenge("http-01"), challenge("tls-alpn-01")],
        };
        self.state.authorizations.insert(id.clone(), authorization);
        id
    }

    pub(super) fn order(&mut self, context: &Context<'_>, request: &Request, id: &str) -> Result<Response, Problem> {
        let (account, _) = self.by_account(request)?;
        self.own_order(&account, id)?;
        Ok(self.show_order(200, id, context.now))
    }

    pub(super) fn own_order(&self, account: &str, id: &str) -> Result<&Order, Problem> {
        let order = self.state.orders.get(id).ok_or_else(not_found)?;
        if order.account == account { Ok(order) } else { Err(not_yours()) }
    }

    pub(super) fn show_order(&self, status: u16, id: &str, now: WallTime) -> Response {
        let order = &self.state.orders[id];
        let url = self.url(&format!("order/{id}"));
        let shown = documents::Order {
            status: self.state.order_status(order, now),
            expires: Some(moment::write(WallTime::from_seconds(order.expires))),
            identifiers: order.identifiers.clone(),
            authorizations: order.authorizations.iter().map(|id| self.url(&format!("authorization/{id}"))).collect(),
            finalize: format!("{url}/finalize"),
            certificate: order.certificate.as_ref().map(|id| self.url(&format!("certificate/{id}"))),
            replaces: order.replaces.clone(),
            error: order.error.clone(),
        };
        json_response(status, &shown).with("Location", url)
    }

    pub(super) fn authorization(
        &mut self,
        context: &Context<'_>,
        request: &Request,
        id: &str,
    ) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        let authorization = self.own_authorization(&account, id)?;
        if !asked.is_look() {
            let update: Update = asked.document()?;
            // RFC 8555 §7.5.2.
            if update.status != Status::Deactivated {
                return Err(Problem::malformed("an authorization can be deactivated, and nothing else"));
            }
            authorization.status = Status::Deactivated;
            self.changed = true;
        }
        Ok(self.show_authorization(id, context.now))
    }

    pub(super) fn own_authorization(&mut self, account: &str, id: &str) -> Result<&mut Authorization, Problem> {
        let authorization = self.state.authorizations.get_mut(id).ok_or_else(not_found)?;
        if authorization.account == account { Ok(authorization) } else { Err(not_yours()) }
    }

    fn show_authorization(&self, id: &str, now: WallTime) -> Response {
        let authorization = &self.state.authorizations[id];
        let challenges = authorization.challenges.iter();
        let shown = documents::Authorization {
            identifier: authorization.identifier.clone(),
            status: self.state.authorization_status(id, now),
            expires: Some(moment::write(WallTime::from_seconds(authorization.expires))),
            challenges: challenges.map(|challenge| self.show_challenge(id, &authorization.token, challenge)).collect(),
        };
        let response = json_response(200, &shown);
        let under_way = authorization.challenges.iter().any(|challenge| challenge.status == Status::Processing);
        // RFC 8555 §7.5.1: say when it is worth asking again.
        if under_way { response.with("Retry-After", "2") } else { response }
    }

    pub(super) fn show_challenge(&self, id: &str, token: &str, challenge: &Challenge) -> documents::Challenge {
        documents::Challenge {
            kind: challenge.kind.clone(),
            url: self.url(&format!("challenge/{id}/{}", challenge.kind)),
            status: challenge.status,
            token: token.to_owned(),
            validated: challenge.validated.map(|at| moment::write(WallTime::from_seconds(at))),
            error: challenge.error.clone(),
        }
    }
}
