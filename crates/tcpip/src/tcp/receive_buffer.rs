//! What arrived: in order for the application, out of order for later. Owned by the receive side. Of bytes that
//! arrive twice the first count, so that nobody can change what was already seen.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::{CHUNK, COPY_BELOW, OUT_OF_ORDER_PIECES_MAX, OUT_OF_ORDER_RANGES_MAX};

/// What became of an arrival.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// The next position moved: there is something to read.
    pub advanced: bool,
    /// Something lies out of order, before or after this.
    pub gaps: bool,
    /// The first range that was here already (RFC 2883).
    pub duplicate: Option<(i64, i64)>,
    /// Not kept, for lack of room in the tables.
    pub refused: bool,
}

/// Bytes by stream position.
#[derive(Debug, Default)]
pub struct ReceiveBuffer {
    next: i64,
    ready: VecDeque<Bytes>,
    /// Small arrivals are gathered here.
    tail: BytesMut,
    ready_bytes: usize,
    pieces: BTreeMap<i64, Bytes>,
    /// The ranges that `pieces` cover, ascending, never touching.
    ranges: Vec<(i64, i64)>,
    /// Starts of ranges, most recently changed first. RFC 2018 §4.
    recent: VecDeque<i64>,
    out_of_order_bytes: usize,
}

impl ReceiveBuffer {
    /// An empty buffer that expects `next`.
    pub fn new(next: i64) -> Self {
        Self { next, ..Self::default() }
    }

    /// RCV.NXT as far as data goes.
    pub const fn next(&self) -> i64 {
        self.next
    }

    /// Bytes the application can read.
    pub const fn readable(&self) -> usize {
        self.ready_bytes
    }

    /// Bytes waiting for a hole before them to fill.
    pub const fn out_of_order(&self) -> usize {
        self.out_of_order_bytes
    }

    /// Whether there are holes.
    pub fn has_gaps(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// Ranges out of order, most recently changed first, at most `count`.
    pub fn recent_ranges(&self, count: usize) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.recent.iter().filter_map(|start| self.range_at(*start)).take(count)
    }

    fn range_at(&self, start: i64) -> Option<(i64, i64)> {
        self.ranges.binary_search_by_key(&start, |range| range.0).ok().map(|index| self.ranges[index])
    }

    /// Takes in `payload` at `position`; the caller has cut it to the window.
    pub fn insert(&mut self, position: i64, payload: Bytes) -> Arrival {
        let end = position + payload.len() as i64;
        if end <= self.next {
            let duplicate = (position < end).then_some((position, end));
            return Arrival { duplicate, gaps: self.has_gaps(), ..Arrival::default() };
        }
        let mut duplicate = (position < self.next).then_some((position, self.next));
        let mut payload = payload;
        payload.advance((self.next - position).max(0) as usize);
        let position = position.max(self.next);
        if position == self.next && self.ranges.is_empty() {
            self.append(payload);
            return Arrival { advanced: true, duplicate, ..Arrival::default() };
        }
        if duplicate.is_none() {
            duplicate = self.first_overlap(position, end);
        }
        if !self.has_room(position, end) {
            return Arrival { gaps: true, duplicate, refused: true, ..Arrival::default() };
        }
        self.store(position, &payload);
        self.merge(position, end);
        let advanced = self.drain();
        Arrival { advanced, gaps: true, duplicate, refused: false }
    }

    /// RFC 2883 §4: the first duplicate part of an arrival.
    fn first_overlap(&self, position: i64, end: i64) -> Option<(i64, i64)> {
        let index = self.ranges.partition_point(|range| range.1 <= position);
        let (start, stop) = *self.ranges.get(index)?;
        (start < end).then(|| (start.max(position), stop.min(end)))
    }

    /// A hole costs a table entry; who makes ten thousand of them is not served (CVE-2018-5390).
    fn has_room(&self, position: i64, end: i64) -> bool {
        if position == self.next {
            return true;
        }
        let touches = self.ranges.iter().any(|range| range.0 <= end && position <= range.1);
        (touches || self.ranges.len() < OUT_OF_ORDER_RANGES_MAX) && self.pieces.len() < OUT_OF_ORDER_PIECES_MAX
    }

