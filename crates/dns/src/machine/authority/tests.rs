//! Answers of the authority, message in and message out.

use edgeway_base::{Entropy, SeededEntropy};

use super::*;
use crate::error::WireError;
use crate::wire::edns::{Cookie, ExtendedError, OptionCode};
use crate::wire::{Class, Composer, Flags, Header, Message, Opcode, Rcode, Records, Section};
use crate::zone::{Zone, ZoneBuilder, ZoneText, read_zone};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A zone from text.
pub(crate) fn zone(apex: &str, text: &str) -> Zone {
    let apex = name(apex);
    let mut builder = ZoneBuilder::new(apex.clone());
    let text = ZoneText { file: "zone", text: text.as_bytes(), origin: apex.borrowed(), default_ttl: Some(3600) };
    let mut none = |_: &str, _: &str| Err(String::new());
    let errors = read_zone(&text, &mut none, &mut |line| {
        builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
    });
    assert!(errors.is_empty(), "{errors:?}");
    builder.build().unwrap()
}

const HEAD: &str =
    "@ SOA ns root 1 3600 300 3600000 300\n@ NS ns\n@ NS ns2.test.\nns A 192.0.2.1\nns AAAA 2001:db8::1\n";

const ZONE: &str = "@ MX 10 mail\nmail A 192.0.2.2\nwww CNAME web\nweb A 192.0.2.3\nweb A 192.0.2.4\nout CNAME a.test.\nbroken CNAME nobody\n\
    loop1 CNAME loop2\nloop2 CNAME loop1\nb.ent TXT x\n*.wild TXT w\n*.wild MX 1 mail\na.b.wild A 192.0.2.5\n*.wc CNAME web\n\
    d DNAME target.d2\nx.target.d2 A 192.0.2.6\ndlong DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n\
    sub NS ns.sub\nsub NS ns.test.\nsub NS ns\nns.sub A 192.0.2.7\ndeep.sub TXT hidden\nbehind CNAME x.sub\nsub DS 1 13 2 00\n\
    _s._tcp SRV 1 2 443 web\nhttps HTTPS 1 web alpn=h3\ntypes A 192.0.2.8\ntypes TXT t\ntypes TYPE700 \\# 1 00\n";

struct Peer {
    authority: Authority,
    source: IpAddr,
    transport: Transport,
    now: Instant,
}

impl Peer {
    fn new(text: &str) -> Self {
        Self::of(Served::new(zone("example.", &format!("{HEAD}{text}"))))
    }

    fn of(served: Served) -> Self {
        let catalog = Arc::new(Catalog::new([Arc::new(served)]));
        let authority = Authority::new(catalog, Settings::default(), None, None);
        Self { authority, source: "198.51.100.7".parse().unwrap(), transport: Transport::Datagram, now: Instant::ZERO }
    }

    fn send(&mut self, message: &[u8]) -> Result<Vec<u8>, Outcome> {
        let request = Request {
            message,
            source: self.source,
            transport: self.transport,
            authenticated: false,
            reserve_bytes: 0,
            now: self.now,
            wall: WallTime::from_seconds(1_700_000_000),
        };
        let mut buffer = vec![0; 65_535];
        match self.authority.handle(&request, &mut buffer) {
            Outcome::Reply(length) => Ok(buffer[..length].to_vec()),
            other => Err(other),
        }
    }

    /// Asks without EDNS and shows the answer.
    fn ask(&mut self, question: &str) -> String {
        show(&self.send(&query(question, |_| Ok(()))).unwrap())
    }
}

/// A message asking `name type`, with what `more` adds.
fn query(question: &str, more: impl FnOnce(&mut Composer<'_>) -> Result<(), WireError>) -> Vec<u8> {
    let (asked, record_type) = question.split_once(' ').unwrap();
    let (mut buffer, mut compressor) = (vec![0; 4096], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.set_head(7, Flags::RECURSION_DESIRED);
    composer.question(name(asked).borrowed(), record_type.parse().unwrap(), Class::IN).unwrap();
    more(&mut composer).unwrap();
    let length = composer.finish();
    buffer.truncate(length);
    buffer
}

fn rcode_of(reply: &[u8]) -> Rcode {
    Message::decode(reply).unwrap().rcode()
}

/// `RCODE flags | answer | authority | additional`, each record as `owner TTL type data`.
fn show(reply: &[u8]) -> String {
    let message = Message::decode(reply).unwrap();
    assert_eq!((message.header().id, message.trailing()), (7, 0));
    let section = |records: Records<'_>| {
        let records = records.filter(|record| record.record_type() != RecordType::OPT).map(|record| {
            let record = record.to_record().unwrap();
            format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data)
        });
        records.collect::<Vec<_>>().join("; ")
    };
    let flags = message.header().flags;
    let flags = format!(
        "{}{}",
        if flags.contains(Flags::AUTHORITATIVE) { "aa" } else { "" },
        if flags.contains(Flags::TRUNCATED) { "tc" } else { "" }
    );
    let parts = [section(message.answers()), section(message.authority()), section(message.additional())];
    format!("{} {flags} | {}", message.rcode(), parts.join(" | ")).trim_end_matches([' ', '|']).to_owned()
}

