//! A client and a server of ours, talking through memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;
use edgeway_http::binary::Priority;
use edgeway_http::h2::{ClientConnection, ClientEvent, ErrorCode, Limits, ServerConnection, ServerEvent, StreamId};
use edgeway_http::semantics::{FieldName, Method, RequestHead, ResponseHead, Scheme, Status, Token};

use super::peer::fields;

struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    now: Instant,
    at_client: Vec<ClientEvent>,
    at_server: Vec<ServerEvent>,
}

impl Pair {
    fn new() -> Self {
        Self::with(Limits::default(), Limits::default())
    }

    fn with(client: Limits, server: Limits) -> Self {
        let now = Instant::from_millis(5_000);
        Self {
            client: ClientConnection::new(client, now),
            server: ServerConnection::new(server, now),
            now,
            at_client: Vec::new(),
            at_server: Vec::new(),
        }
    }

    /// One flight each way; `true` when anything moved.
    fn turn(&mut self) -> bool {
        let mut out = BytesMut::new();
        self.client.poll_output(&mut out, 1 << 20);
        self.now += Duration::from_millis(1);
        let moved = !out.is_empty();
        if moved {
            self.server.input().extend_from_slice(&out);
            self.server.handle_input(self.now);
        }
        while let Some(event) = self.server.poll_event(self.now) {
            self.at_server.push(event);
        }
        out.clear();
        self.server.poll_output(&mut out, 1 << 20);
        self.now += Duration::from_millis(1);
        if !out.is_empty() {
            self.client.input().extend_from_slice(&out);
            self.client.handle_input(self.now);
        }
        while let Some(event) = self.client.poll_event(self.now) {
            self.at_client.push(event);
        }
        moved || !out.is_empty()
    }

    fn settle(&mut self) {
        while self.turn() {}
    }

    fn open(&mut self, method: Method, target: &str, end: bool) -> StreamId {
        let stream = self.client.open(&request(method, target), end).expect("room for a stream");
        self.settle();
        stream
    }
}

fn request(method: Method, target: &str) -> RequestHead {
    let mut head = RequestHead::default();
    (head.method, head.scheme) = (method, Scheme::Https);
    head.set_target(target.as_bytes());
    head.set_authority(b"Example.com:8443").unwrap();
    head.fields.append(FieldName::Host, "example.com:8443");
    head.fields.append(FieldName::Accept, "*/*");
    head.fields.append_named("X-Request", "one");
    head
}

fn name_client(event: &ClientEvent) -> &'static str {
    match event {
        ClientEvent::Response { .. } => "response",
        ClientEvent::Informational { .. } => "informational",
        ClientEvent::Promise { .. } => "promise",
        ClientEvent::Data { .. } => "data",
        ClientEvent::End { .. } => "end",
        ClientEvent::Reset { .. } => "reset",
        ClientEvent::Writable { .. } => "writable",
        ClientEvent::GoAway { .. } => "goaway",
        ClientEvent::Closed => "closed",
    }
}

fn names(events: &[ClientEvent]) -> Vec<&'static str> {
    events.iter().map(name_client).collect()
}

