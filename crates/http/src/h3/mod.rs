//! HTTP/3 (RFC 9114): field coding. Called by whoever drives HTTP/3 over QUIC's streams.
//!
//! [`wire`] is bytes to values and back.

pub mod wire;
