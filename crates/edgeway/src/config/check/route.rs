//! Routes: one action each, keys that belong to it, a way in.

use super::Check;
use edgeway_tls::limits::LEAF_LIFETIME_MAX;

use crate::config::raw::{Auth, AuthScheme, Headers, Issue, Route};
use crate::config::read::{Located, Value as _};

impl Check<'_> {
    pub(super) fn route(&mut self, route: &Located<Route>) {
        self.one_action(route);
        self.keys_belong(route);
        self.rewrite_and_stars(route);
        self.store_is_guarded(route);
        if let Some(folder) = route.files.as_ref().or(route.store.as_ref()) {
            self.folder(folder);
        }
        if let Some(proxy) = &route.proxy {
            self.proxy(proxy);
        }
        if let Some(auth) = &route.auth {
            self.auth(auth);
        }
        if let Some(issue) = &route.issue {
            self.issue(route, issue);
        }
        for headers in route.headers.iter().chain(&route.request_headers) {
            self.headers(headers);
        }
        for index in route.index.iter().filter(|index| index.contains('/') || index.is_empty()) {
            let message = format!("`{}` is not the name of a file", index.value);
            self.found.error(index.span.clone(), message, "expected a name like \"index.html\"");
        }
    }

    fn store_is_guarded(&mut self, route: &Located<Route>) {
        let open = route.open.as_ref().is_some_and(|open| open.value);
        let Some(store) = &route.store else { return };
        if route.auth.is_none() && !open {
            self.found.error(
                store.span.clone(),
                "anyone could change the files of this store: PUT, PATCH and DELETE do not check who asks",
                "expected `auth` beside it",
            );
            self.found.advise("add `auth = { users = \"users.htpasswd\" }`, or `open = true` if that is what you want");
        }
        if route.auth.is_some() && open {
            let span = route.open.as_ref().map_or(0..0, |open| open.span.clone());
            self.found.warning(span, "`open` does nothing beside `auth`", "remove one of them");
        }
    }

    fn issue(&mut self, route: &Route, issue: &Located<Issue>) {
        if issue.names.is_empty() && !self.has_gaps {
            let message = "`issue` needs to know for which names";
            self.found.error(issue.span.clone(), message, "add `names = [\"*.lan\"]`");
        }
        let below = |path: &str| path.ends_with("/*") && path.matches('*').count() == 1;
        if !matches!(&route.path[..], [path] if below(path.as_str())) {
            let message = "a route that issues is for everything below one folder";
            self.found.error(issue.span.clone(), message, "expected a `path` like \"/acme/*\"");
        }
        if issue.lifetime.0 > LEAF_LIFETIME_MAX || issue.lifetime.0.is_zero() {
            let message = format!("`lifetime` of {} is not one for a certificate", issue.lifetime.value);
            self.found.error(issue.lifetime.span.clone(), message, "expected at most \"90d\"");
        }
        if !self.serves_https() {
            // RFC 8555 §6.1: use of HTTPS is required.
            self.found.error(issue.span.clone(), "ACME is spoken over HTTPS only", "add `https` to [listen]");
        }
        let routes = self.configuration.site.iter().flat_map(|(_, site)| &site.route);
        let first = routes.filter_map(|route| route.issue.as_ref()).next();
        if let Some(first) = first.filter(|first| first.span != issue.span) {
            let line = self.source.place(first.span.start).line;
            let message = format!("there already is a route that issues, in line {line}");
            self.found.error(issue.span.clone(), message, "one authority keeps one book");
        }
    }

    fn auth(&mut self, auth: &Located<Auth>) {
        self.readable_file(&auth.users);
        if auth.scheme.value == AuthScheme::Basic && !self.serves_https() {
            let span = if auth.scheme.span.is_empty() { auth.span.clone() } else { auth.scheme.span.clone() };
            self.found.warning(
                span,
                "passwords travel readable for everyone on the way",
                "scheme \"basic\" belongs on HTTPS: add `https` to [listen], or use \"digest\"",
            );
        }
        if auth.realm.as_str().contains('"') {
            self.found.error(auth.realm.span.clone(), "a realm cannot hold a quotation mark", "");
        }
    }

    fn headers(&mut self, headers: &Located<Headers>) {
        let changed = headers.set.iter().chain(headers.add.iter()).map(|(name, _)| name).chain(&headers.remove);
        for name in changed.filter(|name| name.belongs_to_connection()) {
            // RFC 9110 §7.6.1; RFC 9112 §6: a wrong one splits or joins messages.
            let message = format!("`{}` cannot be changed by hand", name.value);
            self.found.error(name.span.clone(), message, "it steers the connection itself");
        }
        if headers.set.is_empty() && headers.add.is_empty() && headers.remove.is_empty() {
            let expected = Headers::expected();
            self.found.warning(headers.span.clone(), "this changes no header field", format!("expected {expected}"));
        }
    }
}
