//! Dynamic update: RFC 2136's tables, row by row.

use super::*;
use crate::wire::{Composer, Compressor, Flags, Opcode, Section};
use crate::zone::ZoneBuilder;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone() -> Zone {
    let mut builder = ZoneBuilder::new(name("example."));
    for (owner, record_type, text) in [
        ("example.", "SOA", "ns.example. root.example. 10 1 1 1 1"),
        ("example.", "NS", "ns.example."),
        ("ns.example.", "A", "192.0.2.1"),
        ("two.example.", "A", "192.0.2.2"),
        ("two.example.", "A", "192.0.2.3"),
        ("alias.example.", "CNAME", "two.example."),
        ("a.ent.example.", "TXT", "x"),
    ] {
        let data = RecordData::from_text(record_type.parse().unwrap(), text, NameRef::ROOT).unwrap();
        builder.add(name(owner).borrowed(), data.record_type(), 60, data.wire()).unwrap();
    }
    builder.build().unwrap()
}

/// `+ owner type data` adds, `- owner type data` deletes a record, `- owner type` a set, `- owner` a name. As
/// prerequisites: `? owner [type [data]]` exists, `! owner [type]` does not.
fn message(lines: &[&str]) -> Vec<u8> {
    let (mut buffer, mut compressor) = (vec![0; 4096], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.set_head(1, Flags::default().with_opcode(Opcode::UPDATE));
    composer.question(name("example.").borrowed(), RecordType::SOA, Class::IN).unwrap();
    for section in [Section::Answer, Section::Authority] {
        for line in lines {
            let mut words = line.splitn(4, ' ');
            let (mark, owner) = (words.next().unwrap(), name(words.next().unwrap()));
            let record_type = words.next().map_or(RecordType::ANY, |text| text.parse().unwrap());
            let data = words.next().map(|text| RecordData::from_text(record_type, text, NameRef::ROOT).unwrap());
            if matches!(mark, "?" | "!") != (section == Section::Answer) {
                continue;
            }
            let class = match (mark, &data) {
                ("+", _) | ("?", Some(_)) => Class::IN,
                ("-", Some(_)) | ("!", _) => Class::NONE,
                _ => Class::ANY,
            };
            let ttl = if mark == "+" { 300 } else { 0 };
            let wire = data.as_ref().map_or(&[][..], RecordData::wire);
            composer.record(section, owner.borrowed(), (record_type, class, ttl), wire).unwrap();
        }
    }
    let length = composer.finish();
    buffer.truncate(length);
    buffer
}

fn run(lines: &[&str]) -> Result<Updated, Refused> {
    update(&zone(), &Message::decode(&message(lines)).unwrap(), &|_, _| true)
}

/// What changed, without SOA records: `-removed` and `+added`.
fn changed(lines: &[&str]) -> Vec<String> {
    let updated = run(lines).unwrap();
    let show = |mark: char, records: &[crate::wire::Record]| {
        let records = records.iter().filter(|record| record.record_type() != RecordType::SOA);
        records
            .map(|record| format!("{mark}{} {} {} {}", record.name, record.ttl, record.record_type(), record.data))
            .collect::<Vec<_>>()
    };
    let all = [show('-', &updated.change.removed), show('+', &updated.change.added)].concat();
    let expected = if all.is_empty() { 10 } else { 11 };
    assert_eq!(updated.zone.serial(), expected, "the serial moves with the zone");
    all
}

#[test]
fn hostile_099_every_row_of_the_prerequisites() {
    for (lines, expected) in [
        (&["? two.example."][..], None),
        (&["? nobody.example."], Some(Rcode::NXDOMAIN)),
        (&["? ent.example."], Some(Rcode::NXDOMAIN)),
        (&["? two.example. A"], None),
        (&["? two.example. TXT"], Some(Rcode::NXRRSET)),
        (&["? two.example. A 192.0.2.3", "? two.example. A 192.0.2.2"], None),
        (&["? two.example. A 192.0.2.2"], Some(Rcode::NXRRSET)),
        (&["? two.example. A 192.0.2.2", "? two.example. A 192.0.2.9"], Some(Rcode::NXRRSET)),
        (&["! nobody.example."], None),
        (&["! two.example."], Some(Rcode::YXDOMAIN)),
        (&["! two.example. TXT"], None),
        (&["! two.example. A"], Some(Rcode::YXRRSET)),
        (&["? other.test."], Some(Rcode::NOTZONE)),
        (&["+ other.test. A 192.0.2.1"], Some(Rcode::NOTZONE)),
    ] {
        assert_eq!(run(lines).err().map(|refused| refused.rcode), expected, "{lines:?}");
    }
}

#[test]
fn hostile_099_every_row_of_the_changes() {
    for (lines, expected) in [
        (&["+ new.example. A 192.0.2.9"][..], &["+new.example. 300 A 192.0.2.9"][..]),
        (
            &["+ two.example. A 192.0.2.4"],
            &[
                "-two.example. 60 A 192.0.2.2",
                "-two.example. 60 A 192.0.2.3",
                "+two.example. 300 A 192.0.2.2",
                "+two.example. 300 A 192.0.2.3",
                "+two.example. 300 A 192.0.2.4",
            ],
        ),
        (&["- two.example. A 192.0.2.2"], &["-two.example. 60 A 192.0.2.2"]),
        (&["- two.example. A 192.0.2.99"], &[]),
        (&["- two.example. A"], &["-two.example. 60 A 192.0.2.2", "-two.example. 60 A 192.0.2.3"]),
        (&["- two.example."], &["-two.example. 60 A 192.0.2.2", "-two.example. 60 A 192.0.2.3"]),
        (&["- nobody.example."], &[]),
        // CNAME and other data keep each other out.
        (&["+ alias.example. A 192.0.2.9"], &[]),
        (&["+ two.example. CNAME ns.example."], &[]),
        (
            &["+ alias.example. CNAME ns.example."],
            &["-alias.example. 60 CNAME two.example.", "+alias.example. 300 CNAME ns.example."],
        ),
        (
            &["- two.example.", "+ two.example. CNAME ns.example."],
            &["-two.example. 60 A 192.0.2.2", "-two.example. 60 A 192.0.2.3", "+two.example. 300 CNAME ns.example."],
        ),
        // What the apex needs stays.
        (&["- example. SOA"], &[]),
        (&["- example. NS"], &[]),
        (&["- example. NS ns.example."], &[]),
        (&["- example."], &[]),
        (
            &["+ example. NS ns2.test.", "- example. NS ns.example."],
            &["-example. 60 NS ns.example.", "+example. 300 NS ns2.test."],
        ),
        // Added and taken away again is no change.
        (&["+ new.example. A 192.0.2.9", "- new.example."], &[]),
    ] {
        let result = changed(lines);
        assert_eq!(result, expected, "{lines:?}");
    }
}

#[test]
fn the_serial_follows_rfc_1982_and_an_update_may_bring_its_own() {
    for (text, expected) in
        [("11", 11), ("500", 500), ("9", 10), ("10", 10), ("2147483657", 2_147_483_657), ("2147483658", 10)]
    {
        let line = format!("+ example. SOA ns.example. root.example. {text} 1 1 1 1");
        assert_eq!(run(&[&line]).unwrap().zone.serial(), expected, "{text}");
    }
    assert!(is_newer(1, u32::MAX) && !is_newer(u32::MAX, 1) && !is_newer(0, 1 << 31) && !is_newer(1 << 31, 0));
    assert_eq!((next_serial(u32::MAX), next_serial(7)), (1, 8));
}

#[test]
fn hostile_034_who_may_not_changes_nothing() {
    let lines = ["+ new.example. A 192.0.2.9", "+ new.example. TXT x"];
    let bytes = message(&lines);
    let refused = update(&zone(), &Message::decode(&bytes).unwrap(), &|_, record_type| record_type == RecordType::A);
    assert_eq!(refused.err().map(|refused| refused.rcode), Some(Rcode::REFUSED));
}

#[test]
fn hostile_099_malformed_updates_are_formerr() {
    let patched = |line: &str, at_end: usize, bytes: &[u8]| {
        let mut message = message(&[line]);
        let at = message.len() - at_end;
        message[at..at + bytes.len()].copy_from_slice(bytes);
        let decoded = Message::decode(&message).unwrap();
        update(&zone(), &decoded, &|_, _| true).err().map(|refused| refused.rcode)
    };
    // Behind the owner stand type (2), class (2), TTL (4), length (2).
    assert_eq!(patched("? two.example. A", 6, &[0, 0, 0, 5]), Some(Rcode::FORMERR), "a prerequisite with a TTL");
    assert_eq!(patched("- two.example. A", 6, &[0, 0, 0, 5]), Some(Rcode::FORMERR), "a deletion with a TTL");
    assert_eq!(patched("- two.example. A", 8, &[0, 3]), Some(Rcode::FORMERR), "a class that means nothing");
    assert_eq!(patched("? two.example. A", 8, &[0, 3]), Some(Rcode::FORMERR), "a class that means nothing");
    assert_eq!(patched("- two.example. A", 10, &[0, 252]), Some(Rcode::FORMERR), "a deletion of AXFR");
    assert_eq!(patched("+ x.example. A 192.0.2.1", 14, &[0, 255]), Some(Rcode::FORMERR), "ANY is not to be added");
}
