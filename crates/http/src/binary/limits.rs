//! What strangers may cost us over the binary dialects before their connection ends: points, their price list and their
//! drain. Read by the trouble account; the bounds of each dialect are in its own `limits.rs`.

/// Points of trouble at which a connection ends .
pub const TROUBLE_MAX: u32 = 1_000;
/// Points forgotten in a second.
pub const TROUBLE_DRAIN_PER_SECOND: u32 = 100;

/// Frames of flow control and PINGs that are free because we sent something they may answer: three for each DATA frame
/// (window of the stream, window of the connection, one measurement), as in gRPC.
pub const ANSWERS_PER_DATA: u32 = 3;
/// Free answers that can be saved up, and that a connection begins with. 256: two for each of a full set of streams.
pub const ANSWERS_MAX: u32 = 256;
/// What costs trouble, in points; [`TROUBLE_MAX`] divided by them is the burst that is borne,
/// [`TROUBLE_DRAIN_PER_SECOND`] divided by them the lasting rate.
pub mod trouble {
    /// RST_STREAM on a request not yet answered (rapid reset, CVE-2023-44487): 200 at once, when a page with 100 parts is
    /// left twice; 20 a second.
    pub const RESET: u32 = 5;
    /// An error of the peer's that makes us reset a stream (MadeYouReset, CVE-2025-8671): 100 at once; 10 a second.
    pub const STREAM_ERROR: u32 = 10;
    /// A stream beyond the limit: 200 at once, from clients that do not wait for our SETTINGS.
    pub const REFUSED: u32 = 5;
    /// SETTINGS: 50 at once; nobody changes them often, and each may touch every stream.
    pub const SETTINGS: u32 = 20;
    /// A PING that answers nothing of ours: 200 at once; 20 a second.
    pub const PING: u32 = 5;
    /// PRIORITY or PRIORITY_UPDATE: 500 at once; a page re-ranked whole, five times.
    pub const PRIORITY: u32 = 2;
    /// DATA without content or end: 100 at once; they say nothing.
    pub const EMPTY_DATA: u32 = 10;
    /// DATA of a few bytes: 1,000 at once; 100 keystrokes a second.
    pub const TINY_DATA: u32 = 1;
    /// WINDOW_UPDATE that answers nothing of ours.
    pub const WINDOW_UPDATE: u32 = 1;
    /// A frame of an unknown type: 200 at once; grease comes one at a time.
    pub const UNKNOWN_FRAME: u32 = 5;
    /// A frame on a stream that has ended: 500 at once; what was on its way when we reset streams.
    pub const LATE_FRAME: u32 = 2;
    /// A section too large or of too many fields: 20 at once; each was decoded in vain.
    pub const SECTION_TOO_LARGE: u32 = 50;
    /// A stream whose reader took next to nothing for half a minute: 20 at once.
    pub const STALLED: u32 = 50;
}

// One offence must never end a connection by itself.
const _: () = assert!(trouble::SECTION_TOO_LARGE * 10 <= TROUBLE_MAX && trouble::STALLED * 10 <= TROUBLE_MAX);
