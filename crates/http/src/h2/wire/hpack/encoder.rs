//! The HPACK encoder (RFC 7541 §6). Called by the machine as it writes HEADERS and PUSH_PROMISE; its choices of what
//! to index are [`Indexing`].

use super::static_table;
use crate::binary::dynamic_table::{EncoderTable, Found};
use crate::binary::field_line::is_connection_specific;
use crate::binary::indexing::Indexing;
use crate::binary::{FieldLine, LineName, prefix_integer, string_literal};
use crate::semantics::fields::Field;
use crate::semantics::{FieldName, Fields};

/// Bytes of table we use however much the peer offers: more would cost every connection memory for a few bytes saved.
const CAPACITY_MAX: usize = 4_096;

/// One direction's encoder; lives as long as the connection.
#[derive(Debug)]
pub struct Encoder {
    table: EncoderTable,
    /// The smallest capacity since the last block, when it changed: said first (RFC 7541 §4.2).
    smallest: Option<usize>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with the table every connection starts with (RFC 9113 §6.5.2: 4,096 bytes).
    pub fn new() -> Self {
        Self { table: EncoderTable::new(CAPACITY_MAX), smallest: None }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE, in bytes. The next block says what we make of it.
    pub fn set_peer_capacity(&mut self, capacity: u32) {
        let capacity = CAPACITY_MAX.min(capacity as usize);
        if capacity != self.table.table().capacity() {
            self.smallest = Some(self.smallest.map_or(capacity, |smallest| smallest.min(capacity)));
            self.table.set_capacity(capacity);
        }
    }

    /// Begins a block.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let Some(smallest) = self.smallest.take() else { return };
        let capacity = self.table.table().capacity();
        if smallest < capacity {
            prefix_integer::encode(smallest as u64, 0x20, 5, out);
        }
        prefix_integer::encode(capacity as u64, 0x20, 5, out);
    }

    /// Writes a pseudo-header field.
    pub fn pseudo(&mut self, name: LineName, text: &str, value: &[u8], out: &mut Vec<u8>) {
        if let Some(number) = static_table::find(name, value) {
            out.push(0x80 | number);
            return;
        }
        // Paths and status codes seldom come back; the rest stays the same for a whole connection.
        let indexing =
            if matches!(name, LineName::Path | LineName::Status) { Indexing::Without } else { Indexing::Incremental };
        self.line(name, text.as_bytes(), value, indexing, out);
    }

    /// Writes every field that may be sent over this dialect, names in lower case.
    pub fn fields(&mut self, fields: &Fields, out: &mut Vec<u8>) {
        for field in fields.iter() {
            self.field(field, out);
        }
    }

    fn field(&mut self, field: Field<'_>, out: &mut Vec<u8>) {
        if is_connection_specific(field.known) {
            return; // RFC 9113 §8.2.2: never sent, whoever left it there
        }
        let name = LineName::Field(field.known);
        let indexing = if field.sensitive { Indexing::Never } else { Indexing::of(field.known, field.value) };
        if field.known != FieldName::Other {
            self.line(name, field.known.lower().as_bytes(), field.value, indexing, out);
        } else if field.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.line(name, field.name.to_ascii_lowercase().as_bytes(), field.value, indexing, out);
        } else {
            self.line(name, field.name.as_bytes(), field.value, indexing, out);
        }
    }

    /// The same for a request: without Host, which `:authority` says (RFC 9113 §8.3.1), and with no other TE than
    /// `trailers` (RFC 9113 §8.2.2).
    pub fn request_fields(&mut self, fields: &Fields, out: &mut Vec<u8>) {
        for field in fields.iter() {
            let is_allowed = match field.known {
                FieldName::Host => false,
                FieldName::Te => field.value.eq_ignore_ascii_case(b"trailers"),
                _ => true,
            };
            if is_allowed {
                self.field(field, out);
            }
        }
    }

    /// Gives spare memory back; the table's content stays, for the peer counts on it.
    pub fn release_memory(&mut self) {
        self.table.shrink();
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    fn line(&mut self, name: LineName, text: &[u8], value: &[u8], indexing: Indexing, out: &mut Vec<u8>) {
        let line = FieldLine { name, text, value, sensitive: indexing == Indexing::Never, sound: true };
        // The only field with a value in the static table; pseudo-header fields were looked up before.
        if name == LineName::Field(FieldName::AcceptEncoding)
            && let Some(number) = static_table::find(name, value)
        {
            out.push(0x80 | number);
            return;
        }
        let static_name = u64::from(static_table::name_number(name));
        // A known name without indexing needs no search.
        let found = match indexing {
            Indexing::Incremental => self.table.find(name, text, value),
            _ if static_name != 0 => Found::Nothing,
            _ => self.table.find(name, text, value),
        };
        let number = match found {
            Found::Line(age) if indexing != Indexing::Never => {
                prefix_integer::encode(dynamic_number(age), 0x80, 7, out);
                return;
            }
            Found::Line(age) | Found::Name(age) if static_name == 0 => dynamic_number(age),
            _ => static_name,
        };
        // A line that would push out most of the table is worth less than what it pushes out.
        let fits = line.size() <= self.table.table().capacity() / 4 * 3;
        match indexing {
            Indexing::Incremental if fits => {
                prefix_integer::encode(number, 0x40, 6, out);
                self.table.insert(&line);
            }
            Indexing::Never => prefix_integer::encode(number, 0x10, 4, out),
            _ => prefix_integer::encode(number, 0, 4, out),
        }
        if number == 0 {
            string_literal::write(text, 0, 7, out);
        }
        string_literal::write(value, 0, 7, out);
    }
}

const fn dynamic_number(age: u64) -> u64 {
    age + static_table::COUNT as u64 + 1
}
