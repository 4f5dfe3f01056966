//! Whose bytes go first, seen on the wire: frames are cut when output is composed, so what is urgent overtakes whatever
//! waits, however long it has waited.

use edgeway_http::binary::Priority;
use edgeway_http::h2::StreamId;
use edgeway_http::h2::wire::Frame;

use super::peer::{GET, Peer, Sent};

const FRAME: usize = 16_384;

fn asked(priorities: &[(u32, &str)]) -> Peer {
    let mut peer = Peer::new();
    peer.window_update(0, 100 << 20);
    peer.frame(&Frame::Settings { payload: &[0, 4, 0x7f, 0, 0, 0] });
    for (stream, priority) in priorities {
        peer.headers(*stream, &[GET, &[("priority", priority)]].concat(), true);
        peer.drain();
    }
    peer.sent.clear();
    peer
}

/// The streams of the DATA frames sent, one after the other.
fn order(peer: &Peer) -> Vec<u32> {
    let stream = |sent: &Sent| if let Sent::Data { stream, .. } = sent { Some(*stream) } else { None };
    peer.sent.iter().filter_map(stream).collect()
}

#[test]
fn a_late_urgent_response_overtakes_a_hundred_others() {
    let streams: Vec<(u32, &str)> = (0..100).map(|number| (number * 2 + 1, "u=5")).collect();
    let mut peer = asked(&streams);
    streams.iter().for_each(|(stream, _)| peer.respond(*stream, &[0; 10 * FRAME]));
    peer.drain_some(3 * FRAME);
    peer.headers(201, &[GET, &[("priority", "u=0")]].concat(), true);
    peer.drain_some(0);
    peer.respond(201, b"urgent");
    peer.sent.clear();
    peer.drain_some(2 * FRAME);
    assert_eq!(order(&peer)[0], 201, "the next write begins with it");
    assert_eq!(peer.content(201), b"urgent");
}

#[test]
fn equals_come_whole_one_after_the_other_or_in_parts_in_turn() {
    let mut peer = asked(&[(1, "u=3"), (3, "u=3"), (5, "u=1, i"), (7, "u=1, i")]);
    [1, 3, 5, 7].into_iter().for_each(|stream| peer.respond(stream, &[0; 2 * FRAME]));
    peer.drain();
    assert_eq!(order(&peer), [5, 7, 5, 7, 1, 1, 3, 3]);
}

#[test]
fn priority_update_moves_what_is_already_in_line() {
    let mut peer = asked(&[(1, "u=3"), (3, "u=3")]);
    peer.respond(1, &[0; 3 * FRAME]);
    peer.respond(3, &[0; 3 * FRAME]);
    peer.drain_some(0);
    peer.drain_some(FRAME + 9);
    peer.frame(&Frame::PriorityUpdate { prioritized: StreamId::new(3), value: b"u=0" });
    peer.drain();
    assert_eq!(order(&peer), [1, 3, 3, 3, 1, 1]);
}

#[test]
fn priority_update_ahead_of_its_request_overrules_the_field() {
    let mut peer = Peer::new();
    peer.frame(&Frame::PriorityUpdate { prioritized: StreamId::new(1), value: b"u=6, i" });
    peer.headers(1, &[GET, &[("priority", "u=2")]].concat(), true);
    peer.drain();
    assert_eq!(peer.server.priority(StreamId::new(1)), Some(Priority { urgency: 6, incremental: true }));
}

#[test]
fn old_trees_rank_until_the_client_gives_them_up() {
    for (settings, urgency) in [(&[][..], 1), (&[0, 9, 0, 0, 0, 1], 3)] {
        let mut peer = Peer::new();
        peer.frame(&Frame::Settings { payload: settings });
        let block = peer.block(GET);
        let payload = [&[0x80, 0, 0, 0, 255][..], &block].concat();
        peer.raw(1, 0x25, 1, &payload);
        peer.drain();
        assert_eq!(peer.server.priority(StreamId::new(1)).unwrap().urgency, urgency);
    }
}

#[test]
fn a_closed_window_holds_its_own_stream_only() {
    let mut peer = asked(&[]);
    peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, 0, 10] });
    peer.headers(1, &[GET, &[("priority", "u=0")]].concat(), true);
    peer.headers(3, &[GET, &[("priority", "u=7")]].concat(), true);
    peer.window_update(3, 1_000);
    peer.drain();
    peer.respond(1, &[1; 500]);
    peer.respond(3, &[3; 500]);
    peer.drain();
    assert_eq!((peer.content(1).len(), peer.content(3).len()), (10, 500));
    peer.window_update(1, 490);
    peer.drain();
    assert_eq!(peer.content(1), [1; 500]);
    assert_eq!(peer.server.stream_count(), 0);
}

#[test]
fn windows_below_zero_are_waited_out() {
    // RFC 9113 §6.9.2's own example, smaller.
    let mut peer = asked(&[]);
    peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, 0, 60] });
    peer.headers(1, GET, true);
    peer.drain();
    peer.respond(1, &[0; 100]);
    peer.drain();
    peer.frame(&Frame::Settings { payload: &[0, 4, 0, 0, 0, 16] });
    peer.window_update(1, 44);
    peer.drain();
    assert_eq!(peer.content(1).len(), 60, "-44 + 44");
    peer.window_update(1, 1);
    peer.drain();
    assert_eq!(peer.content(1).len(), 61);
}
