//! Whole exchanges through both HTTP/1.x machines: what goes in, what comes out, and what becomes of the
//! connection.

use std::io::IoSlice;

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_http::error::ResponseError;
use edgeway_http::h1::machine::{
    ClientConnection, ClientEvent, ClientLimits, ServerConnection, ServerEvent, ServerLimits,
};
use edgeway_http::semantics::{BodyLength, FieldName, Fields, Method, RequestHead, ResponseHead, Status};

const NOW: Instant = Instant::ZERO;

fn server() -> ServerConnection {
    ServerConnection::new(ServerLimits::default(), NOW)
}

fn feed(server: &mut ServerConnection, text: &str) {
    server.input().extend_from_slice(text.as_bytes());
    server.handle_input(NOW);
}

fn written(server: &mut ServerConnection) -> String {
    let mut slices = [IoSlice::new(&[]); 16];
    let filled = server.output(&mut slices);
    let text: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(text.len(), server.output_length());
    server.consume_output(NOW, text.len());
    String::from_utf8(text).unwrap()
}

/// Feeds one request, answers it, returns what was written.
fn answer(request: &str, head: &ResponseHead, body: BodyLength, content: &str) -> (String, ServerConnection) {
    let mut server = server();
    let mut request_head = RequestHead::default();
    feed(&mut server, request);
    assert_eq!(server.poll_event(NOW, &mut request_head), Some(ServerEvent::Request));
    server.send_head(head, body);
    if body != BodyLength::None {
        server.send_slice(content.as_bytes());
        server.send_end(None);
    }
    (written(&mut server), server)
}

#[test]
fn a_response_is_framed_by_what_its_request_and_status_allow() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    let old_kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let closed = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (unknown, none, three) = (BodyLength::Unknown, BodyLength::None, BodyLength::Known(3));
    for (request, status, body, expected, closes) in [
        (get, Status::OK, three, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false),
        (get, Status::OK, none, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        (get, Status::OK, unknown, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false),
        (get, Status::NO_CONTENT, none, "HTTP/1.1 204 No Content\r\n\r\n", false),
        (get, Status::NO_CONTENT, three, "HTTP/1.1 204 No Content\r\n\r\n", false),
        (get, Status::NOT_MODIFIED, none, "HTTP/1.1 304 Not Modified\r\n\r\n", false),
        (head, Status::OK, three, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false),
        (head, Status::OK, unknown, "HTTP/1.1 200 OK\r\n\r\n", false),
        (old, Status::OK, three, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", true),
        (old, Status::OK, unknown, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", true),
        (
            old_kept,
            Status::OK,
            three,
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
            false,
        ),
        (old_kept, Status::OK, unknown, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", true),
        (closed, Status::OK, three, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", true),
    ] {
        let (text, mut server) = answer(request, &ResponseHead::new(status), body, "abc");
        assert_eq!(text, expected, "{request:?} {status:?} {body:?}");
        let event = server.poll_event(NOW, &mut RequestHead::default());
        assert_eq!(event, closes.then_some(ServerEvent::Closed), "{request:?} {status:?} {body:?}");
        assert_eq!((server.wants_close(), server.is_idle()), (closes, !closes));
    }
}

#[test]
fn fields_that_belong_to_the_connection_are_made_by_the_machine() {
    let mut head = ResponseHead::new(Status::OK)
        .with(FieldName::ContentLength, "99")
        .with(FieldName::TransferEncoding, "chunked")
        .with(FieldName::Connection, "x-secret")
        .with(FieldName::KeepAlive, "timeout=5")
        .with(FieldName::Upgrade, "h2c")
        .with(FieldName::Via, "1.1 a");
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (text, _) = answer(get, &head, BodyLength::Known(3), "abc");
    assert_eq!(text, "HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nContent-Length: 3\r\n\r\nabc");
    // What GET would have had is kept where there is no content by nature.
    let (text, _) = answer("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", &head, BodyLength::None, "");
    assert_eq!(text, "HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nContent-Length: 99\r\n\r\n");
    head.status = Status::UPGRADE_REQUIRED;
    let (text, _) = answer(get, &head, BodyLength::None, "");
    assert!(text.contains("Upgrade: h2c\r\n") && text.contains("Connection: upgrade\r\n"), "{text}");
}

#[test]
fn content_comes_with_its_end_and_trailers() {
    let mut server = server();
    let mut head = RequestHead::default();
    feed(&mut server, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n");
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Request));
    assert_eq!(head.body, BodyLength::Unknown);
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Data(Bytes::from("hello"))));
    assert_eq!(server.poll_event(NOW, &mut head), None);
    assert!(server.body_pending());
    feed(&mut server, "0\r\nX-Sum: 7\r\nContent-Length: 9\r\nCookie: a=b\r\n\r\n");
    let mut trailers = Fields::new();
    trailers.append_named("X-Sum", "7");
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::End(Some(Box::new(trailers)))));
    assert!(!server.body_pending());
}