const SOA: &str = "example. 300 SOA ns.example. root.example. 1 3600 300 3600000 300";

#[test]
fn answers_denials_chains_wildcards_dnames_and_referrals() {
    let mut peer = Peer::new(ZONE);
    for (question, expected) in [
        ("web.example. A", "NOERROR aa | web.example. 3600 A 192.0.2.3; web.example. 3600 A 192.0.2.4".to_owned()),
        ("WeB.eXample. A", "NOERROR aa | WeB.eXample. 3600 A 192.0.2.3; WeB.eXample. 3600 A 192.0.2.4".to_owned()),
        ("web.example. AAAA", format!("NOERROR aa |  | {SOA}")),
        ("nobody.example. A", format!("NXDOMAIN aa |  | {SOA}")),
        ("ent.example. A", format!("NOERROR aa |  | {SOA}")),
        ("a.ent.example. A", format!("NXDOMAIN aa |  | {SOA}")),
        ("example. MX", "NOERROR aa | example. 3600 MX 10 mail.example. |  | mail.example. 3600 A 192.0.2.2".to_owned()),
        (
            "www.example. A",
            "NOERROR aa | www.example. 3600 CNAME web.example.; web.example. 3600 A 192.0.2.3; web.example. 3600 A 192.0.2.4".to_owned(),
        ),
        ("www.example. CNAME", "NOERROR aa | www.example. 3600 CNAME web.example.".to_owned()),
        ("www.example. AAAA", format!("NOERROR aa | www.example. 3600 CNAME web.example. | {SOA}")),
        ("broken.example. A", format!("NXDOMAIN aa | broken.example. 3600 CNAME nobody.example. | {SOA}")),
        ("out.example. A", "NOERROR aa | out.example. 3600 CNAME a.test.".to_owned()),
        // Wildcards: RFC 4592.
        ("x.wild.example. TXT", "NOERROR aa | x.wild.example. 3600 TXT \"w\"".to_owned()),
        ("y.x.wild.example. TXT", "NOERROR aa | y.x.wild.example. 3600 TXT \"w\"".to_owned()),
        ("x.wild.example. A", format!("NOERROR aa |  | {SOA}")),
        ("b.wild.example. TXT", format!("NOERROR aa |  | {SOA}")),
        ("x.b.wild.example. TXT", format!("NXDOMAIN aa |  | {SOA}")),
        ("*.wild.example. TXT", "NOERROR aa | *.wild.example. 3600 TXT \"w\"".to_owned()),
        ("x.*.wild.example. TXT", format!("NXDOMAIN aa |  | {SOA}")),
        (
            "x.wc.example. A",
            "NOERROR aa | x.wc.example. 3600 CNAME web.example.; web.example. 3600 A 192.0.2.3; web.example. 3600 A 192.0.2.4".to_owned(),
        ),
        // DNAME: RFC 6672.
        (
            "x.d.example. A",
            "NOERROR aa | d.example. 3600 DNAME target.d2.example.; x.d.example. 3600 CNAME x.target.d2.example.; \
             x.target.d2.example. 3600 A 192.0.2.6"
                .to_owned(),
        ),
        ("d.example. DNAME", "NOERROR aa | d.example. 3600 DNAME target.d2.example.".to_owned()),
        ("d.example. A", format!("NOERROR aa |  | {SOA}")),
        (
            "y.d.example. A",
            format!("NXDOMAIN aa | d.example. 3600 DNAME target.d2.example.; y.d.example. 3600 CNAME y.target.d2.example. | {SOA}"),
        ),
        // Delegations.
        (
            "x.sub.example. A",
            "NOERROR  |  | sub.example. 3600 NS ns.sub.example.; sub.example. 3600 NS ns.test.; sub.example. 3600 NS ns.example. | \
             ns.sub.example. 3600 A 192.0.2.7; ns.example. 3600 A 192.0.2.1; ns.example. 3600 AAAA 2001:db8::1"
                .to_owned(),
        ),
        ("sub.example. DS", "NOERROR aa | sub.example. 3600 DS 1 13 2 00".to_owned()),
        ("web.example. DS", format!("NOERROR aa |  | {SOA}")),
        ("example. DS", format!("NOERROR aa |  | {SOA}")),
        ("web.example. TYPE65280", format!("NOERROR aa |  | {SOA}")),
        ("types.example. TYPE700", "NOERROR aa | types.example. 3600 TYPE700 \\# 1 00".to_owned()),
        ("_s._tcp.example. SRV", "NOERROR aa | _s._tcp.example. 3600 SRV 1 2 443 web.example. |  | web.example. 3600 A 192.0.2.3; web.example. 3600 A 192.0.2.4".to_owned()),
        ("test. A", "REFUSED  |".trim_end_matches([' ', '|']).to_owned()),
    ] {
        assert_eq!(peer.ask(question), expected, "{question}");
    }
    // Everything at the cut and below is the child's, except DS.
    for question in ["sub.example. NS", "ns.sub.example. A", "deep.sub.example. TXT", "deep.sub.example. DS"] {
        assert!(peer.ask(question).starts_with("NOERROR  |  | sub.example. 3600 NS"), "{question}");
    }
    let behind = peer.ask("behind.example. A");
    assert!(
        behind.starts_with("NOERROR aa | behind.example. 3600 CNAME x.sub.example. | sub.example. 3600 NS"),
        "{behind}"
    );
}

