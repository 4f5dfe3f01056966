//! Values made of values: one or many, entries under free names, a short form or a table, and the
//! place where a value stands.

use std::ops::{Deref, Range};

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Node, Reader};
use super::table::Table;
use super::value::Value;
use super::word::Word;

/// A value and which bytes of the file it is; 0..0 when it is a default.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Value> Value for Located<T> {
    fn expected() -> String {
        T::expected()
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, span: node.span() })
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
    fn show(&self) -> Json {
        self.value.show()
    }
    fn absent() -> Option<Self> {
        T::absent().map(|value| Self { value, span: 0..0 })
    }
}

impl<T: Value> Value for Option<T> {
    fn expected() -> String {
        T::expected()
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Some)
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
    fn show(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::show)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// One value, or a list of them. A mistaken one is reported and left out, so that the others are
/// still checked.
impl<T: Value> Value for Vec<T> {
    fn expected() -> String {
        format!("{}, or a list of such", T::expected())
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        match node.get_ref() {
            DeValue::Array(items) => Some(items.iter().filter_map(|item| T::read(item, reader)).collect()),
            _ => T::read(node, reader).map(|one| vec![one]),
        }
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::schema(generator);
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
    fn show(&self) -> Json {
        if self.is_empty() { Json::Null } else { self.iter().map(T::show).collect() }
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Values under names that the person chooses, in the order of the file.
#[derive(Clone, Debug)]
pub struct Entries<K, T>(pub Vec<(Located<K>, T)>);

impl<K, T> Deref for Entries<K, T> {
    type Target = [(Located<K>, T)];
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K: Word, T: Value> Value for Entries<K, T> {
    fn expected() -> String {
        format!("a table from {} to {}", K::EXPECTED, T::expected())
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let DeValue::Table(table) = node.get_ref() else {
            reader.mismatch::<Self>(node);
            return None;
        };
        let mut entries = Vec::with_capacity(table.len());
        for (name, value) in table {
            let name_node = Spanned::new(name.span(), DeValue::String(name.get_ref().as_ref().into()));
            let key = Located::<K>::read(&name_node, reader);
            let value = reader.under(name.get_ref(), |reader| T::read(value, reader));
            entries.extend(key.zip(value));
        }
        entries.sort_by_key(|(key, _)| key.span.start);
        Some(Self(entries))
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let value = T::schema(generator);
        json_schema!({"type": "object", "additionalProperties": value})
    }
    fn show(&self) -> Json {
        if self.0.is_empty() {
            return Json::Null;
        }
        let shown = |(key, value): &(Located<K>, T)| {
            let value = if key.names_a_secret() { "(not shown)".into() } else { value.show() };
            (key.to_string(), value)
        };
        Json::Object(self.0.iter().map(shown).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self(Vec::new()))
    }
}

/// A table that may also be written short: `redirect = "/new"` for `redirect = { to = "/new" }`.
#[derive(Clone, Debug)]
pub struct Or<S, T> {
    /// The table, whichever way it was written.
    pub full: T,
    short: std::marker::PhantomData<S>,
}

impl<S, T> Deref for Or<S, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.full
    }
}

impl<S, T> Or<S, T> {
    /// The long form.
    pub const fn new(full: T) -> Self {
        Self { full, short: std::marker::PhantomData }
    }
}

impl<S: Value, T: Table + From<S>> Value for Or<S, T> {
    fn expected() -> String {
        format!("{}, or {}", S::expected(), T::expected())
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let full = match node.get_ref() {
            DeValue::Table(_) => T::read(node, reader)?,
            _ => T::from(S::read(node, reader)?),
        };
        Some(Self::new(full))
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, full) = (S::schema(generator), T::schema(generator));
        json_schema!({"anyOf": [short, full]})
    }
    fn show(&self) -> Json {
        self.full.show()
    }
}

/// A whole section of the file: a mistake in it is reported, and reading goes on as if the section
/// were not there, so that the other sections are still checked.
#[derive(Clone, Debug)]
pub struct Section<T>(pub T);

impl<T> Deref for Section<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Value> Value for Section<T> {
    fn expected() -> String {
        T::expected()
    }
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).or_else(T::absent).map(Self)
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
    fn show(&self) -> Json {
        self.0.show()
    }
    fn absent() -> Option<Self> {
        T::absent().map(Self)
    }
}
