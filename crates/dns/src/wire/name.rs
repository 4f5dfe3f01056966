//! Names: owned ([`Name`]) and borrowed ([`NameRef`]), always complete and never compressed.
//! Equality and hash ignore ASCII case (RFC 4343 §3); order is canonical (RFC 4034 §6.1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::WireError;
use crate::limits::{LABEL_BYTES_MAX, LABELS_MAX, NAME_BYTES_MAX};

/// Names up to this many wire bytes live in the value itself, which then is 32 bytes large.
const INLINE_BYTES: usize = 30;

/// A name of its own, in wire form: labels, each behind its length, and the root's zero.
#[derive(Clone)]
pub struct Name(Storage);

#[derive(Clone)]
enum Storage {
    Inline { length: u8, bytes: [u8; INLINE_BYTES] },
    Heap(Box<[u8]>),
}

/// A borrowed name in uncompressed wire form, checked when it was made.
#[derive(Clone, Copy)]
pub struct NameRef<'a>(&'a [u8]);

// ---- Name ---------------------------------------------------------------------------------

impl Name {
    /// The root.
    pub const fn root() -> Self {
        Self(Storage::Inline { length: 1, bytes: [0; INLINE_BYTES] })
    }

    /// Reads uncompressed wire form that fills `wire` exactly.
    pub fn from_wire(wire: &[u8]) -> Result<Self, WireError> {
        NameRef::from_wire(wire).map(NameRef::to_name)
    }

    /// Joins labels, leftmost first; the root is added.
    pub fn from_labels<'l>(labels: impl IntoIterator<Item = &'l [u8]>) -> Result<Self, WireError> {
        let mut builder = NameBuilder::new();
        for label in labels {
            builder.push(label)?;
        }
        builder.finish()
    }

    /// The same name, borrowed.
    pub fn borrowed(&self) -> NameRef<'_> {
        NameRef(self.wire())
    }

    /// Wire form.
    pub fn wire(&self) -> &[u8] {
        match &self.0 {
            Storage::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Storage::Heap(bytes) => bytes,
        }
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.wire().len() == 1
    }

    /// Labels, leftmost first, without the root.
    pub fn labels(&self) -> Labels<'_> {
        self.borrowed().labels()
    }

    /// How many labels, without the root.
    pub fn label_count(&self) -> usize {
        self.borrowed().label_count()
    }

    /// The name without its leftmost label; none for the root.
    pub fn parent(&self) -> Option<Self> {
        self.borrowed().parent().map(NameRef::to_name)
    }

    /// Whether this is `ancestor` or below it.
    pub fn is_at_or_below<'b>(&self, ancestor: impl Into<NameRef<'b>>) -> bool {
        self.borrowed().is_at_or_below(ancestor)
    }

    /// `label` in front of this name.
    pub fn child(&self, label: &[u8]) -> Result<Self, WireError> {
        let mut builder = NameBuilder::new();
        builder.push(label)?;
        builder.finish_under(self.borrowed())
    }

    /// The asterisk label in front of this name; fails when that is too long.
    pub fn wildcard(&self) -> Result<Self, WireError> {
        self.child(b"*")
    }

    /// The same name in lower case (canonical form, RFC 4034 §6.2).
    pub fn to_lowercase(&self) -> Self {
        let mut copy = self.clone();
        copy.wire_mut().make_ascii_lowercase();
        copy
    }

    /// Flips the case of the letters for which `flip` says so; the shape cannot change.
    pub fn flip_case(&mut self, mut flip: impl FnMut() -> bool) {
        // Length bytes are below 64 and therefore never letters.
        for byte in self.wire_mut().iter_mut().filter(|byte| byte.is_ascii_alphabetic()) {
            if flip() {
                *byte ^= 0x20;
            }
        }
    }

    fn wire_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Storage::Inline { length, bytes } => &mut bytes[..usize::from(*length)],
            Storage::Heap(bytes) => bytes,
        }
    }

    /// `wire` must be a checked name.
    pub(super) fn from_checked(wire: &[u8]) -> Self {
        let mut bytes = [0; INLINE_BYTES];
        match bytes.get_mut(..wire.len()) {
            Some(place) => {
                place.copy_from_slice(wire);
                Self(Storage::Inline { length: wire.len() as u8, bytes })
            }
            None => Self(Storage::Heap(wire.into())),
        }
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::root()
    }
}

// ---- NameRef ------------------------------------------------------------------------------

