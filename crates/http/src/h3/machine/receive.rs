//! What incoming bytes do (RFC 9114 §4, §7). Called by the faces with what QUIC received; field sections go on to
//! `receive_sections.rs`.

use bytes::Bytes;
use edgeway_base::Instant;

use super::connection::{Connection, Role};
use super::event::{Command, Event};
use super::peer_streams::{ControlFrame, Purpose};
use super::reader::Piece;
use super::streams::{Finish, Phase, Stream};
use crate::binary::Priority;
use crate::binary::trouble::Offence;
use crate::h3::error::{Error, ErrorCode};
use crate::h3::limits;
use crate::h3::wire::frame::kind;

/// A stream the peer opened one way (RFC 9000 §2.1).
const fn is_unidirectional(id: u64) -> bool {
    id & 2 != 0
}

impl Connection {
    /// Bytes of a stream, in order; `fin`: its last.
    pub(super) fn handle_stream(&mut self, id: u64, data: Bytes, fin: bool, now: Instant) {
        if self.is_over() {
            return;
        }
        let taken = match is_unidirectional(id) {
            true => self.take_unidirectional(id, data, fin, now),
            false => self.take_bidirectional(id, data, fin, now),
        };
        if let Err(error) = taken {
            self.answer_error(id, error, now);
        }
    }

    /// The peer reset its side of a stream.
    pub(super) fn handle_reset(&mut self, id: u64, code: ErrorCode, now: Instant) {
        if self.peer_streams.is_critical(id) {
            return self.answer_error(id, closed_critical(), now);
        }
        self.peer_streams.forget(id);
        let Some(slot) = self.streams.find(id) else { return self.take_reset_before_data(id, now) };
        let stream = self.streams.get_mut(slot);
        if stream.phase == Phase::Done {
            return;
        }
        // RFC 9114 §4.1.1: what came is not a whole message, so nothing is answered to it.
        stream.fin_came = true;
        let is_unanswered = stream.outgoing.finish == Finish::Open;
        self.break_stream(id, code);
        self.note_cancelled(is_unanswered, now);
    }

    /// A request reset before any of its bytes came.
    fn take_reset_before_data(&mut self, id: u64, now: Instant) {
        if self.role == Role::Server && id.is_multiple_of(4) {
            match self.note_request(id) {
                Ok(is_new) => self.note_cancelled(is_new, now),
                Err(error) => self.answer_error(id, error, now),
            }
        }
    }

    /// The peer wants no more of our side of a stream.
    pub(super) fn handle_stop_sending(&mut self, id: u64, code: ErrorCode, now: Instant) {
        if self.is_ours(id) {
            return self.answer_error(id, closed_critical(), now);
        }
        let Some(slot) = self.streams.find(id) else { return };
        if self.streams.get(slot).outgoing.finish != Finish::Done {
            self.break_stream(id, code);
            self.note_cancelled(true, now);
        }
    }

    /// Rapid reset, in HTTP/3's way (CVE-2023-44487).
    fn note_cancelled(&mut self, is_unanswered: bool, now: Instant) {
        if is_unanswered
            && self.role == Role::Server
            && let Err(trouble) = self.trouble.add(Offence::Reset, now)
        {
            self.fail(trouble.into());
        }
    }

    // ---- unidirectional streams ----

    fn take_unidirectional(&mut self, id: u64, mut data: Bytes, fin: bool, now: Instant) -> Result<(), Error> {
        match self.peer_streams.purpose(id, &mut data)? {
            Some(Purpose::Control) => {
                while let Some(frame) = self.peer_streams.next_control_frame(&mut data)? {
                    self.take_control_frame(frame, now)?;
                }
            }
            Some(Purpose::Encoder) => {
                self.decoder.handle_encoder_stream(&data)?;
                self.retry_blocked(now);
                self.put_qpack();
            }
            Some(Purpose::Decoder) => self.encoder.handle_decoder_stream(&data)?,
            Some(Purpose::Push) => {
                // RFC 9114 §4.6, §6.2.2: a client never pushes, and we never allowed a server to.
                let code =
                    if self.role == Role::Server { ErrorCode::STREAM_CREATION_ERROR } else { ErrorCode::ID_ERROR };
                return Err(Error::connection(code, "a push stream that was not allowed"));
            }
            Some(Purpose::Unknown) if !fin => {
                // RFC 9114 §6.2.3: unknown types are not errors.
                self.trouble.add(Offence::UnknownFrame, now)?;
                self.commands.push_back(Command::StopSending { stream: id, code: ErrorCode::STREAM_CREATION_ERROR });
            }
            Some(Purpose::Unknown) | None => {}
        }
        if fin {
            if self.peer_streams.is_critical(id) {
                return Err(closed_critical());
            }
            self.peer_streams.forget(id);
        }
        Ok(())
    }

