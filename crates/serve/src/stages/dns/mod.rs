//! `dns = true`: DNS over HTTPS as an end (RFC 8484). GET brings the query in the target, POST as content; the answer may be
//! kept as long as its shortest-lived record.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use edgeway_dns::wire::{Message, RecordType};
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};

use crate::exchange::Exchange;
use crate::page;
use crate::plan::End;
use crate::stages::respond;

/// RFC 8484 §6.
const MEDIA_TYPE: &str = "application/dns-message";

/// The name service as an end of a route.
#[derive(Clone, Copy, Debug)]
pub struct Dns;

impl End for Dns {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        match exchange.head.method {
            Method::Get | Method::Head => Some(match query_of_target(exchange.head.target()) {
                Some(query) => answer(exchange, &query),
                None => page::explained(
                    exchange,
                    Status::BAD_REQUEST,
                    "The target has no `dns=` with a query in base64url.",
                ),
            }),
            Method::Post => None,
            Method::Options => Some(respond::options(exchange, METHODS)),
            _ => Some(respond::method_not_allowed(exchange, METHODS)),
        }
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move {
            let content_type = exchange.head.fields.get(FieldName::ContentType).unwrap_or_default();
            // RFC 8484 §4.1: no parameters are defined for it.
            if !content_type.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes()) {
                return page::explained(exchange, Status::UNSUPPORTED_MEDIA_TYPE, "Expected application/dns-message.");
            }
            let mut body = std::mem::take(&mut exchange.body);
            match body.collect(edgeway_dns::limits::MESSAGE_BYTES_MAX).await {
                Ok(query) => answer(exchange, &query),
                Err(_) => page::error(exchange, Status::CONTENT_TOO_LARGE),
            }
        })
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        METHODS
    }
}

const METHODS: &[Method] = &[Method::Get, Method::Post];

/// RFC 8484 §4.1: the variable `dns`, base64url without padding.
fn query_of_target(target: &str) -> Option<Vec<u8>> {
    let (_, query) = target.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("dns="))?;
    URL_SAFE_NO_PAD.decode(value).ok()
}

fn answer(exchange: &mut Exchange, query: &[u8]) -> Response {
    let Some(names) = exchange.edge.names() else { return page::error(exchange, Status::SERVICE_UNAVAILABLE) };
    let mut buffer = vec![0; edgeway_dns::limits::MESSAGE_BYTES_MAX];
    let Some(length) = names.answer_over_https(query, exchange.peer(), &mut buffer) else {
        return page::explained(exchange, Status::BAD_REQUEST, "This is no DNS query that one message can answer.");
    };
    let answer = Bytes::copy_from_slice(&buffer[..length]);
    let mut response = exchange.respond(Status::OK);
    response.head.fields.append(FieldName::ContentType, MEDIA_TYPE);
    response.head.fields.append(FieldName::CacheControl, format!("max-age={}", lifetime(&answer)));
    response.body = Body::Full(answer);
    response
}

/// RFC 8484 §5.1: at most the smallest TTL of the answer section, or how long a denial may be kept.
fn lifetime(answer: &[u8]) -> u32 {
    let Ok(message) = Message::decode(answer) else { return 0 };
    let answers = message.answers().map(|record| record.ttl()).min();
    let denial = || message.authority().find(|record| record.record_type() == RecordType::SOA).map(|soa| soa.ttl());
    answers.or_else(denial).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_042_the_query_of_a_target() {
        for (target, expected) in [
            // The example of RFC 8484 §4.1.1.
            ("/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB", Some(33)),
            ("/dns-query?ct&dns=AAAB", Some(3)),
            ("/dns-query?dns=AAABA===", None),
            ("/dns-query?dns=AA+B", None),
            ("/dns-query?name=x", None),
            ("/dns-query", None),
        ] {
            assert_eq!(query_of_target(target).map(|query| query.len()), expected, "{target}");
        }
    }
}
