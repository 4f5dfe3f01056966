//! Both sides of a session against each other, in memory.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::{AlertDescription, HandshakeKind, ProtocolVersion};

use super::*;
use crate::client::ClientSettings;
use crate::server::Versions;
use crate::testing::{Pair, Place, write_all};

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

#[test]
fn a_handshake_agrees_on_everything() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&["http/1.1"]), "example.com").shake_hands();
    for session in [&pair.client, &pair.server] {
        assert_eq!(session.alpn(), Some(&b"http/1.1"[..]));
        assert_eq!(session.server_name(), Some("example.com"));
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
        assert!(session.cipher_suite().is_some());
        assert_eq!(session.buffered_bytes(), 0, "an idle session holds no buffer");
    }
    assert_eq!(pair.client.peer_certificates().unwrap().len(), 1);
    assert_eq!(write_all(&mut pair.client, b"ping"), 4);
    assert_eq!(write_all(&mut pair.server, b"pong"), 4);
    assert_eq!(pair.run(), (None, None));
    assert_eq!((&pair.to_server[..], &pair.to_client[..]), (&b"ping"[..], &b"pong"[..]));
}

#[test]
fn every_size_in_every_version_and_piece() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(place.authority.root_der().clone()).unwrap();
    let tls12 = ClientConfig::builder_with_details(crate::provider(), Arc::new(place.clock.clone()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for (client, version) in
        [(place.client(&[]), ProtocolVersion::TLSv1_3), (Arc::new(tls12), ProtocolVersion::TLSv1_2)]
    {
        for at_once in [1, 7, 1000, usize::MAX] {
            let mut pair = Pair::new(&front, &client, "example.com");
            assert_eq!(pair.run_in_pieces(at_once), (None, None), "{at_once} at once");
            assert_eq!(pair.server.protocol_version(), Some(version));
            for length in [1, 100, 16_383, 16_384, 16_385, 40_000] {
                let sent = pattern(length);
                assert_eq!(write_all(&mut pair.server, &sent), length);
                assert_eq!(write_all(&mut pair.client, &sent), length);
                assert_eq!(pair.run_in_pieces(at_once), (None, None));
                assert!(pair.to_client == sent && pair.to_server == sent, "{length} in pieces of {at_once}");
                (pair.to_client, pair.to_server) = (BytesMut::new(), BytesMut::new());
            }
        }
    }
}

#[test]
fn chunks_share_records_and_the_bound_holds() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    // Lengths of chunks, and the records they become.
    for (lengths, records) in [
        (&[100, 1000][..], 1),
        (&[0, 100, 0, 1000, 0], 1),
        (&[16_384], 1),
        (&[200, 16_384], 2),
        (&[200, 40_000, 10], 3),
        (&[16_384, 16_384, 1], 3),
        (&[], 0),
        (&[0, 0], 0),
    ] {
        let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
        let chunks: Vec<Vec<u8>> = lengths.iter().map(|length| pattern(*length)).collect();
        let slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let total: usize = lengths.iter().sum();
        assert_eq!(pair.server.write_plaintext(&slices).unwrap(), total);
        assert_eq!(count_records(pair.server.output()), records, "{lengths:?}");
        assert_eq!(pair.run(), (None, None));
        assert!(pair.to_client == chunks.concat(), "{lengths:?}");
    }
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    let much = pattern(200_000);
    let mut taken = 0;
    for expected in [limits::OUTPUT_BYTES_MAX, 0, 0] {
        assert_eq!(write_all(&mut pair.server, &much[taken..]), expected);
        taken += expected;
    }
    assert_eq!(pair.server.output_room(), 0);
    while taken < much.len() {
        assert_eq!(pair.run(), (None, None));
        taken += write_all(&mut pair.server, &much[taken..]);
    }
    assert_eq!(pair.run(), (None, None));
    assert!(pair.to_client == much);
}

fn count_records(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let [_, _, _, high, low, rest @ ..] = bytes {
        bytes = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
        count += 1;
    }
    count
}

#[test]
fn a_reader_that_stops_stops_the_writer_and_can_still_write() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    let sent = pattern(60_000);
    write_all(&mut pair.client, &sent);
    let mut received = BytesMut::new();
    let mut carried = 0;
    loop {
        let space = pair.server.input_space();
        let count = space.len().min(pair.client.output().len() - carried);
        if count == 0 {
            break;
        }
        space[..count].copy_from_slice(&pair.client.output()[carried..carried + count]);
        carried += count;
        pair.server.handle_input(count).unwrap();
    }
    assert!(carried < pair.client.output().len(), "the server takes only so much unread");
    pair.client.consume_output(carried);
    assert_eq!(pair.server.read_plaintext(&mut received, 1).unwrap(), 16_384, "one record at least");
    assert!(pair.server.may_have_plaintext());
    assert_eq!(write_all(&mut pair.server, b"answer before all is read"), 25);
    while pair.server.read_plaintext(&mut received, usize::MAX >> 1).unwrap() > 0 {}
    assert_eq!(pair.run(), (None, None));
    received.extend_from_slice(&pair.to_server);
    assert!(received == sent);
    assert_eq!(&pair.to_client[..], b"answer before all is read");
    assert_eq!(pair.server.buffered_bytes(), 0);
}

