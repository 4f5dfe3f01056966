//! Certificates got, renewed and withdrawn, and what goes wrong on the way.

use edgeway_base::{Blame, Blamed};
use serde_json::json;

use super::*;
use crate::acme::client::Failure;
use crate::acme::problem::Problem;
use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::limits;

fn issued(events: Vec<Event>) -> (Certificate, String, String) {
    let described = kinds(&events);
    events
        .into_iter()
        .find_map(|event| match event {
            Event::Issued { certificate, chain_pem, key_pem } => Some((*certificate, chain_pem, key_pem)),
            _ => None,
        })
        .unwrap_or_else(|| panic!("{described:?}"))
}

#[test]
fn a_certificate_by_either_proof() {
    for proof in [ProofKind::Http, ProofKind::Tls] {
        let mut network = Network::new(settings());
        let mut client = Client::new(client_settings(&[proof]));
        let names = vec![name("a.test"), name("b.test"), name("192.0.2.7")];
        client.issue(names.clone(), None).unwrap();
        let events = network.run(&mut client);
        let seen = kinds(&events);
        for expected in ["account", "show a.test", "show 192.0.2.7", "withdraw b.test", "issued"] {
            assert!(seen.iter().any(|kind| kind == expected), "{expected} in {seen:?}");
        }
        assert!(network.shown.is_empty(), "nothing is shown for longer than needed");
        let (certificate, chain, key) = issued(events);
        assert_eq!(certificate.facts().names, names);
        assert_eq!(certificate.certified_key().cert.len(), 2);
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    }
}

#[test]
fn proofs_last_and_accounts_too() {
    let mut network = Network::new(settings());
    let mut client = Client::new(client_settings(&[ProofKind::Http]));
    client.issue(vec![name("a.test")], None).unwrap();
    let (first, ..) = issued(network.run(&mut client));
    assert!(network.server.take_changed() && !network.server.take_changed());
    // The server forgets its nonces, but neither accounts nor proofs.
    network.server = Server::restore(settings(), &network.server.export()).unwrap();
    client.issue(vec![name("a.test")], Some(first.facts())).unwrap();
    let events = network.run(&mut client);
    assert_eq!(kinds(&events), ["issued"]);
    let (second, ..) = issued(events);
    assert_ne!(first.facts().serial, second.facts().serial);
    // A third that names the same predecessor is ordered without naming it.
    client.issue(vec![name("a.test")], Some(first.facts())).unwrap();
    assert_eq!(kinds(&network.run(&mut client)), ["issued"]);
    // So is one whose predecessor the server has never seen.
    let stranger = Authority::create("other", NOW).unwrap();
    let stranger = stranger.issue(&[name("a.test")], Default::default(), NOW, Duration::from_secs(86_400)).unwrap();
    client.issue(vec![name("a.test")], Some(stranger.certificate.facts())).unwrap();
    assert_eq!(kinds(&network.run(&mut client)), ["issued"]);
    assert!(matches!(Server::restore(settings(), b"{"), Err(CertificateError::Unreadable(_))));
}

#[test]
fn renewal_is_suggested_and_hastened_by_revocation() {
    let mut network = Network::new(settings());
    let mut client = Client::new(client_settings(&[ProofKind::Http]));
    client.issue(vec![name("a.test")], None).unwrap();
    let (certificate, ..) = issued(network.run(&mut client));
    let facts = certificate.facts();
    let window = |network: &mut Network, client: &mut Client| {
        assert!(client.ask_renewal(facts));
        match &network.run(client)[..] {
            [Event::Renewal { window, ask_again_after, .. }] => {
                assert_eq!(ask_again_after.as_secs(), 6 * 3600);
                *window
            }
            other => panic!("{:?}", kinds(other)),
        }
    };
    let usual = window(&mut network, &mut client);
    assert!(usual.start > NOW && usual.end < facts.not_after);
    client.revoke(certificate.certified_key().cert[0].clone(), Some(1));
    assert_eq!(kinds(&network.run(&mut client)), ["revoked"]);
    assert!(window(&mut network, &mut client).end < network.now, "at once");
    let revoked: Vec<_> = network.server.revoked().collect();
    assert_eq!(revoked, [(facts.serial.clone(), network.now, 1)]);
    client.revoke(certificate.certified_key().cert[0].clone(), None);
    assert!(kinds(&network.run(&mut client))[0].contains("alreadyRevoked"));
}

