//! ClientHellos cut, damaged and overgrown, and floods after them.

use super::*;

/// The ClientHello of a rustls client, for surgery.
fn client_hello(place: &Place, host: &str) -> Vec<u8> {
    let name = rustls_pki_types::ServerName::try_from(host.to_owned()).unwrap();
    Session::connect(place.client(&["h2"]), name).unwrap().output().to_vec()
}

fn feed(session: &mut Session, mut bytes: &[u8]) -> Result<(), SessionError> {
    while !bytes.is_empty() {
        let space = session.input_space();
        let count = space.len().min(bytes.len());
        if count == 0 {
            return session.handle_input(0);
        }
        space[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        session.handle_input(count)?;
    }
    Ok(())
}

#[test]
fn hostile_056_hellos() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    let hello = client_hello(&place, "a.test");
    let fragments = |size: usize| -> Vec<u8> {
        let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
        hello[5..].chunks(size).flat_map(record).collect()
    };
    let interleaved = [&fragments(64)[..69], &[21, 3, 1, 0, 2, 1, 0][..], &fragments(64)[69..]].concat();
    let endless = {
        let length = 60_000_u32.to_be_bytes();
        let message = [&[1, length[1], length[2], length[3]][..], &[0; 60_000]].concat();
        let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
        message.chunks(1000).flat_map(record).collect::<Vec<u8>>()
    };
    let not_tls = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec();
    for (what, bytes, answered, error) in [
        ("whole", hello.clone(), true, None),
        ("in fragments of 1", fragments(1), true, None),
        ("in fragments of 64", fragments(64), true, None),
        ("an alert between fragments", interleaved, true, Some("Tls")),
        ("endless", endless, true, Some("HandshakeTooLarge")),
        ("plain HTTP", not_tls, false, Some("NotTls")),
        ("only a record header", vec![22, 3, 1, 0, 200], false, None),
        ("an unknown message", vec![22, 3, 1, 0, 4, 99, 0, 0, 0], true, Some("Tls")),
        ("an oversized record", vec![22, 3, 1, 255, 255, 1], true, Some("Tls")),
    ] {
        let mut session = Session::accept(Arc::clone(&front), None);
        let result = feed(&mut session, &bytes);
        let found = result.err().map(|error| format!("{error:?}"));
        assert_eq!(found.is_some(), error.is_some(), "{what}: {found:?}");
        if let (Some(found), Some(error)) = (found, error) {
            assert!(found.starts_with(error), "{what}: {found}");
        }
        assert_eq!(!session.output().is_empty(), answered, "{what}");
    }
    // Every cut and every damaged byte: an answer, never a panic.
    for index in 0..hello.len() {
        let mut session = Session::accept(Arc::clone(&front), None);
        assert_eq!(feed(&mut session, &hello[..index]), Ok(()));
        assert!(session.is_handshaking() && session.output().is_empty());
        let mut damaged = hello.clone();
        damaged[index] ^= 0x41;
        let _ = feed(&mut Session::accept(Arc::clone(&front), None), &damaged);
    }
}

/// Replaces the server_name extension's list (RFC 6066 §3) by `list` and mends all lengths.
fn with_server_names(hello: &[u8], old: &str, list: &[u8]) -> Vec<u8> {
    let place = hello.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
    // Before the name: its length (2), its type (1), the list's length (2), the extension's (2).
    let (start, end) = (place - 7, place + old.len());
    let extension = [&(list.len() as u16 + 2).to_be_bytes()[..], &(list.len() as u16).to_be_bytes(), list].concat();
    let mut bytes = [&hello[..start], &extension, &hello[end..]].concat();
    let grown = |field: &mut [u8], by: i64| {
        let value = field.iter().fold(0_i64, |value, byte| value << 8 | i64::from(*byte)) + by;
        let width = field.len();
        field.copy_from_slice(&value.to_be_bytes()[8 - width..]);
    };
    let by = bytes.len() as i64 - hello.len() as i64;
    grown(&mut bytes[3..5], by);
    grown(&mut bytes[6..9], by);
    // Fixed part, session id, suites, compression: then the length of all extensions.
    let mut at = 5 + 4 + 34;
    at += 1 + usize::from(bytes[at]);
    at += 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    at += 1 + usize::from(bytes[at]);
    grown(&mut bytes[at..at + 2], by);
    bytes
}

