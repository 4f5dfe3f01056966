//! Floods, by the numbers of the security matrix (26 to 42), and a client that vanishes (65).

use edgeway_http::binary::prefix_integer;
use edgeway_http::h2::wire::{Frame, flags};
use edgeway_http::h2::{ErrorCode, ServerEvent, StreamId, limits};
use edgeway_http::semantics::{FieldName, ResponseHead, Status};

use super::peer::{GET, POST, Peer, Sent, with};

/// What a client does to a stream.
type Trick<'a> = &'a dyn Fn(&mut Peer, u32);
/// What a client does again and again.
type Flood<'a> = &'a dyn Fn(&mut Peer, usize);

const CALM: Option<ErrorCode> = Some(ErrorCode::ENHANCE_YOUR_CALM);

/// Sends until the server hangs up, at most `count` times; gives how many were borne.
fn flood(peer: &mut Peer, count: usize, mut send: impl FnMut(&mut Peer, usize)) -> usize {
    for number in 0..count {
        send(peer, number);
        peer.drain();
        if peer.server.wants_close() {
            return number;
        }
    }
    count
}

#[test]
fn hostile_026_rapid_reset() {
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 10_000, |peer, number| {
        peer.headers(number as u32 * 2 + 1, GET, true);
        peer.reset(number as u32 * 2 + 1);
    });
    assert_eq!((borne, peer.go_away_code()), (196, CALM), "200, less what the first SETTINGS cost");
    let cancelled = peer.events.iter().filter(|event| matches!(event, ServerEvent::Reset { .. })).count();
    assert_eq!(cancelled, peer.requests().len(), "each is told to the driver");
    assert!(matches!(peer.events.last(), Some(ServerEvent::Closed)));
}

#[test]
fn hostile_026_leaving_a_page_is_no_flood() {
    let mut peer = Peer::new();
    for page in 0..2 {
        for number in 0..100 {
            peer.headers((page * 100 + number) * 2 + 1, GET, true);
        }
        (0..100).for_each(|number| peer.reset((page * 100 + number) * 2 + 1));
        peer.drain();
        peer.wait(5_000);
    }
    assert_eq!(peer.go_away_code(), None);
}

#[test]
fn hostile_027_made_you_reset() {
    let overflow = |peer: &mut Peer, id| peer.window_update(id, 0x7fff_ffff);
    let zero = |peer: &mut Peer, id| peer.raw(8, 0, id, &[0; 4]);
    let late_data = |peer: &mut Peer, id| peer.data(id, b"x", false);
    let short_priority = |peer: &mut Peer, id| peer.raw(2, 0, id, &[0; 4]);
    let itself = |peer: &mut Peer, id: u32| {
        let mut payload = id.to_be_bytes().to_vec();
        payload.push(0);
        peer.raw(2, 0, id, &payload);
    };
    let again = |peer: &mut Peer, id| peer.headers(id, GET, true);
    let tricks: [(&str, Trick<'_>); 6] = [
        ("window overflow", &overflow),
        ("window by zero", &zero),
        ("DATA after the end", &late_data),
        ("PRIORITY of 4 bytes", &short_priority),
        ("depends on itself", &itself),
        ("HEADERS after the end", &again),
    ];
    for (name, trick) in tricks {
        let mut peer = Peer::new();
        let borne = flood(&mut peer, 10_000, |peer, number| {
            let id = number as u32 * 2 + 1;
            peer.headers(id, GET, true);
            trick(peer, id);
        });
        assert!(borne <= 100, "{name}: {borne}");
        assert_eq!(peer.go_away_code(), CALM, "{name}");
    }
}

#[test]
fn hostile_027_malformed_requests_count_too() {
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 10_000, |peer, number| {
        peer.headers(number as u32 * 2 + 1, &with(GET, &[("connection", "close")]), true);
    });
    assert_eq!((borne, peer.go_away_code()), (98, CALM));
}

#[test]
fn hostile_028_continuation_flood() {
    for piece in [&b""[..], b"\x00\x01a\x01b", &[0; 16_000]] {
        let mut peer = Peer::new();
        peer.raw(1, flags::END_STREAM, 1, &[0x82]);
        let borne = flood(&mut peer, 1_000, |peer, _| peer.raw(9, 0, 1, piece));
        assert!(borne <= limits::CONTINUATIONS_MAX as usize, "{borne}");
        assert_eq!(peer.go_away_code(), CALM);
    }
    let mut peer = Peer::new();
    peer.raw(1, flags::END_STREAM, 1, &[0x82]);
    peer.wait(10_001);
    peer.drain();
    assert_eq!(peer.go_away_code(), CALM, "a block without end, slowly");
}

