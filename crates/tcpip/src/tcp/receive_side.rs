//! The receiving half of a connection: what is acceptable, what is acknowledged and when, how large the window is
//! (RFC 9293 §3.8.6, RFC 2018, RFC 2883). Owned by the connection.

use std::time::Duration;

use edgeway_base::Instant;

use crate::wire::sequence::{SequenceNumber, SequenceSpace};
use crate::wire::tcp_options::SackBlocks;

use super::receive_buffer::ReceiveBuffer;

/// When to acknowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Due {
    /// Nothing to acknowledge.
    #[default]
    No,
    /// Soon, in company if possible.
    Delayed,
    /// At once.
    Now,
}

/// RCV.* of RFC 9293 §3.3.1, as positions.
#[derive(Debug)]
pub struct ReceiveSide {
    /// IRS and the number line it starts.
    pub space: SequenceSpace,
    /// What arrived.
    pub buffer: ReceiveBuffer,
    /// Where the peer's FIN stands, once seen.
    pub fin: Option<i64>,
    /// The FIN was reached: RCV.NXT counts it.
    pub fin_received: bool,
    /// Shift for our windows.
    pub scale: u8,
    /// Bytes kept for the application.
    pub capacity: usize,
    /// To which auto-tuning may raise it.
    pub capacity_max: usize,
    /// Right edge of the window as told: it never moves left (SHLD-14).
    pub edge: i64,
    /// RCV.NXT as last told.
    pub acknowledged: i64,
    /// When to acknowledge.
    pub due: Due,
    /// Full-sized segments not acknowledged yet.
    pub unacknowledged_segments: u32,
    /// The largest payload seen: what "full-sized" means on this path.
    pub largest_payload: u32,
    /// A range received twice, to be told once.
    pub duplicate: Option<(i64, i64)>,
    /// The handshake is not over: only what the SYN-ACK told counts, not the room there may be.
    pub told_only: bool,
    /// The application drops what arrives (it closed for reading).
    pub discarding: bool,
    /// Position just behind urgent data (RCV.UP).
    pub urgent: Option<i64>,
    tuning: Tuning,
}

/// Dynamic right-sizing: the window follows what the application reads in a round trip.
#[derive(Clone, Copy, Debug, Default)]
struct Tuning {
    since: Instant,
    read: u64,
}

impl ReceiveSide {
    /// A side that expects nothing yet.
    pub fn new(capacity: usize, capacity_max: usize) -> Self {
        Self {
            space: SequenceSpace::default(),
            buffer: ReceiveBuffer::new(1),
            fin: None,
            fin_received: false,
            scale: 0,
            capacity,
            capacity_max: capacity_max.max(capacity),
            edge: 1,
            acknowledged: 1,
            due: Due::No,
            unacknowledged_segments: 0,
            largest_payload: 0,
            duplicate: None,
            told_only: false,
            discarding: false,
            urgent: None,
            tuning: Tuning::default(),
        }
    }

    /// The peer's SYN came.
    pub fn synchronize(&mut self, initial: SequenceNumber) {
        self.space = SequenceSpace::new(initial);
        self.edge = 1 + self.capacity.min(65_535) as i64;
    }

    /// RCV.NXT.
    pub const fn next(&self) -> i64 {
        self.buffer.next() + self.fin_received as i64
    }

    /// Bytes that would be taken now: the room there is, or the window told, whichever is more.
    pub fn window(&self) -> i64 {
        let told = (self.edge - self.next()).max(0);
        if self.told_only {
            return told;
        }
        told.max(self.capacity.saturating_sub(self.buffer.readable()) as i64)
    }

    /// RFC 9293 §3.10.7.4, first check: is any of `start..start+length` inside the window?
    pub fn is_acceptable(&self, start: i64, length: i64) -> bool {
        let (next, window) = (self.next(), self.window());
        let last = start + length - 1;
        match (length, window) {
            (0, 0) => start == next,
            (0, _) => next <= start && start < next + window,
            (_, 0) => false,
            _ => (next <= start && start < next + window) || (next <= last && last < next + window),
        }
    }

