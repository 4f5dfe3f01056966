//! `proxy`: asks an upstream and passes its answer on. An end of the chain. The request's content and the response's both stream;
//! whoever is slow slows the other side down.
//!
//! [`forward`] makes the message fit for the next hop, [`target`] knows where the upstreams are and how to reach them, this file decides
//! what is tried, how often, and what a failure means to the client.

pub mod forward;
pub mod target;

use std::rc::Rc;
use std::time::Duration;

use edgeway_base::{Blamed, ByteCount};
use edgeway_http::h1::machine::ClientLimits;
use edgeway_http::semantics::via::MaxForwards;
use edgeway_http::semantics::{FieldName, Method, RequestHead, ResponseHead, Status, via};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::tunnel;
use edgeway_net::drive::upstream::{Call, CallContext, CallError, CallTimeouts, Outgoing, Reply};
use edgeway_net::drive::{Body, BodyFailure, Response};

use crate::exchange::Exchange;
use crate::limits::{
    ATTEMPTS_MAX, CONNECT_TIMEOUT, FIRST_BYTE_TIMEOUT, IDLE_TIMEOUT, INFORMATIONAL_MAX, TUNNEL_IDLE_TIMEOUT,
};
use crate::page;
use crate::plan::End;
use crate::stages::respond;
use forward::Upgrade;
use target::Target;

/// How a proxied route behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an upstream may take to accept a connection (and to shake hands).
    pub connect_timeout: Duration,
    /// How long it may think before its response begins.
    pub first_byte_timeout: Duration,
    /// How long content may stand still.
    pub idle_timeout: Duration,
    /// How long a tunnel may be silent.
    pub tunnel_idle_timeout: Duration,
    /// Times a request is tried, the first included.
    pub attempts: u32,
    /// The Host the upstream sees; `None` passes the client's on.
    pub host: Option<Box<str>>,
    /// Our name in Via: one no other hop has, so that a loop is noticed.
    pub pseudonym: Box<str>,
    /// Bounds of the upstream's messages.
    pub limits: ClientLimits,
    /// Addresses whose forwarding fields are kept and extended.
    pub trusted: edgeway_http::semantics::forwarded::TrustedPeers,
    /// Content kept in memory so that a request with content can be tried again; beyond it there is one try.
    pub replay_limit: ByteCount,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            first_byte_timeout: FIRST_BYTE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            tunnel_idle_timeout: TUNNEL_IDLE_TIMEOUT,
            attempts: ATTEMPTS_MAX,
            host: None,
            pseudonym: "edgeway".into(),
            limits: ClientLimits::default(),
            trusted: edgeway_http::semantics::forwarded::TrustedPeers::default(),
            replay_limit: ByteCount(0),
        }
    }
}

/// An end that asks upstreams.
pub struct Proxy {
    settings: Settings,
    targets: Vec<Target>,
}

impl Proxy {
    /// Asks one of `targets`, in turn. There must be at least one.
    pub const fn new(settings: Settings, targets: Vec<Target>) -> Self {
        Self { settings, targets }
    }

    async fn ask(&self, exchange: &mut Exchange) -> Response {
        if let Some(response) = self.answer_here(exchange) {
            return response;
        }
        let upgrade = match forward::prepare_request(exchange, &self.settings) {
            Ok(upgrade) => upgrade,
            Err(response) => return response,
        };
        let mut content = std::mem::take(&mut exchange.body);
        let first = exchange.edge.next_turn();
        let mut attempt = 0;
        loop {
            let target = &self.targets[first.wrapping_add(attempt as usize) % self.targets.len()];
            attempt += 1;
            exchange.notes.upstream = Some((Rc::clone(target.label()), attempt));
            let last = attempt >= self.settings.attempts;
            match self.attempt(exchange, target, content, upgrade.as_ref()).await {
                Ok(response) => return response,
                Err(Failure { again: Some(again), .. }) if !last => content = again,
                Err(Failure { error, .. }) => return self.failed(exchange, target, &error),
            }
        }
    }

    /// What a proxy answers itself: loops, and TRACE and OPTIONS that may go no further.
    fn answer_here(&self, exchange: &mut Exchange) -> Option<Response> {
        if via::is_loop(&exchange.head.fields, &self.settings.pseudonym) {
            return Some(page::explained(exchange, Status::LOOP_DETECTED, "This request has been here before."));
        }
        if matches!(exchange.head.method, Method::Options | Method::Trace) {
            match via::max_forwards(&exchange.head.fields) {
                MaxForwards::AnswerHere => return Some(respond::options(exchange, &[])),
                MaxForwards::Forward(left) => exchange.head.fields.set(FieldName::MaxForwards, left.to_string()),
                MaxForwards::Unlimited => {}
            }
        }
        None
    }

