//! For the binary dialects: whose bytes go next (RFC 9218 §10): the most urgent; among equals those wanted whole, one after the other in the order
//! of their requests, take turns as one with those that are of use in parts. Asked for every DATA frame that is composed; slots are the caller's small numbers for its streams.
//!
//! Streams with something to send are links of two lists for each urgency; every step is constant but the placing of a
//! stream among those wanted whole, which is near the end of its list.

use super::priority::Priority;

const URGENCIES: usize = Priority::URGENCY_MAX as usize + 1;
const NONE: u32 = u32::MAX;

/// The streams that have something to send and may send it.
#[derive(Debug)]
pub(crate) struct Scheduler {
    links: Vec<Link>,
    levels: [Level; URGENCIES],
    /// One bit for each urgency at which a stream waits.
    waiting: u8,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    /// The stream's number, which tells the order of the requests.
    id: u64,
    previous: u32,
    next: u32,
    /// Where it is linked, when it is.
    place: Option<Priority>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    whole: List,
    parts: List,
    /// Whose turn it is when both wait.
    parts_turn: bool,
}

const EMPTY: List = List { first: NONE, last: NONE };

impl Scheduler {
    pub(crate) const fn new() -> Self {
        Self {
            links: Vec::new(),
            levels: [Level { whole: EMPTY, parts: EMPTY, parts_turn: false }; URGENCIES],
            waiting: 0,
        }
    }

    /// Puts a stream in line; one that is in line at another priority changes over.
    pub(crate) fn add(&mut self, slot: u32, id: u64, priority: Priority) {
        let index = slot as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, Link { id, previous: NONE, next: NONE, place: None });
        }
        if self.links[index].place == Some(priority) {
            return;
        }
        self.remove(slot);
        self.links[index].id = id;
        self.link(index as u32, priority);
    }

    /// Takes a stream out of line, if it is in.
    pub(crate) fn remove(&mut self, slot: u32) {
        if self.is_waiting(slot) {
            self.unlink(slot);
        }
    }

    pub(crate) fn is_waiting(&self, slot: u32) -> bool {
        self.links.get(slot as usize).is_some_and(|link| link.place.is_some())
    }

    /// The stream whose turn it is.
    pub(crate) fn next(&self) -> Option<u32> {
        let level = self.levels.get(self.waiting.trailing_zeros() as usize)?;
        let parts_go = level.whole.first == NONE || (level.parts_turn && level.parts.first != NONE);
        let first = if parts_go { level.parts.first } else { level.whole.first };
        Some(first)
    }

    /// The stream whose turn it was has sent a frame and wants to send more.
    pub(crate) fn rotate(&mut self, slot: u32) {
        let Some(place) = self.links[slot as usize].place else { return };
        self.levels[usize::from(place.urgency)].parts_turn = !place.incremental;
        if place.incremental {
            self.unlink(slot);
            self.link(slot, place);
        }
    }

    /// Gives spare memory back.
    pub(crate) fn release_memory(&mut self) {
        if self.waiting == 0 {
            self.links = Vec::new();
        }
    }

    fn link(&mut self, index: u32, priority: Priority) {
        let place = Priority { urgency: priority.urgency.min(Priority::URGENCY_MAX), ..priority };
        let mut before = self.list(place).last;
        if !place.incremental {
            // RFC 9218 §10: in the order of the requests.
            let id = self.links[index as usize].id;
            while before != NONE && self.links[before as usize].id > id {
                before = self.links[before as usize].previous;
            }
        }
        let after = if before == NONE { self.list(place).first } else { self.links[before as usize].next };
        let link = &mut self.links[index as usize];
        (link.previous, link.next, link.place) = (before, after, Some(place));
        self.join(place, before, index);
        self.join(place, index, after);
        self.waiting |= 1 << place.urgency;
    }

    fn unlink(&mut self, index: u32) {
        let Link { previous, next, place, .. } = self.links[index as usize];
        let Some(place) = place else { return };
        self.links[index as usize].place = None;
        if previous == NONE && next == NONE {
            *self.list(place) = EMPTY;
        } else {
            self.join(place, previous, next);
        }
        let level = &self.levels[usize::from(place.urgency)];
        if level.whole.first == NONE && level.parts.first == NONE {
            self.waiting &= !(1 << place.urgency);
        }
    }

    /// Makes two links neighbours; `NONE` on one side stands for the end of the list there.
    fn join(&mut self, place: Priority, before: u32, after: u32) {
        match before {
            NONE => self.list(place).first = after,
            _ => self.links[before as usize].next = after,
        }
        match after {
            NONE => self.list(place).last = before,
            _ => self.links[after as usize].previous = before,
        }
    }

    const fn list(&mut self, place: Priority) -> &mut List {
        let level = &mut self.levels[place.urgency as usize];
        if place.incremental { &mut level.parts } else { &mut level.whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgeway_base::{Entropy, SeededEntropy};

    fn add(scheduler: &mut Scheduler, slot: u32, urgency: u8, incremental: bool) {
        scheduler.add(slot, u64::from(slot) * 2 + 1, Priority { urgency, incremental });
    }

    fn turns(scheduler: &mut Scheduler, count: usize) -> Vec<usize> {
        let turn = |_| {
            let slot = scheduler.next().unwrap();
            scheduler.rotate(slot);
            slot as usize
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn urgent_first_then_whole_in_order_then_parts_in_turn() {
        let mut scheduler = Scheduler::new();
        add(&mut scheduler, 4, 3, false);
        add(&mut scheduler, 2, 3, false);
        add(&mut scheduler, 9, 7, false);
        assert_eq!(turns(&mut scheduler, 3), [2, 2, 2], "the older request, whole");
        add(&mut scheduler, 7, 0, true);
        add(&mut scheduler, 8, 0, true);
        assert_eq!(turns(&mut scheduler, 4), [7, 8, 7, 8]);
        scheduler.remove(7);
        scheduler.remove(8);
        add(&mut scheduler, 5, 3, true);
        add(&mut scheduler, 6, 3, true);
        assert_eq!(turns(&mut scheduler, 6), [5, 2, 6, 2, 5, 2], "one wanted whole is one sharer");
        add(&mut scheduler, 9, 1, false);
        assert_eq!(turns(&mut scheduler, 1), [9], "re-ranked");
        for slot in [2, 4, 5, 6, 9] {
            scheduler.remove(slot);
        }
        assert!(scheduler.next().is_none());
    }

    #[test]
    fn no_stream_is_lost_or_served_after_it_left() {
        let mut entropy = SeededEntropy::new(9218);
        let (mut scheduler, mut waiting) = (Scheduler::new(), std::collections::BTreeMap::new());
        for _ in 0..20_000 {
            let slot = entropy.below(40);
            match entropy.below(3) {
                0 => {
                    let priority = Priority { urgency: entropy.below(8) as u8, incremental: entropy.below(2) == 0 };
                    scheduler.add(slot, u64::from(slot) * 2 + 1, priority);
                    waiting.insert(slot, priority);
                }
                1 => {
                    scheduler.remove(slot);
                    waiting.remove(&slot);
                }
                _ => {
                    let next = scheduler.next();
                    let most_urgent = waiting.values().map(|priority| priority.urgency).min();
                    let found = next.map(|slot| waiting[&slot].urgency);
                    assert_eq!(found, most_urgent);
                    next.into_iter().for_each(|slot| scheduler.rotate(slot));
                }
            }
        }
    }
}