#[test]
fn closing_and_cutting_are_different() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    write_all(&mut pair.client, b"last");
    pair.client.close_notify();
    assert_eq!(pair.client.write_plaintext(&[IoSlice::new(b"more")]).unwrap(), 0);
    assert_eq!(pair.run(), (None, None));
    assert!(pair.server.peer_has_closed());
    assert_eq!(&pair.to_server[..], b"last");
    assert_eq!(pair.server.handle_end_of_input(), Ok(()));
    // RFC 8446 §6.1: closing is one direction only; the other side may still answer.
    assert_eq!(write_all(&mut pair.server, b"answer"), 6);
    pair.server.close_notify();
    assert_eq!(pair.run(), (None, None));
    assert_eq!(&pair.to_client[..], b"answer");

    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    assert_eq!(pair.server.handle_end_of_input(), Err(SessionError::Truncated));
}

#[test]
fn a_damaged_record_ends_the_session_with_an_alert() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    write_all(&mut pair.client, b"hello");
    let mut record = pair.client.output().to_vec();
    let last = record.len() - 1;
    record[last] ^= 1;
    pair.server.input_space()[..record.len()].copy_from_slice(&record);
    pair.server.handle_input(record.len()).unwrap();
    let error = pair.server.read_plaintext(&mut BytesMut::new(), 100).unwrap_err();
    assert_eq!(error.alert(), Some(AlertDescription::BadRecordMac));
    assert_eq!(error, SessionError::Tls { error: rustls::Error::DecryptError, server: true });
    assert_eq!(count_records(pair.server.output()), 1, "the alert");
    assert!(pair.server.input_space().is_empty());
    assert!(pair.server.write_plaintext(&[IoSlice::new(b"x")]).is_err());
}

#[test]
fn a_second_session_resumes_the_first() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let client = place.client(&[]);
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let pair = Pair::new(&front, &client, "example.com").shake_hands();
        kinds.push(pair.server.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
}

#[test]
fn early_data_arrives_marked_and_once() {
    let place = Place::new();
    let mut site = place.site(&["example.com"]);
    (site.early_data, site.versions) = (true, Versions::Tls13Only);
    let front = place.front(vec![site], place.settings());
    let settings = ClientSettings { versions: Versions::Tls13Only, ..place.client_settings(&[]) };
    let mut config = (*settings.build(&place.clock).unwrap()).clone();
    config.enable_early_data = true;
    let config = Arc::new(config);
    drop(Pair::new(&front, &config, "example.com").shake_hands());

    // rustls's buffered client sends early data; its bytes go to two servers, the second being the
    // replay.
    let name = ServerName::try_from("example.com").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    std::io::Write::write_all(&mut client.early_data().expect("a ticket that allows it"), b"GET /").unwrap();
    let mut flight = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut flight).unwrap();
    }
    for (turn, expected) in [(0, &b"GET /"[..]), (1, &b""[..])] {
        let mut server = Session::accept(Arc::clone(&front), None);
        server.input_space()[..flight.len()].copy_from_slice(&flight);
        server.handle_input(flight.len()).unwrap();
        let mut plaintext = BytesMut::new();
        server.read_plaintext(&mut plaintext, 1000).unwrap();
        assert_eq!(&plaintext[..], expected, "turn {turn}: hostile_055, a replay gives nothing");
        assert_eq!(server.was_early(), turn == 0);
        if turn == 0 {
            // The answer goes out before the client's last message is in.
            assert!(server.is_handshaking());
            assert_eq!(write_all(&mut server, b"200"), 3);
            let mut answer = server.output();
            while !answer.is_empty() {
                client.read_tls(&mut answer).unwrap();
                client.process_new_packets().unwrap();
            }
            let mut received = [0; 10];
            assert_eq!(std::io::Read::read(&mut client.reader(), &mut received).unwrap(), 3);
        }
    }
}

#[test]
fn a_client_that_begins_and_stops_costs_what_it_sent() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let name = ServerName::try_from("example.com").unwrap();
    let hello = Session::connect(place.client(&[]), name).unwrap().output().to_vec();
    for sent in [1, 100, 1000] {
        let mut server = Session::accept(Arc::clone(&front), None);
        server.input_space()[..sent].copy_from_slice(&hello[..sent]);
        server.handle_input(sent).unwrap();
        assert_eq!(server.buffered_bytes(), 2048, "{sent} bytes of a hello");
    }
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com").shake_hands();
    write_all(&mut pair.client, &pattern(16_384));
    for sent in [1, 1000, 2000] {
        pair.server.input_space()[..sent].copy_from_slice(&pair.client.output()[..sent]);
        pair.client.consume_output(sent);
        pair.server.handle_input(sent).unwrap();
        assert_eq!(pair.server.read_plaintext(&mut BytesMut::new(), 1000).unwrap(), 0);
    }
    assert_eq!(pair.server.buffered_bytes(), 4096, "3001 bytes of a record");
}

