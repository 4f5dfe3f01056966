//! Any bytes as a path or as the value of a field: nothing panics, what is read is written the same, and no path leads out.
#![no_main]

#[path = "../../crates/http/tests/semantics_properties/mod.rs"]
mod semantics_properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| semantics_properties::check_value(bytes));
