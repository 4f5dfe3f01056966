//! The hostile matrix for HTTP/1.x, client side (line 17): an upstream that lies is an error, and its connection is
//! never lent again, however its bytes were cut.

use edgeway_base::{Blame, Blamed};
use edgeway_http::error::ResponseError;
use edgeway_http::h1::machine::{ClientConnection, ClientEvent, ClientLimits};
use edgeway_http::h1::wire::Malformed;
use edgeway_http::semantics::{BodyLength, FieldName, Method, RequestHead, ResponseHead};

/// What to ask before the response comes.
fn asked(method: Method, upgrade: Option<&str>) -> ClientConnection {
    let mut client = ClientConnection::new(ClientLimits::default());
    let mut head = RequestHead::default();
    head.method = method;
    head.set_target(b"/");
    head.set_authority(b"a").unwrap();
    if let Some(protocol) = upgrade {
        head.fields.append(FieldName::Upgrade, protocol);
    }
    client.send_request(&head, BodyLength::None);
    client.consume_output(client.output_length());
    client
}

/// What came, one line an event, the outcome, and whether the connection may be lent again.
fn record<'a>(mut client: ClientConnection, parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
    let mut log: Vec<String> = Vec::new();
    let mut head = ResponseHead::default();
    let mut poll = |client: &mut ClientConnection| {
        loop {
            match client.poll_event(&mut head) {
                Ok(None) => return true,
                Ok(Some(ClientEvent::Data(data))) => {
                    let text = data.escape_ascii().to_string();
                    match log.last_mut() {
                        Some(last) if str::starts_with(last, "data ") => last.push_str(&text),
                        _ => log.push(format!("data {text}")),
                    }
                }
                Ok(Some(event)) => log.push(format!("{event:?} {:?} {:?}", head.status, head.fields)),
                Err(error) => {
                    assert_eq!(error.blame(), Blame::Upstream);
                    log.push(format!("{error:?}"));
                    return false;
                }
            }
        }
    };
    for part in parts {
        client.input().extend_from_slice(part);
        client.handle_input();
        if !poll(&mut client) {
            return (log, client.is_reusable());
        }
    }
    let reusable = client.is_reusable();
    client.handle_end_of_input();
    poll(&mut client);
    (log, reusable)
}

/// The last line, for every cut the same.
#[track_caller]
fn outcome(ask: impl Fn() -> ClientConnection, input: &str) -> (String, bool) {
    let input = input.as_bytes();
    let (log, reusable) = record(ask(), [input]);
    for cut in 1..input.len().min(400) {
        let (cut_log, _) = record(ask(), [&input[..cut], &input[cut..]]);
        assert_eq!(cut_log, log, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(record(ask(), input.chunks(1)).0, log, "byte by byte: {}", input.escape_ascii());
    (log.last().cloned().unwrap_or_default(), reusable)
}

#[test]
fn hostile_017_malformed_responses_are_errors() {
    let get = || asked(Method::Get, None);
    for (input, fault) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::LengthAndEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", Malformed::LengthAndEncoding),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", Malformed::RepeatedContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab", Malformed::RepeatedContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab", Malformed::InvalidContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", Malformed::InvalidContentLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Malformed::UnknownTransferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", Malformed::InvalidTransferEncoding),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::TransferEncodingInHttp10),
        ("HTTP/1.1 200\nContent-Length: 0\r\n\r\n", Malformed::BareLineFeed),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Malformed::BareLineFeed),
        ("HTTP/1.1 200 OK\rX\r\n\r\n", Malformed::BareCarriageReturn),
        ("HTTP/1.1 200 O\0K\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1 20 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1 000 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1 600 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/2.0 200 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.2 200 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("ICY 200 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("<html>", Malformed::InvalidStatusLine),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::InvalidStatusLine),
        ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", Malformed::SpaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", Malformed::ObsoleteFold),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n", Malformed::InvalidChunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", Malformed::ChunkDataEnd),
    ] {
        let expected = (format!("{:?}", ResponseError::Malformed(fault)), false);
        assert_eq!(outcome(get, input), expected, "{input:?}");
    }
}

