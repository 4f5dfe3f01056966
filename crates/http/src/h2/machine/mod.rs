//! The HTTP/2 connection as a machine: bytes and the time in; bytes, events and the next deadline out. Driven by
//! `net`'s driver through [`ServerConnection`] or [`ClientConnection`].
//!
//! The connection only routes between owners, each of which keeps one matter to itself:
//! `settings` what both sides announced; `streams` which streams there are (RFC 9113 §5.1) and
//! `send_queue` what they have waiting; `window` flow control and `path` how large windows should be;
//! `assembly` field blocks in pieces; the scheduler of [`crate::binary`] whose bytes go next and `ranks` how urgent they are;
//! `pings`, `deadlines`, `shutdown`; and the trouble account of [`crate::binary`], which ends the connections of peers that only cost.

mod assembly;
mod client;
mod compose;
mod connection;
mod deadlines;
mod event;
mod path;
mod pings;
mod ranks;
mod receive;
mod receive_headers;
mod send;
mod send_queue;
mod server;
mod settings;
mod shutdown;
mod streams;
mod window;

pub use client::ClientConnection;
pub use event::{ClientEvent, ServerEvent};
pub use server::ServerConnection;

#[cfg(test)]
mod tests;
