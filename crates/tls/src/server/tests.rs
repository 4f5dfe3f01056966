//! The choice for a ClientHello as a table, then whole handshakes where the rules matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::{AlertDescription, HandshakeKind};

use super::*;
use crate::authority::{Authority, Usage};
use crate::certificate::Certificate;
use crate::client::{ClientSettings, Trust};
use crate::error::{CertificateError, SessionError};
use crate::limits;
use crate::session::Session;
use crate::testing::{NOW, Pair, Place, name};

fn outcome(choice: &Choice) -> String {
    match choice {
        Choice::Serve { rule, .. } => if *rule == RuleId::NONE { "serve" } else { "serve guarded" }.to_owned(),
        Choice::Challenge(_) => "challenge".to_owned(),
        Choice::Wait(name) => format!("wait {name}"),
        Choice::Refuse(refusal) => format!("{:?}", refusal.alert()),
    }
}

fn guarded(place: &Place, names: &[&str], mode: ClientCertificates, authority: &Authority) -> Site {
    let clients = ClientRule::from_pem(mode, authority.root_pem().as_bytes(), None).unwrap();
    Site { clients, ..place.site(names) }
}

#[test]
fn hostile_056_057_the_choice() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.on_demand = IssueRule::Rule(Arc::new(|name| match name.to_string().as_str() {
        "demand.test" => Decision::Allow,
        "maybe.test" => Decision::Ask,
        _ => Decision::Deny,
    }));
    let mut awaited = place.site(&["awaited.test"]);
    awaited.source = Source::Awaited;
    let sites = vec![
        place.site(&["a.test", "*.a.test"]),
        guarded(&place, &["guarded.test"], ClientCertificates::Required, &place.authority),
        awaited,
    ];
    let strict = place.front(sites.clone(), settings.clone());
    let lenient = {
        let settings = FrontSettings { default_site: Some(0), unknown_name: UnknownName::Default, ..settings.clone() };
        place.front(sites.clone(), settings)
    };
    let no_authority = {
        let settings = FrontSettings { authority: None, ..settings };
        let own = place.authority.issue(&[name("a.test")], Usage::Server, NOW, limits::LEAF_LIFETIME_MAX).unwrap();
        place.front(vec![Site::new(vec![name("a.test")], Source::Loaded(vec![own.certificate]))], settings)
    };
    place.memory.insert_challenge(&name("a.test"), challenge_certificate(&name("a.test"), "token.key").unwrap());
    let (h2, h1) = (&b"h2"[..], &b"http/1.1"[..]);
    let local = Some("192.0.2.1".parse().unwrap());
    for (front, server_name, alpn, local, expected) in [
        (&strict, Some("a.test"), vec![h2, h1], local, "serve"),
        (&strict, Some("A.Test"), vec![h1], local, "serve"),
        (&strict, Some("x.a.test"), vec![], local, "serve"),
        (&strict, Some("x.y.a.test"), vec![], local, "UnrecognisedName"),
        (&strict, Some("guarded.test"), vec![h1], local, "serve guarded"),
        (&strict, Some("awaited.test"), vec![h1], local, "wait awaited.test"),
        (&strict, Some("demand.test"), vec![h1], local, "serve"),
        (&strict, Some("maybe.test"), vec![h1], local, "wait maybe.test"),
        (&strict, Some("nobody.test"), vec![h1], local, "UnrecognisedName"),
        (&strict, None, vec![h1], local, "serve"),
        (&strict, None, vec![h1], None, "MissingExtension"),
        (&lenient, Some("nobody.test"), vec![h1], local, "serve"),
        (&lenient, None, vec![h1], None, "serve"),
        (&no_authority, Some("demand.test"), vec![h1], local, "UnrecognisedName"),
        (&no_authority, None, vec![h1], local, "MissingExtension"),
        // ALPN: a client that asks for other protocols is not talked to.
        (&strict, Some("a.test"), vec![b"smtp"], local, "NoApplicationProtocol"),
        (&strict, Some("a.test"), vec![b"ftp", b"imap"], local, "NoApplicationProtocol"),
        (&strict, Some("a.test"), vec![b"smtp", h1], local, "serve"),
        // The challenge certificate is for an ACME server alone.
        (&strict, Some("a.test"), vec![ACME_TLS_PROTOCOL], local, "challenge"),
        (&strict, Some("x.a.test"), vec![ACME_TLS_PROTOCOL], local, "NoApplicationProtocol"),
        (&strict, None, vec![ACME_TLS_PROTOCOL], local, "NoApplicationProtocol"),
        (&strict, Some("a.test"), vec![ACME_TLS_PROTOCOL, h1], local, "serve"),
    ] {
        let hello = Hello { server_name, alpn, local };
        assert_eq!(outcome(&front.choose(&hello)), expected, "{hello:?}");
    }
}

