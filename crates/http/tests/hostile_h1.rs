//! The hostile matrix for HTTP/1.x, server side: each test is one of its lines. What must not be served is refused
//! with the status given, nothing after it is parsed, and the verdict does not depend on how the bytes were cut.

mod recorder;

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, FieldName, RequestHead, ResponseHead, Status, TargetForm};
use recorder::{outline, record};

/// A POST with these extra lines, and a second request behind that must never be reached.
fn post(lines: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    .into_bytes()
}

/// A chunked POST with this content, and the same.
fn chunked(content: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{content}").into_bytes()
}

/// Whatever the cut, the same events; answers their outline.
#[track_caller]
fn verdict(input: &[u8]) -> Vec<String> {
    let whole = record([input]);
    assert_eq!(record(input.chunks(1)), whole, "byte by byte: {}", input.escape_ascii());
    for cut in 1..input.len().min(600) {
        assert_eq!(record([&input[..cut], &input[cut..]]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    outline(input)
}

#[track_caller]
fn refused_with(status: &str, input: &[u8]) {
    assert_eq!(verdict(input), [status], "{}", input.escape_ascii());
}

#[test]
fn hostile_001_and_002_length_and_encoding_together_in_either_order() {
    refused_with("400", &post("Content-Length: 5\r\nTransfer-Encoding: chunked"));
    refused_with("400", &post("Transfer-Encoding: chunked\r\nContent-Length: 5"));
    refused_with("400", &post("Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 0"));
}

#[test]
fn hostile_003_transfer_encoding_obfuscated() {
    for lines in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\r\n\tTransfer-Encoding: chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \u{a0}chunked",
        "Transfer-Encoding: \r\n chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:",
        "Transfer_Encoding: chunked",
        "Transfer-Encoding\0: chunked",
        "Transfer-Encoding: chunked\0",
    ] {
        refused_with("400", &post(lines));
    }
    refused_with("501", &post("Transfer-Encoding: gzip, chunked"));
    for lines in ["Transfer-Encoding: chunked", "transfer-encoding:\t Chunked \t"] {
        assert_eq!(verdict(&post(lines)), ["POST /", "GET /smuggled"], "{lines}");
    }
}

#[test]
fn hostile_004_content_of_a_request_answered_early_is_never_a_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let now = Instant::ZERO;
    for (length, drained) in [(smuggled.len() as u64, true), (ServerLimits::default().drain_bytes_max + 1, false)] {
        let mut server = ServerConnection::new(ServerLimits::default(), now);
        let mut head = RequestHead::default();
        let request = format!("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}");
        server.input().extend_from_slice(request.as_bytes());
        server.handle_input(now);
        assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
        server.send_head(&ResponseHead::new(Status::NOT_FOUND), BodyLength::None);
        // Drained and kept, or told to close: in neither case a second request.
        assert_eq!(server.poll_event(now, &mut head), (!drained).then_some(ServerEvent::Closed));
        assert!(!server.is_idle());
        server.consume_output(now, server.output_length());
        assert_eq!((server.is_idle(), server.wants_close()), (drained, !drained));
        assert_eq!(server.wants_linger(), !drained);
    }
}

#[test]
fn hostile_004_nothing_follows_content_of_get() {
    for method in ["GET", "HEAD"] {
        let input =
            format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(verdict(input.as_bytes()), [format!("{method} /")]);
    }
}

#[test]
fn hostile_004_draining_chunks_has_its_bound() {
    let now = Instant::ZERO;
    let limits = ServerLimits { drain_bytes_max: 100, ..ServerLimits::default() };
    for (content, events) in [
        ("5\r\nhello\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), Some(ServerEvent::Request)),
        (format!("65\r\n{}\r\n", "x".repeat(101)), Some(ServerEvent::Closed)),
        ("5x\r\n".to_owned(), Some(ServerEvent::Closed)),
        ("5\r\nhel".to_owned(), None),
    ] {
        let mut server = ServerConnection::new(limits, now);
        let mut head = RequestHead::default();
        server.input().extend_from_slice(&chunked(&content));
        server.handle_input(now);
        assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
        server.discard_body();
        assert_eq!(server.poll_event(now, &mut head), None);
        server.send_head(&ResponseHead::default(), BodyLength::Known(2));
        server.send_slice(b"ok");
        server.send_end(None);
        assert_eq!(server.poll_event(now, &mut head), events, "{content}");
    }
}

#[test]
fn hostile_005_expectations_obfuscated() {
    for lines in [
        "Expect: y 100-continue",
        "Expect: 100-continue, 100-continue",
        "Expect: 100-continue\r\nExpect: 100-continue",
        "Expect: 100-continue;a",
        "Expect: \"100-continue\"",
        "Expect: 200-ok",
        "Expect:",
    ] {
        refused_with("417", &post(&format!("{lines}\r\nTransfer-Encoding: chunked")));
    }
    // Without content nothing is awaited; from a 1.0 client the expectation is ignored.
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
    ] {
        let now = Instant::ZERO;
        let mut server = ServerConnection::new(ServerLimits::default(), now);
        server.input().extend_from_slice(request.as_bytes());
        assert_eq!(server.poll_event(now, &mut RequestHead::default()), Some(ServerEvent::Request));
        server.want_body();
        assert_eq!(server.output_length(), 0);
    }
}

#[test]
fn hostile_006_content_length_variants() {
    for value in
        ["+5", "-1", "0x5", "5_0", "5 5", "5,5", "5, 6", "", "18446744073709551616", "9223372036854775808", "\x0b5"]
    {
        refused_with("400", &post(&format!("Content-Length: {value}")));
    }
    refused_with("400", &post("Content-Length: 5\r\nContent-Length: 5"));
    refused_with("400", &post("Content-Length: 5\r\nContent-Length: 6"));
    refused_with("400", &post("Content_Length: 5"));
    let plain = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 05\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(verdict(plain), ["POST /", "GET /b"]);
}

#[test]
fn hostile_007_http_10_has_no_chunks_and_no_content_until_close() {
    refused_with("400", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    let kept = b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.0\r\n\r\n";
    assert_eq!(verdict(kept), ["POST /", "GET /b"]);
    // What follows a head without a length is no content, and after a 1.0 request nothing at all.
    let events = record([&b"POST / HTTP/1.0\r\n\r\ncontent until close"[..]]);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1], "closed");
}

