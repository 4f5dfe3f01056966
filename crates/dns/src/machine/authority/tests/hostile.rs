//! The numbered cases of bad input that reach an authority.

use super::*;

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
