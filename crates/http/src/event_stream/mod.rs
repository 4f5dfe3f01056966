//! Event streams (`text/event-stream`, HTML Standard §9.2), the content of server-sent events: [`encode`] writes them
//! for the hub and the dashboard, [`parse`] reads them for the client.

mod encode;
mod parse;

pub use encode::{KEEP_ALIVE, encode_event, encode_retry};
pub use parse::{EventStreamParser, ReceivedEvent, TooLong};

/// The media type.
pub const MEDIA_TYPE: &str = "text/event-stream";
