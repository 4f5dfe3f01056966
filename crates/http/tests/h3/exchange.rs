//! A client and a server of ours, over streams that overtake each other.

use bytes::Bytes;
use edgeway_base::{Entropy, SeededEntropy};
use edgeway_http::binary::Priority;
use edgeway_http::h3::{ClientEvent, ErrorCode, ServerEvent};
use edgeway_http::semantics::{FieldName, Fields, Method, RequestHead, ResponseHead, Scheme, Status, Token, Version};

use super::streams::Pair;

fn request(method: Method, target: &str) -> RequestHead {
    let mut head = RequestHead::default();
    (head.method, head.scheme) = (method, Scheme::Https);
    head.set_target(target.as_bytes());
    head.set_authority(b"example.com").unwrap();
    head.fields.append(FieldName::UserAgent, "a client with a name worth a table entry");
    head
}

fn fields(name: &str, value: &str) -> Fields {
    let mut fields = Fields::new();
    fields.append_named(name, value);
    fields
}

#[test]
fn a_request_with_content_trailers_and_early_hints() {
    for seed in 0..50 {
        let mut pair = Pair::new(seed);
        let stream = pair.stream();
        assert!(pair.client.open(stream, &request(Method::Post, "/upload?x=1"), false));
        assert!(pair.client.send_data(stream, Bytes::from_static(b"some content")));
        assert!(pair.client.send_end(stream, Some(&fields("x-check", "ok"))));
        pair.settle();
        let Some(ServerEvent::Request { head, .. }) = pair.at_server.first() else { panic!("a request") };
        assert_eq!((head.method, head.target(), head.version), (Method::Post, "/upload?x=1", Version::Http3));
        let Some(ServerEvent::End { trailers: Some(trailers), .. }) = pair.at_server.last() else { panic!("trailers") };
        assert_eq!(**trailers, fields("x-check", "ok"));
        let hints = ResponseHead::new(Status::EARLY_HINTS).with(FieldName::Link, "</a.css>; rel=preload");
        assert!(pair.server.send_informational(stream, &hints));
        assert!(pair.server.send_head(
            stream,
            &ResponseHead::new(Status::OK).with(FieldName::ContentLength, "6"),
            false
        ));
        assert!(pair.server.send_data(stream, Bytes::from_static(b"answer")));
        assert!(pair.server.send_end(stream, Some(&fields("grpc-status", "0"))));
        pair.settle();
        let mut events = pair.at_client.iter().filter(|event| !matches!(event, ClientEvent::Settings));
        assert!(matches!(events.next(), Some(ClientEvent::Informational { .. })));
        assert!(matches!(events.next(), Some(ClientEvent::Response { head, .. }) if head.status == Status::OK));
        let mut content = Vec::new();
        let trailers = events.find_map(|event| match event {
            ClientEvent::Data { data, .. } => {
                content.extend_from_slice(data);
                None
            }
            ClientEvent::End { trailers, .. } => trailers.clone(),
            other => panic!("{other:?}"),
        });
        assert_eq!((content.as_slice(), *trailers.unwrap()), (&b"answer"[..], fields("grpc-status", "0")));
        assert!(pair.client.is_idle() && pair.server.is_idle(), "seed {seed}");
    }
}

