//! WebSocket connections, both sides (RFC 6455), and the hostile matrix's line 64, in the manner of the Autobahn cases:
//! bytes in, events and bytes out, however they were cut.

use std::io::IoSlice;

use bytes::Bytes;
use edgeway_base::{Entropy, Instant, SeededEntropy};
use edgeway_http::limits::websocket as limits;
use edgeway_http::semantics::RequestHead;
use edgeway_http::websocket::deflate::MessageDeflater;
use edgeway_http::websocket::handshake::{self, ClientHandshake};
use edgeway_http::websocket::machine::{WebSocketConnection, WebSocketEvent, WebSocketLimits};
use edgeway_http::websocket::wire::{CloseCode, FrameHeader, Opcode, apply_mask};

const NOW: Instant = Instant::ZERO;

fn server() -> WebSocketConnection {
    WebSocketConnection::server(WebSocketLimits::default(), false, NOW)
}

fn client() -> WebSocketConnection {
    WebSocketConnection::client(WebSocketLimits::default(), Box::new(SeededEntropy::new(1)), false, NOW)
}

/// A frame as a client writes it.
fn frame(is_final: bool, opcode: Opcode, content: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = Vec::new();
    FrameHeader { is_final, is_compressed: false, opcode, mask: Some(mask), length: content.len() as u64 }
        .encode(&mut bytes);
    let start = bytes.len();
    bytes.extend_from_slice(content);
    apply_mask(&mut bytes[start..], mask, 0);
    bytes
}

fn written(connection: &mut WebSocketConnection) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let filled = connection.output(&mut slices);
    let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    connection.consume_output(bytes.len());
    bytes
}

fn events(connection: &mut WebSocketConnection, bytes: &[u8]) -> Vec<WebSocketEvent> {
    connection.input().extend_from_slice(bytes);
    connection.handle_input(NOW);
    std::iter::from_fn(|| connection.poll_event(NOW)).collect()
}

/// What a server says to these bytes: the same for every cut.
#[track_caller]
fn heard(bytes: &[u8]) -> (Vec<WebSocketEvent>, Vec<u8>) {
    let mut whole = server();
    let all = events(&mut whole, bytes);
    let said = written(&mut whole);
    for step in [1, 2, 3, 5, 7, 64] {
        let mut cut = server();
        let parts: Vec<WebSocketEvent> = bytes.chunks(step).flat_map(|part| events(&mut cut, part)).collect();
        assert_eq!((parts, written(&mut cut)), (all.clone(), said.clone()), "step {step}");
    }
    (all, said)
}

fn text(text: &'static str) -> WebSocketEvent {
    WebSocketEvent::Text(Bytes::from_static(text.as_bytes()))
}

#[test]
fn rfc_6455_section_5_7_examples() {
    assert_eq!(heard(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]).0, [text("Hello")]);
    let mut client = client();
    assert_eq!(events(&mut client, &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]), [text("Hello")]);
    assert_eq!(events(&mut client, &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]), [text("Hello")]);
    // An unmasked ping to the client, and its masked pong.
    assert_eq!(events(&mut client, &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]), []);
    let mut pong = written(&mut client);
    assert_eq!(pong[..2], [0x8a, 0x85]);
    let mask = pong[2..6].try_into().unwrap();
    apply_mask(&mut pong[6..], mask, 0);
    assert_eq!(&pong[6..], b"Hello");
}

#[test]
fn messages_in_parts_with_control_frames_between() {
    let bytes = [
        frame(false, Opcode::Text, "stra\u{df}".as_bytes().split_at(5).0),
        frame(true, Opcode::Ping, b"1"),
        frame(false, Opcode::Continuation, b""),
        frame(true, Opcode::Pong, b"unasked"),
        frame(true, Opcode::Continuation, &[0x9f, b'e']),
        frame(true, Opcode::Binary, &[0xff]),
    ]
    .concat();
    let (events, said) = heard(&bytes);
    let pong = WebSocketEvent::Pong(Bytes::from("unasked"));
    assert_eq!(events, [pong, text("stra\u{df}e"), WebSocketEvent::Binary(Bytes::from_static(&[0xff]))]);
    assert_eq!(said, [0x8a, 1, b'1']);
}

