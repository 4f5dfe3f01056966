//! The opening handshake (RFC 6455 §4), both sides, over HTTP/1.1; over HTTP/2 and HTTP/3 an extended CONNECT
//! (RFC 8441, RFC 9220) takes its place and needs only the version and the protocol. Called by stages and
//! by the client; hands heads on to the dialects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeway_base::Entropy;
use sha1::{Digest, Sha1};

use super::deflate;
use crate::error::Refusal;
use crate::semantics::{FieldName, Method, RequestHead, ResponseHead, Status, Version};

/// The only version of the protocol (RFC 6455 §4.1).
const VERSION: &str = "13";

/// What RFC 6455 §1.3 appends to the key.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of a key before base64 (RFC 6455 §4.1).
const KEY_LENGTH: usize = 16;

/// Whether a request asks for a WebSocket at all: an Upgrade to it, or an extended CONNECT.
pub fn is_asked(head: &RequestHead) -> bool {
    match head.version {
        Version::Http10 => false,
        Version::Http11 => {
            head.fields.members(FieldName::Upgrade).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
        }
        Version::Http2 | Version::Http3 => head.protocol.is_some_and(|protocol| protocol.as_str() == "websocket"),
    }
}

/// Answers a request that [asks](is_asked) for a WebSocket: with 101, or with 200 to an extended CONNECT. Of the
/// subprotocols the client offers, the first that `speaks` answers true for is chosen.
///
/// # Errors
/// 400 for a request that is no handshake, 426 for another version (RFC 6455 §4.2.1 and §4.4). The response
/// to 426 needs `Sec-WebSocket-Version: 13`; [`refusal_head`] writes it.
pub fn accept(head: &RequestHead, mut speaks: impl FnMut(&str) -> bool) -> Result<ResponseHead, Refusal> {
    const fn bad(reason: &'static str) -> Refusal {
        Refusal { status: Status::BAD_REQUEST, reason }
    }
    if head.fields.get_single(FieldName::SecWebsocketVersion) != Some(VERSION.as_bytes()) {
        let reason = "only version 13 of WebSocket is spoken here";
        return Err(Refusal { status: Status::UPGRADE_REQUIRED, reason });
    }
    let mut response = if head.version == Version::Http11 {
        if head.method != Method::Get {
            return Err(bad("a WebSocket is asked for with GET"));
        }
        let key = head.fields.get_single(FieldName::SecWebsocketKey).filter(|key| is_key(key));
        let key = key.ok_or(bad("Sec-WebSocket-Key is not sixteen bytes in base64"))?;
        ResponseHead::new(Status::SWITCHING_PROTOCOLS)
            .with(FieldName::Upgrade, "websocket")
            .with(FieldName::SecWebsocketAccept, accept_value(key))
    } else {
        // RFC 8441 §5: key and accept have no part in an extended CONNECT.
        ResponseHead::new(Status::OK)
    };
    if let Some(answer) = deflate::answer_offers(&head.fields) {
        response.fields.append(FieldName::SecWebsocketExtensions, answer);
    }
    let mut offered = head.fields.members(FieldName::SecWebsocketProtocol);
    if let Some(chosen) = offered.find(|protocol| str::from_utf8(protocol).is_ok_and(&mut speaks)) {
        response.fields.append(FieldName::SecWebsocketProtocol, chosen);
    }
    Ok(response)
}

/// Whether the response to a handshake agrees on compressed messages: what [`WebSocketConnection`] must be told.
///
/// [`WebSocketConnection`]: super::machine::WebSocketConnection
pub fn is_compressed(response: &ResponseHead) -> bool {
    response.fields.contains(FieldName::SecWebsocketExtensions)
}

/// The head to refuse a handshake with.
pub fn refusal_head(refusal: Refusal) -> ResponseHead {
    let head = ResponseHead::new(refusal.status);
    if refusal.status == Status::UPGRADE_REQUIRED {
        return head.with(FieldName::SecWebsocketVersion, VERSION).with(FieldName::Upgrade, "websocket");
    }
    head
}

