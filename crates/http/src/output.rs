//! Output that waits to be written: small pieces gathered in one buffer, large ones queued as they are. Filled by
//! the writers of the machines, emptied by the driver with one vectored write.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::limits::{GATHER_FIRST_BYTES, GATHER_KEPT_BYTES_MAX, SHARED_BYTES_MIN};

/// The queue. Empty, it may hold a warm buffer; [`Output::release_memory`] gives that back.
#[derive(Default, Debug)]
pub(crate) struct Output {
    gathered: Vec<u8>,
    /// How much of `gathered` is written.
    gathered_start: usize,
    /// Large pieces, each with how many gathered bytes stand between the piece before and it.
    shared: VecDeque<(usize, Bytes)>,
    /// Gathered bytes that stand before the first, between, and so up to the last shared piece.
    gathered_before_last: usize,
    length: usize,
}

impl Output {
    /// Bytes that wait.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Appends what `write` appends to the buffer it is given.
    #[inline]
    pub(crate) fn gather(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.warm();
        let before = self.gathered.len();
        write(&mut self.gathered);
        self.length += self.gathered.len() - before;
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.warm();
        self.gathered.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    /// A buffer that was given back begins again with room for a head and a small body, not byte by byte.
    #[inline]
    fn warm(&mut self) {
        if self.gathered.capacity() == 0 {
            self.gathered.reserve_exact(GATHER_FIRST_BYTES);
        }
    }

    /// Appends `bytes`, by reference when they are many.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            return self.copy(&bytes);
        }
        self.length += bytes.len();
        let gathered = self.gathered.len() - self.gathered_start;
        self.shared.push_back((gathered - self.gathered_before_last, bytes));
        self.gathered_before_last = gathered;
    }

    /// Fills `slices` with what waits, in order; answers how many it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut rest = &self.gathered[self.gathered_start..];
        let mut pieces = self.shared.iter().flat_map(|(before, bytes)| {
            let (gathered, after) = rest.split_at(*before);
            rest = after;
            [gathered, &bytes[..]]
        });
        let mut filled = 0;
        let mut put = |piece: &'a [u8]| {
            if !piece.is_empty() {
                slices[filled] = IoSlice::new(piece);
                filled += 1;
            }
            filled < slices.len()
        };
        if !pieces.by_ref().all(&mut put) {
            return filled;
        }
        drop(pieces);
        put(rest);
        filled
    }

    /// Forgets the first `count` bytes, which were written.
    pub(crate) fn consume(&mut self, mut count: usize) {
        debug_assert!(count <= self.length, "more was written than there was");
        self.length -= count.min(self.length);
        if self.length == 0 {
            return self.reset();
        }
        while count > 0 {
            let Some((before, bytes)) = self.shared.front_mut() else {
                self.gathered_start += count;
                break;
            };
            let gathered = count.min(*before);
            *before -= gathered;
            self.gathered_start += gathered;
            self.gathered_before_last -= gathered;
            count -= gathered;
            let shared = count.min(bytes.len());
            bytes.advance(shared);
            count -= shared;
            if bytes.is_empty() {
                self.shared.pop_front();
            }
        }
        self.compact();
    }

    /// Throws away what waits.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.reset();
    }

    /// Gives back the memory of empty buffers.
    pub(crate) fn release_memory(&mut self) {
        if self.length == 0 {
            *self = Self::default();
        }
    }

    fn reset(&mut self) {
        self.shared.clear();
        self.gathered.clear();
        self.gathered.shrink_to(GATHER_KEPT_BYTES_MAX);
        (self.gathered_start, self.gathered_before_last) = (0, 0);
    }

    /// Moves the unwritten rest to the front when what is written is most of a large buffer: a reader that
    /// never quite catches up must not make it grow for ever.
    fn compact(&mut self) {
        if self.gathered_start > GATHER_KEPT_BYTES_MAX && self.gathered_start > self.gathered.len() / 2 {
            self.gathered.drain(..self.gathered_start);
            self.gathered_start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(output: &Output, count: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); count];
        let filled = output.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn order_is_kept_through_every_way_of_writing_in_parts() {
        let large = |byte: u8| Bytes::from(vec![byte; SHARED_BYTES_MIN]);
        for step in [997, 5_000, SHARED_BYTES_MIN, SHARED_BYTES_MIN + 3, 100_000] {
            let mut output = Output::default();
            output.copy(b"head");
            output.push(large(b'1'));
            output.push(large(b'2'));
            output.gather(|out| out.extend_from_slice(b"between"));
            output.push(large(b'3'));
            output.push(Bytes::from_static(b"tail"));
            let whole = text(&output, 9);
            assert_eq!(whole.len(), output.length());
            let mut written = Vec::new();
            while output.length() > 0 {
                let seen = text(&output, 2);
                let count = step.min(seen.len());
                written.extend_from_slice(&seen[..count]);
                output.consume(count);
                if written.len() == step {
                    // What comes while the rest waits still comes last.
                    output.copy(b"!");
                }
            }
            if whole.len() >= step {
                assert_eq!(written, [&whole[..], b"!"].concat()[..written.len()], "{step}");
            }
            assert_eq!(written[..whole.len()], whole, "{step}");
        }
    }
}