#[test]
fn wrong_settings_are_the_operators() {
    let place = Place::new();
    let without = FrontSettings { authority: None, ..place.settings() };
    let build = |sites, settings| Front::build(&place.memory, sites, settings).map(|_| ());
    assert!(build(vec![place.site(&["a.test"])], without).is_err());
    let twice = vec![place.site(&["a.test"]), place.site(&["b.test", "A.test"])];
    let error = build(twice, place.settings()).unwrap_err();
    assert!(error.to_string().contains("two sites claim the name a.test"), "{error}");
    let empty = vec![Site::new(vec![name("a.test")], Source::Loaded(Vec::new()))];
    assert_eq!(build(empty, place.settings()), Err(CertificateError::NoCertificate));
    let unnamed = Site { alpn: Some(vec![Vec::new()]), ..place.site(&["a.test"]) };
    assert!(build(vec![unnamed], place.settings()).is_err());
}

#[test]
fn on_demand_leaves_are_made_once_renewed_in_time_and_bounded() {
    let place = Place::new();
    let leaves = &place.memory.leaves;
    let serial = |host: &str| {
        let leaf = leaves.get(&[name(host)], &place.authority, place.clock.now()).unwrap();
        leaf.facts().serial.clone()
    };
    let first = serial("a.test");
    place.clock.set(NOW.later(Duration::from_secs(59 * 86_400)));
    assert_eq!(serial("a.test"), first);
    place.clock.set(NOW.later(Duration::from_secs(61 * 86_400)));
    assert_ne!(serial("a.test"), first, "a third of its life is left");
    for index in 0..limits::ISSUED_LEAVES_MAX + 10 {
        serial(&format!("h{index}.test"));
    }
    assert_eq!(leaves.len(), limits::ISSUED_LEAVES_MAX);
}

#[test]
fn a_client_that_comes_by_address_gets_a_certificate_for_it() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], FrontSettings { default_site: Some(0), ..place.settings() });
    let mut first_serial = None;
    for _ in 0..2 {
        let pair = Pair::new(&front, &place.client(&["http/1.1"]), "192.0.2.1").shake_hands();
        assert_eq!(pair.server.server_name(), None);
        let facts = crate::certificate::Facts::read(&pair.client.peer_certificates().unwrap()[0]).unwrap();
        assert_eq!(facts.names, [name("192.0.2.1")]);
        assert_eq!(first_serial.get_or_insert_with(|| facts.serial.clone()), &facts.serial);
    }
}

fn identity(authority: &Authority) -> Certificate {
    authority.issue(&[name("client.test")], Usage::Client, NOW, limits::LEAF_LIFETIME_MAX).unwrap().certificate
}

#[test]
fn client_certificates_are_checked() {
    let place = Place::new();
    let ours = Authority::create("clients", NOW).unwrap();
    let theirs = Authority::create("strangers", NOW).unwrap();
    use ClientCertificates::{Optional, Required};
    for (mode, shown, alert) in [
        (Required, Some(identity(&ours)), None),
        (Required, Some(identity(&theirs)), Some(AlertDescription::UnknownCA)),
        (Required, None, Some(AlertDescription::CertificateRequired)),
        (Optional, Some(identity(&ours)), None),
        (Optional, None, None),
        (Optional, Some(identity(&theirs)), Some(AlertDescription::UnknownCA)),
    ] {
        let front = place.front(vec![guarded(&place, &["a.test"], mode, &ours)], place.settings());
        let settings = ClientSettings { identity: shown.clone(), ..place.client_settings(&[]) };
        let mut pair = Pair::new(&front, &settings.build(&place.clock).unwrap(), "a.test");
        let (told, error) = pair.run();
        assert_eq!(error.as_ref().and_then(SessionError::alert), alert, "{mode:?}");
        assert_eq!(
            told,
            alert.map(|alert| SessionError::Tls { error: rustls::Error::AlertReceived(alert), server: false })
        );
        if alert.is_none() {
            assert_eq!(pair.server.peer_certificates().is_some(), shown.is_some());
        }
    }
}

