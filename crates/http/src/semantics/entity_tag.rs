//! Entity tags (RFC 9110 §8.8.3): `"abc"`, `W/"abc"`. Made by `files` and `store`, compared by [`super::conditions`]
//! and by the cache; hands on to nothing.

use super::field_name::FieldName;
use super::fields::Fields;
use super::limits::ENTITY_TAGS_MAX;

/// A validator: the same tag promises the same bytes (strong), or as good as the same (weak).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EntityTag<'a> {
    /// Whether it only promises equivalence.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// A strong tag of what stands between the quotes.
    pub const fn strong(opaque: &'a [u8]) -> Self {
        Self { weak: false, opaque }
    }

    /// Reads exactly one tag, as an ETag or If-Range field holds it.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (tag, rest) = Self::parse_front(value.trim_ascii())?;
        rest.is_empty().then_some(tag)
    }

    /// Both strong and the same (RFC 9110 §8.8.3.2). For If-Match, If-Range and for joining ranges.
    pub fn matches_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// The same, however strong (RFC 9110 §8.8.3.2). For If-None-Match.
    pub fn matches_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// As the ETag field holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.opaque.len() + 4);
        bytes.extend_from_slice(if self.weak { b"W/\"" } else { b"\"" });
        bytes.extend_from_slice(self.opaque);
        bytes.push(b'"');
        bytes
    }

    /// A tag at the start of `value` and what follows it.
    fn parse_front(value: &'a [u8]) -> Option<(Self, &'a [u8])> {
        // RFC 9110 §8.8.3: the W is case-sensitive.
        let (weak, rest) = match value.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let inside = rest.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', inside)?;
        let opaque = &inside[..end];
        opaque.iter().all(|byte| is_tag_byte(*byte)).then_some((Self { weak, opaque }, &inside[end + 1..]))
    }
}

/// RFC 9110 §8.8.3 etagc: visible bytes but the quote, and obs-text.
const fn is_tag_byte(byte: u8) -> bool {
    byte == 0x21 || (byte >= 0x23 && byte != 0x7f)
}

/// What an If-Match or If-None-Match field says.
#[derive(Clone, Debug)]
pub struct EntityTagList<'a> {
    any: bool,
    tags: Vec<EntityTag<'a>>,
}

impl<'a> EntityTagList<'a> {
    /// Reads all lines of the field; `None` when there is none. A member that is no tag ends the reading of its
    /// line: what stands before it counts, so a broken list matches less, never more.
    pub fn read(fields: &'a Fields, name: FieldName) -> Option<Self> {
        if !fields.contains(name) {
            return None;
        }
        let mut list = Self { any: false, tags: Vec::new() };
        for value in fields.get_all(name) {
            list.read_line(value);
        }
        // RFC 9110 §13.1.1: `*` stands alone; beside tags it is no valid list.
        list.any &= list.tags.is_empty();
        Some(list)
    }

    /// Whether it is `*`: any current representation.
    pub const fn is_any(&self) -> bool {
        self.any
    }

    /// The tags, in order.
    pub fn tags(&self) -> &[EntityTag<'a>] {
        &self.tags
    }

    fn read_line(&mut self, value: &'a [u8]) {
        if value == b"*" {
            self.any = true;
            return;
        }
        let mut rest = skip_separators(value);
        while self.tags.len() < ENTITY_TAGS_MAX {
            let Some((tag, after)) = EntityTag::parse_front(rest) else { return };
            self.tags.push(tag);
            let next = skip_separators(after);
            if next.len() == after.len() && !after.is_empty() {
                return;
            }
            rest = next;
        }
    }
}

fn skip_separators(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b',')).unwrap_or(value.len());
    &value[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_table_of_rfc_9110_section_8_8_3_2() {
        for (a, b, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let (a, b) = (EntityTag::parse(a.as_bytes()).unwrap(), EntityTag::parse(b.as_bytes()).unwrap());
            assert_eq!((a.matches_strongly(&b), a.matches_weakly(&b)), (strong, weak), "{a:?} {b:?}");
        }
    }

    #[test]
    fn one_tag_is_read_whole_or_not_at_all() {
        assert_eq!(EntityTag::parse(b"\"\""), Some(EntityTag::strong(b"")));
        assert_eq!(EntityTag::parse(b" W/\"a,b\" "), Some(EntityTag { weak: true, opaque: b"a,b" }));
        for wrong in [&b""[..], b"abc", b"\"abc", b"w/\"a\"", b"\"a\"b", b"\"a b\"", b"W/ \"a\"", b"\"a\", \"b\""] {
            assert_eq!(EntityTag::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn lists_over_several_lines_and_broken_ones() {
        for (lines, any, tags) in [
            (&["*"][..], true, 0),
            (&["\"a\", W/\"b\"", ",\"c,d\""], false, 3),
            (&["\"a\", b, \"c\""], false, 1),
            (&["\"a\"\"b\""], false, 1),
            (&["*", "\"a\""], false, 1),
            (&[""], false, 0),
        ] {
            let mut fields = Fields::new();
            lines.iter().for_each(|line| fields.append(FieldName::IfMatch, line));
            let list = EntityTagList::read(&fields, FieldName::IfMatch).unwrap();
            assert_eq!((list.is_any(), list.tags().len()), (any, tags), "{lines:?}");
        }
        let mut fields = Fields::new();
        fields.append(FieldName::IfMatch, "\"x\",".repeat(10_000));
        assert_eq!(EntityTagList::read(&fields, FieldName::IfMatch).unwrap().tags().len(), ENTITY_TAGS_MAX);
    }
}
