//! The HTTP/3 connection as a machine over abstract streams: what QUIC received and the time in; events, commands for QUIC and
//! bytes for its streams out. Driven through [`ServerConnection`] or [`ClientConnection`].
//!
//! The connection only routes between owners: `reader` cuts one stream into frames, `peer_streams` knows the peer's
//! control and QPACK streams, `streams` what each stream is up to and has waiting; QPACK's tables, the scheduler and the
//! trouble account are shared with, or next to, HTTP/2's.

mod client;
mod connection;
mod event;
mod peer_streams;
mod reader;
mod receive;
mod receive_sections;
mod send;
mod server;
mod streams;

pub use client::ClientConnection;
pub use event::{ClientEvent, Command, ServerEvent};
pub use server::ServerConnection;
