//! `files`: a folder as an end. Called by the chain; hands on to `resource` (what a path leads to), `reply` (what is said
//! about it), `memory` (what need not be looked up again), `stream` (content from the disk) and `listing` (folders).
//!
//! A request first asks the worker's memory, which costs no system call; then the kernel's caches, still on the worker's
//! thread, with calls that promise not to wait (openat2 with RESOLVE_CACHED, preadv2 with RWF_NOWAIT); and only what has to come
//! from the disk goes to the blocking pool.

pub mod limits;
mod listing;
mod memory;
mod reply;
pub(crate) mod resource;
pub mod root;
#[cfg(test)]
pub(crate) mod scratch;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use edgeway_base::{Instant, WallTime};
use edgeway_http::semantics::negotiation::choose_media_type;
use edgeway_http::semantics::percent::{NormalPath, encode_segment};
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::Response;
use edgeway_net::drive::outside::Boxed;

use self::listing::Order;
use self::memory::{Bounds, Memory, Recollection};
use self::reply::Asked;
use self::resource::{Lookup, Resolution, Resource};
use self::root::{Patience, Refusal};
pub use self::settings::{Settings, Shared};
use crate::exchange::Exchange;
use crate::page;
use crate::plan::End;
use crate::stages::respond;

/// What a listing can be had as, the first where the client does not mind.
const LISTING_TYPES: [&str; 2] = ["text/html; charset=utf-8", "application/json"];

/// The methods of a file.
pub const METHODS: &[Method] = &[Method::Get, Method::Head, Method::Options];

/// A worker's files. The folder and the settings are shared by all workers, the memory is each one's own.
pub struct Files {
    shared: Arc<Shared>,
    memory: RefCell<Memory>,
    /// When the root was last compared with what its path leads to.
    root_checked: Cell<Instant>,
}

impl Files {
    /// One worker's end.
    pub fn new(shared: Arc<Shared>) -> Self {
        let settings = &shared.settings;
        let bounds =
            Bounds { bytes: settings.memory.0, count: limits::RESOURCES_MAX, descriptors: limits::DESCRIPTORS_MAX };
        let memory = Memory::new(bounds, settings.revalidate);
        Self { shared, memory: RefCell::new(memory), root_checked: Cell::new(Instant::ZERO) }
    }

    /// Forgets what is remembered of a path: it was just changed here.
    pub(crate) fn forget(&self, path: &NormalPath) {
        self.memory.borrow_mut().forget(path.as_str());
    }

    /// The whole answer. Without patience: `None` where something has to wait for the disk.
    fn attempt(&self, exchange: &mut Exchange) -> Option<Response> {
        if let Some(response) = refuse_method(exchange) {
            return Some(response);
        }
        self.check_root(exchange.received);
        if !self.shared.admits(&exchange.path) {
            return self.missing_now(exchange);
        }
        let path = exchange.path.as_str();
        let recollection = self.memory.borrow_mut().recall(path, exchange.received);
        let previous = match recollection {
            Recollection::Fresh(resource) => return Some(self.reply(exchange, &resource)),
            Recollection::Stale(resource) => Some(resource),
            Recollection::Nothing => None,
        };
        let wall = exchange.edge.outside.wall();
        let outcome = self
            .lookup(wall, Patience::Cached, previous.as_deref())
            .resolve(exchange.path.decoded(), exchange.path.has_trailing_slash());
        match outcome {
            Ok(Resolution::File(resource)) => Some(self.keep_and_reply(exchange, resource)),
            Ok(Resolution::WithoutSlash) => Some(add_slash(exchange)),
            Ok(Resolution::Folder(_)) | Err(Refusal::WouldBlock) => None,
            Err(Refusal::Missing) => {
                self.forget(&exchange.path);
                self.missing_now(exchange)
            }
            Err(refusal) => self.refused_now(exchange, refusal),
        }
    }

