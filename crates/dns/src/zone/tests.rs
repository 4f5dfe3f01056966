//! Zones: reading, storing, finding, changing, checking.

use super::check::{Severity, check};
use super::*;
use crate::wire::{Name, NameRef, Record, RecordData, RecordType};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn no_files(path: &str, _: &str) -> Result<Vec<u8>, String> {
    Err(format!("{path} does not exist"))
}

/// The zone in `text`, or its mistakes.
fn read_with(text: &str, include: &mut dyn Include) -> Result<Zone, Vec<String>> {
    let origin = name("example.");
    let mut builder = ZoneBuilder::new(origin.clone());
    let text = ZoneText { file: "zone", text: text.as_bytes(), origin: origin.borrowed(), default_ttl: None };
    let errors = read_zone(&text, include, &mut |line| {
        builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
    });
    if !errors.is_empty() {
        return Err(errors.iter().map(ToString::to_string).collect());
    }
    builder.build().map_err(|error| vec![error.to_string()])
}

fn read(text: &str) -> Result<Zone, Vec<String>> {
    read_with(text, &mut no_files)
}

const HEAD: &str = "$TTL 1h\n@ SOA ns root 1 1h 15m 1w 5m\n@ NS ns\nns A 192.0.2.1\n";

fn with_head(text: &str) -> Zone {
    read(&format!("{HEAD}{text}")).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn lines(zone: &Zone) -> Vec<String> {
    let mut records: Vec<Record> = zone.records().collect();
    records.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.data.cmp(&b.data)));
    records.iter().map(|record| record.to_string().replace('\t', " ")).collect()
}

#[test]
fn everything_a_zone_file_may_hold() {
    let mut include = |path: &str, from: &str| {
        assert_eq!((path, from), ("more.zone", "zone"));
        Ok(b"inner A 192.0.2.50\n$ORIGIN deep\n@ A 192.0.2.51\n".to_vec())
    };
    let text = "\u{feff}; a comment\n$TTL 1h\r\n\
        @   IN  SOA ns root ( 7 ; serial\n 3600 900\n 604800 300 )\n\
        \x20   IN NS ns.example.\n\
        \x20   300 NS other.test.\n\
        ns  A 192.0.2.1\n\
        ns  IN 60 AAAA 2001:db8::1\n\
        WWW 60 IN CNAME ns\n\
        a\\.b TXT \"semi;colon\" (\"paren\"\n \"line\")\n\
        $INCLUDE more.zone sub\n\
        after A 192.0.2.2\n\
        $GENERATE 1-3/2 host${10,3,d} A 10.0.0.$\n\
        $GENERATE 10-11 $.v6 60 PTR h-${0,2,x}.\n\
        $GENERATE 0-1 ${0,0,n}.n TXT \"n$\"\n\
        unknown TYPE777 \\# 2 abcd\n\
        last 5 A 192.0.2.3";
    let zone = read_with(text, &mut include).unwrap();
    assert_eq!(
        lines(&zone),
        [
            "example. 300 IN NS ns.example.",
            "example. 300 IN NS other.test.",
            "example. 3600 IN SOA ns.example. root.example. 7 3600 900 604800 300",
            "a\\.b.example. 3600 IN TXT \"semi;colon\" \"paren\" \"line\"",
            "after.example. 3600 IN A 192.0.2.2",
            "host011.example. 3600 IN A 10.0.0.1",
            "host013.example. 3600 IN A 10.0.0.3",
            "last.example. 5 IN A 192.0.2.3",
            "0.n.example. 3600 IN TXT \"n0\"",
            "1.n.example. 3600 IN TXT \"n1\"",
            "ns.example. 3600 IN A 192.0.2.1",
            "ns.example. 60 IN AAAA 2001:db8::1",
            "deep.sub.example. 3600 IN A 192.0.2.51",
            "inner.sub.example. 3600 IN A 192.0.2.50",
            "unknown.example. 3600 IN TYPE777 \\# 2 ABCD",
            "10.v6.example. 60 IN PTR h-0a.",
            "11.v6.example. 60 IN PTR h-0b.",
            "WWW.example. 60 IN CNAME ns.example.",
        ]
    );
    assert_eq!((zone.serial(), zone.negative_ttl()), (7, 300));
}

#[test]
fn ttl_comes_from_where_rfc_1035_and_2308_say() {
    let soa_minimum = read("@ SOA ns root 1 2 3 4 77\n@ NS ns\nns 5 A 192.0.2.1\nx A 192.0.2.2\n").unwrap();
    assert_eq!(soa_minimum.soa().ttl(), 77);
    assert_eq!(
        soa_minimum.node(name("x.example.").borrowed()).unwrap().rrset(RecordType::A).unwrap().ttl(),
        5,
        "the last one"
    );
    let error = read("a A 192.0.2.1\n").unwrap_err();
    assert!(error[0].contains("zone:1:3") && error[0].contains("no TTL"), "{error:?}");
}

