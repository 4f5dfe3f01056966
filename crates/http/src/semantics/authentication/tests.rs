//! Credentials as clients and attackers write them.

use edgeway_base::{Instant, SeededEntropy};

use super::*;
use crate::semantics::limits::{NONCE_COUNT_WINDOW, NONCE_LIFE, NONCES_MAX};

#[test]
fn hostile_083_basic_credentials() {
    for (value, expected) in [
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
        // RFC 7617 §2.1: test:123£ in UTF-8.
        ("Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}"))),
        ("basic dGVzdDoxMjPCow", Some(("test", "123\u{a3}"))),
        ("BASIC   YTpiOmM6", Some(("a", "b:c:"))),
        ("Basic Og==", Some(("", ""))),
        ("Basic YTo=", Some(("a", ""))),
        ("Basic YQ==", None),
        // test:123£ in ISO 8859-1 is no UTF-8.
        ("Basic dGVzdDoxMjOj", None),
        ("Basic YTpiAA==", None),
        ("Basic YTpi\u{f6}", None),
        ("Basic", None),
        ("Basic ====", None),
        ("Bearer YTpi", None),
    ] {
        let read = BasicCredentials::parse(value.as_bytes());
        let read = read.as_ref().map(|found| (found.user.as_str(), found.password.as_str()));
        assert_eq!(read, expected, "{value}");
    }
    assert!(BasicCredentials::parse(format!("Basic {}", "YTph".repeat(2000)).as_bytes()).is_none());
    assert_eq!(basic_challenge("a \"b\"\r\n"), "Basic realm=\"a \\\"b\\\"\", charset=\"UTF-8\"");
    let shown = format!("{:?}", BasicCredentials::parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert!(shown.contains("Aladdin") && !shown.contains("sesame"), "{shown}");
}

/// RFC 7616 §3.9.1, both algorithms.
fn example(algorithm: &str, response: &str) -> String {
    format!(
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
         cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
         opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    )
}

const SHA256_RESPONSE: &str = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";

#[test]
fn digest_examples_of_rfc_7616_section_3_9_1() {
    for (name, algorithm, response) in
        [("SHA-256", Algorithm::Sha256, SHA256_RESPONSE), ("MD5", Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec")]
    {
        let credentials = DigestCredentials::parse(example(name, response).as_bytes()).unwrap();
        let secret = digest_secret(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        assert!(credentials.proves(&secret, "GET", "/dir/index.html"), "{name}");
        assert!(!credentials.proves(&secret, "POST", "/dir/index.html"), "{name}: another method");
        assert!(!credentials.proves(&secret, "GET", "/dir/other.html"), "{name}: another target");
        let wrong = digest_secret(algorithm, "Mufasa", "http-auth@example.org", "Circle of Lice");
        assert!(!credentials.proves(&wrong, "GET", "/dir/index.html"), "{name}: another password");
        assert!(authentication_info(&credentials, &secret).starts_with("qop=auth, rspauth=\""));
    }
}

#[test]
fn hostile_083_digest_downgrades_and_broken_credentials() {
    use DigestRefusal::{Malformed, NotOffered, OtherScheme};
    let good = example("SHA-256", SHA256_RESPONSE);
    for (from, to, expected) in [
        ("qop=auth, ", "", NotOffered),
        ("qop=auth", "qop=auth-int", NotOffered),
        ("SHA-256", "SHA-256-sess", NotOffered),
        ("SHA-256", "SHA-512-256", NotOffered),
        ("qop=auth", "qop=auth, userhash=true", NotOffered),
        ("nc=00000001", "nc=1", Malformed),
        ("nc=00000001", "nc=+0000001", Malformed),
        ("nc=00000001, ", "", Malformed),
        ("username=\"Mufasa\", ", "", Malformed),
        ("username=\"Mufasa\"", "username=\"Mufasa\", Username=\"Scar\"", Malformed),
        ("username=\"Mufasa\"", "username=\"Mufasa\", username*=UTF-8''Scar", Malformed),
        ("username=\"Mufasa\"", "username*=latin1''Scar", Malformed),
        ("qop=auth", "qop=\"auth", Malformed),
        ("Digest ", "Basic ", OtherScheme),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_eq!(DigestCredentials::parse(changed.as_bytes()), Err(expected), "{from} -> {to}");
    }
    let extended = good.replacen("username=\"Mufasa\"", "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe", 1);
    assert_eq!(DigestCredentials::parse(extended.as_bytes()).unwrap().user, "J\u{e4}s\u{f8}n Doe");
    let many: String = (0..100).map(|index| format!("a{index}=b, ")).collect();
    assert_eq!(DigestCredentials::parse(format!("Digest {many}").as_bytes()), Err(Malformed));
}

#[test]
fn hostile_083_nonces_are_ours_young_and_counted() {
    let mut chance = SeededEntropy::new(83);
    let mut nonces = Nonces::new(&mut chance);
    let start = Instant::from_millis(5_000);
    let nonce = nonces.make(start, &mut chance);
    for (count, expected) in [
        (1, NonceVerdict::Fresh),
        (1, NonceVerdict::Replayed),
        (0, NonceVerdict::Replayed),
        (5, NonceVerdict::Fresh),
        (3, NonceVerdict::Fresh),
        (3, NonceVerdict::Replayed),
        (5 + NONCE_COUNT_WINDOW, NonceVerdict::Fresh),
        (5, NonceVerdict::Replayed),
        (4, NonceVerdict::Replayed),
        (7, NonceVerdict::Fresh),
        (u32::MAX, NonceVerdict::Fresh),
        (u32::MAX - 1, NonceVerdict::Fresh),
        (u32::MAX, NonceVerdict::Replayed),
    ] {
        assert_eq!(nonces.judge(&nonce, count, start), expected, "{count} before");
        assert_eq!(nonces.use_count(&nonce, count, start), expected, "{count}");
    }
    assert_eq!(nonces.judge(&nonce, 200, start + NONCE_LIFE * 2), NonceVerdict::Stale);
    let mut forged = nonce.into_bytes();
    forged[0] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(nonces.use_count(&forged, 1, start), NonceVerdict::Foreign);
    let other = Nonces::new(&mut chance).make(start, &mut chance);
    for foreign in [other.as_str(), "", "rubbish", "\u{e9}"] {
        assert_eq!(nonces.judge(foreign, 1, start), NonceVerdict::Foreign, "{foreign}");
    }
}

#[test]
fn hostile_083_a_flood_of_nonces_forgets_no_replay() {
    let mut chance = SeededEntropy::new(84);
    let mut nonces = Nonces::new(&mut chance);
    let start = Instant::from_millis(1);
    let victim = nonces.make(start, &mut chance);
    assert_eq!(nonces.use_count(&victim, 1, start), NonceVerdict::Fresh);
    for later in 0..NONCES_MAX as u64 {
        let moment = Instant::from_millis(2 + later);
        let nonce = nonces.make(moment, &mut chance);
        assert_eq!(nonces.use_count(&nonce, 1, moment), NonceVerdict::Fresh);
    }
    assert_eq!(nonces.judge(&victim, 1, start), NonceVerdict::Stale, "forgotten, so stale, never fresh");
}
