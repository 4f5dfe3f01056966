//! Other people's HPACK: every story of the folder `hpack` in `EDGEWAY_VECTORS` is decoded in order, one decoder a
//! story, and what our encoder makes of the same fields decodes back. Skipped, and said so, without that folder.

use std::path::{Path, PathBuf};

use edgeway_http::binary::{FieldLine, FieldSink};
use edgeway_http::h2::wire::hpack::{Decoder, Encoder};
use edgeway_http::semantics::Fields;
use serde_json::Value;

type Lines = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
struct Collected(Lines);

impl FieldSink for Collected {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.0.push((line.text.to_vec(), line.value.to_vec()));
        true
    }
}

#[test]
fn every_story_of_every_encoder_decodes() {
    let Some(folder) = std::env::var_os("EDGEWAY_VECTORS").map(PathBuf::from) else {
        println!("skipped: no vectors (EDGEWAY_VECTORS names no folder)");
        return;
    };
    let stories = stories(&folder.join("hpack"));
    assert!(!stories.is_empty(), "no stories in {}", folder.display());
    let mut cases = 0;
    for path in &stories {
        let story: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        cases += decode_story(path, &story) + reencode_story(path, &story);
    }
    println!("hpack: {} stories, {cases} blocks passed, 0 failed", stories.len());
}

fn stories(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut stories: Vec<_> = entries(folder)
        .flat_map(|encoder| entries(&encoder).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    stories.sort();
    stories
}

fn decode_story(path: &Path, story: &Value) -> usize {
    let mut decoder = Decoder::new(4096);
    let mut decoded = 0;
    for case in story["cases"].as_array().unwrap() {
        let Some(wire) = case["wire"].as_str() else { continue };
        if let Some(size) = case["header_table_size"].as_u64() {
            decoder.set_capacity_max(size as usize);
        }
        let mut lines = Collected::default();
        let place = format!("{} case {}", path.display(), case["seqno"]);
        decoder.decode(&bytes(wire), &mut lines).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(lines.0, headers(case), "{place}");
        decoded += 1;
    }
    decoded
}

fn reencode_story(path: &Path, story: &Value) -> usize {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let cases = story["cases"].as_array().unwrap();
    for case in cases {
        let mut fields = Fields::new();
        // Fields of a connection are never sent over HTTP/2, `Fields` holds no pseudo-header fields and trims its values.
        let sent: Lines = headers(case)
            .into_iter()
            .filter(|(name, _)| !name.starts_with(b":") && !is_of_connection(name))
            .map(|(name, value)| (name, value.trim_ascii().to_vec()))
            .collect();
        for (name, value) in &sent {
            fields.append_named(str::from_utf8(name).unwrap(), value);
        }
        let (mut block, mut lines) = (Vec::new(), Collected::default());
        encoder.begin(&mut block);
        encoder.fields(&fields, &mut block);
        decoder.decode(&block, &mut lines).unwrap();
        assert_eq!(lines.0, sent, "{} case {}", path.display(), case["seqno"]);
    }
    cases.len()
}

fn is_of_connection(name: &[u8]) -> bool {
    matches!(name, b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade")
}

fn headers(case: &Value) -> Lines {
    let lines = case["headers"].as_array().unwrap().iter().flat_map(|line| line.as_object().unwrap());
    lines.map(|(name, value)| (name.clone().into_bytes(), value.as_str().unwrap().as_bytes().to_vec())).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