    /// The whole answer, with all the patience it takes.
    async fn wait(&self, exchange: &mut Exchange) -> Response {
        let found = if self.shared.admits(&exchange.path) {
            let (path, folder) = (exchange.path.decoded().to_vec(), exchange.path.has_trailing_slash());
            self.resolve_in_pool(exchange.edge.outside.wall(), path, folder).await
        } else {
            Err(Refusal::Missing)
        };
        match found {
            Ok(Resolution::File(resource)) => self.keep_and_reply(exchange, resource),
            Ok(Resolution::WithoutSlash) => add_slash(exchange),
            Ok(Resolution::Folder(folder)) => self.list(exchange, folder).await,
            Err(Refusal::Missing) => {
                self.forget(&exchange.path);
                if let Some(name) = self.fallback_for(exchange)
                    && let Ok(Resolution::File(resource)) =
                        self.resolve_in_pool(exchange.edge.outside.wall(), name.into_bytes(), false).await
                {
                    return self.reply(exchange, &resource);
                }
                self.error(exchange, Status::NOT_FOUND).await
            }
            Err(refusal) => self.error(exchange, status_of(refusal)).await,
        }
    }

    async fn resolve_in_pool(&self, now: WallTime, path: Vec<u8>, folder: bool) -> Result<Resolution, Refusal> {
        let shared = Arc::clone(&self.shared);
        let resolved = tokio::task::spawn_blocking(move || {
            let lookup = Lookup {
                root: &shared.root,
                settings: &shared.settings,
                now,
                patience: Patience::Blocking,
                previous: None,
            };
            lookup.resolve(&path, folder)
        });
        // A lookup that panicked is ours to answer for.
        resolved.await.unwrap_or(Err(Refusal::Broken))
    }

    fn lookup<'a>(&'a self, now: WallTime, patience: Patience, previous: Option<&'a Resource>) -> Lookup<'a> {
        Lookup { root: &self.shared.root, settings: &self.shared.settings, now, patience, previous }
    }

    fn keep_and_reply(&self, exchange: &mut Exchange, resource: Resource) -> Response {
        let resource = Rc::new(resource);
        self.memory.borrow_mut().keep(exchange.path.as_str(), Rc::clone(&resource), exchange.received);
        self.reply(exchange, &resource)
    }

    fn reply(&self, exchange: &mut Exchange, resource: &Resource) -> Response {
        let mut response = exchange.respond(Status::OK);
        let edge = Rc::clone(&exchange.edge);
        let asked = Asked { head: &exchange.head, settings: &self.shared.settings, now: edge.outside.wall() };
        match reply::reply(&asked, resource, &mut response.head, || edge.outside.entropy().next_u64()) {
            Ok(body) => {
                response.body = body;
                response
            }
            Err(status) => {
                exchange.reply = response.head;
                page::error(exchange, status)
            }
        }
    }

    /// 404, or what stands in for it, when all of it can be had without waiting.
    fn missing_now(&self, exchange: &mut Exchange) -> Option<Response> {
        match self.fallback_for(exchange) {
            Some(name) => {
                let resource = self.own_file(exchange, &name)?;
                Some(self.reply(exchange, &resource))
            }
            None => self.refused_now(exchange, Refusal::Missing),
        }
    }

    /// An error whose page can be had without waiting.
    fn refused_now(&self, exchange: &mut Exchange, refusal: Refusal) -> Option<Response> {
        let status = status_of(refusal);
        match self.shared.settings.error_pages.get(&status.code()) {
            None => Some(page::error(exchange, status)),
            Some(name) => {
                let resource = self.own_file(exchange, name)?;
                Some(self.error_with(exchange, status, &resource))
            }
        }
    }

    /// An error, with the page that the settings name for it where there is one.
    async fn error(&self, exchange: &mut Exchange, status: Status) -> Response {
        if let Some(name) = self.shared.settings.error_pages.get(&status.code())
            && let Ok(Resolution::File(resource)) =
                self.resolve_in_pool(exchange.edge.outside.wall(), name.clone().into_bytes(), false).await
        {
            return self.error_with(exchange, status, &resource);
        }
        page::error(exchange, status)
    }

    fn error_with(&self, exchange: &mut Exchange, status: Status, resource: &Resource) -> Response {
        let mut response = exchange.respond(status);
        let asked = Asked { head: &exchange.head, settings: &self.shared.settings, now: WallTime::default() };
        match reply::error_page(&asked, resource, &mut response.head) {
            Some(body) => {
                response.body = body;
                response
            }
            None => {
                exchange.reply = response.head;
                page::error(exchange, status)
            }
        }
    }

