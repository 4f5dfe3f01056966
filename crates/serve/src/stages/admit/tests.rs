//! The admit stage as a client sees it.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use edgeway_base::SeededEntropy;

use super::*;
use crate::plan::End;
use crate::stages::respond::Respond;
use crate::stages::scene::{Scene, Seen};

const REALM: &str = "the realm";

struct House {
    scene: Scene,
    stage: Rc<dyn Stage>,
    end: Rc<dyn End>,
}

/// ann and bob, with the password `secret` and `hunter2`; bob may not come in.
fn house(scheme: Scheme) -> House {
    let mut lines = Vec::new();
    for (user, password) in [("ann", "secret"), ("bob", "hunter2")] {
        lines.push(format!("{user}:{}", bcrypt::hash(password, 4).unwrap()));
        for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
            lines.push(digest_line(user, password, algorithm));
        }
    }
    let users = Users::parse(&lines.join("\n")).unwrap();
    let settings = Settings { realm: REALM.to_owned(), scheme, allow: Some(BTreeSet::from(["ann".to_owned()])) };
    let shared = Shared::new(settings, users, &mut SeededEntropy::new(5)).unwrap();
    let end = Respond { status: Status::OK, content_type: "text/plain".to_owned(), content: Bytes::from("inside") };
    House { scene: Scene::new(), stage: Rc::new(Admit::new(shared)), end: Rc::new(end) }
}

fn digest_line(user: &str, password: &str, algorithm: Algorithm) -> String {
    format!("{user}:{REALM}:{}", digest_secret(algorithm, user, REALM, password))
}

