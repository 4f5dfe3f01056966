//! Bytes between a front and a back, in memory borrowed from the thread's spare buffers and given
//! back when empty. Called by [`super`] alone.
//!
//! The spare buffers are kept for each thread, as an allocator keeps its free lists: they carry no
//! state, only memory that is already initialised, so that a busy connection pays neither for
//! allocation nor for clearing.

use std::cell::RefCell;

use crate::limits;

/// Sizes of buffers: powers of two from 2 KB to 128 KB, which holds the largest handshake and a full output.
const SMALLEST: usize = 2 * 1024;
const SIZES: usize = 7;

thread_local! {
    static SPARE: RefCell<[Vec<Box<[u8]>>; SIZES]> = RefCell::new(std::array::from_fn(|_| Vec::new()));
}

/// A queue of bytes in one piece.
#[derive(Default)]
pub(super) struct Buffer {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn capacity(&self) -> usize {
        self.memory.len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// Room for more, so that the whole holds `most` bytes at most; empty when it already does.
    pub(super) fn space(&mut self, most: usize) -> &mut [u8] {
        let more = most.saturating_sub(self.len());
        if more == 0 {
            return &mut [];
        }
        &mut self.reserve(more)[..more]
    }

    /// Room for at least `more` bytes after the last.
    pub(super) fn reserve(&mut self, more: usize) -> &mut [u8] {
        if self.memory.len() - self.end < more {
            self.move_to(self.len() + more);
        }
        &mut self.memory[self.end..]
    }

    /// `count` bytes were written behind the last.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.memory.len(), "more bytes were announced than there was space for");
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Drops `count` bytes in front. An empty buffer gives its memory back.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "more bytes were taken than there were");
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        give_back(std::mem::take(&mut self.memory));
    }

    /// Moves a small rest out of a large buffer: a peer that sends half a record and stops must not
    /// keep more than the half record's size.
    pub(super) fn settle(&mut self) {
        if self.is_empty() {
            self.clear();
        } else if size_for(self.len()) < self.memory.len() {
            self.move_to(self.len());
        }
    }

    fn move_to(&mut self, capacity: usize) {
        let length = self.len();
        if capacity <= self.memory.len() && size_for(capacity) == self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else {
            let mut larger = borrow(capacity);
            larger[..length].copy_from_slice(self.bytes());
            give_back(std::mem::replace(&mut self.memory, larger));
        }
        (self.start, self.end) = (0, length);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clear();
    }
}

fn size_for(length: usize) -> usize {
    length.max(SMALLEST).next_power_of_two()
}

fn class_of(size: usize) -> usize {
    (size / SMALLEST).trailing_zeros() as usize
}

fn borrow(length: usize) -> Box<[u8]> {
    let size = size_for(length);
    let spare = SPARE.with_borrow_mut(|spare| spare.get_mut(class_of(size)).and_then(Vec::pop));
    spare.unwrap_or_else(|| vec![0; size].into_boxed_slice())
}

fn give_back(memory: Box<[u8]>) {
    if memory.is_empty() {
        return;
    }
    // While a thread ends its spare buffers are gone already: then this is a plain deallocation.
    let _ = SPARE.try_with(|spare| {
        if let Some(class) = spare.borrow_mut().get_mut(class_of(memory.len()))
            && class.len() < limits::SPARE_BUFFERS_MAX
        {
            class.push(memory);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_grows_shrinks_and_gives_back() {
        let mut buffer = Buffer::default();
        assert_eq!((buffer.len(), buffer.capacity()), (0, 0));
        buffer.extend(&[1; 3000]);
        buffer.consume(1000);
        buffer.extend(&[2; 3000]);
        assert_eq!((buffer.len(), buffer.bytes()[1999], buffer.bytes()[2000]), (5000, 1, 2));
        buffer.consume(4990);
        buffer.settle();
        assert_eq!((buffer.bytes(), buffer.capacity()), (&[2; 10][..], SMALLEST));
        assert_eq!(buffer.space(12).len(), 2, "never beyond the bound");
        assert_eq!(buffer.space(10).len(), 0);
        buffer.consume(10);
        assert_eq!(buffer.capacity(), 0, "empty buffers hold nothing");
    }
}
