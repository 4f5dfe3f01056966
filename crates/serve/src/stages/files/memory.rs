//! What a worker remembers of files: content of small ones, open descriptors of big ones. Bounded by bytes and by number;
//! nothing is believed longer than a second without a look at the file. Called by the files stage; hands on to nothing.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use edgeway_base::Instant;

use super::resource::Resource;

/// Resources by the path that leads to them (in its normal form, a slash at the end included).
#[derive(Debug)]
pub(super) struct Memory {
    slots: HashMap<Rc<str>, Slot>,
    /// In the order of arrival; a slot that was used since it last came to the front goes round again (second chance).
    queue: VecDeque<Rc<str>>,
    bytes: u64,
    descriptors: usize,
    bounds: Bounds,
    valid_for: Duration,
}

/// How much a worker may remember.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of content.
    pub(super) bytes: u64,
    /// Resources.
    pub(super) count: usize,
    /// Open files.
    pub(super) descriptors: usize,
}

#[derive(Debug)]
struct Slot {
    resource: Rc<Resource>,
    checked: Instant,
    used: bool,
}

/// What is remembered of a path.
#[derive(Clone, Debug)]
pub(super) enum Recollection {
    /// To be answered with.
    Fresh(Rc<Resource>),
    /// To be compared with the file first.
    Stale(Rc<Resource>),
    /// Nothing.
    Nothing,
}

impl Memory {
    /// Holds no more than `bounds` allow; believes each resource for `valid_for`.
    pub(super) fn new(bounds: Bounds, valid_for: Duration) -> Self {
        Self { slots: HashMap::new(), queue: VecDeque::new(), bytes: 0, descriptors: 0, bounds, valid_for }
    }

    /// What is remembered of `path`.
    pub(super) fn recall(&mut self, path: &str, now: Instant) -> Recollection {
        let Some(slot) = self.slots.get_mut(path) else { return Recollection::Nothing };
        slot.used = true;
        let resource = Rc::clone(&slot.resource);
        if now - slot.checked < self.valid_for { Recollection::Fresh(resource) } else { Recollection::Stale(resource) }
    }

    /// Remembers what was just looked at, in the place of what was there.
    pub(super) fn keep(&mut self, path: &str, resource: Rc<Resource>, now: Instant) {
        if !resource.settled || resource.memory() > self.bounds.bytes || self.bounds.count == 0 {
            self.forget(path);
            return;
        }
        self.count(&resource);
        match self.slots.get_mut(path) {
            Some(slot) => {
                let old = std::mem::replace(&mut slot.resource, resource);
                slot.checked = now;
                self.discount(&old);
            }
            None => {
                let path: Rc<str> = path.into();
                self.slots.insert(Rc::clone(&path), Slot { resource, checked: now, used: false });
                self.queue.push_back(path);
            }
        }
        self.shrink();
    }

    /// Forgets a path: the file is gone.
    pub(super) fn forget(&mut self, path: &str) {
        if let Some(slot) = self.slots.remove(path) {
            self.discount(&slot.resource);
            self.queue.retain(|queued| &**queued != path);
        }
    }

    /// Forgets everything: another folder has taken the root's place.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.queue.clear();
        (self.bytes, self.descriptors) = (0, 0);
    }

    fn count(&mut self, resource: &Resource) {
        self.bytes += resource.memory();
        self.descriptors += resource.descriptors();
    }

    fn discount(&mut self, resource: &Resource) {
        self.bytes -= resource.memory();
        self.descriptors -= resource.descriptors();
    }

    fn shrink(&mut self) {
        let Bounds { bytes, count, descriptors } = self.bounds;
        while self.bytes > bytes || self.slots.len() > count || self.descriptors > descriptors {
            let Some(oldest) = self.queue.pop_front() else { return };
            match self.slots.get_mut(&oldest) {
                Some(slot) if slot.used => {
                    slot.used = false;
                    self.queue.push_back(oldest);
                }
                _ => {
                    if let Some(slot) = self.slots.remove(&oldest) {
                        self.discount(&slot.resource);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use edgeway_base::WallTime;
    use edgeway_http::semantics::negotiation::ContentCoding;

    use super::super::resource::{Content, Variant};
    use super::super::root::Facts;
    use super::*;

    fn resource(size: usize, settled: bool) -> Rc<Resource> {
        let facts = Facts { size: size as u64, modified: WallTime::default(), inode: 1, is_folder: false };
        let variant = Variant {
            coding: ContentCoding::Identity,
            facts,
            content: Content::Memory(Bytes::from(vec![0; size])),
            entity_tag: Box::from(*b"\"a\""),
            last_modified: [b' '; 29],
        };
        Rc::new(Resource { content_type: "text/plain".into(), variants: vec![variant], settled })
    }

    fn bounds(count: usize) -> Bounds {
        Bounds { bytes: 100, count, descriptors: 1 }
    }

    fn knows(memory: &mut Memory, path: &str) -> bool {
        !matches!(memory.recall(path, Instant::ZERO), Recollection::Nothing)
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut memory = Memory::new(bounds(10), Duration::from_secs(1));
        for path in ["/a", "/b"] {
            memory.keep(path, resource(40, true), Instant::ZERO);
        }
        assert!(knows(&mut memory, "/a"));
        memory.keep("/c", resource(40, true), Instant::ZERO);
        assert!(knows(&mut memory, "/a") && !knows(&mut memory, "/b") && knows(&mut memory, "/c"));
        memory.keep("/a", resource(90, true), Instant::ZERO);
        assert_eq!((memory.bytes, memory.slots.len()), (90, 1));
        memory.keep("/huge", resource(101, true), Instant::ZERO);
        memory.keep("/new", resource(1, false), Instant::ZERO);
        assert!(!knows(&mut memory, "/huge") && !knows(&mut memory, "/new"));
        memory.forget("/a");
        assert_eq!((memory.bytes, memory.queue.len()), (0, 0));
    }

    #[test]
    fn count_is_bounded_and_age_is_told() {
        let mut memory = Memory::new(bounds(2), Duration::from_secs(1));
        for path in ["/a", "/b", "/c"] {
            memory.keep(path, resource(0, true), Instant::ZERO);
        }
        assert_eq!((memory.slots.len(), memory.queue.len()), (2, 2));
        assert!(matches!(memory.recall("/c", Instant::from_millis(999)), Recollection::Fresh(_)));
        assert!(matches!(memory.recall("/c", Instant::from_millis(1000)), Recollection::Stale(_)));
        memory.clear();
        assert!(!knows(&mut memory, "/c"));

        let file = || Content::File(Arc::new(std::fs::File::open("/").unwrap().into()));
        for path in ["/big", "/bigger"] {
            let mut big = (*resource(0, true)).clone();
            big.variants[0].content = file();
            memory.keep(path, Rc::new(big), Instant::ZERO);
        }
        assert_eq!((memory.descriptors, knows(&mut memory, "/big")), (1, false));
    }
}