#[test]
fn a_request_with_content_trailers_and_early_hints() {
    let mut pair = Pair::new();
    let stream = pair.open(Method::Post, "/upload?x=1", false);
    let Some(ServerEvent::Request { head, end: false, .. }) = pair.at_server.first() else { panic!("a request") };
    assert_eq!((head.method, head.target(), head.authority()), (Method::Post, "/upload?x=1", "example.com:8443"));
    assert_eq!(head.fields.iter().map(|field| field.name).collect::<Vec<_>>(), ["Accept", "x-request"]);
    assert!(pair.client.send_data(stream, Bytes::from_static(b"content"), pair.now));
    assert!(pair.client.send_end(stream, Some(&fields(&[("x-check", "ok"), ("content-length", "9")]))));
    let hints = ResponseHead::new(Status::EARLY_HINTS).with(FieldName::Link, "</a.css>; rel=preload");
    assert!(pair.server.send_informational(stream, &hints));
    let head =
        ResponseHead::new(Status::OK).with(FieldName::ContentType, "text/plain").with(FieldName::Connection, "close");
    assert!(pair.server.send_head(stream, &head, false));
    assert!(!pair.server.send_informational(stream, &hints), "too late");
    assert!(pair.server.send_data(stream, Bytes::from_static(b"answer"), pair.now));
    assert!(pair.server.send_end(stream, Some(&fields(&[("grpc-status", "0")]))));
    pair.settle();
    let Some(ServerEvent::End { trailers: Some(trailers), .. }) = pair.at_server.last() else { panic!("trailers") };
    assert_eq!(**trailers, fields(&[("x-check", "ok")]), "framing has no place in trailers");
    assert_eq!(names(&pair.at_client), ["informational", "response", "data", "end"]);
    let ClientEvent::Response { head, .. } = &pair.at_client[1] else { panic!("a response") };
    assert_eq!(head.fields, fields(&[("content-type", "text/plain")]), "nothing of a connection is sent");
    let ClientEvent::End { trailers: Some(trailers), .. } = &pair.at_client[3] else { panic!("trailers") };
    assert_eq!(**trailers, fields(&[("grpc-status", "0")]));
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn heads_larger_than_a_frame_go_in_pieces() {
    let mut pair = Pair::new();
    let stream = pair.open(Method::Get, "/", true);
    let value = "\u{7f}~".replace('\u{7f}', "^").repeat(12_000);
    let mut head = ResponseHead::new(Status::OK);
    head.fields.append_named("x-large", &value);
    pair.server.send_head(stream, &head, true);
    pair.settle();
    let Some(ClientEvent::Response { head, end: true, .. }) = pair.at_client.first() else { panic!("a response") };
    assert_eq!(head.fields.get_named("x-large"), Some(value.as_bytes()));
}

#[test]
fn responses_to_head_and_304_announce_content_they_do_not_have() {
    for (method, status, is_sound) in
        [(Method::Head, Status::OK, true), (Method::Get, Status::NOT_MODIFIED, true), (Method::Get, Status::OK, false)]
    {
        let mut pair = Pair::new();
        let stream = pair.open(method, "/", true);
        pair.server.send_head(stream, &ResponseHead::new(status).with(FieldName::ContentLength, "5"), true);
        pair.settle();
        assert_eq!(names(&pair.at_client), [if is_sound { "response" } else { "reset" }], "{method} {status:?}");
    }
}

#[test]
fn extended_connect_carries_a_tunnel_both_ways() {
    let mut pair = Pair::new();
    let mut head = request(Method::Connect, "/chat");
    head.protocol = Token::from_bytes(b"websocket");
    assert_eq!(pair.client.open(&head, false), None, "not before the server's SETTINGS (RFC 8441 §3)");
    pair.settle();
    assert!(pair.client.takes_extended_connect());
    let stream = pair.client.open(&head, false).unwrap();
    pair.settle();
    let Some(ServerEvent::Request { head, .. }) = pair.at_server.first() else { panic!("a request") };
    assert_eq!((head.protocol.unwrap().as_str(), head.path()), ("websocket", "/chat"));
    pair.server.send_head(stream, &ResponseHead::new(Status::OK), false);
    for _ in 0..3 {
        pair.client.send_data(stream, Bytes::from_static(b"a message of some length"), pair.now);
        pair.server.send_data(stream, Bytes::from_static(b"its answer of some length"), pair.now);
        pair.settle();
    }
    pair.client.send_end(stream, None);
    pair.settle();
    assert!(matches!(pair.at_server.last(), Some(ServerEvent::End { trailers: None, .. })));
    pair.server.send_end(stream, None);
    pair.settle();
    assert!(pair.server.is_idle() && matches!(pair.at_client.last(), Some(ClientEvent::End { .. })));
}

#[test]
fn a_push_is_promised_before_it_comes_and_may_be_cancelled() {
    let mut pair = Pair::with(Limits { push: true, ..Limits::default() }, Limits::default());
    let stream = pair.open(Method::Get, "/", true);
    assert!(pair.server.may_push());
    pair.server.send_head(stream, &ResponseHead::new(Status::OK), false);
    let wanted = pair.server.push(stream, &request(Method::Get, "/app.css")).unwrap();
    let unwanted = pair.server.push(stream, &request(Method::Get, "/app.js")).unwrap();
    assert_eq!(pair.server.push(stream, &request(Method::Post, "/")), None, "RFC 9113 §8.4: safe ones only");
    pair.settle();
    let promised: Vec<_> = pair
        .at_client
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Promise { promised, head, .. } => Some((*promised, head.path())),
            _ => None,
        })
        .collect();
    assert_eq!(promised, [(wanted, "/app.css"), (unwanted, "/app.js")]);
    pair.client.reset(unwanted, ErrorCode::CANCEL);
    pair.settle();
    assert!(matches!(pair.at_server.last(), Some(ServerEvent::Reset { stream, .. }) if *stream == unwanted));
    assert!(!pair.server.send_head(unwanted, &ResponseHead::new(Status::OK), true), "cancelled");
    pair.server.send_head(wanted, &ResponseHead::new(Status::OK), false);
    pair.server.send_data(wanted, Bytes::from_static(b"body {}"), pair.now);
    pair.server.send_end(wanted, None);
    pair.server.send_end(stream, None);
    pair.at_client.clear();
    pair.settle();
    assert_eq!(names(&pair.at_client), ["response", "end", "data", "end"]);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn nothing_is_pushed_to_a_client_that_does_not_want_it() {
    let mut pair = Pair::new();
    let stream = pair.open(Method::Get, "/", true);
    assert!(!pair.server.may_push());
    assert_eq!(pair.server.push(stream, &request(Method::Get, "/app.css")), None);
}

