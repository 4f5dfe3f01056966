//! Accounts (RFC 8555 §7.3): made, found, changed, given a new key, deactivated. Called by [`super`]'s
//! routes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authenticate::Asked;
use super::state::Account;
use super::{Context, Server, json_response, not_found, not_yours};
use crate::acme::documents::Status;
use crate::acme::exchange::{Request, Response};
use crate::acme::jws::{Jwk, Signed, Signer};
use crate::acme::problem::{Kind, Problem};
use crate::limits;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    terms_of_service_agreed: bool,
    #[serde(default)]
    only_return_existing: bool,
    external_account_binding: Option<Value>,
}

#[derive(Deserialize)]
struct Update {
    contact: Option<Vec<String>>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChange {
    account: String,
    old_key: Jwk,
}

#[derive(Serialize)]
struct Shown<'a> {
    status: Status,
    contact: &'a [String],
    orders: String,
}

impl Server {
    pub(super) fn new_account(&mut self, context: &mut Context<'_>, request: &Request) -> Result<Response, Problem> {
        let asked = self.authenticate(request)?;
        if asked.account.is_some() {
            return Err(Problem::malformed("this request is signed with jwk, not with kid"));
        }
        let wish: NewAccount = asked.document()?;
        // RFC 8555 §7.3: a key that has an account gets that one.
        if let Some(id) = self.state.account_by_key(&asked.key).cloned() {
            return if self.state.accounts[&id].active {
                Ok(self.show_account(200, &id))
            } else {
                Err(Problem::new(Kind::Unauthorized, "the account is deactivated"))
            };
        }
        if wish.only_return_existing {
            return Err(Problem::new(Kind::AccountDoesNotExist, "there is no account with this key"));
        }
        if self.settings.terms_of_service.is_some() && !wish.terms_of_service_agreed {
            return Err(Problem::new(Kind::UserActionRequired, "the terms of service must be agreed to"));
        }
        check_contacts(&wish.contact)?;
        if self.state.accounts.len() >= limits::ACME_ACCOUNTS_MAX {
            return Err(Problem::new(Kind::RateLimited, "there are too many accounts"));
        }
        let external = self.external_identity(&asked, wish.external_account_binding)?;
        let id = context.identifier();
        let account = Account { key: asked.key, contacts: wish.contact, active: true, external };
        self.state.accounts.insert(id.clone(), account);
        self.changed = true;
        Ok(self.show_account(201, &id))
    }

    /// Checks the binding to an identity from elsewhere (RFC 8555 §7.3.4), where one is asked for.
    fn external_identity(&self, asked: &Asked, binding: Option<Value>) -> Result<Option<String>, Problem> {
        if self.settings.external_accounts.is_empty() {
            return Ok(None);
        }
        let required = || Problem::new(Kind::ExternalAccountRequired, "accounts need an external account binding here");
        let binding = Signed::read(binding.ok_or_else(required)?.to_string().as_bytes())?;
        let Signer::Account(identity) = &binding.signer else {
            return Err(Problem::malformed("the external account binding has no kid"));
        };
        let wrong = || Problem::new(Kind::Unauthorized, "the external account binding does not hold");
        let secret = self.settings.external_accounts.get(identity).ok_or_else(wrong)?;
        binding.verify_mac(secret)?;
        let same_key = serde_json::from_slice(&binding.payload).is_ok_and(|key: Jwk| key == asked.key);
        if binding.url != self.url("new-account") || binding.nonce.is_some() || !same_key {
            return Err(wrong());
        }
        // One account for each identity: a second key with the same credentials is a stolen secret or a lost key,
        // and both are for a person to look at.
        let taken = |account: &Account| account.active && account.external.as_ref() == Some(identity);
        if self.state.accounts.values().any(taken) {
            return Err(Problem::new(Kind::Unauthorized, "these credentials have an account already"));
        }
        Ok(Some(identity.clone()))
    }

