//! RFC 9114's error conditions: what a raw client sends, and what must answer it; with the hostile clients of the security matrix
//! by their numbers.

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_http::h3::{Command, ErrorCode, Limits, ServerConnection, ServerEvent};
use edgeway_http::semantics::{ResponseHead, Status};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Answer {
    Connection(u64),
    Stream(u64),
    Nothing,
}

use Answer::{Connection, Nothing, Stream};

struct Peer {
    server: ServerConnection,
    now: Instant,
    events: Vec<ServerEvent>,
}

impl Peer {
    /// A server that has seen the control stream and its SETTINGS.
    fn new() -> Self {
        let mut peer = Self::silent();
        peer.send(2, &[0, 4, 0], false);
        peer
    }

    fn silent() -> Self {
        let now = Instant::from_millis(1);
        Self { server: ServerConnection::new(Limits::default(), 3, 7, 11, now), now, events: Vec::new() }
    }

    fn send(&mut self, stream: u64, bytes: &[u8], fin: bool) {
        self.server.handle_stream(stream, Bytes::copy_from_slice(bytes), fin, self.now);
        self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    fn answer(&mut self) -> Answer {
        if let Some(error) = self.server.error() {
            return Connection(error.code.0);
        }
        let mut commands = std::iter::from_fn(|| self.server.poll_command());
        commands
            .find_map(|command| match command {
                Command::ResetStream { code, .. } => Some(Stream(code.0)),
                Command::StopSending { .. } => None,
            })
            .unwrap_or(Nothing)
    }

    /// All that is in line on a stream.
    fn sent(&mut self, wanted: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(stream) = self.server.next_to_send() {
            match self.server.front(stream).cloned() {
                Some(bytes) => {
                    self.server.sent(stream, bytes.len());
                    out.extend_from_slice(if stream == wanted { &bytes } else { &[] });
                }
                None => self.server.finished(stream),
            }
        }
        out
    }

    fn requests(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, ServerEvent::Request { .. })).count()
    }
}

/// What a client does again and again.
type Flood<'a> = &'a dyn Fn(&mut Peer, u64);

/// GET https://a/ by the static table and a literal, as a HEADERS frame.
const GET: &[u8] = &[1, 8, 0, 0, 0xd1, 0xd7, 0xc1, 0x50, 1, b'a'];
/// POST with Content-Length 5.
const POST_5: &[u8] = &[1, 11, 0, 0, 0xd4, 0xd7, 0xc1, 0x50, 1, b'a', 0x54, 1, b'5'];

