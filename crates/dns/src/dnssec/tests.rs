//! Keys and signatures against the examples of their RFCs; zones signed and signed again; key rolls.

use edgeway_base::SeededEntropy;

use super::rollover::{Event, KeyState, Policy, Rollover, Stage};
use super::*;
use crate::wire::rdata::{Nsec3Param, Rrsig};
use crate::wire::{Name, NameRef, RecordData, RecordType};
use crate::zone::{Zone, ZoneBuilder, ZoneEdit};
use edgeway_base::WallTime;
use std::sync::Arc;
use std::time::Duration;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn data(record_type: RecordType, text: &str) -> RecordData {
    RecordData::from_text(record_type, text, NameRef::ROOT).unwrap()
}

#[test]
fn the_example_of_rfc_8080_section_6_1() {
    let text =
        "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n";
    let key = SigningKey::from_text(text, Role::Combined).unwrap();
    assert_eq!(key.dnskey(), data(RecordType::DNSKEY, "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="));
    assert_eq!(
        key.ds_text(&name("example.com.")),
        "example.com. IN DS 3613 15 2 3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B"
    );
    let mx = data(RecordType::MX, "10 mail.example.com.");
    let apex = name("example.com.");
    let made = sign::rrsig(
        &key,
        apex.borrowed(),
        apex.borrowed(),
        (RecordType::MX, 3600),
        &[mx.wire()],
        (1_438_207_200, 1_440_021_600),
    );
    let expected = "MX 15 2 3600 1440021600 1438207200 3613 example.com. \
        oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
    assert_eq!(made.unwrap(), data(RecordType::RRSIG, expected).wire());
}

#[test]
fn the_example_of_rfc_6605_section_6_1() {
    let text = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";
    let key = SigningKey::from_text(text, Role::Combined).unwrap();
    let dnskey = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
    assert_eq!(key.dnskey(), data(RecordType::DNSKEY, dnskey));
    assert_eq!(key.key_tag(), 55648);
    let ds = "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
    assert_eq!(key.ds(name("example.net.").borrowed(), DigestType::Sha256), data(RecordType::DS, ds));
    let rrsig = "A 13 3 3600 20100909100439 20100812100439 55648 example.net. \
        qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";
    let rrsig = data(RecordType::RRSIG, rrsig);
    let signature = Rrsig::decode(rrsig.wire()).unwrap();
    let address = data(RecordType::A, "192.0.2.1");
    let covered =
        |owner: &str| signed_data(&signature, name(owner).borrowed(), RecordType::A, [address.wire()]).unwrap();
    assert!(key.verify(&covered("www.example.net."), signature.signature));
    assert!(!key.verify(&covered("wwx.example.net."), signature.signature));
    let again = SigningKey::from_text(&key.to_text(), Role::Combined).unwrap();
    assert_eq!(again.dnskey(), key.dnskey());
    assert!(!format!("{key:?}").contains("GU6S"), "a secret is not shown");
    assert!(matches!(
        SigningKey::from_text("Algorithm: 8\nPrivateKey: AA==", Role::Combined),
        Err(KeyError::Algorithm)
    ));
    assert!(matches!(SigningKey::from_text("Algorithm: 13\nPrivateKey: AA==", Role::Combined), Err(KeyError::Secret)));
    assert!(matches!(
        SigningKey::from_secret(Algorithm::EcdsaP256Sha256, Role::Combined, [0; 32]),
        Err(KeyError::Secret)
    ));
}

#[test]
fn the_hashes_of_rfc_5155_appendix_a() {
    let parameters = Nsec3Param { algorithm: 1, flags: 0, iterations: 12, salt: &[0xaa, 0xbb, 0xcc, 0xdd] };
    for (text, expected) in [
        ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
        ("w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h"),
        ("*.W.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.w.example.", "b4um86eghhds6nea196smvmlo4ors995"),
        ("y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"),
        ("x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"),
        ("xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"),
    ] {
        let hash = nsec3_hash(name(text).borrowed(), &parameters);
        assert_eq!(crate::wire::presentation::base32_encode(&hash), expected, "{text}");
    }
}

fn bare() -> Zone {
    let mut builder = ZoneBuilder::new(name("example."));
    for (owner, record_type, text) in [
        ("example.", "SOA", "ns.example. root.example. 1 3600 300 3600000 600"),
        ("example.", "NS", "ns.example."),
        ("ns.example.", "A", "192.0.2.1"),
        ("sub.example.", "NS", "ns.sub.example."),
        ("ns.sub.example.", "A", "192.0.2.2"),
        ("a.b.ent.example.", "TXT", "deep"),
        ("*.wild.example.", "TXT", "w"),
    ] {
        let record_type = record_type.parse().unwrap();
        builder.add(name(owner).borrowed(), record_type, 3600, data(record_type, text).wire()).unwrap();
    }
    builder.build().unwrap()
}

fn key(seed: u64, algorithm: Algorithm, role: Role) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm, role, &mut SeededEntropy::new(seed)))
}

const NOW: WallTime = WallTime::from_seconds(1_700_000_000);

