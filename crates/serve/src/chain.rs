//! THE LIST: every request walks it from top to bottom and its response comes back from bottom to top. The order of the whole
//! server stands on this page.

use std::rc::Rc;

use edgeway_http::semantics::{BodyLength, FieldName, Method, Scheme, Status};
use edgeway_net::drive::{Answer, Answering, Body, Request, Response};
use edgeway_tls::server::RuleId;

use crate::edge::Edge;
use crate::exchange::{Exchange, Ticket};
use crate::page;
use crate::plan::{Next, Plan, Site};
use crate::stages::{body_limit, redirect, respond};

/// The stages by name, outermost first, each with the reason for its place. The configuration puts a route's stages in this
/// order whatever the order of its keys.
pub const LIST: &[(&str, &str)] = &[
    ("record", "sees everything, also what the stages below refuse"),
    ("guard", "nothing below meets a path, a host or a method that has no meaning here"),
    ("redirect", "a site that moved, or wants HTTPS, says so before anybody is asked for a password"),
    ("route", "from here on the site's own rules hold"),
    ("rewrite", "stages below see the path and the fields the application will see"),
    ("admit", "nobody unknown costs an upstream, a disk or a cache anything"),
    ("transform", "compresses what any end answers, once"),
    ("files | store | proxy | dns | respond", "the ends: exactly one answers"),
];

/// Walks a request through the list.
pub fn handle(edge: &Rc<Edge>, request: Request) -> Answering<Ticket> {
    let plan = edge.plan();
    let mut exchange = Exchange::new(request, Rc::clone(edge));
    let (site, number) = match guard(&mut exchange, &plan) {
        Ok(found) => found,
        Err(response) => return Answering::Now(finish(exchange, None, response)),
    };
    let route = &site.routes[number];
    exchange.notes.route = Some((Rc::clone(&site), number));
    if let Err(response) = enter(&mut exchange, &site, number) {
        return Answering::Now(finish(exchange, Some((&site, number)), response));
    }
    if let Some(response) = Next::new(route).run_now(&mut exchange) {
        return Answering::Now(finish(exchange, Some((&site, number)), response));
    }
    Answering::Later(Box::pin(async move {
        let mut guard = crate::stages::record::AbortGuard::new(exchange);
        let response = Next::new(&site.routes[number]).run(guard.exchange()).await;
        finish(guard.disarm(), Some((&site, number)), response)
    }))
}

/// Finds the site and the route, or answers at once.
fn guard(exchange: &mut Exchange, plan: &Plan) -> Result<(Rc<Site>, usize), Response> {
    let method = exchange.head.method;
    if method == Method::Connect && exchange.head.protocol.is_none() {
        return Err(page::explained(exchange, Status::NOT_IMPLEMENTED, "This server opens no tunnels."));
    }
    if method == Method::Options && exchange.head.path() == "*" {
        return Err(respond::options_of_server(exchange));
    }
    let target = std::mem::take(&mut exchange.path);
    let (target, normal) = normalise(target, exchange.head.path());
    exchange.path = target;
    if let Err(why) = normal {
        return Err(page::explained(exchange, Status::BAD_REQUEST, why));
    }
    if let Some(challenges) = &plan.challenges
        && exchange.path.as_str().starts_with("/.well-known/acme-challenge/")
        && let Some(response) = challenges.answer_now(exchange)
    {
        return Err(response);
    }
    let Some(site) = plan.site(exchange.head.host()) else {
        return Err(page::explained(exchange, Status::MISDIRECTED_REQUEST, "No site of this name is served here."));
    };
    // A connection that showed no certificate must not reach a site that asks for one by naming it in Host only.
    if site.client_rule != RuleId::NONE
        && exchange.connection.tls.as_ref().is_none_or(|tls| tls.client_rule != site.client_rule)
    {
        return Err(page::explained(exchange, Status::MISDIRECTED_REQUEST, "This site asks for a client certificate."));
    }
    if let Some(response) = redirect::site(exchange, site, &plan.trusted) {
        return Err(response);
    }
    find_route(exchange, site).map(|number| (Rc::clone(site), number))
}

