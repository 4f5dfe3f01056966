//! The states of a connection (RFC 9293 §3.3.2) and why it may end. Read by everyone.

use std::fmt;

use edgeway_base::{Blame, Blamed};

/// Where a connection is in its life. LISTEN is a listener ([`super::listener`]), not a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum State {
    /// We asked.
    SynSent,
    /// They asked, or both did.
    SynReceived,
    /// Both may send.
    Established,
    /// We said we are done.
    FinWait1,
    /// And they heard it.
    FinWait2,
    /// They said they are done.
    CloseWait,
    /// Both said so at once.
    Closing,
    /// They first, then we.
    LastAck,
    /// Waiting for stragglers.
    TimeWait,
    /// Over.
    Closed,
}

impl State {
    /// The name as RFC 9293 writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RCVD",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether both initial sequence numbers are agreed.
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived | Self::Closed)
    }

    /// Whether the peer may still send data.
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether the application may still write.
    pub const fn may_send(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Why a connection ended other than by both sides closing (RFC 9293 MUST-12: the application is told which).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TcpError {
    /// Nobody listens there, or the host refuses.
    Refused,
    /// The peer aborted.
    Reset,
    /// No acknowledgement for too long.
    TimedOut,
    /// The way there is reported closed.
    Unreachable,
    /// Aborted by our own side.
    Aborted,
}

impl fmt::Display for TcpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "the other side refused the connection",
            Self::Reset => "the other side reset the connection",
            Self::TimedOut => "the other side did not acknowledge in time",
            Self::Unreachable => "the other side cannot be reached",
            Self::Aborted => "the connection was aborted here",
        })
    }
}

impl std::error::Error for TcpError {}

impl Blamed for TcpError {
    fn blame(&self) -> Blame {
        match self {
            Self::Refused | Self::Reset => Blame::Peer,
            Self::TimedOut | Self::Unreachable => Blame::Environment,
            Self::Aborted => Blame::Us,
        }
    }

    fn may_retry(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Unreachable)
    }
}
