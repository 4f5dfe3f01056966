//! Collects what is wrong while values read themselves, and knows under which key we are.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::Table;
use super::value::Value;
use crate::config::diagnostic::Diagnostics;
use crate::config::nearest::nearest;

/// A value in the tree and where it stands in the file.
pub type Node<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// The state of one reading.
#[derive(Default, Debug)]
pub struct Reader {
    /// What has been found wrong so far.
    pub diagnostics: Diagnostics,
    keys: Vec<String>,
}

impl Reader {
    /// The key being read, as errors call it.
    pub fn key(&self) -> &str {
        self.keys.last().map_or("the configuration", String::as_str)
    }

    /// Runs `read` under the name of a key.
    pub fn under<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.keys.push(key.to_owned());
        let result = read(self);
        self.keys.pop();
        result
    }

    /// The value is of a kind that `T` cannot be: a number where an address belongs.
    pub fn mismatch<T: Value>(&mut self, node: Node<'_, '_>) {
        let message = format!("`{}` cannot be {}", self.key(), kind(node.get_ref()));
        self.diagnostics.error(node.span(), message, format!("expected {}", T::expected()));
    }

    /// The value is of the right kind but wrong, and `cause` says why.
    pub fn wrong<T: Value>(&mut self, node: Node<'_, '_>, cause: &str) {
        let message = format!("`{}`: {cause}", self.key());
        self.diagnostics.error(node.span(), message, format!("expected {}", T::expected()));
    }

    /// The table of `T`, once its unknown keys are reported.
    pub fn table<'a, 'i, T: Table>(&mut self, node: Node<'a, 'i>) -> Option<&'a DeTable<'i>> {
        let DeValue::Table(table) = node.get_ref() else {
            self.mismatch::<T>(node);
            return None;
        };
        for key in table.keys().filter(|key| !T::KEYS.contains(&key.get_ref().as_ref())) {
            self.unknown_key(key.get_ref(), key.span(), T::TITLE, T::KEYS);
        }
        Some(table)
    }

    fn unknown_key(&mut self, key: &str, span: Range<usize>, title: &str, known: &[&str]) {
        let hint = nearest(key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        self.diagnostics.error(span, format!("unknown key `{key}` in {title}"), hint.clone().unwrap_or_default());
        // The mistake everyone makes once: [site.example.com] is the key `com` of a site `example`.
        match self.keys.as_slice() {
            [.., section, host] if section == "site" && hint.is_none() => self.diagnostics.advise(format!(
                "known keys: {}; a host name stands in quotes, as in [site.\"{host}.{key}\"]",
                known.join(", ")
            )),
            _ => self.diagnostics.advise(format!("known keys: {}", known.join(", "))),
        }
    }

    /// Reads the value of one key of a table, or what its absence means.
    pub fn field<T: Value>(
        &mut self,
        table: &DeTable<'_>,
        whole: Node<'_, '_>,
        key: &str,
        default: Option<&str>,
    ) -> Option<T> {
        if let Some(value) = table.get(key) {
            return self.under(key, |reader| T::read(value, reader));
        }
        let absent = missing(default);
        if absent.is_none() {
            let message = format!("`{key}` is missing here");
            self.diagnostics.error(whole.span(), message, format!("add `{key}`: {}", T::expected()));
        }
        absent
    }
}

/// What a key means that is not written: its default, or the type's own idea of absence.
pub fn missing<T: Value>(default: Option<&str>) -> Option<T> {
    let Some(text) = default else { return T::absent() };
    // A default is written as in a file, without the quotes of a string.
    let quoted = Spanned::new(0..0, DeValue::String(text.into()));
    T::read(&quoted, &mut Reader::default()).or_else(|| {
        let bare = Spanned::new(0..0, DeValue::parse(text).ok()?.into_inner());
        T::read(&bare, &mut Reader::default())
    })
}

/// What a value is, in a person's words.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