#[test]
fn hostile_008_versions() {
    for (version, status) in [
        ("HTTP/1.2", "505"),
        ("HTTP/2.0", "505"),
        ("HTTP/0.9", "505"),
        ("HTTP/1.10", "400"),
        ("HTTP/1", "400"),
        ("HTTP/1.", "400"),
        ("http/1.1", "400"),
        ("HTTP/1.1x", "400"),
        ("HTTP/1.1 ", "400"),
        ("HTTP /1.1", "400"),
        ("HTTP/+1.1", "400"),
        ("HTTP/1.1 HTTP/1.1", "400"),
        ("HTTPS/1.1", "400"),
        ("", "400"),
    ] {
        refused_with(status, format!("GET / {version}\r\nHost: a\r\n\r\n").as_bytes());
    }
    refused_with("400", b"GET /\r\n\r\n");
    refused_with("400", b"GET /\n");
}

#[test]
fn hostile_009_chunk_sizes_and_ends() {
    for content in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "5_\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff0\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5;ext\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a\0b\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhelloo\r\n0\r\n\r\n",
        "5\r\nhello\r\n\r\n0\r\n\r\n",
        "5\r\nhello\r\n-0\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n",
    ] {
        assert_eq!(verdict(&chunked(content)), ["POST /", "400"], "{content:?}");
    }
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(17_000));
    assert_eq!(outline(&chunked(&long)), ["POST /", "400"]);
    // What follows the end is the next request, and no good one.
    assert_eq!(verdict(&chunked("5\r\nhello\r\n0\r\n\r\nX")), ["POST /", "400"]);
    assert_eq!(verdict(&chunked("5\r\nhello\r\n000\r\n\r\n")), ["POST /"]);
}