#[test]
fn hostile_077_cname_loops_and_dnames_that_grow_end() {
    let mut peer = Peer::new(&format!("{ZONE}l DNAME x.l2\nl2 DNAME y.l\nself CNAME self\n"));
    let shown = peer.ask("loop1.example. A");
    assert!(
        shown.starts_with(
            "NOERROR aa | loop1.example. 3600 CNAME loop2.example.; loop2.example. 3600 CNAME loop1.example."
        ),
        "{shown}"
    );
    assert!(peer.ask("self.example. A").starts_with("NOERROR aa"));
    assert!(peer.ask("q.l.example. A").starts_with("NOERROR aa"));
    let long = format!("{}.dlong.example. A", ["e".repeat(60); 1].concat());
    assert!(peer.ask(&long).starts_with("YXDOMAIN aa | dlong.example. 3600 DNAME"), "{}", peer.ask(&long));
}

#[test]
fn hostile_001_to_008_what_is_no_query() {
    let mut peer = Peer::new(ZONE);
    let good = query("web.example. A", |_| Ok(()));
    for length in 0..12 {
        assert_eq!(peer.send(&good[..length]), Err(Outcome::Ignore), "001: {length}");
    }
    let mut response = good.clone();
    response[2] |= 0x80;
    assert_eq!(peer.send(&response), Err(Outcome::Ignore), "002");
    for opcode in [1, 2, 3, 6, 15] {
        let mut other = good.clone();
        other[2] = opcode << 3;
        let reply = peer.send(&other).unwrap();
        assert_eq!((rcode_of(&reply), reply.len()), (Rcode::NOTIMP, 12), "003: {opcode}");
    }
    let with_counts = |counts: [u16; 4]| {
        let mut bytes = good.clone();
        for (index, count) in counts.iter().enumerate() {
            bytes[4 + index * 2..6 + index * 2].copy_from_slice(&count.to_be_bytes());
        }
        bytes
    };
    for (case, bytes) in [
        ("004 no question", [&with_counts([0; 4])[..12], &[]].concat()),
        ("005 two questions", [with_counts([2, 0, 0, 0]), good[12..].to_vec()].concat()),
        ("007 counts beyond the data", with_counts([1, 0, 0, 9])),
        ("007 questions beyond the data", with_counts([65_535, 0, 0, 0])),
        ("008 garbage behind", [good.clone(), vec![0]].concat()),
    ] {
        assert_eq!(rcode_of(&peer.send(&bytes).unwrap()), Rcode::FORMERR, "{case}");
    }
    let extra = |section: Section| {
        query("web.example. A", |composer| {
            composer.push_data(section, &name("x."), 0, &RecordData::a([1, 2, 3, 4].into()))
        })
    };
    for section in [Section::Answer, Section::Authority] {
        assert_eq!(rcode_of(&peer.send(&extra(section)).unwrap()), Rcode::FORMERR, "006: {section:?}");
    }
    assert_eq!(rcode_of(&peer.send(&extra(Section::Additional)).unwrap()), Rcode::NOERROR);
}

