//! The framing of input: owns the bytes that were read and says where heads, content and trailers end
//! (RFC 9112 §6 and §7). Used by both machines.

use bytes::{Buf, Bytes, BytesMut};

use super::bounds::ContentLimits;
use crate::h1::wire::Malformed;
use crate::h1::wire::chunked;
use crate::h1::wire::field_lines::{self, FieldBounds};
use crate::semantics::Fields;

/// A part of a message's content.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some of it.
    Data(Bytes),
    /// Its end, with trailers when there were any.
    End(Option<Box<Fields>>),
}

/// How the content that comes next is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    /// No content, or all of it was read.
    Finished,
    /// So many bytes still to come; zero still owes the end.
    Sized(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Until the connection ends (responses only).
    UntilEnd,
}

/// Where in chunked content the reader stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Chunk {
    /// Before a chunk-size line.
    Line,
    /// So many bytes before the end of a chunk's data.
    Data(u64),
    /// Before the CR LF after a chunk's data.
    DataEnd,
    /// Before the trailer section.
    Trailers,
}

/// What was read and how it is cut up.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: BytesMut,
    framing: Framing,
    ended: bool,
    /// Where the search for the end of an incomplete head goes on; zero when none was tried.
    head_searched: usize,
    /// Bytes of `buffer` that [`Reader::arrived`] has counted.
    counted: usize,
    /// Bytes by which chunk framing exceeded content in this message.
    overhead: usize,
    body_received: u64,
    body_bytes_max: u64,
}

