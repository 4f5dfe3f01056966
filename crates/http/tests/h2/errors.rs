//! RFC 9113's error conditions: what comes, in which state, and what must answer it. Each row names its section.

use edgeway_http::h2::wire::flags;
use edgeway_http::h2::{ErrorCode, Limits};

use super::peer::{GET, POST, Peer};

/// What the connection has seen before.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Before {
    /// Preface and SETTINGS.
    Open,
    /// Also a whole GET on stream 1: half-closed (remote).
    HalfClosed,
    /// Also the head of a POST on stream 1: open.
    Streaming,
    /// Also a GET on stream 1 answered whole: closed.
    Finished,
    /// Also a POST on stream 1 the client has reset: closed.
    ResetByClient,
    /// Also a POST on stream 1 we have reset: closed, frames still on their way.
    ResetByServer,
    /// Also the beginning of a field block on stream 1.
    Block,
    /// Also stream 2 promised on stream 1.
    Promised,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Answer {
    Connection(ErrorCode),
    Stream(ErrorCode),
    Nothing,
}

use Answer::{Connection, Nothing, Stream};
use Before::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const PRIORITY_UPDATE: u8 = 16;
const END: u8 = flags::END_STREAM;
const WHOLE: u8 = flags::END_HEADERS;

/// Section, state, frame (type, flags, stream, payload), answer.
type Row = (&'static str, Before, (u8, u8, u32, &'static [u8]), Answer);