/// A client's half-done handshake over HTTP/1.1: remembers what the server must prove.
#[derive(Clone, Debug)]
pub struct ClientHandshake {
    accept: String,
}

impl ClientHandshake {
    /// Adds the handshake to a GET, with a fresh key, offering `protocols`.
    pub fn begin(head: &mut RequestHead, protocols: &[&str], entropy: &mut dyn Entropy) -> Self {
        let mut nonce = [0; KEY_LENGTH];
        entropy.fill(&mut nonce);
        let key = STANDARD.encode(nonce);
        head.fields.set(FieldName::Upgrade, "websocket");
        head.fields.set(FieldName::SecWebsocketVersion, VERSION);
        head.fields.set(FieldName::SecWebsocketKey, &key);
        head.fields.set(FieldName::SecWebsocketExtensions, deflate::OFFER);
        if !protocols.is_empty() {
            head.fields.set(FieldName::SecWebsocketProtocol, protocols.join(", "));
        }
        Self { accept: accept_value(key.as_bytes()) }
    }

    /// Whether the 101 is an answer to this handshake (RFC 6455 §4.1): the key proven, no extension but as it was
    /// offered, and at most one protocol. That the protocol was offered is the caller's to check.
    pub fn is_accepted(&self, head: &ResponseHead) -> bool {
        let upgrade = head.fields.get_single(FieldName::Upgrade);
        head.status == Status::SWITCHING_PROTOCOLS
            && upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
            && head.fields.get_single(FieldName::SecWebsocketAccept) == Some(self.accept.as_bytes())
            && deflate::is_answer_acceptable(&head.fields)
            && head.fields.members(FieldName::SecWebsocketProtocol).count() <= 1
    }
}

/// RFC 6455 §4.2.2: proof that the server read the key as a WebSocket key.
pub fn accept_value(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_SUFFIX).finalize())
}

fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == KEY_LENGTH)
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;

    fn request(fields: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        head.fields.append(FieldName::Upgrade, "WebSocket");
        for (name, value) in fields {
            head.fields.append_named(name, value);
        }
        head
    }

    #[test]
    fn rfc_6455_section_1_3_example() {
        let head = request(&[
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", "chat, superchat"),
            ("Sec-WebSocket-Version", "13"),
        ]);
        assert!(is_asked(&head));
        let response = accept(&head, |protocol| protocol == "superchat").unwrap();
        assert_eq!(response.status, Status::SWITCHING_PROTOCOLS);
        assert_eq!(response.fields.get(FieldName::SecWebsocketAccept), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        assert_eq!(response.fields.get(FieldName::SecWebsocketProtocol), Some(&b"superchat"[..]));
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let version = ("Sec-WebSocket-Version", "13");
        for (fields, status) in [
            (&[key][..], 426),
            (&[key, ("Sec-WebSocket-Version", "8")], 426),
            (&[version], 400),
            (&[version, ("Sec-WebSocket-Key", "c2hvcnQ=")], 400),
            (&[version, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ")], 400),
            (&[version, key, key], 400),
        ] {
            let refusal = accept(&request(fields), |_| false).unwrap_err();
            assert_eq!(refusal.status.code(), status, "{fields:?}");
            assert_eq!(refusal_head(refusal).fields.contains(FieldName::SecWebsocketVersion), status == 426);
        }
    }

    #[test]
    fn hostile_016_a_client_wants_its_key_proven() {
        let mut head = RequestHead::default();
        let handshake = ClientHandshake::begin(&mut head, &["a", "b"], &mut SeededEntropy::new(1));
        let response = accept(&head, |protocol| protocol == "b").unwrap();
        assert!(handshake.is_accepted(&response));
        for (name, value) in [
            (FieldName::SecWebsocketAccept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            (FieldName::SecWebsocketExtensions, "permessage-deflate"),
            (FieldName::SecWebsocketExtensions, "x-webkit-deflate-frame"),
            (FieldName::Upgrade, "tls"),
        ] {
            let mut wrong = response.clone();
            wrong.fields.set(name, value);
            assert!(!handshake.is_accepted(&wrong), "{name:?}");
        }
    }
}
