//! SETTINGS parameters (RFC 9113 §6.5, RFC 8441 §3, RFC 9218 §2.1). Read and written by the machine's settings owner.

use crate::h2::error::{ConnectionError, ErrorCode};

/// One parameter, its value checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Bytes of HPACK table the sender keeps for decoding.
    HeaderTableSize(u32),
    /// Whether the sender takes server push.
    EnablePush(bool),
    /// Streams the sender lets the other side open at once.
    MaxConcurrentStreams(u32),
    /// Bytes of window of each new stream.
    InitialWindowSize(u32),
    /// Bytes of the largest frame the sender takes.
    MaxFrameSize(u32),
    /// Bytes of the largest field section the sender takes.
    MaxHeaderListSize(u32),
    /// Whether extended CONNECT may be used (RFC 8441).
    EnableConnectProtocol(bool),
    /// Whether the sender gives up the priorities of RFC 7540 (RFC 9218 §2.1).
    NoRfc7540Priorities(bool),
    /// Any other: ignored (RFC 9113 §6.5.2).
    Unknown(u16, u32),
}

/// The largest window (RFC 9113 §6.9.1).
pub const WINDOW_MAX: u32 = 0x7fff_ffff;
/// The bounds of SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2).
pub const FRAME_SIZE_RANGE: std::ops::RangeInclusive<u32> = 16_384..=16_777_215;

impl Setting {
    /// Bytes of one parameter.
    pub const LENGTH: usize = 6;

    /// Reads one, and judges its value.
    pub fn decode(bytes: [u8; Self::LENGTH]) -> Result<Self, ConnectionError> {
        let [a, b, c, d, e, f] = bytes;
        let value = u32::from_be_bytes([c, d, e, f]);
        Ok(match u16::from_be_bytes([a, b]) {
            0x1 => Self::HeaderTableSize(value),
            0x2 => Self::EnablePush(truth(value)?),
            0x3 => Self::MaxConcurrentStreams(value),
            // RFC 9113 §6.5.2 gives each wrong value its own error code.
            0x4 if value > WINDOW_MAX => return fault(ErrorCode::FLOW_CONTROL_ERROR, "initial window beyond 2^31-1"),
            0x4 => Self::InitialWindowSize(value),
            0x5 if !FRAME_SIZE_RANGE.contains(&value) => {
                return fault(ErrorCode::PROTOCOL_ERROR, "maximum frame size out of range");
            }
            0x5 => Self::MaxFrameSize(value),
            0x6 => Self::MaxHeaderListSize(value),
            0x8 => Self::EnableConnectProtocol(truth(value)?),
            0x9 => Self::NoRfc7540Priorities(truth(value)?),
            other => Self::Unknown(other, value),
        })
    }

    /// Its six bytes.
    pub fn encode(self) -> [u8; Self::LENGTH] {
        let (number, value): (u16, u32) = match self {
            Self::HeaderTableSize(value) => (0x1, value),
            Self::EnablePush(value) => (0x2, value.into()),
            Self::MaxConcurrentStreams(value) => (0x3, value),
            Self::InitialWindowSize(value) => (0x4, value),
            Self::MaxFrameSize(value) => (0x5, value),
            Self::MaxHeaderListSize(value) => (0x6, value),
            Self::EnableConnectProtocol(value) => (0x8, value.into()),
            Self::NoRfc7540Priorities(value) => (0x9, value.into()),
            Self::Unknown(number, value) => (number, value),
        };
        let ([a, b], [c, d, e, f]) = (number.to_be_bytes(), value.to_be_bytes());
        [a, b, c, d, e, f]
    }
}

fn truth(value: u32) -> Result<bool, ConnectionError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => fault(ErrorCode::PROTOCOL_ERROR, "a setting that is zero or one has another value"),
    }
}

fn fault<T>(code: ErrorCode, reason: &'static str) -> Result<T, ConnectionError> {
    Err(ConnectionError::by_peer(code, reason))
}
