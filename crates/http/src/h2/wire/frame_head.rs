//! The nine bytes before every frame (RFC 9113 §4.1). Read and written by [`super::frame`] and the machine.

use std::fmt;

/// A stream's number (RFC 9113 §5.1.1): 31 bits, odd when a client opened it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId(u32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
    /// The largest number.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// Takes a number; the reserved highest bit is ignored (RFC 9113 §4.1).
    pub const fn new(number: u32) -> Self {
        Self(number & 0x7fff_ffff)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it stands for the connection itself.
    pub const fn is_connection(self) -> bool {
        self.0 == 0
    }

    /// Whether a client opens streams of this number.
    pub const fn is_of_client(self) -> bool {
        self.0 % 2 == 1
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a frame is (RFC 9113 §6, RFC 9218 §7.1).
#[allow(missing_docs, reason = "each variant is the frame type of that name")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    Data,
    Headers,
    Priority,
    ResetStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    PriorityUpdate,
    /// Any other type: ignored and counted (RFC 9113 §5.5).
    Unknown(u8),
}

impl FrameKind {
    /// By its number.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::ResetStream,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x6 => Self::Ping,
            0x7 => Self::GoAway,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            0x10 => Self::PriorityUpdate,
            other => Self::Unknown(other),
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 0x0,
            Self::Headers => 0x1,
            Self::Priority => 0x2,
            Self::ResetStream => 0x3,
            Self::Settings => 0x4,
            Self::PushPromise => 0x5,
            Self::Ping => 0x6,
            Self::GoAway => 0x7,
            Self::WindowUpdate => 0x8,
            Self::Continuation => 0x9,
            Self::PriorityUpdate => 0x10,
            Self::Unknown(number) => number,
        }
    }
}

/// Flags; what a bit means depends on the frame (RFC 9113 §6).
pub mod flags {
    /// SETTINGS, PING: an acknowledgement.
    pub const ACK: u8 = 0x1;
    /// DATA, HEADERS: the sender's last on the stream.
    pub const END_STREAM: u8 = 0x1;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the block is whole.
    pub const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS, PUSH_PROMISE: a pad length is in front.
    pub const PADDED: u8 = 0x8;
    /// HEADERS: an old priority is in front.
    pub const PRIORITY: u8 = 0x20;
}

/// The head of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// Bytes after the head.
    pub length: u32,
    /// What it is.
    pub kind: FrameKind,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: StreamId,
}

impl FrameHead {
    /// Bytes of a head.
    pub const LENGTH: usize = 9;

    /// Reads a head: every nine bytes are one.
    pub const fn decode(bytes: &[u8; Self::LENGTH]) -> Self {
        let [a, b, c, kind, flags, d, e, f, g] = *bytes;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind: FrameKind::from_number(kind),
            flags,
            stream: StreamId::new(u32::from_be_bytes([d, e, f, g])),
        }
    }

    /// Its nine bytes. A length beyond 24 bits is cut.
    pub const fn encode(self) -> [u8; Self::LENGTH] {
        let [_, a, b, c] = self.length.to_be_bytes();
        let [d, e, f, g] = self.stream.get().to_be_bytes();
        [a, b, c, self.kind.number(), self.flags, d, e, f, g]
    }

    /// Whether a flag is set.
    pub const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