#[test]
fn hostile_029_hpack_bomb() {
    let mut peer = Peer::new();
    let value = "v".repeat(3_900);
    let mut block = peer.block(GET);
    // A line that fills the table, then references to it of one byte each.
    block.extend_from_slice(b"\x40\x06x-bomb");
    prefix_integer::encode(value.len() as u64, 0, 7, &mut block);
    block.extend_from_slice(value.as_bytes());
    block.extend_from_slice(&[0xbe; 8]);
    peer.raw(1, flags::END_STREAM | flags::END_HEADERS, 1, &block);
    peer.drain();
    assert_eq!(status_of(&peer, 1).as_deref(), Some("431"), "a little too large: one message");
    assert_eq!((peer.requests(), peer.go_away_code()), (vec![], None));
    peer.raw(1, flags::END_STREAM | flags::END_HEADERS, 3, &[0xbe; 16_000]);
    peer.drain();
    assert_eq!(peer.go_away_code(), CALM, "62 MB out of 16 KB: not decoded to the end");
}

#[test]
fn hostile_030_tens_of_thousands_of_tiny_fields() {
    for name in ["a", "cookie"] {
        let mut peer = Peer::new();
        let mut block = peer.block(&with(GET, &[(name, "")]));
        block.extend_from_slice(&[0xbe; 200]);
        peer.raw(1, flags::END_STREAM | flags::END_HEADERS, 1, &block);
        peer.drain();
        assert_eq!(status_of(&peer, 1).as_deref(), Some("431"), "{name}");
        peer.raw(1, flags::END_STREAM | flags::END_HEADERS, 3, &[0xbe; 16_000]);
        peer.drain();
        assert_eq!((peer.go_away_code(), peer.requests()), (CALM, vec![]), "{name}");
    }
}

#[test]
fn hostile_030_heads_of_all_streams_have_one_budget() {
    let mut peer = Peer::new();
    let value = "v".repeat(30_000);
    let mut refused = 0;
    for number in 0..60 {
        let mut block = peer.block(GET);
        block.extend_from_slice(b"\x00\x01a\x7f\xb1\xe9\x01");
        block.extend_from_slice(value.as_bytes());
        let (first, rest) = block.split_at(16_000);
        peer.raw(1, flags::END_STREAM, number * 2 + 1, first);
        peer.raw(9, flags::END_HEADERS, number * 2 + 1, rest);
        peer.drain();
        refused = peer.resets().iter().filter(|(_, code)| *code == ErrorCode::REFUSED_STREAM).count();
    }
    assert_eq!(refused, 60 - peer.requests().len());
    assert!(peer.requests().len() <= 34, "1 MB of heads, {}", peer.requests().len());
}

#[test]
fn hostile_030_closed_windows_do_not_hold_responses_for_ever() {
    let mut peer = Peer::new();
    peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, 0, 0] });
    for number in 0..100 {
        peer.headers(number * 2 + 1, GET, true);
        peer.drain();
        peer.respond(number * 2 + 1, &[0; 10_000]);
    }
    peer.drain();
    peer.wait(60_000);
    peer.drain();
    assert!(peer.resets().iter().all(|(_, code)| *code == ErrorCode::ENHANCE_YOUR_CALM));
    assert_eq!((peer.go_away_code(), peer.server.stream_count()), (CALM, 0));
}

#[test]
fn hostile_031_settings_floods() {
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 1_000, |peer, _| peer.frame(&Frame::Settings { payload: &[] }));
    assert!(borne <= 50, "{borne}");
    assert_eq!(peer.go_away_code(), CALM);
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 1_000, |peer, number| {
        peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, (number % 2) as u8, 0] });
    });
    assert!(borne <= 50, "{borne}");
    let mut peer = Peer::new();
    peer.frame(&Frame::Settings { payload: &[0x1a, 0x2a, 0, 0, 0, 0].repeat(2_000) });
    peer.drain();
    assert_eq!(peer.go_away_code(), CALM, "thousands of parameters");
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 1_000, |peer, _| peer.frame(&Frame::SettingsAck));
    assert!(borne <= 50, "{borne}");
}

#[test]
fn hostile_032_ping_flood() {
    for is_ack in [false, true] {
        let mut peer = Peer::new();
        let borne = flood(&mut peer, 10_000, |peer, _| peer.frame(&Frame::Ping { payload: [9; 8], is_ack }));
        assert!((196..=456).contains(&borne), "{borne}");
        assert_eq!(peer.go_away_code(), CALM);
    }
}

