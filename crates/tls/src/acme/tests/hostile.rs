//! Strangers against the server: every request is forged, stale, too large, or someone else's.

use rcgen::PKCS_RSA_SHA256;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

use super::*;
use crate::limits;

fn with_header(body: &[u8], change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut outer: Value = serde_json::from_slice(body).unwrap();
    let mut header: Value =
        serde_json::from_slice(&jws::decode(outer["protected"].as_str().unwrap()).unwrap()).unwrap();
    change(&mut header);
    outer["protected"] = json!(jws::encode(header.to_string()));
    outer.to_string().into_bytes()
}

fn with_member(body: &[u8], member: &str, value: Value) -> Vec<u8> {
    let mut outer: Value = serde_json::from_slice(body).unwrap();
    outer[member] = value;
    outer.to_string().into_bytes()
}

#[test]
fn hostile_086_signatures() {
    let mut network = Network::new(settings());
    let stranger = Stranger::registered(&mut network);
    let other = Stranger::registered(&mut network);
    let account = stranger.account.clone().unwrap();
    let rsa_1024 = json!({ "kty": "RSA", "e": "AQAB", "n": jws::encode([0xC5; 128]) });
    let p521 = json!({ "kty": "EC", "crv": "P-521", "x": jws::encode([1; 66]), "y": jws::encode([1; 66]) });
    let mac = json!({ "kty": "oct", "k": "AAAA" });
    type Change<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let header = |change: fn(&mut Value)| move |body: &[u8]| with_header(body, change);
    for (what, change, expected) in [
        ("untouched", &(|body: &[u8]| body.to_vec()) as Change<'_>, "200"),
        ("another signature", &|body| with_member(body, "signature", json!(jws::encode([7; 64]))), "malformed"),
        ("no signature", &|body| with_member(body, "signature", json!("")), "malformed"),
        ("a changed payload", &|body| with_member(body, "payload", json!(jws::encode("{}"))), "malformed"),
        ("algorithm none", &header(|h| h["alg"] = json!("none")), "badSignatureAlgorithm"),
        ("a MAC", &header(|h| h["alg"] = json!("HS256")), "badSignatureAlgorithm"),
        ("another algorithm", &header(|h| h["alg"] = json!("ES384")), "malformed"),
        ("RSA for an ECDSA key", &header(|h| h["alg"] = json!("RS256")), "malformed"),
        ("an unprotected header", &|body| with_member(body, "header", json!({ "kid": "x" })), "malformed"),
        ("several signatures", &|body| with_member(body, "signatures", json!([])), "malformed"),
        ("critical members", &header(|h| h["crit"] = json!(["x"])), "malformed"),
        ("an unencoded payload", &header(|h| h["b64"] = json!(false)), "malformed"),
        ("jwk and kid", &|body| with_header(body, |h| h["jwk"] = json!(other.key.jwk())), "malformed"),
        ("neither", &header(|h| drop(h.as_object_mut().unwrap().remove("kid"))), "malformed"),
        ("another's account", &|body| with_header(body, |h| h["kid"] = json!(other.account)), "malformed"),
        ("an unknown account", &header(|h| h["kid"] = json!("https://ca.test/acme/account/x")), "accountDoesNotExist"),
        ("an account elsewhere", &header(|h| h["kid"] = json!("https://evil.test/account/x")), "accountDoesNotExist"),
        ("another URL", &header(|h| h["url"] = json!("https://ca.test/acme/new-order")), "unauthorized"),
        ("no URL", &header(|h| drop(h.as_object_mut().unwrap().remove("url"))), "malformed"),
        ("a nonce of its own", &header(|h| h["nonce"] = json!("AAAAAAAAAAAAAAAAAAAAAA")), "malformed"),
        ("no JSON", &|_| b"not json".to_vec(), "malformed"),
        ("nothing", &|_| Vec::new(), "malformed"),
        ("too much", &|_| vec![b' '; limits::ACME_BODY_BYTES_MAX + 1], "malformed"),
    ] {
        let mut request = stranger.request(&mut network, account.trim_start_matches(&format!("{BASE}/")), None);
        request.body = change(&request.body);
        assert_eq!(verdict(&network.ask(&request)), expected, "{what}");
    }
    for (what, key, expected) in [
        ("a weak RSA key", rsa_1024, "badPublicKey"),
        ("an odd curve", p521, "badPublicKey"),
        ("a secret as key", mac, "malformed"),
        ("a point of the wrong length", json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }), "badPublicKey"),
    ] {
        let mut request = Stranger::new().request(&mut network, "new-account", Some(&json!({})));
        request.body = with_header(&request.body, |h| h["jwk"] = key.clone());
        assert_eq!(verdict(&network.ask(&request)), expected, "{what}");
    }
}