#[test]
fn hostile_096_zone_files_with_mistakes_name_line_column_and_expectation() {
    for (case, text, place, words) in [
        ("unclosed parenthesis", "x TXT (\"a\"\nb", "zone:5:7", "never closed"),
        ("unclosed quote", "x TXT \"a\nb", "zone:5:7", "not closed"),
        ("missing include", "$INCLUDE gone.zone", "zone:5:10", "does not exist"),
        ("escape over 255", "x TXT \\256", "zone:5:7", "\\255"),
        ("TTL over 31 bits", "x 2147483648 A 192.0.2.1", "zone:5:3", "2147483647"),
        ("TTL over 64 bits", "x 99999999999999999999 A 192.0.2.1", "zone:5:3", "2147483647"),
        ("other class", "x CH TXT a", "zone:5:3", "class IN"),
        ("unknown word", "x FOO 1", "zone:5:3", "record type"),
        ("question type", "x ANY 1", "zone:5:3", "questions"),
        ("nothing behind the owner", "x", "zone:5:2", "record type"),
        ("out of zone", "x.test. A 192.0.2.1", "zone:5:9", "not within the zone"),
        ("bad address", "x A 192.0.2", "zone:5:5", "IPv4"),
        ("directive", "$TTTL 5", "zone:5:1", "$ORIGIN"),
        ("range", "$GENERATE 5-1 a$ A 192.0.2.$", "zone:5:11", "range"),
        ("too many", "$GENERATE 1-99999999 a$ A 192.0.2.$", "zone:5:11", "at most"),
        ("bad template", "$GENERATE 1-2 a${x} A 192.0.2.$", "zone:5:15", "offset"),
        ("made line", "$GENERATE 255-257 a A 192.0.2.$", "zone:5:1", "for 256"),
        ("long label", &format!("{} A 192.0.2.1", "a".repeat(64)), "zone:5:1", "63 bytes"),
    ] {
        let errors = read(&format!("{HEAD}{text}")).unwrap_err();
        assert!(errors[0].starts_with(place) && errors[0].contains(words), "{case}: {errors:?}");
    }
    let blank = read(" A 192.0.2.1").unwrap_err();
    assert!(blank[0].contains("repeats the owner"), "{blank:?}");
    let many = read(&"x FOO\n".repeat(1000)).unwrap_err();
    assert_eq!(many.len(), crate::limits::ZONE_ERRORS_MAX);
    let mut circle = |_: &str, _: &str| Ok(b"$INCLUDE again\n".to_vec());
    let errors = read_with(&format!("{HEAD}$INCLUDE again\n"), &mut circle).unwrap_err();
    assert!(errors[0].starts_with("again:1:10") && errors[0].contains("10 deep"), "{errors:?}");
}

