//! Transfers out into transfers in, and what a bad primary may send.

use std::sync::Arc;
use std::time::Duration;

use edgeway_base::{Instant, SeededEntropy, WallTime};

use super::*;
use crate::dnssec::{Algorithm, Denial, Role, Signing, SigningKey, sign_zone};
use crate::machine::authority::TransferQuery;
use crate::wire::rdata::Soa;
use crate::wire::{
    Class, Composer, Compressor, Flags, Message, Name, NameRef, Rcode, Record, RecordData, RecordType, Section,
};
use crate::zone::{Change, Zone, ZoneBuilder, ZoneEdit};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(line: &str) -> Record {
    let mut words = line.splitn(3, ' ');
    let (owner, record_type) = (name(words.next().unwrap()), words.next().unwrap().parse().unwrap());
    Record::new(owner, 60, RecordData::from_text(record_type, words.next().unwrap(), NameRef::ROOT).unwrap())
}

fn zone(serial: u32, hosts: u32) -> Zone {
    let mut builder = ZoneBuilder::new(name("example."));
    builder.add_record(&record(&format!("example. SOA ns.example. root.example. {serial} 100 10 1000 5"))).unwrap();
    builder.add_record(&record("example. NS ns.example.")).unwrap();
    for host in 0..hosts {
        builder.add_record(&record(&format!("Host{host}.example. A 10.0.{}.{}", host >> 8, host & 255))).unwrap();
    }
    builder.build().unwrap()
}

fn lines(zone: &Zone) -> Vec<String> {
    let mut lines: Vec<String> = zone.records().map(|record| record.to_string()).collect();
    lines.sort();
    lines
}

fn messages(zone: &Zone, journal: &Journal, from_serial: Option<u32>) -> Vec<Vec<u8>> {
    let query = TransferQuery { zone: name("example."), from_serial, id: 9 };
    let mut outgoing = Outgoing::new(zone.clone(), journal, query);
    let (mut buffer, mut compressor) = (vec![0; 65_535], Compressor::new());
    let mut messages = Vec::new();
    while let Some(length) = outgoing.next_message(&mut buffer, 200, &mut compressor).unwrap() {
        messages.push(buffer[..length].to_vec());
    }
    messages
}

fn receive(base: Option<Zone>, messages: &[Vec<u8>]) -> Result<Received, TransferError> {
    let mut incoming = Incoming::new(name("example."), base, 9);
    let mut last = Received::More;
    for message in messages {
        assert!(matches!(last, Received::More), "nothing behind the end");
        last = incoming.handle_input(message)?;
    }
    Ok(last)
}

#[test]
fn a_whole_zone_arrives_as_it_left_with_its_case() {
    let zone = zone(7, 3_000);
    let messages = messages(&zone, &Journal::new(), None);
    assert!(messages.len() > 3 && messages.iter().all(|message| message.len() <= 17_000));
    let Received::Zone(arrived, changes) = receive(None, &messages).unwrap() else { panic!("no zone") };
    assert_eq!((lines(&arrived), changes.len()), (lines(&zone), 0));
    assert!(lines(&arrived).iter().any(|line| line.starts_with("Host17.")), "RFC 5936 §3.4");
    // Cut midway there is no zone, only the wish for more.
    for count in 1..messages.len() {
        assert!(matches!(receive(None, &messages[..count]), Ok(Received::More)), "hostile 098");
    }
}

#[test]
fn signed_zones_arrive_with_signatures_and_denial() {
    let key = Arc::new(SigningKey::generate(Algorithm::Ed25519, Role::Combined, &mut SeededEntropy::new(1)));
    let wall = WallTime::from_seconds(1_700_000_000);
    for denial in [Denial::Nsec, Denial::Nsec3 { iterations: 0, salt: vec![], opt_out: false }] {
        let signing = Signing { denial, ..Signing::new(vec![key.clone()]) };
        let first = sign_zone(&zone(1, 200), None, &signing, 1, wall).unwrap();
        let Received::Zone(arrived, _) = receive(None, &messages(&first, &Journal::new(), None)).unwrap() else {
            panic!("no zone")
        };
        assert_eq!(lines(&arrived), lines(&first));
        // And the next version as differences.
        let second = sign_zone(&zone(2, 205), Some(&first), &signing, 2, wall).unwrap();
        let mut journal = Journal::new();
        journal.push(Arc::new(first.difference(&second)));
        let messages = messages(&second, &journal, Some(1));
        assert_eq!(messages.len(), 1);
        let Received::Zone(updated, changes) = receive(Some(arrived), &messages).unwrap() else { panic!("no zone") };
        assert_eq!((lines(&updated), changes.len()), (lines(&second), 1));
        assert_eq!((updated.has_nsec(), updated.nsec3().is_some()), (second.has_nsec(), second.nsec3().is_some()));
    }
}