#[test]
fn hostile_023_to_026_classes_types_and_names() {
    let mut peer = Peer::new(ZONE);
    for class in [Class::CH, Class::HS, Class::NONE, Class::ANY, Class(77)] {
        let mut bytes = query("web.example. A", |_| Ok(()));
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&class.0.to_be_bytes());
        assert_eq!(rcode_of(&peer.send(&bytes).unwrap()), Rcode::REFUSED, "023: {class}");
    }
    assert_eq!(peer.ask("types.example. ANY"), "NOERROR aa | types.example. 3600 A 192.0.2.8", "024: RFC 8482");
    assert_eq!(peer.ask("ent.example. ANY"), format!("NOERROR aa |  | {SOA}"));
    for (record_type, expected) in [
        ("AXFR", "REFUSED"),
        ("OPT", "FORMERR"),
        ("TSIG", "FORMERR"),
        ("TKEY", "FORMERR"),
        ("NXNAME", "FORMERR"),
        ("MAILB", "NOTIMP"),
        ("MAILA", "NOTIMP"),
        ("RRSIG", "NOERROR"),
        ("ALIAS", "NOERROR"),
    ] {
        let shown = peer.ask(&format!("example. {record_type}"));
        assert!(shown.starts_with(expected), "024: {record_type} {shown}");
    }
    assert!(peer.ask("example. IXFR").starts_with("NOERROR aa | example. 3600 SOA"), "RFC 1995 §2");
    for odd in ["a\\000b.example. A", "a\\.b.example. A", "\\200\\255.example. A"] {
        let reply = peer.send(&query(odd, |_| Ok(()))).unwrap();
        let echoed = Message::decode(&reply).unwrap().question().unwrap().name.to_name();
        assert_eq!(format!("{echoed} A"), odd, "025");
    }
    assert_eq!(peer.ask(". NS"), "REFUSED", "026");
}

#[test]
fn version_and_identity_are_told_only_when_configured() {
    let mut peer = Peer::new(ZONE);
    let ask = |peer: &mut Peer, asked: &str| {
        let mut bytes = query(&format!("{asked} TXT"), |_| Ok(()));
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&Class::CH.0.to_be_bytes());
        show(&peer.send(&bytes).unwrap())
    };
    assert_eq!(ask(&mut peer, "version.bind."), "REFUSED");
    peer.authority.settings.version = Some("edgeway".to_owned());
    peer.authority.settings.identity = Some(b"left".to_vec());
    assert_eq!(ask(&mut peer, "VERSION.bind."), "NOERROR aa | VERSION.bind. 0 TXT \"edgeway\"");
    assert_eq!(ask(&mut peer, "id.server."), "NOERROR aa | id.server. 0 TXT \"left\"");
    let reply = peer
        .send(&query("web.example. A", |composer| {
            composer.opt(1232, Rcode::NOERROR, false, |options| options.option(OptionCode::NSID, &[]))
        }))
        .unwrap();
    assert_eq!(Message::decode(&reply).unwrap().edns().unwrap().nsid(), Some(&b"left"[..]));
}

