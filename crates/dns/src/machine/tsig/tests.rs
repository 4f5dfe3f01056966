//! Transaction signatures: both sides against each other, and what must not be accepted.

use super::*;
use crate::wire::presentation::hex_decode;
use crate::wire::{Composer, Compressor, Flags};

const NOW: WallTime = WallTime::from_seconds(1_700_000_000);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn key(algorithm: Algorithm) -> Arc<Key> {
    Arc::new(Key { name: name("transfer.key."), algorithm, secret: b"0123456789abcdef0123456789abcdef".to_vec() })
}

/// A query in a buffer with room behind it.
fn query() -> (Vec<u8>, usize) {
    let (mut buffer, mut compressor) = (vec![0; 1024], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.set_head(0x1234, Flags::default());
    composer.question(name("example.").borrowed(), RecordType::AXFR, Class::IN).unwrap();
    let length = composer.finish();
    (buffer, length)
}

#[test]
fn an_exchange_of_many_messages_verifies_message_by_message() {
    for (algorithm, ..) in Algorithm::ALL {
        let key = key(algorithm);
        let keys = Keys::new([key.clone()]);
        let (mut buffer, length) = query();
        let (mut client, length) = Session::sign_request(key, &mut buffer, length, NOW).unwrap();
        let mut server = verify_request(&buffer[..length], &keys, NOW).unwrap().unwrap();
        assert_eq!(server.key_name(), &name("TRANSFER.key."));
        for message in 0..4 {
            let (mut reply, length) = query();
            let room = length + server.signature_bytes();
            let length = server.sign_reply(&mut reply[..room], length, NOW).unwrap();
            assert_eq!(client.verify_reply(&reply[..length], NOW), Ok(()), "{algorithm:?} {message}");
        }
        // A message left out breaks the chain.
        let (mut lost, length) = query();
        server.sign_reply(&mut lost, length, NOW).unwrap();
        let (mut next, length) = query();
        let length = server.sign_reply(&mut next, length, NOW).unwrap();
        assert!(matches!(
            client.verify_reply(&next[..length], NOW),
            Err(Refusal::Unsigned { error: Rcode::BADSIG, .. })
        ));
    }
}

#[test]
fn hostile_033_signatures_that_are_not_accepted() {
    let (key, other) =
        (key(Algorithm::HmacSha256), Key { name: name("other."), ..(*key(Algorithm::HmacSha256)).clone() });
    let keys = Keys::new([key.clone()]);
    let (bare, bare_length) = query();
    assert_eq!(verify_request(&bare[..bare_length], &keys, NOW), Ok(None));
    let signed = |key: Arc<Key>, wall| {
        let (mut buffer, length) = query();
        let (_, length) = Session::sign_request(key, &mut buffer, length, wall).unwrap();
        buffer.truncate(length);
        buffer
    };
    let error_of = |message: &[u8]| match verify_request(message, &keys, NOW) {
        Err(Refusal::Unsigned { error, record }) => {
            // The answer names the error and has no MAC.
            let (mut reply, length) = query();
            let length = append_unsigned(&record, &mut reply, length).unwrap();
            let reply = Message::decode(&reply[..length]).unwrap();
            let data = reply.additional().next().unwrap().data().unwrap();
            let read = Record::read(0, Name::root(), data.wire()).unwrap();
            assert_eq!((read.error, read.mac.len()), (error.0, 0));
            Some(error)
        }
        Err(Refusal::Malformed) => Some(Rcode::FORMERR),
        Err(Refusal::Time(_)) => Some(Rcode::BADTIME),
        Ok(_) => None,
    };
    let good = signed(key.clone(), NOW);
    assert_eq!(error_of(&good), None);
    assert_eq!(error_of(&signed(other.into(), NOW)), Some(Rcode::BADKEY));
    let wrong_algorithm = Key { algorithm: Algorithm::HmacSha512, ..(*key).clone() };
    assert_eq!(error_of(&signed(wrong_algorithm.into(), NOW)), Some(Rcode::BADKEY));
    let wrong_secret = Key { secret: vec![7; 32], ..(*key).clone() };
    assert_eq!(error_of(&signed(wrong_secret.into(), NOW)), Some(Rcode::BADSIG));
    for at in [0, 14, good.len() - 20] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        // The identity may be changed by a forwarder (RFC 8945 §4.2), nothing else.
        assert_eq!(error_of(&changed), if at == 0 { None } else { Some(Rcode::BADSIG) }, "{at}");
    }
    let doubled = {
        let tsig = good[bare_length..].to_vec();
        let mut doubled = [good.as_slice(), &tsig].concat();
        doubled[11] = 2;
        doubled
    };
    assert_eq!(error_of(&doubled), Some(Rcode::FORMERR), "two");
    let not_last = {
        let mut message = [good.as_slice(), b"\0\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04"].concat();
        message[11] = 2;
        message
    };
    assert_eq!(error_of(&not_last), Some(Rcode::FORMERR), "not the last");
    // A MAC cut to sixteen bytes: the end of the record is MAC, id, error, other length.
    let cut = |keep: usize| {
        let mac_at = good.len() - 6 - 32;
        let mut message = [&good[..mac_at + keep], &good[good.len() - 6..]].concat();
        message[mac_at - 2..mac_at].copy_from_slice(&(keep as u16).to_be_bytes());
        let length_at = bare_length + name("transfer.key.").wire().len() + 8;
        let length = message.len() - length_at - 2;
        message[length_at..length_at + 2].copy_from_slice(&(length as u16).to_be_bytes());
        message
    };
    assert_eq!(error_of(&cut(32)), None);
    assert_eq!(error_of(&cut(16)), Some(Rcode::BADTRUNC));
    assert_eq!(error_of(&cut(9)), Some(Rcode::BADSIG));
    assert_eq!(error_of(&cut(0)), Some(Rcode::BADSIG));
}

