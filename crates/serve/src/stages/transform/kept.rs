//! Compressed files that a worker keeps, so that a hot file is compressed once. Bounded by bytes; the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;

/// Compressed content by a key that holds the strong tag of what was compressed: a changed file has another key.
#[derive(Default)]
pub(super) struct Kept {
    contents: HashMap<Rc<[u8]>, Bytes>,
    order: VecDeque<Rc<[u8]>>,
    bytes: u64,
}

impl Kept {
    pub(super) fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.contents.get(key).cloned()
    }

    pub(super) fn keep(&mut self, key: &[u8], content: Bytes, bytes_max: u64) {
        let size = content.len() as u64;
        if size > bytes_max {
            return;
        }
        let key: Rc<[u8]> = key.into();
        if let Some(old) = self.contents.insert(Rc::clone(&key), content) {
            self.bytes -= old.len() as u64;
        } else {
            self.order.push_back(key);
        }
        self.bytes += size;
        while self.bytes > bytes_max {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(old) = self.contents.remove(&oldest) {
                self.bytes -= old.len() as u64;
            }
        }
    }
}
