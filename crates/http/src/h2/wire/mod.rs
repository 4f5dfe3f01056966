//! HTTP/2 bytes to values and back: no state but HPACK's tables. Called by [`super::machine`], the tracer and the
//! fuzzer.

pub mod frame;
pub mod frame_head;
pub mod hpack;
pub mod settings;

pub use frame::{Frame, FrameFault};
pub use frame_head::{FrameHead, FrameKind, StreamId, flags};
pub use settings::Setting;

/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