#[test]
fn hostile_010_chunk_extension_flood() {
    let flood = format!("1;{}\r\nx\r\n", "e".repeat(200)).repeat(200) + "0\r\n\r\n";
    assert_eq!(outline(&chunked(&flood)), ["POST /", "400"]);
    // One-byte chunks without extensions are slow, not hostile.
    let small = "1\r\nx\r\n".repeat(20_000) + "0\r\n\r\n";
    assert_eq!(outline(&chunked(&small)), ["POST /"]);
}

#[test]
fn hostile_011_trailers_are_bounded_and_never_steer() {
    let forbidden = "Transfer-Encoding: x\r\nContent-Length: 9\r\nHost: b\r\nAuthorization: c\r\nCookie: d\r\n";
    let input = chunked(&format!("0\r\n{forbidden}X-Sum: 7\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(verdict(&input), ["POST /", "GET /b"]);
    assert!(record([&input[..]]).contains(&"end Some({\"X-Sum\": \"7\"})".to_owned()));
    let many: String = (0..33).map(|number| format!("x-{number}: y\r\n")).collect();
    assert_eq!(verdict(&chunked(&format!("0\r\n{many}\r\n"))), ["POST /", "431"]);
    let long = format!("0\r\nx: {}", "y".repeat(9_000));
    assert_eq!(outline(&chunked(&long)), ["POST /", "431"]);
    for wrong in ["0\r\n x: y\r\n\r\n", "0\r\nx : y\r\n\r\n", "0\r\nx\r\n\r\n", "0\r\nx: y\n\r\n", "0\r\n\n"] {
        assert_eq!(verdict(&chunked(wrong)), ["POST /", "400"], "{wrong:?}");
    }
}

#[test]
fn hostile_012_line_ends_and_control_characters() {
    for input in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\n",
        "GET / HTTP/1.1\rHost: a\r\r",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \x1f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\u{e9}: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        "\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HT",
        "G",
    ] {
        refused_with("400", input.as_bytes());
    }
    // One empty line before a request is a habit of old clients.
    assert_eq!(verdict(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), ["GET /"]);
    assert_eq!(verdict(b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\t\xff\r\n\r\n"), ["GET /"]);
    assert_eq!(verdict(b""), [""; 0]);
    assert_eq!(verdict(b"\r\n"), [""; 0]);
}

#[test]
fn hostile_013_request_lines() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n").into_bytes();
    for wrong in [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET /a\tb HTTP/1.1",
        "GET /a\nb HTTP/1.1",
        "GET /a\rb HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET  HTTP/1.1",
        "G=T / HTTP/1.1",
        "\"GET\" / HTTP/1.1",
        "G:T / HTTP/1.1",
        "G<T> / HTTP/1.1",
        "get / HTTP/1.1",
        "Get / HTTP/1.1",
        "GET /#fragment HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /\"a\" HTTP/1.1",
        "GET /<a> HTTP/1.1",
        "GET /a{b} HTTP/1.1",
        "GET /a\\b HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET a HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS ** HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET http:/a HTTP/1.1",
        "GET http:///a HTTP/1.1",
        "GET http://u:p@h/ HTTP/1.1",
        "GET http://a b/ HTTP/1.1",
        "GET http://a:99999/ HTTP/1.1",
        "GET ?a HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "CONNECT a HTTP/1.1",
        "CONNECT a: HTTP/1.1",
        "CONNECT http://a:443/ HTTP/1.1",
        "CONNECT u@a:443 HTTP/1.1",
    ] {
        refused_with("400", &line(wrong));
    }
    refused_with("501", &line("UNREASONABLYLONGMETHODXX / HTTP/1.1"));
    for long in [format!("GET /{} HTTP/1.1", "a".repeat(64 * 1024)), format!("GET /{}", "a".repeat(20_000))] {
        assert_eq!(outline(&line(&long)), ["414"]);
        assert_eq!(record(line(&long).chunks(997)), record([&line(&long)[..]]));
    }
    for (good, seen) in [
        ("OPTIONS * HTTP/1.1", "OPTIONS *"),
        ("M-SEARCH /a HTTP/1.1", "M-SEARCH /a"),
        ("GET //a HTTP/1.1", "GET //a"),
        ("GET /a?b=c|d{e} HTTP/1.1", "GET /a?b=c|d{e}"),
        ("GET http://b HTTP/1.1", "GET /"),
        ("GET HTTP://b?c HTTP/1.1", "GET /?c"),
        ("OPTIONS http://b HTTP/1.1", "OPTIONS *"),
        ("GET https://b:8443/c?d HTTP/1.1", "GET /c?d"),
    ] {
        assert_eq!(verdict(&line(good)), [seen], "{good}");
    }
}

#[test]
fn hostile_013_the_host_of_an_absolute_target_wins() {
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    server.input().extend_from_slice(b"GET http://Target.example:81/a HTTP/1.1\r\nHost: other\r\n\r\n");
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    assert_eq!((head.authority(), head.form), ("target.example:81", TargetForm::Absolute));
    assert_eq!(head.fields.get(FieldName::Host), Some(&b"target.example:81"[..]));
}

#[test]
fn hostile_014_hosts() {
    for lines in [
        "X: y",
        "Host: a\r\nHost: a",
        "Host: a\r\nHost: b",
        "Host: a,b",
        "Host: a b",
        "Host: a/b",
        "Host: u@a",
        "Host:",
        "Host: :80",
        "Host: a:99999",
        "Host: a:8x",
        "Host: [fe80::1%25eth0]",
        "Host: [::1",
        "Host: \u{fc}.example",
        "Host: a\\b",
        "Host: a?b",
        "Host: a#b",
        "Host: http://a",
    ] {
        refused_with("400", format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n").as_bytes());
    }
    refused_with("400", b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n");
    refused_with("400", b"GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n");
    for (host, canonical) in [
        ("EXAMPLE.com.", "example.com"),
        ("Example.com:08080", "example.com:8080"),
        ("[2001:DB8::1]:80", "[2001:db8::1]:80"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    ] {
        let events = record([format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()]);
        assert!(events[0].contains(&format!("\"{canonical}\"")), "{events:?}");
    }
    assert_eq!(verdict(b"GET / HTTP/1.0\r\n\r\n"), ["GET /"]);
}

#[test]
fn hostile_015_a_thousand_pipelined_requests_are_answered_in_order() {
    let requests: String = (0..1_000).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let expected: Vec<String> = (0..1_000).map(|number| format!("GET /{number}")).collect();
    assert_eq!(outline(requests.as_bytes()), expected);
    assert_eq!(record(requests.as_bytes().chunks(7)), record([requests.as_bytes()]));
}

#[test]
fn hostile_015_what_follows_a_bad_or_a_last_request_is_not_parsed() {
    let good = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(verdict(format!("{good}GET / HTTP/9.9\r\n\r\n{good}").as_bytes()), ["GET /a", "505"]);
    let last = "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(verdict(format!("{good}{last}{good}").as_bytes()), ["GET /a", "GET /b"]);
}

#[test]
fn hostile_015_the_next_request_waits_for_the_end_of_the_response() {
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    server.input().extend_from_slice(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    server.send_head(&ResponseHead::default(), BodyLength::Unknown);
    assert_eq!(server.poll_event(now, &mut head), None);
    assert_eq!(head.path(), "/a", "the head of the request under way is not touched");
    server.send_end(None);
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    assert_eq!(head.path(), "/b");
}

#[test]
fn hostile_016_premature_upgrade_stays_http_until_101() {
    let now = Instant::ZERO;
    let request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    server.input().extend_from_slice(format!("{request}GET /b HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    server.send_head(&ResponseHead::default(), BodyLength::None);
    assert_eq!(server.take_tunnel(), None::<Bytes>);
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    assert_eq!(head.path(), "/b");
    // 101 to a request that asked for nothing is our own mistake.
    server.send_head(&ResponseHead::new(Status::SWITCHING_PROTOCOLS), BodyLength::None);
    assert!(server.fault().is_some());
    assert_eq!(server.take_tunnel(), None);
}

#[test]
fn hostile_016_upgrades_that_cannot_be_meant_are_removed() {
    for lines in [
        "Connection: upgrade\r\nUpgrade: h2c",
        "Connection: upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "Connection: upgrade\r\nUpgrade: websocket, h2c",
        "Upgrade: websocket",
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2",
        "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked",
    ] {
        let events = record([format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n2\r\n").as_bytes()]);
        assert!(events[0].starts_with("request GET /"), "{events:?}");
        assert!(!events[0].contains("Upgrade\":") && !events[0].contains("Settings\":"), "{events:?}");
    }
    let events = record([&b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"[..]]);
    assert!(!events[0].contains("Upgrade\":"), "{events:?}");
}

#[test]
fn hostile_016_bytes_after_a_refused_connect_are_not_a_request() {
    let events = outline(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    // The recorder answers 204, which is a tunnel: nothing is parsed.
    assert_eq!(events, ["CONNECT "]);
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    server.input().extend_from_slice(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
    server.send_head(&ResponseHead::new(Status::NOT_IMPLEMENTED), BodyLength::None);
    assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Closed));
    for content in ["Content-Length: 2", "Transfer-Encoding: chunked"] {
        refused_with("400", format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{content}\r\n\r\n2\r\n").as_bytes());
        refused_with("400", format!("TRACE / HTTP/1.1\r\nHost: a\r\n{content}\r\n\r\n2\r\n").as_bytes());
    }
}

#[test]
fn hostile_018_nothing_a_stage_builds_splits_a_line() {
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    server.input().extend_from_slice(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.poll_event(now, &mut RequestHead::default());
    let mut head = ResponseHead::new(Status::FOUND).with(FieldName::Location, "/\r\nSet-Cookie: a=b");
    head.fields.append_named("X\r\nY", "z");
    server.send_head(&head, BodyLength::None);
    let mut slices = [std::io::IoSlice::new(&[]); 2];
    assert_eq!(server.output(&mut slices), 1);
    let text = String::from_utf8_lossy(&slices[0]);
    assert_eq!(text, "HTTP/1.1 302 Found\r\nLocation: /  Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn hostile_060_counts_and_sizes_of_heads() {
    let fields = |count: usize| (0..count).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    let request = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
    assert_eq!(outline(&request(&fields(99))), ["GET /"]);
    for large in [
        fields(100),
        format!("x: {}\r\n", "y".repeat(16 * 1024)),
        format!("{}: y\r\n", "x".repeat(300)),
        format!("x: {}\r\n", "y".repeat(8 * 1024)).repeat(4),
    ] {
        let input = request(&large);
        assert_eq!(outline(&input), ["431"]);
        assert_eq!(record(input.chunks(1)), record([&input[..]]));
    }
    // Without an end in sight, too.
    assert_eq!(outline(&[b'A'; 100]), ["501"]);
    assert_eq!(outline(format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(6_000)).as_bytes()), ["431"]);
}

#[test]
fn hostile_061_content_beyond_its_bound() {
    let now = Instant::ZERO;
    for (lines, content, events) in [
        ("Content-Length: 11", "hello", 0),
        ("Transfer-Encoding: chunked", "b\r\nhello world\r\n0\r\n\r\n", 0),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 1),
    ] {
        let mut server = ServerConnection::new(ServerLimits::default(), now);
        let mut head = RequestHead::default();
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{content}");
        server.input().extend_from_slice(request.as_bytes());
        assert_eq!(server.poll_event(now, &mut head), Some(ServerEvent::Request));
        server.limit_body(10);
        for _ in 0..events {
            assert!(matches!(server.poll_event(now, &mut head), Some(ServerEvent::Data(_))), "{lines}");
        }
        let event = server.poll_event(now, &mut head);
        assert!(matches!(event, Some(ServerEvent::Refused(refusal)) if refusal.status == Status::CONTENT_TOO_LARGE));
    }
}
