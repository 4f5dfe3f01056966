//! A route, made ready: which requests, what they get, and how.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::{ByteCount, World as _};
use edgeway_http::semantics::Status;
use edgeway_http::semantics::authentication::Algorithm;
use edgeway_http::semantics::negotiation::ContentCoding;
use edgeway_net::os::Kernel;
use edgeway_serve::routes::{FieldCondition, Matcher};
use edgeway_serve::stages::admit::users::Users;
use edgeway_serve::stages::headers::Edits;
use edgeway_serve::stages::redirect::Redirect;
use edgeway_serve::stages::respond::Respond;
use edgeway_serve::stages::rewrite::Rewrite;
use edgeway_serve::stages::{admit, files, store, transform};

use super::Making;
use super::issue::Issue;
use super::proxy::Proxy;
use crate::config::raw::{self, AuthScheme, Symlinks};
use crate::config::read::Located;
use crate::config::words::{FilePath, Host};

/// One route.
pub struct Route {
    /// Its patterns as written.
    pub name: String,
    /// Which requests it takes.
    pub matcher: Matcher,
    /// The largest request body.
    pub body_limit: ByteCount,
    /// Whether TRACE is answered.
    pub trace: bool,
    /// Whether early data is answered.
    pub early_data: bool,
    /// What happens to the path.
    pub rewrite: Option<Rewrite>,
    /// What happens to the request's fields.
    pub request_edits: Edits,
    /// What happens to the response's fields.
    pub response_edits: Edits,
    /// Who may come in; `None` for everyone.
    pub admit: Option<Arc<admit::Shared>>,
    /// How responses are compressed; `None` for not at all.
    pub transform: Option<transform::Settings>,
    /// What it answers with.
    pub end: End,
}

/// What a route answers with.
pub enum End {
    /// The files of a folder.
    Files(Arc<files::Shared>),
    /// The files of a folder, which clients may change.
    Store(Arc<store::Shared>),
    /// Other servers.
    Proxy(Proxy),
    /// Another place.
    Redirect(Redirect),
    /// The name service.
    Dns,
    /// A fixed answer.
    Respond(Respond),
    /// Certificates for other machines.
    Issue(Arc<Issue>),
}

impl Making<'_> {
    pub(super) fn route(&mut self, route: &Located<raw::Route>, host: &Host, https_port: Option<u16>) -> Option<Route> {
        let matcher = matcher(route);
        let admit = match &route.auth {
            Some(auth) => Some(self.admit(auth)?),
            None => None,
        };
        let end = match &route.issue {
            Some(issue) => End::Issue(self.issue(route, issue, host, https_port)),
            None => self.end(route, &matcher)?,
        };
        let early_data = route.early_data.as_ref().is_some_and(|switch| switch.value);
        let limit = route.limit_body.as_ref().map_or(self.raw.limits.body_size.0, |limit| limit.0);
        Some(Route {
            name: route.path.iter().map(|path| path.to_string()).collect::<Vec<_>>().join(" "),
            matcher,
            body_limit: limit,
            trace: route.trace.as_ref().is_some_and(|switch| switch.value),
            early_data,
            rewrite: route.rewrite.as_ref().and_then(|rewrite| self::rewrite(rewrite)),
            request_edits: route.request_headers.as_ref().map(|headers| edits(headers)).unwrap_or_default(),
            response_edits: route.headers.as_ref().map(|headers| edits(headers)).unwrap_or_default(),
            admit,
            transform: route.compress.as_ref().and_then(|compress| transform(compress)),
            end,
        })
    }

    fn admit(&mut self, auth: &Located<raw::Auth>) -> Option<Arc<admit::Shared>> {
        let (file, span) = (auth.users.as_path(), &auth.users.span);
        let text = self.read(file, span)?;
        let scheme = match auth.scheme.value {
            AuthScheme::Basic => admit::Scheme::Basic,
            // RFC 7616 §3.7: the strongest first; a client takes the first it knows.
            AuthScheme::Digest => admit::Scheme::Digest(vec![Algorithm::Sha256, Algorithm::Md5]),
        };
        let allow = auth.allow.iter().map(|name| name.value.clone()).collect::<BTreeSet<_>>();
        let settings = admit::Settings {
            realm: auth.realm.as_str().to_owned(),
            scheme,
            allow: (!allow.is_empty()).then_some(allow),
        };
        let users = Users::parse(&String::from_utf8_lossy(&text)).map_err(|invalid| invalid.to_string());
        let made = users.and_then(|users| admit::Shared::new(settings, users, &mut *Kernel::new().entropy()));
        made.map_err(|sentence| self.found.error(span.clone(), format!("{}: {sentence}", file.display()), "")).ok()
    }

    fn end(&mut self, route: &raw::Route, matcher: &Matcher) -> Option<End> {
        if route.dns.as_ref().is_some_and(|dns| dns.value) {
            return Some(End::Dns);
        }
        if route.files.is_some() {
            return self.files(route).map(End::Files);
        }
        if let Some(folder) = &route.store {
            return self.store(route, folder).map(End::Store);
        }
        if let Some(proxy) = &route.proxy {
            return self.proxy(proxy).map(End::Proxy);
        }
        if let Some(redirect) = &route.redirect {
            let (to, status) = (redirect.to.as_str().to_owned(), status(redirect.status.0));
            return Some(End::Redirect(Redirect { to, status, matcher: matcher.clone() }));
        }
        route.respond.as_ref().map(|respond| End::Respond(self::respond(&respond.0)))
    }

    fn files(&mut self, route: &raw::Route) -> Option<Arc<files::Shared>> {
        let folder = route.files.as_ref()?;
        let on = |switch: &Option<Located<bool>>| switch.as_ref().is_some_and(|switch| switch.value);
        let mut settings = files::Settings::new(self.source.resolve(folder.as_path()));
        if !route.index.is_empty() {
            settings.index = route.index.iter().map(|index| index.value.clone()).collect();
        }
        settings.listing = on(&route.listing);
        settings.hidden = on(&route.hidden);
        settings.follow_links = route.symlinks.as_ref().is_some_and(|links| links.value == Symlinks::Inside);
        settings.cache_control = route.cache_control.as_ref().map(|value| value.as_str().to_owned());
        settings.fallback = route.fallback.as_ref().map(|path| path.trim_start_matches('/').to_owned());
        settings.compressed_later = route.compress.as_ref().is_some_and(|compress| transform(compress).is_some());
        let place = settings.root.clone();
        let opened = files::Shared::open(settings);
        opened
            .map_err(|error| {
                let message = format!("{} cannot be served: {error}", place.display());
                self.found.error(folder.span.clone(), message, "expected a folder that this user may read");
            })
            .ok()
    }
}