#[test]
fn hostile_096_zones_that_are_none() {
    let build = |text: &str| read(text).unwrap_err().join(" ");
    assert!(build("$TTL 1\n@ NS ns\n").contains("no SOA"));
    assert!(build("").contains("no SOA"));
    assert!(build("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ SOA a b 2 2 3 4 5\n").contains("2 SOA"));
    // A mistake in the middle is reported, and what follows is still read.
    let errors = read("$TTL 1\nx FOO\ny A 1\nz A 192.0.2.1\n@ SOA a b 1 2 3 4 5\n").unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn hostile_096_checks_of_the_whole_zone() {
    for (case, text, severity, words) in [
        ("CNAME and other data", "x CNAME ns\nx A 192.0.2.1", Severity::Error, "stands alone"),
        ("two CNAMEs", "x CNAME ns\nx CNAME y", Severity::Error, "only one CNAME"),
        ("two DNAMEs", "x DNAME a.\nx DNAME b.", Severity::Error, "only one DNAME"),
        ("ALIAS beside an address", "@ ALIAS a.test.\n@ A 192.0.2.1", Severity::Error, "ALIAS"),
        ("SOA below the apex", "x SOA a b 1 2 3 4 5", Severity::Error, "SOA"),
        ("DS at the apex", "@ DS 1 13 2 00", Severity::Error, "parent"),
        ("missing glue", "sub NS ns.sub", Severity::Error, "needs an A or AAAA"),
        ("NS to a CNAME", "@ NS c\nc CNAME ns", Severity::Warning, "CNAME"),
        ("MX to nothing", "@ MX 1 nobody", Severity::Warning, "does not exist"),
        ("MX without address", "@ MX 1 t\nt TXT x", Severity::Warning, "no address"),
        ("data below a cut", "sub NS ns\nx.sub TXT a", Severity::Warning, "below a delegation"),
        ("data below a DNAME", "d DNAME a.\nx.d A 192.0.2.1", Severity::Warning, "below a DNAME"),
        ("DS without NS", "x DS 1 13 2 00", Severity::Warning, "DS"),
        ("NS at a wildcard", "*.w NS ns", Severity::Warning, "wildcard"),
    ] {
        let findings = check(&with_head(text));
        let found = findings.iter().any(|finding| finding.severity == severity && finding.message.contains(words));
        assert!(found, "{case}: {findings:?}");
    }
    assert_eq!(
        check(&with_head("@ MX 0 .\nsub NS ns.sub\nns.sub A 192.0.2.9\nother NS ns.test.\nsub DS 1 13 2 00")),
        []
    );
    let no_ns = read("$TTL 1\n@ SOA a b 1 20 3 40 5\n").unwrap();
    assert!(check(&no_ns)[0].message.contains("no NS"));
}

#[test]
fn mixed_ttls_become_the_smallest_and_are_told() {
    let mut builder = ZoneBuilder::new(name("example."));
    for (owner, ttl, record_type, text) in [
        ("example.", 9, "SOA", "a. b. 1 2 3 4 5"),
        ("x.example.", 60, "A", "192.0.2.1"),
        ("X.example.", 30, "A", "192.0.2.2"),
        ("x.example.", 60, "A", "192.0.2.1"),
    ] {
        let record_type = record_type.parse().unwrap();
        let data = RecordData::from_text(record_type, text, NameRef::ROOT).unwrap();
        builder.add_record(&Record::new(name(owner), ttl, data)).unwrap();
    }
    let zone = builder.build().unwrap();
    let set = zone.node(name("x.example.").borrowed()).unwrap().rrset(RecordType::A).unwrap();
    assert_eq!((set.ttl(), set.len()), (30, 2));
    assert_eq!(builder.mixed_ttls(), [(name("x.example."), RecordType::A)]);
}

/// Which kind of place a name leads to, and how deep.
fn kind(zone: &Zone, text: &str) -> (&'static str, usize) {
    let owner = name(text);
    let path = zone.find(owner.borrowed(), false).unwrap();
    let kind = match path.found {
        Found::Exact(node) if node.is_empty() => "empty",
        Found::Exact(_) => "exact",
        Found::Delegation(_) => "cut",
        Found::Redirection(_) => "dname",
        Found::Wildcard(_) => "wildcard",
        Found::Missing => "missing",
    };
    (kind, path.depth)
}

#[test]
fn hostile_097_wildcards_at_many_depths_empty_names_cuts_and_dnames() {
    // The zone of RFC 4592 §2.2.1, and more below.
    let zone = with_head(
        "*.example. 3600 TXT \"this is a wildcard\"\n*.example. 3600 MX 10 host1.example.\n\
         sub.*.example. 3600 TXT \"not a wildcard\"\nhost1.example. 3600 A 192.0.2.1\n\
         _ssh._tcp.host1.example. 3600 SRV 0 0 22 host1\n_ssh._tcp.host2.example. 3600 SRV 0 0 22 host2\n\
         subdel.example. 3600 NS ns.example.com.\nglue.subdel A 192.0.2.7\n*.deep.er A 192.0.2.8\nd DNAME elsewhere.\nx.d A 192.0.2.9",
    );
    for (text, expected) in [
        ("example.", ("exact", 0)),
        ("host3.example.", ("wildcard", 0)),
        ("foo.bar.example.", ("wildcard", 0)),
        ("host1.example.", ("exact", 1)),
        ("HOST1.Example.", ("exact", 1)),
        ("sub.*.example.", ("exact", 2)),
        ("*.example.", ("exact", 1)),
        ("_telnet._tcp.host1.example.", ("missing", 2)),
        ("_tcp.host1.example.", ("empty", 2)),
        ("host2.example.", ("empty", 1)),
        ("host.subdel.example.", ("cut", 1)),
        ("subdel.example.", ("cut", 1)),
        ("glue.subdel.example.", ("cut", 1)),
        ("ghost.*.example.", ("missing", 1)),
        ("a.b.deep.er.example.", ("wildcard", 2)),
        ("deep.er.example.", ("empty", 2)),
        ("a.er.example.", ("missing", 1)),
        ("d.example.", ("exact", 1)),
        ("x.d.example.", ("dname", 1)),
        ("y.x.d.example.", ("dname", 1)),
    ] {
        assert_eq!(kind(&zone, text), expected, "{text}");
    }
    assert!(zone.find(name("test.").borrowed(), false).is_none());
    assert!(zone.find(name("badexample.").borrowed(), false).is_none());
    assert!(matches!(zone.find(name("subdel.example.").borrowed(), true).unwrap().found, Found::Exact(_)));
}

#[test]
fn edits_share_what_they_do_not_touch_and_tell_the_difference() {
    let zone = with_head("a.b.c A 192.0.2.1\nx.b.c A 192.0.2.2\ny A 192.0.2.3");
    let count = zone.name_count();
    let mut edit = ZoneEdit::new(&zone);
    let address = |text: &str| RecordData::a(text.parse().unwrap());
    assert!(edit.remove(name("a.b.c.example.").borrowed(), &address("192.0.2.1")));
    assert!(!edit.remove(name("a.b.c.example.").borrowed(), &address("192.0.2.1")));
    assert!(edit.add(name("new.e.n.t.example.").borrowed(), 5, &address("192.0.2.9")).unwrap());
    assert!(edit.add(name("y.example.").borrowed(), 60, &address("192.0.2.4")).unwrap());
    assert!(matches!(edit.add(name("y.test.").borrowed(), 60, &address("192.0.2.4")), Err(BuildError::OutOfZone(_))));
    let (second, change) = edit.finish().unwrap();
    assert_eq!(second.name_count(), count - 1 + 4);
    for (text, expected) in [("e.n.t.example.", "empty"), ("a.b.c.example.", "missing"), ("b.c.example.", "empty")] {
        assert_eq!(kind(&second, text).0, expected, "{text}");
    }
    // The old one is as it was.
    assert_eq!(kind(&zone, "a.b.c.example.").0, "exact");
    let show =
        |records: &[Record]| records.iter().map(|record| record.to_string().replace('\t', " ")).collect::<Vec<_>>();
    assert_eq!(show(&change.removed), ["a.b.c.example. 3600 IN A 192.0.2.1", "y.example. 3600 IN A 192.0.2.3"]);
    assert_eq!(
        show(&change.added),
        ["new.e.n.t.example. 5 IN A 192.0.2.9", "y.example. 60 IN A 192.0.2.3", "y.example. 60 IN A 192.0.2.4"]
    );
    // Taking the last name of a branch takes the branch.
    let mut edit = ZoneEdit::new(&second);
    assert!(edit.remove_rrset(name("x.b.c.example.").borrowed(), RecordType::A));
    assert!(edit.remove_rrset(name("new.e.n.t.example.").borrowed(), RecordType::A));
    let (third, _) = edit.finish().unwrap();
    for text in ["b.c.example.", "c.example.", "t.example.", "n.t.example."] {
        assert_eq!(kind(&third, text).0, "missing", "{text}");
    }
    assert_eq!(third.name_count(), 3);
    let mut edit = ZoneEdit::new(&third);
    edit.remove_rrset(name("example.").borrowed(), RecordType::SOA);
    assert_eq!(edit.finish().err(), Some(BuildError::Soa(0)));
}

#[test]
fn random_edits_leave_what_building_from_scratch_gives() {
    use edgeway_base::{Entropy, SeededEntropy};
    let mut entropy = SeededEntropy::new(97);
    let mut zone = with_head("");
    let mut model = std::collections::BTreeSet::new();
    for round in 0..60 {
        let mut edit = ZoneEdit::new(&zone);
        for _ in 0..40 {
            let labels: Vec<String> = (0..=entropy.below(3)).map(|_| format!("n{}", entropy.below(9))).collect();
            let owner = name(&format!("{}.example.", labels.join(".")));
            let data = RecordData::a([10, 0, 0, entropy.below(3) as u8].into());
            if entropy.below(2) == 0 {
                edit.add(owner.borrowed(), 3600, &data).unwrap();
                model.insert((owner, data));
            } else {
                assert_eq!(edit.remove(owner.borrowed(), &data), model.remove(&(owner, data)), "round {round}");
            }
        }
        zone = edit.finish().unwrap().0;
        let mut builder = ZoneBuilder::new(name("example."));
        with_head("").records().for_each(|record| builder.add_record(&record).unwrap());
        for (owner, data) in &model {
            builder.add(owner.borrowed(), RecordType::A, 3600, data.wire()).unwrap();
        }
        let built = builder.build().unwrap();
        assert_eq!(lines(&zone), lines(&built), "round {round}");
        assert_eq!(zone.name_count(), built.name_count(), "round {round}");
        for (owner, node) in built.nodes() {
            assert_eq!(
                zone.node(owner.borrowed()).map(NodeView::children),
                Some(node.children()),
                "round {round}: {owner}"
            );
        }
    }
}
