//! `redirect`: of a whole site, of plain HTTP to HTTPS, and of a route. The first two are asked by the chain; the third is an end.

use edgeway_http::semantics::forwarded::TrustedPeers;
use edgeway_http::semantics::{FieldName, Method, Scheme, Status};
use edgeway_net::drive::Response;
use edgeway_net::drive::outside::Boxed;

use crate::exchange::Exchange;
use crate::page;
use crate::plan::{End, Site};
use crate::routes::Matcher;

/// Where a site has moved, or its HTTPS self; `None` when it answers here.
pub fn site(exchange: &mut Exchange, site: &Site, trusted: &TrustedPeers) -> Option<Response> {
    if let Some(redirect) = &site.redirect {
        let location = format!("{}{}", redirect.to, exchange.head.target());
        return Some(page::redirect(exchange, redirect.status, &location));
    }
    let port = site.https_port?;
    // A proxy in front of us that ended TLS has already done what we would ask for.
    if exchange.head.scheme == Scheme::Https || exchange.origin(trusted).scheme == Some(Scheme::Https) {
        return None;
    }
    if exchange.head.host().is_empty() {
        // HTTP/1.0 without Host: there is no name to redirect to, and none is made up (RFC 9110 §15.5.27: 426 asks for
        // another protocol on this connection's resource).
        let mut response = page::explained(exchange, Status::UPGRADE_REQUIRED, "This site is served over HTTPS only.");
        response.head.fields.append(FieldName::Upgrade, "TLS/1.2, HTTP/1.1");
        response.head.fields.append(FieldName::Connection, "Upgrade");
        return Some(response);
    }
    let host = exchange.head.host();
    let location = match port {
        443 => format!("https://{host}{}", exchange.head.target()),
        port => format!("https://{host}:{port}{}", exchange.head.target()),
    };
    Some(page::redirect(exchange, Status::PERMANENT_REDIRECT, &location))
}

/// A route's redirect.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Where to: absolute or a path; `*` stands for what the route's star took, `{path}` and `{query}` for the request's.
    pub to: String,
    /// 301, 302, 303, 307 or 308.
    pub status: Status,
    /// The route's patterns, for the star.
    pub matcher: Matcher,
}

impl End for Redirect {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        let path = exchange.path.as_str();
        let rest =
            self.matcher.paths.iter().find(|pattern| pattern.matches(path)).map_or("", |pattern| pattern.rest(path));
        // All of these are in encoded form: nothing a client sends can become a line break in Location.
        let mut location = self.to.replacen('*', rest, 1).replace("{path}", path);
        let query = exchange.head.query();
        if location.contains("{query}") {
            location = location.replace("{query}", query.unwrap_or_default());
        } else if let Some(query) = query
            && !location.contains('?')
        {
            location = format!("{location}?{query}");
        }
        Some(page::redirect(exchange, self.status, &location))
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move { page::redirect(exchange, self.status, &self.to) })
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[]
    }
}