#[test]
fn hostile_017_responses_that_stop_are_told_from_responses_that_end() {
    let get = || asked(Method::Get, None);
    for (input, error) in [
        ("", ResponseError::NoResponse),
        ("HTTP/1.1 200", ResponseError::Truncated),
        ("HTTP/1.1 200 OK\r\nX: y\r\n", ResponseError::Truncated),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", ResponseError::Truncated),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", ResponseError::Truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", ResponseError::Truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", ResponseError::Truncated),
    ] {
        assert_eq!(outcome(get, input).0, format!("{error:?}"), "{input:?}");
        assert_eq!(error.may_retry(), error == ResponseError::NoResponse);
    }
}

#[test]
fn hostile_017_a_flood_of_interim_responses_is_bounded() {
    let get = || asked(Method::Get, None);
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let end = "HTTP/1.1 204 No Content\r\n\r\n";
    assert!(outcome(get, &(interim.repeat(3) + end)).0.starts_with("Response(None)"));
    let (log, reusable) = record(get(), [(interim.repeat(33) + end).as_bytes()]);
    assert_eq!((log.last().unwrap().as_str(), reusable), ("InformationalFlood", false));
}

#[test]
fn hostile_017_a_switch_nobody_asked_for() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbytes";
    assert_eq!(outcome(|| asked(Method::Get, None), switch), ("UnwantedUpgrade".to_owned(), false));
    assert_eq!(outcome(|| asked(Method::Get, Some("tls")), switch), ("UnwantedUpgrade".to_owned(), false));
    let nothing = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    assert_eq!(outcome(|| asked(Method::Get, Some("websocket")), nothing), ("UnwantedUpgrade".to_owned(), false));
    let mut client = asked(Method::Get, Some("WebSocket"));
    client.input().extend_from_slice(switch.as_bytes());
    let mut head = ResponseHead::default();
    assert_eq!(client.take_tunnel(), None);
    assert_eq!(client.poll_event(&mut head), Ok(Some(ClientEvent::Upgraded)));
    assert_eq!(client.take_tunnel().as_deref(), Some(&b"bytes"[..]));
    assert_eq!(client.take_tunnel(), None);
    assert!(!client.is_reusable());
}

#[test]
fn hostile_017_content_where_none_may_be_poisons_the_connection() {
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad";
    for (method, head) in [
        (Method::Head, "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n"),
        (Method::Get, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Method::Get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 41\r\n\r\n"),
        (Method::Get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let (last, reusable) = outcome(|| asked(method, None), &format!("{head}{poison}"));
        assert!(last.starts_with("Response(None)"), "{last}");
        assert!(!reusable, "{head:?}");
    }
    // Lent nevertheless, it answers nothing.
    let mut client = asked(Method::Head, None);
    client.input().extend_from_slice(format!("HTTP/1.1 200 OK\r\n\r\n{poison}").as_bytes());
    let mut head = ResponseHead::default();
    assert_eq!(client.poll_event(&mut head), Ok(Some(ClientEvent::Response(BodyLength::None))));
    client.send_request(&RequestHead::default(), BodyLength::None);
    assert_eq!(client.poll_event(&mut head), Err(ResponseError::Unsolicited));
}

#[test]
fn hostile_017_bytes_before_any_request_are_unsolicited() {
    let mut client = ClientConnection::new(ClientLimits::default());
    client.input().extend_from_slice(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
    client.handle_input();
    assert!(!client.is_reusable());
    assert_eq!(client.poll_event(&mut ResponseHead::default()), Err(ResponseError::Unsolicited));
}

#[test]
fn a_connection_serves_many_requests_and_is_not_lent_too_early() {
    let mut client = asked(Method::Get, None);
    let mut head = ResponseHead::default();
    let mut post = RequestHead::default();
    post.method = Method::Post;
    for _ in 0..3 {
        assert!(!client.is_reusable());
        client.input().extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
        assert!(client.response_started());
        let mut events = 0;
        while client.poll_event(&mut head).unwrap().is_some() {
            events += 1;
        }
        assert_eq!(events, 3);
        assert!(client.is_reusable());
        client.send_request(&post, BodyLength::Known(2));
        assert!(!client.is_reusable());
        // An early answer does not make it free: the request is still being sent.
        client.send_slice(b"c");
        client.consume_output(client.output_length());
        assert!(!client.request_sent());
        client.send_slice(b"d");
        client.send_end(None);
        client.consume_output(client.output_length());
        assert!(client.request_sent());
    }
}
