//! HTTP/1.0 and HTTP/1.1 (RFC 9112), both sides.
//!
//! Read [`wire`] first (heads, chunks and field lines as bytes), then [`machine`]: its `reader` owns how input is
//! cut into messages, its `writer` how output is, its `timers` the deadlines, and `server` and `client` only
//! route between them. Called by the drivers in `net`; hands heads and content to `serve`.

pub mod machine;
pub mod wire;
