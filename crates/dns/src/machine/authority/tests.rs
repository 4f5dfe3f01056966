//! Answers of the authority, message in and message out.

use std::net::IpAddr;
use std::sync::Arc;

use edgeway_base::{Entropy, Instant, SeededEntropy, WallTime};

mod hostile;

use super::*;
use crate::error::WireError;
use crate::wire::edns::{ClientSubnet, Cookie, ExtendedError, OptionCode};
use crate::wire::{
    Class, Composer, Compressor, Flags, Header, Message, Name, NameRef, Opcode, Rcode, RecordData, RecordType, Records,
    Section,
};
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
    let pools = [
        (name("web.example."), Arc::new(pool)),
        (name("types.example."), Arc::new(checked)),
        (name("free.example."), Arc::new(Pool::new(["192.0.2.104".parse().unwrap()]))),
    ];
    let balancer = Balancer::new(pools, Arc::default());
    let served = |balancer: Balancer| {
        let marks = "web TYPE65402 \\# 0\ntypes TYPE65402 \\# 0\nfree TYPE65402 \\# 0\n";
        let zone = zone("example.", &format!("{HEAD}{ZONE}{marks}"));
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
    assert_eq!(
        peer.ask("free.example. A"),
        "NOERROR aa | free.example. 30 A 192.0.2.104",
        "without any record of its own"
    );
    assert_eq!(peer.ask("free.example. MX"), format!("NOERROR aa |  | {SOA}"));
    assert_eq!(peer.ask("free.example. ANY"), format!("NOERROR aa |  | {SOA}"));
    assert_eq!(peer.ask("free.example. TYPE65402"), format!("NOERROR aa |  | {SOA}"));
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
