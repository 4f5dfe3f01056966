//! One stream's bytes to frames (RFC 9114 §7.1). Owned by each request stream and by the peer's control stream. DATA passes
//! through as it comes; other frames are gathered whole, within a bound.

use bytes::{Buf, Bytes};

use crate::h3::error::{ConnectionError, ErrorCode};
use crate::h3::wire::frame::kind;
use crate::h3::wire::variable_integer;

/// What came next.
#[derive(Debug)]
pub(super) enum Piece {
    /// The beginning, or more, of a DATA frame; empty when the frame is, or has only begun.
    Data(Bytes),
    /// A whole frame of another known type.
    Frame(u64, Vec<u8>),
    /// A frame of an unknown type has begun; its payload is skipped.
    Unknown,
}

/// Where in a frame the stream is.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    head: Vec<u8>,
    /// Type and bytes still to come of the frame at hand.
    current: Option<(u64, u64)>,
    payload: Vec<u8>,
}

impl FrameReader {
    /// Whether the stream may end here.
    pub(super) const fn is_between_frames(&self) -> bool {
        self.head.is_empty() && self.current.is_none()
    }

    /// Takes the next piece off `input`; `None` when there is none yet. `length_max` bounds the frames that are gathered.
    pub(super) fn next(&mut self, input: &mut Bytes, length_max: u64) -> Result<Option<Piece>, ConnectionError> {
        let Some((frame, left)) = self.current else { return self.begin(input, length_max) };
        let length = left.min(input.len() as u64) as usize;
        if length == 0 && left > 0 {
            return Ok(None);
        }
        let taken = input.split_to(length);
        let left = left - length as u64;
        self.current = (left > 0).then_some((frame, left));
        Ok(match frame {
            kind::DATA => Some(Piece::Data(taken)),
            _ if is_known(frame) => {
                self.payload.extend_from_slice(&taken);
                if left > 0 { None } else { Some(Piece::Frame(frame, std::mem::take(&mut self.payload))) }
            }
            _ => return if input.is_empty() { Ok(None) } else { self.next(input, length_max) },
        })
    }

    fn begin(&mut self, input: &mut Bytes, length_max: u64) -> Result<Option<Piece>, ConnectionError> {
        let Some((frame, length)) = self.take_head(input) else { return Ok(None) };
        self.current = Some((frame, length));
        if frame == kind::DATA {
            // Told at once: an empty frame too may come at the wrong time.
            return if length == 0 { self.finish_empty() } else { Ok(Some(Piece::Data(Bytes::new()))) };
        }
        if !is_known(frame) {
            if length == 0 {
                self.current = None;
            }
            return Ok(Some(Piece::Unknown));
        }
        if length > length_max {
            return Err(ConnectionError::by_peer(ErrorCode::EXCESSIVE_LOAD, "frame too large"));
        }
        self.next(input, length_max)
    }

    fn finish_empty(&mut self) -> Result<Option<Piece>, ConnectionError> {
        self.current = None;
        Ok(Some(Piece::Data(Bytes::new())))
    }

    /// Type and length, gathered byte by byte when they come so.
    fn take_head(&mut self, input: &mut Bytes) -> Option<(u64, u64)> {
        while !input.is_empty() {
            self.head.push(input.get_u8());
            let mut position = 0;
            let found = variable_integer::decode(&self.head, &mut position)
                .and_then(|kind| Some((kind, variable_integer::decode(&self.head, &mut position)?)));
            if found.is_some() {
                self.head.clear();
                return found;
            }
        }
        None
    }
}

/// Types with a meaning, here or by being forbidden.
const fn is_known(frame: u64) -> bool {
    matches!(
        frame,
        kind::DATA
            | kind::HEADERS
            | kind::CANCEL_PUSH
            | kind::SETTINGS
            | kind::PUSH_PROMISE
            | kind::GOAWAY
            | kind::MAX_PUSH_ID
            | kind::PRIORITY_UPDATE_REQUEST
            | kind::PRIORITY_UPDATE_PUSH
    ) || kind::is_of_http_2(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h3::wire::frame;

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let mut stream = Vec::new();
        frame::write(kind::HEADERS, b"section", &mut stream);
        frame::write(0x21, b"grease", &mut stream);
        frame::write(kind::DATA, &[7; 100], &mut stream);
        frame::write(kind::DATA, b"", &mut stream);
        frame::write_number(kind::GOAWAY, 4, &mut stream);
        for size in [1, 2, 3, 7, 1_000] {
            let (mut reader, mut data, mut frames, mut unknown) = (FrameReader::default(), 0, Vec::new(), 0);
            for chunk in stream.chunks(size) {
                let mut input = Bytes::copy_from_slice(chunk);
                while let Some(piece) = reader.next(&mut input, 1_000).unwrap() {
                    match piece {
                        Piece::Data(bytes) => data += bytes.len(),
                        Piece::Frame(kind, payload) => frames.push((kind, payload)),
                        Piece::Unknown => unknown += 1,
                    }
                }
                assert!(input.is_empty());
            }
            assert!(reader.is_between_frames());
            assert_eq!((data, unknown), (100, 1));
            assert_eq!(frames, [(kind::HEADERS, b"section".to_vec()), (kind::GOAWAY, vec![4])]);
        }
        let mut reader = FrameReader::default();
        let error = reader.next(&mut Bytes::from_static(&[1, 0x44, 0]), 1_000).unwrap_err();
        assert_eq!(error.code, ErrorCode::EXCESSIVE_LOAD);
    }
}
