//! EDNS: hostile options, sizes, round trips.

use super::*;
use crate::wire::{Class, Composer, Compressor, Message, Rcode, RecordType};

/// A query whose OPT has this owner, size, TTL field and data.
fn query(owner: &[u8], size: u16, bits: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    bytes.extend(owner);
    bytes.extend([0, 41]);
    bytes.extend(size.to_be_bytes());
    bytes.extend(bits.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn hostile_027_opt_doubled_misplaced_or_not_at_the_root() {
    let good = query(b"\0", 1232, 0, &[]);
    assert!(Message::decode(&good).unwrap().edns().is_some());
    let mut two = good.clone();
    two[11] = 2;
    two.extend(&good[12..]);
    let mut in_answer = good.clone();
    (in_answer[7], in_answer[11]) = (1, 0);
    for (case, bytes) in [("two", two), ("in the answer", in_answer), ("owner", query(b"\x01a\0", 1232, 0, &[]))] {
        assert_eq!(Message::decode(&bytes).err(), Some(WireError::OptMisplaced), "{case}");
        assert_eq!(WireError::OptMisplaced.rcode(), Rcode::FORMERR);
    }
}

#[test]
fn hostile_028_versions_and_flags_are_read() {
    let bytes = query(b"\0", 1232, 0x0101_c000, &[]);
    let edns = Message::decode(&bytes).unwrap().edns().unwrap();
    assert_eq!((edns.version(), edns.extended_rcode()), (1, 1));
    assert!(edns.dnssec_ok() && edns.compact_answers_ok());
}

#[test]
fn hostile_029_sizes_below_512_count_as_512() {
    for (size, expected) in [(0, 512), (1, 512), (511, 512), (512, 512), (1232, 1232), (65_535, 65_535)] {
        let bytes = query(b"\0", size, 0, &[]);
        assert_eq!(Message::decode(&bytes).unwrap().edns().unwrap().payload_bytes(), expected);
    }
}

#[test]
fn hostile_030_options_that_overrun_or_are_too_many_and_cookies_of_odd_length() {
    for (case, data) in [
        ("length beyond the record", &[0, 10, 0, 9, 1][..]),
        ("cut in the length", &[0, 10, 0]),
        ("cut in the code", &[0]),
    ] {
        assert_eq!(Message::decode(&query(b"\0", 1232, 0, data)).err(), Some(WireError::OptionMalformed), "{case}");
    }
    let options = |count: usize| [0xfd, 0xe9, 0, 0].repeat(count);
    assert!(Message::decode(&query(b"\0", 1232, 0, &options(100))).is_ok());
    assert_eq!(Message::decode(&query(b"\0", 1232, 0, &options(101))).err(), Some(WireError::OptionMalformed));
    for (length, fine) in
        [(0, false), (1, false), (7, false), (8, true), (9, false), (15, false), (16, true), (40, true), (41, false)]
    {
        let data = [&[0, 10, 0, length as u8], &[7; 41][..length]].concat();
        let bytes = query(b"\0", 1232, 0, &data);
        let edns = Message::decode(&bytes).unwrap().edns().unwrap();
        assert_eq!(edns.cookie().unwrap().is_ok(), fine, "cookie of {length}");
    }
}

#[test]
fn hostile_031_client_subnets_with_bad_family_prefix_or_padding() {
    for (case, content, fine) in [
        ("v4 /24", &[0, 1, 24, 0, 192, 0, 2][..], true),
        ("v4 /0", &[0, 1, 0, 0], true),
        ("v6 /56", &[0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0], true),
        ("family 0", &[0, 0, 0, 0], false),
        ("family 3", &[0, 3, 8, 0, 1], false),
        ("v4 /33", &[0, 1, 33, 0, 1, 2, 3, 4, 5], false),
        ("v6 /129", &[0, 2, 129, 0], false),
        ("too few bytes", &[0, 1, 24, 0, 192, 0], false),
        ("too many bytes", &[0, 1, 24, 0, 192, 0, 2, 0], false),
        ("bits behind the prefix", &[0, 1, 20, 0, 192, 0, 0x1f], false),
        ("cut", &[0, 1, 24], false),
    ] {
        assert_eq!(ClientSubnet::decode(content).is_ok(), fine, "{case}");
        if let Ok(subnet) = ClientSubnet::decode(content) {
            let (length, encoded) = subnet.encode();
            assert_eq!(&encoded[..length], content, "{case}");
        }
    }
    let loose = ClientSubnet { address: "10.255.255.255".parse().unwrap(), source_prefix: 9, scope_prefix: 0 };
    assert_eq!(loose.encode().1[..6], [0, 1, 9, 0, 10, 0x80]);
}

#[test]
fn options_both_ways() {
    let (mut buffer, mut compressor) = ([0; 512], Compressor::new());
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.question(NameRef::ROOT, RecordType::NS, Class::IN).unwrap();
    let cookie = Cookie { client: *b"12345678", server: b"abcdefgh" };
    let subnet = ClientSubnet { address: "2001:db8::".parse().unwrap(), source_prefix: 32, scope_prefix: 0 };
    composer
        .opt(4096, Rcode::NOERROR, false, |options| {
            options.option(OptionCode::NSID, b"here")?;
            options.cookie(&cookie)?;
            options.client_subnet(&subnet)?;
            options.keepalive(Some(300))
        })
        .unwrap();
    let length = composer.finish();
    let message = Message::decode(&buffer[..length]).unwrap();
    let edns = message.edns().unwrap();
    assert_eq!(edns.nsid(), Some(&b"here"[..]));
    assert_eq!(edns.cookie(), Some(Ok(cookie)));
    assert_eq!(edns.client_subnet(), Some(Ok(subnet)));
    assert_eq!(edns.keepalive(), Some(Ok(Some(300))));
    assert!(!edns.pads() && edns.extended_errors().next().is_none());
}
