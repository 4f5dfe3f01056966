//! When to ask whether the peer is still there, when to give up, and how many control frames are too many.

use edgeway_base::Instant;

use super::WebSocketLimits;
use crate::limits::websocket::{CONTROL_FRAMES_MAX, CONTROL_WINDOW};

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A ping.
    Ping,
    /// The end: the peer did not answer.
    GiveUp,
}

/// The clock of one connection.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    until: Instant,
    due: Due,
    window_end: Instant,
    control_frames: u32,
}

impl Heartbeat {
    pub(crate) fn new(limits: &WebSocketLimits, now: Instant) -> Self {
        Self { until: now + limits.ping_interval, due: Due::Ping, window_end: now, control_frames: 0 }
    }

    /// Something came: whatever it is, the peer lives.
    pub(crate) fn note_input(&mut self, limits: &WebSocketLimits, now: Instant) {
        (self.until, self.due) = (now + limits.ping_interval, Due::Ping);
    }

    /// A close was sent: from now on only the end is awaited, and input does not put it off.
    pub(crate) fn begin_close(&mut self, limits: &WebSocketLimits, now: Instant) {
        (self.until, self.due) = (now + limits.close_timeout, Due::GiveUp);
    }

    /// A control frame came. Says whether that is still in bounds.
    pub(crate) fn note_control(&mut self, now: Instant) -> bool {
        if now >= self.window_end {
            (self.window_end, self.control_frames) = (now + CONTROL_WINDOW, 0);
        }
        self.control_frames += 1;
        self.control_frames <= CONTROL_FRAMES_MAX
    }

    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// What is due at `now`, if anything; after a ping, the pong's deadline runs.
    pub(crate) fn expire(&mut self, limits: &WebSocketLimits, now: Instant) -> Option<Due> {
        if now < self.until {
            return None;
        }
        let due = self.due;
        (self.until, self.due) = (now + limits.pong_timeout, Due::GiveUp);
        Some(due)
    }
}
