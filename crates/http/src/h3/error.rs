//! What can go wrong on an HTTP/3 connection: whose fault it is, and the code the peer is told. Made by the machine; the
//! driver closes the QUIC connection, or resets a stream, with the code.

use std::fmt;

use edgeway_base::{Blame, Blamed};

use super::wire::qpack::QpackError;
use crate::binary::trouble::TooMuchTrouble;

/// An error code (RFC 9114 §8.1, RFC 9204 §6, RFC 9297 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u64);

#[allow(missing_docs, reason = "each constant is the error code of that name in RFC 9114 §8.1")]
impl ErrorCode {
    pub const DATAGRAM_ERROR: Self = Self(0x33);
    pub const NO_ERROR: Self = Self(0x100);
    pub const GENERAL_PROTOCOL_ERROR: Self = Self(0x101);
    pub const INTERNAL_ERROR: Self = Self(0x102);
    pub const STREAM_CREATION_ERROR: Self = Self(0x103);
    pub const CLOSED_CRITICAL_STREAM: Self = Self(0x104);
    pub const FRAME_UNEXPECTED: Self = Self(0x105);
    pub const FRAME_ERROR: Self = Self(0x106);
    pub const EXCESSIVE_LOAD: Self = Self(0x107);
    pub const ID_ERROR: Self = Self(0x108);
    pub const SETTINGS_ERROR: Self = Self(0x109);
    pub const MISSING_SETTINGS: Self = Self(0x10a);
    pub const REQUEST_REJECTED: Self = Self(0x10b);
    pub const REQUEST_CANCELLED: Self = Self(0x10c);
    pub const REQUEST_INCOMPLETE: Self = Self(0x10d);
    pub const MESSAGE_ERROR: Self = Self(0x10e);
    pub const CONNECT_ERROR: Self = Self(0x10f);
    pub const VERSION_FALLBACK: Self = Self(0x110);
}

impl ErrorCode {
    /// Whether the request was certainly not processed, so that any method may be sent again (RFC 9114 §4.1.1).
    pub const fn is_safe_to_retry(self) -> bool {
        self.0 == Self::REQUEST_REJECTED.0
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

/// The connection is lost: close QUIC with the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionError {
    /// What the peer is told.
    pub code: ErrorCode,
    /// For logs, and as the reason phrase.
    pub reason: &'static str,
    /// Who broke it.
    pub blame: Blame,
}

impl ConnectionError {
    /// The peer broke a rule.
    pub const fn by_peer(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason, blame: Blame::Peer }
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
}

impl From<QpackError> for ConnectionError {
    fn from(error: QpackError) -> Self {
        Self::by_peer(ErrorCode(error.code()), error.as_str())
    }
}

impl From<TooMuchTrouble> for ConnectionError {
    /// RFC 9114 §10.5.
    fn from(TooMuchTrouble(reason): TooMuchTrouble) -> Self {
        Self::by_peer(ErrorCode::EXCESSIVE_LOAD, reason)
    }
}

/// The connection is lost, or one stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Error {
    Connection(ConnectionError),
    Stream(ErrorCode),
}

impl Error {
    pub(super) const fn connection(code: ErrorCode, reason: &'static str) -> Self {
        Self::Connection(ConnectionError::by_peer(code, reason))
    }
}

impl<E: Into<ConnectionError>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Connection(error.into())
    }
}
