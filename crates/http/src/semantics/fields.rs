//! A field section: names and values in one arena, reused from message to message. Filled by the
//! parsers of all three dialects, changed by stages, written by the serialisers.
//!
//! A `Fields` that is cleared keeps its memory, so a warm connection parses without allocating.

use std::fmt;

use super::field_name::FieldName;

/// An ordered list of fields. Several fields may share a name; their order is kept
/// (RFC 9110 §5.3).
///
/// Values never contain CR, LF or NUL: those are replaced by SP on the way in, as RFC 9110 §5.5
/// tells a recipient that does not reject, so no stage can inject a line.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// One bit for each known name that is present: `get` of an absent name touches no entry.
    present: [u64; 2],
}

#[derive(Clone, Copy)]
struct Entry {
    known: FieldName,
    /// Zero when the name is the known one's canonical text and not in the arena.
    name_length: u16,
    /// Never to be put into a compression table (RFC 7541 §7.1.3).
    sensitive: bool,
    name_start: u32,
    value_start: u32,
    value_length: u32,
}

/// One field, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub known: FieldName,
    /// Its name: as received, or the registry's spelling.
    pub name: &'a str,
    /// Its value, without surrounding white space.
    pub value: &'a [u8],
    /// Whether it must stay out of compression tables.
    pub sensitive: bool,
}

impl Fields {
    /// No fields, no memory.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), present: [0; 2] }
    }

    /// Forgets the fields, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.present = [0; 2];
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of memory held, for budgets.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Size as RFC 9113 §6.5.2 counts it: names, values and 32 bytes a field.
    pub fn section_size(&self) -> usize {
        self.iter().map(|field| field.name.len() + field.value.len() + 32).sum()
    }

    /// Whether a known field is present. Never true for [`FieldName::Other`].
    pub fn contains(&self, name: FieldName) -> bool {
        let number = name as usize;
        self.present[number / 64] & (1 << (number % 64)) != 0
    }

    /// The first value of a known field.
    pub fn get(&self, name: FieldName) -> Option<&[u8]> {
        if !self.contains(name) {
            return None;
        }
        self.entries.iter().find(|entry| entry.known == name).map(|entry| self.value_of(entry))
    }

    /// The first value of a known field, when it is UTF-8.
    pub fn get_str(&self, name: FieldName) -> Option<&str> {
        self.get(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// All values of a known field, in order.
    pub fn get_all(&self, name: FieldName) -> impl Iterator<Item = &[u8]> {
        let entries: &[Entry] = if self.contains(name) { &self.entries } else { &[] };
        entries.iter().filter(move |entry| entry.known == name).map(|entry| self.value_of(entry))
    }

    /// The only value of a known field; `None` when there are none or several.
    pub fn get_single(&self, name: FieldName) -> Option<&[u8]> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The members of a comma-separated field, over all its lines (RFC 9110 §5.6.1), trimmed, empty ones
    /// left out. Not for fields whose members hold quoted commas.
    pub fn members(&self, name: FieldName) -> impl Iterator<Item = &[u8]> {
        self.get_all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|m| !m.is_empty())
    }

    /// The first value of a field given by its text, in any case.
    pub fn get_named(&self, name: &str) -> Option<&[u8]> {
        self.get_all_named(name).next()
    }

    /// All values of a field given by its text, in any case.
    pub fn get_all_named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| self.field_of(entry))
    }

    /// Appends a known field.
    pub fn append(&mut self, name: FieldName, value: impl AsRef<[u8]>) {
        debug_assert!(name != FieldName::Other, "a field without a known name needs its text");
        self.push(name, 0, 0, value.as_ref());
    }

    /// Appends a field given by its text, which must be a token.
    pub fn append_named(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let known = FieldName::from_bytes(name.as_bytes());
        let name_start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name.as_bytes());
        self.push(known, name_start, name.len() as u16, value.as_ref());
    }

    /// Appends a known field whose value is the pieces one after the other: no string has to be made for it.
    pub fn append_joined(&mut self, name: FieldName, pieces: &[&[u8]]) {
        debug_assert!(name != FieldName::Other, "a field without a known name needs its text");
        let value_start = self.bytes.len();
        for piece in pieces {
            self.bytes.extend_from_slice(piece);
        }
        self.seal(name, 0, 0, value_start);
    }

    /// Appends every field of `other`, spelled as there.
    pub fn append_all(&mut self, other: &Self) {
        for field in other.iter() {
            self.append_named(field.name, field.value);
        }
    }

    /// Puts one value in the place of all there were.
    pub fn set(&mut self, name: FieldName, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Puts one value in the place of all there were, by the field's text.
    pub fn set_named(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove_named(name);
        self.append_named(name, value);
    }

    /// Removes all fields of a known name.
    pub fn remove(&mut self, name: FieldName) {
        if self.contains(name) {
            self.entries.retain(|entry| entry.known != name);
            self.present[name as usize / 64] &= !(1 << (name as usize % 64));
        }
    }

    /// Removes all fields of a name given by its text, in any case.
    pub fn remove_named(&mut self, name: &str) {
        match FieldName::from_bytes(name.as_bytes()) {
            FieldName::Other => self.retain(|field| !field.name.eq_ignore_ascii_case(name)),
            known => self.remove(known),
        }
    }

    /// Keeps only the fields for which `keep` answers true.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let Self { bytes, entries, present } = self;
        *present = [0; 2];
        entries.retain(|entry| {
            let kept = keep(field_of(bytes, entry));
            if kept {
                mark(present, entry.known);
            }
            kept
        });
    }

    /// Marks the last field appended as one to keep out of compression tables.
    pub fn mark_last_sensitive(&mut self) {
        if let Some(entry) = self.entries.last_mut() {
            entry.sensitive = true;
        }
    }

    /// For parsers: the arena, to which a head was just copied whole. Spans into it are then given to
    /// [`Fields::push_span`].
    pub fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// For parsers: appends a field whose name and value already stand in the arena and were checked
    /// (token; no CR, LF, NUL; trimmed). Ranges beyond the arena are a mistake of the caller and panic later.
    pub fn push_span(&mut self, name: std::ops::Range<usize>, value: std::ops::Range<usize>) -> FieldName {
        let known = FieldName::from_bytes(&self.bytes[name.clone()]);
        self.push_known_span(known, name, value);
        known
    }

    /// For parsers that looked the name up themselves and copy the head into the arena afterwards: as
    /// [`Fields::push_span`]. Until the arena holds the bytes, nothing but [`Fields::clear`] may be called.
    pub(crate) fn push_known_span(
        &mut self,
        known: FieldName,
        name: std::ops::Range<usize>,
        value: std::ops::Range<usize>,
    ) {
        mark(&mut self.present, known);
        self.entries.push(Entry {
            known,
            name_length: name.len() as u16,
            sensitive: false,
            name_start: name.start as u32,
            value_start: value.start as u32,
            value_length: value.len() as u32,
        });
    }

    /// For decoders: appends a field whose name was looked up and whose bytes were checked (a token; no CR, LF,
    /// NUL; trimmed). The text of a known name is not kept.
    pub fn push_checked(&mut self, known: FieldName, name: &[u8], value: &[u8], sensitive: bool) {
        let name_start = self.bytes.len();
        if known == FieldName::Other {
            self.bytes.extend_from_slice(name);
        }
        let value_start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        mark(&mut self.present, known);
        self.entries.push(Entry {
            known,
            name_length: (value_start - name_start) as u16,
            sensitive,
            name_start: name_start as u32,
            value_start: value_start as u32,
            value_length: value.len() as u32,
        });
    }

    fn push(&mut self, known: FieldName, name_start: u32, name_length: u16, value: &[u8]) {
        let value_start = self.bytes.len();
        self.bytes.extend_from_slice(value.trim_ascii());
        self.seal(known, name_start, name_length, value_start);
    }

    /// Makes a field of the value that stands at the end of the arena.
    fn seal(&mut self, known: FieldName, name_start: u32, name_length: u16, value_start: usize) {
        // RFC 9110 §5.5: CR, LF and NUL are replaced with SP before anything is done with the value.
        if memchr::memchr3(b'\r', b'\n', 0, &self.bytes[value_start..]).is_some() {
            for byte in &mut self.bytes[value_start..] {
                if matches!(*byte, b'\r' | b'\n' | 0) {
                    *byte = b' ';
                }
            }
        }
        let value_length = (self.bytes.len() - value_start) as u32;
        let value_start = value_start as u32;
        mark(&mut self.present, known);
        self.entries.push(Entry { known, name_length, sensitive: false, name_start, value_start, value_length });
    }

    fn value_of(&self, entry: &Entry) -> &[u8] {
        value_of(&self.bytes, entry)
    }

    fn field_of(&self, entry: &Entry) -> Field<'_> {
        field_of(&self.bytes, entry)
    }
}