/// Versions 1 to `count`, each with one host more and one less, and the journal between them.
fn history(count: u32) -> (Vec<Zone>, Journal) {
    let (mut zones, mut journal) = (vec![zone(1, 20)], Journal::new());
    for version in 2..=count {
        let mut edit = ZoneEdit::new(zones.last().unwrap());
        let gone = record(&format!("host{}.example. A 10.0.0.{}", version - 2, version - 2));
        assert!(edit.remove(gone.name.borrowed(), &gone.data));
        let new = record(&format!("new{version}.example. A 10.9.0.{version}"));
        edit.add(new.name.borrowed(), 60, &new.data).unwrap();
        crate::machine::update::bump_serial(&mut edit, name("example.").borrowed());
        let (zone, change) = edit.finish().unwrap();
        journal.push(Arc::new(change));
        zones.push(zone);
    }
    (zones, journal)
}

#[test]
fn differences_lead_from_any_remembered_version_to_the_newest() {
    let (zones, journal) = history(6);
    let newest = zones.last().unwrap();
    for (index, base) in zones.iter().enumerate() {
        let messages = messages(newest, &journal, Some(base.serial()));
        match receive(Some(base.clone()), &messages).unwrap() {
            Received::Zone(arrived, changes) => {
                assert_eq!((lines(&arrived), changes.len()), (lines(newest), 5 - index));
            }
            Received::Current => assert_eq!(index, 5),
            Received::More => panic!("not ended"),
        }
    }
    // Serials we do not remember get the whole zone, newer ones only the SOA.
    let whole = messages(newest, &journal, Some(4_000_000_000));
    assert!(matches!(receive(Some(zone(0, 0)), &whole), Ok(Received::Zone(..))), "an older serial, by RFC 1982");
    assert_eq!(Message::decode(&messages(newest, &journal, Some(7))[0]).unwrap().answers().count(), 1);
}

#[test]
fn the_journal_survives_tearing_and_forgets_what_does_not_join() {
    let (_, journal) = history(5);
    let changes = journal.since(1).unwrap();
    let frames: Vec<Vec<u8>> = changes.iter().map(|change| encode_change(change)).collect();
    let bytes = frames.concat();
    for cut in 0..=bytes.len() {
        let (read, whole) = decode_changes(&bytes[..cut]);
        let expected = (0..=4).rev().find(|count| frames[..*count].concat().len() <= cut).unwrap();
        assert_eq!((read.len(), whole), (expected, frames[..expected].concat().len()), "hostile 099: cut at {cut}");
        assert!(read.iter().zip(&changes).all(|(read, change)| *read == **change));
    }
    let mut flipped = bytes.clone();
    flipped[frames[0].len() + 30] ^= 1;
    assert_eq!(decode_changes(&flipped).0.len(), 1);
    let mut gapped = Journal::new();
    gapped.push(changes[0].clone());
    gapped.push(changes[2].clone());
    assert!(gapped.since(1).is_none() && gapped.since(3).is_some());
    let mut long = Journal::new();
    let (_, many) = history(19);
    for _ in 0..10 {
        many.since(1).unwrap().into_iter().for_each(|change| long.push(change));
    }
    assert!(long.since(1).is_some());
}

