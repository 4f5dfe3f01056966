//! What must hold for any bytes as the value of a field or as a path. Run on seeded cases by `semantics_seeded.rs` and by
//! libFuzzer in `/fuzz`.

use std::net::{IpAddr, Ipv4Addr};

use edgeway_base::WallTime;
use edgeway_http::semantics::authentication::{BasicCredentials, DigestCredentials};
use edgeway_http::semantics::conditions::{Validators, evaluate, if_range_holds};
use edgeway_http::semantics::date::{parse_http_date, write_http_date};
use edgeway_http::semantics::entity_tag::EntityTag;
use edgeway_http::semantics::forwarded::{Passage, TrustedPeers, canonical_text, origin, write_forwarding_fields};
use edgeway_http::semantics::hop_by_hop::remove_hop_by_hop;
use edgeway_http::semantics::limits::{COOKIES_MAX, LINKS_MAX, RANGES_MAX};
use edgeway_http::semantics::media_type::{self, MediaType};
use edgeway_http::semantics::negotiation::{AcceptedCodings, ContentCoding, media_quality};
use edgeway_http::semantics::percent::{NormalPath, decode, encode_segment};
use edgeway_http::semantics::ranges::{ByteRange, Multipart, Selection, parse_content_range, select};
use edgeway_http::semantics::structured::{
    parse_dictionary, parse_item, parse_list, serialise_dictionary, serialise_item, serialise_list,
};
use edgeway_http::semantics::{FieldName, Fields, Method, Scheme, cookie, link, via};

const NOW: WallTime = WallTime::from_seconds(1_800_000_000);

/// All properties of one value.
pub(crate) fn check_value(bytes: &[u8]) {
    check_path(bytes);
    check_structured(bytes);
    check_ranges(bytes);
    check_fields(bytes);
    check_validators(bytes);
}

/// A normal form has no way out, is a form of itself, and says the same decoded.
fn check_path(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(path) = NormalPath::parse(text) else { return };
    assert!(path.as_str().starts_with('/') && path.as_str().is_ascii());
    for segment in path.segments() {
        assert!(!matches!(segment, b"" | b"." | b".."), "{path}");
        assert!(!segment.iter().any(|byte| *byte < 0x20 || *byte == 0x7f), "{path}");
        for part in segment.split(|byte| matches!(byte, b'/' | b'\\')) {
            assert_ne!(part.split(|byte| *byte == b';').next(), Some(&b".."[..]), "{path}");
        }
    }
    let again = NormalPath::parse(path.as_str()).expect("a normal form has a normal form");
    assert_eq!((again.as_str(), again.decoded()), (path.as_str(), path.decoded()));
    let joined: Vec<u8> = path.segments().collect::<Vec<_>>().join(&b'/');
    assert_eq!(joined, path.decoded());
    let rebuilt: String = path.segments().map(|segment| format!("/{}", encode_segment(segment))).collect();
    let rebuilt = NormalPath::parse(if rebuilt.is_empty() { "/" } else { &rebuilt }).expect("segments make a path");
    assert_eq!(rebuilt.decoded(), path.decoded());
}

/// What was read is written so that it is read the same.
fn check_structured(bytes: &[u8]) {
    if let Ok(item) = parse_item([bytes]) {
        let text = serialise_item(&item).expect("what was read can be written");
        assert_eq!(parse_item([text.as_bytes()]).as_ref(), Ok(&item), "{text}");
    }
    if let Ok(list) = parse_list([bytes]) {
        let text = serialise_list(&list).expect("what was read can be written");
        assert_eq!(parse_list([text.as_bytes()]).as_ref(), Ok(&list), "{text}");
    }
    if let Ok(dictionary) = parse_dictionary([bytes]) {
        let text = serialise_dictionary(&dictionary).expect("what was read can be written");
        assert_eq!(parse_dictionary([text.as_bytes()]).as_ref(), Ok(&dictionary), "{text}");
    }
}

