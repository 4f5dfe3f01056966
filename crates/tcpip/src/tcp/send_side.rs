//! The sending half of a connection: what may go, how much, how large (RFC 9293 §3.8.6.2, §3.7.4). Owned by the
//! connection; asked by `output`.

use crate::limits::{SEND_MSS_MIN, SENT_SEGMENTS_MAX};
use crate::wire::sequence::{SequenceNumber, SequenceSpace};

use super::send_buffer::SendBuffer;

/// SND.* of RFC 9293 §3.3.1, as positions.
#[derive(Debug)]
pub struct SendSide {
    /// ISS and the number line it starts.
    pub space: SequenceSpace,
    /// SND.UNA.
    pub unacknowledged: i64,
    /// SND.NXT.
    pub next: i64,
    /// SND.WND in bytes, scaled.
    pub window: i64,
    /// The largest window ever seen; RFC 5961 §5.2 and RFC 9293 §3.8.6.2.1 want it.
    pub window_max: i64,
    /// SND.WL1 and SND.WL2.
    pub window_updated_by: (i64, i64),
    /// Shift for the peer's windows.
    pub scale: u8,
    /// What the application wrote.
    pub buffer: SendBuffer,
    /// Where the FIN stands, once the application closed.
    pub fin: Option<i64>,
    /// The peer's MSS option, or the default (MUST-15).
    pub peer_segment_size: u32,
    /// What the path carries: MTU less IP and TCP headers, without options.
    pub path_segment_size: u32,
    /// Bytes of options on every segment (timestamps).
    pub option_bytes: u32,
    /// End of the last segment that was smaller than full: Minshall's rule for Nagle.
    pub small_until: i64,
    /// Position just behind urgent data (SND.UP).
    pub urgent: Option<i64>,
    /// The application waits for room.
    pub wants_room: bool,
}

/// What may be sent next of data never sent before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sendable {
    /// First byte.
    pub position: i64,
    /// How many.
    pub length: usize,
    /// The FIN goes with it.
    pub fin: bool,
    /// Nothing more is waiting: PSH (MUST-61).
    pub push: bool,
}

impl SendSide {
    /// A side that has sent nothing; position 0 is the SYN.
    pub fn new(initial: SequenceNumber, path_segment_size: u32, default_segment_size: u32) -> Self {
        Self {
            space: SequenceSpace::new(initial),
            unacknowledged: 0,
            next: 0,
            window: 0,
            window_max: 0,
            window_updated_by: (0, 0),
            scale: 0,
            buffer: SendBuffer::new(1),
            fin: None,
            peer_segment_size: default_segment_size,
            path_segment_size,
            option_bytes: 0,
            small_until: 0,
            urgent: None,
            wants_room: false,
        }
    }

    /// Eff.snd.MSS: bytes of payload per segment. RFC 9293 §3.7.1 (MUST-16), less options on every segment
    /// (RFC 6691).
    pub fn segment_size(&self) -> u32 {
        let size = self.peer_segment_size.max(SEND_MSS_MIN).min(self.path_segment_size);
        size.saturating_sub(self.option_bytes).max(1)
    }

    /// First position that the peer's window forbids.
    pub const fn edge(&self) -> i64 {
        self.unacknowledged + self.window
    }

    /// End of what there is to send, FIN included.
    pub fn end(&self) -> i64 {
        self.fin.map_or_else(|| self.buffer.end(), |fin| fin + 1)
    }

    /// Whether everything there is was sent.
    pub fn all_sent(&self) -> bool {
        self.next >= self.end()
    }

    /// Whether our FIN was acknowledged.
    pub fn fin_acknowledged(&self) -> bool {
        self.fin.is_some_and(|fin| self.unacknowledged > fin)
    }

    /// Takes in a window from an acceptable acknowledgement, if it is not an old one (RFC 9293 §3.10.7.4).
    /// Returns whether the window changed.
    pub fn update_window(&mut self, sequence: i64, acknowledged: i64, window: u16) -> bool {
        let (by_sequence, by_acknowledgement) = self.window_updated_by;
        if sequence < by_sequence || sequence == by_sequence && acknowledged < by_acknowledgement {
            return false;
        }
        self.window_updated_by = (sequence, acknowledged);
        self.set_window(i64::from(window) << self.scale)
    }

    /// Sets SND.WND; returns whether it changed.
    pub fn set_window(&mut self, window: i64) -> bool {
        let changed = self.window != window;
        self.window = window;
        self.window_max = self.window_max.max(window);
        changed
    }

    /// What may be sent now: `allowance` bytes by the congestion window, at most `most` in one segment.
    pub fn sendable(&self, allowance: u64, most: usize, no_delay: bool, remembered: usize) -> Option<Sendable> {
        let waiting = self.buffer.end() - self.next;
        let segment = i64::from(self.segment_size());
        let room = (self.edge() - self.next).max(0).min(allowance as i64);
        if waiting <= 0 {
            return self.lone_fin(room);
        }
        if remembered >= SENT_SEGMENTS_MAX {
            return None;
        }
        let length = waiting.min(room).min(most as i64);
        // Super-segments are whole segments, but for the last.
        let length = if length > segment && length < waiting { length - length % segment } else { length };
        if length <= 0 || !self.worth_sending(length, waiting, segment, no_delay) {
            return None;
        }
        let all = length == waiting;
        // The FIN needs one more position in the window.
        let fin = all && self.fin.is_some() && room > length;
        Some(Sendable { position: self.next, length: length as usize, fin, push: all })
    }

