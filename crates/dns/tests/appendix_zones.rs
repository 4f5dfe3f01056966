//! The example zones of RFC 4035 appendix A and RFC 5155 appendix A, signed with keys of our own, and the
//! example answers of their appendices B: the same records in the same sections, whatever the signatures.

use std::sync::Arc;

use edgeway_base::{Instant, SeededEntropy, WallTime};
use edgeway_dns::dnssec::{Algorithm, AnswerSigner, Denial, Role, Signing, SigningKey, sign_zone, signed_data};
use edgeway_dns::machine::authority::{Authority, Catalog, Outcome, Request, Served, Settings, Transport};
use edgeway_dns::wire::rdata::Rrsig;
use edgeway_dns::wire::{Class, Composer, Compressor, Flags, Message, Name, Rcode, RecordType, Records};
use edgeway_dns::zone::{Zone, ZoneBuilder, ZoneText, read_zone};

const NOW: WallTime = WallTime::from_seconds(1_700_000_000);

/// RFC 4035 appendix A, without what signing adds.
const RFC_4035: &str = "$TTL 3600\n@ SOA ns1 bugs.x.w 1081539377 3600 300 3600000 3600\n@ NS ns1\n@ NS ns2\n@ MX 1 xx\n\
    a NS ns1.a\na NS ns2.a\na DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B\nns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n\
    ai A 192.0.2.9\nai HINFO KLH-10 ITS\nai AAAA 2001:db8::f00:baa9\nb NS ns1.b\nb NS ns2.b\nns1.b A 192.0.2.7\nns2.b A 192.0.2.8\n\
    ns1 A 192.0.2.1\nns2 A 192.0.2.2\n*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n\
    xx A 192.0.2.10\nxx HINFO KLH-10 TOPS-20\nxx AAAA 2001:db8::f00:baaa\n";

/// RFC 5155 appendix A, without what signing adds. The last name is also the hash of another.
const RFC_5155: &str = "$TTL 3600\n@ SOA ns1 bugs.x.w 1 3600 300 3600000 3600\n@ NS ns1\n@ NS ns2\n@ MX 1 xx\n\
    a NS ns1.a\na NS ns2.a\na DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\nns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n\
    ai A 192.0.2.9\nai HINFO KLH-10 ITS\nai AAAA 2001:db8::f00:baa9\nc NS ns1.c\nc NS ns2.c\nns1.c A 192.0.2.7\nns2.c A 192.0.2.8\n\
    ns1 A 192.0.2.1\nns2 A 192.0.2.2\n*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n\
    xx A 192.0.2.10\nxx HINFO KLH-10 TOPS-20\nxx AAAA 2001:db8::f00:baaa\n2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n";

struct Server {
    authority: Authority,
    key: Arc<SigningKey>,
}

impl Server {
    fn new(text: &str, denial: Denial, minimal: bool) -> Self {
        let key =
            Arc::new(SigningKey::generate(Algorithm::EcdsaP256Sha256, Role::Combined, &mut SeededEntropy::new(4)));
        let bare = read(text);
        let signing = Signing { denial: denial.clone(), ..Signing::new(vec![key.clone()]) };
        let zone = sign_zone(&bare, None, &signing, bare.serial(), NOW).unwrap();
        let signer = AnswerSigner::new(zone.apex().clone(), [key.clone()], denial == Denial::Compact);
        let served = Served { signer: Some(Arc::new(signer)), ..Served::new(zone) };
        let settings = Settings { minimal, ..Settings::default() };
        let catalog = Arc::new(Catalog::new([Arc::new(served)]));
        Self { authority: Authority::new(catalog, settings, None, None), key }
    }