/// Ranges lie within, are few, do not touch, and are less than the whole; a multipart body is as long as it says.
fn check_ranges(bytes: &[u8]) {
    let fields = of(FieldName::Range, bytes);
    for complete in [0, 1, 10, 1000, u64::MAX] {
        let parts = match select(&fields, complete) {
            Selection::Whole | Selection::Unsatisfiable => continue,
            Selection::Single(range) => vec![range],
            Selection::Several(parts) => parts,
        };
        assert!(parts.len() <= RANGES_MAX && parts.iter().all(|part| part.first <= part.last && part.last < complete));
        for (index, part) in parts.iter().enumerate() {
            assert!(parts[..index].iter().all(|other| other.last < part.first || part.last < other.first));
        }
        if parts.len() > 1 {
            let sum: u128 = parts.iter().map(|part| u128::from(part.length())).sum();
            assert!(sum < u128::from(complete));
        }
        if complete <= 1000 {
            let multipart = Multipart::new(&parts, complete, b"text/plain", 1);
            let heads: usize = multipart.parts().iter().map(|(head, _)| head.len()).sum();
            let contents: u64 = parts.iter().map(ByteRange::length).sum();
            assert_eq!(multipart.length(), (heads + multipart.tail().len()) as u64 + contents);
        }
    }
    if let Some((range, complete)) = parse_content_range(bytes) {
        assert!(range.first <= range.last && complete.is_none_or(|complete| complete > range.last));
    }
}

/// Reading any field never fails otherwise than by saying so, and stays within its bounds.
fn check_fields(bytes: &[u8]) {
    let accepted = AcceptedCodings::read(&of(FieldName::AcceptEncoding, bytes));
    if let Some(chosen) = accepted.choose(&[ContentCoding::Zstd, ContentCoding::Brotli, ContentCoding::Identity]) {
        assert!(accepted.quality(chosen) > 0 && accepted.quality(chosen) <= 1000);
    }
    assert!(media_quality(&of(FieldName::Accept, bytes), "text/html") <= 1000);
    assert!(cookie::cookies(&of(FieldName::Cookie, bytes)).count() <= COOKIES_MAX);
    assert!(link::links(&of(FieldName::Link, bytes)).len() <= LINKS_MAX);
    let _ = MediaType::parse(bytes).map(|found| found.parameter("charset").is_some() && found.is_compressible());
    assert!(!media_type::from_path(bytes).is_empty());
    let _ = BasicCredentials::parse(bytes).map(|found| assert!(!found.user.contains(':')));
    let _ = DigestCredentials::parse(bytes).map(|found| assert!(!found.proves("", "GET", "no such target")));
    let _ = via::is_loop(&of(FieldName::Via, bytes), "edge");
    let _ = decode(bytes);
    check_forwarding(bytes);
    let mut fields = of(FieldName::Connection, bytes);
    fields.append(FieldName::Authorization, "kept");
    remove_hop_by_hop(&mut fields);
    assert!(fields.contains(FieldName::Authorization) && !fields.contains(FieldName::Connection));
}

/// A stranger's word changes nothing; what we write, the next of us reads.
fn check_forwarding(bytes: &[u8]) {
    let peer = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    let everybody = TrustedPeers::new(vec!["203.0.113.0/24".parse().expect("a block")]);
    for name in [FieldName::Forwarded, FieldName::XForwardedFor, FieldName::XForwardedProto] {
        let fields = of(name, bytes);
        assert_eq!(origin(&fields, peer, &TrustedPeers::default()).client, peer);
        let _ = origin(&fields, peer, &everybody);
        let mut sent = fields;
        let client = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
        let shown = canonical_text(client);
        let passage = Passage { peer: &shown, scheme: Scheme::Https, host: "a.example", port: 443, trusted: false };
        write_forwarding_fields(&mut sent, &passage);
        let read = origin(&sent, peer, &everybody);
        assert_eq!((read.client, read.scheme), (client, Some(Scheme::Https)));
    }
}

/// Dates and tags go both ways; conditions answer for anything.
fn check_validators(bytes: &[u8]) {
    if let Some(moment) = parse_http_date(bytes, NOW) {
        assert_eq!(parse_http_date(&write_http_date(moment), NOW), Some(moment));
    }
    if let Some(tag) = EntityTag::parse(bytes) {
        let written = tag.to_bytes();
        assert_eq!(EntityTag::parse(&written), Some(tag));
    }
    let current = Validators { exists: true, entity_tag: Some(EntityTag::strong(b"v")), last_modified: Some(NOW) };
    for name in [FieldName::IfMatch, FieldName::IfNoneMatch, FieldName::IfModifiedSince, FieldName::IfUnmodifiedSince] {
        for method in [Method::Get, Method::Put] {
            let _ = evaluate(method, &of(name, bytes), &current, NOW);
        }
    }
    let _ = if_range_holds(&of(FieldName::IfRange, bytes), &current, NOW);
}

fn of(name: FieldName, value: &[u8]) -> Fields {
    let mut fields = Fields::new();
    fields.append(name, value);
    fields
}