/// Section, streams as they come (number, bytes, FIN), answer.
type Row = (&'static str, &'static [(u64, &'static [u8], bool)], Answer);

const ROWS: &[Row] = &[
    ("4.1 a request", &[(0, GET, true)], Nothing),
    ("4.1 DATA before HEADERS", &[(0, &[0, 1, b'x'], false)], Connection(0x105)),
    ("4.1 empty DATA before HEADERS", &[(0, &[0, 0], false)], Connection(0x105)),
    (
        "4.1 DATA after trailers",
        &[(0, GET, false), (0, &[1, 6, 0, 0, 0x21, b'x', 1, b'y'], false), (0, &[0, 1, b'x'], false)],
        Connection(0x105),
    ),
    (
        "4.1 HEADERS after trailers",
        &[(0, GET, false), (0, &[1, 6, 0, 0, 0x21, b'x', 1, b'y'], false), (0, &[1, 2, 0, 0], false)],
        Connection(0x105),
    ),
    ("4.1 a request cut short", &[(0, &[], true)], Stream(0x10d)),
    ("4.1.2 malformed", &[(0, &[1, 3, 0, 0, 0xd1], true)], Stream(0x10e)),
    ("4.1.2 content longer than announced", &[(0, POST_5, false), (0, &[0, 6, 1, 2, 3, 4, 5, 6], true)], Stream(0x10e)),
    ("4.1.2 content shorter than announced", &[(0, POST_5, false), (0, &[0, 4, 1, 2, 3, 4], true)], Stream(0x10e)),
    ("4.1.2 content as announced", &[(0, POST_5, false), (0, &[0, 5, 1, 2, 3, 4, 5], true)], Nothing),
    (
        "4.1.2 trailers instead of content",
        &[(0, POST_5, false), (0, &[1, 6, 0, 0, 0x21, b'x', 1, b'y'], true)],
        Stream(0x10e),
    ),
    ("6.1 a server's bidirectional stream", &[(1, GET, true)], Connection(0x103)),
    ("6.2.1 the control stream ends", &[(2, &[], true)], Connection(0x104)),
    ("6.2.1 a second control stream", &[(6, &[0], false)], Connection(0x103)),
    ("6.2.2 a push stream from a client", &[(6, &[1, 0], false)], Connection(0x103)),
    ("6.2.3 an unknown stream", &[(6, &[0x21, 1, 2, 3], false), (6, &[4, 5], true)], Nothing),
    ("RFC 9204 4.2 two encoder streams", &[(6, &[2], false), (10, &[2], false)], Connection(0x103)),
    ("RFC 9204 4.2 the decoder stream ends", &[(6, &[3], true)], Connection(0x104)),
    ("RFC 9204 4.3 a broken instruction", &[(6, &[2, 0x80, 0], false)], Connection(0x201)),
    ("RFC 9204 4.4 an acknowledgement of nothing", &[(6, &[3, 0x80], false)], Connection(0x202)),
    ("RFC 9204 2.2.3 reference to no entry", &[(0, &[1, 3, 0, 0, 0x80], true)], Connection(0x200)),
    ("7.1 a stream ends inside a frame", &[(0, &[1, 8, 0, 0, 0xd1], true)], Connection(0x106)),
    ("7.1 a stream ends inside DATA", &[(0, GET, false), (0, &[0, 5, 1], true)], Connection(0x106)),
    ("7.2.3 CANCEL_PUSH of no push", &[(2, &[3, 1, 0], false)], Connection(0x108)),
    ("7.2.3 CANCEL_PUSH on a request stream", &[(0, &[3, 1, 0], false)], Connection(0x105)),
    ("7.2.4 SETTINGS on a request stream", &[(0, &[4, 0], false)], Connection(0x105)),
    ("7.2.4 SETTINGS twice", &[(2, &[4, 0], false)], Connection(0x105)),
    ("7.2.5 PUSH_PROMISE from a client", &[(0, GET, false), (0, &[5, 3, 0, 0, 0], false)], Connection(0x105)),
    ("7.2.6 GOAWAY on a request stream", &[(0, &[7, 1, 0], false)], Connection(0x105)),
    ("7.2.6 GOAWAY grows", &[(0, GET, true), (2, &[7, 1, 0, 7, 1, 4], false)], Connection(0x108)),
    ("7.2.6 GOAWAY too long", &[(2, &[7, 2, 0, 0], false)], Connection(0x106)),
    ("7.2.7 MAX_PUSH_ID shrinks", &[(2, &[0xd, 1, 9, 0xd, 1, 8], false)], Connection(0x108)),
    ("7.2.7 MAX_PUSH_ID on a request stream", &[(0, &[0xd, 1, 9], false)], Connection(0x105)),
    ("7.2.8 a frame of HTTP/2", &[(0, &[6, 8, 0, 0, 0, 0, 0, 0, 0, 0], false)], Connection(0x105)),
    ("7.2.8 a frame of HTTP/2 on the control stream", &[(2, &[2, 0], false)], Connection(0x105)),
    ("7.2.8 grease", &[(0, &[0x21, 2, 1, 2], false), (0, GET, true), (2, &[0x21, 0], false)], Nothing),
    ("7.2 DATA on the control stream", &[(2, &[0, 0], false)], Connection(0x105)),
    ("RFC 9218 7.2 PRIORITY_UPDATE", &[(2, b"\x80\x0f\x07\x00\x04\x00u=1", false)], Nothing),
    ("RFC 9218 7.2 PRIORITY_UPDATE of no request", &[(2, b"\x80\x0f\x07\x00\x04\x01u=1", false)], Connection(0x108)),
    ("RFC 9218 7.2 PRIORITY_UPDATE of no push", &[(2, b"\x80\x0f\x07\x01\x04\x00u=1", false)], Connection(0x108)),
    (
        "RFC 9218 7.2 PRIORITY_UPDATE on a request stream",
        &[(0, b"\x80\x0f\x07\x00\x04\x00u=1", false)],
        Connection(0x105),
    ),
];

#[test]
fn error_conditions_of_rfc_9114() {
    for (section, streams, expected) in ROWS {
        for size in [1, 1_000] {
            let mut peer = Peer::new();
            for (stream, bytes, fin) in *streams {
                let mut chunks = bytes.chunks(size).peekable();
                if chunks.peek().is_none() {
                    peer.send(*stream, b"", *fin);
                }
                while let Some(chunk) = chunks.next() {
                    peer.send(*stream, chunk, *fin && chunks.peek().is_none());
                }
            }
            assert_eq!(peer.answer(), *expected, "§{section}, {size} bytes at a time");
            assert_eq!(peer.server.wants_close(), matches!(expected, Connection(_)), "§{section}");
        }
    }
}

#[test]
fn settings_come_first_and_hold_what_http_3_knows() {
    for (name, control, expected) in [
        ("6.2.1 GOAWAY first", &[0, 7, 1, 0][..], Connection(0x10a)),
        ("6.2.1 grease first", &[0, 0x21, 0], Connection(0x10a)),
        ("7.2.4 a setting twice", &[0, 4, 4, 1, 0, 1, 0], Connection(0x109)),
        ("7.2.4.1 a setting of HTTP/2", &[0, 4, 2, 4, 0], Connection(0x109)),
        ("7.2.4 cut short", &[0, 4, 1, 1], Connection(0x106)),
        ("RFC 9220 a value of 2", &[0, 4, 2, 8, 2], Connection(0x109)),
        ("7.2.4.1 grease", &[0, 4, 2, 0x21, 7], Nothing),
    ] {
        let mut peer = Peer::silent();
        peer.send(2, control, false);
        assert_eq!(peer.answer(), expected, "§{name}");
    }
}

#[test]
fn hostile_023_a_bare_fin_after_content_length() {
    let mut peer = Peer::new();
    peer.send(0, POST_5, false);
    peer.send(0, b"", true);
    assert_eq!(peer.answer(), Stream(ErrorCode::MESSAGE_ERROR.0));
    assert!(matches!(peer.events.last(), Some(ServerEvent::Reset { stream: 0, .. })), "the driver drops its upstream");
    let mut peer = Peer::new();
    peer.send(0, POST_5, false);
    peer.server.handle_reset(0, ErrorCode::REQUEST_CANCELLED, peer.now);
    assert!(matches!(peer.server.poll_event(), Some(ServerEvent::Reset { stream: 0, .. })));
}

#[test]
fn hostile_051_blocked_streams_and_bombs_are_bounded() {
    let mut peer = Peer::new();
    let mut borne = 0;
    for number in 0..100 {
        // Requires one insertion that never comes.
        peer.send(number * 4, &[1, 3, 2, 0, 0x80], true);
        if peer.server.wants_close() {
            break;
        }
        borne += 1;
    }
    assert_eq!((borne, peer.answer()), (16, Connection(0x200)));
    let mut peer = Peer::new();
    peer.send(0, &[1, 3, 2, 0, 0x80], false);
    let held = (0..1_000).take_while(|_| {
        peer.send(0, &[0; 10_000], false);
        !peer.server.wants_close()
    });
    assert!(held.count() < 30, "behind a blocked section");
    let mut peer = Peer::new();
    let mut bomb = vec![1, 0x40, 202, 0, 0];
    bomb.extend_from_slice(&[0xd7; 200]);
    peer.send(0, &bomb, true);
    assert_eq!((peer.requests(), peer.sent(0).first()), (0, Some(&1)), "a head of ours: 431");
    assert!(!peer.server.wants_close());
}

#[test]
fn hostile_051_floods() {
    let floods: [(&str, Flood<'_>); 5] = [
        ("unknown frames", &|peer, _| peer.send(2, &[0x21, 0], false)),
        ("priorities", &|peer, _| peer.send(2, b"\x80\x0f\x07\x00\x04\x00u=1", false)),
        ("push limits", &|peer, _| peer.send(2, &[0xd, 1, 9], false)),
        ("unknown streams", &|peer, number| peer.send(number * 4 + 6, &[0x21], false)),
        ("malformed requests", &|peer, number| peer.send(number * 4, &[1, 3, 0, 0, 0xd1], true)),
    ];
    for (name, flood) in floods {
        let mut peer = Peer::new();
        let borne = (0..10_000).take_while(|number| {
            flood(&mut peer, *number);
            !peer.server.wants_close()
        });
        assert!(borne.count() <= 500, "{name}");
        assert_eq!(peer.answer(), Connection(ErrorCode::EXCESSIVE_LOAD.0), "{name}");
        assert!(peer.server.memory() < 64 << 10);
    }
}

#[test]
fn hostile_052_rapid_reset() {
    for before_data in [false, true] {
        let mut peer = Peer::new();
        let borne = (0..10_000_u64).take_while(|number| {
            if !before_data {
                peer.send(number * 4, GET, true);
                peer.server.handle_stop_sending(number * 4, ErrorCode::REQUEST_CANCELLED, peer.now);
            }
            peer.server.handle_reset(number * 4, ErrorCode::REQUEST_CANCELLED, peer.now);
            !peer.server.wants_close()
        });
        assert_eq!(borne.count(), 200);
        assert_eq!(peer.answer(), Connection(ErrorCode::EXCESSIVE_LOAD.0));
    }
}

#[test]
fn requests_whose_bytes_come_out_of_order_are_all_taken() {
    let mut peer = Peer::new();
    for stream in [8, 0, 16, 4, 12, 0, 8] {
        peer.send(stream, GET, true);
        peer.server.send_head(stream, &ResponseHead::new(Status::OK), true);
    }
    assert_eq!((peer.requests(), peer.answer()), (5, Nothing), "each once");
}

#[test]
fn requests_after_the_last_goaway_are_safe_to_retry() {
    let mut peer = Peer::new();
    peer.send(0, GET, false);
    peer.server.go_away(false);
    peer.send(4, GET, true);
    assert_eq!((peer.requests(), peer.answer()), (1, Stream(ErrorCode::REQUEST_REJECTED.0)));
}

#[test]
fn a_push_is_promised_within_the_clients_limit() {
    let mut head = edgeway_http::semantics::RequestHead::default();
    head.set_authority(b"example.com").unwrap();
    head.set_target(b"/app.css");
    let mut peer = Peer::new();
    peer.send(0, GET, true);
    assert!(!peer.server.may_push() && !peer.server.push(0, &head, 15), "no MAX_PUSH_ID yet");
    peer.send(2, &[0xd, 1, 0], false);
    assert!(peer.server.send_head(0, &ResponseHead::new(Status::OK), false));
    assert!(peer.server.push(0, &head, 15));
    assert!(!peer.server.push(0, &head, 19), "one push, number 0");
    assert!(peer.server.send_head(15, &ResponseHead::new(Status::OK), true));
    assert!(peer.server.send_end(0, None));
    let promise = peer.sent(0);
    assert!(promise.windows(3).any(|bytes| bytes[0] == 5 && bytes[2] == 0), "PUSH_PROMISE of push 0: {promise:x?}");
    assert_eq!((peer.server.stream_count(), peer.answer()), (0, Nothing));
    // A second one, that the client cancels.
    peer.send(4, GET, true);
    peer.send(2, &[0xd, 1, 1], false);
    assert!(peer.server.send_head(4, &ResponseHead::new(Status::OK), false) && peer.server.push(4, &head, 19));
    peer.send(2, &[3, 1, 1], false);
    assert_eq!(peer.answer(), Stream(ErrorCode::REQUEST_CANCELLED.0));
    assert!(!peer.server.send_head(19, &ResponseHead::new(Status::OK), true));
}

#[test]
fn hostile_030_heads_of_all_streams_have_one_budget() {
    let mut peer = Peer::new();
    let mut request = vec![0, 0, 0xd1, 0xd7, 0xc1, 0x50, 1, b'a', 0x21, b'x'];
    edgeway_http::binary::prefix_integer::encode(30_000, 0, 7, &mut request);
    request.extend_from_slice(&[b'v'; 30_000]);
    let mut frame = Vec::new();
    edgeway_http::h3::wire::frame::write(1, &request, &mut frame);
    (0..60).for_each(|number| peer.send(number * 4, &frame, true));
    assert!((30..=34).contains(&peer.requests()), "1 MB of heads, {}", peer.requests());
    assert_eq!(peer.answer(), Stream(ErrorCode::REQUEST_REJECTED.0));
}

#[test]
fn an_early_answer_stops_the_content_without_error() {
    let mut peer = Peer::new();
    peer.send(0, POST_5, false);
    assert!(peer.server.send_head(0, &ResponseHead::new(Status::CONTENT_TOO_LARGE), true));
    peer.server.discard_content(0);
    assert_eq!(peer.server.poll_command(), Some(Command::StopSending { stream: 0, code: ErrorCode::NO_ERROR }));
    assert!(!peer.sent(0).is_empty());
    peer.send(0, &[0, 5, 1, 2, 3, 4, 5], true);
    assert_eq!((peer.server.stream_count(), peer.answer()), (0, Nothing));
}