#[test]
fn hostile_027_to_032_edns() {
    let mut peer = Peer::new(ZONE);
    let mut with_opt = |rcode_bits: u16, size: u16, option: &[u8]| {
        let mut bytes = query("web.example. A", |_| Ok(()));
        bytes[11] += 1;
        bytes.extend([0, 0, 41]);
        bytes.extend(size.to_be_bytes());
        bytes.extend([0, rcode_bits as u8, 0x80, 0, 0, option.len() as u8]);
        bytes.extend(option);
        peer.send(&bytes).unwrap()
    };
    let badvers = with_opt(1, 1232, &[]);
    let badvers = Message::decode(&badvers).unwrap();
    assert_eq!((badvers.rcode(), badvers.edns().unwrap().version()), (Rcode::BADVERS, 0), "028");
    assert_eq!(badvers.answers().count(), 0);
    for size in [0, 1, 511, 512, 1232, 65_535] {
        let reply = with_opt(0, size, &[]);
        let reply = Message::decode(&reply).unwrap();
        assert_eq!((reply.rcode(), reply.edns().unwrap().payload_bytes()), (Rcode::NOERROR, 1232), "029: {size}");
        assert!(reply.edns().unwrap().dnssec_ok(), "DO is repeated (RFC 3225 §3)");
    }
    for (case, option, expected) in [
        ("030 overrun", &[0, 10, 0, 9, 1][..], Rcode::FORMERR),
        ("030 cookie of 7", &[0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7], Rcode::FORMERR),
        ("030 unknown option", &[0xfd, 0xe9, 0, 1, 9], Rcode::NOERROR),
        ("031 family 0", &[0, 8, 0, 4, 0, 0, 0, 0], Rcode::FORMERR),
        ("031 scope in a query", &[0, 8, 0, 5, 0, 1, 8, 8, 10], Rcode::FORMERR),
        ("031 fine", &[0, 8, 0, 5, 0, 1, 8, 0, 10], Rcode::NOERROR),
    ] {
        assert_eq!(rcode_of(&with_opt(0, 1232, option)), expected, "{case}");
    }
    let subnet = with_opt(0, 1232, &[0, 8, 0, 5, 0, 1, 8, 0, 10]);
    let subnet = Message::decode(&subnet).unwrap().edns().unwrap().client_subnet().unwrap().unwrap();
    assert_eq!((subnet.source_prefix, subnet.scope_prefix), (8, 0), "the answer does not depend on it");
    let mut flags = query("web.example. A", |_| Ok(()));
    flags[3] = 0x70;
    let header = Header::decode(&peer.send(&flags).unwrap()).unwrap();
    assert!(header.flags.contains(Flags::CHECKING_DISABLED) && !header.flags.contains(Flags::AUTHENTIC), "032");
    assert!(!header.flags.contains(Flags::RESERVED) && !header.flags.contains(Flags::RECURSION_AVAILABLE), "032");
}

#[test]
fn hostile_035_and_036_truncation_takes_whole_sets_and_keeps_opt() {
    let texts: String = (0..40).map(|index| format!("big TXT \"{index:030}\"\n")).collect();
    let mut peer = Peer::new(&format!("{texts}www2 CNAME big\nfit TXT {}\n", "a".repeat(230)));
    assert_eq!(peer.ask("big.example. TXT"), "NOERROR aatc", "no partial set");
    let chain = peer.ask("www2.example. TXT");
    assert_eq!(chain, "NOERROR aatc | www2.example. 3600 CNAME big.example.");
    let with_edns =
        |size: u16| query("big.example. TXT", |composer| composer.opt(size, Rcode::NOERROR, false, |_| Ok(())));
    let reply = peer.send(&with_edns(4096)).unwrap();
    assert!(reply.len() <= 1232, "the server's own limit holds");
    let message = Message::decode(&reply).unwrap();
    assert!(
        message.header().flags.contains(Flags::TRUNCATED) && message.edns().is_some() && message.answers().count() == 0
    );
    peer.transport = Transport::Stream;
    let reply = peer.send(&with_edns(512)).unwrap();
    assert_eq!(Message::decode(&reply).unwrap().answers().count(), 40, "a stream has no such limit");
    // 512 bytes exactly fit without EDNS, one more does not.
    peer.transport = Transport::Datagram;
    let sized = |extra: usize| {
        let text = format!("{HEAD}exact TXT {} {}\n", "a".repeat(200), "b".repeat(256 - 13 + extra));
        Peer::of(Served::new(zone("example.", &text)))
    };
    let exact = sized(0).send(&query("exact.example. TXT", |_| Ok(()))).unwrap();
    let pad = 512 - exact.len();
    assert!(!Header::decode(&exact).unwrap().flags.contains(Flags::TRUNCATED));
    for (more, truncated) in [(pad.min(12), pad > 12), (pad + 1, true)] {
        if more <= 12 {
            let reply = sized(more).send(&query("exact.example. TXT", |_| Ok(()))).unwrap();
            assert_eq!(
                Header::decode(&reply).unwrap().flags.contains(Flags::TRUNCATED),
                truncated && more > pad,
                "036: {more}"
            );
        }
    }
}

#[test]
fn glue_that_does_not_fit_sets_tc_and_other_addresses_do_not() {
    let mut text = String::new();
    for index in 0..30 {
        text.push_str(&format!(
            "in NS n{index}.in\nn{index}.in AAAA 2001:db8::{index}\nmx MX 1 m{index}\nm{index} AAAA 2001:db8::{index}\n"
        ));
    }
    let mut peer = Peer::new(&text);
    let referral =
        peer.send(&query("x.in.example. A", |composer| composer.opt(1232, Rcode::NOERROR, false, |_| Ok(())))).unwrap();
    let message = Message::decode(&referral).unwrap();
    assert_eq!(message.authority().count(), 30);
    assert!(message.header().flags.contains(Flags::TRUNCATED), "RFC 9471");
    let mail =
        peer.send(&query("mx.example. MX", |composer| composer.opt(1232, Rcode::NOERROR, false, |_| Ok(())))).unwrap();
    let mail = Message::decode(&mail).unwrap();
    assert_eq!(mail.answers().count(), 30);
    assert!(!mail.header().flags.contains(Flags::TRUNCATED), "RFC 2181 §9");
}

