//! QPACK against the examples of RFC 9204 Appendix B, and against itself when acknowledgements come late.

use std::collections::VecDeque;

use super::*;
use crate::binary::{FieldLine, FieldSink, LineName};
use crate::semantics::{FieldName, Fields};
use edgeway_base::{Entropy, SeededEntropy};

#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl FieldSink for Lines {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        assert_eq!(line.name, LineName::from_bytes(line.text));
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        self.0.push((text(line.text), text(line.value)));
        true
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn decode(decoder: &mut Decoder, stream: u64, section: &str) -> Result<Vec<(String, String)>, Decoded> {
    let mut lines = Lines::default();
    match decoder.decode(stream, &bytes(section), &mut lines).unwrap() {
        Decoded::Whole => Ok(lines.0),
        blocked => Err(blocked),
    }
}

fn line(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn the_examples_of_rfc_9204_appendix_b() {
    let mut decoder = Decoder::new(220);
    let mut out = Vec::new();
    // B.1: literal with a static name.
    assert_eq!(
        decode(&mut decoder, 0, "0000 510b 2f69 6e64 6578 2e68 746d 6c"),
        Ok(vec![line(":path", "/index.html")])
    );
    // B.2: two insertions; the section comes first and waits for them.
    let section = "0381 10 11";
    assert_eq!(decode(&mut decoder, 4, section), Err(Decoded::Blocked(2)));
    let inserts = bytes("3fbd01 c00f 7777 772e 6578 616d 706c 652e 636f 6d c10c 2f73 616d 706c 652f 7061 7468");
    inserts.chunks(3).for_each(|chunk| decoder.handle_encoder_stream(chunk).unwrap());
    let expected = vec![line(":authority", "www.example.com"), line(":path", "/sample/path")];
    assert_eq!(decode(&mut decoder, 4, section), Ok(expected));
    decoder.poll_decoder_stream(&mut out);
    assert_eq!(out, [0x84], "acknowledges the section and with it both insertions");
    // B.3: a speculative insertion.
    decoder.handle_encoder_stream(&bytes("4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565")).unwrap();
    out.clear();
    decoder.poll_decoder_stream(&mut out);
    assert_eq!(out, [0x01]);
    // B.4: a duplicate; the stream is cancelled.
    decoder.handle_encoder_stream(&[0x02]).unwrap();
    let expected = vec![line(":authority", "www.example.com"), line(":path", "/"), line("custom-key", "custom-value")];
    assert_eq!(decode(&mut decoder, 8, "0500 80 c1 81"), Ok(expected));
    // B.5: an insertion that evicts.
    decoder.handle_encoder_stream(&bytes("810d 6375 7374 6f6d 2d76 616c 7565 32")).unwrap();
    assert_eq!(decoder.insert_count(), 5);
}

#[test]
fn broken_sections_and_streams_are_refused() {
    let mut lines = Lines::default();
    for section in
        ["", "00", "0100", "0000 80", "0000 ff24", "0000 10", "0000 ff ffff ffff ffff ffff ffff ff", "0000 51"]
    {
        let found = Decoder::new(220).decode(0, &bytes(section), &mut lines);
        assert!(matches!(found, Err(QpackError::Section(_))) || section == "0100", "{section}: {found:?}");
    }
    for stream in ["3fff ff00", "c0 05 61 62 63 64 65", "80 00", "00", "3f bd01 ff ff ff ff ff ff ff ff ff ff ff"] {
        let mut decoder = Decoder::new(220);
        let found = decoder.handle_encoder_stream(&bytes(stream));
        assert!(matches!(found, Err(QpackError::EncoderStream(_))), "{stream}: {found:?}");
    }
    for stream in ["80", "00", "01", "3f ff ff ff ff ff ff ff ff ff ff"] {
        let mut encoder = Encoder::new();
        encoder.set_peer_settings(4_096, 16);
        let found = encoder.handle_decoder_stream(&bytes(stream));
        assert!(matches!(found, Err(QpackError::DecoderStream(_))), "{stream}: {found:?}");
    }
}

#[test]
fn hostile_051_an_endless_instruction_is_not_collected() {
    let mut decoder = Decoder::new(220);
    decoder.handle_encoder_stream(&bytes("3fbd01 c0 7f ff ff 7f")).unwrap();
    let refused = (0..1_000).any(|_| decoder.handle_encoder_stream(&[b'a'; 100]).is_err());
    assert!(refused && decoder.memory() < 10_000);
}

#[test]
fn secrets_stay_out_of_the_table() {
    let mut encoder = Encoder::new();
    encoder.set_peer_settings(4_096, 100);
    let mut fields = Fields::new();
    fields.append(FieldName::Authorization, "Bearer abcdefghij");
    let (mut section, mut instructions) = (Vec::new(), Vec::new());
    encoder.encode(0, &mut section, |writer| writer.fields(&fields));
    encoder.poll_encoder_stream(&mut instructions);
    assert_eq!(instructions, bytes("3fe11f"), "the capacity and nothing else");
    assert_eq!(section[2] & 0xf0, 0x70, "never to be indexed");
}

/// A section's stream, its bytes, and what it should decode to.
type OnItsWay = (u64, Vec<u8>, Vec<(String, String)>);

/// Both streams deliver in order but late; sections overtake insertions; some streams are cancelled.
#[test]
fn what_is_encoded_decodes_back_whatever_comes_when() {
    for seed in 0..30 {
        let mut entropy = SeededEntropy::new(seed);
        let capacity = [0, 100, 500, 4_096, 65_536][entropy.below(5) as usize];
        let blocked_max = u64::from(entropy.below(4) * 3);
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(capacity));
        encoder.set_peer_settings(capacity as u64, blocked_max);
        let (mut inserts, mut answers) = (Vec::new(), Vec::new());
        let mut sections: VecDeque<OnItsWay> = VecDeque::new();
        for stream in 0..2_000 {
            let mut fields = Fields::new();
            for _ in 0..entropy.below(8) {
                let value = "v".repeat(entropy.below(40) as usize);
                match entropy.below(3) {
                    0 => fields.append_named(&format!("x-{}", entropy.below(12)), value),
                    1 => fields.append(FieldName::Server, value),
                    _ => fields.append(FieldName::UserAgent, format!("agent {}", entropy.below(5))),
                }
            }
            let mut section = Vec::new();
            encoder.encode(stream, &mut section, |writer| writer.fields(&fields));
            encoder.poll_encoder_stream(&mut inserts);
            let sent =
                fields.iter().map(|field| line(&field.name.to_ascii_lowercase(), str::from_utf8(field.value).unwrap()));
            sections.push_back((stream, section, sent.collect()));
            let carried = entropy.below(inserts.len() as u32 + 1) as usize;
            decoder.handle_encoder_stream(&inserts.drain(..carried).collect::<Vec<u8>>()).unwrap();
            let mut blocked = 0;
            sections.retain(|(stream, section, sent)| {
                let mut lines = Lines::default();
                match decoder.decode(*stream, section, &mut lines).unwrap() {
                    Decoded::Whole => assert_eq!(lines.0, *sent, "seed {seed}"),
                    Decoded::Blocked(_) if stream % 50 == 49 => decoder.cancel_stream(*stream),
                    Decoded::Blocked(_) => {
                        blocked += 1;
                        return true;
                    }
                }
                false
            });
            assert!(blocked <= blocked_max, "seed {seed}: {blocked} streams blocked");
            decoder.poll_decoder_stream(&mut answers);
            let carried = entropy.below(answers.len() as u32 + 1) as usize;
            encoder.handle_decoder_stream(&answers.drain(..carried).collect::<Vec<u8>>()).unwrap();
        }
        assert!(encoder.memory() < 64 << 10 && decoder.memory() < 256 << 10);
    }
}
