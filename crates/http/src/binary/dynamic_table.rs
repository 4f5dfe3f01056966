//! The dynamic table of field lines (RFC 7541 §2.3.2, §4; RFC 9204 §3.2). One stands on each side of a
//! connection's field coding: the decoders look lines up by number, the encoders through [`EncoderTable`].
//!
//! Names and values lie one after another in one buffer, which grows as lines come and is closed up when more than
//! half of it is dead: an idle connection holds what its table holds and little more.

use std::collections::VecDeque;

use super::field_line::{FieldLine, LineName};
use crate::semantics::FieldName;

/// What an entry counts beside its bytes (RFC 7541 §4.1).
pub const ENTRY_OVERHEAD: usize = 32;

/// Below this many dead bytes the buffer is not worth closing up.
const DEAD_BYTES_MIN: usize = 256;

/// A first-in first-out table of field lines bounded by their size.
#[derive(Debug, Default)]
pub struct DynamicTable {
    /// Oldest first.
    entries: VecDeque<Entry>,
    bytes: Vec<u8>,
    /// How many bytes were cut off the front of `bytes` since the beginning.
    cut: u64,
    size: usize,
    capacity: usize,
    inserted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u64,
    name_length: u32,
    value_length: u32,
    name: LineName,
    sound: bool,
}

impl Entry {
    const fn size(&self) -> usize {
        self.name_length as usize + self.value_length as usize + ENTRY_OVERHEAD
    }
}

impl DynamicTable {
    /// An empty table of at most `capacity` bytes, counted as RFC 7541 §4.1 counts them.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// A table that holds nothing until its capacity is set.
    pub const fn empty() -> Self {
        Self { entries: VecDeque::new(), bytes: Vec::new(), cut: 0, size: 0, capacity: 0, inserted: 0 }
    }

    /// The bound in force, in bytes.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes in it, as RFC 7541 §4.1 counts them.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How many lines are in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines were ever inserted: the number of the newest (RFC 9204 §3.2.4 counts from zero).
    pub const fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Changes the bound and evicts what no longer fits (RFC 7541 §4.3).
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.evict_to(capacity);
    }

    /// The line `age` insertions before the newest, which has age zero.
    pub fn get(&self, age: u64) -> Option<FieldLine<'_>> {
        let age = usize::try_from(age).ok()?;
        let entry = self.entries.get(self.entries.len().checked_sub(age)?.checked_sub(1)?)?;
        let start = (entry.start - self.cut) as usize;
        let (text, rest) = self.bytes[start..].split_at(entry.name_length as usize);
        let value = &rest[..entry.value_length as usize];
        Some(FieldLine { name: entry.name, text, value, sensitive: false, sound: entry.sound })
    }

    /// Inserts a line after evicting what must go. `false`: it is larger than the whole table, which is now empty
    /// (RFC 7541 §4.4).
    pub fn insert(&mut self, line: &FieldLine<'_>) -> bool {
        let size = line.size();
        self.evict_to(self.capacity.saturating_sub(size));
        if size > self.capacity {
            return false;
        }
        self.entries.push_back(Entry {
            start: self.cut + self.bytes.len() as u64,
            name_length: line.text.len() as u32,
            value_length: line.value.len() as u32,
            name: line.name,
            sound: line.sound,
        });
        self.bytes.extend_from_slice(line.text);
        self.bytes.extend_from_slice(line.value);
        self.size += size;
        self.inserted += 1;
        true
    }

    /// How many of the oldest lines would go to make room for one of `size` bytes.
    pub fn evictions_for(&self, size: usize) -> usize {
        let mut left = (self.size + size).saturating_sub(self.capacity);
        let needed = |entry: &&Entry| {
            let is_needed = left > 0;
            left = left.saturating_sub(entry.size());
            is_needed
        };
        self.entries.iter().take_while(needed).count()
    }

    /// Gives spare memory back.
    pub fn shrink(&mut self) {
        self.close_up();
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size -= oldest.size();
        }
        let dead = self.dead_bytes();
        if dead > DEAD_BYTES_MIN && dead > self.bytes.len() / 2 {
            self.close_up();
        }
    }

    fn dead_bytes(&self) -> usize {
        self.entries.front().map_or(self.bytes.len(), |oldest| (oldest.start - self.cut) as usize)
    }

    fn close_up(&mut self) {
        let dead = self.dead_bytes();
        self.bytes.drain(..dead);
        self.cut += dead as u64;
    }
}

/// How many chains [`EncoderTable`] keeps: about one for each line a table of 4,096 bytes holds.
const CHAIN_COUNT: usize = 64;
/// How many lines of one chain are looked at: names with very many values are not worth a search.
const CHAIN_LOOK_MAX: usize = 16;

/// A dynamic table that an encoder can search. Lines of one name form a chain, newest first; a link that leads to an
/// evicted line ends the chain, so eviction touches no chain.
#[derive(Debug, Default)]
pub struct EncoderTable {
    table: DynamicTable,
    /// Beside each line of the table, oldest first.
    links: VecDeque<Link>,
    /// The number of the newest line of each chain; empty until the first insertion.
    chains: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    name: LineName,
    value_hash: u32,
    /// The number of the next older line of the chain; zero when there was none.
    older: u64,
}

/// What a search found, by age (zero is the newest line).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A line with this name and value.
    Line(u64),
    /// A line with this name.
    Name(u64),
    /// Nothing.
    Nothing,
}