/// Checks that every set that should be signed is, by whom it should be, and that nothing else is.
fn verify_all(zone: &Zone, keys: &[&SigningKey], now: WallTime) -> usize {
    let mut count = 0;
    for (owner, node) in zone.nodes().chain(zone.nsec3_nodes()) {
        for set in node.rrsets() {
            for signature in set.signatures() {
                let signature = Rrsig::decode(signature).unwrap();
                let key = keys.iter().find(|key| key.key_tag() == signature.key_tag).expect("a known key");
                let covered = signed_data(&signature, owner.borrowed(), set.record_type(), set.records()).unwrap();
                assert!(key.verify(&covered, signature.signature), "{owner} {}", set.record_type());
                let now = now.seconds() as u32;
                assert!(signature.inception < now && now < signature.expiration, "{owner}");
                count += 1;
            }
        }
    }
    count
}

#[test]
fn a_signed_zone_verifies_in_every_way_to_deny() {
    let zone = bare();
    let (combined, other) =
        (key(1, Algorithm::EcdsaP256Sha256, Role::Combined), key(2, Algorithm::Ed25519, Role::Combined));
    let nsec3 = |opt_out| Denial::Nsec3 { iterations: 0, salt: vec![], opt_out };
    // SOA, NS, DNSKEY, A, TXT, TXT are signed; NSEC names: apex, ns, sub, a.b.ent, *.wild. NSEC3 names: those and
    // ent, b.ent, wild, with NSEC3PARAM in the apex.
    for (denial, expected) in
        [(Denial::Nsec, 6 + 5), (nsec3(false), 6 + 1 + 8), (nsec3(true), 6 + 1 + 7), (Denial::Compact, 6)]
    {
        let signing = Signing { denial: denial.clone(), ..Signing::new(vec![combined.clone(), other.clone()]) };
        let signed = sign_zone(&zone, None, &signing, 2, NOW).unwrap();
        assert_eq!(verify_all(&signed, &[&combined, &other], NOW), expected * 2, "{denial:?}");
        assert_eq!((signed.serial(), signed.is_signed()), (2, true));
        assert!(
            signed
                .node(name("ns.sub.example.").borrowed())
                .unwrap()
                .rrset(RecordType::A)
                .unwrap()
                .signatures()
                .next()
                .is_none()
        );
        // Signing what is signed gives the same zone.
        let again = sign_zone(&signed, Some(&signed), &signing, 2, NOW).unwrap();
        let lines = |zone: &Zone| {
            let mut lines: Vec<String> = zone.records().map(|record| record.to_string()).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&again), lines(&signed));
    }
}

#[test]
fn signing_again_renews_only_what_changed_or_is_old() {
    let key = key(3, Algorithm::EcdsaP256Sha256, Role::Combined);
    let signing = Signing::new(vec![key.clone()]);
    let first = sign_zone(&bare(), None, &signing, 1, NOW).unwrap();
    let signatures = |zone: &Zone| {
        let all = zone.records().filter(|record| record.record_type() == RecordType::RRSIG);
        all.map(|record| record.to_string()).collect::<std::collections::HashSet<_>>()
    };
    let mut edit = ZoneEdit::new(&bare());
    edit.add(name("new.example.").borrowed(), 60, &data(RecordType::A, "192.0.2.9")).unwrap();
    let (changed, _) = edit.finish().unwrap();
    let second = sign_zone(&changed, Some(&first), &signing, 2, NOW.later(Duration::from_secs(10))).unwrap();
    // The address, its NSEC, the NSEC before it, and the SOA.
    assert_eq!(signatures(&second).difference(&signatures(&first)).count(), 4);
    verify_all(&second, &[&key], NOW.later(Duration::from_secs(10)));
    let late = NOW.later(Duration::from_secs(10 * 86_400));
    let third = sign_zone(&changed, Some(&second), &signing, 3, late).unwrap();
    assert_eq!(signatures(&third).intersection(&signatures(&second)).count(), 0, "all were to end within five days");
    let earliest = u64::from(earliest_expiration(&third).unwrap());
    assert!((late.seconds() + 12 * 86_400..=late.seconds() + 14 * 86_400).contains(&earliest));
}

