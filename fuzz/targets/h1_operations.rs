//! Any order of calls on an HTTP/1.x server connection, on any input: what it writes is whole responses.
#![no_main]

#[path = "../../crates/http/tests/h1_properties/mod.rs"]
#[allow(dead_code)]
mod h1_properties;

libfuzzer_sys::fuzz_target!(|case: (&[u8], &[u8])| h1_properties::check_operations(case.0, case.1));
