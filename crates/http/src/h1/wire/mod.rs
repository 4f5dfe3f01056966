//! HTTP/1.x as bytes: what a head, a field line and a chunk look like (RFC 9112 §2 to §7). Total and without
//! state: the same bytes give the same answer, and a longer input never changes an error into another.

pub(crate) mod chunked;
pub(crate) mod field_lines;
pub(crate) mod framing;
mod malformed;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod scan;
pub(crate) mod serialise;

pub use malformed::Malformed;
pub use request::{RequestBounds, decode_request};