    fn take_control_frame(&mut self, frame: ControlFrame, now: Instant) -> Result<(), Error> {
        match frame {
            ControlFrame::Settings(settings) => {
                self.peer = settings;
                self.settings_came = true;
                self.encoder.set_peer_settings(settings.table_capacity, settings.blocked_streams);
                self.put_qpack();
                self.events.push_back(Event::Settings);
                Ok(())
            }
            ControlFrame::GoAway(id) => self.take_go_away(id),
            ControlFrame::MaxPushId(id) => self.take_max_push_id(id, now),
            ControlFrame::CancelPush(id) => self.take_cancel_push(id, now),
            ControlFrame::PriorityUpdate { is_push, number, value } => {
                self.take_priority_update(is_push, number, &value, now)
            }
            ControlFrame::Unknown => Ok(self.trouble.add(Offence::UnknownFrame, now)?),
        }
    }

    /// RFC 9114 §5.2.
    fn take_go_away(&mut self, id: u64) -> Result<(), Error> {
        let is_request = id.is_multiple_of(4);
        let grows = self.peer_goaway.is_some_and(|before| id > before);
        if grows || (self.role == Role::Client && !is_request) {
            return Err(Error::connection(ErrorCode::ID_ERROR, "GOAWAY names a wrong stream"));
        }
        self.peer_goaway = Some(id);
        self.events.push_back(Event::GoAway);
        if self.role == Role::Client {
            let refused: Vec<u64> = self
                .streams
                .iter()
                .filter(|stream| !is_unidirectional(stream.id) && stream.id >= id)
                .map(|stream| stream.id)
                .collect();
            refused.into_iter().for_each(|stream| self.break_stream(stream, ErrorCode::REQUEST_REJECTED));
        }
        self.end_if_done();
        Ok(())
    }

    /// RFC 9114 §7.2.7.
    fn take_max_push_id(&mut self, id: u64, now: Instant) -> Result<(), Error> {
        if self.role == Role::Client {
            return Err(Error::connection(ErrorCode::FRAME_UNEXPECTED, "MAX_PUSH_ID from a server"));
        }
        if id + 1 < self.push_limit {
            return Err(Error::connection(ErrorCode::ID_ERROR, "MAX_PUSH_ID shrinks"));
        }
        self.push_limit = id + 1;
        Ok(self.trouble.add(Offence::Priority, now)?)
    }

    /// RFC 9114 §7.2.3.
    fn take_cancel_push(&mut self, id: u64, now: Instant) -> Result<(), Error> {
        if id >= self.next_push {
            return Err(Error::connection(ErrorCode::ID_ERROR, "CANCEL_PUSH of no push"));
        }
        let stream = self.streams.iter().find(|stream| stream.push == Some(id)).map(|stream| stream.id);
        if let Some(stream) = stream {
            self.break_stream(stream, ErrorCode::REQUEST_CANCELLED);
        }
        Ok(self.trouble.add(Offence::LateFrame, now)?)
    }

