//! What both sides announced (RFC 9113 §6.5). Owned by the connection; other owners are told what changed.

use crate::h2::Limits;
use crate::h2::error::{ConnectionError, ErrorCode};
use crate::h2::limits::WINDOW_DEFAULT;
use crate::h2::wire::{Setting, settings::FRAME_SIZE_RANGE};

/// Which side of the connection we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Server,
    Client,
}

/// The peer's settings; until it says otherwise the defaults of RFC 9113 §6.5.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerSettings {
    pub(super) push: bool,
    pub(super) streams_max: u32,
    pub(super) initial_window: u32,
    pub(super) frame_size_max: u32,
    pub(super) extended_connect: bool,
    pub(super) no_old_priorities: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            push: true,
            streams_max: u32::MAX,
            initial_window: WINDOW_DEFAULT,
            frame_size_max: *FRAME_SIZE_RANGE.start(),
            extended_connect: false,
            no_old_priorities: false,
        }
    }
}

/// What other owners must hear of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// Every stream's send window moves by so much.
    Window(i64),
    /// The encoder may use a table of so many bytes.
    HeaderTable(u32),
    /// Nothing.
    None,
}

impl PeerSettings {
    /// Takes one parameter.
    pub(super) fn apply(&mut self, setting: Setting, role: Role) -> Result<Change, ConnectionError> {
        match setting {
            Setting::HeaderTableSize(size) => return Ok(Change::HeaderTable(size)),
            Setting::EnablePush(true) if role == Role::Client => {
                // RFC 9113 §6.5.2: only a client may enable push.
                return Err(ConnectionError::by_peer(ErrorCode::PROTOCOL_ERROR, "a server enabled push"));
            }
            Setting::EnablePush(push) => self.push = push,
            Setting::MaxConcurrentStreams(count) => self.streams_max = count,
            Setting::InitialWindowSize(size) => {
                let delta = i64::from(size) - i64::from(self.initial_window);
                self.initial_window = size;
                return Ok(Change::Window(delta));
            }
            Setting::MaxFrameSize(size) => self.frame_size_max = size,
            Setting::EnableConnectProtocol(false) if self.extended_connect => {
                // RFC 8441 §3: what was offered is not taken back.
                return Err(ConnectionError::by_peer(ErrorCode::PROTOCOL_ERROR, "extended CONNECT taken back"));
            }
            Setting::EnableConnectProtocol(enabled) => self.extended_connect = enabled,
            Setting::NoRfc7540Priorities(given_up) => self.no_old_priorities = given_up,
            Setting::MaxHeaderListSize(_) | Setting::Unknown(..) => {}
        }
        Ok(Change::None)
    }
}

/// What we announce: only what differs from the defaults.
pub(super) fn announcement(limits: &Limits, role: Role) -> Vec<Setting> {
    let mut settings = vec![
        Setting::MaxConcurrentStreams(limits.streams_max),
        Setting::MaxHeaderListSize(u32::try_from(limits.section_size_max).unwrap_or(u32::MAX)),
    ];
    if limits.stream_window != WINDOW_DEFAULT {
        settings.push(Setting::InitialWindowSize(limits.stream_window));
    }
    if limits.header_table_size != 4_096 {
        settings.push(Setting::HeaderTableSize(limits.header_table_size));
    }
    match role {
        Role::Server if limits.extended_connect => settings.push(Setting::EnableConnectProtocol(true)),
        Role::Server => {}
        // RFC 9218 §2.1: we never send trees.
        Role::Client => settings.extend([Setting::EnablePush(limits.push), Setting::NoRfc7540Priorities(true)]),
    }
    settings
}