impl House {
    fn ask(&self, line: &str, authorization: &[&str]) -> Seen {
        let fields: Vec<_> = authorization.iter().map(|value| ("Authorization", *value)).collect();
        self.scene.pass_through(Rc::clone(&self.stage), Rc::clone(&self.end), line, &fields)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn hostile_083_basic_admits_forbids_and_asks() {
    let house = house(Scheme::Basic);
    for (authorization, status) in [
        (vec![], 401),
        (vec![basic("ann", "secret")], 200),
        (vec![basic("ann", "secret")], 200),
        (vec![basic("ann", "wrong")], 401),
        (vec![basic("ann", "")], 401),
        (vec![basic("", "")], 401),
        (vec![basic("eve", "secret")], 401),
        (vec![basic("bob", "hunter2")], 403),
        (vec!["Bearer x".to_owned()], 401),
        (vec!["Basic !!!".to_owned()], 401),
        (vec![basic("ann", "secret"), basic("bob", "hunter2")], 400),
    ] {
        let values: Vec<&str> = authorization.iter().map(String::as_str).collect();
        let seen = house.ask("GET /", &values);
        assert_eq!(seen.status, status, "{values:?}");
        assert_eq!(seen.text() == "inside", status == 200);
        let challenge = if status == 401 { "Basic realm=\"the realm\", charset=\"UTF-8\"" } else { "" };
        assert_eq!(seen.field(FieldName::WwwAuthenticate), challenge, "{values:?}");
        assert_eq!(seen.user.as_deref(), (status == 200).then_some("ann"));
    }
}

#[test]
fn remembered_credentials_are_admitted_without_waiting() {
    let house = house(Scheme::Basic);
    let now = |user: &str, password: &str| {
        let mut exchange = house.scene.exchange("GET /", &[("Authorization", &basic(user, password))], Bytes::new());
        let route = house.scene.route(Rc::clone(&house.stage), Rc::clone(&house.end));
        Next::new(&route).run_now(&mut exchange).map(|response| response.status().code())
    };
    assert_eq!(now("ann", "secret"), None, "nobody has checked it");
    for (user, password) in [("ann", "secret"), ("bob", "hunter2"), ("ann", "wrong")] {
        house.ask("GET /", &[&basic(user, password)]);
    }
    assert_eq!((now("ann", "secret"), now("bob", "hunter2"), now("ann", "wrong")), (Some(200), None, None));
    house.scene.pass(300_000);
    assert_eq!(now("ann", "secret"), None, "too long ago");
}

/// A Digest answer as a client makes it.
fn digest(nonce: &str, count: u32, user: &str, password: &str, algorithm: Algorithm, uri: &str) -> String {
    let secret = digest_secret(algorithm, user, REALM, password);
    let second = hash(algorithm, &["GET", uri]);
    let response = hash(algorithm, &[&secret, nonce, &format!("{count:08x}"), "cn", "auth", &second]);
    format!(
        "Digest username=\"{user}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={}, qop=auth, \
         nc={count:08x}, cnonce=\"cn\", response=\"{response}\"",
        algorithm.name()
    )
}

/// RFC 7616 §3.3: the hash in hexadecimal.
fn hash(algorithm: Algorithm, parts: &[&str]) -> String {
    use sha2::Digest as _;
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match algorithm {
        Algorithm::Sha256 => hexadecimal(&sha2::Sha256::digest(parts.join(":"))),
        Algorithm::Md5 => hexadecimal(&md5::Md5::digest(parts.join(":"))),
    }
}

fn nonce_of(seen: &Seen) -> String {
    let challenge = seen.field(FieldName::WwwAuthenticate);
    let (_, rest) = challenge.split_once("nonce=\"").expect("a challenge with a nonce");
    rest.split('"').next().expect("a quoted nonce").to_owned()
}

#[test]
fn hostile_083_digest_admits_counts_and_ages() {
    let house = house(Scheme::Digest(vec![Algorithm::Sha256, Algorithm::Md5]));
    let first = house.ask("GET /a?b=c", &[]);
    assert_eq!(first.status, 401);
    let challenges: Vec<_> = first.fields.get_all(FieldName::WwwAuthenticate).collect();
    assert!(
        challenges.len() == 2
            && challenges[0].starts_with(b"Digest realm=\"the realm\", qop=\"auth\", algorithm=SHA-256")
    );
    let nonce = nonce_of(&first);
    let (sha, md) = (Algorithm::Sha256, Algorithm::Md5);
    for (authorization, status, stale) in [
        (digest(&nonce, 1, "ann", "secret", sha, "/a?b=c"), 200, false),
        (digest(&nonce, 1, "ann", "secret", sha, "/a?b=c"), 401, true),
        (digest(&nonce, 2, "ann", "secret", md, "/a?b=c"), 200, false),
        (digest(&nonce, 3, "ann", "wrong", sha, "/a?b=c"), 401, false),
        (digest(&nonce, 3, "eve", "secret", sha, "/a?b=c"), 401, false),
        (digest(&nonce, 3, "ann", "secret", sha, "/other"), 401, false),
        (digest(&nonce, 3, "bob", "hunter2", sha, "/a?b=c"), 403, false),
        (digest("made-up", 1, "ann", "secret", sha, "/a?b=c"), 401, false),
        (digest(&nonce, 4, "ann", "secret", sha, "/a?b=c").replace("qop=auth, ", ""), 401, false),
        (digest(&nonce, 5, "ann", "secret", sha, "/a?b=c").replace("nc=", "nc=x"), 400, false),
    ] {
        let seen = house.ask("GET /a?b=c", &[&authorization]);
        assert_eq!(seen.status, status, "{authorization}");
        assert_eq!(seen.field(FieldName::WwwAuthenticate).contains("stale=true"), stale, "{authorization}");
        assert_eq!(seen.field(FieldName::AuthenticationInfo).is_empty(), status != 200);
    }
    house.scene.pass(3_600_000);
    let late = house.ask("GET /a?b=c", &[&digest(&nonce, 9, "ann", "secret", sha, "/a?b=c")]);
    assert!(late.status == 401 && late.field(FieldName::WwwAuthenticate).contains("stale=true"));
    let again = digest(&nonce_of(&late), 1, "ann", "secret", sha, "/a?b=c");
    assert_eq!(house.ask("GET /a?b=c", &[&again]).status, 200);
}

#[test]
fn a_door_that_nobody_can_open_is_an_error() {
    let users = Users::parse(&digest_line("ann", "x", Algorithm::Md5)).unwrap();
    let mut chance = SeededEntropy::new(1);
    for (scheme, realm, fits) in [
        (Scheme::Basic, REALM, false),
        (Scheme::Digest(vec![Algorithm::Md5]), REALM, true),
        (Scheme::Digest(vec![Algorithm::Sha256]), REALM, false),
        (Scheme::Digest(vec![Algorithm::Md5]), "other", false),
    ] {
        let settings = Settings { realm: realm.to_owned(), scheme, allow: None };
        assert_eq!(Shared::new(settings, users.clone(), &mut chance).is_ok(), fits);
    }
}
