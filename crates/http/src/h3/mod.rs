//! HTTP/3 (RFC 9114), server and client, over streams that somebody else carries. Driven by `net`'s QUIC driver; hands
//! requests and responses on as the heads of [`crate::semantics`].
//!
//! Read in this order: [`limits`], [`error`], [`wire`] (frames, settings and QPACK), then [`machine`] (the connection).

pub mod error;
pub mod limits;
pub mod machine;
pub mod wire;

pub use error::{ConnectionError, ErrorCode};
pub use limits::Limits;
pub use machine::{ClientConnection, ClientEvent, Command, ServerConnection, ServerEvent};