#[test]
fn hostile_033_clocks_that_differ_are_told_so_in_a_signed_answer() {
    let key = key(Algorithm::HmacSha256);
    let keys = Keys::new([key.clone()]);
    for (offset, fine) in [(300, true), (301, false)] {
        let (mut buffer, length) = query();
        let (mut client, length) = Session::sign_request(key.clone(), &mut buffer, length, NOW).unwrap();
        let server_time = NOW.later(std::time::Duration::from_secs(offset));
        let result = verify_request(&buffer[..length], &keys, server_time);
        assert_eq!(result.is_ok(), fine, "{offset}");
        let Err(Refusal::Time(mut session)) = result else { continue };
        let (mut reply, length) = query();
        let length = session.sign_reply(&mut reply, length, server_time).unwrap();
        let decoded = Message::decode(&reply[..length]).unwrap();
        let data = decoded.additional().next().unwrap().data().unwrap();
        let record = Record::read(0, Name::root(), data.wire()).unwrap();
        assert_eq!((record.error, record.time), (Rcode::BADTIME.0, NOW.seconds()));
        assert_eq!(record.other, &server_time.seconds().to_be_bytes()[2..]);
        assert!(matches!(client.verify_reply(&reply[..length], NOW), Err(Refusal::Time(_))), "signed, so believed");
    }
}

#[test]
fn a_signature_made_by_dnspython_verifies() {
    let message = VECTOR.replace(char::is_whitespace, "");
    let message = hex_decode(message.as_bytes()).unwrap();
    let keys = Keys::new([key(Algorithm::HmacSha256)]);
    assert!(verify_request(&message, &keys, NOW).unwrap().is_some());
}

/// `dns.message.make_query("example.", "AXFR", id=0x1234, flags=0)` with `transfer.key.` at 1,700,000,000.
const VECTOR: &str = "\
    123400000001000000000001076578616d706c650000fc0001087472616e73666572036b65790000fa00ff00000000003d0b \
    686d61632d7368613235360000006553f100012c002095a46410e801d631629292a509cd71734d09a666bcaf37cd4e612370 \
    0133dc9f123400000000";