    /// The window to put into a header now; moves the right edge. RFC 9293 §3.8.6.2.2: it opens only by a whole
    /// segment or half the buffer (MUST-39).
    pub fn advertise(&mut self, segment_size: u32) -> u16 {
        let next = self.next();
        let told = (self.edge - next).max(0);
        let room = self.capacity.saturating_sub(self.buffer.readable()) as i64;
        let step = (self.capacity as i64 / 2).min(i64::from(segment_size));
        let window = if room - told >= step { room } else { told };
        let most = 65_535_i64 << self.scale;
        // Rounding down to the scale would move the edge left; rounding up is a promise of less than one unit.
        let field = (window.min(most) + (1 << self.scale) - 1) >> self.scale;
        let field = field.min(65_535);
        self.edge = self.edge.max(next + (field << self.scale));
        self.acknowledged = next;
        field as u16
    }

    /// Whether reading made enough room that the peer should hear of it at once.
    pub fn deserves_update(&self, segment_size: u32) -> bool {
        let told = (self.edge - self.next()).max(0);
        let room = (self.capacity.saturating_sub(self.buffer.readable()) as i64).min(65_535 << self.scale);
        let gain = room - told;
        let (capacity, segment) = (self.capacity as i64, i64::from(segment_size));
        if told < segment && gain >= segment.min(capacity / 2) {
            return true;
        }
        gain >= 2 * segment && (gain >= capacity / 4 || told <= capacity / 8 || capacity <= 8 * segment)
    }

    /// Data arrived in order: RFC 9293 SHLD-19 (every second full segment), MUST-58 and -59 (together).
    pub fn note_in_order(&mut self, payload: usize, segments: u32, announced: u32) {
        self.largest_payload = self.largest_payload.max((payload as u32).div_ceil(segments.max(1)));
        let full =
            self.largest_payload >= announced.min(self.largest_payload) && payload as u32 >= self.largest_payload;
        self.unacknowledged_segments += if full { segments } else { 0 };
        // A buffer of one or two segments must be acknowledged at once, or sender and receiver wait for each other.
        let cramped = u64::from(self.largest_payload) * 2 >= self.capacity as u64;
        let pending = (self.buffer.next() - self.acknowledged) as u64;
        let due =
            cramped || self.unacknowledged_segments >= 2 || pending >= 2 * u64::from(self.largest_payload.max(536));
        self.due = if due { Due::Now } else { self.due.max_with(Due::Delayed) };
    }

    /// The acknowledgement went out.
    pub fn acknowledged(&mut self) {
        self.due = Due::No;
        self.unacknowledged_segments = 0;
        self.duplicate = None;
    }

    /// SACK blocks to report: a duplicate first (RFC 2883 §4), then the most recent (RFC 2018 §4).
    pub fn sack_blocks(&self, room: usize) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        let wire = |position| self.space.wire(position);
        if let Some((start, end)) = self.duplicate {
            blocks.push(wire(start), wire(end));
            // RFC 2883 §4.2: a duplicate out of order is followed by the block that contains it.
            let around = self.buffer.recent_ranges(usize::MAX).find(|range| range.0 <= start && end <= range.1);
            if let Some(range) = around.filter(|_| start >= self.buffer.next()) {
                blocks.push(wire(range.0), wire(range.1));
                for range in self.buffer.recent_ranges(SackBlocks::MAX + 1).filter(|other| *other != range) {
                    blocks.push(wire(range.0), wire(range.1));
                }
                blocks.truncate(room);
                return blocks;
            }
        }
        for (start, end) in self.buffer.recent_ranges(SackBlocks::MAX) {
            blocks.push(wire(start), wire(end));
        }
        blocks.truncate(room);
        blocks
    }

    /// The application read `bytes`: grow the buffer when it reads more than half of it in a round trip.
    pub fn tune(&mut self, now: Instant, bytes: usize, round_trip: Option<Duration>) {
        self.tuning.read += bytes as u64;
        let Some(round_trip) = round_trip else { return };
        if now - self.tuning.since < round_trip.max(Duration::from_micros(100)) {
            return;
        }
        let wanted = (self.tuning.read * 2) as usize + 16 * self.largest_payload as usize;
        if wanted > self.capacity {
            self.capacity = wanted.min(self.capacity_max).max(self.capacity);
        }
        self.tuning = Tuning { since: now, read: 0 };
    }

    /// Raises the capacity to whole segments, as BSD stacks do once the segment size is known.
    pub fn round_to_segments(&mut self, segment_size: u32) {
        self.capacity = self.capacity.next_multiple_of(segment_size.max(1) as usize);
        self.capacity_max = self.capacity_max.max(self.capacity);
    }
}