#[test]
fn hostile_064_what_breaks_the_rules_fails_with_its_code() {
    let unmasked = {
        let mut bytes = Vec::new();
        FrameHeader { is_final: true, is_compressed: false, opcode: Opcode::Text, mask: None, length: 1 }
            .encode(&mut bytes);
        [bytes, b"a".to_vec()].concat()
    };
    let huge = |opcode, length: u64| {
        let mut bytes = Vec::new();
        FrameHeader { is_final: true, is_compressed: false, opcode, mask: Some([0; 4]), length }.encode(&mut bytes);
        bytes
    };
    let part = frame(false, Opcode::Binary, &[0; 1000]);
    let half = huge(Opcode::Continuation, limits::MESSAGE_BYTES_MAX as u64 - 999);
    for (name, bytes, code) in [
        ("unmasked", unmasked, CloseCode::PROTOCOL_ERROR),
        ("reserved bit", vec![0xc1, 0x80, 0, 0, 0, 0], CloseCode::PROTOCOL_ERROR),
        ("unknown opcode", vec![0x83, 0x80, 0, 0, 0, 0], CloseCode::PROTOCOL_ERROR),
        ("length beyond 2^63", vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], CloseCode::PROTOCOL_ERROR),
        ("ping in parts", frame(false, Opcode::Ping, b""), CloseCode::PROTOCOL_ERROR),
        ("long ping", frame(true, Opcode::Ping, &[0; 126]), CloseCode::PROTOCOL_ERROR),
        ("continuation of nothing", frame(true, Opcode::Continuation, b"a"), CloseCode::PROTOCOL_ERROR),
        (
            "text in text",
            [frame(false, Opcode::Text, b"a"), frame(true, Opcode::Text, b"b")].concat(),
            CloseCode::PROTOCOL_ERROR,
        ),
        ("not UTF-8", frame(true, Opcode::Text, b"a\xffb"), CloseCode::INVALID_PAYLOAD),
        ("a surrogate", frame(true, Opcode::Text, b"\xed\xa0\x80"), CloseCode::INVALID_PAYLOAD),
        ("half a character", frame(true, Opcode::Text, b"a\xc3"), CloseCode::INVALID_PAYLOAD),
        ("close of one byte", frame(true, Opcode::Close, b"\x03"), CloseCode::PROTOCOL_ERROR),
        ("close with 1005", frame(true, Opcode::Close, &1005_u16.to_be_bytes()), CloseCode::PROTOCOL_ERROR),
        ("close not UTF-8", frame(true, Opcode::Close, b"\x03\xe8\xff"), CloseCode::INVALID_PAYLOAD),
        ("too big at once", huge(Opcode::Binary, limits::MESSAGE_BYTES_MAX as u64 + 1), CloseCode::MESSAGE_TOO_BIG),
        ("too big in parts", [part, half].concat(), CloseCode::MESSAGE_TOO_BIG),
    ] {
        let bytes = [bytes, frame(true, Opcode::Text, b"after")].concat();
        let (events, said) = heard(&bytes);
        assert_eq!(events, [WebSocketEvent::Failed(code), WebSocketEvent::Closed], "{name}");
        assert_eq!(said, [&[0x88, 2][..], &code.code().to_be_bytes()].concat(), "{name}");
    }
}

#[test]
fn hostile_064_text_fails_at_its_first_wrong_byte() {
    let mut server = server();
    let bytes = frame(true, Opcode::Text, b"ok \xff and much more to come");
    assert_eq!(events(&mut server, &bytes[..6 + 3]), []);
    assert_eq!(events(&mut server, &bytes[9..10])[0], WebSocketEvent::Failed(CloseCode::INVALID_PAYLOAD));
}

