//! Lies in messages, by the numbers of the security matrix (19 to 25): what must never reach an HTTP/1.1 server.

use edgeway_http::h2::{ErrorCode, Limits, ServerEvent};
use edgeway_http::semantics::{BodyLength, FieldName, Method, TargetForm};

use super::peer::{GET, POST, Peer, with};

/// Sends a request and gives what became of stream 1: `None`, a request the driver sees.
fn refusal(lines: &[(&str, &str)], ends: bool) -> Option<ErrorCode> {
    let mut peer = Peer::new();
    peer.headers(1, lines, ends);
    peer.drain();
    assert_eq!(peer.go_away_code(), None, "{lines:?}: a bad message costs its stream only");
    assert_eq!(peer.requests().is_empty(), !peer.resets().is_empty(), "{lines:?}");
    peer.resets().first().map(|(_, code)| *code)
}

#[test]
fn hostile_019_content_that_is_not_as_long_as_content_length() {
    for (length, pieces, expected) in [
        ("5", &[(&b"hello"[..], true)][..], None),
        ("5", &[(b"hel", false), (b"lo", true)], None),
        ("5", &[(b"hello", false), (b"", true)], None),
        ("5", &[(b"hell", true)], Some(ErrorCode::PROTOCOL_ERROR)),
        ("5", &[(b"hello!", true)], Some(ErrorCode::PROTOCOL_ERROR)),
        ("5", &[(b"hello", false), (b"!", false)], Some(ErrorCode::PROTOCOL_ERROR)),
        ("0", &[(b"", true)], None),
        ("0", &[(b"x", true)], Some(ErrorCode::PROTOCOL_ERROR)),
    ] {
        let mut peer = Peer::new();
        peer.headers(1, &with(POST, &[("content-length", length)]), false);
        pieces.iter().for_each(|(data, ends)| peer.data(1, data, *ends));
        peer.drain();
        assert_eq!(peer.resets().first().map(|(_, code)| *code), expected, "{length} {pieces:?}");
        let ended = peer.events.iter().any(|event| matches!(event, ServerEvent::End { .. }));
        assert_eq!(ended, expected.is_none(), "a lie never ends as a whole message");
    }
    for (length, expected) in [
        ("5", Some(ErrorCode::PROTOCOL_ERROR)),
        ("0", None),
        ("+5", Some(ErrorCode::PROTOCOL_ERROR)),
        ("5,5", Some(ErrorCode::PROTOCOL_ERROR)),
        ("", Some(ErrorCode::PROTOCOL_ERROR)),
        ("0x5", Some(ErrorCode::PROTOCOL_ERROR)),
        ("99999999999999999999", Some(ErrorCode::PROTOCOL_ERROR)),
    ] {
        assert_eq!(refusal(&with(POST, &[("content-length", length)]), true), expected, "{length}");
    }
    let two = [("content-length", "5"), ("content-length", "6")];
    assert_eq!(refusal(&with(POST, &two), false), Some(ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refusal(&with(POST, &[two[0], two[0]]), false), None, "the same twice is the same");
    let mut peer = Peer::new();
    peer.headers(1, &with(POST, &two[..1]), false);
    peer.headers(1, &[("x-trailer", "1")], true);
    peer.drain();
    assert_eq!(peer.resets(), [(1, ErrorCode::PROTOCOL_ERROR)], "trailers instead of content");
}

#[test]
fn hostile_020_transfer_encoding() {
    for (name, value, expected) in [
        ("transfer-encoding", "chunked", Some(ErrorCode::PROTOCOL_ERROR)),
        ("transfer-encoding", "identity", Some(ErrorCode::PROTOCOL_ERROR)),
        ("te", "trailers", None),
        ("te", "gzip", Some(ErrorCode::PROTOCOL_ERROR)),
        ("te", "trailers, chunked", Some(ErrorCode::PROTOCOL_ERROR)),
    ] {
        assert_eq!(refusal(&with(POST, &[(name, value)]), false), expected, "{name}: {value}");
    }
}

#[test]
fn hostile_021_fields_of_an_http_1_connection() {
    for name in ["connection", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(refusal(&with(GET, &[(name, "close")]), true), Some(ErrorCode::PROTOCOL_ERROR), "{name}");
    }
}

#[test]
fn hostile_022_bytes_and_pseudo_header_fields() {
    let bad = Some(ErrorCode::PROTOCOL_ERROR);
    for (name, value) in [
        ("x-a", "b\r\nx: y"),
        ("x-a", "b\nc"),
        ("x-a", "b\0c"),
        ("x-a", "b\x7fc"),
        ("x-a", "b\x01"),
        ("x-a", " b"),
        ("x-a", "b "),
        ("x-a", "\tb"),
        ("x-\r\na", "b"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("X-A", "b"),
        ("Host", "example.com"),
        ("", "b"),
        ("x\u{e9}", "b"),
        (":x", "b"),
        (":status", "200"),
        (":path", "/"),
    ] {
        assert_eq!(refusal(&with(GET, &[(name, value)]), true), bad, "{name:?}: {value:?}");
    }
    let request = |method, scheme, authority, path| {
        refusal(&[(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)], true)
    };
    for path in ["", "a", "/a b", "/a\r\nb", "/a\tb", "*", "/a#b", "/\u{e9}", "http://a/", "/\x7f"] {
        assert_eq!(request("GET", "https", "example.com", path), bad, "{path:?}");
    }
    for method in ["", "G ET", "GET\r\n", "G=T", "G:T", "METHOD-LONGER-THAN-ANY-OTHER"] {
        assert_eq!(request(method, "https", "example.com", "/"), bad, "{method:?}");
    }
    for authority in ["", "u@example.com", "u:p@example.com", "a,b", "a b", "a/b", "h:99999", "[::1", "a\\b"] {
        assert_eq!(request("GET", "https", authority, "/"), bad, "{authority:?}");
    }
    for scheme in ["", "ftp", "https ", "file"] {
        assert_eq!(request("GET", scheme, "example.com", "/"), bad, "{scheme:?}");
    }
    assert_eq!(request("GET", "HTTPS", "Example.COM", "/?a=%20b"), None);
    assert_eq!(request("OPTIONS", "https", "example.com", "*"), None);
    for (host, expected) in [("example.com", None), ("EXAMPLE.com", None), ("evil.example", bad), ("a@b", bad)] {
        assert_eq!(refusal(&with(GET, &[("host", host)]), true), expected, "{host}");
    }
    assert_eq!(refusal(&with(GET, &[("host", "example.com"), ("host", "example.com")]), true), bad, "two Hosts");
    for (index, (missing, _)) in GET.iter().enumerate() {
        let mut lines = GET.to_vec();
        lines.remove(index);
        assert_eq!(refusal(&lines, true), bad, "without {missing}");
    }
    let mut late = GET.to_vec();
    late.insert(2, ("x-a", "b"));
    assert_eq!(refusal(&late, true), bad, "a pseudo-header field after a field");
    let only_host = [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "Example.com:8443")];
    assert_eq!(refusal(&only_host, true), None, "Host stands for :authority");
}

#[test]
fn hostile_024_connect() {
    let bad = Some(ErrorCode::PROTOCOL_ERROR);
    let websocket = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "example.com"),
        (":path", "/chat"),
    ];
    assert_eq!(refusal(&[(":method", "CONNECT"), (":authority", "example.com:443")], false), None);
    assert_eq!(refusal(&[(":method", "CONNECT"), (":authority", "example.com")], false), bad, "no port");
    for extra in [(":scheme", "https"), (":path", "/")] {
        let lines = [(":method", "CONNECT"), (":authority", "example.com:443"), extra];
        assert_eq!(refusal(&lines, false), bad, "{extra:?}");
    }
    assert_eq!(refusal(&websocket, false), None);
    for missing in [0, 2, 4] {
        let mut lines = websocket.to_vec();
        lines.remove(missing);
        assert_eq!(refusal(&lines, false), bad, "without {}", websocket[missing].0);
    }
    let mut peer = Peer::with(Limits { extended_connect: false, ..Limits::default() });
    peer.headers(1, &websocket, false);
    peer.drain();
    assert_eq!(peer.resets(), [(1, ErrorCode::PROTOCOL_ERROR)], "not offered");
    let mut peer = Peer::new();
    peer.headers(1, &[(":method", "CONNECT"), (":authority", "example.com:443")], false);
    peer.headers(3, &websocket, false);
    peer.drain();
    let heads: Vec<_> = peer
        .events
        .iter()
        .filter_map(|event| match event {
            ServerEvent::Request { head, .. } => Some(head),
            _ => None,
        })
        .collect();
    assert_eq!((heads[0].form, heads[0].method, heads[0].port()), (TargetForm::Authority, Method::Connect, Some(443)));
    assert_eq!(heads[0].body, BodyLength::Unknown);
    assert_eq!((heads[1].form, heads[1].protocol.unwrap().as_str()), (TargetForm::Origin, "websocket"));
}

#[test]
fn hostile_025_cookie_crumbs_are_joined_once() {
    let mut peer = Peer::new();
    peer.headers(1, &with(GET, &[("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2; c=3"), ("cookie", "d=4")]), true);
    peer.drain();
    let Some(ServerEvent::Request { head, .. }) = peer.events.first() else { panic!("a request") };
    assert_eq!(head.fields.get_all(FieldName::Cookie).collect::<Vec<_>>(), [b"a=1; b=2; c=3; d=4"]);
}
