//! WebSocket (RFC 6455): messages both ways over a connection that began as HTTP.
//!
//! Read in this order: [`handshake`] (heads to the switch and back), [`wire`] (frames as bytes), [`machine`] (messages,
//! closing and heartbeats), [`deflate`] (compressed messages). Used where the edge itself speaks: the hub and the
//! dashboard; a proxied WebSocket passes as bytes.

pub mod deflate;
pub mod handshake;
pub mod machine;
pub mod wire;