impl Making<'_> {
    fn store(&mut self, route: &raw::Route, folder: &Located<FilePath>) -> Option<Arc<store::Shared>> {
        let mut settings = store::Settings::new(self.source.resolve(folder.as_path()));
        settings.file_limit = route.limit_body.as_ref().map_or(self.raw.limits.body_size.0, |limit| limit.0);
        settings.quota = route.quota.as_ref().map(|quota| quota.0);
        settings.listing = route.listing.as_ref().is_some_and(|switch| switch.value);
        if let Some(value) = &route.cache_control {
            settings.cache_control = Some(value.as_str().to_owned());
        }
        let place = settings.root.clone();
        let opened = store::Shared::open(settings, &mut *Kernel::new().entropy());
        opened
            .map_err(|error| {
                let message = format!("{} cannot be a store: {error}", place.display());
                self.found.error(folder.span.clone(), message, "expected a folder that this user may write to");
            })
            .ok()
    }
}

fn matcher(route: &raw::Route) -> Matcher {
    let condition = |(name, value): &(Located<crate::config::words::FieldName>, crate::config::words::Wildcard)| {
        FieldCondition { name: name.as_str().to_owned(), value: value.condition().map(str::to_owned) }
    };
    Matcher {
        paths: route.path.iter().map(|path| path.value.0.clone()).collect(),
        methods: route.method.iter().map(|method| method.value.0).collect(),
        fields: route.header.iter().map(condition).collect(),
    }
}

fn rewrite(rewrite: &raw::Rewrite) -> Option<Rewrite> {
    let strip = rewrite.strip_prefix.as_ref().map(|prefix| Rewrite::StripPrefix(prefix.value.clone()));
    let add = || rewrite.add_prefix.as_ref().map(|prefix| Rewrite::AddPrefix(prefix.value.clone()));
    let to = || rewrite.to.as_ref().map(|to| Rewrite::To(to.value.clone()));
    strip.or_else(add).or_else(to)
}

fn edits(headers: &raw::Headers) -> Edits {
    let pairs = |entries: &[(Located<crate::config::words::FieldName>, crate::config::words::FieldValue)]| {
        entries.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned())).collect()
    };
    Edits {
        remove: headers.remove.iter().map(|name| name.as_str().to_owned()).collect(),
        set: pairs(&headers.set),
        add: pairs(&headers.add),
    }
}

fn respond(respond: &raw::RespondTable) -> Respond {
    Respond {
        status: status(respond.status.0),
        content_type: respond.content_type.as_str().to_owned(),
        content: respond.body.clone().map(Bytes::from).unwrap_or_default(),
    }
}

fn transform(compress: &raw::Compress) -> Option<transform::Settings> {
    let coding = |coding: &raw::Coding| match coding {
        raw::Coding::Zstd => ContentCoding::Zstd,
        raw::Coding::Brotli => ContentCoding::Brotli,
        raw::Coding::Gzip => ContentCoding::Gzip,
    };
    match compress {
        raw::Compress::Switch(false) => None,
        raw::Compress::Switch(true) => Some(transform::Settings::default()),
        raw::Compress::With(codings) => Some(transform::Settings {
            codings: codings.iter().map(coding).collect(),
            ..transform::Settings::default()
        }),
    }
}

/// A status code that the raw form has found to be one.
pub(super) fn status(code: u16) -> Status {
    Status::new(code).unwrap_or(Status::INTERNAL_SERVER_ERROR)
}
