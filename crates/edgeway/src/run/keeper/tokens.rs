//! Answers to an ACME server's visits on port 80 (RFC 8555 §8.3): entered by the keeper, given by every worker before any site
//! or redirect is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgeway_http::semantics::{FieldName, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};
use edgeway_serve::exchange::Exchange;
use edgeway_serve::plan::End;

use crate::limits::TOKENS_MAX;

/// Tokens and what is answered to them.
#[derive(Debug, Default)]
pub struct Tokens {
    answers: Mutex<HashMap<String, String>>,
}

impl Tokens {
    /// Answers `token` with `key_authorization` from now on; `false` when too many are answered already.
    pub fn insert(&self, token: &str, key_authorization: &str) -> bool {
        let mut answers = self.lock();
        if answers.len() >= TOKENS_MAX && !answers.contains_key(token) {
            return false;
        }
        answers.insert(token.to_owned(), key_authorization.to_owned());
        true
    }

    /// Answers `token` no more.
    pub fn remove(&self, token: &str) {
        self.lock().remove(token);
    }

    /// What is answered to `token`. Hostile matrix 86: it is looked up, never taken for a path.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // Every change is one insertion or removal: a panic elsewhere leaves nothing half done.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that gives the answers.
pub struct TokenEnd(pub Arc<Tokens>);

impl End for TokenEnd {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        let token = exchange.path.as_str().rsplit('/').next().unwrap_or_default();
        let answer = self.0.answer(token)?;
        let mut response = exchange.respond(Status::OK);
        // RFC 8555 §8.3: the media type is recommended, the content is the key authorization.
        response.head.fields.append(FieldName::ContentType, "application/octet-stream");
        response.body = Body::from(answer);
        Some(response)
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move { exchange.respond(Status::NOT_FOUND) })
    }
}
