//! A listening port: the half-open, the accepted, and when to answer with cookies (RFC 4987). Owned by the
//! endpoint.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use super::settings::TcpSettings;
use crate::arena::Key;
use crate::limits::{ACCEPT_QUEUE_MAX, SYN_QUEUE_MAX};

/// What a listener answers for, and how.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Only for this address; `None`: all of ours (RFC 9293 MUST-42..43).
    pub address: Option<IpAddr>,
    /// Only for this port; `None`: every port nobody else listens on (for gateways).
    pub port: Option<u16>,
    /// Connections that may wait to be accepted.
    pub backlog: usize,
    /// Withhold the SYN-ACK until the application admits the connection (for gateways).
    pub held: bool,
    /// What accepted connections start with.
    pub tcp: TcpSettings,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self { address: None, port: None, backlog: 128, held: false, tcp: TcpSettings::default() }
    }
}

/// One listening port.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) held: bool,
    pub(super) settings: Arc<TcpSettings>,
    backlog: usize,
    /// Connections in SYN-RECEIVED.
    pub(super) half_open: usize,
    /// Of those, opened fast (their data was delivered before the handshake ended).
    pub(super) fast_opened: usize,
    accepted: VecDeque<Key>,
}

/// What to do with a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// Keep a control block.
    Remember,
    /// Answer with a cookie and remember nothing.
    Cookie,
    /// Say nothing: the peer will try again.
    Full,
}

impl Listener {
    pub(super) fn new(settings: ListenerSettings) -> Self {
        Self {
            address: settings.address,
            port: settings.port,
            held: settings.held,
            settings: Arc::new(settings.tcp),
            backlog: settings.backlog.clamp(1, ACCEPT_QUEUE_MAX),
            half_open: 0,
            fast_opened: 0,
            accepted: VecDeque::new(),
        }
    }

    pub(super) fn room(&self) -> Room {
        if self.is_full() {
            return Room::Full;
        }
        match self.half_open < SYN_QUEUE_MAX {
            true => Room::Remember,
            // A held connection has no SYN-ACK in which to put a cookie.
            false if self.held => Room::Full,
            false => Room::Cookie,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.accepted.len() >= self.backlog
    }

    pub(super) fn push(&mut self, connection: Key) {
        self.accepted.push_back(connection);
    }

    pub(super) fn pop(&mut self) -> Option<Key> {
        self.accepted.pop_front()
    }

    /// A connection that waited here is gone.
    pub(super) fn forget(&mut self, connection: Key) {
        self.accepted.retain(|key| *key != connection);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Key> + '_ {
        self.accepted.drain(..)
    }
}
