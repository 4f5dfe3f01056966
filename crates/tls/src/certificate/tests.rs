//! PEM in, certificate or a clear sentence out.

use edgeway_base::{Blame, Blamed};

use super::*;
use crate::authority::{Authority, Usage};
use crate::testing::{NOW, name};

macro_rules! key_file {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/keys/", $name))
    };
}

#[test]
fn every_form_of_key_is_read() {
    for (chain, key, names) in [
        (
            &key_file!("rsa2048.pem")[..],
            &key_file!("rsa2048.key")[..],
            &["strong.test", "*.strong.test", "192.0.2.9"][..],
        ),
        (key_file!("rsa2048.pem"), key_file!("rsa2048p1.key"), &["strong.test", "*.strong.test", "192.0.2.9"]),
        (key_file!("sec1.pem"), key_file!("sec1.key"), &["curve.test"]),
    ] {
        let certificate = Certificate::from_pem(chain, key).unwrap();
        let found: Vec<String> = certificate.facts().names.iter().map(ToString::to_string).collect();
        assert_eq!(found, names);
        assert_eq!(certificate.warnings(NOW.later(Duration::from_secs(86_400))), None);
    }
}

#[test]
fn what_cannot_be_used_says_why() {
    let (strong, strong_key) = (&key_file!("rsa2048.pem")[..], &key_file!("rsa2048.key")[..]);
    let (curve, curve_key) = (&key_file!("sec1.pem")[..], &key_file!("sec1.key")[..]);
    let broken = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (chain, key, error, words) in [
        (&b""[..], strong_key, CertificateError::NoCertificate, "BEGIN CERTIFICATE"),
        (strong_key, strong_key, CertificateError::NoCertificate, "no certificate"),
        (strong, &b""[..], CertificateError::NoKey, "BEGIN PRIVATE KEY"),
        (strong, strong, CertificateError::NoKey, "no private key"),
        (strong, curve_key, CertificateError::KeyMismatch, "another certificate"),
        (curve, strong_key, CertificateError::KeyMismatch, "another certificate"),
        (strong, key_file!("lockedp1.key"), CertificateError::KeyEncrypted, "passphrase"),
        (curve, key_file!("locked8.key"), CertificateError::KeyEncrypted, "openssl pkey"),
        (key_file!("nosan.pem"), curve_key, CertificateError::NoNames, "subjectAltName"),
        (key_file!("rsa1024.pem"), key_file!("rsa1024.key"), CertificateError::RsaKeyTooShort(1024), "below 2048 bits"),
        (key_file!("rsa1024.pem"), key_file!("rsa1024p1.key"), CertificateError::RsaKeyTooShort(1024), "1024 bits"),
    ] {
        let found = Certificate::from_pem(chain, key).unwrap_err();
        assert_eq!(found, error);
        assert!(found.to_string().contains(words), "{found}");
        assert_eq!(found.blame(), Blame::Operator);
    }
    assert!(matches!(Certificate::from_pem(broken, curve_key), Err(CertificateError::NotPem(_))));
    assert!(matches!(Certificate::from_pem(nonsense, curve_key), Err(CertificateError::Unreadable(_))));
    assert_eq!(
        Certificate::from_pem(&vec![b'x'; limits::PEM_BYTES_MAX + 1], curve_key).unwrap_err(),
        CertificateError::TooLarge
    );
}

#[test]
fn damage_at_any_byte_is_an_error_or_harmless_and_never_a_panic() {
    let der = reading::certificates(key_file!("rsa2048.pem")).unwrap().swap_remove(0);
    for index in 0..der.len() {
        let mut damaged = der.to_vec();
        damaged[index] ^= 0x55;
        let _ = Facts::read(&damaged.into());
        assert!(Facts::read(&der[..index].to_vec().into()).is_err(), "cut to {index}");
    }
}

#[test]
fn the_calendar_decides_the_warning() {
    let authority = Authority::create("test", NOW).unwrap();
    let lifetime = Duration::from_secs(90 * 86_400);
    let issued = authority.issue(&[name("example.com")], Usage::Server, NOW, lifetime).unwrap().certificate;
    let facts = issued.facts();
    let day = |days: u64| NOW.later(Duration::from_secs(days * 86_400));
    for (moment, warning) in [
        (NOW.earlier(Duration::from_secs(3600)), None),
        (NOW.earlier(Duration::from_secs(3601)), Some(Warning::NotYetValid { until: facts.not_before })),
        (NOW, None),
        (day(59), None),
        (day(61), Some(Warning::RenewalDue { expires: facts.not_after })),
        (day(90), Some(Warning::RenewalDue { expires: facts.not_after })),
        (day(91), Some(Warning::Expired { since: facts.not_after })),
    ] {
        assert_eq!(issued.warnings(moment), warning, "at {moment:?}");
    }
    assert!(issued.covers("EXAMPLE.com") && !issued.covers("www.example.com"));
}
