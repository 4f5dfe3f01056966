//! Root, leaves and requests, as a client would judge them.

use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{ServerName, UnixTime};

use super::*;
use crate::testing::{NOW, name};

const DAY: u64 = 86_400;

fn accepted(authority: &Authority, leaf: &CertificateDer<'_>, host: &str, at: WallTime) -> Result<(), rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.root_der().clone()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crate::provider()).build().unwrap();
    let host = ServerName::try_from(host.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(at.since_epoch());
    verifier.verify_server_cert(leaf, &[], &host, &[], at).map(|_| ())
}

#[test]
fn a_leaf_convinces_a_client_of_its_names_and_days_alone() {
    let authority = Authority::create("testbed", NOW).unwrap();
    let names = [name("example.com"), name("*.example.com"), name("192.0.2.7"), name("2001:db8::7")];
    let issued = authority.issue(&names, Usage::Server, NOW, Duration::from_secs(30 * DAY)).unwrap();
    assert_eq!(issued.certificate.facts().names, names);
    let leaf = &issued.certificate.certified_key().cert[0];
    for (host, days, good) in [
        ("example.com", 0, true),
        ("www.example.com", 29, true),
        ("192.0.2.7", 1, true),
        ("2001:db8::7", 1, true),
        ("example.org", 1, false),
        ("192.0.2.8", 1, false),
        ("example.com", 31, false),
    ] {
        let at = NOW.later(Duration::from_secs(days * DAY));
        assert_eq!(accepted(&authority, leaf, host, at).is_ok(), good, "{host} after {days} days");
    }
    assert!(accepted(&authority, leaf, "example.com", NOW.earlier(Duration::from_secs(3000))).is_ok(), "slow clocks");
    assert!(accepted(&Authority::create("other", NOW).unwrap(), leaf, "example.com", NOW).is_err());
}

#[test]
fn a_root_survives_its_files() {
    let made = Authority::create("testbed", NOW).unwrap();
    assert!(made.facts().issuer.contains("Edgeway Local Authority testbed"));
    assert!(made.facts().lifetime() > limits::ROOT_LIFETIME);
    let read = Authority::from_pem(made.root_pem().as_bytes(), made.key_pem().as_bytes()).unwrap();
    assert_eq!(read.root_pem(), made.root_pem());
    let issued = read.issue(&[name("localhost")], Usage::Server, NOW, limits::LEAF_LIFETIME_MAX).unwrap();
    let again = Certificate::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes()).unwrap();
    accepted(&made, &again.certified_key().cert[0], "localhost", NOW).unwrap();

    let other = Authority::create("other", NOW).unwrap();
    let mixed = Authority::from_pem(made.root_pem().as_bytes(), other.key_pem().as_bytes());
    assert_eq!(mixed.unwrap_err(), CertificateError::KeyMismatch);
    let leaf = Authority::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes());
    assert_eq!(leaf.unwrap_err(), CertificateError::NotAnAuthority);
}

#[test]
fn lives_are_bounded_by_ninety_days_and_by_the_root() {
    let authority = Authority::create("testbed", NOW).unwrap();
    let ten_years = Duration::from_secs(3652 * DAY);
    for (begun_days_ago, asked, given) in [(0, 30, 30), (0, 400, 90), (3642, 90, 10)] {
        let now = NOW.later(Duration::from_secs(begun_days_ago * DAY));
        let issued = authority.issue(&[name("a.test")], Usage::Server, now, Duration::from_secs(asked * DAY)).unwrap();
        let facts = issued.certificate.facts();
        assert_eq!(facts.not_after, now.later(Duration::from_secs(given * DAY)));
        assert_eq!(facts.not_before, now.earlier(limits::BACKDATE));
        assert!(facts.not_after <= NOW.later(ten_years));
    }
}

#[test]
fn names_are_bounded_and_serials_differ() {
    let authority = Authority::create("testbed", NOW).unwrap();
    let issue = |names: &[CertificateName]| authority.issue(names, Usage::Server, NOW, limits::LEAF_LIFETIME_MAX);
    assert_eq!(issue(&[]).unwrap_err(), CertificateError::NoNames);
    let many: Vec<CertificateName> = (0..101).map(|index| name(&format!("h{index}.test"))).collect();
    assert_eq!(issue(&many).unwrap_err(), CertificateError::TooManyNames(101));
    let (one, two) = (issue(&many[..100]).unwrap(), issue(&many[..100]).unwrap());
    assert_ne!(one.certificate.facts().serial, two.certificate.facts().serial);
    assert!(one.certificate.facts().authority_key_identifier.is_some());
    let long = name(&format!("{}.test", "a".repeat(63)));
    assert!(issue(std::slice::from_ref(&long)).unwrap().certificate.covers(&long.to_string()));
}

fn request(names: &[&str], common: Option<&str>, key: &KeyPair, change: impl Fn(&mut CertificateParams)) -> Vec<u8> {
    let mut parameters = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    parameters.distinguished_name = common.map(common_name).unwrap_or_default();
    change(&mut parameters);
    parameters.serialize_request(key).unwrap().der().to_vec()
}

#[test]
fn requests_are_signed_for_their_key() {
    let authority = Authority::create("testbed", NOW).unwrap();
    let keys = [
        KeyPair::generate().unwrap(),
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(),
    ];
    for key in &keys {
        let der = request(&["a.test", "*.b.test"], Some("c.test"), key, |_| {});
        let read = SigningRequest::from_der(&der).unwrap();
        assert_eq!(read.names(), [name("a.test"), name("*.b.test"), name("c.test")]);
        let chain = authority.sign_request(&read, read.names(), NOW, Duration::from_secs(DAY)).unwrap();
        let certificate = Certificate::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        assert_eq!(certificate.certified_key().cert.len(), 2, "leaf and root");
        accepted(&authority, &certificate.certified_key().cert[0], "x.b.test", NOW).unwrap();
    }
}

#[test]
fn bad_requests_are_refused() {
    let key = KeyPair::generate().unwrap();
    let good = request(&["a.test"], None, &key, |_| {});
    let mut forged = good.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let ambitious = request(&["a.test"], None, &key, |parameters| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let mail = request(&["a.test"], None, &key, |parameters| {
        parameters.subject_alt_names.push(SanType::Rfc822Name("a@b.test".try_into().unwrap()));
    });
    let odd = request(&["a.test"], Some("not a host"), &key, |_| {});
    let longer = [&good[..], b"x"].concat();
    for (der, words) in [
        (forged, "signature"),
        (ambitious, "authority itself"),
        (mail, "neither a host nor an address"),
        (odd, "common name"),
        (longer, "PKCS#10"),
        (Vec::new(), "PKCS#10"),
    ] {
        let error = SigningRequest::from_der(&der).unwrap_err();
        assert!(matches!(&error, CertificateError::BadRequest(reason) if reason.contains(words)), "{error}");
    }
    let weak = SigningRequest::from_pem(include_bytes!("../../tests/keys/weak.csr"));
    assert_eq!(weak.unwrap_err(), CertificateError::RsaKeyTooShort(1024));
    for length in 0..good.len() {
        assert!(SigningRequest::from_der(&good[..length]).is_err(), "cut to {length}");
    }
}