#[test]
fn continue_is_sent_when_the_content_is_wanted_and_only_then() {
    let request = "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
    let mut server = server();
    let mut head = RequestHead::default();
    feed(&mut server, request);
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Request));
    assert_eq!(server.output_length(), 0);
    server.want_body();
    server.want_body();
    assert_eq!(written(&mut server), "HTTP/1.1 100 Continue\r\n\r\n");
    feed(&mut server, "abc");
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Data(Bytes::from("abc"))));
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::End(None)));

    // Answered without it: nobody knows whether the content comes, so the connection closes.
    let (text, mut server) = answer(request, &ResponseHead::new(Status::FORBIDDEN), BodyLength::None, "");
    assert!(text.contains("Connection: close\r\n"), "{text}");
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Closed));
}

#[test]
fn interim_responses_go_out_before_the_final_one() {
    let hints = ResponseHead::new(Status::EARLY_HINTS).with(FieldName::Link, "</a.css>; rel=preload");
    for (request, expected) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ),
        ("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    ] {
        let mut server = server();
        feed(&mut server, request);
        assert_eq!(server.poll_event(NOW, &mut RequestHead::default()), Some(ServerEvent::Request));
        server.send_informational(&hints);
        server.send_head(&ResponseHead::new(Status::NO_CONTENT), BodyLength::None);
        server.send_informational(&hints);
        assert_eq!(written(&mut server), expected);
    }
}

#[test]
fn an_upgrade_makes_a_tunnel_only_after_101() {
    let request = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    let mut server = server();
    let mut head = RequestHead::default();
    feed(&mut server, request);
    assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Request));
    assert_eq!(head.fields.get(FieldName::Upgrade), Some(&b"websocket"[..]));
    assert_eq!(server.take_tunnel(), None);
    let switch = ResponseHead::new(Status::SWITCHING_PROTOCOLS).with(FieldName::Upgrade, "websocket");
    server.send_head(&switch, BodyLength::None);
    let text = written(&mut server);
    assert_eq!(text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(server.take_tunnel(), Some(Bytes::from("early")));
    assert_eq!(server.take_tunnel(), None);
    assert_eq!(server.poll_event(NOW, &mut head), None);
}

#[test]
fn our_own_mistakes_are_noticed_and_cut_the_connection() {
    let mut head = RequestHead::default();
    for (announced, content) in [(3, "ab"), (3, "abcd")] {
        let mut server = server();
        feed(&mut server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        server.poll_event(NOW, &mut head);
        server.send_head(&ResponseHead::default(), BodyLength::Known(announced));
        server.send_slice(content.as_bytes());
        server.send_end(None);
        assert!(server.fault().is_some());
        let text = written(&mut server);
        assert!(!text.ends_with("abcd"), "{text}");
        assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Closed));
        assert!(server.wants_close());
    }
}

// -- The client's side

fn client() -> ClientConnection {
    ClientConnection::new(ClientLimits::default())
}

fn sent(client: &mut ClientConnection) -> String {
    let mut slices = [IoSlice::new(&[]); 16];
    let filled = client.output(&mut slices);
    let text: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    client.consume_output(text.len());
    String::from_utf8(text).unwrap()
}

fn receive(client: &mut ClientConnection, text: &str) -> Result<Vec<ClientEvent>, ResponseError> {
    client.input().extend_from_slice(text.as_bytes());
    client.handle_input();
    let mut head = ResponseHead::default();
    let mut events = Vec::new();
    while let Some(event) = client.poll_event(&mut head)? {
        events.push(event);
    }
    Ok(events)
}

