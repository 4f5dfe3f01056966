//! What the server remembers, in the form in which it is stored. Owned by [`super::Server`]; changed by
//! its handlers.

use std::collections::BTreeMap;

use edgeway_base::WallTime;
use serde::{Deserialize, Serialize};

use crate::acme::documents::{Identifier, Status};
use crate::acme::jws::Jwk;
use crate::limits;

/// Everything, by identifier.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) authorizations: BTreeMap<String, Authorization>,
    pub(super) certificates: BTreeMap<String, Certificate>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) key: Jwk,
    pub(super) contacts: Vec<String>,
    pub(super) active: bool,
    /// Its identity elsewhere, as proved.
    pub(super) external: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) account: String,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) authorizations: Vec<String>,
    /// `Pending` until all is proved (then shown as `ready`), `Valid` or `Invalid` for ever.
    pub(super) status: Status,
    /// Seconds since 1970.
    pub(super) expires: u64,
    pub(super) certificate: Option<String>,
    pub(super) replaces: Option<String>,
    pub(super) error: Option<serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Authorization {
    pub(super) account: String,
    pub(super) identifier: Identifier,
    pub(super) status: Status,
    /// Seconds since 1970.
    pub(super) expires: u64,
    pub(super) token: String,
    pub(super) challenges: Vec<Challenge>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Challenge {
    pub(super) kind: String,
    pub(super) status: Status,
    /// Seconds since 1970.
    pub(super) validated: Option<u64>,
    pub(super) error: Option<serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub(super) account: String,
    pub(super) chain: String,
    /// As RFC 9773 §4.1 writes it.
    pub(super) renewal_id: String,
    /// Seconds since 1970.
    pub(super) expires: u64,
    pub(super) revoked: Option<Revocation>,
    pub(super) replaced: bool,
}

/// When and why a certificate was withdrawn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Revocation {
    /// Seconds since 1970.
    pub(super) at: u64,
    /// RFC 5280 §5.3.1.
    pub(super) reason: u8,
}

impl State {
    /// The account of `key`.
    pub(super) fn account_by_key(&self, key: &Jwk) -> Option<&String> {
        self.accounts.iter().find(|(_, account)| account.key == *key).map(|(id, _)| id)
    }

    /// Where an order stands: `ready` follows from its authorizations.
    pub(super) fn order_status(&self, order: &Order, now: WallTime) -> Status {
        if order.status != Status::Pending {
            return order.status;
        }
        let states: Vec<Status> = order.authorizations.iter().map(|id| self.authorization_status(id, now)).collect();
        if order.expires < now.seconds() || !states.iter().all(|state| matches!(state, Status::Pending | Status::Valid))
        {
            Status::Invalid
        } else if states.iter().all(|state| *state == Status::Valid) {
            Status::Ready
        } else {
            Status::Pending
        }
    }

    pub(super) fn authorization_status(&self, id: &str, now: WallTime) -> Status {
        match self.authorizations.get(id) {
            Some(known) if known.expires >= now.seconds() => known.status,
            _ => Status::Expired,
        }
    }

    /// Forgets what is over: expired orders with their authorizations, expired certificates.
    pub(super) fn forget(&mut self, now: WallTime) {
        let over = now.seconds();
        self.certificates.retain(|_, certificate| certificate.expires >= over);
        let certificates = &self.certificates;
        self.orders.retain(|_, order| {
            order.expires >= over || order.certificate.as_ref().is_some_and(|id| certificates.contains_key(id))
        });
        self.authorizations.retain(|_, authorization| authorization.expires >= over);
    }

    pub(super) fn open_orders(&self, account: &str, now: WallTime) -> usize {
        let open = |order: &&Order| {
            order.account == account && matches!(self.order_status(order, now), Status::Pending | Status::Ready)
        };
        self.orders.values().filter(open).take(limits::ACME_OPEN_ORDERS_PER_ACCOUNT_MAX).count()
    }
}