#[test]
fn hostile_064_floods_of_pings_and_of_nothing() {
    let mut connection = server();
    let flood = frame(true, Opcode::Ping, &[b'x'; 125]).repeat(limits::CONTROL_FRAMES_MAX as usize);
    assert_eq!(events(&mut connection, &flood), []);
    assert!(connection.output_length() <= limits::PONG_OUTPUT_BYTES_MAX + 127, "pongs nobody reads are not kept");
    let last = events(&mut connection, &frame(true, Opcode::Ping, b""));
    assert_eq!(last[0], WebSocketEvent::Failed(CloseCode::POLICY_VIOLATION));
    let mut connection = server();
    let first = frame(false, Opcode::Text, b"");
    let flood = frame(false, Opcode::Continuation, b"").repeat(limits::EMPTY_FRAMES_MAX as usize);
    let all = events(&mut connection, &[first, flood].concat());
    assert_eq!(all[0], WebSocketEvent::Failed(CloseCode::POLICY_VIOLATION));
}

#[test]
fn closing_is_answered_with_the_same_code_and_ends_the_connection() {
    for (content, close, answer) in [
        (&b"\x03\xe8bye"[..], Some((CloseCode::NORMAL, "bye".to_owned())), &b"\x88\x02\x03\xe8"[..]),
        (b"", None, b"\x88\x00"),
    ] {
        let (events, said) = heard(&frame(true, Opcode::Close, content));
        assert_eq!(events, [WebSocketEvent::Close(close), WebSocketEvent::Closed]);
        assert_eq!(said, answer);
    }
}

#[test]
fn a_close_of_ours_waits_for_the_answer_but_not_for_ever() {
    let mut answered = server();
    answered.close(CloseCode::GOING_AWAY, "reload", NOW);
    assert_eq!(written(&mut answered), b"\x88\x08\x03\xe9reload");
    answered.send_text("too late");
    assert_eq!(answered.output_length(), 0);
    assert!(!answered.wants_close());
    let rest = [frame(true, Opcode::Text, b"under way"), frame(true, Opcode::Close, b"\x03\xe9")].concat();
    let close = WebSocketEvent::Close(Some((CloseCode::GOING_AWAY, String::new())));
    assert_eq!(events(&mut answered, &rest), [close, WebSocketEvent::Closed]);
    assert!(answered.wants_close());

    let mut ignored = server();
    ignored.close(CloseCode::GOING_AWAY, "", NOW);
    written(&mut ignored);
    let until = ignored.poll_timeout().unwrap();
    assert_eq!(until, NOW + limits::CLOSE_TIMEOUT);
    events(&mut ignored, &frame(true, Opcode::Text, b"never mind"));
    ignored.handle_timeout(until);
    assert!(ignored.wants_close());
    assert_eq!(ignored.poll_event(until), Some(WebSocketEvent::Closed));
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut connection = server();
    let ping_at = connection.poll_timeout().unwrap();
    assert_eq!(ping_at, NOW + limits::PING_INTERVAL);
    connection.handle_timeout(ping_at);
    assert_eq!(written(&mut connection), [0x89, 0]);
    let until = connection.poll_timeout().unwrap();
    assert_eq!(until, ping_at + limits::PONG_TIMEOUT);
    connection.input().extend_from_slice(&frame(true, Opcode::Pong, b""));
    connection.handle_input(until);
    assert_eq!(connection.poll_timeout(), Some(until + limits::PING_INTERVAL));
    connection.handle_timeout(until + limits::PING_INTERVAL);
    written(&mut connection);
    connection.handle_timeout(until + limits::PING_INTERVAL + limits::PONG_TIMEOUT);
    assert!(connection.wants_close());
    assert_eq!(connection.poll_timeout(), None);
}