/// A message with these records in the answer section.
fn answer(records: &[Record]) -> Vec<u8> {
    let (mut buffer, mut compressor) = (vec![0; 4096], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.set_head(9, Flags::RESPONSE);
    composer.question(name("example.").borrowed(), RecordType::AXFR, Class::IN).unwrap();
    records.iter().for_each(|record| composer.push(Section::Answer, record).unwrap());
    let length = composer.finish();
    buffer.truncate(length);
    buffer
}

#[test]
fn hostile_098_what_a_bad_primary_may_send() {
    let soa = |serial: u32| record(&format!("example. SOA ns.example. root.example. {serial} 100 10 1000 5"));
    let (ns, a) = (record("example. NS ns.example."), record("host0.example. A 10.0.0.0"));
    let foreign = record("host.test. A 192.0.2.1");
    let chaos = Record { class: Class::CH, ..a.clone() };
    let meta = Record::new(
        name("example."),
        0,
        RecordData::from_wire(RecordType(250), *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap(),
    );
    let base = || Some(zone(5, 1));
    for (case, base, records, expected) in [
        ("no SOA first", None, vec![ns.clone(), soa(7)], TransferError::NoSoa),
        ("first and last SOA differ", None, vec![soa(7), ns.clone(), soa(8)], TransferError::SoaDiffers),
        ("unsolicited records", None, vec![soa(7), foreign.clone()], TransferError::Foreign(foreign.name.clone())),
        ("another class", None, vec![soa(7), chaos.clone()], TransferError::Foreign(chaos.name.clone())),
        ("TSIG in the zone", None, vec![soa(7), meta.clone()], TransferError::Foreign(meta.name.clone())),
        ("more behind the end", None, vec![soa(7), ns.clone(), soa(7), a.clone()], TransferError::Trailing),
        ("older serial", base(), vec![soa(4)], TransferError::Older(4)),
        ("older serial, wrapped", base(), vec![soa(4_000_000_000)], TransferError::Older(4_000_000_000)),
        ("differences from elsewhere", base(), vec![soa(9), soa(7), soa(9)], TransferError::Gap),
        ("a gap between differences", base(), vec![soa(9), soa(5), soa(6), soa(8), soa(9), soa(9)], TransferError::Gap),
        (
            "deleting what is not there",
            base(),
            vec![soa(6), soa(5), record("x.example. A 1.2.3.4"), soa(6), soa(6)],
            TransferError::Mismatch(name("x.example.")),
        ),
        (
            "adding what is there",
            base(),
            vec![soa(6), soa(5), soa(6), a.clone(), soa(6)],
            TransferError::Mismatch(a.name.clone()),
        ),
        ("nothing at all", None, vec![], TransferError::NoSoa),
    ] {
        assert_eq!(receive(base, &[answer(&records)]).err(), Some(expected), "{case}");
    }
    assert!(matches!(receive(base(), &[answer(&[soa(5)])]), Ok(Received::Current)), "equal serial");
    assert!(matches!(receive(None, &[answer(&[soa(5), soa(5)])]), Ok(Received::Zone(..))), "only a SOA");
    let wrapped = zone(u32::MAX, 1);
    let differences = [soa(1), soa(u32::MAX), soa(1), record("x.example. A 1.2.3.4"), soa(1)];
    assert!(matches!(receive(Some(wrapped), &[answer(&differences)]), Ok(Received::Zone(..))), "the serial wraps");
    let mut other_id = answer(&[soa(5)]);
    other_id[1] = 8;
    assert_eq!(receive(None, &[other_id]).err(), Some(TransferError::Unrelated));
    let mut refused = answer(&[]);
    refused[3] = 5;
    assert_eq!(receive(None, &[refused]).err(), Some(TransferError::Refused(Rcode::REFUSED)));
    assert!(receive(None, &[vec![0; 5]]).is_err());
}

#[test]
fn a_query_for_differences_carries_our_soa() {
    let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
    let length =
        Incoming::new(name("example."), Some(zone(5, 1)), 9).compose_query(&mut buffer, &mut compressor).unwrap();
    let message = Message::decode(&buffer[..length]).unwrap();
    assert_eq!(message.question().unwrap().record_type, RecordType::IXFR);
    let soa = message.authority().next().unwrap().data().unwrap();
    assert_eq!(Soa::decode(soa.wire()).unwrap().serial, 5);
    assert!(Change::default().is_empty());
}

#[test]
fn hostile_098_a_secondary_checks_retries_expires_and_weathers_a_storm() {
    let zone = zone(5, 0);
    let soa = zone.soa_data().unwrap();
    let at = |seconds: u64| Instant::ZERO + Duration::from_secs(seconds);
    let mut timers = Refresh::new(Some(&soa), at(0));
    assert_eq!((timers.poll_action(at(0)), timers.poll_action(at(0))), (Some(Action::CheckSoa), None));
    timers.soa_seen(5, at(0));
    assert_eq!((timers.poll_action(at(99)), timers.poll_timeout()), (None, Some(at(100))), "refresh");
    // A thousand NOTIFYs are one check; those that hint at what we have are none.
    for _ in 0..1_000 {
        timers.notified(Some(5));
    }
    assert_eq!(timers.poll_action(at(50)), None);
    for _ in 0..1_000 {
        timers.notified(Some(6));
    }
    assert_eq!((timers.poll_action(at(50)), timers.poll_action(at(50))), (Some(Action::CheckSoa), None));
    timers.notified(None);
    timers.soa_seen(6, at(50));
    assert_eq!(timers.poll_action(at(50)), Some(Action::Transfer { differences: true }));
    timers.failed(true, at(50));
    assert_eq!(timers.poll_action(at(51)), Some(Action::CheckSoa));
    timers.soa_seen(6, at(51));
    assert_eq!(timers.poll_action(at(51)), Some(Action::Transfer { differences: false }), "differences were no good");
    // The primary dies: retries every 10 s until the zone is 1,000 s old.
    timers.failed(false, at(51));
    let mut checks = 0;
    loop {
        let due = timers.poll_timeout().unwrap();
        match timers.poll_action(due) {
            Some(Action::CheckSoa) => {
                checks += 1;
                timers.failed(false, due);
            }
            Some(Action::Expire) => {
                assert_eq!(due, at(1_000));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(checks, 94);
    // It comes back.
    let due = timers.poll_timeout().unwrap();
    assert_eq!(timers.poll_action(due), Some(Action::CheckSoa));
    timers.soa_seen(7, due);
    assert!(matches!(timers.poll_action(due), Some(Action::Transfer { .. })));
    timers.transferred(&Soa { serial: 7, ..soa }, due);
    assert_eq!(timers.poll_timeout(), Some(due + Duration::from_secs(100)));
}