    /// Asks with DO; every signature in the answer is verified. Each section's records as `owner type data`,
    /// signatures as `owner RRSIG type`, in no order.
    fn ask(&mut self, question: &str, compact_ok: bool) -> (Rcode, bool, [Vec<String>; 3]) {
        let (asked, record_type) = question.split_once(' ').unwrap();
        let asked: Name = asked.parse().unwrap();
        let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
        let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
        composer.question(asked.borrowed(), record_type.parse().unwrap(), Class::IN).unwrap();
        composer.opt(1232, Rcode::NOERROR, true, |_| Ok(())).unwrap();
        let length = composer.finish();
        if compact_ok {
            buffer[length - 4] |= 0x40;
        }
        let request = Request {
            message: &buffer[..length],
            source: "192.0.2.99".parse().unwrap(),
            transport: Transport::Stream,
            authenticated: false,
            reserve_bytes: 0,
            now: Instant::ZERO,
            wall: NOW,
        };
        let mut reply = vec![0; 65_535];
        let Outcome::Reply(length) = self.authority.handle(&request, &mut reply) else {
            panic!("no reply to {question}")
        };
        let message = Message::decode(&reply[..length]).unwrap();
        let sections =
            [message.answers(), message.authority(), message.additional()].map(|section| self.section(section));
        (message.rcode(), message.header().flags.contains(Flags::AUTHORITATIVE), sections)
    }

    fn section(&self, records: Records<'_>) -> Vec<String> {
        let records: Vec<_> = records
            .filter(|record| record.record_type() != RecordType::OPT)
            .map(|record| record.to_record().unwrap())
            .collect();
        let mut lines = Vec::new();
        for record in &records {
            if record.record_type() != RecordType::RRSIG {
                lines.push(format!("{} {} {}", record.name, record.record_type(), record.data));
                continue;
            }
            let signature = Rrsig::decode(record.data.wire()).unwrap();
            let covered: Vec<&[u8]> = records
                .iter()
                .filter(|other| other.name == record.name && other.record_type() == signature.type_covered)
                .map(|other| other.data.wire())
                .collect();
            assert!(!covered.is_empty(), "a signature over nothing: {record}");
            let message = signed_data(&signature, record.name.borrowed(), signature.type_covered, covered).unwrap();
            assert!(self.key.verify(&message, signature.signature), "{record}");
            lines.push(format!("{} RRSIG {}", record.name, signature.type_covered));
        }
        lines.sort();
        lines
    }
}

fn read(text: &str) -> Zone {
    let apex: Name = "example.".parse().unwrap();
    let mut builder = ZoneBuilder::new(apex.clone());
    let text = ZoneText { file: "appendix", text: text.as_bytes(), origin: apex.borrowed(), default_ttl: None };
    let mut none = |_: &str, _: &str| Err(String::new());
    let errors = read_zone(&text, &mut none, &mut |line| {
        builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
    });
    assert!(errors.is_empty(), "{errors:?}");
    builder.build().unwrap()
}

/// One example: question, outcome, AA, and the records of answer and authority. Additional records are
/// those the example must have at least.
struct Example {
    section: &'static str,
    question: &'static str,
    rcode: Rcode,
    authoritative: bool,
    answer: &'static [&'static str],
    authority: &'static [&'static str],
    additional: &'static [&'static str],
}

fn run(server: &mut Server, examples: &[Example]) {
    for example in examples {
        let (rcode, authoritative, [answer, authority, additional]) = server.ask(example.question, false);
        assert_eq!((rcode, authoritative), (example.rcode, example.authoritative), "{}", example.section);
        let sorted = |lines: &[&str]| {
            let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            lines.sort();
            lines
        };
        assert_eq!(answer, sorted(example.answer), "{} answer", example.section);
        assert_eq!(authority, sorted(example.authority), "{} authority", example.section);
        for line in example.additional {
            assert!(
                additional.contains(&line.to_string()),
                "{} additional: {line} is not in {additional:?}",
                example.section
            );
        }
    }
}

const SOA_4035: &str = "example. SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600";
const SOA_SIGNED: &str = "example. RRSIG SOA";
const APEX_NS: [&str; 3] = ["example. NS ns1.example.", "example. NS ns2.example.", "example. RRSIG NS"];