impl<'a> NameRef<'a> {
    /// The root.
    pub const ROOT: NameRef<'static> = NameRef(&[0]);

    /// Reads uncompressed wire form that fills `wire` exactly.
    pub fn from_wire(wire: &'a [u8]) -> Result<Self, WireError> {
        let (name, rest) = Self::split_wire(wire)?;
        if rest.is_empty() { Ok(name) } else { Err(WireError::DataLength) }
    }

    /// Reads uncompressed wire form from the front of `wire`: the name and what follows it.
    pub fn split_wire(wire: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let mut position = 0;
        loop {
            let length = usize::from(*wire.get(position).ok_or(WireError::Truncated)?);
            position += 1 + length;
            match length {
                _ if position > NAME_BYTES_MAX => return Err(WireError::NameTooLong),
                0 => {
                    let (name, rest) = wire.split_at(position);
                    return Ok((Self(name), rest));
                }
                0xc0.. => return Err(WireError::PointerForbidden),
                length if length > LABEL_BYTES_MAX => return Err(WireError::LabelType),
                _ => {}
            }
        }
    }

    /// `wire` must be a checked name: for bytes of our own stores.
    pub(crate) const fn from_checked(wire: &'a [u8]) -> Self {
        Self(wire)
    }

    /// Wire form.
    pub const fn wire(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    pub fn to_name(self) -> Name {
        Name::from_checked(self.0)
    }

    /// Whether this is the root.
    pub const fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// Labels, leftmost first, without the root.
    pub const fn labels(self) -> Labels<'a> {
        Labels(self.0)
    }

    /// How many labels, without the root.
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// The leftmost label; none for the root.
    pub fn first_label(self) -> Option<&'a [u8]> {
        self.labels().next()
    }

    /// Whether the leftmost label is an asterisk alone (RFC 4592 §2.1.1).
    pub fn is_wildcard(self) -> bool {
        self.0.starts_with(&[1, b'*'])
    }

    /// The name without its leftmost label; none for the root.
    pub fn parent(self) -> Option<Self> {
        (!self.is_root()).then(|| Self(&self.0[1 + usize::from(self.0[0])..]))
    }

    /// The name without its `count` leftmost labels; the root when there are not so many.
    pub fn without_labels(self, count: usize) -> Self {
        (0..count).try_fold(self, |name, _| name.parent().ok_or(())).unwrap_or(Self(&[0]))
    }

    /// The rightmost `count` labels; the whole name when it has no more.
    pub fn last_labels(self, count: usize) -> Self {
        self.without_labels(self.label_count().saturating_sub(count))
    }

    /// This name and each of its ancestors, up to the root.
    pub fn ancestors(self) -> impl Iterator<Item = Self> + 'a {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether this is `ancestor` or below it.
    pub fn is_at_or_below<'b>(self, ancestor: impl Into<NameRef<'b>>) -> bool {
        self.prefix_length_under(ancestor.into()).is_some()
    }

    /// Whether this is strictly below `ancestor`.
    pub fn is_below<'b>(self, ancestor: impl Into<NameRef<'b>>) -> bool {
        self.prefix_length_under(ancestor.into()).is_some_and(|length| length > 0)
    }

    /// How many leading bytes (whole labels) stand before `ancestor`; none when it is no ancestor.
    pub fn prefix_length_under(self, ancestor: NameRef<'_>) -> Option<usize> {
        let prefix = self.0.len().checked_sub(ancestor.0.len())?;
        if !same_ignoring_case(&self.0[prefix..], ancestor.0) {
            return None;
        }
        // The suffix must begin where a label begins, not in the middle of one.
        let mut position = 0;
        while position < prefix {
            position += 1 + usize::from(self.0[position]);
        }
        (position == prefix).then_some(prefix)
    }

    /// How many labels both names share, counted from the root.
    pub fn common_labels(self, other: NameRef<'_>) -> usize {
        let (mine, theirs) = (Offsets::of(self), Offsets::of(other));
        (mine.rev(self).zip(theirs.rev(other))).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    }

    /// Replaces the suffix `from` by `to` (DNAME substitution, RFC 6672 §2.2); none when this is not
    /// strictly below `from`, an error when the result is too long.
    pub fn substitute(self, from: NameRef<'_>, to: NameRef<'_>) -> Option<Result<Name, WireError>> {
        let prefix = self.prefix_length_under(from).filter(|length| *length > 0)?;
        if prefix + to.0.len() > NAME_BYTES_MAX {
            return Some(Err(WireError::NameTooLong));
        }
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..prefix].copy_from_slice(&self.0[..prefix]);
        bytes[prefix..prefix + to.0.len()].copy_from_slice(to.0);
        Some(Ok(Name::from_checked(&bytes[..prefix + to.0.len()])))
    }
}

