//! What the server's machine remembers of a request until its response has ended.

use crate::h1::wire::request::DecodedRequest;
use crate::semantics::{Method, RequestHead, Version};

/// What must be remembered of a request until its response has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) persistent: bool,
    /// The client waits for 100 (Continue), which was not sent.
    pub(super) continue_owed: bool,
    pub(super) upgrade: bool,
    pub(super) head_sent: bool,
    pub(super) response_ended: bool,
    /// Its input was refused; no byte more is wanted.
    pub(super) refused: bool,
    /// Content was asked for and there was none: from then on the client's time runs.
    pub(super) starved: bool,
    /// Content still to come is thrown away.
    pub(super) discarding: bool,
}

impl Exchange {
    /// For input that is no request: answered as HTTP/1.1, and then closed.
    pub(super) const REFUSED: Self = Self {
        method: Method::Get,
        version: Version::Http11,
        persistent: false,
        continue_owed: false,
        upgrade: false,
        head_sent: false,
        response_ended: false,
        refused: true,
        starved: false,
        discarding: false,
    };

    /// For a request that was handed out.
    #[inline]
    pub(super) fn new(decoded: &DecodedRequest, head: &RequestHead) -> Self {
        Self {
            method: head.method,
            version: head.version,
            persistent: decoded.persistent,
            continue_owed: decoded.expects_continue,
            upgrade: decoded.upgrade,
            refused: false,
            ..Self::REFUSED
        }
    }
}