fn normalise(
    mut path: edgeway_http::semantics::percent::NormalPath,
    text: &str,
) -> (edgeway_http::semantics::percent::NormalPath, Result<(), &'static str>) {
    let result = path.set(text).map_err(|error| error.as_str());
    (path, result)
}

/// The first route that takes path, fields and method; when only the method was wrong, 405 with what would be right.
fn find_route(exchange: &mut Exchange, site: &Site) -> Result<usize, Response> {
    let path = exchange.path.as_str();
    let mut other_methods = Vec::new();
    for (number, route) in site.routes.iter().enumerate() {
        if !route.matcher.matches_path(path) || !route.matcher.matches_fields(&exchange.head) {
            continue;
        }
        if route.matcher.matches_method(exchange.head.method) {
            return Ok(number);
        }
        other_methods.extend_from_slice(&route.matcher.methods);
    }
    Err(match (other_methods.is_empty(), exchange.head.method) {
        (true, _) => page::error(exchange, Status::NOT_FOUND),
        (false, Method::Options) => respond::options(exchange, &other_methods),
        (false, _) => respond::method_not_allowed(exchange, &other_methods),
    })
}

/// What every route does before its own stages.
fn enter(exchange: &mut Exchange, site: &Site, number: usize) -> Result<(), Response> {
    let route = &site.routes[number];
    if exchange.head.method == Method::Trace {
        return Err(respond::trace(exchange, route));
    }
    // RFC 8470 §5.2: a request that a front server took in early data may be a replay.
    if exchange.head.fields.contains(FieldName::EarlyData) && !(route.early_data && exchange.head.method.is_safe()) {
        return Err(page::error(exchange, Status::TOO_EARLY));
    }
    if exchange.head.fields.contains(FieldName::Expect) && !exchange.head.expects_continue() {
        // RFC 9110 §10.1.1: the only expectation there is.
        return Err(page::error(exchange, Status::EXPECTATION_FAILED));
    }
    if exchange.head.body != BodyLength::None
        && let Some(limit) = route.body_limit
    {
        body_limit::apply(exchange, limit)?;
    }
    if let Some(rewrite) = &route.rewrite {
        rewrite.apply(exchange, &route.matcher)?;
    }
    route.request_edits.apply(&mut exchange.head.fields);
    Ok(())
}

/// The way back up: what every response gets, and the split into what is sent and what is recorded.
fn finish(exchange: Exchange, found: Option<(&Rc<Site>, usize)>, mut response: Response) -> Answer<Ticket> {
    let edge = Rc::clone(&exchange.edge);
    if let Some((site, number)) = found {
        let status = response.head.status;
        if status.is_error()
            && !exchange.notes.passed_through
            && let Some(own) = site.error_pages.get(&status.code())
        {
            response.head.fields.set(FieldName::ContentType, &*own.content_type);
            response.body = Body::Full(own.content.clone());
        }
        site.routes[number].response_edits.apply(&mut response.head.fields);
        if exchange.head.scheme == Scheme::Https && !site.secure_fields.is_empty() {
            for field in site.secure_fields.iter() {
                response.head.fields.set_named(field.name, field.value);
            }
        }
    }
    edge.sign(&mut response.head.fields, exchange.notes.passed_through);
    Answer { response, ticket: exchange.into_ticket() }
}

/// Answers a request the machine refused: it has no meaning, so it walks no further than the record.
pub fn refuse(edge: &Rc<Edge>, request: Request, status: Status, reason: &'static str) -> Answer<Ticket> {
    let mut exchange = Exchange::new(request, Rc::clone(edge));
    let response = page::explained(&mut exchange, status, reason);
    finish(exchange, None, response)
}
