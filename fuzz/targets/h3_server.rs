//! Any bytes on any streams of a server, and any calls of its driver: no panic, bounded memory.
#![no_main]

#[path = "../../crates/http/tests/h3/properties.rs"]
#[allow(dead_code, reason = "each target runs one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::server_survives(bytes));
