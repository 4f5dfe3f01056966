//! `rewrite`: changes the path before the end sees it. Called by the chain when a route is entered; what it makes is normalised
//! again, so a rewrite cannot climb out of anything.

use edgeway_http::semantics::Status;
use edgeway_net::drive::Response;

use crate::exchange::Exchange;
use crate::page;
use crate::routes::Matcher;

/// One way to change a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// Takes a prefix away: `/api` makes `/api/v1` into `/v1`.
    StripPrefix(String),
    /// Puts a prefix in front.
    AddPrefix(String),
    /// Another path. `*` in it stands for what the last star of the route's pattern took. A query in it replaces the client's.
    To(String),
}

impl Rewrite {
    /// Does it.
    pub fn apply(&self, exchange: &mut Exchange, matcher: &Matcher) -> Result<(), Response> {
        let path = exchange.path.as_str();
        let rewritten = match self {
            Self::StripPrefix(prefix) => match path.strip_prefix(prefix.trim_end_matches('/')) {
                Some("") => "/".to_owned(),
                Some(rest) if rest.starts_with('/') => rest.to_owned(),
                // The prefix ends inside a segment: `/api` is no prefix of `/apiary`.
                _ => return Ok(()),
            },
            Self::AddPrefix(prefix) => format!("{}{path}", prefix.trim_end_matches('/')),
            Self::To(target) => {
                let rest =
                    matcher.paths.iter().find(|pattern| pattern.matches(path)).map_or("", |pattern| pattern.rest(path));
                target.replacen('*', rest, 1)
            }
        };
        let (path, query) = match rewritten.split_once('?') {
            Some((path, query)) if matches!(self, Self::To(_)) => (path, Some(query)),
            _ => (rewritten.as_str(), exchange.head.query()),
        };
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        if exchange.notes.rewritten_from.is_none() {
            exchange.notes.rewritten_from = Some(exchange.head.target().into());
        }
        exchange.head.set_target(target.as_bytes());
        if exchange.path.set(path).is_err() {
            return Err(page::error(exchange, Status::BAD_REQUEST));
        }
        Ok(())
    }
}