    pub(super) fn account(&mut self, request: &Request, id: &str) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        if account != id {
            return Err(not_yours());
        }
        if !asked.is_look() {
            let update: Update = asked.document()?;
            self.update_account(id, update)?;
        }
        Ok(self.show_account(200, id))
    }

    fn update_account(&mut self, id: &str, update: Update) -> Result<(), Problem> {
        if let Some(contacts) = &update.contact {
            check_contacts(contacts)?;
        }
        let account = self.state.accounts.get_mut(id).ok_or_else(not_found)?;
        match update.status {
            None | Some(Status::Valid) => {}
            // RFC 8555 §7.3.6: there is no way back.
            Some(Status::Deactivated) => account.active = false,
            Some(_) => return Err(Problem::malformed("an account can be deactivated, and nothing else")),
        }
        if let Some(contacts) = update.contact {
            account.contacts = contacts;
        }
        self.changed = true;
        Ok(())
    }

    pub(super) fn account_orders(&mut self, request: &Request, id: &str) -> Result<Response, Problem> {
        let (account, _) = self.by_account(request)?;
        if account != id {
            return Err(not_yours());
        }
        let own = self.state.orders.iter().filter(|(_, order)| order.account == account);
        let urls: Vec<String> = own.map(|(order, _)| self.url(&format!("order/{order}"))).collect();
        Ok(json_response(200, &json!({ "orders": urls })))
    }

    pub(super) fn key_change(&mut self, request: &Request) -> Result<Response, Problem> {
        let (account, asked) = self.by_account(request)?;
        // RFC 8555 §7.3.5, its list of checks in its order.
        let inner = Signed::read(&asked.payload)?;
        let Signer::Key(new) = &inner.signer else {
            return Err(Problem::malformed("the inner signature has no jwk"));
        };
        inner.verify(new)?;
        if inner.url != request.url || inner.nonce.is_some() {
            return Err(Problem::malformed("the inner signature is for another request"));
        }
        let wish: KeyChange = serde_json::from_slice(&inner.payload)
            .map_err(|_| Problem::malformed("the inner payload has no account and oldKey"))?;
        if wish.account != self.url(&format!("account/{account}")) || wish.old_key != asked.key {
            return Err(Problem::malformed("the inner payload is about another account or key"));
        }
        if let Some(other) = self.state.account_by_key(new) {
            let response = Problem::new(Kind::Malformed, "the new key has an account").with_status(409).to_response();
            return Ok(response.with("Location", self.url(&format!("account/{other}"))));
        }
        let new = new.clone();
        self.state.accounts.get_mut(&account).ok_or_else(not_found)?.key = new;
        self.changed = true;
        Ok(self.show_account(200, &account))
    }

    fn show_account(&self, status: u16, id: &str) -> Response {
        let account = &self.state.accounts[id];
        let url = self.url(&format!("account/{id}"));
        let shown = Shown {
            status: if account.active { Status::Valid } else { Status::Deactivated },
            contact: &account.contacts,
            orders: format!("{url}/orders"),
        };
        json_response(status, &shown).with("Location", url)
    }
}

/// RFC 8555 §7.3: mailto with one address and nothing else, or what is not supported.
fn check_contacts(contacts: &[String]) -> Result<(), Problem> {
    if contacts.len() > limits::ACME_CONTACTS_MAX {
        return Err(Problem::new(Kind::InvalidContact, "there are too many contacts"));
    }
    for contact in contacts {
        let address = contact
            .strip_prefix("mailto:")
            .ok_or_else(|| Problem::new(Kind::UnsupportedContact, "contacts are mailto: addresses here"))?;
        let plain = address.len() <= 254 && !address.contains([',', '?', ' ', '\r', '\n']) && address.is_ascii();
        let has_parts = address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if !plain || !has_parts {
            return Err(Problem::new(Kind::InvalidContact, "a contact is not one mail address"));
        }
    }
    Ok(())
}
