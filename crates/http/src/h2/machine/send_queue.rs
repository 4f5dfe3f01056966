//! What one stream has waiting to be sent. Filled by the driver, cut into DATA frames only when output is composed,
//! so that what comes later and is more urgent goes first.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::semantics::Fields;

/// Content and, at last, its end.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    chunks: VecDeque<Bytes>,
    length: usize,
    end: QueueEnd,
}

/// How a queue ends.
#[derive(Debug, Default)]
pub(super) enum QueueEnd {
    /// More may come.
    #[default]
    Open,
    /// END_STREAM goes with the last byte.
    Plain,
    /// Trailers go after the last byte.
    Trailers(Box<Fields>),
}

impl SendQueue {
    /// Bytes waiting.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the driver has said how it ends.
    pub(super) const fn is_ended(&self) -> bool {
        !matches!(self.end, QueueEnd::Open)
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.length += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(super) fn end(&mut self, end: QueueEnd) {
        self.end = end;
    }

    /// Takes how it ends, once it is empty.
    pub(super) fn take_end(&mut self) -> QueueEnd {
        debug_assert!(self.is_empty());
        std::mem::take(&mut self.end)
    }

    /// Moves the first `length` bytes to `out`; there must be as many.
    pub(super) fn cut(&mut self, mut length: usize, out: &mut BytesMut) {
        self.length -= length;
        while length > 0 {
            // The length was taken from the chunks, so there is one.
            let Some(chunk) = self.chunks.front_mut() else { return };
            let part = length.min(chunk.len());
            out.extend_from_slice(&chunk[..part]);
            length -= part;
            if part == chunk.len() {
                self.chunks.pop_front();
            } else {
                chunk.advance(part);
            }
        }
    }

    /// Drops everything; the memory of the list itself is kept for the next stream.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.length = 0;
        self.end = QueueEnd::Open;
    }
}