#[test]
fn cookies_are_given_and_believed() {
    let mut peer = Peer::new(ZONE);
    peer.authority.set_cookies(Some(Cookies { current: CookieSecret([7; 16]), others: vec![] }));
    let client = *b"clientid";
    let with_cookie = |server: &[u8]| {
        query("web.example. A", |composer| {
            composer.opt(1232, Rcode::NOERROR, false, |options| options.cookie(&Cookie { client, server }))
        })
    };
    let reply = peer.send(&with_cookie(&[])).unwrap();
    let message = Message::decode(&reply).unwrap();
    let cookie = message.edns().unwrap().cookie().unwrap().unwrap();
    assert_eq!((cookie.client, cookie.server.len()), (client, 16));
    // RFC 7873 §5.4: a query that only wants a cookie.
    let mut only = with_cookie(&[]);
    only.drain(12..12 + 13 + 4);
    only[5] = 0;
    let reply = peer.send(&only).unwrap();
    assert_eq!(
        (rcode_of(&reply), Message::decode(&reply).unwrap().edns().unwrap().cookie().is_some()),
        (Rcode::NOERROR, true),
        "004"
    );
    // Over the rate, a valid cookie passes, a missing one is asked for, and who knows none gets TC.
    let limit = RateLimit { per_second: 1, slip: 1, ..RateLimit::default() };
    peer.authority.rate = Some(RateLimiter::new(limit, &mut SeededEntropy::new(1)));
    let server = cookie.server.to_vec();
    let plain = query("web.example. A", |_| Ok(()));
    assert_eq!(rcode_of(&peer.send(&plain).unwrap()), Rcode::NOERROR);
    for _ in 0..5 {
        let slipped = peer.send(&plain).unwrap();
        assert_eq!(show(&slipped), "NOERROR tc", "047");
        assert_eq!(rcode_of(&peer.send(&with_cookie(&[])).unwrap()), Rcode::BADCOOKIE);
        assert_eq!(rcode_of(&peer.send(&with_cookie(&[9; 16])).unwrap()), Rcode::BADCOOKIE);
        assert_eq!(rcode_of(&peer.send(&with_cookie(&server)).unwrap()), Rcode::NOERROR);
    }
    peer.transport = Transport::Stream;
    assert_eq!(rcode_of(&peer.send(&plain).unwrap()), Rcode::NOERROR);
}

#[test]
fn alias_is_resolved_by_the_caller_and_answered_as_the_apex() {
    let mut peer = Peer::new("@ 60 ALIAS edge.test.\nonly ALIAS edge.test.\n");
    let asked = query("example. A", |_| Ok(()));
    let expected = AliasQuery { target: name("edge.test."), record_type: RecordType::A, subnet: None };
    assert_eq!(peer.send(&asked), Err(Outcome::Resolve(expected)));
    let request = Request {
        message: &asked,
        source: peer.source,
        transport: Transport::Datagram,
        authenticated: false,
        reserve_bytes: 0,
        now: Instant::ZERO,
        wall: WallTime::default(),
    };
    let mut answer = |resolved: &AliasAnswer| {
        let mut buffer = [0; 1232];
        let Outcome::Reply(length) = peer.authority.handle_resolved(&request, resolved, &mut buffer) else {
            panic!("no reply")
        };
        show(&buffer[..length])
    };
    let addresses = vec![RecordData::a([192, 0, 2, 9].into()), RecordData::a([192, 0, 2, 10].into())];
    let resolved = AliasAnswer { addresses, ttl: 300, failed: false };
    assert_eq!(answer(&resolved), "NOERROR aa | example. 60 A 192.0.2.9; example. 60 A 192.0.2.10");
    assert_eq!(
        answer(&AliasAnswer { ttl: 5, ..resolved }),
        "NOERROR aa | example. 5 A 192.0.2.9; example. 5 A 192.0.2.10"
    );
    assert_eq!(answer(&AliasAnswer::default()), format!("NOERROR aa |  | {SOA}"));
    assert_eq!(answer(&AliasAnswer { failed: true, ..AliasAnswer::default() }), "SERVFAIL");
    assert!(peer.ask("example. MX").starts_with("NOERROR aa |  | example. 300 SOA"));
    assert_eq!(peer.ask("only.example. ANY"), format!("NOERROR aa |  | {SOA}"), "ALIAS itself is never sent");
}