#[test]
fn rfc_4035_appendix_b() {
    let mut server = Server::new(RFC_4035, Denial::Nsec, false);
    run(
        &mut server,
        &[
            Example {
                section: "B.1 answer",
                question: "x.w.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &["x.w.example. MX 1 xx.example.", "x.w.example. RRSIG MX"],
                authority: &APEX_NS,
                additional: &[
                    "xx.example. A 192.0.2.10",
                    "xx.example. RRSIG A",
                    "xx.example. AAAA 2001:db8::f00:baaa",
                    "xx.example. RRSIG AAAA",
                    "ns1.example. A 192.0.2.1",
                    "ns1.example. RRSIG A",
                    "ns2.example. A 192.0.2.2",
                    "ns2.example. RRSIG A",
                ],
            },
            Example {
                section: "B.2 name error",
                question: "ml.example. A",
                rcode: Rcode::NXDOMAIN,
                authoritative: true,
                answer: &[],
                authority: &[
                    SOA_4035,
                    SOA_SIGNED,
                    "b.example. NSEC ns1.example. NS RRSIG NSEC",
                    "b.example. RRSIG NSEC",
                    "example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY",
                    "example. RRSIG NSEC",
                ],
                additional: &[],
            },
            Example {
                section: "B.3 no data",
                question: "ns1.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[],
                authority: &[
                    SOA_4035,
                    SOA_SIGNED,
                    "ns1.example. NSEC ns2.example. A RRSIG NSEC",
                    "ns1.example. RRSIG NSEC",
                ],
                additional: &[],
            },
            Example {
                section: "B.4 referral to a signed zone",
                question: "mc.a.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: false,
                answer: &[],
                authority: &[
                    "a.example. NS ns1.a.example.",
                    "a.example. NS ns2.a.example.",
                    "a.example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B",
                    "a.example. RRSIG DS",
                ],
                additional: &["ns1.a.example. A 192.0.2.5", "ns2.a.example. A 192.0.2.6"],
            },
            Example {
                section: "B.5 referral to an unsigned zone",
                question: "mc.b.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: false,
                answer: &[],
                authority: &[
                    "b.example. NS ns1.b.example.",
                    "b.example. NS ns2.b.example.",
                    "b.example. NSEC ns1.example. NS RRSIG NSEC",
                    "b.example. RRSIG NSEC",
                ],
                additional: &["ns1.b.example. A 192.0.2.7", "ns2.b.example. A 192.0.2.8"],
            },
            Example {
                section: "B.6 wildcard expansion",
                question: "a.z.w.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &["a.z.w.example. MX 1 ai.example.", "a.z.w.example. RRSIG MX"],
                authority: &[
                    APEX_NS[0],
                    APEX_NS[1],
                    APEX_NS[2],
                    "x.y.w.example. NSEC xx.example. MX RRSIG NSEC",
                    "x.y.w.example. RRSIG NSEC",
                ],
                additional: &[
                    "ai.example. A 192.0.2.9",
                    "ai.example. RRSIG A",
                    "ai.example. AAAA 2001:db8::f00:baa9",
                    "ai.example. RRSIG AAAA",
                ],
            },
            Example {
                section: "B.7 wildcard no data",
                question: "a.z.w.example. AAAA",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[],
                authority: &[
                    SOA_4035,
                    SOA_SIGNED,
                    "x.y.w.example. NSEC xx.example. MX RRSIG NSEC",
                    "x.y.w.example. RRSIG NSEC",
                    "*.w.example. NSEC x.w.example. MX RRSIG NSEC",
                    "*.w.example. RRSIG NSEC",
                ],
                additional: &[],
            },
            Example {
                section: "B.8 DS at the child",
                question: "example. DS",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[],
                authority: &[
                    SOA_4035,
                    SOA_SIGNED,
                    "example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY",
                    "example. RRSIG NSEC",
                ],
                additional: &[],
            },
            Example {
                section: "an empty non-terminal",
                question: "y.w.example. A",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[],
                authority: &[
                    SOA_4035,
                    SOA_SIGNED,
                    "x.w.example. NSEC x.y.w.example. MX RRSIG NSEC",
                    "x.w.example. RRSIG NSEC",
                ],
                additional: &[],
            },
        ],
    );
}