    /// One try on one connection.
    async fn attempt(
        &self,
        exchange: &mut Exchange,
        target: &Target,
        content: Body,
        upgrade: Option<&Upgrade>,
    ) -> Result<Response, Failure> {
        let metrics = std::sync::Arc::clone(exchange.edge.recorder().metrics());
        let now = exchange.edge.outside.now();
        let (connection, home) = match target.connect(exchange, &self.settings, now).await {
            Ok(connected) => connected,
            // Nothing was sent, so anything may be tried elsewhere.
            Err(error) => return Err(Failure { error, again: Some(content) }),
        };
        metrics.upstream_requests.add(1);
        let timeouts = CallTimeouts { first_byte: self.settings.first_byte_timeout, idle: self.settings.idle_timeout };
        let reply = std::mem::take(&mut exchange.reply);
        let outside = Rc::clone(&exchange.edge.outside);
        let outgoing = Outgoing { head: &exchange.head, content, reply };
        let mut call = Box::new(Call::new(connection, outgoing, CallContext { outside, timeouts, home, now }));
        let mut informational = 0;
        loop {
            match call.reply().await {
                Ok((Reply::Informational(head), Some(rest))) => {
                    informational += 1;
                    if informational > INFORMATIONAL_MAX {
                        return Err(Failure { error: CallError::TimedOut, again: None });
                    }
                    pass_informational(exchange, head);
                    call = rest;
                }
                Ok((Reply::Final(head, body), _)) => return Ok(passed(exchange, head, body)),
                Ok((Reply::Upgraded(head, upstream), _)) => {
                    let idle = self.settings.tunnel_idle_timeout;
                    return match upgrade.filter(|upgrade| upgrade.accepts(&head)) {
                        Some(_) => {
                            let mut response = passed_upgrade(exchange, head);
                            response.tunnel =
                                Some(Box::new(move |client| Box::pin(tunnel::run(client, Box::new(upstream), idle))));
                            Ok(response)
                        }
                        // 101 that nobody asked for, or that proves no handshake.
                        None => Err(Failure {
                            error: CallError::Failed(std::io::ErrorKind::InvalidData.into()),
                            again: None,
                        }),
                    };
                }
                Ok((Reply::Informational(_), None)) => {
                    return Err(Failure { error: CallError::TimedOut, again: None });
                }
                Err((error, mut call)) => {
                    metrics.upstream_failures.add(1);
                    let again = may_repeat(&exchange.head, &error, &call).then(|| call.reclaim_content());
                    return Err(Failure { error, again });
                }
            }
        }
    }

    /// The status that tells the client what went wrong behind us.
    fn failed(&self, exchange: &mut Exchange, target: &Target, error: &CallError) -> Response {
        tracing::debug!(upstream = %target.label(), %error, blame = ?error.blame(), "proxying failed");
        let status = match error {
            CallError::TimedOut => Status::GATEWAY_TIMEOUT,
            CallError::Failed(error) if error.kind() == std::io::ErrorKind::TimedOut => Status::GATEWAY_TIMEOUT,
            CallError::Failed(_) | CallError::Malformed(_) => Status::BAD_GATEWAY,
            CallError::Content(error) => match error.failure {
                BodyFailure::TimedOut => Status::REQUEST_TIMEOUT,
                BodyFailure::TooLarge => Status::CONTENT_TOO_LARGE,
                BodyFailure::Disconnected | BodyFailure::Malformed => Status::BAD_REQUEST,
                BodyFailure::Local => Status::INTERNAL_SERVER_ERROR,
            },
        };
        page::error(exchange, status)
    }
}

impl End for Proxy {
    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(self.ask(exchange))
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[]
    }
}

/// A failed try; with what it takes to try again, where that is allowed.
struct Failure {
    error: CallError,
    again: Option<Body>,
}

/// A request may be sent a second time when its content is untouched, and the first time either never left or can do
/// no harm twice (RFC 9110 §9.2.2), and failed before a response began.
fn may_repeat(head: &RequestHead, error: &CallError, call: &Call) -> bool {
    error.may_retry() && call.content_untouched() && (call.nothing_sent() || head.method.is_idempotent())
}

fn pass_informational(exchange: &Exchange, mut head: ResponseHead) {
    // 100 belongs to our own conversation with the upstream: the client got ours when its content was wanted.
    if head.status != Status::CONTINUE
        && let Some(link) = &exchange.link
    {
        forward::prepare_response(&mut head, exchange);
        link.send_informational(&head);
    }
}

fn passed(exchange: &mut Exchange, mut head: ResponseHead, body: Body) -> Response {
    exchange.notes.passed_through = true;
    forward::prepare_response(&mut head, exchange);
    Response { head, body, tunnel: None }
}

fn passed_upgrade(exchange: &mut Exchange, mut head: ResponseHead) -> Response {
    exchange.notes.passed_through = true;
    let protocol = head.fields.get(FieldName::Upgrade).map(<[u8]>::to_vec).unwrap_or_default();
    forward::prepare_response(&mut head, exchange);
    head.fields.append(FieldName::Connection, "Upgrade");
    head.fields.append(FieldName::Upgrade, protocol);
    Response { head, body: Body::Empty, tunnel: None }
}