impl EncoderTable {
    /// An empty table of at most `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        Self { table: DynamicTable::new(capacity), ..Self::default() }
    }

    /// The table itself.
    pub const fn table(&self) -> &DynamicTable {
        &self.table
    }

    /// Changes the bound and evicts what no longer fits.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.table.set_capacity(capacity);
        self.forget_evicted();
    }

    /// Looks for a line.
    pub fn find(&self, name: LineName, text: &[u8], value: &[u8]) -> Found {
        let Some(newest) = self.chains.get(chain_of(name, text)) else { return Found::Nothing };
        let (mut number, mut found, value_hash) = (*newest, Found::Nothing, hash(value));
        for _ in 0..CHAIN_LOOK_MAX {
            let Some(age) = self.age_of(number) else { break };
            let link = self.links[self.links.len() - 1 - age as usize];
            number = link.older;
            if link.name != name || (is_text_only(name) && self.table.get(age).is_none_or(|line| line.text != text)) {
                continue;
            }
            if link.value_hash == value_hash && self.table.get(age).is_some_and(|line| line.value == value) {
                return Found::Line(age);
            }
            if found == Found::Nothing {
                found = Found::Name(age);
            }
        }
        found
    }

    /// Inserts a line; `false` when it is larger than the table.
    pub fn insert(&mut self, line: &FieldLine<'_>) -> bool {
        let inserted = self.table.insert(line);
        if inserted {
            if self.chains.is_empty() {
                self.chains.resize(CHAIN_COUNT, 0);
            }
            let chain = &mut self.chains[chain_of(line.name, line.text)];
            self.links.push_back(Link { name: line.name, value_hash: hash(line.value), older: *chain });
            *chain = self.table.inserted();
        }
        self.forget_evicted();
        inserted
    }

    /// Gives spare memory back.
    pub fn shrink(&mut self) {
        self.table.shrink();
        self.links.shrink_to_fit();
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.table.memory() + self.links.capacity() * size_of::<Link>() + self.chains.capacity() * size_of::<u64>()
    }

    fn age_of(&self, number: u64) -> Option<u64> {
        // Number zero, "none", is older than every line.
        let age = self.table.inserted() - number;
        (number > 0 && age < self.table.len() as u64).then_some(age)
    }

    fn forget_evicted(&mut self) {
        let evicted = self.links.len() - self.table.len();
        self.links.drain(..evicted);
    }
}

/// Whether only its text tells a name from others.
const fn is_text_only(name: LineName) -> bool {
    matches!(name, LineName::Field(FieldName::Other) | LineName::UnknownPseudo)
}

fn chain_of(name: LineName, text: &[u8]) -> usize {
    match name {
        _ if is_text_only(name) => hash(text) as usize % CHAIN_COUNT,
        LineName::UnknownPseudo => 0,
        LineName::Field(known) => known as usize % CHAIN_COUNT,
        LineName::Method => 1,
        LineName::Scheme => 2,
        LineName::Authority => 3,
        LineName::Path => 4,
        LineName::Protocol => 5,
        LineName::Status => 6,
    }
}

/// The first bytes, the last and the length: the same little work for every value. A stranger who makes values collide
/// makes only his own searches longer, up to [`CHAIN_LOOK_MAX`].
fn hash(bytes: &[u8]) -> u32 {
    let (head, tail) = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
    } else {
        (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0)
    };
    let mixed = (head ^ (bytes.len() as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ tail.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(29);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(text: &'a str, value: &'a str) -> FieldLine<'a> {
        let (text, value) = (text.as_bytes(), value.as_bytes());
        FieldLine { name: LineName::from_bytes(text), text, value, sensitive: false, sound: true }
    }

    #[test]
    fn oldest_lines_go_first_and_a_line_too_large_empties_the_table() {
        let mut table = DynamicTable::new(3 * (ENTRY_OVERHEAD + 2));
        for name in ["a", "b", "c", "d"] {
            assert!(table.insert(&line(name, "1")));
        }
        assert_eq!((table.len(), table.inserted()), (3, 4));
        assert_eq!(table.get(0).unwrap().text, b"d");
        assert_eq!(table.get(2).unwrap().text, b"b");
        assert!(table.get(3).is_none() && table.get(u64::MAX).is_none());
        assert!(!table.insert(&line("e", &"x".repeat(100))));
        assert_eq!((table.len(), table.size()), (0, 0));
    }

    #[test]
    fn the_buffer_stays_in_proportion_to_what_it_holds() {
        let mut table = DynamicTable::new(4096);
        for number in 0..10_000 {
            table.insert(&line("x-number", &format!("{number:0100}")));
        }
        assert!(table.bytes.len() < 2 * 4096 + 256, "{}", table.bytes.len());
        assert_eq!(table.get(0).unwrap().value.last(), Some(&b'9'));
    }

    #[test]
    fn the_encoder_finds_what_is_there_and_never_what_was_evicted() {
        let mut table = EncoderTable::new(10 * (ENTRY_OVERHEAD + 16));
        for number in 0..1_000 {
            let value = format!("value-{number:04}");
            assert!(table.insert(&line("x-name", &value)));
            assert_eq!(table.find(LineName::from_bytes(b"x-name"), b"x-name", value.as_bytes()), Found::Line(0));
            assert_eq!(table.find(LineName::from_bytes(b"x-name"), b"x-name", b"other"), Found::Name(0));
            assert_eq!(table.find(LineName::from_bytes(b"x-none"), b"x-none", b"other"), Found::Nothing);
            if number >= 20 {
                let gone = format!("value-{:04}", number - 15);
                assert_eq!(table.find(LineName::from_bytes(b"x-name"), b"x-name", gone.as_bytes()), Found::Name(0));
            }
        }
        table.set_capacity(0);
        assert_eq!(table.find(LineName::from_bytes(b"x-name"), b"x-name", b"value-0999"), Found::Nothing);
    }
}