#[test]
fn a_new_account_key_takes_over() {
    let mut network = Network::new(settings());
    let mut client = Client::new(client_settings(&[ProofKind::Http]));
    client.issue(vec![name("a.test")], None).unwrap();
    network.run(&mut client);
    let before = client.key().jwk();
    client.change_key(AccountKey::generate());
    client.issue(vec![name("b.test")], None).unwrap();
    let seen = kinds(&network.run(&mut client));
    assert_eq!(seen.first().map(String::as_str), Some("key changed"));
    assert!(seen.contains(&"issued".to_owned()), "{seen:?}");
    assert_ne!(client.key().jwk(), before);
    let again = AccountKey::from_pem(client.key().to_pem().as_bytes()).unwrap();
    assert_eq!(again.jwk(), client.key().jwk());
}

#[test]
fn external_accounts_are_asked_for() {
    let with = |external: Option<(&str, &[u8])>| {
        let mut server = settings();
        server.external_accounts = HashMap::from([("printer".to_owned(), b"secret".to_vec())]);
        let mut network = Network::new(server);
        let external_account = external.map(|(identity, secret)| (identity.to_owned(), secret.to_vec()));
        let mut client = Client::new(ClientSettings { external_account, ..client_settings(&[ProofKind::Http]) });
        client.issue(vec![name("a.test")], None).unwrap();
        kinds(&network.run(&mut client)).pop().unwrap()
    };
    assert_eq!(with(Some(("printer", b"secret"))), "issued");
    assert!(with(None).contains("externalAccountRequired"));
    assert!(with(Some(("printer", b"guess"))).contains("unauthorized"));
    assert!(with(Some(("scanner", b"secret"))).contains("unauthorized"));
}

#[test]
fn what_cannot_be_proved_is_told_apart() {
    let mut network = Network::new(settings());
    let mut client = Client::new(client_settings(&[ProofKind::Http]));
    client.issue(vec![name("a.test")], None).unwrap();
    client.issue(vec![name("a.forbidden")], None).unwrap();
    client.issue(vec![name("*.a.test")], None).unwrap();
    // The machine shows nothing: the caller's port 80 is shut.
    let mut failures = Vec::new();
    for _ in 0..10_000 {
        match client.poll_event() {
            Some(Event::Show(proof)) => client.proof_ready(&proof.name),
            Some(Event::Failed(failure)) => failures.push(failure),
            _ => {}
        }
        if let Some(request) = client.poll_output(network.clock) {
            let response = network.ask(&request);
            client.handle_response(network.clock, network.now, &response);
            network.visit();
        } else if let Some(due) = client.poll_timeout() {
            network.clock = due;
        }
    }
    assert!(
        matches!(&failures[0], Failure::NotProved(name, problem) if name == "a.test" && problem.kind == Kind::Connection)
    );
    assert_eq!(failures[0].blame(), Blame::Operator);
    for failure in &failures[1..] {
        assert!(matches!(failure, Failure::Refused(problem) if problem.kind == Kind::RejectedIdentifier), "{failure}");
    }
    assert_eq!(failures.len(), 3);
    client.issue(vec![name("a.test")], None).unwrap();
    while client.poll_event().is_none() {
        let request = client.poll_output(network.clock).expect("it goes on");
        let response = network.ask(&request);
        client.handle_response(network.clock, network.now, &response);
    }
    client.proof_failed("port 80 belongs to someone else");
    assert!(
        kinds(&std::iter::from_fn(|| client.poll_event()).collect::<Vec<_>>())
            .iter()
            .any(|kind| kind.contains("port 80 belongs"))
    );
}