    /// RFC 9218 §7.2.
    fn take_priority_update(&mut self, is_push: bool, number: u64, value: &[u8], now: Instant) -> Result<(), Error> {
        if self.role == Role::Client {
            return Err(Error::connection(ErrorCode::FRAME_UNEXPECTED, "PRIORITY_UPDATE from a server"));
        }
        self.trouble.add(Offence::Priority, now)?;
        let priority = Priority::from_field(value);
        if is_push {
            if number >= self.next_push {
                return Err(Error::connection(ErrorCode::ID_ERROR, "PRIORITY_UPDATE of no push"));
            }
            let stream = self.streams.iter().find(|stream| stream.push == Some(number)).map(|stream| stream.id);
            stream.into_iter().for_each(|stream| self.set_priority(stream, priority));
            return Ok(());
        }
        if !number.is_multiple_of(4) {
            return Err(Error::connection(ErrorCode::ID_ERROR, "PRIORITY_UPDATE of no request stream"));
        }
        if self.streams.find(number).is_some() {
            self.set_priority(number, priority);
        } else if number >= self.next_request {
            self.idle_priorities.retain(|(stream, _)| *stream != number);
            if self.idle_priorities.len() == limits::IDLE_PRIORITIES_MAX {
                self.idle_priorities.pop_front();
            }
            self.idle_priorities.push_back((number, priority));
        }
        Ok(())
    }

    // ---- request streams ----

    fn take_bidirectional(&mut self, id: u64, data: Bytes, fin: bool, now: Instant) -> Result<(), Error> {
        let slot = match self.streams.find(id) {
            Some(slot) => slot,
            None if self.role == Role::Client || !id.is_multiple_of(4) => {
                // RFC 9114 §6.1; a stream of ours that has ended is not in the table either.
                let is_ours = self.role == Role::Client && id.is_multiple_of(4);
                return if is_ours { Ok(()) } else { Err(wrong_stream()) };
            }
            None if !self.note_request(id)? => return Ok(()),
            None if self.refused_from.is_some_and(|first| id >= first) => return self.reject(id, now),
            None => self.streams.insert(Stream::new(id, Phase::Head)),
        };
        let stream = self.streams.get_mut(slot);
        stream.fin_came |= fin;
        if stream.phase == Phase::Done {
            return Ok(());
        }
        if !data.is_empty() {
            stream.held_bytes += data.len();
            stream.held.push_back(data);
        }
        if stream.held_bytes > limits::HELD_BYTES_MAX && stream.blocked.is_some() {
            return Err(Error::connection(ErrorCode::EXCESSIVE_LOAD, "too much behind a blocked section"));
        }
        self.advance(slot, now)
    }

    /// Whether a stream that is not in the table is one whose bytes have not come, and not one that is over. QUIC's streams
    /// open in order, but their bytes come in any.
    fn note_request(&mut self, id: u64) -> Result<bool, Error> {
        if id < self.next_request {
            let Some(index) = self.skipped_requests.iter().position(|skipped| *skipped == id) else { return Ok(false) };
            self.skipped_requests.swap_remove(index);
            return Ok(true);
        }
        let count = ((id - self.next_request) / 4) as usize;
        if self.skipped_requests.len().saturating_add(count) > limits::SKIPPED_MAX {
            return Err(Error::connection(ErrorCode::EXCESSIVE_LOAD, "too many streams out of order"));
        }
        self.skipped_requests.extend((self.next_request..id).step_by(4));
        self.next_request = id + 4;
        Ok(true)
    }

    /// RFC 9114 §5.2: a request after our GOAWAY.
    fn reject(&mut self, id: u64, now: Instant) -> Result<(), Error> {
        let code = ErrorCode::REQUEST_REJECTED;
        self.commands.push_back(Command::ResetStream { stream: id, code });
        self.commands.push_back(Command::StopSending { stream: id, code });
        Ok(self.trouble.add(Offence::Refused, now)?)
    }

    /// Sections that waited for the table are tried again.
    fn retry_blocked(&mut self, now: Instant) {
        let count = self.decoder.insert_count();
        let ready: Vec<u64> = self
            .streams
            .iter()
            .filter(|stream| stream.blocked.as_ref().is_some_and(|(required, _)| *required <= count))
            .map(|stream| stream.id)
            .collect();
        for id in ready {
            let Some(slot) = self.streams.find(id) else { continue };
            let Some((_, section)) = self.streams.get_mut(slot).blocked.take() else { continue };
            let taken = self.take_section(slot, section, now).and_then(|()| match self.streams.find(id) {
                Some(slot) => self.advance(slot, now),
                None => Ok(()),
            });
            if let Err(error) = taken {
                self.answer_error(id, error, now);
            }
        }
    }