#[test]
fn transfers_notifies_and_updates_are_handed_on() {
    let mut peer = Peer::new(ZONE);
    peer.transport = Transport::Stream;
    let transfer = |from_serial| Err(Outcome::Transfer(TransferQuery { zone: name("example."), from_serial, id: 7 }));
    assert_eq!(peer.send(&query("example. AXFR", |_| Ok(()))), transfer(None));
    assert_eq!(rcode_of(&peer.send(&query("web.example. AXFR", |_| Ok(()))).unwrap()), Rcode::NOTAUTH);
    let soa = RecordData::from_text(RecordType::SOA, "a. b. 9 1 1 1 1", NameRef::ROOT).unwrap();
    let with_soa = |section| query("example. IXFR", |composer| composer.push_data(section, &name("example."), 0, &soa));
    assert_eq!(peer.send(&with_soa(Section::Authority)), transfer(Some(9)));
    assert_eq!(rcode_of(&peer.send(&query("example. IXFR", |_| Ok(()))).unwrap()), Rcode::FORMERR);
    let with_opcode = |mut bytes: Vec<u8>, opcode: Opcode| {
        bytes[2] = opcode.0 << 3;
        bytes
    };
    let notify = with_opcode(
        query("example. SOA", |composer| composer.push_data(Section::Answer, &name("example."), 0, &soa)),
        Opcode::NOTIFY,
    );
    assert_eq!(peer.send(&notify), Err(Outcome::Notify(NotifyQuery { zone: name("example."), serial: Some(9) })));
    for (question, opcode, expected) in [
        ("test. SOA", Opcode::NOTIFY, Rcode::NOTAUTH),
        ("example. A", Opcode::NOTIFY, Rcode::FORMERR),
        ("test. SOA", Opcode::UPDATE, Rcode::NOTAUTH),
        ("example. A", Opcode::UPDATE, Rcode::FORMERR),
    ] {
        let bytes = with_opcode(query(question, |_| Ok(())), opcode);
        assert_eq!(rcode_of(&peer.send(&bytes).unwrap()), expected, "{question} {opcode}");
    }
    let update = with_opcode(query("example. SOA", |_| Ok(())), Opcode::UPDATE);
    assert_eq!(peer.send(&update), Err(Outcome::Update(name("example."))));
}

#[test]
fn hostile_098_an_expired_zone_answers_servfail() {
    let served = Served { state: ZoneState::Expired, ..Served::new(zone("example.", HEAD)) };
    let mut peer = Peer::of(served);
    let reply =
        peer.send(&query("example. SOA", |composer| composer.opt(1232, Rcode::NOERROR, false, |_| Ok(())))).unwrap();
    let message = Message::decode(&reply).unwrap();
    assert_eq!(message.rcode(), Rcode::SERVFAIL);
    assert_eq!(message.edns().unwrap().extended_errors().next(), Some((ExtendedError::NOT_READY, "")));
}

#[test]
fn parent_and_child_on_one_server_answer_each_its_own() {
    let parent = Served::new(zone("example.", &format!("{HEAD}sub NS ns\nsub DS 5 13 2 00\n")));
    let child = Served::new(zone("sub.example.", "@ SOA ns root 2 1 1 1 1\n@ NS ns\nns A 192.0.2.20\n"));
    let catalog = Arc::new(Catalog::new([Arc::new(parent), Arc::new(child)]));
    let mut peer = Peer::new("");
    peer.authority.set_catalog(catalog);
    assert_eq!(peer.ask("sub.example. DS"), "NOERROR aa | sub.example. 3600 DS 5 13 2 00");
    assert!(peer.ask("sub.example. SOA").starts_with("NOERROR aa | sub.example. 3600 SOA"));
    assert!(peer.ask("ns.sub.example. A").starts_with("NOERROR aa | ns.sub.example. 3600 A 192.0.2.20"));
}

#[test]
fn rotation_begins_anywhere_and_loses_nothing() {
    let mut peer = Peer::new(ZONE);
    peer.authority.settings.rotate = true;
    let mut first = std::collections::BTreeSet::new();
    for id in 0..8_u16 {
        let mut bytes = query("web.example. A", |_| Ok(()));
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        let reply = peer.send(&bytes).unwrap();
        let message = Message::decode(&reply).unwrap();
        let addresses: Vec<String> = message.answers().map(|record| record.data().unwrap().to_string()).collect();
        assert_eq!(addresses.len(), 2);
        first.insert(addresses[0].clone());
    }
    assert_eq!(first.len(), 2);
}

