//! Names: order, equality, shape.

use std::collections::HashSet;

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn canonical_order_is_that_of_rfc_4034_section_6_1() {
    let ordered = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ];
    let names: Vec<Name> = ordered.iter().map(|text| name(text)).collect();
    for (index, pair) in names.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{index}: {} < {}", pair[0], pair[1]);
    }
}

#[test]
fn case_is_kept_and_ignored() {
    let (upper, lower) = (name("WWW.Example."), name("www.example."));
    assert_eq!(upper, lower);
    assert_eq!(upper.to_string(), "WWW.Example.");
    assert_eq!(HashSet::from([upper.clone(), lower]).len(), 1);
    assert_eq!(upper.to_lowercase().to_string(), "www.example.");
}

#[test]
fn ancestry_goes_by_labels_not_by_bytes() {
    assert!(name("a.example.").is_at_or_below(&name("EXAMPLE.")));
    assert!(name("example.").is_at_or_below(&name("example.")));
    assert!(!name("example.").borrowed().is_below(&name("example.")));
    assert!(!name("badexample.").is_at_or_below(&name("example.")));
    // The byte 7 inside a label looks like the length byte of "example".
    let tricky = Name::from_labels([b"x\x07example".as_slice()]).unwrap();
    assert!(!tricky.is_at_or_below(&name("example.")));
    assert_eq!(name("a.b.example.").borrowed().common_labels(name("c.B.example.").borrowed()), 2);
}

#[test]
fn long_names_leave_the_inline_form_and_too_long_ones_are_refused() {
    let label = [b'a'; 63];
    let longest = Name::from_labels([&label[..], &label, &label, &label[..61]]).unwrap();
    assert_eq!(longest.wire().len(), 255);
    assert_eq!(longest.parent().unwrap().label_count(), 3);
    assert_eq!(Name::from_labels([&label[..], &label, &label, &label[..62]]), Err(WireError::NameTooLong));
    assert_eq!(longest.child(b"x"), Err(WireError::NameTooLong));
    assert_eq!(Name::root().child(&[b'a'; 64]), Err(WireError::LabelType));
    assert_eq!(size_of::<Name>(), 32);
}

#[test]
fn substitution_follows_rfc_6672_section_2_2() {
    for (owner, from, to, expected) in [
        ("com.", "example.com.", "example.net.", None),
        ("example.com.", "example.com.", "example.net.", None),
        ("a.example.com.", "example.com.", "example.net.", Some("a.example.net.")),
        ("a.b.example.com.", "example.com.", "example.net.", Some("a.b.example.net.")),
        ("ab.example.com.", "b.example.com.", "example.net.", None),
        ("foo.example.com.", "example.com.", "y.", Some("foo.y.")),
        ("shortloop.x.x.", "x.", ".", Some("shortloop.x.")),
        ("a.x.", "x.", "x.", Some("a.x.")),
    ] {
        let result = name(owner).borrowed().substitute(name(from).borrowed(), name(to).borrowed());
        assert_eq!(result, expected.map(|text| Ok(name(text))), "{owner} {from} {to}");
    }
    let label = "a".repeat(63);
    let long = name(&format!("{label}.{label}.{label}."));
    let owner = long.child(b"example").unwrap().child(&[b'b'; 40]).unwrap();
    let from = name(&format!("{label}."));
    assert_eq!(owner.borrowed().substitute(from.borrowed(), long.borrowed()), Some(Err(WireError::NameTooLong)));
}

#[test]
fn hostile_names_in_wire_form() {
    for (case, wire, expected) in [
        ("empty", &b""[..], WireError::Truncated),
        ("no root", b"\x01a", WireError::Truncated),
        ("label runs out", b"\x05ab", WireError::Truncated),
        ("pointer", b"\xc0\x0c", WireError::PointerForbidden),
        ("type 01", b"\x41a\0", WireError::LabelType),
        ("type 10", b"\x80a\0", WireError::LabelType),
        ("more behind", b"\x01a\0\0", WireError::DataLength),
    ] {
        let mut padded = wire.to_vec();
        if matches!(expected, WireError::LabelType) {
            padded.resize(200, 0);
        }
        assert_eq!(Name::from_wire(&padded), Err(expected), "{case}");
    }
}