impl<'a> From<&'a Name> for NameRef<'a> {
    fn from(name: &'a Name) -> Self {
        name.borrowed()
    }
}

/// Where each label of a name begins.
struct Offsets {
    starts: [u8; LABELS_MAX],
    count: usize,
}

impl Offsets {
    fn of(name: NameRef<'_>) -> Self {
        let (mut starts, mut count, mut position) = ([0; LABELS_MAX], 0, 0);
        while name.0[position] != 0 {
            starts[count] = position as u8;
            count += 1;
            position += 1 + usize::from(name.0[position]);
        }
        Self { starts, count }
    }

    /// Labels from the root leftwards.
    fn rev<'n>(&self, name: NameRef<'n>) -> impl Iterator<Item = &'n [u8]> {
        self.starts[..self.count].iter().rev().map(move |start| {
            let start = usize::from(*start);
            &name.0[start + 1..][..usize::from(name.0[start])]
        })
    }
}

/// Whether two runs of bytes differ in ASCII case at most. Names mostly come in the case they are stored in,
/// and comparing plain bytes is many times faster.
pub(crate) fn same_ignoring_case(a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}

// ---- order, equality, hash ------------------------------------------------------------------

impl PartialEq for NameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        // Length bytes are below 64, so ignoring case cannot confuse them with letters.
        same_ignoring_case(self.0, other.0)
    }
}

impl Eq for NameRef<'_> {}

impl Ord for NameRef<'_> {
    /// RFC 4034 §6.1: labels from the right, each as lower-case bytes, absence first.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (Offsets::of(*self), Offsets::of(*other));
        let lower = |label: &[u8], other: &[u8]| {
            label.iter().map(u8::to_ascii_lowercase).cmp(other.iter().map(u8::to_ascii_lowercase))
        };
        (mine.rev(*self).zip(theirs.rev(*other)))
            .map(|(a, b)| lower(a, b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| mine.count.cmp(&theirs.count))
    }
}

impl PartialOrd for NameRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut lower = [0; NAME_BYTES_MAX];
        let lower = &mut lower[..self.0.len()];
        lower.copy_from_slice(self.0);
        lower.make_ascii_lowercase();
        state.write(lower);
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed() == other.borrowed()
    }
}

impl Eq for Name {}

impl PartialEq<NameRef<'_>> for Name {
    fn eq(&self, other: &NameRef<'_>) -> bool {
        self.borrowed() == *other
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.borrowed().cmp(&other.borrowed())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

// ---- Labels, NameBuilder ----------------------------------------------------------------------

/// The labels of a name, leftmost first, without the root.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first().filter(|(length, _)| **length > 0)?;
        let (label, rest) = rest.split_at(usize::from(*length));
        self.0 = rest;
        Some(label)
    }
}

/// Builds a name label by label, on the stack.
#[derive(Clone, Debug)]
pub struct NameBuilder {
    bytes: [u8; NAME_BYTES_MAX],
    length: usize,
}

impl NameBuilder {
    /// No labels.
    pub const fn new() -> Self {
        Self { bytes: [0; NAME_BYTES_MAX], length: 0 }
    }

    /// Whether nothing was pushed.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a label of 1 to 63 bytes to the right.
    pub fn push(&mut self, label: &[u8]) -> Result<(), WireError> {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return Err(WireError::LabelType);
        }
        // One byte stays free for the root.
        if self.length + 1 + label.len() >= NAME_BYTES_MAX {
            return Err(WireError::NameTooLong);
        }
        self.bytes[self.length] = label.len() as u8;
        self.bytes[self.length + 1..][..label.len()].copy_from_slice(label);
        self.length += 1 + label.len();
        Ok(())
    }

    /// The labels under the root.
    pub fn finish(self) -> Result<Name, WireError> {
        self.finish_under(NameRef::ROOT)
    }

    /// The labels under `origin`.
    pub fn finish_under(mut self, origin: NameRef<'_>) -> Result<Name, WireError> {
        let end = self.length + origin.0.len();
        self.bytes.get_mut(self.length..end).ok_or(WireError::NameTooLong)?.copy_from_slice(origin.0);
        Ok(Name::from_checked(&self.bytes[..end]))
    }
}

impl Default for NameBuilder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
