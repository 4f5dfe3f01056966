//! What can go wrong on an HTTP/2 connection: whose fault it is, and what the peer is told. Made by the machine,
//! answered with GOAWAY or RST_STREAM.

use std::fmt;

use edgeway_base::{Blame, Blamed};

use super::wire::StreamId;
use crate::binary::trouble::TooMuchTrouble;

/// An error code (RFC 9113 §7). Codes beyond the registry are kept; they mean INTERNAL_ERROR.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

#[allow(missing_docs, reason = "each constant is the error code of that name in RFC 9113 §7")]
impl ErrorCode {
    pub const NO_ERROR: Self = Self(0x0);
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    pub const INTERNAL_ERROR: Self = Self(0x2);
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    pub const STREAM_CLOSED: Self = Self(0x5);
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    pub const REFUSED_STREAM: Self = Self(0x7);
    pub const CANCEL: Self = Self(0x8);
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    pub const CONNECT_ERROR: Self = Self(0xa);
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);
}

const NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

impl ErrorCode {
    /// The name in the registry; empty for a code beyond it.
    pub fn name(self) -> &'static str {
        NAMES.get(self.0 as usize).copied().unwrap_or_default()
    }

    /// Whether the request was certainly not processed, so that any method may be sent again (RFC 9113 §8.7).
    pub const fn is_safe_to_retry(self) -> bool {
        self.0 == Self::REFUSED_STREAM.0
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "" => write!(formatter, "{:#x}", self.0),
            name => formatter.write_str(name),
        }
    }
}

/// The connection is lost: told with GOAWAY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionError {
    /// What the peer is, or was, told.
    pub code: ErrorCode,
    /// For logs, and as GOAWAY's debug data.
    pub reason: &'static str,
    /// Who broke it.
    pub blame: Blame,
}

impl ConnectionError {
    /// The peer broke a rule.
    pub const fn by_peer(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason, blame: Blame::Peer }
    }

    /// The network, or a peer that went away, ended it.
    pub const fn by_environment(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason, blame: Blame::Environment }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.code, self.reason)
    }
}

impl std::error::Error for ConnectionError {}

impl Blamed for ConnectionError {
    fn blame(&self) -> Blame {
        self.blame
    }

    fn may_retry(&self) -> bool {
        self.blame == Blame::Environment
    }
}

/// One stream is lost: told with RST_STREAM; the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamError {
    /// The stream.
    pub stream: StreamId,
    /// What the peer is told.
    pub code: ErrorCode,
    /// For logs.
    pub reason: &'static str,
}

impl fmt::Display for StreamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "stream {}: {:?}: {}", self.stream, self.code, self.reason)
    }
}

impl std::error::Error for StreamError {}

impl Blamed for StreamError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }

    fn may_retry(&self) -> bool {
        self.code.is_safe_to_retry()
    }
}

/// Either of the two (RFC 9113 §5.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The connection is lost.
    Connection(ConnectionError),
    /// One stream is lost.
    Stream(StreamError),
}

impl Error {
    /// The peer broke a rule of the connection.
    pub(super) const fn connection(code: ErrorCode, reason: &'static str) -> Self {
        Self::Connection(ConnectionError::by_peer(code, reason))
    }

    /// The peer broke a rule of one stream.
    pub(super) const fn stream(stream: StreamId, code: ErrorCode, reason: &'static str) -> Self {
        Self::Stream(StreamError { stream, code, reason })
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<TooMuchTrouble> for ConnectionError {
    /// RFC 9113 §10.5.
    fn from(TooMuchTrouble(reason): TooMuchTrouble) -> Self {
        Self::by_peer(ErrorCode::ENHANCE_YOUR_CALM, reason)
    }
}

impl From<TooMuchTrouble> for Error {
    fn from(trouble: TooMuchTrouble) -> Self {
        Self::Connection(trouble.into())
    }
}
