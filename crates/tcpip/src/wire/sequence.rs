//! Sequence numbers on the wire (RFC 9293 §3.4), and the endless number line they are shadows of.
//! Called by all of [`crate::tcp`].
//!
//! Inside, a stream position is an `i64`: position 0 is the SYN, position 1 the first byte. The wire's 32 bits
//! are turned into positions at the door, so that no comparison further in can be wrong at a wrap.

use std::fmt;

/// A sequence number modulo 2^32. It has no order of its own on purpose; compare positions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SequenceNumber(pub u32);

impl SequenceNumber {
    /// This number moved on by `count` (modulo 2^32).
    #[must_use]
    pub const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// The way from `earlier` to here, taking the shorter way round: negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One direction of a connection: where its number line starts on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceSpace {
    initial: SequenceNumber,
}

impl SequenceSpace {
    /// The line whose position 0 (the SYN) is `initial` on the wire.
    pub const fn new(initial: SequenceNumber) -> Self {
        Self { initial }
    }

    /// ISS or IRS.
    pub const fn initial(self) -> SequenceNumber {
        self.initial
    }

    /// What `position` looks like on the wire.
    pub const fn wire(self, position: i64) -> SequenceNumber {
        SequenceNumber(self.initial.0.wrapping_add(position as u32))
    }

    /// The position nearest to `near` that looks like `wire`.
    pub const fn position(self, near: i64, wire: SequenceNumber) -> i64 {
        near + wire.since(self.wire(near)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_044_positions_survive_every_wrap() {
        for initial in [0, 1, u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1] {
            let space = SequenceSpace::new(SequenceNumber(initial));
            for position in [0_i64, 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 33) + 7] {
                for step in [-5_i64, 0, 5, 1 << 30, -(1 << 30)] {
                    let wire = space.wire(position + step);
                    assert_eq!(space.position(position, wire), position + step, "{initial} {position} {step}");
                }
            }
        }
    }

    #[test]
    fn since_takes_the_shorter_way() {
        assert_eq!(SequenceNumber(5).since(SequenceNumber(u32::MAX)), 6);
        assert_eq!(SequenceNumber(u32::MAX).since(SequenceNumber(5)), -6);
    }
}