#[test]
fn hostile_032_a_peer_that_does_not_read_is_not_read_from() {
    let mut peer = Peer::new();
    // Pings within the rate, for a day, whose answers nobody takes.
    for _ in 0..1_000_000 {
        peer.now += std::time::Duration::from_millis(51);
        peer.frame(&Frame::Ping { payload: [9; 8], is_ack: false });
        if peer.server.input().len() > 2_000 {
            break;
        }
    }
    assert!(peer.server.memory() < 256 << 10, "{}", peer.server.memory());
    assert!(!peer.server.input().is_empty(), "input waits in its buffer, which the driver then fills no more");
    peer.drain();
    assert!(peer.server.input().is_empty() && peer.go_away_code().is_none());
}

#[test]
fn hostile_033_priority_floods() {
    let frames: [Flood<'_>; 2] =
        [&|peer, number| peer.raw(2, 0, number as u32 * 2 + 1, &[0, 0, 0, 0, 15]), &|peer, number| {
            let mut payload = (number as u32 * 2 + 1).to_be_bytes().to_vec();
            payload.extend_from_slice(b"u=1");
            peer.raw(16, 0, 0, &payload);
        }];
    for frame in frames {
        let mut peer = Peer::new();
        let borne = flood(&mut peer, 10_000, frame);
        assert!(borne <= 500, "{borne}");
        assert_eq!(peer.go_away_code(), CALM);
    }
}

#[test]
fn hostile_034_empty_and_tiny_data_floods() {
    for (data, borne_max) in [(&b""[..], 100), (b"x", 1_000)] {
        let mut peer = Peer::new();
        peer.headers(1, POST, false);
        let borne = flood(&mut peer, 10_000, |peer, _| {
            peer.data(1, data, false);
            peer.server.consumed(StreamId::new(1), data.len());
        });
        assert!(borne <= borne_max, "{data:?} {borne}");
        assert_eq!(peer.go_away_code(), CALM);
    }
    let mut peer = Peer::new();
    peer.headers(1, POST, false);
    let borne = flood(&mut peer, 10_000, |peer, _| peer.raw(0, flags::PADDED, 1, &[20; 21]));
    assert!(borne <= 100, "padding only: {borne}");
}

#[test]
fn hostile_035_window_update_flood() {
    for stream in [0, 1] {
        let mut peer = Peer::new();
        peer.headers(1, GET, true);
        peer.drain();
        peer.respond(1, &[0; 1_000_000]);
        let borne = flood(&mut peer, 100_000, |peer, _| peer.window_update(stream, 1));
        assert!(borne <= 1_300, "{borne}");
        assert_eq!(peer.go_away_code(), CALM);
    }
}

#[test]
fn hostile_035_window_for_what_was_sent_is_no_flood() {
    let mut peer = Peer::new();
    for number in 0..20_u32 {
        peer.headers(number * 2 + 1, GET, true);
        peer.drain();
        peer.respond(number * 2 + 1, &vec![0; 3_000_000]);
        while peer.server.stream_count() > 0 {
            peer.sent.clear();
            peer.drain();
            let sent: Vec<usize> = peer
                .sent
                .iter()
                .filter_map(|sent| if let Sent::Data { data, .. } = sent { Some(data.len()) } else { None })
                .collect();
            for length in sent {
                peer.window_update(number * 2 + 1, length as u32);
                peer.window_update(0, length as u32);
            }
        }
    }
    assert_eq!(peer.go_away_code(), None, "a client that gives window back frame by frame");
}

#[test]
fn hostile_036_slow_readers() {
    let mut peer = Peer::new();
    peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, 0, 1] });
    for number in 0..100 {
        peer.headers(number * 2 + 1, GET, true);
        peer.drain();
        peer.respond(number * 2 + 1, &[0; 100_000]);
    }
    for _ in 0..50 {
        (0..100).for_each(|number| peer.window_update(number * 2 + 1, 1));
        peer.drain();
        peer.wait(1_000);
    }
    peer.drain();
    assert_eq!((peer.go_away_code(), peer.server.stream_count()), (CALM, 0));
}

#[test]
fn hostile_037_unknown_frame_flood() {
    let mut peer = Peer::new();
    let borne = flood(&mut peer, 10_000, |peer, _| peer.raw(0xfa, 0xff, 0, b"grease"));
    assert_eq!((borne, peer.go_away_code()), (196, CALM));
}

