//! The peer's unidirectional streams (RFC 9114 §6.2): which are control and QPACK's, and what comes on the control stream.
//! Owned by the connection, which obeys what comes of it.

use std::collections::HashMap;

use bytes::{Buf, Bytes};

use super::reader::{FrameReader, Piece};
use crate::h3::error::{ConnectionError, ErrorCode};
use crate::h3::limits::CONTROL_FRAME_MAX;
use crate::h3::wire::frame::{kind, stream_kind};
use crate::h3::wire::setting::Settings;
use crate::h3::wire::{frame, variable_integer};

/// What a unidirectional stream turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Control,
    Encoder,
    Decoder,
    Push,
    Unknown,
}

/// What came on the control stream.
#[derive(Debug)]
pub(super) enum ControlFrame {
    Settings(Settings),
    GoAway(u64),
    MaxPushId(u64),
    CancelPush(u64),
    /// A request's priority, or a push's: number and field value.
    PriorityUpdate {
        is_push: bool,
        number: u64,
        value: Vec<u8>,
    },
    Unknown,
}

/// The streams the peer opened one way.
#[derive(Debug, Default)]
pub(super) struct PeerStreams {
    /// The beginning of streams whose type is not whole.
    begun: HashMap<u64, Vec<u8>>,
    control: Option<u64>,
    encoder: Option<u64>,
    decoder: Option<u64>,
    ignored: Vec<u64>,
    reader: FrameReader,
    settings_came: bool,
}

/// Ignored streams remembered, so that what is still on its way is dropped quietly.
const IGNORED_MAX: usize = 64;
/// Streams whose type may be on its way at once; a peer has three to open and may grease.
const BEGUN_MAX: usize = 64;

impl PeerStreams {
    /// What a stream is; takes its type off `data` when that is where it stands. `None`: not known yet.
    pub(super) fn purpose(&mut self, id: u64, data: &mut Bytes) -> Result<Option<Purpose>, ConnectionError> {
        let known = |stream: Option<u64>| stream == Some(id);
        if known(self.control) {
            return Ok(Some(Purpose::Control));
        } else if known(self.encoder) {
            return Ok(Some(Purpose::Encoder));
        } else if known(self.decoder) {
            return Ok(Some(Purpose::Decoder));
        } else if self.ignored.contains(&id) {
            data.clear();
            return Ok(Some(Purpose::Unknown));
        }
        if self.begun.len() >= BEGUN_MAX && !self.begun.contains_key(&id) {
            return Err(ConnectionError::by_peer(ErrorCode::EXCESSIVE_LOAD, "too many streams without a type"));
        }
        let begun = self.begun.entry(id).or_default();
        while !data.is_empty() {
            begun.push(data.get_u8());
            if let Some(stream_type) = variable_integer::decode(begun, &mut 0) {
                self.begun.remove(&id);
                return self.assign(id, stream_type).map(Some);
            }
        }
        Ok(None)
    }

    fn assign(&mut self, id: u64, stream_type: u64) -> Result<Purpose, ConnectionError> {
        let (place, purpose) = match stream_type {
            stream_kind::CONTROL => (&mut self.control, Purpose::Control),
            stream_kind::QPACK_ENCODER => (&mut self.encoder, Purpose::Encoder),
            stream_kind::QPACK_DECODER => (&mut self.decoder, Purpose::Decoder),
            stream_kind::PUSH => return Ok(Purpose::Push),
            _ => {
                if self.ignored.len() == IGNORED_MAX {
                    self.ignored.remove(0);
                }
                self.ignored.push(id);
                return Ok(Purpose::Unknown);
            }
        };
        if place.replace(id).is_some() {
            // RFC 9114 §6.2.1, RFC 9204 §4.2
            return Err(ConnectionError::by_peer(ErrorCode::STREAM_CREATION_ERROR, "a second critical stream"));
        }
        Ok(purpose)
    }

    /// Whether the connection cannot live without this stream (RFC 9114 §6.2.1, RFC 9204 §4.2).
    pub(super) fn is_critical(&self, id: u64) -> bool {
        [self.control, self.encoder, self.decoder].contains(&Some(id))
    }

    /// A stream ended, by FIN or by reset.
    pub(super) fn forget(&mut self, id: u64) {
        self.begun.remove(&id);
        self.ignored.retain(|ignored| *ignored != id);
    }

    /// The next frame of the control stream.
    pub(super) fn next_control_frame(&mut self, data: &mut Bytes) -> Result<Option<ControlFrame>, ConnectionError> {
        let Some(piece) = self.reader.next(data, CONTROL_FRAME_MAX)? else { return Ok(None) };
        let fault = |code, reason| Err(ConnectionError::by_peer(code, reason));
        let is_settings = matches!(piece, Piece::Frame(kind::SETTINGS, _));
        match (self.settings_came, is_settings) {
            // RFC 9114 §6.2.1
            (false, false) => {
                return fault(ErrorCode::MISSING_SETTINGS, "the control stream does not begin with SETTINGS");
            }
            // RFC 9114 §7.2.4
            (true, true) => return fault(ErrorCode::FRAME_UNEXPECTED, "SETTINGS twice"),
            _ => {}
        }
        let (frame_type, payload) = match piece {
            Piece::Frame(frame_type, payload) => (frame_type, payload),
            Piece::Unknown => return Ok(Some(ControlFrame::Unknown)),
            Piece::Data(_) => return fault(ErrorCode::FRAME_UNEXPECTED, "DATA on the control stream"),
        };
        let wrong = ConnectionError::by_peer(ErrorCode::FRAME_ERROR, "a control frame is not as long as its content");
        let number = || frame::read_number(&payload).ok_or(wrong);
        Ok(Some(match frame_type {
            kind::SETTINGS => {
                self.settings_came = true;
                ControlFrame::Settings(Settings::decode(&payload)?)
            }
            kind::GOAWAY => ControlFrame::GoAway(number()?),
            kind::MAX_PUSH_ID => ControlFrame::MaxPushId(number()?),
            kind::CANCEL_PUSH => ControlFrame::CancelPush(number()?),
            kind::PRIORITY_UPDATE_REQUEST | kind::PRIORITY_UPDATE_PUSH => {
                let mut position = 0;
                let number = variable_integer::decode(&payload, &mut position).ok_or(wrong)?;
                let is_push = frame_type == kind::PRIORITY_UPDATE_PUSH;
                ControlFrame::PriorityUpdate { is_push, number, value: payload[position..].to_vec() }
            }
            _ => return fault(ErrorCode::FRAME_UNEXPECTED, "a frame that has no place on the control stream"),
        }))
    }
}