/// A peer may cut handshake messages into many records; writing in between must neither disturb
/// them nor fail.
#[test]
fn hostile_056_messages_in_fragments_and_writes_between_them() {
    let place = Place::new();
    let leaf = place
        .authority
        .issue(
            &[crate::testing::name("example.com")],
            crate::authority::Usage::Server,
            place.clock.now(),
            limits::LEAF_LIFETIME_MAX,
        )
        .unwrap();
    let mut config = rustls::ServerConfig::builder_with_details(crate::provider(), Arc::new(place.clock.clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(
            leaf.certificate.certified_key(),
        ))));
    config.max_fragment_size = Some(32);
    let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let name = ServerName::try_from("example.com").unwrap();
    let mut client = Session::connect(place.client(&[]), name).unwrap();
    let (mut written, mut received) = (0, Vec::new());
    for _ in 0..4 {
        while !client.output().is_empty() {
            let mut sent = client.output();
            server.read_tls(&mut sent).unwrap();
            let taken = client.output().len() - sent.len();
            client.consume_output(taken);
            server.process_new_packets().unwrap();
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = std::io::Read::read(&mut server.reader(), &mut part) {
                received.extend_from_slice(&part[..count]);
            }
        }
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        for byte in flight {
            client.input_space()[0] = byte;
            client.handle_input(1).unwrap();
            assert_eq!(client.read_plaintext(&mut BytesMut::new(), 1000).unwrap(), 0);
            written += write_all(&mut client, b".");
        }
    }
    assert!(written > 100 && !client.is_handshaking());
    assert_eq!(received.len(), written);
}

/// HTTP/2 servers speak first: what the client sent along with its last handshake message must not
/// keep them from it.
#[test]
fn a_server_may_write_before_it_reads() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["example.com"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&[]), "example.com");
    move_all(&mut pair.client, &mut pair.server);
    move_all(&mut pair.server, &mut pair.client);
    assert!(!pair.client.is_handshaking() && pair.server.is_handshaking());
    assert_eq!(write_all(&mut pair.client, b"PRI *"), 5);
    move_all(&mut pair.client, &mut pair.server);
    assert!(!pair.server.is_handshaking() && pair.server.may_have_plaintext());
    assert_eq!(write_all(&mut pair.server, b"SETTINGS"), 8);
    assert_eq!(pair.run(), (None, None));
    assert_eq!(&pair.to_client[..], b"SETTINGS");
    assert_eq!(pair.server.read_plaintext(&mut pair.to_server, 1000).unwrap(), 5);
    assert_eq!(&pair.to_server[..], b"PRI *");
    assert!(!pair.server.was_early() && !pair.server.may_have_plaintext());
    assert_eq!(pair.server.buffered_bytes(), 0);
}

fn move_all(from: &mut Session, to: &mut Session) {
    let count = from.output().len();
    to.input_space()[..count].copy_from_slice(from.output());
    from.consume_output(count);
    to.handle_input(count).unwrap();
}

/// A driver that reads nothing before the handshake is over gets the early data then, first and
/// alone.
#[test]
fn early_data_does_not_hold_the_handshake_up() {
    let place = Place::new();
    let mut site = place.site(&["example.com"]);
    site.early_data = true;
    let front = place.front(vec![site], place.settings());
    let mut config = (*place.client(&[])).clone();
    config.enable_early_data = true;
    let config = Arc::new(config);
    drop(Pair::new(&front, &config, "example.com").shake_hands());
    let name = ServerName::try_from("example.com").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    std::io::Write::write_all(&mut client.early_data().unwrap(), b"early").unwrap();
    let mut server = Session::accept(Arc::clone(&front), None);
    for turn in 0..3 {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        server.input_space()[..flight.len()].copy_from_slice(&flight);
        server.handle_input(flight.len()).unwrap();
        let mut answer = server.output();
        while !answer.is_empty() {
            client.read_tls(&mut answer).unwrap();
            client.process_new_packets().unwrap();
        }
        server.consume_output(server.output().len());
        if turn == 0 {
            std::io::Write::write_all(&mut client.writer(), b"later").unwrap();
        }
    }
    assert!(!server.is_handshaking());
    for (expected, early) in [(&b"early"[..], true), (b"later", false), (b"", false)] {
        let mut plaintext = BytesMut::new();
        server.read_plaintext(&mut plaintext, 1000).unwrap();
        assert_eq!((&plaintext[..], server.was_early()), (expected, early));
    }
}