    /// Stores the parts of the arrival that are not here yet.
    fn store(&mut self, position: i64, payload: &Bytes) {
        let end = position + payload.len() as i64;
        let mut at = position;
        let first = self.ranges.partition_point(|range| range.1 <= position);
        let taken: Vec<(i64, i64)> = self.ranges[first..].iter().copied().take_while(|range| range.0 < end).collect();
        for (start, stop) in taken.into_iter().chain([(end, end)]) {
            if at < start {
                let piece = payload.slice((at - position) as usize..(start.min(end) - position) as usize);
                self.out_of_order_bytes += piece.len();
                let piece = if piece.len() < COPY_BELOW { Bytes::copy_from_slice(&piece) } else { piece };
                self.pieces.insert(at, piece);
            }
            at = at.max(stop);
        }
    }

    /// Notes `position..end` as present and most recent.
    fn merge(&mut self, position: i64, end: i64) {
        let first = self.ranges.partition_point(|range| range.1 < position);
        let last = self.ranges.partition_point(|range| range.0 <= end);
        let (mut start, mut stop) = (position, end);
        for range in &self.ranges[first..last] {
            (start, stop) = (start.min(range.0), stop.max(range.1));
            self.recent.retain(|known| *known != range.0);
        }
        self.ranges.splice(first..last, [(start, stop)]);
        self.recent.push_front(start);
    }

    /// Moves what has become in order to the application's side.
    fn drain(&mut self) -> bool {
        let Some(&(start, end)) = self.ranges.first() else { return false };
        if start > self.next {
            return false;
        }
        while let Some(entry) = self.pieces.first_entry() {
            if *entry.key() >= end {
                break;
            }
            let piece = entry.remove();
            self.out_of_order_bytes -= piece.len();
            self.append(piece);
        }
        self.ranges.remove(0);
        self.recent.retain(|known| *known != start);
        true
    }

    fn append(&mut self, piece: Bytes) {
        self.next += piece.len() as i64;
        self.ready_bytes += piece.len();
        let room = self.tail.is_empty() || self.tail.len() + piece.len() <= CHUNK;
        if piece.len() < COPY_BELOW && room {
            self.tail.extend_from_slice(&piece);
            return;
        }
        self.freeze();
        self.ready.push_back(piece);
    }

    fn freeze(&mut self) {
        if !self.tail.is_empty() {
            self.ready.push_back(self.tail.split().freeze());
        }
    }

    /// Copies what can be read into `buffer`; returns how much. With `peek`, it can be read again.
    pub fn read(&mut self, buffer: &mut [u8], peek: bool) -> usize {
        self.freeze();
        let mut copied = 0;
        if peek {
            for piece in &self.ready {
                let take = piece.len().min(buffer.len() - copied);
                buffer[copied..copied + take].copy_from_slice(&piece[..take]);
                copied += take;
            }
            return copied;
        }
        while copied < buffer.len() {
            let Some(piece) = self.read_bytes(buffer.len() - copied) else { break };
            buffer[copied..copied + piece.len()].copy_from_slice(&piece);
            copied += piece.len();
        }
        copied
    }

    /// The next piece that can be read, at most `most` bytes, without a copy.
    pub fn read_bytes(&mut self, most: usize) -> Option<Bytes> {
        if self.ready.is_empty() {
            self.freeze();
        }
        let mut piece = self.ready.pop_front()?;
        if piece.len() > most {
            let rest = piece.split_off(most);
            self.ready.push_front(rest);
        }
        self.ready_bytes -= piece.len();
        if self.ready_bytes == 0 {
            // An idle connection keeps no memory for what it might receive.
            (self.ready, self.tail) = (VecDeque::new(), BytesMut::new());
        }
        Some(piece)
    }

    /// Throws away everything unread.
    pub fn clear(&mut self) {
        *self = Self::new(self.next);
    }
}

#[cfg(test)]
mod tests;
