//! WebSocket frames and close codes as bytes (RFC 6455 §5 and §7.4). Total and without state.

mod close;
mod frame;

pub use close::{CloseCode, decode_close, encode_close};
pub use frame::{FrameHeader, Opcode, apply_mask};
