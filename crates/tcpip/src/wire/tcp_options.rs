//! TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413). Called by [`super::tcp`].
//!
//! Reading never fails: what makes no sense is left out (RFC 9293 MUST-6, MUST-7), because a segment with a
//! strange option is still a segment.

use edgeway_base::Cursor;

use super::sequence::SequenceNumber;
use crate::limits::WINDOW_SCALE_MAX;

/// Up to four ranges that arrived out of order. RFC 2018 §3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SackBlocks {
    blocks: [(SequenceNumber, SequenceNumber); Self::MAX],
    count: u8,
}

impl SackBlocks {
    /// The most that fit into 40 bytes of options.
    pub const MAX: usize = 4;

    /// Adds a block, first byte and the byte after the last; silently full at four.
    pub fn push(&mut self, start: SequenceNumber, end: SequenceNumber) {
        if let Some(slot) = self.blocks.get_mut(usize::from(self.count)) {
            *slot = (start, end);
            self.count += 1;
        }
    }

    /// The blocks in the order of the option.
    pub fn as_slice(&self) -> &[(SequenceNumber, SequenceNumber)] {
        &self.blocks[..usize::from(self.count)]
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count as u8);
    }
}

/// The Fast Open option. RFC 7413 §4.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FastOpen {
    /// Please give me a cookie.
    Request,
    /// Here is one; this house writes and accepts 8 bytes (the RFC allows 4 to 16, even).
    Cookie([u8; 8]),
}

/// All options of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    /// Largest segment the sender takes; only on SYN (MUST-65 of RFC 9293).
    pub maximum_segment_size: Option<u16>,
    /// Shift for windows; only on SYN.
    pub window_scale: Option<u8>,
    /// The sender reads SACK blocks; only on SYN.
    pub sack_permitted: bool,
    /// Sender's clock and its echo of ours.
    pub timestamps: Option<(u32, u32)>,
    /// Ranges received out of order.
    pub sack_blocks: SackBlocks,
    /// Fast Open.
    pub fast_open: Option<FastOpen>,
}

mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
    pub(super) const FAST_OPEN: u8 = 34;
}

impl TcpOptions {
    /// Bytes of options that fit into a header.
    pub const LENGTH_MAX: usize = 40;

    /// Reads the options area. Of an option that stands twice, the first counts.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut options = Self::default();
        let mut cursor = Cursor::new(bytes);
        while let Ok(kind) = cursor.u8() {
            match kind {
                kind::END => break,
                kind::NO_OPERATION => {}
                // RFC 9293 MUST-68: every other option has a length, which counts kind and length themselves.
                _ => {
                    let Ok(length @ 2..) = cursor.u8() else { break };
                    let Ok(body) = cursor.take(usize::from(length) - 2) else { break };
                    options.read(kind, body);
                }
            }
        }
        options
    }

    fn read(&mut self, kind: u8, body: &[u8]) {
        let mut cursor = Cursor::new(body);
        match (kind, body.len()) {
            (kind::MAXIMUM_SEGMENT_SIZE, 2) => {
                self.maximum_segment_size = self.maximum_segment_size.or_else(|| cursor.u16().ok());
            }
            // RFC 7323 §2.3: a shift above 14 is used as 14.
            (kind::WINDOW_SCALE, 1) => {
                self.window_scale = self.window_scale.or_else(|| cursor.u8().ok().map(|n| n.min(WINDOW_SCALE_MAX)));
            }
            (kind::SACK_PERMITTED, 0) => self.sack_permitted = true,
            (kind::SACK, 8 | 16 | 24 | 32) if self.sack_blocks.is_empty() => {
                while let (Ok(start), Ok(end)) = (cursor.u32(), cursor.u32()) {
                    self.sack_blocks.push(SequenceNumber(start), SequenceNumber(end));
                }
            }
            (kind::TIMESTAMPS, 8) if self.timestamps.is_none() => {
                self.timestamps = cursor.u32().ok().zip(cursor.u32().ok());
            }
            (kind::FAST_OPEN, 0) => self.fast_open = Some(FastOpen::Request),
            (kind::FAST_OPEN, 8) => self.fast_open = cursor.array().ok().map(FastOpen::Cookie),
            _ => {}
        }
    }

    /// Writes the options into `bytes` (40 at least), padded with zeros to a whole word (MUST-69); returns the length.
    pub fn encode(&self, bytes: &mut [u8]) -> usize {
        let mut writer = Writer { bytes, length: 0 };
        if let Some(size) = self.maximum_segment_size {
            writer.put(&[kind::MAXIMUM_SEGMENT_SIZE, 4]);
            writer.put(&size.to_be_bytes());
        }
        if let Some(scale) = self.window_scale {
            writer.put(&[kind::NO_OPERATION, kind::WINDOW_SCALE, 3, scale]);
        }
        if self.sack_permitted {
            writer.put(&[kind::SACK_PERMITTED, 2]);
        }
        if let Some((value, echo)) = self.timestamps {
            // RFC 7323 appendix A: two no-operations in front align the numbers.
            if !self.sack_permitted {
                writer.put(&[kind::NO_OPERATION, kind::NO_OPERATION]);
            }
            writer.put(&[kind::TIMESTAMPS, 10]);
            writer.put(&value.to_be_bytes());
            writer.put(&echo.to_be_bytes());
        }
        match self.fast_open {
            Some(FastOpen::Request) => writer.put(&[kind::FAST_OPEN, 2]),
            Some(FastOpen::Cookie(cookie)) => {
                writer.put(&[kind::FAST_OPEN, 10]);
                writer.put(&cookie);
            }
            None => {}
        }
        self.encode_sack(&mut writer);
        while !writer.length.is_multiple_of(4) {
            writer.put(&[kind::END]);
        }
        writer.length
    }

    fn encode_sack(&self, writer: &mut Writer<'_>) {
        let room = Self::LENGTH_MAX.saturating_sub(writer.length + 4) / 8;
        let blocks = self.sack_blocks.as_slice();
        let blocks = &blocks[..blocks.len().min(room)];
        if blocks.is_empty() {
            return;
        }
        writer.put(&[kind::NO_OPERATION, kind::NO_OPERATION, kind::SACK, 2 + 8 * blocks.len() as u8]);
        for (start, end) in blocks {
            writer.put(&start.0.to_be_bytes());
            writer.put(&end.0.to_be_bytes());
        }
    }
}