#[test]
fn hostile_086_nonces_are_good_once_and_types_and_methods_are_kept_to() {
    let mut network = Network::new(settings());
    let stranger = Stranger::registered(&mut network);
    let request = stranger.request(&mut network, "new-order", Some(&json!({ "identifiers": [] })));
    assert_eq!(verdict(&network.ask(&request)), "malformed");
    let replayed = network.ask(&request);
    assert_eq!(verdict(&replayed), "badNonce", "a replay");
    assert!(replayed.field("Replay-Nonce").is_some(), "with a nonce to try again with");
    let url = format!("{BASE}/new-order");
    let unsigned = jws::sign(&stranger.key, &stranger.signer(), None, &url, None);
    let without_nonce = Request { body: unsigned, ..request.clone() };
    assert_eq!(verdict(&network.ask(&without_nonce)), "badNonce");

    let plain = Request { content_type: Some("application/json".to_owned()), ..request.clone() };
    assert_eq!(network.ask(&plain).status, 415);
    for (method, path, status) in [
        (Method::Get, "directory", 200),
        (Method::Head, "new-nonce", 200),
        (Method::Get, "new-nonce", 204),
        (Method::Get, "new-order", 405),
        (Method::Post, "directory", 405),
        (Method::Get, "account/x/orders", 405),
        (Method::Get, "nothing", 404),
        (Method::Get, "../directory", 404),
        (Method::Get, "renewal-info/x.y", 404),
        (Method::Get, "", 404),
    ] {
        assert_eq!(network.ask(&Request::fetch(method, &format!("{BASE}/{path}"))).status, status, "{path}");
    }
    assert_eq!(network.ask(&Request::fetch(Method::Get, "https://elsewhere.test/directory")).status, 404);
    let index = network.ask(&Request::fetch(Method::Get, &format!("{BASE}/new-nonce")));
    assert_eq!(index.field("link"), Some("<https://ca.test/acme/directory>;rel=\"index\""));
    assert_eq!(index.field("cache-control"), Some("no-store"));
}

#[test]
fn hostile_086_orders() {
    let mut network = Network::new(settings());
    let stranger = Stranger::registered(&mut network);
    let dns = |value: &str| json!({ "identifiers": [{ "type": "dns", "value": value }] });
    let many: Vec<Value> = (0..101).map(|i| json!({ "type": "dns", "value": format!("h{i}.test") })).collect();
    for (what, payload, expected) in [
        ("a name", dns("a.test"), "201"),
        ("a name in capitals", dns("A.TEST"), "201"),
        ("an address", json!({ "identifiers": [{ "type": "ip", "value": "2001:db8::1" }] }), "201"),
        ("an address as a name", dns("192.0.2.1"), "rejectedIdentifier"),
        ("a name as an address", json!({ "identifiers": [{ "type": "ip", "value": "a.test" }] }), "rejectedIdentifier"),
        ("a wildcard", dns("*.a.test"), "rejectedIdentifier"),
        ("a forbidden name", dns("x.forbidden"), "rejectedIdentifier"),
        ("a path", dns("../../etc"), "rejectedIdentifier"),
        ("a line end", dns("a.test\r\nX: y"), "rejectedIdentifier"),
        ("nothing", dns(""), "rejectedIdentifier"),
        ("no names", json!({ "identifiers": [] }), "malformed"),
        ("too many names", json!({ "identifiers": many }), "malformed"),
        ("another kind", json!({ "identifiers": [{ "type": "email", "value": "a@b.test" }] }), "unsupportedIdentifier"),
        (
            "a life of its own",
            json!({ "identifiers": [{ "type": "dns", "value": "a.test" }], "notAfter": "2099-01-01T00:00:00Z" }),
            "malformed",
        ),
        (
            "an unknown predecessor",
            json!({ "identifiers": [{ "type": "dns", "value": "a.test" }], "replaces": "x.y" }),
            "malformed",
        ),
        ("no object", json!([]), "malformed"),
    ] {
        assert_eq!(verdict(&stranger.post(&mut network, "new-order", Some(&payload))), expected, "{what}");
    }
    for _ in 0..limits::ACME_OPEN_ORDERS_PER_ACCOUNT_MAX {
        stranger.post(&mut network, "new-order", Some(&dns("a.test")));
    }
    let refused = stranger.post(&mut network, "new-order", Some(&dns("a.test")));
    assert_eq!((verdict(&refused).as_str(), refused.field("Retry-After")), ("rateLimited", Some("3600")));
}