fn asked(method: &str) -> ClientConnection {
    let mut client = client();
    let mut head = RequestHead::default();
    head.method = Method::from_bytes(method.as_bytes()).unwrap();
    head.set_target(b"/");
    head.set_authority(b"a").unwrap();
    client.send_request(&head, BodyLength::None);
    sent(&mut client);
    client
}

#[test]
fn a_request_is_written_with_its_host_first_and_its_framing_made_here() {
    let mut head = RequestHead::default();
    head.method = Method::Put;
    head.set_target(b"/a?b");
    head.set_authority(b"Example.com:8080").unwrap();
    for (name, value) in
        [("X-First", "1"), ("Connection", "x"), ("content-length", "9"), ("te", "gzip, trailers"), ("Upgrade", "h2c")]
    {
        head.fields.append_named(name, value);
    }
    let mut client = client();
    client.send_request(&head, BodyLength::Unknown);
    client.send_slice(b"abc");
    client.send_slice(b"");
    let mut trailers = Fields::new();
    trailers.append_named("X-Sum", "7");
    trailers.append(FieldName::Host, "b");
    client.send_end(Some(&trailers));
    assert!(!client.request_sent());
    assert_eq!(
        sent(&mut client),
        "PUT /a?b HTTP/1.1\r\nHost: example.com:8080\r\nX-First: 1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\
         Connection: TE\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"
    );
    assert!(client.request_sent() && !client.response_started());
}

#[test]
fn responses_end_where_the_rfc_says() {
    let response = |length| ClientEvent::Response(length);
    let data = |text: &'static str| ClientEvent::Data(Bytes::from(text));
    let end = || ClientEvent::End(None);
    let cases: [(&str, &str, Vec<ClientEvent>, bool); 9] = [
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
            vec![response(BodyLength::Known(2)), data("ab"), end()],
            true,
        ),
        ("GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", vec![response(BodyLength::None)], true),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", vec![response(BodyLength::None)], true),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", vec![response(BodyLength::None)], false),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", vec![response(BodyLength::None)], true),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", vec![response(BodyLength::None)], true),
        (
            "GET",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            vec![ClientEvent::Informational, response(BodyLength::Unknown), data("ab"), end()],
            true,
        ),
        ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", vec![response(BodyLength::None)], false),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            vec![response(BodyLength::None)],
            false,
        ),
    ];
    for (method, text, events, reusable) in cases {
        let mut client = asked(method);
        assert_eq!(receive(&mut client, text), Ok(events), "{text:?}");
        assert_eq!(client.is_reusable(), reusable, "{text:?}");
    }
    let mut client = asked("GET");
    assert_eq!(receive(&mut client, "HTTP/1.1 200 OK\r\n\r\nab"), Ok(vec![response(BodyLength::Unknown), data("ab")]));
    client.handle_end_of_input();
    assert_eq!(receive(&mut client, ""), Ok(vec![end()]));
    assert!(!client.is_reusable());
}

#[test]
fn a_warm_connection_keeps_its_buffers() {
    let mut server = server();
    let mut head = RequestHead::default();
    let response = ResponseHead::new(Status::OK).with(FieldName::ContentType, "text/plain");
    let mut places = Vec::new();
    for _ in 0..100 {
        feed(&mut server, "GET /a?b HTTP/1.1\r\nHost: example.com\r\nX-Custom: value\r\nAccept: */*\r\n\r\n");
        assert_eq!(server.poll_event(NOW, &mut head), Some(ServerEvent::Request));
        server.send_head(&response, BodyLength::Known(5));
        server.send_slice(b"hello");
        server.send_end(None);
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(server.output(&mut slices), 1, "head and content are one piece");
        places.push((slices[0].as_ptr(), head.target().as_ptr(), head.fields.memory()));
        server.consume_output(NOW, server.output_length());
        assert_eq!(server.poll_event(NOW, &mut head), None);
        assert!(server.is_idle());
    }
    assert!(places[1..].iter().all(|place| *place == places[1]), "a buffer moved or grew");
    assert!(server.input().capacity() <= 1024);
}
