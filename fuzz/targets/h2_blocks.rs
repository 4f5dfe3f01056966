//! HPACK blocks: what decodes is encoded by us and decodes to itself, through both dynamic tables.
#![no_main]

#[path = "../../crates/http/tests/h2/properties.rs"]
#[allow(dead_code, reason = "each target runs one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::blocks_come_back(bytes));
