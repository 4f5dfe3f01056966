//! WebSocket (RFC 6455): messages both ways over a connection that began as HTTP.
//!
//! Read in this order: [`handshake`] (heads to the switch and back), [`wire`] (frames as bytes), [`machine`] (messages,
//! closing and heartbeats). Used where the edge itself speaks: the hub and the dashboard; a proxied WebSocket
//! passes as bytes. Extensions are not offered: permessage-deflate is left out.

pub mod handshake;
pub mod machine;
pub mod wire;
