//! The authority's desk: takes requests from our own HTTP server to the ACME machine, keeps the machine's state before anybody hears the
//! answer, and sends the visitor out. An end of a plan, as the admin address is one.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use edgeway_base::ByteCount;
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::{Boxed, Outside};
use edgeway_net::drive::{Body, Response};
use edgeway_serve::exchange::Exchange;
use edgeway_serve::page;
use edgeway_serve::plan::{End, Plan, Route, Site};
use edgeway_serve::routes::{Matcher, PathPattern};
use edgeway_serve::stages::headers::Edits;
use edgeway_tls::acme::exchange;
use edgeway_tls::acme::server::{Server, Shown, Validation};
use edgeway_tls::limits::ACME_BODY_BYTES_MAX;

use super::visit::Visitor;
use crate::state::State;

/// Accounts, orders and certificates, in the state folder. Holds no private keys.
pub const STATE_FILE: &str = "authority/acme.json";

/// The machine and what it needs.
pub struct Desk {
    server: RefCell<Server>,
    base: String,
    outside: Rc<dyn Outside>,
    state: State,
    visitor: Rc<Visitor>,
    /// One writes at a time, so that the later state is never overwritten by the earlier.
    writing: tokio::sync::Mutex<()>,
}

/// The plan of the listener: every host and path leads to the desk, for signed are URLs in their one form.
pub fn plan(desk: Rc<Desk>) -> Plan {
    let route = Route {
        name: "acme".into(),
        matcher: Matcher { paths: PathPattern::parse("/*").into_iter().collect(), ..Matcher::default() },
        body_limit: Some(ByteCount(ACME_BODY_BYTES_MAX as u64)),
        trace: false,
        early_data: false,
        rewrite: None,
        request_edits: Edits::default(),
        response_edits: Edits::default(),
        stages: Vec::new(),
        end: Rc::new(DeskEnd(desk)),
    };
    let mut plan = Plan::default();
    plan.add("*", Rc::new(Site { name: "acme".into(), routes: vec![route], ..Site::default() }));
    plan
}

impl Desk {
    /// A desk for `server`, whose URLs begin with `base`.
    pub fn new(server: Server, base: String, outside: Rc<dyn Outside>, state: State, visitor: Visitor) -> Rc<Self> {
        Rc::new(Self {
            server: RefCell::new(server),
            base,
            outside,
            state,
            visitor: Rc::new(visitor),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Sends the visitor to every machine that says its proof is ready.
    pub fn make_visits(self: &Rc<Self>) {
        while let Some(validation) = self.next_visit() {
            let desk = Rc::clone(self);
            tokio::task::spawn_local(async move {
                let shown = desk.visitor.visit(&validation).await;
                match &shown {
                    Shown::Nothing(_, why) => tracing::warn!(why, "a proof was not found"),
                    Shown::Http { .. } | Shown::Tls { .. } => {
                        tracing::info!(name = %validation.name, "looked at a proof");
                    }
                }
                desk.server.borrow_mut().handle_validation(desk.outside.wall(), &validation.id, &shown);
                if let Err(error) = desk.keep().await {
                    tracing::error!(%error, "the state of the authority cannot be kept");
                }
            });
        }
    }

    fn next_visit(&self) -> Option<Validation> {
        self.server.borrow_mut().poll_event()
    }

    /// Writes the state, if it changed.
    async fn keep(&self) -> std::io::Result<()> {
        let _turn = self.writing.lock().await;
        if !self.server.borrow_mut().take_changed() {
            return Ok(());
        }
        let (state, exported) = (self.state.clone(), self.server.borrow().export());
        let written = tokio::task::spawn_blocking(move || state.write(STATE_FILE, &exported)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    async fn take(self: &Rc<Self>, exchange: &mut Exchange) -> Response {
        let method = match exchange.head.method {
            Method::Get => exchange::Method::Get,
            Method::Head => exchange::Method::Head,
            Method::Post => exchange::Method::Post,
            _ => return not_with_this_method(exchange),
        };
        let mut content = std::mem::take(&mut exchange.body);
        let Ok(body) = content.collect(ACME_BODY_BYTES_MAX).await else {
            return page::error(exchange, Status::CONTENT_TOO_LARGE);
        };
        let request = exchange::Request {
            method,
            url: format!("{}{}", self.base, exchange.head.target()),
            content_type: exchange.head.fields.get_str(FieldName::ContentType).map(str::to_owned),
            body: body.to_vec(),
        };
        let answer = {
            let mut entropy = self.outside.entropy();
            self.server.borrow_mut().handle_request(self.outside.wall(), &mut *entropy, &request)
        };
        // What a client is told must not be forgotten by a crash.
        if let Err(error) = self.keep().await {
            tracing::error!(%error, "the state of the authority cannot be kept");
            return page::error(exchange, Status::INTERNAL_SERVER_ERROR);
        }
        self.make_visits();
        respond(exchange, answer)
    }
}

struct DeskEnd(Rc<Desk>);

impl End for DeskEnd {
    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(self.0.take(exchange))
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[Method::Get, Method::Head, Method::Post]
    }
}

fn respond(exchange: &mut Exchange, answer: exchange::Response) -> Response {
    let status = Status::new(answer.status).unwrap_or(Status::INTERNAL_SERVER_ERROR);
    let mut response = exchange.respond(status);
    for (name, value) in &answer.fields {
        response.head.fields.append_named(name, value);
    }
    if !status.forbids_content() {
        response.body = Body::from(Bytes::from(answer.body));
    }
    response
}

fn not_with_this_method(exchange: &mut Exchange) -> Response {
    let mut response = page::error(exchange, Status::METHOD_NOT_ALLOWED);
    response.head.fields.append(FieldName::Allow, "GET, HEAD, POST");
    response
}