const ROWS: &[Row] = &[
    ("4.2 larger than announced", Open, (DATA, 0, 1, &[0; 16_385]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("4.2 unknown but too large", Open, (0xfa, 0, 0, &[0; 16_385]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("4.3 broken block", Open, (HEADERS, END | WHOLE, 1, &[0x80]), Connection(ErrorCode::COMPRESSION_ERROR)),
    (
        "4.3 block on a closed stream is decoded",
        ResetByServer,
        (HEADERS, WHOLE, 1, &[0x80]),
        Connection(ErrorCode::COMPRESSION_ERROR),
    ),
    ("5.1 idle: DATA", Open, (DATA, 0, 1, b"x"), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 idle: RST_STREAM", Open, (RST_STREAM, 0, 1, &[0; 4]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 idle: WINDOW_UPDATE", Open, (WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 idle: CONTINUATION", Open, (CONTINUATION, WHOLE, 1, b""), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 idle: PRIORITY", Open, (PRIORITY, 0, 1, &[0, 0, 0, 0, 15]), Nothing),
    ("5.1 half-closed: DATA", HalfClosed, (DATA, 0, 1, b"x"), Stream(ErrorCode::STREAM_CLOSED)),
    ("5.1 half-closed: HEADERS", HalfClosed, (HEADERS, END | WHOLE, 1, &[0x82]), Stream(ErrorCode::STREAM_CLOSED)),
    ("5.1 half-closed: WINDOW_UPDATE", HalfClosed, (WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), Nothing),
    ("5.1 half-closed: PRIORITY", HalfClosed, (PRIORITY, 0, 1, &[0, 0, 0, 0, 15]), Nothing),
    ("5.1 half-closed: RST_STREAM", HalfClosed, (RST_STREAM, 0, 1, &[0, 0, 0, 8]), Nothing),
    ("5.1 closed by END_STREAM: DATA", Finished, (DATA, 0, 1, b"x"), Connection(ErrorCode::STREAM_CLOSED)),
    (
        "5.1 closed by END_STREAM: HEADERS",
        Finished,
        (HEADERS, END | WHOLE, 1, &[0x82]),
        Connection(ErrorCode::STREAM_CLOSED),
    ),
    ("5.1 closed: WINDOW_UPDATE", Finished, (WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), Nothing),
    ("5.1 closed: RST_STREAM", Finished, (RST_STREAM, 0, 1, &[0, 0, 0, 8]), Nothing),
    ("5.1 closed: PRIORITY", Finished, (PRIORITY, 0, 1, &[0, 0, 0, 0, 15]), Nothing),
    ("5.1 closed by its RST_STREAM: DATA", ResetByClient, (DATA, 0, 1, b"x"), Stream(ErrorCode::STREAM_CLOSED)),
    (
        "5.1 closed by its RST_STREAM: HEADERS",
        ResetByClient,
        (HEADERS, END | WHOLE, 1, &[0x82]),
        Stream(ErrorCode::STREAM_CLOSED),
    ),
    ("5.1 closed by our RST_STREAM: DATA", ResetByServer, (DATA, END, 1, b"x"), Nothing),
    ("5.1 closed by our RST_STREAM: HEADERS", ResetByServer, (HEADERS, END | WHOLE, 1, &[0x82]), Nothing),
    ("5.1 reserved: HEADERS", Promised, (HEADERS, END | WHOLE, 2, &[0x82]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 reserved: DATA", Promised, (DATA, 0, 2, b"x"), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.1 reserved: WINDOW_UPDATE", Promised, (WINDOW_UPDATE, 0, 2, &[0, 0, 0, 1]), Nothing),
    ("5.1 reserved: RST_STREAM", Promised, (RST_STREAM, 0, 2, &[0, 0, 0, 8]), Nothing),
    ("5.1.1 even stream", Open, (HEADERS, END | WHOLE, 2, &[0x82]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("5.5 unknown frame", Open, (0xfa, 0xff, 7, b"grease"), Nothing),
    ("5.5 unknown frame in a block", Block, (0xfa, 0, 0, b""), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.1 DATA on stream 0", Open, (DATA, 0, 0, b"x"), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.1 padding too long", Streaming, (DATA, flags::PADDED, 1, &[3, 1, 2]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.1 padded without length", Streaming, (DATA, flags::PADDED, 1, b""), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("6.1 padding that fits", Streaming, (DATA, flags::PADDED, 1, &[2, 1, 2]), Nothing),
    ("6.2 HEADERS on stream 0", Open, (HEADERS, END | WHOLE, 0, &[0x82]), Connection(ErrorCode::PROTOCOL_ERROR)),
    (
        "6.2 padding too long",
        Open,
        (HEADERS, WHOLE | flags::PADDED, 1, &[9, 0x82]),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "6.2 too short for its priority",
        Open,
        (HEADERS, WHOLE | flags::PRIORITY, 1, &[0; 4]),
        Connection(ErrorCode::FRAME_SIZE_ERROR),
    ),
    ("6.2 HEADERS in a block", Block, (HEADERS, WHOLE, 3, &[0x82]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.3 PRIORITY on stream 0", Open, (PRIORITY, 0, 0, &[0; 5]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.3 PRIORITY of 4 bytes", HalfClosed, (PRIORITY, 0, 1, &[0; 4]), Stream(ErrorCode::FRAME_SIZE_ERROR)),
    (
        "RFC 7540 5.3.1 depends on itself",
        HalfClosed,
        (PRIORITY, 0, 1, &[0, 0, 0, 1, 0]),
        Stream(ErrorCode::PROTOCOL_ERROR),
    ),
    ("6.3 PRIORITY in a block", Block, (PRIORITY, 0, 1, &[0; 5]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.4 RST_STREAM on stream 0", Open, (RST_STREAM, 0, 0, &[0; 4]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.4 RST_STREAM of 5 bytes", HalfClosed, (RST_STREAM, 0, 1, &[0; 5]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("6.5 SETTINGS on a stream", Open, (SETTINGS, 0, 1, b""), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.5 SETTINGS of 5 bytes", Open, (SETTINGS, 0, 0, &[0; 5]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    (
        "6.5 acknowledgement with payload",
        Open,
        (SETTINGS, flags::ACK, 0, &[0; 6]),
        Connection(ErrorCode::FRAME_SIZE_ERROR),
    ),
    ("6.5.2 ENABLE_PUSH of 2", Open, (SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.5.2 window of 2^31", Open, (SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), Connection(ErrorCode::FLOW_CONTROL_ERROR)),
    (
        "6.5.2 frame size of 16383",
        Open,
        (SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    ("6.5.2 frame size of 2^24", Open, (SETTINGS, 0, 0, &[0, 5, 1, 0, 0, 0]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.5.2 unknown parameter", Open, (SETTINGS, 0, 0, &[0x1a, 0x2a, 1, 2, 3, 4]), Nothing),
    ("RFC 8441 3 value of 2", Open, (SETTINGS, 0, 0, &[0, 8, 0, 0, 0, 2]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("RFC 9218 2.1 value of 2", Open, (SETTINGS, 0, 0, &[0, 9, 0, 0, 0, 2]), Connection(ErrorCode::PROTOCOL_ERROR)),
    (
        "6.6 PUSH_PROMISE from a client",
        HalfClosed,
        (PUSH_PROMISE, WHOLE, 1, &[0, 0, 0, 2, 0x82]),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    ("6.7 PING on a stream", Open, (PING, 0, 1, &[0; 8]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.7 PING of 7 bytes", Open, (PING, 0, 0, &[0; 7]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("6.7 PING in a block", Block, (PING, 0, 0, &[0; 8]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.8 GOAWAY on a stream", Open, (GOAWAY, 0, 1, &[0; 8]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.8 GOAWAY of 7 bytes", Open, (GOAWAY, 0, 0, &[0; 7]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("6.9 WINDOW_UPDATE of 3 bytes", Open, (WINDOW_UPDATE, 0, 0, &[0; 3]), Connection(ErrorCode::FRAME_SIZE_ERROR)),
    ("6.9 by zero, connection", Open, (WINDOW_UPDATE, 0, 0, &[0; 4]), Connection(ErrorCode::PROTOCOL_ERROR)),
    ("6.9 by zero, stream", HalfClosed, (WINDOW_UPDATE, 0, 1, &[0; 4]), Stream(ErrorCode::PROTOCOL_ERROR)),
    ("6.9 reserved bit is ignored", HalfClosed, (WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 1]), Nothing),
    (
        "6.9.1 overflow, connection",
        Open,
        (WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
        Connection(ErrorCode::FLOW_CONTROL_ERROR),
    ),
    (
        "6.9.1 overflow, stream",
        HalfClosed,
        (WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]),
        Stream(ErrorCode::FLOW_CONTROL_ERROR),
    ),
    (
        "6.10 CONTINUATION on another stream",
        Block,
        (CONTINUATION, WHOLE, 3, b""),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "6.10 CONTINUATION after a whole block",
        HalfClosed,
        (CONTINUATION, WHOLE, 1, b""),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    ("6.10 CONTINUATION on stream 0", Block, (CONTINUATION, WHOLE, 0, b""), Connection(ErrorCode::PROTOCOL_ERROR)),
    (
        "8.1 trailers without END_STREAM",
        Streaming,
        (HEADERS, WHOLE, 1, b"\x00\x01a\x01b"),
        Stream(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "8.1 pseudo-header field in trailers",
        Streaming,
        (HEADERS, END | WHOLE, 1, &[0x82]),
        Stream(ErrorCode::PROTOCOL_ERROR),
    ),
    ("8.1.1 malformed request", Open, (HEADERS, END | WHOLE, 1, &[0x82]), Stream(ErrorCode::PROTOCOL_ERROR)),
    (
        "RFC 9218 7.1 PRIORITY_UPDATE on a stream",
        Open,
        (PRIORITY_UPDATE, 0, 1, b"\0\0\0\x01u=1"),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "RFC 9218 7.1 PRIORITY_UPDATE for stream 0",
        Open,
        (PRIORITY_UPDATE, 0, 0, b"\0\0\0\0u=1"),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "RFC 9218 7.1 PRIORITY_UPDATE for an idle push",
        Open,
        (PRIORITY_UPDATE, 0, 0, b"\0\0\0\x02u=1"),
        Connection(ErrorCode::PROTOCOL_ERROR),
    ),
    (
        "RFC 9218 7.1 PRIORITY_UPDATE of 3 bytes",
        Open,
        (PRIORITY_UPDATE, 0, 0, b"abc"),
        Connection(ErrorCode::FRAME_SIZE_ERROR),
    ),
    ("RFC 9218 7.1 PRIORITY_UPDATE ahead", Open, (PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1"), Nothing),
];

fn prepared(before: Before) -> Peer {
    let mut peer = Peer::new();
    match before {
        Open => {}
        HalfClosed => peer.headers(1, GET, true),
        Streaming => peer.headers(1, POST, false),
        Finished => {
            peer.headers(1, GET, true);
            peer.respond(1, b"whole");
        }
        ResetByClient => {
            peer.headers(1, POST, false);
            peer.reset(1);
        }
        ResetByServer => {
            peer.headers(1, POST, false);
            peer.server.reset(edgeway_http::h2::StreamId::new(1), ErrorCode::CANCEL);
        }
        Block => peer.raw(HEADERS, END, 1, &[0x82]),
        Promised => {
            peer.headers(1, GET, true);
            let mut head = edgeway_http::semantics::RequestHead::default();
            head.set_target(b"/pushed");
            head.set_authority(b"example.com").unwrap();
            peer.server.push(edgeway_http::h2::StreamId::new(1), &head).expect("push is allowed by default");
        }
    }
    peer.drain();
    peer.sent.clear();
    peer
}

fn answer(peer: &Peer) -> Answer {
    match (peer.go_away_code(), peer.resets().first()) {
        (Some(code), _) => Connection(code),
        (None, Some((_, code))) => Stream(*code),
        (None, None) => Nothing,
    }
}

#[test]
fn error_conditions_of_rfc_9113() {
    for (section, before, (kind, flags, stream, payload), expected) in ROWS {
        let mut peer = prepared(*before);
        peer.raw(*kind, *flags, *stream, payload);
        peer.drain();
        assert_eq!(answer(&peer), *expected, "§{section}");
        assert_eq!(peer.server.wants_close(), matches!(expected, Connection(_)), "§{section}");
        assert_eq!(
            peer.server.error().map(|error| Connection(error.code)).unwrap_or(Nothing),
            match expected {
                Connection(code) => Connection(*code),
                _ => Nothing,
            }
        );
    }
}

#[test]
fn the_first_bytes_are_the_preface_and_settings() {
    for (name, bytes, expected) in [
        ("3.4 another protocol", &b"GET / HTTP/1.1\r\n"[..], Some(ErrorCode::PROTOCOL_ERROR)),
        ("3.4 a preface cut and wrong", b"PRI * HTTP/2.1", Some(ErrorCode::PROTOCOL_ERROR)),
        ("3.4 the first half", b"PRI * HTTP/2.0\r\n", None),
        (
            "3.4 PING first",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0",
            Some(ErrorCode::PROTOCOL_ERROR),
        ),
        (
            "3.4 SETTINGS acknowledgement first",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\x01\0\0\0\0",
            Some(ErrorCode::PROTOCOL_ERROR),
        ),
        ("3.4 SETTINGS first", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", None),
    ] {
        let mut peer = Peer::silent(Limits::default());
        bytes.chunks(5).for_each(|chunk| peer.bytes(chunk));
        peer.drain();
        assert_eq!(peer.go_away_code(), expected, "{name}");
    }
}

#[test]
fn stream_numbers_only_grow_and_skipped_ones_are_closed() {
    let mut peer = Peer::new();
    peer.headers(5, GET, true);
    peer.headers(3, GET, true);
    peer.drain();
    assert_eq!(peer.go_away_code(), Some(ErrorCode::PROTOCOL_ERROR), "RFC 9113 §5.1.1");
    assert_eq!(peer.requests(), []);
}

#[test]
fn settings_that_overflow_a_window_end_the_connection() {
    let mut peer = Peer::new();
    peer.headers(1, GET, true);
    peer.window_update(1, 0x7fff_ffff - 65_535);
    peer.raw(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]);
    peer.drain();
    assert_eq!(peer.go_away_code(), Some(ErrorCode::FLOW_CONTROL_ERROR), "RFC 9113 §6.9.2");
}

#[test]
fn data_beyond_a_window_is_refused() {
    let mut peer = Peer::new();
    peer.headers(1, POST, false);
    for _ in 0..4 {
        peer.data(1, &[0; 16_384], false);
    }
    peer.drain();
    assert_eq!(peer.resets(), [(1, ErrorCode::FLOW_CONTROL_ERROR)], "RFC 9113 §6.9.1: 65,536 into 65,535");
    let mut peer = Peer::with(Limits { stream_window: 1 << 20, ..Limits::default() });
    peer.headers(1, POST, false);
    for _ in 0..17 {
        peer.data(1, &[0; 16_384], false);
    }
    peer.drain();
    assert_eq!(peer.go_away_code(), Some(ErrorCode::FLOW_CONTROL_ERROR), "the connection's window is 256 KB");
}