#[test]
fn hostile_086_signing_requests() {
    let mut network = Network::new(settings());
    let stranger = Stranger::registered(&mut network);
    let key = KeyPair::generate().unwrap();
    let order = stranger.ready_order(&mut network, &["a.test", "b.test"]);
    let good = signing_request(&["b.test", "a.test"], &key);
    let mut forged = good.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let weak =
        rustls_pki_types::CertificateSigningRequestDer::from_pem_slice(include_bytes!("../../../tests/keys/weak.csr"));
    let own_key = KeyPair::from_pem(&stranger.key.to_pem()).unwrap();
    let many: Vec<String> = (0..2000).map(|i| format!("h{i}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (what, csr, words) in [
        ("a name more", signing_request(&["a.test", "b.test", "c.test"], &key), "names of the order"),
        ("a name less", signing_request(&["a.test"], &key), "names of the order"),
        ("a wildcard in place of a name", signing_request(&["a.test", "*.test"], &key), "names of the order"),
        ("no names", signing_request(&[], &key), "names of the order"),
        ("a forged signature", forged, "signature does not hold"),
        ("a weak key", weak.unwrap().to_vec(), "1024 bits"),
        ("the account's key", signing_request(&["a.test", "b.test"], &own_key), "must not be the account's"),
        ("a huge request", signing_request(&many, &key), "too large"),
        ("garbage", vec![0x30; 100], "PKCS#10"),
        ("nothing", Vec::new(), "PKCS#10"),
    ] {
        let response = stranger.finalize(&mut network, &order, &csr);
        assert_eq!(verdict(&response), "badCSR", "{what}: {}", text(&response));
        assert!(text(&response).contains(words), "{what}: {}", text(&response));
    }
    let response = stranger.finalize(&mut network, &order, &good);
    assert_eq!((response.status, json(&response)["status"].as_str()), (200, Some("valid")), "{}", text(&response));
    let again = stranger.finalize(&mut network, &order, &good);
    assert_eq!(verdict(&again), "orderNotReady", "one certificate for each order");
    let unproved = stranger.post(
        &mut network,
        "new-order",
        Some(&json!({ "identifiers": [{ "type": "dns", "value": "new.test" }] })),
    );
    let unproved = unproved.field("Location").unwrap().to_owned();
    let early = stranger.finalize(&mut network, &unproved, &signing_request(&["new.test"], &key));
    assert_eq!(verdict(&early), "orderNotReady");
}

#[test]
fn hostile_086_nobody_touches_what_is_anothers() {
    let mut network = Network::new(settings());
    let (owner, thief) = (Stranger::registered(&mut network), Stranger::registered(&mut network));
    let key = KeyPair::generate().unwrap();
    let order = owner.ready_order(&mut network, &["a.test"]);
    let seen = json(&owner.post(&mut network, &order, None));
    let authorization = seen["authorizations"][0].as_str().unwrap();
    let challenge = json(&owner.post(&mut network, authorization, None))["challenges"][0]["url"].clone();
    let csr = json!({ "csr": jws::encode(signing_request(&["a.test"], &key)) });
    let account = owner.account.clone().unwrap();
    for (path, payload) in [
        (order.as_str(), None),
        (&format!("{order}/finalize"), Some(&csr)),
        (authorization, None),
        (authorization, Some(&json!({ "status": "deactivated" }))),
        (challenge.as_str().unwrap(), Some(&json!({}))),
        (&account, None),
        (&account, Some(&json!({ "status": "deactivated" }))),
        (&format!("{account}/orders"), None),
    ] {
        assert_eq!(verdict(&thief.post(&mut network, path, payload)), "unauthorized", "{path}");
    }
    let done = json(&owner.finalize(&mut network, &order, &signing_request(&["a.test"], &key)));
    let certificate = done["certificate"].as_str().unwrap();
    assert_eq!(verdict(&thief.post(&mut network, certificate, None)), "unauthorized");
    let chain = owner.post(&mut network, certificate, None);
    assert_eq!(chain.field("Content-Type"), Some("application/pem-certificate-chain"));

    let der = CertificateDer::from_pem_slice(&chain.body).unwrap();
    let revoke = |der: &[u8], reason: u8| json!({ "certificate": jws::encode(der), "reason": reason });
    let other_authority = {
        let other = Authority::create("other", NOW).unwrap();
        let leaf = other.issue(&[name("a.test")], Default::default(), NOW, Duration::from_secs(86_400)).unwrap();
        leaf.certificate.certified_key().cert[0].clone()
    };
    assert_eq!(verdict(&thief.post(&mut network, "revoke-cert", Some(&revoke(&der, 1)))), "unauthorized");
    assert_eq!(verdict(&owner.post(&mut network, "revoke-cert", Some(&revoke(&der, 7)))), "badRevocationReason");
    assert_eq!(owner.post(&mut network, "revoke-cert", Some(&revoke(&other_authority, 1))).status, 404);
    assert_eq!(owner.post(&mut network, "revoke-cert", Some(&revoke(b"garbage", 1))).status, 404);
    // RFC 8555 §7.6: whoever holds the certificate's key may withdraw it, without an account.
    let holder = Stranger { key: AccountKey::from_pem(key.serialize_pem().as_bytes()).unwrap(), account: None };
    assert_eq!(verdict(&holder.post(&mut network, "revoke-cert", Some(&revoke(&der, 1)))), "200");
    assert_eq!(verdict(&owner.post(&mut network, "revoke-cert", Some(&revoke(&der, 1)))), "alreadyRevoked");
}

#[test]
fn hostile_086_false_proofs() {
    let settings = settings();
    for kind in ["http-01", "tls-alpn-01"] {
        let mut network = Network::new(settings.clone());
        let stranger = Stranger::registered(&mut network);
        let begin = |network: &mut Network| {
            let order = json!({ "identifiers": [{ "type": "dns", "value": "a.test" }] });
            let order = json(&stranger.post(network, "new-order", Some(&order)));
            let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
            let shown = json(&stranger.post(network, &authorization, None));
            let challenge = shown["challenges"].as_array().unwrap().iter().find(|c| c["type"] == kind).unwrap();
            let token = challenge["token"].as_str().unwrap().to_owned();
            // Clients that decode it and encode it again must come to the same (certbot does).
            assert_eq!(jws::encode(jws::decode(&token).unwrap()), token);
            stranger.post(network, challenge["url"].as_str().unwrap(), Some(&json!({})));
            // A second call changes nothing while the first visit is under way.
            stranger.post(network, challenge["url"].as_str().unwrap(), Some(&json!({})));
            let validation = network.server.poll_event().unwrap();
            assert!(network.server.poll_event().is_none());
            let key_authorization = format!("{token}.{}", stranger.key.jwk().thumbprint());
            (validation, authorization, key_authorization)
        };
        let certificate = |host: &str, text: &str| challenge_certificate(&name(host), text).unwrap().cert[0].clone();
        let tls = |alpn: &[u8], certificate| Shown::Tls { alpn: Some(alpn.to_vec()), certificate };
        let http = |status, body: &str| Shown::Http { status, body: body.as_bytes().to_vec() };
        type Make<'a> = &'a dyn Fn(&str) -> Shown;
        let ordinary = || {
            let leaf =
                settings.authority.issue(&[name("a.test")], Default::default(), NOW, Duration::from_secs(86_400));
            leaf.unwrap().certificate.certified_key().cert[0].clone()
        };
        let cases: &[(&str, Make<'_>, &str)] = if kind == "http-01" {
            &[
                ("another's thumbprint", &|_| http(200, "token.other"), "invalid"),
                ("an error page", &|good| http(404, good), "invalid"),
                ("a page around it", &|good| http(200, &format!("<p>{good}</p>")), "invalid"),
                ("more before it", &|good| http(200, &format!(" {good}")), "invalid"),
                ("nothing there", &|_| Shown::Nothing(Kind::Dns, "no such name".to_owned()), "invalid"),
                ("a visit of the other kind", &|good| tls(ACME_TLS_PROTOCOL, certificate("a.test", good)), "invalid"),
                ("the proof", &|good| http(200, &format!("{good}\n")), "valid"),
            ]
        } else {
            &[
                ("another digest", &|_| tls(ACME_TLS_PROTOCOL, certificate("a.test", "x")), "invalid"),
                ("another name", &|good| tls(ACME_TLS_PROTOCOL, certificate("b.test", good)), "invalid"),
                ("another protocol", &|good| tls(b"h2", certificate("a.test", good)), "invalid"),
                ("an ordinary certificate", &|_| tls(ACME_TLS_PROTOCOL, ordinary()), "invalid"),
                ("garbage", &|_| tls(ACME_TLS_PROTOCOL, vec![1, 2, 3].into()), "invalid"),
                ("the proof", &|good| tls(ACME_TLS_PROTOCOL, certificate("a.test", good)), "valid"),
            ]
        };
        for (what, show, expected) in cases {
            let (validation, authorization, good) = begin(&mut network);
            network.server.handle_validation(network.now, &validation.id, &show(&good));
            let status = json(&stranger.post(&mut network, &authorization, None))["status"].clone();
            assert_eq!(status, *expected, "{kind}: {what}");
            // Said twice, or the other way round later, it changes nothing.
            network.server.handle_validation(network.now, &validation.id, &show("changed my mind"));
            let again = json(&stranger.post(&mut network, &authorization, None))["status"].clone();
            assert_eq!(again, status, "{kind}: {what}");
        }
    }
}

#[test]
fn hostile_086_account_keys_and_contacts() {
    let mut network = Network::new(settings());
    let (owner, other) = (Stranger::registered(&mut network), Stranger::registered(&mut network));
    let new = AccountKey::generate();
    let url = format!("{BASE}/key-change");
    let inner =
        |key: &AccountKey, account: &Option<String>, old: &AccountKey, url: &str, nonce: Option<&str>| -> Value {
            let payload = json!({ "account": account, "oldKey": old.jwk() });
            serde_json::from_slice(&jws::sign(key, &Signer::Key(key.jwk()), nonce, url, Some(&payload))).unwrap()
        };
    let elsewhere = format!("{BASE}/new-order");
    for (what, payload, expected) in [
        ("another's account", inner(&new, &other.account, &owner.key, &url, None), "malformed"),
        ("another's old key", inner(&new, &owner.account, &other.key, &url, None), "malformed"),
        ("another URL inside", inner(&new, &owner.account, &owner.key, &elsewhere, None), "malformed"),
        ("a nonce inside", inner(&new, &owner.account, &owner.key, &url, Some("AAAA")), "malformed"),
        ("no signature inside", json!({ "account": owner.account }), "malformed"),
        ("a key that has an account", inner(&other.key, &owner.account, &owner.key, &url, None), "malformed"),
        ("the change", inner(&new, &owner.account, &owner.key, &url, None), "200"),
    ] {
        let response = owner.post(&mut network, "key-change", Some(&payload));
        assert_eq!(verdict(&response), expected, "{what}");
        assert_eq!(response.status == 409, what == "a key that has an account");
    }
    let account = owner.account.clone().unwrap();
    assert_eq!(verdict(&owner.post(&mut network, &account, None)), "malformed", "the old key is nobody's");
    let owner = Stranger { key: new, account: owner.account };
    for (contact, expected) in [
        ("mailto:a@b.test", "200"),
        ("tel:+123", "unsupportedContact"),
        ("mailto:a@b.test,c@d.test", "invalidContact"),
        ("mailto:a@b.test?subject=x", "invalidContact"),
        ("mailto:nobody", "invalidContact"),
        ("mailto:a@b.test\r\nBcc: c@d.test", "invalidContact"),
    ] {
        let response = owner.post(&mut network, &account, Some(&json!({ "contact": [contact] })));
        assert_eq!(verdict(&response), expected, "{contact}");
    }
    assert_eq!(verdict(&owner.post(&mut network, &account, Some(&json!({ "status": "deactivated" })))), "200");
    assert_eq!(verdict(&owner.post(&mut network, &account, None)), "unauthorized", "deactivated for good");
    let again = Stranger { account: None, ..owner };
    assert_eq!(verdict(&again.post(&mut network, "new-account", Some(&json!({})))), "unauthorized");
    let unknown = Stranger::new().post(&mut network, "new-account", Some(&json!({ "onlyReturnExisting": true })));
    assert_eq!(verdict(&unknown), "accountDoesNotExist");
}

/// certbot's accounts have RSA keys: the server must take their signatures.
#[test]
fn rsa_accounts_are_served() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
    let mut network = Network::new(settings());
    let pair = RsaKeyPair::from_pkcs8(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap().serialized_der()).unwrap();
    let number = |bytes: &[u8]| jws::encode(bytes);
    let public = pair.public_key();
    let jwk = json!({ "kty": "RSA", "e": number(public.exponent().big_endian_without_leading_zero()), "n": number(public.modulus().big_endian_without_leading_zero()) });
    let url = format!("{BASE}/new-account");
    let header = json!({ "alg": "RS256", "jwk": jwk, "nonce": Stranger::nonce(&mut network), "url": url });
    let (protected, payload) = (jws::encode(header.to_string()), jws::encode("{}"));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), format!("{protected}.{payload}").as_bytes(), &mut signature)
        .unwrap();
    let body = json!({ "protected": protected, "payload": payload, "signature": jws::encode(signature) });
    let body = body.to_string().into_bytes();
    let request = Request { method: Method::Post, url, content_type: Some(JOSE_JSON.to_owned()), body };
    assert_eq!(network.ask(&request).status, 201);
}