#[test]
fn both_sides_understand_each_other_whatever_the_cut() {
    let mut entropy = SeededEntropy::new(9);
    let (mut client, mut server) = (client(), server());
    let mut expected = Vec::new();
    let mut received = Vec::new();
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000, 3] {
        let message: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        client.send_binary(&message);
        expected.push(WebSocketEvent::Binary(message.into()));
    }
    client.send_text("\u{1f600}");
    expected.push(text("\u{1f600}"));
    let bytes = written(&mut client);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at((entropy.below(9_000) as usize + 1).min(rest.len()));
        received.extend(events(&mut server, now));
        rest = later;
    }
    assert!(received == expected);
    // And back, where a long message is not copied.
    let shared = Bytes::from(vec![b'x'; 100_000]);
    server.send_shared(true, shared.clone());
    let mut slices = [IoSlice::new(&[]); 4];
    assert_eq!(server.output(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), shared.as_ptr());
    let back = written(&mut server);
    assert!(events(&mut client, &back) == [WebSocketEvent::Text(shared)]);
}

#[test]
fn compressed_messages_are_agreed_on_and_read_in_any_cut() {
    let mut request = RequestHead::default();
    let handshake = ClientHandshake::begin(&mut request, &[], &mut SeededEntropy::new(3));
    let response = handshake::accept(&request, |_| false).unwrap();
    assert!(handshake.is_accepted(&response) && handshake::is_compressed(&response));

    let limits = WebSocketLimits { message_bytes_max: 100_000, ..WebSocketLimits::default() };
    let (entropy, mut deflater) = (Box::new(SeededEntropy::new(4)), MessageDeflater::new());
    let mut client = WebSocketConnection::client(limits, entropy, true, NOW);
    let texts = ["", "again and again and again", "\u{e4}"];
    for text in texts {
        client.send_deflated(true, deflater.deflate(text.as_bytes()));
    }
    client.send_text("plain between");
    client.send_deflated(false, deflater.deflate(&[7; 100_000]));
    let bytes = written(&mut client);
    assert!(bytes.len() < 2_000, "{}", bytes.len());
    for step in [1, 3, 100, bytes.len()] {
        let mut server = WebSocketConnection::server(limits, true, NOW);
        let all: Vec<WebSocketEvent> = bytes.chunks(step).flat_map(|part| events(&mut server, part)).collect();
        let mut expected: Vec<WebSocketEvent> = texts.into_iter().map(text).collect();
        expected.extend([text("plain between"), WebSocketEvent::Binary(Bytes::from(vec![7; 100_000]))]);
        assert!(all == expected, "{step}");
    }

    for (message, code) in [
        (deflater.deflate(&[7; 100_001]), CloseCode::MESSAGE_TOO_BIG),
        (deflater.deflate(b"\xff"), CloseCode::INVALID_PAYLOAD),
        (Bytes::from_static(b"\xff\xff"), CloseCode::INVALID_PAYLOAD),
    ] {
        let mut server = WebSocketConnection::server(limits, true, NOW);
        client.send_deflated(true, message);
        let bytes = written(&mut client);
        assert_eq!(events(&mut server, &bytes)[0], WebSocketEvent::Failed(code));
    }
}

#[test]
fn any_bytes_are_survived() {
    for seed in 0..2_000 {
        let mut entropy = SeededEntropy::new(seed);
        let mut connection = server();
        let mut bytes = frame(seed % 2 == 0, Opcode::Text, b"hello");
        bytes.extend(frame(true, Opcode::Continuation, b"world"));
        for _ in 0..3 {
            let at = entropy.below(bytes.len() as u32) as usize;
            bytes[at] = entropy.next_u16() as u8;
        }
        let all = events(&mut connection, &bytes);
        let failed = all.iter().any(|event| matches!(event, WebSocketEvent::Failed(_) | WebSocketEvent::Close(_)));
        assert_eq!(failed, all.last() == Some(&WebSocketEvent::Closed), "seed {seed}");
    }
}