    /// Takes frames of a stream as far as they have come.
    fn advance(&mut self, slot: u32, now: Instant) -> Result<(), Error> {
        let id = self.streams.get(slot).id;
        loop {
            if self.streams.find(id) != Some(slot) {
                return Ok(());
            }
            let stream = self.streams.get_mut(slot);
            if stream.blocked.is_some() || stream.phase == Phase::Done {
                return Ok(());
            }
            let Some(input) = stream.held.front_mut() else { break };
            let before = input.len();
            let piece = stream.reader.next(input, limits::SECTION_BYTES_MAX)?;
            stream.held_bytes -= before - input.len();
            if input.is_empty() {
                stream.held.pop_front();
            }
            if let Some(piece) = piece {
                self.take_piece(slot, piece, now)?;
            }
        }
        let stream = self.streams.get(slot);
        if stream.fin_came { self.take_fin(slot) } else { Ok(()) }
    }

    fn take_piece(&mut self, slot: u32, piece: Piece, now: Instant) -> Result<(), Error> {
        let stream = self.streams.get_mut(slot);
        let unexpected = |reason| Err(Error::connection(ErrorCode::FRAME_UNEXPECTED, reason));
        match (piece, stream.phase) {
            (Piece::Unknown, _) => Ok(self.trouble.add(Offence::UnknownFrame, now)?),
            (Piece::Data(data), Phase::Content) => {
                if let Some(left) = &mut stream.content_left {
                    // RFC 9114 §4.1.2: not the length that was announced.
                    *left = left.checked_sub(data.len() as u64).ok_or(Error::Stream(ErrorCode::MESSAGE_ERROR))?;
                }
                if !data.is_empty() {
                    let stream = stream.id;
                    if data.len() <= crate::h2::limits::TINY_DATA_MAX {
                        self.trouble.add(Offence::TinyData, now)?;
                    }
                    self.events.push_back(Event::Data { stream, data });
                }
                Ok(())
            }
            // RFC 9114 §4.1: any other order is an error of the connection.
            (Piece::Data(_), _) => unexpected("DATA out of order"),
            (Piece::Frame(kind::HEADERS, section), Phase::Head | Phase::Content) => {
                self.take_section(slot, section, now)
            }
            (Piece::Frame(kind::HEADERS, _), _) => unexpected("HEADERS out of order"),
            (Piece::Frame(kind::PUSH_PROMISE, _), _) if self.role == Role::Client => {
                Err(Error::connection(ErrorCode::ID_ERROR, "a push that was not allowed"))
            }
            (Piece::Frame(..), _) => unexpected("a frame that has no place on a request stream"),
        }
    }

    /// The peer's side has ended.
    fn take_fin(&mut self, slot: u32) -> Result<(), Error> {
        let stream = self.streams.get_mut(slot);
        let id = stream.id;
        if !stream.reader.is_between_frames() {
            // RFC 9114 §7.1
            return Err(Error::connection(ErrorCode::FRAME_ERROR, "a stream ends inside a frame"));
        }
        if stream.phase == Phase::Head {
            // RFC 9114 §4.1
            let code = if self.role == Role::Server { ErrorCode::REQUEST_INCOMPLETE } else { ErrorCode::MESSAGE_ERROR };
            return Err(Error::Stream(code));
        }
        if stream.content_left.is_some_and(|left| left > 0) {
            // RFC 9114 §4.1.2; a bare FIN after HEADERS with a Content-Length is one of these.
            return Err(Error::Stream(ErrorCode::MESSAGE_ERROR));
        }
        if stream.phase == Phase::Content {
            self.events.push_back(Event::End { stream: id, trailers: None });
        }
        self.streams.get_mut(slot).phase = Phase::Done;
        self.remove_if_over(slot);
        Ok(())
    }
}

const fn closed_critical() -> Error {
    Error::connection(ErrorCode::CLOSED_CRITICAL_STREAM, "a critical stream was closed")
}

const fn wrong_stream() -> Error {
    Error::connection(ErrorCode::STREAM_CREATION_ERROR, "a stream the peer may not open")
}
