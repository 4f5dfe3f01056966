//! The name service over real sockets of loopback would prove the drivers; here it is asked directly: who gets what, and what
//! is counted.

use std::sync::Arc;

use edgeway_dns::machine::authority::{Catalog, Served};
use edgeway_dns::machine::tsig::{Algorithm, Key, Keys, Session};
use edgeway_dns::wire::{Class, Composer, Compressor, Message, Name, RecordType};
use edgeway_dns::zone::{Zone, ZoneBuilder, ZoneText, read_zone};
use edgeway_net::os::Kernel;

use super::*;
use crate::plan::Plan;
use crate::stages::record::Recorder;
use crate::stages::record::queries::COUNTED;

const TEXT: &str = "$TTL 300\n@ SOA ns root 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\nwww CNAME ns\n";

fn zone(text: &str) -> Zone {
    let apex: Name = "example.".parse().unwrap();
    let mut builder = ZoneBuilder::new(apex.clone());
    let text = ZoneText { file: "zone", text: text.as_bytes(), origin: apex.borrowed(), default_ttl: None };
    let mut none = |_: &str, _: &str| Err("no files".to_owned());
    let errors = read_zone(&text, &mut none, &mut |line| {
        builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
    });
    assert!(errors.is_empty(), "{errors:?}");
    builder.build().unwrap()
}

fn key() -> Arc<Key> {
    let name = "key.example.".parse().unwrap();
    Arc::new(Key { name, algorithm: Algorithm::from_text("hmac-sha256").unwrap(), secret: vec![7; 32] })
}

fn zones(text: &str) -> Arc<Zones> {
    let rule =
        TransferRule { networks: vec!["192.0.2.0/24".parse().unwrap()], keys: vec!["key.example.".parse().unwrap()] };
    Arc::new(Zones {
        catalog: Arc::new(Catalog::new([Arc::new(Served::new(zone(text)))])),
        keys: Keys::new([key()]),
        transfers: [("example.".parse().unwrap(), rule)].into(),
        ..Zones::default()
    })
}

fn service() -> Rc<Names> {
    let edge = Edge::new(Rc::new(Kernel::new()), Plan::default(), Recorder::new(Arc::default(), None), "test");
    Names::new(edge, zones(TEXT))
}

fn query(name: &str, record_type: RecordType) -> Vec<u8> {
    let mut buffer = vec![0; 512];
    let mut compressor = Compressor::new();
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.header_mut().id = 7;
    composer.question(name.parse::<Name>().unwrap().borrowed(), record_type, Class::IN).unwrap();
    let length = composer.finish();
    buffer.truncate(length);
    buffer
}

const FRIEND: [u8; 4] = [192, 0, 2, 53];
const STRANGER: [u8; 4] = [198, 51, 100, 1];

/// Rcode, answers of all messages, and how many messages.
fn ask(names: &Names, message: &[u8], from: [u8; 4], carrier: Carrier) -> Option<(Rcode, u32, u32)> {
    let mut buffer = vec![0; 65_535];
    let read = |buffer: &[u8]| {
        let answer = Message::decode(buffer).unwrap();
        (answer.rcode(), u32::from(answer.header().counts[1]))
    };
    match names.answer(message, from.into(), carrier, &mut buffer) {
        Reply::Silence => None,
        Reply::One(length) => {
            let (rcode, answers) = read(&buffer[..length]);
            Some((rcode, answers, 1))
        }
        Reply::Many(mut replies) => {
            let (mut answers, mut messages) = (0, 0);
            while let Some(length) = replies.next(&mut buffer) {
                answers += read(&buffer[..length]).1;
                messages += 1;
            }
            Some((Rcode::NOERROR, answers, messages))
        }
    }
}

#[test]
fn answers_by_name_and_asker() {
    let names = service();
    let axfr = query("example.", RecordType::AXFR);
    for (message, from, carrier, expected) in [
        (query("www.example.", RecordType::A), STRANGER, Carrier::Udp, Some((Rcode::NOERROR, 2, 1))),
        (query("none.example.", RecordType::A), STRANGER, Carrier::Udp, Some((Rcode::NXDOMAIN, 0, 1))),
        (query("other.test.", RecordType::A), STRANGER, Carrier::Tls, Some((Rcode::REFUSED, 0, 1))),
        (axfr.clone(), STRANGER, Carrier::Tcp, Some((Rcode::REFUSED, 0, 1))),
        (axfr.clone(), FRIEND, Carrier::Udp, Some((Rcode::REFUSED, 0, 1))),
        // SOA, NS, A, CNAME, SOA.
        (axfr.clone(), FRIEND, Carrier::Tcp, Some((Rcode::NOERROR, 5, 1))),
        // An answer is never answered.
        ([&[0, 1, 0x80], &axfr[3..]].concat(), FRIEND, Carrier::Udp, None),
    ] {
        assert_eq!(ask(&names, &message, from, carrier), expected, "{message:?} {carrier:?}");
    }
    let recorder = names.edge.recorder();
    let dns = &recorder.metrics().dns;
    let by_rcode: Vec<u64> = dns.by_rcode.iter().map(|counter| counter.get()).collect();
    assert_eq!(by_rcode, [2, 0, 0, 1, 0, 3, 0, 0, 0, 0], "{COUNTED:?}");
    assert_eq!((dns.ignored.get(), dns.transfers.get()), (1, 1));
}

#[test]
fn a_key_opens_a_transfer_and_a_wrong_one_is_told() {
    let names = service();
    let sign = |key: Arc<Key>| {
        let mut message = query("example.", RecordType::AXFR);
        let length = message.len();
        message.resize(512, 0);
        let wall = names.edge.outside.wall();
        let (_, length) = Session::sign_request(key, &mut message, length, wall).unwrap();
        message.truncate(length);
        message
    };
    assert_eq!(ask(&names, &sign(key()), STRANGER, Carrier::Tcp), Some((Rcode::NOERROR, 5, 1)));
    let wrong = Arc::new(Key { secret: vec![8; 32], ..Key::clone(&key()) });
    assert_eq!(ask(&names, &sign(wrong), FRIEND, Carrier::Tcp), Some((Rcode::NOTAUTH, 0, 1)));
    let unknown = Arc::new(Key { name: "other.example.".parse().unwrap(), ..Key::clone(&key()) });
    assert_eq!(ask(&names, &sign(unknown), FRIEND, Carrier::Tcp), Some((Rcode::NOTAUTH, 0, 1)));
}

#[test]
fn zones_are_swapped_whole() {
    let names = service();
    let new = query("new.example.", RecordType::A);
    assert_eq!(ask(&names, &new, STRANGER, Carrier::Udp), Some((Rcode::NXDOMAIN, 0, 1)));
    names.replace(zones(&format!("{TEXT}new A 192.0.2.9\n")));
    assert_eq!(ask(&names, &new, STRANGER, Carrier::Udp), Some((Rcode::NOERROR, 1, 1)));
}
