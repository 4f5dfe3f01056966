//! How far the connection has come to its end (RFC 9113 §6.8). Owned by the connection.

use crate::h2::error::ConnectionError;
use crate::h2::wire::StreamId;

/// The way to the end: each step only leads to later ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Running,
    /// The first GOAWAY is out: it names no stream, so that requests on their way still count.
    Announced,
    /// The last GOAWAY is out: streams after the one it names are not taken.
    Last(StreamId),
    /// All is over.
    Over,
}

/// The state of both sides' leaving.
#[derive(Debug)]
pub(super) struct Shutdown {
    step: Step,
    /// The last stream of ours the peer will process, when it is leaving.
    peer_last: Option<StreamId>,
    error: Option<ConnectionError>,
}

impl Shutdown {
    pub(super) const fn new() -> Self {
        Self { step: Step::Running, peer_last: None, error: None }
    }

    /// Whether the first GOAWAY may be sent; it then counts as sent.
    pub(super) fn announce(&mut self) -> bool {
        let is_first = self.step == Step::Running;
        if is_first {
            self.step = Step::Announced;
        }
        is_first
    }

    /// Whether the last GOAWAY may be sent; it then counts as sent.
    pub(super) const fn finish(&mut self, last: StreamId) -> bool {
        let is_first = matches!(self.step, Step::Running | Step::Announced);
        if is_first {
            self.step = Step::Last(last);
        }
        is_first
    }

    /// Everything is over. `true` the first time.
    pub(super) fn end(&mut self, error: Option<ConnectionError>) -> bool {
        let is_first = self.step != Step::Over;
        if is_first {
            self.step = Step::Over;
            self.error = error;
        }
        is_first
    }

    /// The peer is leaving. A later GOAWAY may only name an earlier stream (RFC 9113 §6.8).
    pub(super) fn peer_leaves(&mut self, last: StreamId) {
        self.peer_last = Some(self.peer_last.map_or(last, |before| before.min(last)));
    }

    /// Whether a new stream of the peer's is still taken.
    pub(super) const fn takes_new_streams(&self) -> bool {
        matches!(self.step, Step::Running | Step::Announced)
    }

    /// Whether we may open streams or promise them.
    pub(super) const fn may_open(&self) -> bool {
        matches!(self.step, Step::Running) && self.peer_last.is_none()
    }

    /// Whether nothing is left to do once the last stream has ended.
    pub(super) const fn ends_with_last_stream(&self) -> bool {
        matches!(self.step, Step::Last(_)) || (self.peer_last.is_some() && !matches!(self.step, Step::Over))
    }

    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// Why it ended, when it did not end in peace.
    pub(super) const fn error(&self) -> Option<ConnectionError> {
        self.error
    }
}