#[test]
fn roles_sign_what_is_theirs_and_wishes_reach_the_parent() {
    let (ksk, zsk) = (key(4, Algorithm::Ed25519, Role::KeySigning), key(5, Algorithm::Ed25519, Role::ZoneSigning));
    let new = key(6, Algorithm::Ed25519, Role::ZoneSigning);
    let mut signing = Signing::new(vec![ksk.clone(), zsk.clone(), new.clone()]);
    signing.resting = vec![new.key_tag()];
    signing.wanted_ds = Some(vec![ksk.key_tag()]);
    let zone = sign_zone(&bare(), None, &signing, 1, NOW).unwrap();
    let apex = zone.apex_node();
    let signer = |record_type| {
        let set = apex.rrset(record_type).unwrap();
        set.signatures().map(|data| Rrsig::decode(data).unwrap().key_tag).collect::<Vec<_>>()
    };
    assert_eq!(apex.rrset(RecordType::DNSKEY).unwrap().len(), 3);
    for record_type in [RecordType::DNSKEY, RecordType::CDS, RecordType::CDNSKEY] {
        assert_eq!(signer(record_type), [ksk.key_tag()]);
    }
    assert_eq!(signer(RecordType::SOA), [zsk.key_tag()]);
    let cds = apex.rrset(RecordType::CDS).unwrap().records().next().unwrap();
    assert_eq!(cds, ksk.ds(name("example.").borrowed(), DigestType::Sha256).wire());
    signing.wanted_ds = Some(vec![]);
    let zone = sign_zone(&bare(), None, &signing, 1, NOW).unwrap();
    let shown = |record_type| zone.apex_node().rrset(record_type).unwrap().to_records(zone.apex())[0].data.to_string();
    assert_eq!(
        (shown(RecordType::CDS).as_str(), shown(RecordType::CDNSKEY).as_str()),
        ("0 0 0 00", "0 3 0 AA=="),
        "RFC 8078 §4"
    );
    signing.resting = vec![zsk.key_tag(), new.key_tag()];
    assert_eq!(sign_zone(&bare(), None, &signing, 1, NOW).err(), Some(SignError::NoKey));
    signing.denial = Denial::Nsec3 { iterations: 500, salt: vec![], opt_out: false };
    assert_eq!(sign_zone(&bare(), None, &signing, 1, NOW).err(), Some(SignError::Iterations));
}

fn drain(machine: &mut Rollover) -> Vec<Event> {
    std::iter::from_fn(|| machine.poll_event()).collect()
}

/// Lets time pass until the machine's next deadline.
fn step(machine: &mut Rollover) -> (WallTime, Vec<Event>) {
    let due = machine.poll_timeout().expect("a deadline");
    machine.handle_timeout(due);
    (due, drain(machine))
}

#[test]
fn a_zone_signing_key_is_published_before_it_signs_and_after() {
    let policy = Policy { combined: false, ..Policy::default() };
    let mut machine = Rollover::new(policy, vec![]);
    assert_eq!(drain(&mut machine), [Event::MakeKey(Role::KeySigning), Event::MakeKey(Role::ZoneSigning)]);
    machine.key_made(Role::KeySigning, 1, NOW);
    machine.key_made(Role::ZoneSigning, 2, NOW);
    assert_eq!(drain(&mut machine), [Event::Resign, Event::SubmitDs(1), Event::Resign]);
    assert_eq!((machine.wanted_ds(), machine.resting()), (vec![1], vec![]));
    machine.ds_seen(1, NOW);
    drain(&mut machine);
    let (due, events) = step(&mut machine);
    assert_eq!((due, events), (NOW.later(policy.zone_key_lifetime), vec![Event::MakeKey(Role::ZoneSigning)]));
    assert_eq!(machine.poll_timeout(), None, "nothing to do until the key is there");
    machine.key_made(Role::ZoneSigning, 3, due);
    assert_eq!((drain(&mut machine), machine.resting()), (vec![Event::Resign], vec![3]));
    let (known, events) = step(&mut machine);
    assert_eq!((known, events), (due.later(policy.dnskey_ttl + policy.propagation), vec![Event::Resign]));
    assert_eq!(machine.resting(), [2], "the old key stays in the zone");
    let (gone, events) = step(&mut machine);
    assert_eq!(gone, known.later(policy.zone_ttl_max + policy.propagation));
    assert_eq!(events, [Event::Resign, Event::RemoveKey(2)]);
    assert_eq!(machine.keys().len(), 2);
}

#[test]
fn a_combined_key_is_doubled_until_the_parent_has_the_new_one() {
    let policy = Policy::default();
    let active = KeyState { key_tag: 1, role: Role::Combined, stage: Stage::Active, since: NOW };
    let mut machine = Rollover::new(policy, vec![active]);
    assert_eq!((drain(&mut machine), machine.poll_timeout()), (vec![], None), "never rolled unless asked");
    machine.roll(Role::Combined);
    machine.roll(Role::Combined);
    assert_eq!(drain(&mut machine), [Event::MakeKey(Role::Combined)]);
    machine.key_made(Role::Combined, 2, NOW);
    drain(&mut machine);
    assert_eq!((machine.wanted_ds(), machine.resting()), (vec![1], vec![]), "both sign");
    let (known, events) = step(&mut machine);
    assert_eq!(
        (known, events),
        (NOW.later(policy.zone_ttl_max + policy.propagation), vec![Event::Resign, Event::SubmitDs(2)])
    );
    assert_eq!((machine.wanted_ds(), machine.poll_timeout()), (vec![2], None), "the parent has all the time it wants");
    machine.ds_seen(7, known);
    assert_eq!(drain(&mut machine), []);
    machine.ds_seen(2, known);
    assert_eq!(drain(&mut machine), [Event::Resign]);
    let (gone, events) = step(&mut machine);
    assert_eq!(
        (gone, events),
        (known.later(policy.ds_ttl + policy.propagation), vec![Event::Resign, Event::RemoveKey(1)])
    );
    assert_eq!(machine.keys().iter().map(|key| key.key_tag).collect::<Vec<_>>(), [2]);
}