impl Reader {
    pub(crate) fn new(body_bytes_max: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            framing: Framing::Finished,
            ended: false,
            head_searched: 0,
            counted: 0,
            overhead: 0,
            body_received: 0,
            body_bytes_max,
        }
    }

    /// Where the driver appends what it read.
    pub(crate) fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// What was read and not yet taken.
    #[inline]
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// How many bytes the driver appended since the last call.
    #[inline]
    pub(crate) fn arrived(&mut self) -> usize {
        let arrived = self.buffer.len().saturating_sub(self.counted);
        self.counted = self.buffer.len();
        arrived
    }

    /// No byte will follow.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether no byte will follow.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether content is still to be read.
    #[inline]
    pub(crate) fn is_in_content(&self) -> bool {
        self.framing != Framing::Finished
    }

    /// Whether it is worth the while to decode a head: always at first; after an attempt found it incomplete, only
    /// once an empty line or the end of input has come. So a head that drips in is decoded twice, not once a byte.
    #[inline]
    pub(crate) fn may_hold_head(&mut self, head_bytes_max: usize) -> bool {
        !self.buffer.is_empty()
            && (self.head_searched == 0
                || self.ended
                || self.buffer.len() >= head_bytes_max
                || self.search_empty_line())
    }

    /// An attempt found the head incomplete.
    pub(crate) fn note_incomplete_head(&mut self) {
        self.head_searched = self.buffer.len();
    }

    #[cold]
    fn search_empty_line(&mut self) -> bool {
        let from = self.head_searched.saturating_sub(3);
        self.head_searched = self.buffer.len();
        memchr::memchr_iter(b'\n', &self.buffer[from..]).any(|line_feed| {
            let after = &self.buffer[from + line_feed + 1..];
            // LF alone is wrong, and so something the decoder should see at once.
            matches!(after, [b'\n', ..] | [b'\r', b'\n', ..])
        })
    }

    /// The first `head_length` bytes were a head; content framed so follows.
    #[inline]
    pub(crate) fn begin_content(&mut self, head_length: usize, framing: Framing, body_bytes_max: u64) {
        self.take(head_length);
        self.head_searched = 0;
        self.framing = framing;
        self.overhead = 0;
        self.body_received = 0;
        self.body_bytes_max = body_bytes_max;
    }

    /// Changes the bound on the content being read.
    pub(crate) fn set_body_bytes_max(&mut self, body_bytes_max: u64) {
        self.body_bytes_max = body_bytes_max;
    }

    /// Bytes of content received so far in this message.
    pub(crate) fn body_received(&self) -> u64 {
        self.body_received
    }

    /// The next part of the content, when it is there.
    pub(crate) fn next_piece(&mut self, limits: &ContentLimits) -> Result<Option<Piece>, Malformed> {
        let piece = match self.framing {
            Framing::Finished => return Ok(None),
            Framing::Sized(0) => Some(Piece::End(None)),
            Framing::Sized(left) => self.take_data(left).map(|(data, left)| {
                self.framing = Framing::Sized(left);
                data
            }),
            Framing::UntilEnd => self.take_data(u64::MAX).map(|(data, _)| data),
            Framing::Chunked(_) => self.next_chunk_piece(limits)?,
        };
        match piece {
            Some(Piece::Data(data)) => {
                self.body_received += data.len() as u64;
                if self.body_received > self.body_bytes_max {
                    return Err(Malformed::ContentTooLarge);
                }
                Ok(Some(Piece::Data(data)))
            }
            None if self.ended => self.end_of_input(),
            None => Ok(None),
            end => {
                self.framing = Framing::Finished;
                Ok(end)
            }
        }
    }

    /// RFC 9112 §8: content without its end is incomplete, unless the end of the connection is its end.
    fn end_of_input(&mut self) -> Result<Option<Piece>, Malformed> {
        if self.framing != Framing::UntilEnd {
            return Err(Malformed::Truncated);
        }
        self.framing = Framing::Finished;
        Ok(Some(Piece::End(None)))
    }

    fn next_chunk_piece(&mut self, limits: &ContentLimits) -> Result<Option<Piece>, Malformed> {
        while let Framing::Chunked(chunk) = self.framing {
            let next = match chunk {
                Chunk::Line => match chunked::decode_line(&self.buffer, limits.chunk_line_bytes_max)? {
                    None => return Ok(None),
                    Some(line) => {
                        self.count_overhead(line, limits)?;
                        self.take(line.length);
                        if line.size == 0 { Chunk::Trailers } else { Chunk::Data(line.size) }
                    }
                },
                Chunk::Data(left) => {
                    let Some((data, left)) = self.take_data(left) else { return Ok(None) };
                    self.framing = Framing::Chunked(if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) });
                    return Ok(Some(data));
                }
                Chunk::DataEnd => match *self.buffer {
                    [b'\r', b'\n', ..] => {
                        self.take(2);
                        Chunk::Line
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(Malformed::ChunkDataEnd),
                },
                Chunk::Trailers => return self.next_trailers(limits),
            };
            self.framing = Framing::Chunked(next);
        }
        Ok(None)
    }

    fn count_overhead(&mut self, line: chunked::ChunkLine, limits: &ContentLimits) -> Result<(), Malformed> {
        let free = crate::limits::h1::CHUNK_OVERHEAD_FREE_BYTES.saturating_add(line.size as usize);
        self.overhead = (self.overhead + line.length).saturating_sub(free);
        if self.overhead > limits.chunk_overhead_bytes_max {
            return Err(Malformed::ChunkExtensionsTooLong);
        }
        Ok(())
    }

    fn next_trailers(&mut self, limits: &ContentLimits) -> Result<Option<Piece>, Malformed> {
        if self.buffer.starts_with(b"\r\n") {
            self.take(2);
            return Ok(Some(Piece::End(None)));
        }
        let window = &self.buffer[..self.buffer.len().min(limits.trailer_bytes_max)];
        let bounds = FieldBounds { fields_max: limits.trailers_max, line_bytes_max: limits.trailer_bytes_max };
        let mut trailers = Box::new(Fields::new());
        let Some(length) = field_lines::decode(window, 0, bounds, &mut trailers, |_, _| Ok(()))? else {
            let full = window.len() >= limits.trailer_bytes_max;
            return if full { Err(Malformed::TrailersTooLong) } else { Ok(None) };
        };
        trailers.arena().extend_from_slice(&window[..length]);
        self.take(length);
        // RFC 9110 §6.5.1: never merged into the head, and some names never taken at all.
        trailers.retain(|field| !field_lines::is_forbidden_trailer(field.known));
        Ok(Some(Piece::End((!trailers.is_empty()).then_some(trailers))))
    }

    /// Up to `most` bytes of data, and how many of `most` remain.
    fn take_data(&mut self, most: u64) -> Option<(Piece, u64)> {
        if self.buffer.is_empty() {
            return None;
        }
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
        let data = self.buffer.split_to(count).freeze();
        self.counted = self.buffer.len();
        Some((Piece::Data(data), most - count as u64))
    }

    #[inline]
    fn take(&mut self, count: usize) {
        self.buffer.advance(count);
        self.counted = self.buffer.len();
    }

    /// Everything that was read and not taken; what follows is no concern of this machine.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        self.counted = 0;
        self.framing = Framing::Finished;
        self.buffer.split().freeze()
    }

    /// Throws away what was read: nothing of it is trusted any more.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
        self.counted = 0;
        self.framing = Framing::Finished;
    }

    /// Gives back the memory of an empty buffer.
    pub(crate) fn release_memory(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}
