//! Ranges as clients and attackers write them.

use super::Selection::{Several, Single, Unsatisfiable, Whole};
use super::*;

fn range(first: u64, last: u64) -> ByteRange {
    ByteRange { first, last }
}

fn selected(value: &str, complete: u64) -> Selection {
    let mut fields = Fields::new();
    fields.append(FieldName::Range, value);
    select(&fields, complete)
}

#[test]
fn examples_of_rfc_9110_section_14_1_2() {
    for (value, expected) in [
        ("bytes=0-499", Single(range(0, 499))),
        ("bytes=500-999", Single(range(500, 999))),
        ("bytes=-500", Single(range(9500, 9999))),
        ("bytes=9500-", Single(range(9500, 9999))),
        ("bytes=0-0,-1", Several(vec![range(0, 0), range(9999, 9999)])),
        ("bytes= 0-999, 4500-5499, -1000", Several(vec![range(0, 999), range(4500, 5499), range(9000, 9999)])),
        // Two of the legal specifications of the second 500 bytes: they touch, so they are one.
        ("bytes=500-600,601-999", Single(range(500, 999))),
        ("bytes=500-700,601-999", Single(range(500, 999))),
        ("BYTES=0-0", Single(range(0, 0))),
    ] {
        assert_eq!(selected(value, 10_000), expected, "{value}");
    }
}

#[test]
fn hostile_062_ranges_that_ask_too_much_or_nothing() {
    let many = format!("bytes={}", (0..17).map(|n| format!("{}-{}", n * 200, n * 200)).collect::<Vec<_>>().join(","));
    let overlapping = format!("bytes={}", ["0-"; 8].join(","));
    for (value, expected) in [
        (many.as_str(), Whole),
        (overlapping.as_str(), Whole),
        ("bytes=0-99999999999999999999999", Single(range(0, 9999))),
        ("bytes=18446744073709551615-", Unsatisfiable),
        ("bytes=18446744073709551616-18446744073709551617", Unsatisfiable),
        ("bytes=-18446744073709551616", Single(range(0, 9999))),
        ("bytes=-0", Unsatisfiable),
        ("bytes=10000-", Unsatisfiable),
        ("bytes=10000-,0-0", Single(range(0, 0))),
        ("bytes=9999-0", Whole),
        ("bytes=5000-5000,0-0", Several(vec![range(5000, 5000), range(0, 0)])),
        ("bytes=0-4999,5100-9999", Several(vec![range(0, 4999), range(5100, 9999)])),
        ("bytes=0-5000,4999-9999", Single(range(0, 9999))),
        ("bytes=", Whole),
        ("bytes=,", Whole),
        ("bytes=a-b", Whole),
        ("bytes=0x0-1", Whole),
        ("bytes=+0-1", Whole),
        ("bytes=0 - 1", Whole),
        ("bytes=--1", Whole),
        ("bytes=1", Whole),
        ("bytes:0-1", Whole),
        ("seconds=0-1", Whole),
        ("bytes", Whole),
        ("bytes=0-0,seconds=1-2", Whole),
    ] {
        assert_eq!(selected(value, 10_000), expected, "{value}");
    }
    let mut twice = Fields::new();
    twice.append(FieldName::Range, "bytes=0-0");
    twice.append(FieldName::Range, "bytes=1-1");
    assert_eq!(select(&twice, 10), Whole);
}

#[test]
fn an_empty_representation_has_no_ranges() {
    assert_eq!(selected("bytes=0-", 0), Unsatisfiable);
    assert_eq!(selected("bytes=-5", 0), Whole);
    assert_eq!(selected("bytes=-0", 0), Unsatisfiable);
    assert_eq!(unsatisfied_content_range(0), "bytes */0");
}

#[test]
fn coalescing_never_loses_or_invents_a_byte() {
    // Two that overlap, two that touch, and one with a byte between it and the next.
    let ranges = [range(900, 999), range(0, 9), range(5, 20), range(21, 30), range(32, 40)];
    let parts = coalesce(&ranges);
    assert_eq!(parts, [range(900, 999), range(0, 30), range(32, 40)]);
    for byte in 0..1000 {
        let within = |set: &[ByteRange]| set.iter().any(|part| (part.first..=part.last).contains(&byte));
        assert_eq!(within(&ranges), within(&parts), "{byte}");
    }
}

#[test]
fn multipart_length_is_exact() {
    let body: Vec<u8> = (0..=255).cycle().take(2000).collect();
    let Several(ranges) = selected("bytes=0-9,500-509,-1", 2000) else { panic!("three parts") };
    let multipart = Multipart::new(&ranges, 2000, b"text/plain", 7);
    let mut sent = Vec::new();
    for (head, part) in multipart.parts() {
        sent.extend_from_slice(head);
        sent.extend_from_slice(&body[part.first as usize..=part.last as usize]);
    }
    sent.extend_from_slice(multipart.tail());
    assert_eq!(sent.len() as u64, multipart.length());
    let text = String::from_utf8_lossy(&sent);
    assert!(text.starts_with(
        "--edgeway-0000000000000007\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/2000\r\n\r\n"
    ));
    assert!(text.ends_with("\r\n--edgeway-0000000000000007--\r\n"));
    assert_eq!(multipart.content_type(), "multipart/byteranges; boundary=edgeway-0000000000000007");
}

#[test]
fn content_range_of_a_request() {
    for (value, expected) in [
        ("bytes 0-9/100", Some((range(0, 9), Some(100)))),
        ("bytes 5-5/*", Some((range(5, 5), None))),
        ("bytes 0-99/99", None),
        ("bytes 9-0/100", None),
        ("bytes */100", None),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes 0-99999999999999999999/*", None),
        ("bytes 0-9", None),
        ("items 0-9/100", None),
    ] {
        assert_eq!(parse_content_range(value.as_bytes()), expected, "{value}");
    }
}
