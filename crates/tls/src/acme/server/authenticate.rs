//! Who asks: nonce, URL, signature, account (RFC 8555 §6). Every signed request passes here before
//! anything else looks at it.

use serde::de::DeserializeOwned;

use super::Server;
use crate::acme::exchange::{JOSE_JSON, Request};
use crate::acme::jws::{Jwk, Signed, Signer};
use crate::acme::problem::{Kind, Problem};

/// A request whose signature holds.
pub(super) struct Asked {
    /// The key that signed.
    pub(super) key: Jwk,
    /// Its account, when it signed as one.
    pub(super) account: Option<String>,
    /// What it says; empty for POST-as-GET.
    pub(super) payload: Vec<u8>,
}

impl Asked {
    /// The payload as a document.
    pub(super) fn document<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.payload)
            .map_err(|error| Problem::malformed(format!("the payload is not as ACME wants it: {error}")))
    }

    /// RFC 8555 §6.3: a look at a resource has an empty payload.
    pub(super) fn is_look(&self) -> bool {
        self.payload.is_empty()
    }
}

impl Server {
    /// A request signed by an account that is in good standing.
    pub(super) fn by_account(&mut self, request: &Request) -> Result<(String, Asked), Problem> {
        let asked = self.authenticate(request)?;
        match &asked.account {
            Some(account) => Ok((account.clone(), asked)),
            None => Err(Problem::malformed("this request is signed with kid, not with jwk")),
        }
    }

    /// A request signed by anybody, with its key in the header or by its account.
    pub(super) fn authenticate(&mut self, request: &Request) -> Result<Asked, Problem> {
        // RFC 8555 §6.2: another media type is answered 415.
        let media_type = request.content_type.as_deref().unwrap_or_default();
        if !media_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JOSE_JSON)) {
            return Err(Problem::malformed(format!("the body must be {JOSE_JSON}")).with_status(415));
        }
        let signed = Signed::read(&request.body)?;
        // RFC 8555 §6.4: what was signed for another place is not said here.
        if signed.url != request.url {
            return Err(Problem::new(Kind::Unauthorized, "the request was signed for another URL"));
        }
        let (key, account) = self.signer(&signed)?;
        signed.verify(&key)?;
        // After the signature: only its owner can use a nonce up.
        if !signed.nonce.as_deref().is_some_and(|nonce| self.nonces.take(nonce)) {
            return Err(Problem::new(Kind::BadNonce, "the nonce is unknown or was used before"));
        }
        Ok(Asked { key, account, payload: signed.payload })
    }

    fn signer(&self, signed: &Signed) -> Result<(Jwk, Option<String>), Problem> {
        let url = match &signed.signer {
            Signer::Key(key) => return Ok((key.clone(), None)),
            Signer::Account(url) => url,
        };
        let prefix = self.url("account/");
        let known = url.strip_prefix(&prefix).and_then(|id| self.state.accounts.get_key_value(id));
        let (id, account) = known.ok_or_else(|| Problem::new(Kind::AccountDoesNotExist, "there is no such account"))?;
        // RFC 8555 §7.3.6.
        if !account.active {
            return Err(Problem::new(Kind::Unauthorized, "the account is deactivated"));
        }
        Ok((account.key.clone(), Some(id.clone())))
    }
}
