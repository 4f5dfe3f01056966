//! How urgent streams are that are not open: PRIORITY_UPDATEs that came before their request (RFC 9218 §7.1), and the
//! dependency trees of old clients (RFC 7540 §5.3), read as urgencies. Asked when a stream opens or is re-ranked.

use std::collections::VecDeque;

use crate::binary::Priority;
use crate::h2::limits::IDLE_PRIORITIES_MAX;
use crate::h2::wire::StreamId;
use crate::h2::wire::frame::OldPriority;

/// Priorities of streams that are not open.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    /// Oldest first.
    updates: VecDeque<(StreamId, Priority)>,
    /// Streams that only hold others together; oldest first.
    groups: VecDeque<(StreamId, u8)>,
}

impl Ranks {
    /// A PRIORITY_UPDATE for a stream that is not open.
    pub(super) fn keep_update(&mut self, stream: StreamId, priority: Priority) {
        keep(&mut self.updates, stream, priority);
    }

    /// The PRIORITY_UPDATE that came before the request; it overrules the request's own field (RFC 9218 §7).
    pub(super) fn take_update(&mut self, stream: StreamId) -> Option<Priority> {
        let index = self.updates.iter().position(|(id, _)| *id == stream)?;
        self.updates.remove(index).map(|(_, priority)| priority)
    }

    /// An old PRIORITY frame for a stream that is not open: perhaps a group.
    pub(super) fn keep_group(&mut self, stream: StreamId, urgency: u8) {
        keep(&mut self.groups, stream, urgency);
    }

    /// Reads an old priority. `parent` is the priority of the stream it depends on, when that is open.
    ///
    /// Two habits are told apart. Chains of exclusive dependencies (Chromium) rank by weight: 256, 220, 183, 147, 110. Trees
    /// of groups (Firefox) rank by the group: leaders, others, background; a light stream comes after its group.
    pub(super) fn read_old(&self, old: OldPriority, parent: Option<Priority>) -> Priority {
        if old.exclusive {
            let urgency = match old.weight {
                239.. => 1,
                202..=238 => 2,
                165..=201 => 3,
                129..=164 => 4,
                // The weight of a client that sets none (RFC 7540 §5.3.5).
                16 => Priority::URGENCY_DEFAULT,
                _ => 5,
            };
            return Priority { urgency, incremental: false };
        }
        let group = self.groups.iter().find(|(id, _)| *id == old.dependency).map(|(_, urgency)| *urgency);
        let urgency = match parent.map(|parent| parent.urgency).or(group) {
            Some(urgency) if old.weight < 8 => urgency + 2,
            Some(urgency) => urgency,
            None => match old.weight {
                240.. => 1,
                200..=239 => 2,
                8..=199 => Priority::URGENCY_DEFAULT,
                _ => 6,
            },
        };
        Priority { urgency: urgency.min(Priority::URGENCY_MAX), incremental: true }
    }
}

fn keep<T>(list: &mut VecDeque<(StreamId, T)>, stream: StreamId, value: T) {
    if let Some((_, kept)) = list.iter_mut().find(|(id, _)| *id == stream) {
        *kept = value;
        return;
    }
    if list.len() == IDLE_PRIORITIES_MAX {
        list.pop_front();
    }
    list.push_back((stream, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_trees_become_urgencies() {
        let old =
            |dependency, exclusive, weight| OldPriority { dependency: StreamId::new(dependency), exclusive, weight };
        let mut ranks = Ranks::default();
        // Firefox's groups, as it sends them before its first request.
        for (group, dependency, weight) in [(3, 0, 201), (5, 0, 101), (7, 0, 1), (9, 7, 1), (11, 3, 1), (13, 0, 241)] {
            let urgency = ranks.read_old(old(dependency, false, weight), None).urgency;
            ranks.keep_group(StreamId::new(group), urgency);
        }
        for (dependency, exclusive, weight, urgency) in [
            (3, false, 42, 2),
            (5, false, 32, 3),
            (7, false, 22, 6),
            (9, false, 12, 7),
            (11, false, 22, 4),
            (13, false, 32, 1),
            (0, true, 256, 1),
            (15, true, 220, 2),
            (15, true, 183, 3),
            (15, true, 147, 4),
            (15, true, 110, 5),
            (0, false, 16, 3),
        ] {
            let found = ranks.read_old(old(dependency, exclusive, weight), None);
            assert_eq!((found.urgency, found.incremental), (urgency, !exclusive), "{dependency} {weight}");
        }
    }

    #[test]
    fn hostile_033_only_so_many_idle_priorities_are_kept() {
        let mut ranks = Ranks::default();
        for number in 0..10_000 {
            ranks.keep_update(StreamId::new(number), Priority::default());
            ranks.keep_group(StreamId::new(number), 3);
        }
        assert_eq!((ranks.updates.len(), ranks.groups.len()), (IDLE_PRIORITIES_MAX, IDLE_PRIORITIES_MAX));
        assert_eq!(ranks.take_update(StreamId::new(9_999)), Some(Priority::default()));
        assert_eq!(ranks.take_update(StreamId::new(9_999)), None);
    }
}