#[test]
fn a_graceful_stop_loses_no_request_on_its_way() {
    let mut pair = Pair::new();
    let first = pair.open(Method::Get, "/1", true);
    pair.server.go_away(true, pair.now);
    // The client has not heard of it.
    let second = pair.client.open(&request(Method::Get, "/2"), true).unwrap();
    pair.settle();
    assert_eq!(names(&pair.at_client), ["goaway", "goaway"], "RFC 9113 §6.8: twice");
    assert_eq!(pair.client.open_capacity(), 0);
    for stream in [first, second] {
        assert!(pair.server.send_head(stream, &ResponseHead::new(Status::OK), true));
    }
    pair.settle();
    assert_eq!(names(&pair.at_client), ["goaway", "goaway", "response", "response", "closed"]);
    assert!(pair.server.wants_close() && pair.client.wants_close());
    assert!(pair.server.error().is_none());
}

#[test]
fn the_second_goaway_does_not_wait_for_a_client_that_does_not_answer() {
    let mut pair = Pair::new();
    pair.settle();
    pair.server.go_away(true, pair.now);
    let at = pair.server.poll_timeout().unwrap();
    assert_eq!(at - pair.now, Duration::from_secs(2));
    pair.server.handle_timeout(at);
    assert!(matches!(pair.server.poll_event(at), Some(ServerEvent::Closed)));
}

#[test]
fn streams_the_server_will_not_process_are_safe_to_retry() {
    let mut pair = Pair::new();
    pair.open(Method::Get, "/1", true);
    pair.server.go_away(false, pair.now);
    pair.client.open(&request(Method::Post, "/2"), false).unwrap();
    pair.settle();
    let refused: Vec<_> = pair
        .at_client
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Reset { stream, code } => Some((stream.get(), code.is_safe_to_retry())),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [(3, true)]);
}

