//! HTTP/2 (RFC 9113), server and client, without a socket or a clock. Driven by `net`; hands requests and
//! responses on as the heads of [`crate::semantics`].
//!
//! Read in this order: [`limits`] (what a stranger may make us do, and how often), [`error`], [`wire`] (frames and
//! HPACK: bytes to values and back), then [`machine`] (the connection).

pub mod error;
pub mod limits;
pub mod machine;
pub mod wire;

pub use error::{ConnectionError, ErrorCode};
pub use limits::Limits;
pub use machine::{ClientConnection, ClientEvent, ServerConnection, ServerEvent};
pub use wire::StreamId;