const SOA_5155: &str = "example. SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600";
/// The NSEC3 records of appendix A that the examples use, and what signs them.
const APEX: [&str; 2] = [
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM",
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. RRSIG NSEC3",
];
const X_W: [&str; 2] = [
    "b4um86eghhds6nea196smvmlo4ors995.example. NSEC3 1 1 12 AABBCCDD gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG",
    "b4um86eghhds6nea196smvmlo4ors995.example. RRSIG NSEC3",
];
const A: [&str; 2] = [
    "35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 AABBCCDD b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG",
    "35mthgpgcu1qg68fab165klnsnk3dpvl.example. RRSIG NSEC3",
];
const NS1: [&str; 2] = [
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 1 12 AABBCCDD 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. RRSIG NSEC3",
];
const Y_W: [&str; 2] = [
    "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3 1 1 12 AABBCCDD k8udemvp1j2f7eg6jebps17vp3n8i58h",
    "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. RRSIG NSEC3",
];
const NS2: [&str; 2] = [
    "q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 1 12 AABBCCDD r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG",
    "q04jkcevqvmu85r014c7dkba38o0ji5r.example. RRSIG NSEC3",
];
const W: [&str; 2] = [
    "k8udemvp1j2f7eg6jebps17vp3n8i58h.example. NSEC3 1 1 12 AABBCCDD kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
    "k8udemvp1j2f7eg6jebps17vp3n8i58h.example. RRSIG NSEC3",
];
const WILDCARD: [&str; 2] = [
    "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. NSEC3 1 1 12 AABBCCDD t644ebqk9bibcna874givr6joj62mlhv MX RRSIG",
    "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. RRSIG NSEC3",
];

#[test]
fn rfc_5155_appendix_b() {
    let denial = Denial::Nsec3 { iterations: 12, salt: vec![0xaa, 0xbb, 0xcc, 0xdd], opt_out: true };
    let mut server = Server::new(RFC_5155, denial, false);
    let no_data = |section, question, proof: &'static [&'static str]| Example {
        section,
        question,
        rcode: Rcode::NOERROR,
        authoritative: true,
        answer: &[],
        authority: proof,
        additional: &[],
    };
    run(
        &mut server,
        &[
            Example {
                section: "B.1 name error",
                question: "a.c.x.w.example. A",
                rcode: Rcode::NXDOMAIN,
                authoritative: true,
                answer: &[],
                authority: &[SOA_5155, SOA_SIGNED, APEX[0], APEX[1], X_W[0], X_W[1], A[0], A[1]],
                additional: &[],
            },
            no_data("B.2 no data", "ns1.example. MX", &[SOA_5155, SOA_SIGNED, NS1[0], NS1[1]]),
            no_data("B.2.1 empty non-terminal", "y.w.example. A", &[SOA_5155, SOA_SIGNED, Y_W[0], Y_W[1]]),
            Example {
                section: "B.3 referral to an opted-out unsigned zone",
                question: "mc.c.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: false,
                answer: &[],
                authority: &[
                    "c.example. NS ns1.c.example.",
                    "c.example. NS ns2.c.example.",
                    A[0],
                    A[1],
                    APEX[0],
                    APEX[1],
                ],
                additional: &["ns1.c.example. A 192.0.2.7", "ns2.c.example. A 192.0.2.8"],
            },
            Example {
                section: "B.4 wildcard expansion",
                question: "a.z.w.example. MX",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &["a.z.w.example. MX 1 ai.example.", "a.z.w.example. RRSIG MX"],
                authority: &[APEX_NS[0], APEX_NS[1], APEX_NS[2], NS2[0], NS2[1]],
                additional: &[
                    "ai.example. A 192.0.2.9",
                    "ai.example. RRSIG A",
                    "ai.example. AAAA 2001:db8::f00:baa9",
                    "ai.example. RRSIG AAAA",
                ],
            },
            no_data(
                "B.5 wildcard no data",
                "a.z.w.example. AAAA",
                &[SOA_5155, SOA_SIGNED, W[0], W[1], NS2[0], NS2[1], WILDCARD[0], WILDCARD[1]],
            ),
            no_data("B.6 DS at the child", "example. DS", &[SOA_5155, SOA_SIGNED, APEX[0], APEX[1]]),
            no_data("DS at an opted-out cut", "c.example. DS", &[SOA_5155, SOA_SIGNED, A[0], A[1], APEX[0], APEX[1]]),
            Example {
                section: "one NSEC3 covers two parts of the proof",
                question: "a.w.example. A",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[],
                // The wildcard exists, so this is no data; w matches, and one NSEC3 covers the next closer name.
                authority: &[SOA_5155, SOA_SIGNED, W[0], W[1], WILDCARD[0], WILDCARD[1]],
                additional: &[],
            },
            Example {
                section: "a name that is the hash of another",
                question: "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A",
                rcode: Rcode::NOERROR,
                authoritative: true,
                answer: &[
                    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A 192.0.2.127",
                    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. RRSIG A",
                ],
                authority: &APEX_NS,
                additional: &[],
            },
        ],
    );
    // RFC 5155 §7.2.8: an NSEC3 owner is no name of the zone.
    let (rcode, _, _) = server.ask("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3", false);
    assert_eq!(rcode, Rcode::NXDOMAIN);
}