    /// A file that the settings name, from memory or the kernel's cache. Remembered under its path, as if it had been
    /// asked for.
    fn own_file(&self, exchange: &Exchange, name: &str) -> Option<Rc<Resource>> {
        let path = format!("/{name}");
        let previous = match self.memory.borrow_mut().recall(&path, exchange.received) {
            Recollection::Fresh(resource) => return Some(resource),
            Recollection::Stale(resource) => Some(resource),
            Recollection::Nothing => None,
        };
        let wall = exchange.edge.outside.wall();
        match self.lookup(wall, Patience::Cached, previous.as_deref()).resolve(name.as_bytes(), false) {
            Ok(Resolution::File(resource)) => {
                let resource = Rc::new(resource);
                self.memory.borrow_mut().keep(&path, Rc::clone(&resource), exchange.received);
                Some(resource)
            }
            _ => None,
        }
    }

    /// The file that stands in for a missing one, where the request looks like a person going somewhere.
    fn fallback_for(&self, exchange: &Exchange) -> Option<String> {
        let name = self.shared.settings.fallback.as_ref()?;
        let looks_like_a_file = exchange.path.name().is_some_and(|name| name.contains(&b'.'));
        let takes_html = choose_media_type(&exchange.head.fields, &["text/html"]).is_some();
        (takes_html && !looks_like_a_file && exchange.path.is_plain()).then(|| name.trim_start_matches('/').to_owned())
    }

    async fn list(&self, exchange: &mut Exchange, folder: OwnedFd) -> Response {
        let Some(choice) = choose_media_type(&exchange.head.fields, &LISTING_TYPES) else {
            return page::error(exchange, Status::NOT_ACCEPTABLE);
        };
        let (hidden, links) = (self.shared.settings.hidden, self.shared.settings.follow_links);
        let (order, path) = (Order::from_query(exchange.head.query()), exchange.path.as_str().to_owned());
        // Ten thousand lines take a few milliseconds to write: not on the worker's thread either.
        let written = tokio::task::spawn_blocking(move || {
            let mut listing = listing::read(&folder, hidden, links)?;
            listing.sort(order);
            Ok(if choice == 0 { listing.to_html(&path, order) } else { listing.to_json() })
        });
        let body = match written.await.unwrap_or(Err(Refusal::Broken)) {
            Ok(body) => body,
            Err(refusal) => return self.error(exchange, status_of(refusal)).await,
        };
        let mut response = exchange.respond(Status::OK);
        response.head.fields.append(FieldName::ContentType, LISTING_TYPES[choice]);
        response.head.fields.append(FieldName::Vary, "Accept");
        // What a folder holds changes without a sign that a cache could see.
        response.head.fields.append(FieldName::CacheControl, "no-cache");
        response.with_body(body)
    }

    /// At most once in a while: does the root's path lead elsewhere now?
    fn check_root(&self, now: Instant) {
        if now - self.root_checked.get() >= self.shared.settings.revalidate {
            self.root_checked.set(now);
            if self.shared.root.refresh() {
                self.memory.borrow_mut().clear();
            }
        }
    }
}

/// 405 and OPTIONS; `None` for GET and HEAD.
fn refuse_method(exchange: &mut Exchange) -> Option<Response> {
    match exchange.head.method {
        Method::Get | Method::Head => None,
        Method::Options => Some(respond::options(exchange, METHODS)),
        _ => Some(respond::method_not_allowed(exchange, METHODS)),
    }
}

/// 308 to the same path with a slash, the query kept. Relative, so that it is right behind a rewrite as well.
fn add_slash(exchange: &mut Exchange) -> Response {
    let name = encode_segment(exchange.path.name().unwrap_or_default());
    let query = exchange.head.query().map(|query| format!("?{query}")).unwrap_or_default();
    // RFC 3986 §4.2: `./` so that no name can be taken for a scheme.
    page::redirect(exchange, Status::PERMANENT_REDIRECT, &format!("./{name}/{query}"))
}

/// What the client is told.
pub(crate) const fn status_of(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Missing => Status::NOT_FOUND,
        Refusal::Forbidden => Status::FORBIDDEN,
        Refusal::WouldBlock | Refusal::Exhausted => Status::SERVICE_UNAVAILABLE,
        Refusal::Broken => Status::INTERNAL_SERVER_ERROR,
    }
}

impl End for Files {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        self.attempt(exchange)
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(self.wait(exchange))
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        METHODS
    }
}