struct Writer<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(options: &TcpOptions) -> Vec<u8> {
        let mut bytes = [0xee; 40];
        let length = options.encode(&mut bytes);
        bytes[..length].to_vec()
    }

    #[test]
    fn must_4_and_69_both_ways_with_zero_padding() {
        let syn = TcpOptions {
            maximum_segment_size: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some((100, 0)),
            ..TcpOptions::default()
        };
        assert_eq!(encoded(&syn).len(), 20);
        assert_eq!(TcpOptions::decode(&encoded(&syn)), syn);
        let odd = TcpOptions { sack_permitted: true, maximum_segment_size: Some(1), ..TcpOptions::default() };
        assert_eq!(encoded(&odd), [2, 4, 0, 1, 4, 2, 0, 0], "zero padding");
        let cookie = TcpOptions { fast_open: Some(FastOpen::Cookie(*b"8 bytes!")), ..syn };
        assert_eq!(TcpOptions::decode(&encoded(&cookie)), cookie);
    }

    #[test]
    fn four_blocks_or_three_beside_timestamps() {
        let mut options = TcpOptions::default();
        for index in 0..5 {
            options.sack_blocks.push(SequenceNumber(index * 10), SequenceNumber(index * 10 + 5));
        }
        assert_eq!(TcpOptions::decode(&encoded(&options)).sack_blocks.as_slice().len(), 4);
        options.timestamps = Some((1, 2));
        assert_eq!(TcpOptions::decode(&encoded(&options)).sack_blocks.as_slice().len(), 3);
    }

    #[test]
    fn hostile_002_must_6_7_64_and_68_nonsense_neither_loops_nor_panics() {
        let plain = TcpOptions::default();
        for (what, bytes, expected) in [
            ("length 0", &[2, 0, 5, 180][..], plain),
            ("length 1", &[2, 1, 5, 180], plain),
            ("past the end", &[2, 40, 5, 180], plain),
            ("unterminated", &[8], plain),
            ("40 no-operations", &[1; 40], plain),
            (
                "unknown, then MSS at odd alignment",
                &[200, 3, 9, 2, 4, 5, 180],
                TcpOptions { maximum_segment_size: Some(1460), ..plain },
            ),
            ("end before MSS", &[0, 2, 4, 5, 180], plain),
            ("SACK of nine bytes", &[5, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9], plain),
        ] {
            assert_eq!(TcpOptions::decode(bytes), expected, "{what}");
        }
    }

    #[test]
    fn hostile_008_the_first_of_two_counts_and_009_scale_is_clamped() {
        let twice = TcpOptions::decode(&[2, 4, 1, 0, 2, 4, 2, 0]);
        assert_eq!(twice.maximum_segment_size, Some(256));
        for scale in 15..=255 {
            assert_eq!(TcpOptions::decode(&[3, 3, scale]).window_scale, Some(14));
        }
    }

    #[test]
    fn every_short_input_is_harmless() {
        for first in 0..=255 {
            for second in 0..=255 {
                let _ = TcpOptions::decode(&[first, second, 0, 255, 3]);
            }
        }
    }
}
