//! `respond`: a fixed answer as an end; and the answers the chain gives itself: OPTIONS, TRACE, 405.

use bytes::{BufMut, BytesMut};
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};

use crate::exchange::Exchange;
use crate::page;
use crate::plan::{End, Route};

/// A fixed answer.
#[derive(Clone, Debug)]
pub struct Respond {
    /// Its status.
    pub status: Status,
    /// Its media type, where it has content.
    pub content_type: String,
    /// Its content.
    pub content: bytes::Bytes,
}

impl End for Respond {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        if exchange.head.method == Method::Options {
            return Some(options(exchange, &[Method::Get, Method::Head]));
        }
        let mut response = exchange.respond(self.status);
        if !self.content.is_empty() && !self.status.forbids_content() {
            response.head.fields.append(FieldName::ContentType, &self.content_type);
            response.body = Body::Full(self.content.clone());
        }
        Some(response)
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move { exchange.respond(self.status) })
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[]
    }
}

/// `OPTIONS *`: what the server as a whole can do (RFC 9110 §9.3.7).
pub fn options_of_server(exchange: &mut Exchange) -> Response {
    let mut response = exchange.respond(Status::NO_CONTENT);
    response.head.fields.append(FieldName::Allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    response
}

/// OPTIONS of a resource.
pub fn options(exchange: &mut Exchange, methods: &[Method]) -> Response {
    let mut response = exchange.respond(Status::NO_CONTENT);
    response.head.fields.append(FieldName::Allow, allow(methods));
    response
}

/// 405 with the methods that would have been right (RFC 9110 §15.5.6); 501 for a method that we do not know at all
/// (RFC 9110 §9.1).
pub fn method_not_allowed(exchange: &mut Exchange, methods: &[Method]) -> Response {
    if matches!(exchange.head.method, Method::Extension(_)) {
        return page::error(exchange, Status::NOT_IMPLEMENTED);
    }
    let mut response = page::error(exchange, Status::METHOD_NOT_ALLOWED);
    response.head.fields.append(FieldName::Allow, allow(methods));
    response
}

/// The value of Allow: each method once, HEAD with GET, and OPTIONS.
pub fn allow(methods: &[Method]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let implied = methods.contains(&Method::Get).then_some(Method::Head);
    let all = methods.iter().copied().chain(implied).chain([Method::Options]).collect::<Vec<_>>();
    for method in &all {
        if !names.contains(&method.as_str()) {
            names.push(method.as_str());
        }
    }
    names.join(", ")
}

/// TRACE (RFC 9110 §9.3.8): off unless the route turns it on; never echoes what a script must not read (cross-site tracing).
pub fn trace(exchange: &mut Exchange, route: &Route) -> Response {
    if !route.trace {
        let methods = route.end.methods(exchange);
        return method_not_allowed(exchange, methods);
    }
    if exchange.head.body != edgeway_http::semantics::BodyLength::None {
        // RFC 9110 §9.3.8: a client must not send content in a TRACE request.
        return page::error(exchange, Status::BAD_REQUEST);
    }
    let head = &exchange.head;
    let mut echo = BytesMut::new();
    echo.put_slice(format!("{} {} {}\r\n", head.method, head.target(), head.version.as_str()).as_bytes());
    for field in head.fields.iter() {
        // RFC 9110 §9.3.8: fields with credentials are excluded.
        if matches!(field.known, FieldName::Cookie | FieldName::Authorization | FieldName::ProxyAuthorization) {
            continue;
        }
        echo.put_slice(field.name.as_bytes());
        echo.put_slice(b": ");
        echo.put_slice(field.value);
        echo.put_slice(b"\r\n");
    }
    echo.put_slice(b"\r\n");
    let mut response = exchange.respond(Status::OK);
    response.head.fields.append(FieldName::ContentType, "message/http");
    response.body = Body::Full(echo.freeze());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_names_each_method_once() {
        assert_eq!(allow(&[Method::Get, Method::Post, Method::Get]), "GET, POST, HEAD, OPTIONS");
        assert_eq!(allow(&[]), "OPTIONS");
    }
}