#[test]
fn hostile_056_server_names() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test", "b.test"])], place.settings());
    let hello = client_hello(&place, "a.test");
    let entry = |kind: u8, name: &str| [&[kind][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
    for (what, list, served) in [
        ("as it was", entry(0, "a.test"), Some("a.test")),
        ("another", entry(0, "b.test"), Some("b.test")),
        ("in capitals", entry(0, "A.TEST"), Some("a.test")),
        ("two names", [entry(0, "a.test"), entry(0, "b.test")].concat(), None),
        ("an address", entry(0, "192.0.2.1"), None),
        ("an empty name", entry(0, ""), None),
        ("a name with a NUL", entry(0, "a.test\0.evil"), None),
        ("a name with a line end", entry(0, "a.test\r\n"), None),
        ("an unknown kind", entry(9, "a.test"), None),
        ("an empty list", Vec::new(), None),
        ("300 bytes", entry(0, &"a.".repeat(150)), None),
    ] {
        let mut session = Session::accept(Arc::clone(&front), None);
        let result = feed(&mut session, &with_server_names(&hello, "a.test", &list));
        assert_eq!(result.is_ok(), served.is_some(), "{what}: {result:?}");
        if let Some(served) = served {
            assert!(session.server_name().unwrap().eq_ignore_ascii_case(served), "{what}");
        }
        assert!(!session.output().is_empty(), "{what}: an answer or an alert");
    }
}

/// A second ClientHello inside a session ends it (rustls knows no renegotiation).
#[test]
fn hostile_053_renegotiation() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    let mut pair = Pair::new(&front, &place.client(&[]), "a.test").shake_hands();
    let hello = client_hello(&place, "a.test");
    feed(&mut pair.server, &hello).unwrap();
    let error = pair.server.read_plaintext(&mut bytes::BytesMut::new(), 1000).unwrap_err();
    assert!(matches!(error, SessionError::Tls { server: true, .. }), "{error}");
}

#[test]
fn hostile_056_a_flood_of_key_updates_ends_the_session() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    let host = rustls_pki_types::ServerName::try_from("a.test").unwrap();
    let mut client = rustls::ClientConnection::new(place.client(&[]), host).unwrap();
    let mut server = Session::accept(Arc::clone(&front), None);
    let mut plaintext = bytes::BytesMut::new();
    let exchange = |client: &mut rustls::ClientConnection, server: &mut Session, plaintext: &mut bytes::BytesMut| {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        feed(server, &flight)?;
        server.read_plaintext(plaintext, 1000)?;
        let mut answer = server.output();
        while !answer.is_empty() {
            client.read_tls(&mut answer).unwrap();
            client.process_new_packets().unwrap();
        }
        server.consume_output(server.output().len());
        Ok::<(), SessionError>(())
    };
    for _ in 0..4 {
        exchange(&mut client, &mut server, &mut plaintext).unwrap();
    }
    assert!(!server.is_handshaking());
    // Now and then is fine, and the keys stay in step.
    for turn in 0..3 {
        client.refresh_traffic_keys().unwrap();
        std::io::Write::write_all(&mut client.writer(), b"x").unwrap();
        exchange(&mut client, &mut server, &mut plaintext).unwrap();
        assert_eq!(plaintext.len(), turn + 1);
    }
    let ended = (0..1000).find_map(|_| {
        client.refresh_traffic_keys().unwrap();
        exchange(&mut client, &mut server, &mut plaintext).err()
    });
    assert!(matches!(ended, Some(SessionError::Tls { server: true, .. })), "{ended:?}");
}

#[test]
fn hostile_058_grease_is_passed_over() {
    use rustls::client::{EchGreaseConfig, EchMode};
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    let suite = rustls::crypto::aws_lc_rs::hpke::ALL_SUPPORTED_SUITES[0];
    let (public, _) = suite.generate_key_pair().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(place.authority.root_der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_details(crate::provider(), Arc::new(place.clock.clone()))
        .with_ech(EchMode::Grease(EchGreaseConfig::new(suite, public)))
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    drop(Pair::new(&front, &Arc::new(config), "a.test").shake_hands());
}

#[test]
fn suites_in_our_order_unless_the_client_is_slow_at_aes() {
    use rustls::CipherSuite as S;
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    let (small, large, chacha) =
        (S::TLS13_AES_128_GCM_SHA256, S::TLS13_AES_256_GCM_SHA384, S::TLS13_CHACHA20_POLY1305_SHA256);
    for (offered, chosen) in [
        (&[large, small, chacha][..], small),
        (&[large, chacha], large),
        (&[chacha, small, large], chacha),
        (&[chacha], chacha),
    ] {
        let mut provider = (*crate::provider()).clone();
        let wanted = |suite: &S| {
            let all = crate::provider();
            *all.cipher_suites.iter().find(|known| known.suite() == *suite).unwrap()
        };
        provider.cipher_suites = offered.iter().map(wanted).collect();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(place.authority.root_der().clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_details(Arc::new(provider), Arc::new(place.clock.clone()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let pair = Pair::new(&front, &Arc::new(config), "a.test").shake_hands();
        assert_eq!(pair.server.cipher_suite(), Some(chosen), "{offered:?}");
    }
}