#[test]
fn many_streams_with_dynamic_tables_lose_nothing() {
    for seed in 0..20 {
        let (mut pair, mut entropy) = (Pair::new(seed), SeededEntropy::new(seed + 1_000));
        let mut sent = std::collections::BTreeMap::new();
        let mut cancelled = Vec::new();
        for number in 0..200 {
            let stream = pair.stream();
            let mut head = request(Method::Get, &format!("/{number}"));
            head.fields.append_named("x-tenant", format!("tenant number {}", entropy.below(6)));
            pair.client.open(stream, &head, true);
            sent.insert(stream, format!("/{number}"));
            if entropy.below(20) == 0 {
                pair.client.reset(stream, ErrorCode::REQUEST_CANCELLED);
                cancelled.push(stream);
            }
            for _ in 0..entropy.below(12) {
                pair.turn();
            }
            for event in std::mem::take(&mut pair.at_server) {
                let ServerEvent::Request { stream, head } = event else { continue };
                assert_eq!(head.target(), sent[&stream], "seed {seed}");
                let answer =
                    ResponseHead::new(Status::OK).with(FieldName::Server, head.fields.get_named("x-tenant").unwrap());
                pair.server.send_head(stream, &answer, false);
                pair.server.send_data(stream, Bytes::from(head.target().to_owned()));
                pair.server.send_end(stream, None);
                pair.server.recycle(head);
            }
            pair.now += std::time::Duration::from_millis(50);
        }
        for _ in 0..3 {
            pair.settle();
            for event in std::mem::take(&mut pair.at_server) {
                let ServerEvent::Request { stream, head } = event else { continue };
                pair.server.send_head(stream, &ResponseHead::new(Status::OK), false);
                pair.server.send_data(stream, Bytes::from(head.target().to_owned()));
                pair.server.send_end(stream, None);
            }
        }
        let mut received = std::collections::BTreeMap::<u64, Vec<u8>>::new();
        let mut ended = Vec::new();
        for event in &pair.at_client {
            match event {
                ClientEvent::Data { stream, data } => received.entry(*stream).or_default().extend_from_slice(data),
                ClientEvent::End { stream, .. } => ended.push(*stream),
                _ => {}
            }
        }
        assert!(
            pair.server.error().is_none() && pair.client.error().is_none(),
            "seed {seed}: {:?}",
            pair.server.error()
        );
        for (stream, path) in sent.iter().filter(|(stream, _)| !cancelled.contains(stream)) {
            assert!(ended.contains(stream), "seed {seed}: stream {stream} was lost");
            assert_eq!(received[stream], path.as_bytes());
        }
        assert_eq!((pair.client.stream_count(), pair.server.stream_count()), (0, 0), "seed {seed}");
    }
}

#[test]
fn extended_connect_and_datagrams_are_announced() {
    let mut pair = Pair::new(1);
    let mut head = request(Method::Connect, "/chat");
    head.protocol = Token::from_bytes(b"websocket");
    let stream = pair.stream();
    assert!(!pair.client.open(stream, &head, false), "not before the server's SETTINGS");
    pair.settle();
    assert!(pair.client.takes_extended_connect() && pair.client.takes_datagrams());
    assert!(pair.client.open(stream, &head, false));
    pair.settle();
    let Some(ServerEvent::Request { head, .. }) = pair.at_server.first() else { panic!("a request") };
    assert_eq!(head.protocol.unwrap().as_str(), "websocket");
}

#[test]
fn the_most_urgent_goes_first() {
    let mut pair = Pair::new(1);
    let streams: Vec<u64> = (0..3).map(|_| pair.stream()).collect();
    for (stream, priority) in streams.iter().zip(["u=5", "u=3", "u=0"]) {
        let mut head = request(Method::Get, "/");
        head.fields.append(FieldName::Priority, priority);
        pair.client.open(*stream, &head, true);
    }
    pair.settle();
    for stream in &streams[..2] {
        pair.server.send_head(*stream, &ResponseHead::new(Status::OK), false);
        pair.server.send_data(*stream, Bytes::from_static(&[0; 1_000]));
    }
    assert_eq!(pair.server.next_to_send(), Some(streams[1]));
    pair.server.send_head(streams[2], &ResponseHead::new(Status::OK), true);
    assert_eq!(pair.server.next_to_send(), Some(streams[2]), "late but urgent");
    pair.server.blocked(streams[2]);
    assert_eq!(pair.server.next_to_send(), Some(streams[1]), "QUIC takes no more of it");
    pair.server.unblocked(streams[2]);
    pair.client.send_priority(streams[0], Priority { urgency: 1, incremental: false });
    pair.settle();
    assert_eq!(pair.server.priority(streams[0]), Some(Priority { urgency: 1, incremental: false }));
}

#[test]
fn a_graceful_stop_loses_no_request_on_its_way() {
    let mut pair = Pair::new(1);
    let first = pair.stream();
    pair.client.open(first, &request(Method::Get, "/1"), true);
    pair.settle();
    pair.server.go_away(true);
    let second = pair.stream();
    pair.client.open(second, &request(Method::Get, "/2"), true);
    pair.settle();
    assert!(!pair.client.may_open());
    pair.server.go_away(true);
    for stream in [first, second] {
        assert!(pair.server.send_head(stream, &ResponseHead::new(Status::NO_CONTENT), true));
    }
    pair.settle();
    let responses = pair.at_client.iter().filter(|event| matches!(event, ClientEvent::Response { .. })).count();
    assert_eq!(responses, 2);
    assert!(pair.server.wants_close() && pair.client.wants_close() && pair.server.error().is_none());
}
