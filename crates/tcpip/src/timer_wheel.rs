//! A hierarchical timer wheel: arming and firing cost the same for ten timers and for a million. Called by
//! [`crate::tcp::endpoint`], which keeps one entry for each connection's earliest deadline.

use std::time::Duration;

use edgeway_base::Instant;

/// Slots of one level; one bit each in a word.
const SLOTS: usize = 64;
/// Levels: 64^7 ticks of 2^17 ns are 18 years.
const LEVELS: usize = 7;
/// A tick is 2^17 ns = 131 us. Deadlines are kept exact; the tick only decides the slot.
const TICK_BITS: u32 = 17;

/// Deadlines with a key each.
#[derive(Debug)]
pub struct TimerWheel<K> {
    /// The tick up to which everything has fired.
    now: u64,
    levels: [[Vec<(Instant, K)>; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    /// Fired on the way into the due slot but not yet due to the nanosecond.
    count: usize,
}

impl<K: Copy> TimerWheel<K> {
    /// An empty wheel that starts at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            now: tick(now),
            levels: std::array::from_fn(|_| std::array::from_fn(|_| Vec::new())),
            occupied: [0; LEVELS],
            count: 0,
        }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Arms a timer. Entries cannot be taken back: whoever hears of one asks its owner whether it still counts.
    pub fn insert(&mut self, deadline: Instant, key: K) {
        self.count += 1;
        self.place(deadline, key);
    }

    fn place(&mut self, deadline: Instant, key: K) {
        let at = tick(deadline).max(self.now);
        // The highest digit (base 64) in which deadline and now differ decides the level.
        let level = ((63 - ((at ^ self.now) | 1).leading_zeros()) / 6).min(LEVELS as u32 - 1) as usize;
        let slot = (at >> (6 * level)) as usize % SLOTS;
        self.levels[level][slot].push((deadline, key));
        self.occupied[level] |= 1 << slot;
    }

    /// When to call [`TimerWheel::expire`] next: exact for what is near, a little early for what is far.
    pub fn next(&self) -> Option<Instant> {
        let (level, slot) = self.first_slot()?;
        if level == 0 {
            return self.levels[0][slot].iter().map(|(deadline, _)| *deadline).min();
        }
        Some(Instant::from_nanos(self.slot_start(level, slot) << TICK_BITS))
    }

    /// Appends every key whose deadline is `now` or earlier to `fired`.
    pub fn expire(&mut self, now: Instant, fired: &mut Vec<K>) {
        while let Some((level, slot)) = self.first_slot() {
            let start = self.slot_start(level, slot);
            if start > tick(now) {
                break;
            }
            self.now = self.now.max(start);
            let entries = std::mem::take(&mut self.levels[level][slot]);
            self.occupied[level] &= !(1 << slot);
            let mut waiting = false;
            for (deadline, key) in entries {
                if deadline <= now {
                    self.count -= 1;
                    fired.push(key);
                } else {
                    self.place(deadline, key);
                    waiting = true;
                }
            }
            // Only entries of the present tick can come back to where they were.
            if level == 0 && waiting {
                return;
            }
        }
        self.now = self.now.max(tick(now));
        self.cascade();
    }

    /// Moves the clock's own slots down, so that `first_slot` stays right after a jump.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let slot = (self.now >> (6 * level)) as usize % SLOTS;
            if self.occupied[level] & (1 << slot) != 0 && self.slot_start(level, slot) <= self.now {
                self.occupied[level] &= !(1 << slot);
                for (deadline, key) in std::mem::take(&mut self.levels[level][slot]) {
                    self.place(deadline, key);
                }
            }
        }
    }

    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = (0..LEVELS).find(|&level| self.occupied[level] != 0)?;
        let current = (self.now >> (6 * level)) as u32 % SLOTS as u32;
        let ahead = self.occupied[level].rotate_right(current);
        Some((level, (current + ahead.trailing_zeros()) as usize % SLOTS))
    }

    /// First tick of a slot, counted from the present turn of its level.
    fn slot_start(&self, level: usize, slot: usize) -> u64 {
        let shift = 6 * level as u32;
        let turn = self.now >> shift;
        let ahead = (slot as u64).wrapping_sub(turn) % SLOTS as u64;
        ((turn + ahead) << shift).max(if ahead == 0 { self.now } else { 0 })
    }
}

const fn tick(moment: Instant) -> u64 {
    moment.as_nanos() >> TICK_BITS
}

/// The resolution of the far levels: how early [`TimerWheel::next`] may be for a deadline this far away.
pub const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);

#[cfg(test)]
mod tests {
    use edgeway_base::{Entropy, SeededEntropy};

    use super::*;

    #[test]
    fn fires_like_a_sorted_list() {
        let mut entropy = SeededEntropy::new(3);
        for round in 0..50 {
            let mut wheel = TimerWheel::new(Instant::from_millis(round * 977));
            let mut now = Instant::from_millis(round * 977);
            let mut model: Vec<(Instant, u32)> = Vec::new();
            for key in 0..200_u32 {
                let reach = 1_u64 << (10 + entropy.below(34));
                let deadline = now + Duration::from_nanos(entropy.next_u64() % reach);
                wheel.insert(deadline, key);
                model.push((deadline, key));
                if key % 3 == 0 {
                    now = wheel.next().unwrap_or(now).max(now);
                    if key % 9 == 0 {
                        now += Duration::from_nanos(entropy.next_u64() % (reach * 4));
                    }
                    check(&mut wheel, &mut model, now);
                }
            }
            while let Some(next) = wheel.next() {
                let due = model.iter().map(|(deadline, _)| *deadline).min().unwrap();
                assert!(next <= due, "never later than the first deadline");
                now = next.max(now);
                check(&mut wheel, &mut model, now);
            }
            assert!(model.is_empty() && wheel.is_empty());
        }
    }

    fn check(wheel: &mut TimerWheel<u32>, model: &mut Vec<(Instant, u32)>, now: Instant) {
        let mut fired = Vec::new();
        wheel.expire(now, &mut fired);
        fired.sort_unstable();
        let mut expected: Vec<u32> = model.iter().filter(|(at, _)| *at <= now).map(|(_, key)| *key).collect();
        expected.sort_unstable();
        model.retain(|(at, _)| *at > now);
        assert_eq!(fired, expected, "at {now:?}");
    }
}
