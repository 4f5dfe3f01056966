//! What a structured field can say (RFC 9651 §3). Made by `parse`, read by stages, written by `serialise`.

use std::fmt;

/// A list (RFC 9651 §3.1).
pub type List = Vec<Member>;

/// A member of a list or dictionary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Member {
    /// One item.
    Item(Item),
    /// A list in parentheses.
    InnerList(InnerList),
}

impl Member {
    /// The item, when it is one.
    pub const fn as_item(&self) -> Option<&Item> {
        match self {
            Self::Item(item) => Some(item),
            Self::InnerList(_) => None,
        }
    }

    /// Its parameters.
    pub const fn parameters(&self) -> &Parameters {
        match self {
            Self::Item(item) => &item.parameters,
            Self::InnerList(list) => &list.parameters,
        }
    }
}

impl From<BareItem> for Member {
    fn from(value: BareItem) -> Self {
        Self::Item(value.into())
    }
}

/// Items in parentheses, with parameters of their own (RFC 9651 §3.1.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InnerList {
    /// The items.
    pub items: Vec<Item>,
    /// The list's parameters.
    pub parameters: Parameters,
}

/// A value with parameters (RFC 9651 §3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The value.
    pub value: BareItem,
    /// Its parameters.
    pub parameters: Parameters,
}

impl From<BareItem> for Item {
    fn from(value: BareItem) -> Self {
        Self { value, parameters: Parameters::default() }
    }
}

/// Keys in the order of their first appearance, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keyed<V> {
    entries: Vec<(String, V)>,
}

/// Parameters of an item or inner list (RFC 9651 §3.1.2).
pub type Parameters = Keyed<BareItem>;

/// A dictionary (RFC 9651 §3.2).
pub type Dictionary = Keyed<Member>;

impl<V> Keyed<V> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.entries.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    /// Sets a key's value; a key that is there keeps its place (RFC 9651 §4.2.2).
    pub fn insert(&mut self, key: impl Into<String>, value: V) {
        let key = key.into();
        match self.entries.iter_mut().find(|(found, _)| *found == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many keys.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<V> Default for Keyed<V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K: Into<String>, V> FromIterator<(K, V)> for Keyed<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut keyed = Self::default();
        pairs.into_iter().for_each(|(key, value)| keyed.insert(key, value));
        keyed
    }
}

/// A value without parameters (RFC 9651 §3.3.1 to §3.3.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BareItem {
    /// Up to fifteen digits.
    Integer(i64),
    /// Up to twelve digits, and three after the point.
    Decimal(Decimal),
    /// Visible ASCII and blanks, in quotes.
    String(String),
    /// A word.
    Token(String),
    /// Bytes, in base64 between colons.
    Bytes(Vec<u8>),
    /// `?1` or `?0`.
    Boolean(bool),
    /// Seconds since the epoch, before it when negative.
    Date(i64),
    /// Any text, percent-encoded.
    DisplayString(String),
}

impl BareItem {
    /// The number, when it is an integer.
    pub const fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, when it is one.
    pub const fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, when it is a string or a token.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Token(text) => Some(text),
            _ => None,
        }
    }
}

/// A decimal number in thousandths: exact, as the field is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Decimal {
    /// A thousand times the number.
    pub thousandths: i64,
}

impl fmt::Display for Decimal {
    /// At least one digit after the point (RFC 9651 §4.1.5).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.thousandths < 0 { "-" } else { "" };
        let (whole, fraction) = (self.thousandths.unsigned_abs() / 1000, self.thousandths.unsigned_abs() % 1000);
        let digits = format!("{fraction:03}");
        let shown = digits.trim_end_matches('0');
        write!(formatter, "{sign}{whole}.{}", if shown.is_empty() { "0" } else { shown })
    }
}
