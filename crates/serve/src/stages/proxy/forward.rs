//! Makes a message fit for the next hop (RFC 9110 §7.6): drops what belongs to this one, says who we are and who asked. Called by the
//! proxy before a request is sent and before a response is passed on.

use base64::Engine;
use edgeway_base::world::Address;
use edgeway_http::semantics::forwarded::{Passage, write_forwarding_fields};
use edgeway_http::semantics::hop_by_hop::{connection_has, remove_hop_by_hop};
use edgeway_http::semantics::via::append_via;
use edgeway_http::semantics::{BodyLength, FieldName, Method, ResponseHead, Status, Version};
use edgeway_net::drive::Response;
use sha1::{Digest, Sha1};

use super::Settings;
use crate::exchange::Exchange;
use crate::page;

/// A change of protocol the client asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upgrade {
    protocol: Vec<u8>,
    /// What a WebSocket server must answer with (RFC 6455 §4.2.2).
    websocket_accept: Option<String>,
}

impl Upgrade {
    /// Whether an upstream's 101 really agrees: the protocol asked for, and for WebSocket the proof.
    pub fn accepts(&self, head: &ResponseHead) -> bool {
        let agreed = head.fields.get_single(FieldName::Upgrade);
        agreed.is_some_and(|protocol| protocol.eq_ignore_ascii_case(&self.protocol))
            && self
                .websocket_accept
                .as_ref()
                .is_none_or(|proof| head.fields.get_single(FieldName::SecWebsocketAccept) == Some(proof.as_bytes()))
    }
}

/// Changes the request's head in place. Answers with the upgrade to pass on, if there is one.
pub fn prepare_request(exchange: &mut Exchange, settings: &Settings) -> Result<Option<Upgrade>, Response> {
    let upgrade = requested_upgrade(exchange)?;
    set_target(exchange);
    let trusted = settings.trusted.contains(exchange.peer());
    let port = match &exchange.connection.local {
        Address::Ip(address) => address.port(),
        Address::Unix(_) => exchange.head.scheme.default_port(),
    };
    let head = &mut *exchange.head;
    let wants_trailers = head.fields.members(FieldName::Te).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    remove_hop_by_hop(&mut head.fields);
    // The client got our own 100 (Continue) when we wanted its content.
    head.fields.remove(FieldName::Expect);
    if let Some(upgrade) = &upgrade {
        head.fields.append(FieldName::Connection, "Upgrade");
        head.fields.append(FieldName::Upgrade, &upgrade.protocol);
    } else if wants_trailers {
        head.fields.append(FieldName::Connection, "TE");
        head.fields.append(FieldName::Te, "trailers");
    }
    let (version, scheme) = (head.version, head.scheme);
    let (host, fields) = head.authority_and_fields();
    let peer = &*exchange.connection.peer_text;
    write_forwarding_fields(fields, &Passage { peer, scheme, host, port, trusted });
    append_via(fields, version, &settings.pseudonym);
    fields.set(FieldName::Host, settings.host.as_deref().unwrap_or(host));
    Ok(upgrade)
}

/// The upstream sees the path in the form that routes and rules were asked about.
fn set_target(exchange: &mut Exchange) {
    if exchange.head.path() == exchange.path.as_str() {
        return;
    }
    let target = match exchange.head.query() {
        Some(query) => format!("{}?{query}", exchange.path.as_str()),
        None => exchange.path.as_str().to_owned(),
    };
    exchange.head.set_target(target.as_bytes());
}

