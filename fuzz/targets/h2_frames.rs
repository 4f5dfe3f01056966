//! Frames of HTTP/2: what can be read is written and read again as itself.
#![no_main]

#[path = "../../crates/http/tests/h2/properties.rs"]
#[allow(dead_code, reason = "each target runs one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::frames_come_back(bytes));
