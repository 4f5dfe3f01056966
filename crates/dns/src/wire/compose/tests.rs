//! Composing and reading back: round trips, compression, limits, linear work.

use super::*;
use crate::wire::Message;
use crate::wire::edns::{ExtendedError, OptionCode};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn data(record_type: RecordType, text: &str) -> RecordData {
    RecordData::from_text(record_type, text, NameRef::ROOT).unwrap()
}

#[test]
fn what_is_written_is_read_back_and_names_are_shared() {
    let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    let flags = Flags::RESPONSE | Flags::AUTHORITATIVE;
    composer.set_head(77, flags);
    composer.question(name("WWW.example.com.").borrowed(), RecordType::MX, Class::IN).unwrap();
    let mx = data(RecordType::MX, "10 mail.EXAMPLE.com.");
    composer.push_data(Section::Answer, &name("www.example.com."), 300, &mx).unwrap();
    composer
        .push_data(Section::Authority, &name("example.com."), 60, &data(RecordType::NS, "mail.example.com."))
        .unwrap();
    composer.push_data(Section::Additional, &name("mail.example.com."), 9, &data(RecordType::A, "192.0.2.1")).unwrap();
    composer
        .push_data(Section::Additional, &name("x.mail.example.com."), 9, &data(RecordType::SRV, "1 2 3 example.com."))
        .unwrap();
    composer
        .opt(1232, Rcode::BADCOOKIE, true, |options| options.extended_error(ExtendedError::PROHIBITED, "no"))
        .unwrap();
    let length = composer.finish();
    // 12 header, 21 question, 12+2+7 MX, 2+10+2 NS, 2+10+4 A, 4+10+(6+13) SRV, 11+8 OPT
    assert_eq!(length, 12 + 21 + 21 + 14 + 16 + 33 + 19);
    let message = Message::decode(&buffer[..length]).unwrap();
    assert_eq!(message.header(), Header { id: 77, flags: flags.with_rcode(Rcode(7)), counts: [1, 1, 1, 3] });
    assert_eq!((message.rcode(), message.trailing()), (Rcode::BADCOOKIE, 0));
    assert_eq!(message.question().unwrap().name.to_string(), "WWW.example.com.");
    let shown: Vec<String> = (message.answers().chain(message.authority()).chain(message.additional()))
        .filter(|record| record.record_type() != RecordType::OPT)
        .map(|record| record.to_record().unwrap().to_string())
        .collect();
    assert_eq!(
        shown,
        [
            "WWW.example.com.\t300\tIN\tMX\t10 mail.example.com.",
            "example.com.\t60\tIN\tNS\tmail.example.com.",
            "mail.example.com.\t9\tIN\tA\t192.0.2.1",
            "x.mail.example.com.\t9\tIN\tSRV\t1 2 3 example.com.",
        ]
    );
    let edns = message.edns().unwrap();
    assert!(edns.dnssec_ok());
    assert_eq!(edns.extended_errors().collect::<Vec<_>>(), [(ExtendedError::PROHIBITED, "no")]);
}