#[test]
fn chains_through_signed_wildcards_keep_their_sections() {
    let text =
        format!("{RFC_4035}*.v CNAME xx\n*.v2 CNAME nobody\n*.v3 CNAME mc.b\n*.v4 CNAME x.v\n*.v5 CNAME host.test.\n");
    let nsec3 = Denial::Nsec3 { iterations: 0, salt: vec![], opt_out: false };
    for denial in [Denial::Nsec, nsec3] {
        let mut server = Server::new(&text, denial.clone(), true);
        for (question, rcode, answers, proofs) in [
            (
                "q.v.example. A",
                Rcode::NOERROR,
                ["q.v.example. CNAME xx.example.", "xx.example. A 192.0.2.10"].as_slice(),
                1,
            ),
            ("q.v2.example. A", Rcode::NXDOMAIN, &["q.v2.example. CNAME nobody.example."], 2),
            ("q.v3.example. A", Rcode::NOERROR, &["q.v3.example. CNAME mc.b.example."], 1),
            (
                "q.v4.example. A",
                Rcode::NOERROR,
                &["q.v4.example. CNAME x.v.example.", "x.v.example. CNAME xx.example.", "xx.example. A 192.0.2.10"],
                2,
            ),
            ("q.v5.example. A", Rcode::NOERROR, &["q.v5.example. CNAME host.test."], 1),
        ] {
            let (found, _, [answer, authority, _]) = server.ask(question, false);
            assert_eq!(found, rcode, "{question}");
            let plain: Vec<&String> = answer.iter().filter(|line| !line.contains("RRSIG")).collect();
            assert_eq!(plain, answers, "{question}");
            assert_eq!(answer.len(), answers.len() * 2, "each is signed: {answer:?}");
            let is_denial = |line: &&String| matches!(line.split(' ').nth(1), Some("NSEC" | "NSEC3"));
            let denials = authority.iter().filter(is_denial).count();
            assert!(denials >= proofs, "{denial:?} {question}: {authority:?}");
        }
    }
}

