//! HTTP/3 bytes to values and back: no state but QPACK's tables.

pub mod qpack;