#[test]
fn hostile_020_compressed_names_in_srv_are_read_and_never_written() {
    let mut bytes = vec![0, 0, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    bytes.extend(b"\x03foo\0\0\x21\0\x01");
    bytes.extend(b"\xc0\x0c\0\x21\0\x01\0\0\0\0\0\x08\0\x01\0\x02\0\x03\xc0\x0c");
    let message = Message::decode(&bytes).unwrap();
    let record = message.answers().next().unwrap().to_record().unwrap();
    assert_eq!(record.data.to_string(), "1 2 3 foo.");
    let (mut buffer, mut compressor) = ([0; 128], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.push(Section::Answer, &record).unwrap();
    let length = composer.finish();
    assert!(buffer[..length].ends_with(b"\0\x01\0\x02\0\x03\x03foo\0"));
    // The same pointer inside a type of which we know nothing is just bytes; inside SVCB it is wrong.
    for (record_type, fine) in [(0xfe00_u16, true), (64, false)] {
        let at = bytes.len() - 18;
        bytes[at..at + 2].copy_from_slice(&record_type.to_be_bytes());
        let message = Message::decode(&bytes).unwrap();
        assert_eq!(message.answers().next().unwrap().data().is_ok(), fine, "{record_type}");
    }
}

#[test]
fn what_does_not_fit_leaves_no_trace() {
    let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.set_limit(60);
    composer.push_data(Section::Answer, &name("a.example."), 1, &data(RecordType::A, "192.0.2.1")).unwrap();
    let before = (composer.length(), composer.header());
    let long = data(RecordType::TXT, &"x".repeat(40));
    assert_eq!(composer.push_data(Section::Answer, &name("new.name."), 1, &long), Err(WireError::NoRoom));
    assert_eq!((composer.length(), composer.header()), before);
    // "new.name." was taken back out of the table too: it is written in full, then pointed at.
    composer.set_limit(200);
    let at = composer.length();
    composer.push_data(Section::Answer, &name("new.name."), 1, &data(RecordType::A, "192.0.2.2")).unwrap();
    assert_eq!(&composer.written()[at..at + 10], b"\x03new\x04name\0");
    composer.push_data(Section::Answer, &name("new.name."), 1, &data(RecordType::A, "192.0.2.3")).unwrap();
    let length = composer.finish();
    assert_eq!(Message::decode(&buffer[..length]).unwrap().answers().nth(2).unwrap().owner().to_string(), "new.name.");
}

#[test]
fn case_is_kept_when_asked() {
    for (rule, expected) in [(CaseRule::Ignore, "EXAMPLE."), (CaseRule::Keep, "example.")] {
        let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
        let mut composer = Composer::with_case(&mut buffer, &mut compressor, rule).unwrap();
        composer.push_data(Section::Answer, &name("EXAMPLE."), 1, &data(RecordType::A, "192.0.2.1")).unwrap();
        composer.push_data(Section::Answer, &name("example."), 1, &data(RecordType::A, "192.0.2.1")).unwrap();
        let length = composer.finish();
        let message = Message::decode(&buffer[..length]).unwrap();
        assert_eq!(message.answers().nth(1).unwrap().owner().to_string(), expected);
    }
}

#[test]
fn a_compressor_serves_many_messages() {
    let mut compressor = Compressor::new();
    let mut buffer = [0; 128];
    // More than 65,536 messages, so that the generation wraps.
    for round in 0..70_000_u32 {
        let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
        composer.question(name("a.b.").borrowed(), RecordType::A, Class::IN).unwrap();
        composer.push_data(Section::Answer, &name("b."), round, &data(RecordType::A, "192.0.2.1")).unwrap();
        assert_eq!(composer.finish(), 12 + 9 + 16, "round {round}");
    }
}

#[test]
fn hostile_022_composing_64_kilobytes_of_suffixes_is_linear() {
    // Every name is new and shares long runs with the others: a table that compared each with all would
    // take minutes here.
    let (mut buffer, mut compressor) = (vec![0; MESSAGE_BYTES_MAX], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    let address = data(RecordType::A, "192.0.2.1");
    let mut written = 0;
    for index in 0..u32::MAX {
        let owner = name(
            &format!("{:b}.{index}.a.a.a.a.a.a.a.a.a.a.a.a", index)
                .replace('1', "x.")
                .replace('0', "y.")
                .replace("..", "."),
        );
        if composer.push_data(Section::Answer, &owner, 1, &address).is_err() {
            break;
        }
        written += 1;
    }
    let length = composer.finish();
    let message = Message::decode(&buffer[..length]).unwrap();
    assert_eq!(message.answers().count(), written);
    assert!(written > 1_000, "{written}");
}

#[test]
fn hostile_021_a_message_of_many_distinct_names_is_read_in_one_pass() {
    let (mut buffer, mut compressor) = (vec![0; MESSAGE_BYTES_MAX], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    let mut count = 0;
    while composer
        .record(Section::Answer, name(&format!("n{count}.")).borrowed(), (RecordType::NULL, Class::IN, 0), &[])
        .is_ok()
    {
        count += 1;
    }
    let length = composer.finish();
    assert_eq!(Message::decode(&buffer[..length]).unwrap().answers().count(), count);
}

#[test]
fn padding_fills_a_block_and_stops_at_the_limit() {
    for (limit, expected) in [(512, 128), (100, 100), (16 + 27, 43), (40, 40)] {
        let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
        let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
        composer.question(name("example.").borrowed(), RecordType::A, Class::IN).unwrap();
        composer.set_limit(limit);
        composer.opt(1232, Rcode::NOERROR, false, |options| options.pad_to_block(128)).unwrap();
        let length = composer.finish();
        // 12 + 13 + 11 are needed at least; padding itself takes four more.
        assert_eq!(length, if limit < 40 { 36 } else { expected }, "{limit}");
        let message = Message::decode(&buffer[..length]).unwrap();
        assert_eq!(message.edns().unwrap().option(OptionCode::PADDING).is_some(), limit >= 40);
    }
}
