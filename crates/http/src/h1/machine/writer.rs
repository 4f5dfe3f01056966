//! The framing of output: says how content is wrapped (RFC 9112 §6 and §7) and notices when it is not as
//! announced. Owns the queue. Used by both machines, which write the heads.

use std::io::IoSlice;

use bytes::Bytes;

use crate::h1::wire::serialise;
use crate::limits::SHARED_BYTES_MIN;
use crate::output::Output;
use crate::semantics::Fields;

/// What the message being written does with content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrapping {
    /// No message is being written.
    Ended,
    /// So many bytes are still owed.
    Sized(u64),
    /// Chunks.
    Chunked,
    /// The close of the connection ends it (HTTP/1.0 clients).
    UntilClose,
    /// Swallowed: HEAD, 204, 304.
    Swallowed,
}

/// The writer of one connection.
#[derive(Debug)]
pub(crate) struct Writer {
    output: Output,
    wrapping: Wrapping,
    fault: Option<&'static str>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { output: Output::default(), wrapping: Wrapping::Ended, fault: None }
    }

    /// Writes a head with `write`; content wrapped so follows.
    #[inline]
    pub(crate) fn begin(&mut self, wrapping: Wrapping, write: impl FnOnce(&mut Vec<u8>)) {
        self.output.gather(write);
        self.wrapping = wrapping;
    }

    /// Writes bytes that are no part of the message's content.
    pub(crate) fn interject(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.output.gather(write);
    }

    pub(crate) fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    /// Writes content.
    pub(crate) fn data(&mut self, data: Bytes) {
        if data.len() < SHARED_BYTES_MIN {
            return self.slice(&data);
        }
        if self.open(data.len()) {
            self.output.push(data);
            self.close_chunk();
        }
    }

    /// Writes a copy of content.
    #[inline]
    pub(crate) fn slice(&mut self, data: &[u8]) {
        // A chunk of no bytes would be the last one.
        if !data.is_empty() && self.open(data.len()) {
            self.output.copy(data);
            self.close_chunk();
        }
    }

    /// Ends the message. Says whether it ended as announced.
    pub(crate) fn end(&mut self, trailers: Option<&Fields>) {
        match self.wrapping {
            Wrapping::Sized(0) | Wrapping::Ended | Wrapping::UntilClose | Wrapping::Swallowed => {}
            Wrapping::Sized(_) => self.fault = Some("less content was written than announced"),
            Wrapping::Chunked => self.output.gather(|out| serialise::last_chunk(out, trailers)),
        }
        self.wrapping = Wrapping::Ended;
    }

    /// Stops the message where it stands.
    pub(crate) fn abandon(&mut self) {
        self.wrapping = Wrapping::Ended;
    }

    /// What we did wrong; the connection cannot go on.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    /// Notes a mistake of ours.
    pub(crate) fn note_fault(&mut self, fault: &'static str) {
        self.fault = Some(fault);
    }

    /// Whether `length` bytes may be written now; writes what stands before them.
    #[inline]
    fn open(&mut self, length: usize) -> bool {
        match &mut self.wrapping {
            Wrapping::UntilClose => true,
            Wrapping::Swallowed => false,
            Wrapping::Chunked => {
                self.output.gather(|out| serialise::chunk_line(out, length));
                true
            }
            Wrapping::Sized(left) if *left >= length as u64 => {
                *left -= length as u64;
                true
            }
            Wrapping::Sized(_) => {
                // Written, it would be read as the next message.
                self.fault = Some("more content was written than announced");
                self.wrapping = Wrapping::Ended;
                false
            }
            Wrapping::Ended => {
                self.fault = Some("content was written outside of a message");
                false
            }
        }
    }

    #[inline]
    fn close_chunk(&mut self) {
        if self.wrapping == Wrapping::Chunked {
            self.output.copy(b"\r\n");
        }
    }

    #[inline]
    pub(crate) fn output_length(&self) -> usize {
        self.output.length()
    }

    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.output.slices(slices)
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.output.consume(count);
    }

    pub(crate) fn clear_output(&mut self) {
        self.output.clear();
    }

    pub(crate) fn release_memory(&mut self) {
        self.output.release_memory();
    }
}
