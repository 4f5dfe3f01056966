//! The small pages we make ourselves: errors and redirects. Used by the chain and by stages; a site's own error pages take their
//! place.

use bytes::Bytes;
use edgeway_http::semantics::{FieldName, Status};
use edgeway_net::drive::{Body, Response};

use crate::exchange::Exchange;

/// A response whose content says what the status means, for a person.
pub fn error(exchange: &mut Exchange, status: Status) -> Response {
    explained(exchange, status, "")
}

/// The same with a sentence of explanation. `why` is ours, never the client's words.
pub fn explained(exchange: &mut Exchange, status: Status, why: &str) -> Response {
    let mut response = exchange.respond(status);
    if !status.forbids_content() {
        response.head.fields.append(FieldName::ContentType, "text/html; charset=utf-8");
        response.body = Body::Full(render(status, why));
    }
    response
}

/// A redirect to `location`, which is already encoded.
pub fn redirect(exchange: &mut Exchange, status: Status, location: &str) -> Response {
    let mut response = exchange.respond(status);
    response.head.fields.append(FieldName::Location, location);
    response.body = Body::Empty;
    response
}

/// The page itself: no outside resources, readable in the dark.
pub fn render(status: Status, why: &str) -> Bytes {
    let (code, reason) = (status.code(), status.reason());
    let mut page = String::with_capacity(512);
    page.push_str("<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content=\"light dark\">");
    page.push_str("<meta name=viewport content=\"width=device-width\"><title>");
    page.push_str(&format!(
        "{code} {reason}</title><style>body{{font:1rem/1.5 system-ui;margin:15vh auto;max-width:36rem;padding:0 1rem}}"
    ));
    page.push_str(&format!("h1{{font-weight:500}}</style><h1>{code} {reason}</h1>"));
    if !why.is_empty() {
        page.push_str(&format!("<p>{}", escape(why)));
    }
    page.push('\n');
    Bytes::from(page)
}

/// Text made safe between tags and inside quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
