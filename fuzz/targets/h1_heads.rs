//! Any bytes as an HTTP/1.x request head: our parser against `httparse`, against its own prefixes, and against what
//! our client writes from it.
#![no_main]

#[path = "../../crates/http/tests/h1_properties/mod.rs"]
#[allow(dead_code)]
mod h1_properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| h1_properties::check_head(bytes));