#[test]
fn full_answers_name_the_servers_when_asked_to() {
    let mut peer = Peer::new(ZONE);
    peer.authority.settings.minimal = false;
    assert_eq!(
        peer.ask("types.example. TXT"),
        "NOERROR aa | types.example. 3600 TXT \"t\" | example. 3600 NS ns.example.; example. 3600 NS ns2.test. | \
         ns.example. 3600 A 192.0.2.1; ns.example. 3600 AAAA 2001:db8::1"
    );
}

#[test]
fn balanced_names_are_answered_from_their_pool_with_scope() {
    use crate::machine::balance::{AllDown, Balancer, Health, HealthState, Member, Method, Pool, PrefixTable, Region};
    let near = |last: u8, region| Member { region: Some(Region(region)), ..Member::new([192, 0, 2, last].into()) };
    let mut table = PrefixTable::new(vec![Region(1)]);
    table.insert("10.0.0.0".parse().unwrap(), 8, vec![Region(2)]);
    let members = vec![near(101, 1), near(102, 2)];
    let pool =
        Pool { method: Method::Nearest(Arc::new(table)), members, all_down: AllDown::ServeNone, ..Pool::new([]) };
    let checked = Pool {
        members: vec![Member { check: Some(crate::machine::balance::CheckId(1)), ..near(103, 1) }],
        ..pool.clone()
    };
    let pools = [(name("web.example."), Arc::new(pool)), (name("types.example."), Arc::new(checked))];
    let balancer = Balancer::new(pools, Arc::default());
    let served = |balancer: Balancer| {
        let zone = zone("example.", &format!("{HEAD}{ZONE}"));
        Served { selector: Some(Arc::new(balancer)), ..Served::new(zone) }
    };
    let mut peer = Peer::of(served(balancer.clone()));
    assert_eq!(peer.ask("web.example. A"), "NOERROR aa | web.example. 30 A 192.0.2.101");
    assert_eq!(
        peer.ask("www.example. A"),
        "NOERROR aa | www.example. 3600 CNAME web.example.; web.example. 30 A 192.0.2.101"
    );
    assert_eq!(peer.ask("web.example. AAAA"), format!("NOERROR aa |  | {SOA}"));
    assert_eq!(peer.ask("types.example. A"), "SERVFAIL", "nobody was checked yet");
    assert_eq!(peer.ask("types.example. TXT"), "NOERROR aa | types.example. 3600 TXT \"t\"");
    let subnet = ClientSubnet { address: "10.1.2.0".parse().unwrap(), source_prefix: 24, scope_prefix: 0 };
    let asked = query("web.example. A", |composer| {
        composer.opt(1232, Rcode::NOERROR, false, |options| options.client_subnet(&subnet))
    });
    let reply = peer.send(&asked).unwrap();
    assert_eq!(show(&reply), "NOERROR aa | web.example. 30 A 192.0.2.102");
    let echoed = Message::decode(&reply).unwrap().edns().unwrap().client_subnet().unwrap().unwrap();
    assert_eq!((echoed.source_prefix, echoed.scope_prefix), (24, 8));
    let down = std::collections::HashMap::from([(
        crate::machine::balance::CheckId(1),
        Health { state: HealthState::Down, load_permille: None },
    )]);
    let mut peer = Peer::of(served(balancer.with_health(Arc::new(down))));
    assert_eq!(peer.ask("types.example. A"), format!("NOERROR aa |  | {SOA}"));
}

#[test]
fn hostile_103_flipped_queries_never_panic() {
    let mut peer = Peer::new(ZONE);
    let good = query("x.wild.example. TXT", |composer| {
        composer.opt(1232, Rcode::NOERROR, true, |options| options.cookie(&Cookie { client: [1; 8], server: &[] }))
    });
    let mut entropy = SeededEntropy::new(5);
    let mut replies = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=entropy.below(4) {
            let at = entropy.below(bytes.len() as u32) as usize;
            bytes[at] = entropy.next_u16() as u8;
        }
        if let Ok(reply) = peer.send(&bytes) {
            assert!(Message::decode(&reply).is_ok());
            replies += 1;
        }
    }
    assert!(replies > 5_000, "{replies}");
}