#[test]
fn a_silent_peer_is_asked_and_then_given_up() {
    let mut pair = Pair::new();
    pair.settle();
    // It spoke a little after the connection began, so the first look finds it still fresh.
    pair.server.handle_timeout(pair.server.poll_timeout().unwrap());
    let ping_at = pair.server.poll_timeout().unwrap();
    assert!(ping_at - pair.now > Duration::from_secs(44));
    pair.now = ping_at;
    pair.server.handle_timeout(ping_at);
    pair.settle();
    let next = pair.server.poll_timeout().unwrap();
    assert!(next - ping_at > Duration::from_secs(40), "answered");
    let mut out = BytesMut::new();
    pair.server.handle_timeout(next);
    pair.server.poll_output(&mut out, 1_000);
    assert_eq!(out.len(), 17, "a PING");
    let end = pair.server.poll_timeout().unwrap();
    assert_eq!(end - next, Duration::from_secs(20));
    pair.server.handle_timeout(end);
    assert!(matches!(pair.server.poll_event(end), Some(ServerEvent::Closed)));
    assert_eq!(edgeway_base::Blamed::blame(&pair.server.error().unwrap()), edgeway_base::Blame::Environment);
}

#[test]
fn a_peer_that_never_speaks_or_never_acknowledges_is_given_up() {
    let now = Instant::from_millis(1);
    let mut server = ServerConnection::new(Limits::default(), now);
    assert_eq!(server.poll_timeout(), Some(now + Duration::from_secs(10)));
    server.handle_timeout(now + Duration::from_secs(10));
    assert!(matches!(server.poll_event(now), Some(ServerEvent::Closed)));
    let mut server = ServerConnection::new(Limits::default(), now);
    server.input().extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    server.handle_input(now);
    server.handle_timeout(now + Duration::from_secs(20));
    assert_eq!(server.error().unwrap().code, ErrorCode::SETTINGS_TIMEOUT);
}

#[test]
fn windows_grow_with_the_path() {
    let mut rounds = Vec::new();
    for window_max in [65_535, 8 << 20] {
        let limits = Limits { stream_window_max: window_max, ..Limits::default() };
        let mut pair = Pair::with(Limits::default(), limits);
        let stream = pair.open(Method::Post, "/", false);
        pair.client.send_data(stream, Bytes::from(vec![0; 20 << 20]), pair.now);
        let (mut round, mut received) = (0, 0);
        while received < 20 << 20 {
            // One round trip: what is on the way is consumed as it comes, and the answers go back at once.
            let mut out = BytesMut::new();
            pair.client.poll_output(&mut out, usize::MAX / 2);
            pair.server.input().extend_from_slice(&out);
            pair.server.handle_input(pair.now);
            while let Some(event) = pair.server.poll_event(pair.now) {
                let ServerEvent::Data { data, .. } = event else { continue };
                received += data.len();
                pair.server.consumed(stream, data.len());
            }
            out.clear();
            pair.server.poll_output(&mut out, usize::MAX / 2);
            pair.client.input().extend_from_slice(&out);
            pair.client.handle_input(pair.now);
            while pair.client.poll_event(pair.now).is_some() {}
            assert!(pair.server.error().is_none() && pair.client.error().is_none());
            round += 1;
        }
        rounds.push(round);
    }
    assert!((320..700).contains(&rounds[0]), "up to 64 KB a round trip: {rounds:?}");
    assert!(rounds[1] < 40, "doubled until it fits: {rounds:?}");
}

#[test]
fn a_slow_driver_holds_the_sender_back() {
    let mut pair = Pair::with(Limits::default(), Limits { stream_window_max: 65_535, ..Limits::default() });
    let stream = pair.open(Method::Post, "/", false);
    pair.client.send_data(stream, Bytes::from(vec![7; 1 << 20]), pair.now);
    assert_eq!(pair.client.send_capacity(stream), 0);
    pair.settle();
    let held: usize = pair
        .at_server
        .iter()
        .map(|event| if let ServerEvent::Data { data, .. } = event { data.len() } else { 0 })
        .sum();
    assert_eq!(held, 65_535, "not a byte beyond the window");
    pair.server.consumed(stream, 40_000);
    pair.settle();
    let held: usize = pair
        .at_server
        .iter()
        .map(|event| if let ServerEvent::Data { data, .. } = event { data.len() } else { 0 })
        .sum();
    assert_eq!(held, 65_535 + 40_000);
    pair.at_client.clear();
    for _ in 0..30 {
        pair.server.consumed(stream, 1 << 20);
        pair.settle();
    }
    assert_eq!(names(&pair.at_client), ["writable"], "once, when half the room is free again");
    assert!(pair.client.send_capacity(stream) > 0);
}