#[test]
fn hostile_056_revoked_clients_and_stale_lists() {
    let place = Place::new();
    let key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let root_pem = root.self_signed(&key).unwrap().pem();
    let authority = Authority::from_pem(root_pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let issuer = rcgen::Issuer::new(root, key);
    let (good, revoked) = (identity(&authority), identity(&authority));
    let date = |days: i64| time::OffsetDateTime::from_unix_timestamp(NOW.seconds() as i64 + days * 86_400).unwrap();
    let list = |until| {
        let parameters = rcgen::CertificateRevocationListParams {
            this_update: date(-10),
            next_update: date(until),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![rcgen::RevokedCertParams {
                serial_number: rcgen::SerialNumber::from_slice(&revoked.facts().serial),
                revocation_time: date(-5),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        parameters.signed_by(&issuer).unwrap().pem().unwrap()
    };
    for (shown, until, alert) in [
        (&good, 10, None),
        (&revoked, 10, Some(AlertDescription::CertificateRevoked)),
        (&good, -1, Some(AlertDescription::UnknownCA)),
    ] {
        let clients =
            ClientRule::from_pem(ClientCertificates::Required, root_pem.as_bytes(), Some(list(until).as_bytes()));
        let site = Site { clients: clients.unwrap(), ..place.site(&["a.test"]) };
        let front = place.front(vec![site], place.settings());
        let settings = ClientSettings { identity: Some(shown.clone()), ..place.client_settings(&[]) };
        let (_, error) = Pair::new(&front, &settings.build(&place.clock).unwrap(), "a.test").run();
        assert_eq!(error.as_ref().and_then(SessionError::alert), alert, "{error:?}");
    }
    assert!(ClientRule::from_pem(ClientCertificates::Required, root_pem.as_bytes(), Some(b"")).is_err());
}

/// nginx's CVE-2025-23419: a session made at an open site, resumed at a guarded one, let the
/// client in without its certificate. Here the ticket is of another family, and the name differs.
#[test]
fn hostile_054_no_session_is_resumed_across_client_rules_or_names() {
    let place = Place::new();
    let sites = vec![
        place.site(&["open.test", "other.test"]),
        guarded(&place, &["guarded.test"], ClientCertificates::Required, &place.authority),
    ];
    let front = place.front(sites, place.settings());
    let open_client = place.client(&[]);
    drop(Pair::new(&front, &open_client, "open.test").shake_hands());
    assert_ne!(front.rule_for("open.test"), front.rule_for("guarded.test"));

    // A client that offers the open site's ticket to the others: its store answers for every name.
    for (host, admitted) in [("open.test", true), ("other.test", true), ("guarded.test", false)] {
        let mut config = (*open_client).clone();
        config.resumption = rustls::client::Resumption::store(Arc::new(OneStore::default()));
        let config = Arc::new(config);
        drop(Pair::new(&front, &config, "open.test").shake_hands());
        let mut pair = Pair::new(&front, &config, host);
        let (_, error) = pair.run();
        let kind = pair.server.handshake_kind();
        assert_eq!(error.is_none(), admitted, "{host}: {error:?}");
        assert_eq!(kind == Some(HandshakeKind::Resumed), host == "open.test", "{host}: {kind:?}");
    }
}

/// A client's memory that shows the same ticket to every server.
#[derive(Debug, Default)]
struct OneStore {
    ticket: std::sync::Mutex<Option<rustls::client::Tls13ClientSessionValue>>,
}

impl rustls::client::ClientSessionStore for OneStore {
    fn set_kx_hint(&self, _: rustls_pki_types::ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: rustls_pki_types::ServerName<'static>, _: rustls::client::Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &rustls_pki_types::ServerName<'static>) {}
    fn insert_tls13_ticket(
        &self,
        _: rustls_pki_types::ServerName<'static>,
        value: rustls::client::Tls13ClientSessionValue,
    ) {
        *self.ticket.lock().unwrap() = Some(value);
    }
    fn take_tls13_ticket(
        &self,
        _: &rustls_pki_types::ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        self.ticket.lock().unwrap().take()
    }
}

#[test]
fn hostile_054_tickets_outlive_a_reload_and_an_upgrade_but_not_a_changed_rule() {
    let place = Place::new();
    let others = Authority::create("others", NOW).unwrap();
    let open = || place.front(vec![place.site(&["a.test"])], place.settings());
    let client = place.client(&[]);
    drop(Pair::new(&open(), &client, "a.test").shake_hands());
    let kind = |front: &Arc<Front>| Pair::new(front, &client, "a.test").shake_hands().server.handshake_kind();
    assert_eq!(kind(&open()), Some(HandshakeKind::Resumed), "after a reload");

    let next = Memory::new(place.clock.clone());
    next.import_tickets(&place.memory.export_tickets()).unwrap();
    let upgraded = Arc::new(Front::build(&next, vec![place.site(&["a.test"])], place.settings()).unwrap());
    assert_eq!(kind(&upgraded), Some(HandshakeKind::Resumed), "after an upgrade");

    let changed = guarded(&place, &["a.test"], ClientCertificates::Optional, &others);
    assert_eq!(kind(&place.front(vec![changed], place.settings())), Some(HandshakeKind::Full), "under a new rule");
    let bytes = place.memory.export_tickets();
    for length in 0..bytes.len() {
        assert!(Memory::new(place.clock.clone()).import_tickets(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn an_acme_server_sees_its_proof() {
    let place = Place::new();
    let front = place.front(vec![place.site(&["a.test"])], place.settings());
    place.memory.insert_challenge(&name("a.test"), challenge_certificate(&name("a.test"), "token.thumb").unwrap());
    let settings =
        ClientSettings { trust: Trust::Anyone, alpn: vec![ACME_TLS_PROTOCOL.to_vec()], ..ClientSettings::default() };
    let config = settings.build(&place.clock).unwrap();
    let pair = Pair::new(&front, &config, "a.test").shake_hands();
    assert!(pair.server.is_challenge());
    assert_eq!(pair.client.alpn(), Some(ACME_TLS_PROTOCOL));
    place.memory.remove_challenge(&name("a.test"));
    let (told, _) = Pair::new(&front, &config, "a.test").run();
    let alert = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
    assert_eq!(told, Some(SessionError::Tls { error: alert, server: false }));
}

#[test]
fn a_session_waits_for_the_answer_and_for_the_certificate() {
    let place = Place::new();
    let answer = Arc::new(AtomicU8::new(0));
    let known = Arc::clone(&answer);
    let rule = IssueRule::Rule(Arc::new(move |_| match known.load(Ordering::Relaxed) {
        0 => Decision::Ask,
        1 => Decision::Allow,
        _ => Decision::Deny,
    }));
    let front = place.front(Vec::new(), FrontSettings { on_demand: rule, ..place.settings() });
    for (answered, served) in [(1, true), (2, false)] {
        answer.store(0, Ordering::Relaxed);
        let mut pair = Pair::new(&front, &place.client(&[]), "new.test");
        assert_eq!(pair.run(), (None, None));
        assert_eq!(pair.server.awaited_certificate(), Some(&name("new.test")));
        assert!(pair.server.is_handshaking());
        pair.server.retry_accept(Arc::clone(&front)).unwrap();
        assert!(pair.server.awaited_certificate().is_some(), "no answer yet");
        answer.store(answered, Ordering::Relaxed);
        assert_eq!(pair.server.retry_accept(Arc::clone(&front)).is_ok(), served);
        let (told, _) = pair.run();
        assert_eq!(told.is_none(), served, "{told:?}");
    }
    answer.store(0, Ordering::Relaxed);
    let mut pair = Pair::new(&front, &place.client(&[]), "new.test");
    pair.run();
    assert!(pair.server.give_up_waiting().is_err());
    let alert = rustls::Error::AlertReceived(AlertDescription::UnrecognisedName);
    assert_eq!(pair.run().0, Some(SessionError::Tls { error: alert, server: false }));
}

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