#[test]
fn balanced_and_alias_names_of_a_signed_zone_are_signed_on_the_spot() {
    use edgeway_dns::machine::balance::{Balancer, Pool};
    let key = Arc::new(SigningKey::generate(Algorithm::Ed25519, Role::Combined, &mut SeededEntropy::new(5)));
    let bare = read(&format!("{RFC_4035}pool TYPE65402 \\# 0\npool MX 1 xx\n"));
    let nsec = sign_zone(&bare, None, &Signing::new(vec![key.clone()]), 1, NOW);
    assert!(nsec.unwrap_err().to_string().contains("pool.example.: in a signed zone"));
    let signing = Signing { denial: Denial::Compact, ..Signing::new(vec![key.clone()]) };
    let zone = sign_zone(&bare, None, &signing, 1, NOW).unwrap();
    let pool = Pool::new(["192.0.2.50".parse().unwrap(), "192.0.2.51".parse().unwrap()]);
    let balancer = Balancer::new([("pool.example.".parse().unwrap(), Arc::new(pool))], Arc::default());
    let signer = AnswerSigner::new(zone.apex().clone(), [key.clone()], true);
    let served = Served { signer: Some(Arc::new(signer)), selector: Some(Arc::new(balancer)), ..Served::new(zone) };
    let catalog = Arc::new(Catalog::new([Arc::new(served)]));
    let mut server = Server { authority: Authority::new(catalog, Settings::default(), None, None), key };
    let (_, _, [answer, _, _]) = server.ask("pool.example. A", false);
    assert_eq!(answer, ["pool.example. A 192.0.2.50", "pool.example. A 192.0.2.51", "pool.example. RRSIG A"]);
    for (question, bitmap) in [("pool.example. TXT", "A MX AAAA RRSIG NSEC"), ("pool.example. AAAA", "A MX RRSIG NSEC")]
    {
        let (rcode, _, [_, authority, _]) = server.ask(question, false);
        assert_eq!(rcode, Rcode::NOERROR);
        assert!(
            authority.contains(&format!("pool.example. NSEC \\000.pool.example. {bitmap}")),
            "{question}: {authority:?}"
        );
    }
}

#[test]
fn compact_denial_says_what_rfc_9824_says() {
    let mut server = Server::new(RFC_4035, Denial::Compact, true);
    for (question, compact_ok, rcode, authority) in [
        ("ml.example. A", false, Rcode::NOERROR, "ml.example. NSEC \\000.ml.example. RRSIG NSEC NXNAME"),
        ("ml.example. A", true, Rcode::NXDOMAIN, "ml.example. NSEC \\000.ml.example. RRSIG NSEC NXNAME"),
        ("ns1.example. MX", false, Rcode::NOERROR, "ns1.example. NSEC \\000.ns1.example. A RRSIG NSEC"),
        ("y.w.example. A", false, Rcode::NOERROR, "y.w.example. NSEC \\000.y.w.example. RRSIG NSEC"),
        ("a.z.w.example. AAAA", false, Rcode::NOERROR, "a.z.w.example. NSEC \\000.a.z.w.example. MX RRSIG NSEC"),
    ] {
        let (found, _, [answer, records, _]) = server.ask(question, compact_ok);
        assert_eq!((found, answer.len()), (rcode, 0), "{question}");
        let owner = authority.split(' ').next().unwrap();
        let mut expected =
            vec![authority.to_owned(), format!("{owner} RRSIG NSEC"), SOA_4035.to_owned(), SOA_SIGNED.to_owned()];
        expected.sort();
        assert_eq!(records, expected, "{question}");
    }
    let (_, _, [answer, authority, _]) = server.ask("a.z.w.example. MX", false);
    assert_eq!(answer, ["a.z.w.example. MX 1 ai.example.", "a.z.w.example. RRSIG MX"]);
    assert_eq!(authority, Vec::<String>::new(), "nothing shows that it was a wildcard");
    let (_, _, [_, authority, _]) = server.ask("mc.b.example. MX", false);
    assert!(authority.contains(&"b.example. NSEC \\000.b.example. NS RRSIG NSEC".to_owned()), "{authority:?}");
}
