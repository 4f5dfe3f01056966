//! What the application wrote and the peer has not acknowledged. Owned by the send side; slices of it go out
//! uncopied, first time and every time.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::limits::CHUNK;

/// Bytes by stream position.
#[derive(Debug, Default)]
pub struct SendBuffer {
    /// Frozen pieces with the position of their first byte, ascending and without gaps.
    chunks: VecDeque<(i64, Bytes)>,
    /// The piece still growing.
    tail: BytesMut,
    start: i64,
    end: i64,
}

impl SendBuffer {
    /// An empty buffer whose first byte will be at `start`.
    pub fn new(start: i64) -> Self {
        Self { start, end: start, ..Self::default() }
    }

    /// Position of the first byte kept.
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// Position behind the last byte written.
    pub const fn end(&self) -> i64 {
        self.end
    }

    /// Bytes kept.
    pub const fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether nothing is kept.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Appends a copy of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.tail.capacity() == self.tail.len() {
                self.freeze();
                self.tail = BytesMut::with_capacity(rest.len().clamp(4096, CHUNK));
            }
            let take = rest.len().min(self.tail.capacity() - self.tail.len());
            self.tail.extend_from_slice(&rest[..take]);
            self.end += take as i64;
            rest = &rest[take..];
        }
    }

    /// Appends `bytes` without a copy.
    pub fn write_bytes(&mut self, bytes: Bytes) {
        self.freeze();
        if !bytes.is_empty() {
            let at = self.end;
            self.end += bytes.len() as i64;
            self.chunks.push_back((at, bytes));
        }
    }

    fn freeze(&mut self) {
        if !self.tail.is_empty() {
            let at = self.end - self.tail.len() as i64;
            self.chunks.push_back((at, self.tail.split().freeze()));
        }
    }

    /// `length` bytes from `position`; fewer at the end. Copies only across pieces.
    pub fn slice(&mut self, position: i64, length: usize) -> Bytes {
        let end = (position + length as i64).min(self.end);
        if position < self.start || position >= end {
            return Bytes::new();
        }
        if end > self.end - self.tail.len() as i64 {
            self.freeze();
        }
        let mut index = self.chunks.partition_point(|(at, _)| *at <= position) - 1;
        let (at, chunk) = &self.chunks[index];
        let (from, wanted) = ((position - at) as usize, (end - position) as usize);
        if from + wanted <= chunk.len() {
            return chunk.slice(from..from + wanted);
        }
        let mut joined = BytesMut::with_capacity(wanted);
        joined.extend_from_slice(&chunk[from..]);
        while joined.len() < wanted {
            index += 1;
            let (_, chunk) = &self.chunks[index];
            joined.extend_from_slice(&chunk[..chunk.len().min(wanted - joined.len())]);
        }
        joined.freeze()
    }

    /// Lets go of everything before `position`.
    pub fn acknowledge(&mut self, position: i64) {
        self.start = self.start.max(position.min(self.end));
        while self.chunks.front().is_some_and(|(at, chunk)| at + chunk.len() as i64 <= self.start) {
            self.chunks.pop_front();
        }
        if self.is_empty() {
            // An idle connection keeps no memory for what it might write.
            self.chunks = VecDeque::new();
            self.tail = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_equal_what_was_written_however_it_was_cut() {
        let data: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
        let mut buffer = SendBuffer::new(1);
        let mut written = 0;
        for (index, size) in [1, 10, 5000, 70_000, 3, 100_000, 24_986].into_iter().enumerate() {
            let piece = &data[written..written + size];
            if index % 2 == 0 {
                buffer.write(piece)
            } else {
                buffer.write_bytes(Bytes::copy_from_slice(piece))
            }
            written += size;
        }
        assert_eq!((buffer.len(), buffer.end()), (200_000, 200_001));
        for start in (0..200_000).step_by(977) {
            let slice = buffer.slice(start as i64 + 1, 1448);
            assert_eq!(slice, &data[start..(start + 1448).min(200_000)], "{start}");
            buffer.acknowledge(start as i64 + 1);
        }
        assert_eq!(buffer.slice(1, 10), Bytes::new(), "acknowledged bytes are gone");
        buffer.acknowledge(200_001);
        assert!(buffer.is_empty() && buffer.chunks.capacity() == 0 && buffer.tail.capacity() == 0);
    }
}
