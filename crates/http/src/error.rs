//! What goes wrong in this house, whose fault it is, and what to tell the peer. Made by the machines, read by
//! the drivers in `net` and the stages in `serve`.

use std::fmt;

use edgeway_base::{Blame, Blamed};

use crate::h1::wire::Malformed;
use crate::semantics::Status;

/// A request that is not served: the status to answer with, and one sentence for logs and pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What to tell the peer.
    pub status: Status,
    /// Why, in one sentence without a full stop.
    pub reason: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        Blame::Peer
    }

    fn may_retry(&self) -> bool {
        self.status == Status::REQUEST_TIMEOUT
    }
}

impl From<Malformed> for Refusal {
    fn from(fault: Malformed) -> Self {
        Self { status: fault.status(), reason: fault.reason() }
    }
}

/// A response that an upstream failed to give. The peer is told 502; the connection is never used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseError {
    /// It breaks the rules of HTTP.
    Malformed(Malformed),
    /// The connection ended before the first byte of a response.
    NoResponse,
    /// The connection ended in the middle of a response.
    Truncated,
    /// More interim responses than [`crate::limits::h1::INFORMATIONAL_MAX`].
    InformationalFlood,
    /// 101 without a request to upgrade, or to a protocol that was not asked for.
    UnwantedUpgrade,
    /// Bytes that no request asked for.
    Unsolicited,
}

impl ResponseError {
    /// One sentence for logs and pages.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(fault) => fault.reason(),
            Self::NoResponse => "the upstream closed the connection without a response",
            Self::Truncated => "the upstream closed the connection in the middle of a response",
            Self::InformationalFlood => "the upstream sent too many interim responses",
            Self::UnwantedUpgrade => "the upstream switched to a protocol that was not asked for",
            Self::Unsolicited => "the upstream sent bytes that no request asked for",
        }
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for ResponseError {}

impl From<Malformed> for ResponseError {
    fn from(fault: Malformed) -> Self {
        Self::Malformed(fault)
    }
}

impl Blamed for ResponseError {
    fn blame(&self) -> Blame {
        Blame::Upstream
    }

    /// An idempotent request may go to another connection when this one died before it answered.
    fn may_retry(&self) -> bool {
        matches!(self, Self::NoResponse)
    }
}
