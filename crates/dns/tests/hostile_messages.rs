//! Messages nobody should send: each is read to a value or a reason, within bounded work.

use edgeway_base::{Entropy, SeededEntropy};
use edgeway_dns::error::WireError;
use edgeway_dns::wire::{Class, Message, Record, RecordType};

/// A header with these counts, then `body`.
fn message(counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0];
    counts.iter().for_each(|count| bytes.extend(count.to_be_bytes()));
    bytes.extend(body);
    bytes
}

const QUESTION: &[u8] = b"\x03www\x07example\0\0\x01\0\x01";

#[test]
fn hostile_004_to_008_counts_and_garbage() {
    assert!(Message::decode(&message([0; 4], b"")).unwrap().question().is_none(), "004: no question");
    let two = message([2, 0, 0, 0], &[QUESTION, QUESTION].concat());
    let two = Message::decode(&two).unwrap();
    assert_eq!((two.question().is_none(), two.questions().count()), (true, 2), "005: two questions are none");
    for counts in [[2, 0, 0, 0], [65_535, 0, 0, 0], [1, 65_535, 65_535, 65_535], [1, 0, 0, 1]] {
        let bytes = message(counts, QUESTION);
        assert_eq!(Message::decode(&bytes).err(), Some(WireError::Truncated), "007: {counts:?}");
    }
    let trailing = message([1, 0, 0, 0], &[QUESTION, b"garbage"].concat());
    assert_eq!(Message::decode(&trailing).unwrap().trailing(), 7, "008");
}

#[test]
fn hostile_018_cut_anywhere() {
    let body = [QUESTION, b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"].concat();
    let whole = message([1, 1, 0, 0], &body);
    assert!(Message::decode(&whole).is_ok());
    for length in 0..whole.len() {
        assert_eq!(Message::decode(&whole[..length]).err(), Some(WireError::Truncated), "cut at {length}");
    }
}

#[test]
fn hostile_023_to_026_strange_questions_are_read_as_they_are() {
    for (case, name, shown) in [
        ("025 a NUL", &b"\x02a\0\0"[..], "a\\000."),
        ("025 a dot", b"\x03a.b\0", "a\\.b."),
        ("025 eight bits", b"\x02\xff\x80\0", "\\255\\128."),
        ("025 upper case", b"\x03AbC\0", "AbC."),
        ("026 the root", b"\0", "."),
    ] {
        let bytes = message([1, 0, 0, 0], &[name, &[0, 255, 0, 3]].concat());
        let question = Message::decode(&bytes).unwrap().question().unwrap().to_question();
        assert_eq!((question.name.to_string().as_str(), question.class), (shown, Class::CH), "{case}");
        assert_eq!(question.name.wire(), name, "{case}");
        assert_eq!(question.record_type, RecordType::ANY);
    }
}

#[test]
fn hostile_068_a_ttl_with_the_highest_bit_is_zero() {
    let bytes = message([0, 1, 0, 0], b"\0\0\x01\0\x01\x80\0\0\0\0\x04\xc0\0\x02\x01");
    assert_eq!(Message::decode(&bytes).unwrap().answers().next().unwrap().ttl(), 0);
}

#[test]
fn hostile_103_random_and_flipped_messages_never_panic() {
    let mut entropy = SeededEntropy::new(103);
    let body = [
        QUESTION,
        b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03foo\xc0\x10",
        b"\xc0\x29\0\x0f\0\x01\0\0\0\x3c\0\x06\0\x0a\x01m\xc0\x0c",
        b"\xc0\x0c\0\x2f\0\x01\0\0\0\x3c\0\x0b\x03foo\0\0\x04\x40\0\0\x03",
        b"\0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08\x01\x02\x03\x04\x05\x06\x07\x08",
    ]
    .concat();
    let whole = message([1, 3, 0, 1], &body);
    assert!(Message::decode(&whole).is_ok());
    let mut read = 0;
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=entropy.below(6) {
            let at = entropy.below(bytes.len() as u32) as usize;
            bytes[at] = entropy.next_u16() as u8;
        }
        bytes.truncate(entropy.below(bytes.len() as u32 * 2) as usize);
        let Ok(message) = Message::decode(&bytes) else { continue };
        for record in message.answers().chain(message.authority()).chain(message.additional()) {
            let Ok(record) = record.to_record() else { continue };
            // What can be read can be shown, and read again from what was shown.
            let shown = record.data.to_string();
            let again = edgeway_dns::wire::RecordData::from_text(
                record.record_type(),
                &shown,
                edgeway_dns::wire::NameRef::ROOT,
            );
            if fits_text(&record) {
                assert_eq!(again.as_ref(), Ok(&record.data), "{record}");
            }
            read += 1;
        }
    }
    assert!(read > 1_000, "{read}");
}

/// Bitmaps with trailing zeros are read but written shorter; empty windows likewise; an empty record
/// of class ANY or NONE has no text; LOC is rounded.
fn fits_text(record: &Record) -> bool {
    !record.data.wire().is_empty()
        && !matches!(
            record.record_type(),
            RecordType::NSEC | RecordType::NSEC3 | RecordType::CSYNC | RecordType::LOC | RecordType::APL
        )
}
