//! Other people's QPACK: every file of the folder `qpack` in `EDGEWAY_VECTORS` is decoded and compared with the plain file it
//! was made from. Skipped, and said so, without that folder.
//!
//! A file `<name>.out.<table>.<blocked>.<acknowledged>` is a row of chunks: stream (8 bytes), length (4 bytes), bytes; stream 0
//! is the encoder's. A plain file has a line for each field, name and value parted by a tab, and a blank line after each
//! section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use edgeway_http::binary::{FieldLine, FieldSink, prefix_integer};
use edgeway_http::h3::wire::qpack::{Decoded, Decoder};

#[derive(Default)]
struct Collected(String);

impl FieldSink for Collected {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        let text = String::from_utf8_lossy;
        self.0 += &format!("{}\t{}\n", text(line.text), text(line.value));
        true
    }
}

#[test]
fn every_file_of_every_encoder_decodes() {
    let Some(folder) = std::env::var_os("EDGEWAY_VECTORS").map(PathBuf::from) else {
        println!("skipped: no vectors (EDGEWAY_VECTORS names no folder)");
        return;
    };
    let files = files(&folder.join("qpack/encoded"));
    assert!(!files.is_empty(), "no files in {}", folder.display());
    let mut sections = 0;
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (plain, parameters) = name.split_once(".out.").expect("a file is named by its parameters");
        let numbers: Vec<usize> = parameters.split('.').map(|number| number.parse().unwrap()).collect();
        let plain = std::fs::read_to_string(folder.join("qpack/qifs").join(format!("{plain}.qif"))).unwrap();
        sections += check(file, &std::fs::read(file).unwrap(), numbers[0], numbers[1], &plain);
    }
    println!("qpack: {} files, {sections} sections passed, 0 failed", files.len());
}

fn check(file: &Path, mut encoded: &[u8], capacity: usize, blocked_max: usize, plain: &str) -> usize {
    let mut decoder = Decoder::new(capacity);
    // The files begin with the table already at its capacity.
    let mut instruction = Vec::new();
    prefix_integer::encode(capacity as u64, 0x20, 5, &mut instruction);
    decoder.handle_encoder_stream(&instruction).expect("the capacity it was given");
    let mut waiting: BTreeMap<u64, &[u8]> = BTreeMap::new();
    let mut decoded: BTreeMap<u64, String> = BTreeMap::new();
    while let Some((stream, rest)) = encoded.split_first_chunk() {
        let (length, rest) = rest.split_first_chunk().expect("a length");
        let (bytes, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        encoded = rest;
        match u64::from_be_bytes(*stream) {
            0 => decoder.handle_encoder_stream(bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
            stream => drop(waiting.insert(stream, bytes)),
        }
        waiting.retain(|stream, section| {
            let mut lines = Collected::default();
            let found = decoder.decode(*stream, section, &mut lines);
            match found.unwrap_or_else(|error| panic!("{} stream {stream}: {error}", file.display())) {
                Decoded::Whole => drop(decoded.insert(*stream, lines.0)),
                Decoded::Blocked(_) => return true,
            }
            false
        });
        assert!(waiting.len() <= blocked_max, "{}: more blocked streams than allowed", file.display());
    }
    assert!(waiting.is_empty(), "{}: a section was never decoded", file.display());
    let lines = plain.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n"));
    let expected = lines.collect::<String>();
    let expected: Vec<&str> =
        expected.split("\n\n").map(|section| section.trim_matches('\n')).filter(|s| !s.is_empty()).collect();
    let found: Vec<&str> = decoded.values().map(|section| section.trim_matches('\n')).collect();
    assert_eq!(found, expected, "{}", file.display());
    found.len()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries(folder).flat_map(|encoder| entries(&encoder).collect::<Vec<_>>()).collect();
    files.retain(|file| file.to_string_lossy().contains(".out."));
    files.sort();
    files
}