#[test]
fn hostile_038_stream_numbers() {
    for (name, streams, expected) in [
        ("even", &[2][..], Some(ErrorCode::PROTOCOL_ERROR)),
        ("smaller", &[7, 5], Some(ErrorCode::PROTOCOL_ERROR)),
        ("the largest", &[0x7fff_ffff], None),
        ("again", &[1, 1], None),
    ] {
        let mut peer = Peer::new();
        streams.iter().for_each(|stream| peer.headers(*stream, GET, true));
        peer.drain();
        assert_eq!(peer.go_away_code(), expected, "{name}");
    }
    let mut peer = Peer::new();
    peer.headers(1, GET, true);
    peer.drain();
    peer.respond(1, b"");
    (0..200_u32).for_each(|number| {
        peer.headers(number * 2 + 3, GET, true);
        peer.drain();
        peer.respond(number * 2 + 3, b"");
    });
    peer.headers(1, GET, true);
    peer.drain();
    assert_eq!(peer.go_away_code(), Some(ErrorCode::PROTOCOL_ERROR), "long after");
}

#[test]
fn hostile_040_table_size_bombs() {
    for (name, block) in [
        ("beyond what we offer", &[0x3f, 0xe2, 0x1f, 0x82][..]),
        ("many at once", &[0x20, 0x20, 0x20, 0x82]),
        ("in the middle", &[0x82, 0x20]),
    ] {
        let mut peer = Peer::new();
        peer.raw(1, flags::END_STREAM | flags::END_HEADERS, 1, block);
        peer.drain();
        assert_eq!(peer.go_away_code(), Some(ErrorCode::COMPRESSION_ERROR), "{name}");
    }
    let mut peer = Peer::new();
    peer.frame(&Frame::Settings { payload: &[0, 1, 0xff, 0xff, 0xff, 0xff] });
    for number in 0..500_u32 {
        peer.headers(number * 2 + 1, GET, true);
        peer.drain();
        let head = ResponseHead::new(Status::OK).with(FieldName::Vary, format!("{number:0200}"));
        peer.server.send_head(StreamId::new(number * 2 + 1), &head, true);
        peer.drain();
    }
    assert!(
        peer.server.memory() < 64 << 10,
        "a table as large as the peer likes is not kept: {}",
        peer.server.memory()
    );
}

#[test]
fn hostile_041_new_streams_after_goaway() {
    let mut peer = Peer::new();
    peer.headers(1, POST, false);
    peer.drain();
    peer.server.go_away(false, peer.now);
    peer.drain();
    peer.headers(3, GET, true);
    peer.data(3, b"late", true);
    peer.data(1, b"still mine", true);
    peer.drain();
    assert_eq!((peer.requests(), peer.resets()), (vec![1], vec![]), "ignored, not answered");
    let borne = flood(&mut peer, 10_000, |peer, number| peer.headers(number as u32 * 2 + 5, GET, true));
    assert!(borne <= 500, "{borne}");
}

#[test]
fn hostile_042_more_streams_than_allowed() {
    let mut peer = Peer::new();
    (0..130).for_each(|number| peer.headers(number * 2 + 1, POST, false));
    peer.drain();
    assert_eq!(peer.requests().len(), 128);
    assert_eq!(peer.resets(), [(257, ErrorCode::REFUSED_STREAM), (259, ErrorCode::REFUSED_STREAM)]);
    peer.data(257, b"on its way", true);
    peer.drain();
    assert_eq!(peer.go_away_code(), None);
    let borne = flood(&mut peer, 10_000, |peer, number| peer.headers(number as u32 * 2 + 261, GET, true));
    assert!(borne <= 200, "{borne}");
    assert_eq!(peer.go_away_code(), CALM);
}

#[test]
fn hostile_065_a_client_that_vanishes_cancels_its_work() {
    let mut peer = Peer::new();
    peer.headers(1, GET, true);
    peer.drain();
    peer.respond(1, &[0; 1_000_000]);
    peer.server.handle_end_of_input(peer.now);
    peer.drain();
    assert!(matches!(peer.events.last(), Some(ServerEvent::Closed)));
    assert_eq!((peer.server.stream_count(), peer.server.wants_close()), (0, true));
    assert!(peer.server.error().is_some() && peer.server.poll_timeout().is_none());
}

fn status_of(peer: &Peer, wanted: u32) -> Option<String> {
    peer.sent.iter().find_map(|sent| match sent {
        Sent::Headers { stream, lines, .. } if *stream == wanted => Some(lines[0].1.clone()),
        _ => None,
    })
}
