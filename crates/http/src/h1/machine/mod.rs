//! HTTP/1.x as machines: bytes and the time in; events, bytes and the next deadline out.
//!
//! [`server`] and [`client`] route between owners that know nothing of each other: `reader` cuts input into heads
//! and content, `writer` frames output and holds it until the driver has written it, `timers` knows how long to
//! wait. Driven by `net`.

mod bounds;
pub mod client;
mod reader;
pub mod server;
mod timers;
mod writer;

pub use bounds::{ClientLimits, ServerLimits};
pub use client::{ClientConnection, ClientEvent};
pub use server::{ServerConnection, ServerEvent};
