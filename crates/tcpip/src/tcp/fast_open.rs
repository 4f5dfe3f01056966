//! TCP Fast Open (RFC 7413): data with the SYN, for clients that hold a cookie. Both halves of it that touch a
//! connection; cookies are made in [`super::secrets`] and kept by the endpoint.

use super::connection::{Connection, Segment};
use crate::wire::tcp_options::FastOpen;

impl Connection {
    /// The client's side: ask for a cookie, or use one.
    pub(super) fn open_fast(&mut self, option: Option<FastOpen>) {
        self.fast_open = option;
    }

    /// The server's side: grants a cookie that is asked for; takes the data of a SYN whose cookie is right.
    /// Returns whether the connection may be accepted before the handshake ends (RFC 7413 §4.2.2).
    pub(super) fn answer_fast_open(&mut self, syn: &Segment, expected: [u8; 8], room: bool) -> bool {
        if !self.settings.fast_open {
            return false;
        }
        match syn.header.options.fast_open {
            Some(FastOpen::Cookie(cookie)) if cookie == expected && room => {
                let window = self.receive.window() as usize;
                let payload = syn.payload.slice(..syn.payload.len().min(window));
                if !payload.is_empty() {
                    self.receive.buffer.insert(1, payload);
                    self.changes.readable = true;
                }
                self.fast_opened = true;
                true
            }
            // RFC 7413 §4.1.2: a request, or a cookie that is no longer right: give a new one.
            Some(_) => {
                self.fast_open = Some(FastOpen::Cookie(expected));
                false
            }
            None => false,
        }
    }

    /// A SYN asked for ECN, and the settings grant it.
    pub(super) fn agree_on_ecn(&mut self, granted: bool) {
        self.ecn.enabled = granted;
    }
}
