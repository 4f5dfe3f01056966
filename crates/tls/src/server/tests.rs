//! The choice for a ClientHello as a table, then whole handshakes where the rules matter.

mod clients;
mod hellos;
mod resumption;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rustls::{AlertDescription, HandshakeKind};

use super::*;
use crate::authority::{Authority, Usage};
use crate::certificate::{Certificate, Warning};
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
        let hello = Hello { server_name, alpn, local, ..Hello::default() };
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

#[test]
fn certificates_that_do_not_fit_or_end_are_told() {
    let place = Place::new();
    let names = [name("a.test"), name("*.b.test")];
    let leaf = place.authority.issue(&names, Usage::Server, NOW, limits::LEAF_LIFETIME_MAX).unwrap().certificate;
    let asked = ["a.test", "*.b.test", "x.b.test", "b.test", "*.a.test", "192.0.2.1"].map(name);
    let site = Site::new(asked.to_vec(), Source::Loaded(vec![leaf.clone()]));
    assert_eq!(site.uncovered_names(), [&name("b.test"), &name("*.a.test"), &name("192.0.2.1")]);
    assert!(place.site(&["a.test"]).uncovered_names().is_empty(), "made to measure");
    let front = place.front(vec![site], place.settings());
    assert_eq!(front.warnings(NOW), []);
    let later = NOW.later(Duration::from_secs(91 * 86_400));
    let expired = Warning::Expired { since: leaf.facts().not_after };
    assert_eq!(front.warnings(later), [(names.to_vec(), expired)]);
}
