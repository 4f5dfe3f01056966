//! HTTP/3 bytes to values and back: no state but QPACK's tables. Called by [`super::machine`], the tracer and the fuzzer.

pub mod frame;
pub mod qpack;
pub mod setting;
pub mod variable_integer;