fn value_of<'a>(bytes: &'a [u8], entry: &Entry) -> &'a [u8] {
    &bytes[entry.value_start as usize..][..entry.value_length as usize]
}

fn field_of<'a>(bytes: &'a [u8], entry: &Entry) -> Field<'a> {
    let name = if entry.name_length == 0 {
        entry.known.canonical()
    } else {
        // Parsers and `append_named` let only tokens in, which are ASCII.
        str::from_utf8(&bytes[entry.name_start as usize..][..usize::from(entry.name_length)]).unwrap_or_default()
    };
    Field { known: entry.known, name, value: value_of(bytes, entry), sensitive: entry.sensitive }
}

fn mark(present: &mut [u64; 2], name: FieldName) {
    let number = name as usize;
    if number != 0 {
        present[number / 64] |= 1 << (number % 64);
    }
}

// The bitmap has room for every name of the table.
const _: () = assert!(super::field_name::COUNT <= 128);

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields =
            self.iter().map(|field| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned()));
        formatter.debug_map().entries(fields).finish()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other.iter()).all(|(a, b)| a.name.eq_ignore_ascii_case(b.name) && a.value == b.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_order_and_answer_by_number_and_by_text() {
        let mut fields = Fields::new();
        fields.append(FieldName::ContentType, "text/html");
        fields.append_named("x-Custom", "one");
        fields.append_named("VIA", "1.1 a, ,1.1 b");
        fields.append(FieldName::Via, "1.1 c");
        assert_eq!(fields.get(FieldName::ContentType), Some(&b"text/html"[..]));
        assert_eq!(fields.get_named("X-CUSTOM"), Some(&b"one"[..]));
        assert_eq!(fields.members(FieldName::Via).collect::<Vec<_>>(), [b"1.1 a", b"1.1 b", b"1.1 c"]);
        assert_eq!(fields.get_single(FieldName::Via), None);
        fields.remove_named("via");
        assert!(!fields.contains(FieldName::Via));
        fields.retain(|field| field.known != FieldName::ContentType);
        assert!(!fields.contains(FieldName::ContentType));
        assert_eq!(fields.iter().map(|field| field.name).collect::<Vec<_>>(), ["x-Custom"]);
    }

    #[test]
    fn no_line_can_be_injected() {
        let mut fields = Fields::new();
        fields.append(FieldName::Location, "/a\r\nSet-Cookie: b=c\0");
        assert_eq!(fields.get(FieldName::Location), Some(&b"/a  Set-Cookie: b=c "[..]));
    }
}
