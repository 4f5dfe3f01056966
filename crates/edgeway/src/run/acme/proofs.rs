//! The answers on port 80 that prove our names (http-01, RFC 8555 §8.3): entered by [`super::account`], given by every worker before any
//! site is asked. A token that nobody entered is no business of ours: the site answers, which may have an ACME client of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};
use edgeway_serve::exchange::Exchange;
use edgeway_serve::page;
use edgeway_serve::plan::End;

use crate::limits::PROOFS_SHOWN_MAX;

/// Key authorizations by their token. Shared by the control thread and all workers.
#[derive(Debug, Default)]
pub struct Proofs {
    by_token: Mutex<HashMap<String, String>>,
}

impl Proofs {
    /// Shows `key_authorization` under `token`; `false` when there are too many.
    pub fn show(&self, token: &str, key_authorization: &str) -> bool {
        let mut shown = self.lock();
        let fits = shown.len() < PROOFS_SHOWN_MAX || shown.contains_key(token);
        if fits {
            shown.insert(token.to_owned(), key_authorization.to_owned());
        }
        fits
    }

    /// Shows it no more.
    pub fn withdraw(&self, token: &str) {
        self.lock().remove(token);
    }

    /// What is to be answered under this path. Only a whole token that was entered is found: there are no files, so no path leads out.
    fn find(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // Every change is one insertion or removal: a panic elsewhere leaves nothing half done.
        self.by_token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The proofs as a worker's plan wants them.
pub struct ProofEnd(pub Arc<Proofs>);

impl End for ProofEnd {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        if !matches!(exchange.head.method, Method::Get | Method::Head) {
            return None;
        }
        let proof = self.0.find(exchange.path.as_str())?;
        let mut response = exchange.respond(Status::OK);
        // RFC 8555 §8.3 asks for this type, and a cache has nothing to gain.
        response.head.fields.append(FieldName::ContentType, "application/octet-stream");
        response.head.fields.append(FieldName::CacheControl, "no-store");
        response.body = Body::Full(Bytes::from(proof));
        Some(response)
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move {
            match self.answer_now(exchange) {
                Some(response) => response,
                None => page::error(exchange, Status::NOT_FOUND),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_is_answered() {
        let proofs = Proofs::default();
        assert!(proofs.show("tok-en_1", "tok-en_1.thumb"));
        for (path, found) in [
            ("/.well-known/acme-challenge/tok-en_1", true),
            ("/.well-known/acme-challenge/", false),
            ("/.well-known/acme-challenge/tok-en_1/", false),
            ("/.well-known/acme-challenge/../acme-challenge/tok-en_1", false),
            ("/.well-known/acme-challenge/other", false),
            ("/tok-en_1", false),
        ] {
            assert_eq!(proofs.find(path).is_some(), found, "{path}");
        }
        for number in 1..PROOFS_SHOWN_MAX {
            assert!(proofs.show(&number.to_string(), "x"));
        }
        assert!(!proofs.show("one more", "x"), "the number is bounded");
        proofs.withdraw("tok-en_1");
        assert_eq!(proofs.find("/.well-known/acme-challenge/tok-en_1"), None);
    }
}