/// One answer of the server replaced by another, and what the client makes of it.
#[test]
fn servers_that_stumble() {
    let problem = |kind: Kind| Problem::new(kind, "no").to_response();
    let busy = || problem(Kind::RateLimited).with("Retry-After", "7200");
    let unavailable = || Response::new(503, b"<html>".to_vec());
    let too_long = || problem(Kind::RateLimited).with("Retry-After", "999999");
    let garbage = || Response::new(200, b"garbage".to_vec());
    let huge = || Response::new(200, vec![b'x'; limits::ACME_BODY_BYTES_MAX + 1]);
    let unsafe_token = || {
        let challenge =
            json!({"type": "http-01", "url": "https://ca.test/c", "status": "pending", "token": "../../etc/passwd"});
        let body =
            json!({"identifier": {"type": "dns", "value": "a.test"}, "status": "pending", "challenges": [challenge]});
        Response::new(200, body.to_string().into_bytes())
    };
    let other_name = || {
        let body = json!({"identifier": {"type": "dns", "value": "b.test"}, "status": "valid", "challenges": []});
        Response::new(200, body.to_string().into_bytes())
    };
    let no_way = || {
        let body = json!({"identifier": {"type": "dns", "value": "a.test"}, "status": "pending", "challenges": [
            {"type": "dns-01", "url": "https://ca.test/c", "status": "pending", "token": "abc"}]});
        Response::new(200, body.to_string().into_bytes())
    };
    type Make<'a> = &'a dyn Fn() -> Response;
    let once = 1;
    let always = usize::MAX;
    let bad_nonce = || problem(Kind::BadNonce);
    let forgotten = || problem(Kind::AccountDoesNotExist);
    let unauthorized = || problem(Kind::Unauthorized);
    for (at, times, answer, seconds, end) in [
        ("new-order", once, &bad_nonce as Make<'_>, 0, "issued"),
        ("new-order", always, &bad_nonce, 0, "badNonce"),
        ("new-order", once, &busy, 7200, "issued"),
        ("new-order", always, &busy, 7200 * 8, "rateLimited"),
        ("new-order", once, &too_long, 0, "rateLimited"),
        ("new-order", once, &unavailable, 1, "issued"),
        ("new-order", once, &forgotten, 0, "issued"),
        ("new-order", once, &unauthorized, 0, "unauthorized"),
        ("new-order", once, &garbage, 0, "makes no sense"),
        ("directory", once, &garbage, 0, "makes no sense"),
        ("directory", once, &unavailable, 1, "issued"),
        ("authorization", once, &unsafe_token, 0, "token that is not base64url"),
        ("authorization", once, &other_name, 0, "did not ask for"),
        ("authorization", once, &no_way, 0, "no way we have to prove a.test"),
        ("order", once, &huge, 0, "too large"),
        ("certificate", once, &garbage, 0, "cannot be used"),
    ] {
        let mut network = Network::new(settings());
        let mut client = Client::new(client_settings(&[ProofKind::Http]));
        client.issue(vec![name("a.test")], None).unwrap();
        let (mut left, mut last) = (times, String::new());
        loop {
            match client.poll_event() {
                Some(Event::Show(proof)) => {
                    client.proof_ready(&proof.name);
                    network.shown.insert(proof.name.clone(), proof);
                }
                Some(event) => last = kinds(&[event]).remove(0),
                None if client.is_idle() => break,
                None => {}
            }
            if let Some(request) = client.poll_output(network.clock) {
                let mut response = network.ask(&request);
                if left > 0 && network.requests.last().is_some_and(|segment| segment == at) {
                    let nonce = response.field("Replay-Nonce").unwrap_or("AAAA").to_owned();
                    response = answer().with("Replay-Nonce", nonce);
                    left -= 1;
                }
                client.handle_response(network.clock, network.now, &response);
                network.visit();
            } else if let Some(due) = client.poll_timeout() {
                network.clock = due;
            }
        }
        assert!(last.contains(end), "{at}, {times} times: {last}");
        let waited = network.clock.saturating_since(Instant::ZERO).as_secs();
        assert_eq!(waited, seconds, "{at}, {times} times, ending in {last}");
    }
}

#[test]
fn a_wire_that_breaks_is_tried_again_and_given_up() {
    let mut network = Network::new(settings());
    let mut client = Client::new(client_settings(&[ProofKind::Http]));
    client.issue(vec![name("a.test")], None).unwrap();
    for _ in 0..3 {
        assert!(client.poll_output(network.clock).is_some());
        assert!(client.poll_output(network.clock).is_none(), "one at a time");
        client.handle_failure(network.clock, "connection reset");
        network.clock = client.poll_timeout().unwrap();
    }
    assert!(kinds(&network.run(&mut client)).contains(&"issued".to_owned()));
    client.issue(vec![name("a.test")], None).unwrap();
    while client.poll_output(network.clock).is_some() {
        client.handle_failure(network.clock, "connection reset");
        network.clock = client.poll_timeout().unwrap_or(network.clock);
    }
    assert_eq!(kinds(&[client.poll_event().unwrap()]), ["failed: the ACME server cannot be reached: connection reset"]);
}