#[test]
fn a_client_ranks_its_requests_again() {
    let mut pair = Pair::new();
    let mut head = request(Method::Get, "/");
    head.fields.append(FieldName::Priority, "u=5, i");
    let stream = pair.client.open(&head, true).unwrap();
    pair.settle();
    assert_eq!(pair.server.priority(stream), Some(Priority { urgency: 5, incremental: true }));
    pair.client.send_priority(stream, Priority { urgency: 1, incremental: false });
    pair.settle();
    assert_eq!(pair.server.priority(stream), Some(Priority { urgency: 1, incremental: false }));
}

#[test]
fn the_servers_limit_on_streams_is_kept() {
    let mut pair = Pair::with(Limits::default(), Limits { streams_max: 3, ..Limits::default() });
    pair.settle();
    assert_eq!(pair.client.open_capacity(), 3);
    let streams: Vec<_> = (0..3).map(|_| pair.client.open(&request(Method::Get, "/"), true).unwrap()).collect();
    assert_eq!(pair.client.open(&request(Method::Get, "/"), true), None);
    pair.settle();
    pair.server.send_head(streams[1], &ResponseHead::new(Status::NO_CONTENT), true);
    pair.settle();
    assert_eq!(pair.client.open_capacity(), 1);
}

#[test]
fn a_hostile_server_costs_its_connection() {
    for (name, bytes, code) in [
        ("a response nobody asked for", &b"\0\0\x01\x01\x05\0\0\0\x01\x88"[..], ErrorCode::PROTOCOL_ERROR),
        ("a request", b"\0\0\x01\x01\x05\0\0\0\x02\x82", ErrorCode::PROTOCOL_ERROR),
        ("a push that is not allowed", b"\0\0\x05\x05\x04\0\0\0\x01\0\0\0\x02\x82", ErrorCode::PROTOCOL_ERROR),
        ("push enabled", b"\0\0\x06\x04\0\0\0\0\0\0\x02\0\0\0\x01", ErrorCode::PROTOCOL_ERROR),
        ("PRIORITY_UPDATE", b"\0\0\x04\x10\0\0\0\0\0\0\0\0\x01", ErrorCode::PROTOCOL_ERROR),
    ] {
        let mut pair = Pair::new();
        pair.settle();
        pair.client.input().extend_from_slice(bytes);
        pair.client.handle_input(pair.now);
        assert_eq!(pair.client.error().map(|error| error.code), Some(code), "{name}");
    }
}

#[test]
fn an_early_answer_stops_the_content_without_error() {
    let mut pair = Pair::with(Limits::default(), Limits { stream_window_max: 65_535, ..Limits::default() });
    let stream = pair.open(Method::Post, "/", false);
    pair.client.send_data(stream, Bytes::from(vec![7; 1 << 20]), pair.now);
    pair.turn();
    pair.server.send_head(stream, &ResponseHead::new(Status::CONTENT_TOO_LARGE), false);
    pair.server.send_data(stream, Bytes::from_static(b"no, thank you"), pair.now);
    pair.server.discard_content(stream);
    pair.at_server.clear();
    pair.turn();
    assert!(pair.at_server.is_empty(), "no more content");
    pair.server.send_end(stream, None);
    pair.settle();
    assert_eq!(names(&pair.at_client), ["response", "data", "end", "reset"]);
    assert!(matches!(pair.at_client.last(), Some(ClientEvent::Reset { code: ErrorCode::NO_ERROR, .. })));
    assert_eq!((pair.client.stream_count(), pair.server.stream_count()), (0, 0));
    assert!(pair.server.error().is_none() && pair.client.error().is_none());
}