impl Due {
    const fn max_with(self, other: Self) -> Self {
        if matches!(self, Self::Now) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn side(capacity: usize) -> ReceiveSide {
        let mut side = ReceiveSide::new(capacity, capacity);
        side.synchronize(SequenceNumber(99));
        side
    }

    #[test]
    fn acceptability_follows_the_table_of_rfc_9293() {
        let mut side = side(1000);
        for (start, length, expected) in [
            (1, 0, true),
            (1000, 0, true),
            (1001, 0, false),
            (0, 0, false),
            (1, 1000, true),
            (-500, 501, false),
            (-500, 502, true),
            (1000, 5000, true),
            (1001, 1, false),
        ] {
            assert_eq!(side.is_acceptable(start, length), expected, "{start} {length}");
        }
        side.buffer.insert(1, Bytes::from(vec![0; 1000]));
        for (start, length, expected) in [(1001, 0, true), (1000, 0, false), (1001, 1, false)] {
            assert_eq!(side.is_acceptable(start, length), expected, "closed window: {start} {length}");
        }
    }

    #[test]
    fn must_39_and_hostile_049_the_window_opens_in_whole_segments() {
        let mut side = side(4000);
        assert_eq!(side.advertise(1000), 4000);
        side.buffer.insert(1, Bytes::from(vec![0; 4000]));
        assert_eq!(side.advertise(1000), 0);
        for _ in 0..999 {
            side.buffer.read_bytes(1);
            assert_eq!(side.advertise(1000), 0, "one byte at a time opens nothing");
            assert!(!side.deserves_update(1000));
        }
        side.buffer.read_bytes(1);
        assert!(side.deserves_update(1000));
        assert_eq!(side.advertise(1000), 1000);
    }

    #[test]
    fn the_right_edge_never_moves_left() {
        let mut side = side(1 << 20);
        side.scale = 7;
        let mut edge = 0;
        for step in 0..500 {
            side.buffer.insert(side.buffer.next(), Bytes::from(vec![0; 777]));
            if step % 3 == 0 {
                side.buffer.read_bytes(100);
            }
            side.advertise(1460);
            assert!(side.edge >= edge);
            edge = side.edge;
        }
    }

    #[test]
    fn must_58_every_second_full_segment_is_acknowledged_at_once() {
        let mut side = side(100_000);
        let mut due = Vec::new();
        for _ in 0..4 {
            side.buffer.insert(side.buffer.next(), Bytes::from(vec![0; 1000]));
            side.note_in_order(1000, 1, 1000);
            due.push(side.due);
            if side.due == Due::Now {
                side.advertise(1000);
                side.acknowledged();
            }
        }
        assert_eq!(due, [Due::Delayed, Due::Now, Due::Delayed, Due::Now]);
    }

    #[test]
    fn hostile_051_a_buffer_of_two_segments_is_never_waited_for() {
        let mut side = side(65_536);
        side.buffer.insert(1, Bytes::from(vec![0; 65_000]));
        side.note_in_order(65_000, 1, 65_495);
        assert_eq!(side.due, Due::Now);
    }

    #[test]
    fn the_buffer_grows_with_the_reader() {
        let mut side = ReceiveSide::new(10_000, 100_000);
        let mut now = Instant::ZERO;
        for _ in 0..20 {
            now += Duration::from_millis(10);
            side.tune(now, 20_000, Some(Duration::from_millis(10)));
        }
        assert!(side.capacity >= 40_000 && side.capacity <= 100_000, "{}", side.capacity);
    }
}
