//! The ready-made configuration: sites, routes, and the objects that answer. The binary builds one for each worker from the
//! checked configuration; the chain walks through it and asks no options.

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use edgeway_base::ByteCount;
use edgeway_http::semantics::forwarded::TrustedPeers;
use edgeway_http::semantics::{Fields, Method, Status};
use edgeway_net::drive::Response;
use edgeway_net::drive::outside::Boxed;
use edgeway_tls::server::RuleId;

use crate::exchange::Exchange;
use crate::routes::Matcher;
use crate::stages::headers::Edits;
use crate::stages::rewrite::Rewrite;

/// Everything a worker serves.
#[derive(Default)]
pub struct Plan {
    exact: HashMap<Box<str>, Rc<Site>>,
    /// `*.example.com` under `example.com`.
    wildcard: HashMap<Box<str>, Rc<Site>>,
    fallback: Option<Rc<Site>>,
    /// Proxies in front of us whose word about the client is believed.
    pub trusted: TrustedPeers,
    /// Answers `/.well-known/acme-challenge/` before any site does.
    pub challenges: Option<Rc<dyn End>>,
}

impl Plan {
    /// Serves `site` under `host`: `example.com`, `*.example.com`, or `*` for every host without a site.
    pub fn add(&mut self, host: &str, site: Rc<Site>) {
        let host = host.to_ascii_lowercase();
        match host.strip_prefix("*.") {
            _ if host == "*" => self.fallback = Some(site),
            Some(parent) => _ = self.wildcard.insert(parent.into(), site),
            None => _ = self.exact.insert(host.into_boxed_str(), site),
        }
    }

    /// The site of a canonical host: exact, then the longest wildcard, then the fallback.
    pub fn site(&self, host: &str) -> Option<&Rc<Site>> {
        if let Some(site) = self.exact.get(host) {
            return Some(site);
        }
        if !self.wildcard.is_empty() {
            let mut rest = host;
            while let Some((_, parent)) = rest.split_once('.') {
                if let Some(site) = self.wildcard.get(parent) {
                    return Some(site);
                }
                rest = parent;
            }
        }
        self.fallback.as_ref()
    }
}

/// One site.
#[derive(Default)]
pub struct Site {
    /// Its name in the configuration, for logs and metrics.
    pub name: Box<str>,
    /// Where all of it has moved, if it has.
    pub redirect: Option<SiteRedirect>,
    /// Port of the HTTPS listener to which plain HTTP is redirected, if it is.
    pub https_port: Option<u16>,
    /// Fields of every response under HTTPS: Strict-Transport-Security, Alt-Svc.
    pub secure_fields: Fields,
    /// Which set of client-certificate rules a connection must have satisfied.
    pub client_rule: RuleId,
    /// Own pages for statuses we answer ourselves.
    pub error_pages: HashMap<u16, ErrorPage>,
    /// In the order of the configuration; the first that matches answers.
    pub routes: Vec<Route>,
}

/// A site's own page for a status.
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// Its media type.
    pub content_type: Box<str>,
    /// The page.
    pub content: Bytes,
}

/// A site that has moved as a whole.
#[derive(Clone, Debug)]
pub struct SiteRedirect {
    /// Scheme and authority, without a slash at the end: `https://example.com`. Path and query are appended.
    pub to: Box<str>,
    /// 301, 302, 303, 307 or 308.
    pub status: Status,
}

/// One route of a site.
pub struct Route {
    /// Its patterns as written, for logs and metrics.
    pub name: Box<str>,
    /// Which requests it takes.
    pub matcher: Matcher,
    /// Content beyond this is 413.
    pub body_limit: Option<ByteCount>,
    /// Whether TRACE is answered (off unless asked for).
    pub trace: bool,
    /// Whether requests that may be replays are answered (RFC 8470).
    pub early_data: bool,
    /// What happens to the path before the end sees it.
    pub rewrite: Option<Rewrite>,
    /// What happens to the request's fields.
    pub request_edits: Edits,
    /// What happens to the response's fields.
    pub response_edits: Edits,
    /// What stands around the end, outermost first, in the order of [`crate::chain::LIST`].
    pub stages: Vec<Rc<dyn Stage>>,
    /// What answers.
    pub end: Rc<dyn End>,
}

/// What stands around an answer: does something before, something after, or answers itself.
pub trait Stage {
    /// Runs the stage where it and all below it can do without waiting: costs no allocation and no task. After `None` the
    /// whole way is gone again by [`Stage::around`], so nothing may have been used up.
    fn around_now(&self, _exchange: &mut Exchange, _next: Next<'_>) -> Option<Response> {
        None
    }

    /// Runs the stage; `next.run(exchange)` goes further down.
    fn around<'a>(&'a self, exchange: &'a mut Exchange, next: Next<'a>) -> Boxed<'a, Response>;
}

/// What answers.
pub trait End {
    /// The answer, where it can be given without waiting: costs no allocation and no task.
    fn answer_now(&self, _exchange: &mut Exchange) -> Option<Response> {
        None
    }

    /// The answer.
    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response>;

    /// The methods it knows for this request, for `Allow`; empty when another server decides.
    fn methods(&self, _exchange: &Exchange) -> &'static [Method] {
        &[Method::Get, Method::Head, Method::Options]
    }
}

/// The rest of the way down.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    stages: &'a [Rc<dyn Stage>],
    end: &'a dyn End,
}

impl<'a> Next<'a> {
    /// The whole way of a route.
    pub fn new(route: &'a Route) -> Self {
        Self { stages: &route.stages, end: &*route.end }
    }

    /// Goes down, where that can be done without waiting.
    pub fn run_now(self, exchange: &mut Exchange) -> Option<Response> {
        match self.stages.split_first() {
            Some((stage, stages)) => stage.around_now(exchange, Next { stages, end: self.end }),
            None => self.end.answer_now(exchange),
        }
    }

    /// Goes down.
    pub async fn run(self, exchange: &mut Exchange) -> Response {
        match self.stages.split_first() {
            Some((stage, stages)) => stage.around(exchange, Next { stages, end: self.end }).await,
            None => match self.end.answer_now(exchange) {
                Some(response) => response,
                None => self.end.answer(exchange).await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_before_wildcard_before_fallback() {
        let mut plan = Plan::default();
        for host in ["example.com", "*.example.com", "*.b.example.com", "*"] {
            plan.add(host, Rc::new(Site { name: host.into(), ..Site::default() }));
        }
        for (host, expected) in [
            ("example.com", "example.com"),
            ("www.example.com", "*.example.com"),
            ("x.b.example.com", "*.b.example.com"),
            ("b.example.com", "*.example.com"),
            ("other.org", "*"),
            ("", "*"),
        ] {
            assert_eq!(plan.site(host).map(|site| &*site.name), Some(expected), "{host}");
        }
        assert!(Plan::default().site("example.com").is_none());
    }
}
