//! HPACK against the examples of RFC 7541 Appendix C, and against itself.

use super::*;
use crate::binary::{FieldLine, FieldSink, LineName};
use crate::semantics::{FieldName, Fields};
use edgeway_base::{Entropy, SeededEntropy};

/// Takes lines as text.
#[derive(Default)]
struct Lines(Vec<(String, String, bool)>);

impl FieldSink for Lines {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(line.name, LineName::from_bytes(line.text));
        self.0.push((text(line.text), text(line.value), line.sensitive));
        true
    }
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, HpackError> {
    let mut lines = Lines::default();
    decoder.decode(block, &mut lines)?;
    Ok(lines.0.into_iter().map(|(name, value, _)| (name, value)).collect())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn owned(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn requests_with_huffman_of_rfc_7541_appendix_c_4() {
    let first = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let mut second = first.to_vec();
    second.push(("cache-control", "no-cache"));
    let third = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    let mut decoder = Decoder::new(4096);
    for (block, lines) in [
        ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", &first[..]),
        ("8286 84be 5886 a8eb 1064 9cbf", &second),
        ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", &third),
    ] {
        assert_eq!(decode(&mut decoder, &bytes(block)), Ok(owned(lines)));
    }
}

#[test]
fn responses_with_eviction_of_rfc_7541_appendix_c_5() {
    let dated = |date| [("cache-control", "private"), ("date", date), ("location", "https://www.example.com")];
    let one = "Mon, 21 Oct 2013 20:13:21 GMT";
    let cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    let mut decoder = Decoder::new(256);
    let first =
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
                 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d";
    let third = "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738
                 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33
                 3630 303b 2076 6572 7369 6f6e 3d31";
    let with = |status, rest: &[(&'static str, &'static str)]| {
        let mut lines = vec![(":status", status)];
        lines.extend_from_slice(rest);
        owned(&lines)
    };
    assert_eq!(decode(&mut decoder, &bytes(first)), Ok(with("302", &dated(one))));
    assert_eq!(decode(&mut decoder, &bytes("4803 3330 37c1 c0bf")), Ok(with("307", &dated(one))));
    let mut last = dated("Mon, 21 Oct 2013 20:13:22 GMT").to_vec();
    last.extend([("content-encoding", "gzip"), ("set-cookie", cookie)]);
    assert_eq!(decode(&mut decoder, &bytes(third)), Ok(with("200", &last)));
}

#[test]
fn broken_blocks_are_refused() {
    for (block, error) in [
        ("80", HpackError::InvalidIndex),
        ("be", HpackError::InvalidIndex),
        ("ff 80 80 80 80 80 80 80 80 80 01", HpackError::IntegerOverflow),
        ("ff", HpackError::Truncated),
        ("40 03 61 62", HpackError::Truncated),
        ("40", HpackError::Truncated),
        ("40 01 61 81 00", HpackError::InvalidHuffman),
        ("3f e2 1f", HpackError::InvalidSizeUpdate),
        ("82 20", HpackError::InvalidSizeUpdate),
        ("20 20 20", HpackError::InvalidSizeUpdate),
    ] {
        assert_eq!(decode(&mut Decoder::new(4096), &bytes(block)), Err(error), "{block}");
    }
}

#[test]
fn hostile_040_a_smaller_table_must_be_acknowledged_in_the_next_block() {
    let mut decoder = Decoder::new(4096);
    decoder.set_capacity_max(100);
    assert_eq!(decode(&mut decoder, &[0x82]), Err(HpackError::InvalidSizeUpdate));
    let mut decoder = Decoder::new(4096);
    decoder.set_capacity_max(100);
    assert!(decode(&mut decoder, &bytes("3f 45 82")).is_ok());
    assert_eq!(decode(&mut decoder, &bytes("3f 46 82")), Err(HpackError::InvalidSizeUpdate));
}

#[test]
fn the_encoder_says_the_smallest_size_and_the_last() {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    encoder.set_peer_capacity(0);
    encoder.set_peer_capacity(100_000);
    encoder.begin(&mut out);
    assert_eq!(out, bytes("20 3f e1 1f"), "RFC 7541 §4.2: both");
    out.clear();
    encoder.begin(&mut out);
    assert_eq!(out, [], "said once");
}

#[test]
fn secrets_are_never_indexed_and_arrive_marked() {
    let mut fields = Fields::new();
    fields.append(FieldName::Authorization, "Basic Zm9vOmJhcg==");
    fields.append(FieldName::Cookie, "id=1");
    fields.append_named("x-key", "secret");
    fields.mark_last_sensitive();
    fields.append_named("x-plain", "plain");
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for _ in 0..2 {
        let (mut out, mut lines) = (Vec::new(), Lines::default());
        encoder.fields(&fields, &mut out);
        decoder.decode(&out, &mut lines).unwrap();
        let marked: Vec<bool> = lines.0.iter().map(|(_, _, sensitive)| *sensitive).collect();
        assert_eq!(marked, [true, true, true, false]);
    }
}

#[test]
fn what_is_encoded_decodes_back_through_changes_of_table_size() {
    let mut entropy = SeededEntropy::new(9113);
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for _ in 0..3_000 {
        if entropy.below(20) == 0 {
            encoder.set_peer_capacity(entropy.below(6_000));
        }
        let (mut fields, mut out, mut lines) = (Fields::new(), Vec::new(), Lines::default());
        for _ in 0..entropy.below(12) {
            let value = format!("value-{}", "x".repeat(entropy.below(60) as usize));
            match entropy.below(3) {
                0 => fields.append_named(&format!("x-name-{}", entropy.below(30)), value),
                1 => fields.append(FieldName::all()[entropy.below(100) as usize], value),
                _ => fields.append_named("X-Upper", format!("{}", entropy.below(5))),
            }
        }
        encoder.begin(&mut out);
        encoder.fields(&fields, &mut out);
        decoder.decode(&out, &mut lines).unwrap();
        let sent: Vec<(String, String)> = fields
            .iter()
            .filter(|field| !crate::binary::field_line::is_connection_specific(field.known))
            .map(|field| (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned()))
            .collect();
        let received: Vec<(String, String)> = lines.0.into_iter().map(|(name, value, _)| (name, value)).collect();
        assert_eq!(received, sent);
    }
}
