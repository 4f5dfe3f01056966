//! WebSocket as a machine: bytes and the time in; messages, bytes and the next deadline out. `reader` puts messages
//! together, `heartbeat` knows how long to wait, `connection` routes between them and writes.

mod connection;
mod heartbeat;
mod reader;

pub use connection::{WebSocketConnection, WebSocketEvent, WebSocketLimits};