/// The upgrade the client asks for, where it is one to pass on. `h2c` never is: it has been used to speak past a proxy's
/// rules, and HTTP/2 without TLS is spoken by prior knowledge (RFC 9113 §3.1).
fn requested_upgrade(exchange: &mut Exchange) -> Result<Option<Upgrade>, Response> {
    if exchange.head.protocol.is_some() {
        return extended_connect(exchange).map(Some);
    }
    let head = &exchange.head;
    if head.version != Version::Http11 || !connection_has(&head.fields, "upgrade") {
        return Ok(None);
    }
    let Some(protocol) = head.fields.get_single(FieldName::Upgrade).map(<[u8]>::to_vec) else { return Ok(None) };
    if protocol.contains(&b',') || protocol.to_ascii_lowercase().starts_with(b"h2") {
        return Ok(None);
    }
    // Content before the new protocol begins is where the two sides come to disagree about where that is.
    if head.body != BodyLength::None {
        return Err(page::explained(
            exchange,
            Status::BAD_REQUEST,
            "A request that changes the protocol has no content.",
        ));
    }
    if !protocol.eq_ignore_ascii_case(b"websocket") {
        return Ok(Some(Upgrade { protocol, websocket_accept: None }));
    }
    if head.method != Method::Get {
        return Err(page::error(exchange, Status::BAD_REQUEST));
    }
    check_websocket_version(exchange)?;
    let head = &exchange.head;
    let Some(key) = head.fields.get_single(FieldName::SecWebsocketKey) else {
        return Err(page::error(exchange, Status::BAD_REQUEST));
    };
    let websocket_accept = Some(websocket_accept(key));
    Ok(Some(Upgrade { protocol, websocket_accept }))
}

/// A WebSocket over HTTP/2 or HTTP/3 (RFC 8441, RFC 9220), asked of an upstream that speaks HTTP/1.1: the handshake is made here.
fn extended_connect(exchange: &mut Exchange) -> Result<Upgrade, Response> {
    if exchange.head.protocol.is_none_or(|protocol| protocol.as_str() != "websocket") {
        return Err(page::explained(exchange, Status::NOT_IMPLEMENTED, "Only WebSocket is tunnelled here."));
    }
    check_websocket_version(exchange)?;
    let mut nonce = [0; 16];
    exchange.edge.outside.entropy().fill(&mut nonce);
    let key = base64::engine::general_purpose::STANDARD.encode(nonce);
    let head = &mut exchange.head;
    (head.method, head.protocol) = (Method::Get, None);
    head.fields.set(FieldName::SecWebsocketKey, &key);
    Ok(Upgrade { protocol: b"websocket".to_vec(), websocket_accept: Some(websocket_accept(key.as_bytes())) })
}

fn check_websocket_version(exchange: &mut Exchange) -> Result<(), Response> {
    if exchange.head.fields.get_single(FieldName::SecWebsocketVersion) == Some(b"13") {
        return Ok(());
    }
    // RFC 6455 §4.4.
    let mut response = page::error(exchange, Status::UPGRADE_REQUIRED);
    response.head.fields.append(FieldName::SecWebsocketVersion, "13");
    response.head.fields.append(FieldName::Connection, "Upgrade");
    response.head.fields.append(FieldName::Upgrade, "websocket");
    Err(response)
}

/// RFC 6455 §4.2.2: the hash that proves the server understood the handshake.
fn websocket_accept(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Changes a response's head in place.
pub fn prepare_response(head: &mut ResponseHead, exchange: &Exchange) {
    let received = Version::Http11;
    remove_hop_by_hop(&mut head.fields);
    append_via(&mut head.fields, received, exchange.edge.pseudonym());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6455_section_1_3_example() {
        assert_eq!(websocket_accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn hostile_016_a_101_counts_only_with_protocol_and_proof() {
        let upgrade = Upgrade { protocol: b"websocket".to_vec(), websocket_accept: Some("proof".into()) };
        let head = |protocol: &str, proof: &str| {
            ResponseHead::new(Status::SWITCHING_PROTOCOLS)
                .with(FieldName::Upgrade, protocol)
                .with(FieldName::SecWebsocketAccept, proof)
        };
        assert!(upgrade.accepts(&head("WebSocket", "proof")));
        assert!(!upgrade.accepts(&head("websocket", "other")));
        assert!(!upgrade.accepts(&head("tcp", "proof")));
        assert!(!upgrade.accepts(&ResponseHead::new(Status::SWITCHING_PROTOCOLS)));
    }
}