    /// A FIN with no data before it. It is sent even into a closed congestion window: it is one number.
    fn lone_fin(&self, room: i64) -> Option<Sendable> {
        let due = self.fin == Some(self.next) && (room > 0 || self.edge() > self.next || self.window == 0);
        due.then_some(Sendable { position: self.next, length: 0, fin: true, push: false })
    }

    /// RFC 9293 §3.8.6.2.1: sender's silly window avoidance (MUST-38) and Nagle's algorithm (§3.7.4).
    fn worth_sending(&self, length: i64, waiting: i64, segment: i64, no_delay: bool) -> bool {
        // (1) a full segment
        if length >= segment {
            return true;
        }
        // (2) everything there is, if Nagle allows. Minshall's form: only a small segment in flight holds back a
        // small one, so that the end of a large write never waits for a delayed acknowledgement.
        let quiet = self.small_until <= self.unacknowledged;
        if length == waiting && (no_delay || quiet || self.fin.is_some() || self.urgent.is_some()) {
            return true;
        }
        // (3) half the largest window the peer ever offered
        length < waiting && length >= self.window_max / 2 && self.next == self.unacknowledged
    }

    /// `length` bytes from `position` left for the first time.
    pub fn sent(&mut self, sendable: &Sendable) {
        let end = sendable.position + sendable.length as i64;
        if !(sendable.length as u64).is_multiple_of(u64::from(self.segment_size())) {
            self.small_until = end;
        }
        self.next = end + i64::from(sendable.fin);
    }

    /// Whether the peer's window is what holds data back, with nothing under way to ask it (persist).
    pub fn is_stuck(&self) -> bool {
        self.next == self.unacknowledged && self.buffer.end() > self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(window: i64, written: usize) -> SendSide {
        let mut side = SendSide::new(SequenceNumber(0), 1460, 536);
        side.peer_segment_size = 1000;
        (side.unacknowledged, side.next) = (1, 1);
        side.set_window(window);
        side.buffer.write(&vec![0; written]);
        side
    }

    fn length(side: &SendSide, no_delay: bool) -> Option<usize> {
        side.sendable(u64::MAX >> 1, 1000, no_delay, 0).map(|sendable| sendable.length)
    }

    #[test]
    fn must_38_silly_windows_are_waited_out() {
        assert_eq!(length(&side(10_000, 5000), true), Some(1000), "a full segment");
        assert_eq!(length(&side(10_000, 300), true), Some(300), "everything there is");
        let mut small = side(10_000, 5000);
        small.set_window(400);
        assert_eq!(length(&small, true), None, "a silly window");
        small.window_max = 800;
        assert_eq!(length(&small, true), Some(400), "half the largest window ever offered");
    }

    #[test]
    fn must_17_nagle_can_be_switched_off_and_does_not_fight_delayed_acknowledgements() {
        let mut side = side(10_000, 300);
        let first = side.sendable(10_000, 1000, false, 0).unwrap();
        side.sent(&first);
        side.buffer.write(&[0; 300]);
        assert_eq!(length(&side, false), None, "a small segment is under way");
        assert_eq!(length(&side, true), Some(300));
        side.unacknowledged = side.next;
        side.buffer.write(&[0; 1000]);
        let full = side.sendable(10_000, 1000, false, 0).unwrap();
        assert_eq!(full.length, 1000);
        side.sent(&full);
        assert_eq!(length(&side, false), Some(300), "behind a full segment a small one may follow");
    }

    #[test]
    fn must_34_a_shrunk_window_is_survived_and_nothing_goes_beyond_it() {
        let mut side = side(5000, 9000);
        side.next = 4001;
        side.set_window(2000);
        assert_eq!(length(&side, true), None);
        side.set_window(5000);
        assert_eq!(length(&side, true), Some(1000));
        side.set_window(4500);
        assert_eq!(length(&side, true), None);
    }

    #[test]
    fn must_60_and_61_push_on_the_last_and_nothing_is_kept_for_ever() {
        let side = side(10_000, 1500);
        let first = side.sendable(10_000, 1000, false, 0).unwrap();
        assert!(!first.push);
        let mut side = side;
        side.sent(&first);
        assert!(side.sendable(10_000, 1000, false, 0).unwrap().push);
    }

    #[test]
    fn must_16_the_effective_segment_is_the_smaller_of_peer_and_path_less_options() {
        let mut side = side(0, 0);
        assert_eq!(side.segment_size(), 1000);
        side.peer_segment_size = 9000;
        assert_eq!(side.segment_size(), 1460);
        side.option_bytes = 12;
        assert_eq!(side.segment_size(), 1448);
        for tiny in [0, 1, 48] {
            side.peer_segment_size = tiny;
            assert_eq!(side.segment_size(), SEND_MSS_MIN - 12, "hostile 10: MSS {tiny} meets the floor");
        }
    }

    #[test]
    fn super_segments_are_whole_segments() {
        let side = side(100_000, 64_500);
        assert_eq!(side.sendable(100_000, 65_160, false, 0).unwrap().length, 64_500, "the rest, in one");
        assert_eq!(side.sendable(10_500, 65_160, false, 0).unwrap().length, 10_000);
        assert_eq!(side.sendable(100_000, 65_160, false, SENT_SEGMENTS_MAX), None, "hostile 42: bounded memory");
    }
}
