//! Classes of records (RFC 1035 §3.2.4). Nearly always `IN`.

use std::fmt;

/// A class, or in a question or update one of the classes that are none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Self = Self(1);
    /// Chaos; servers tell their version here.
    pub const CH: Self = Self(3);
    /// Hesiod.
    pub const HS: Self = Self(4);
    /// None: used by dynamic update (RFC 2136 §2.4).
    pub const NONE: Self = Self(254);
    /// Any.
    pub const ANY: Self = Self(255);

    /// Reads `IN`, `CH`, `HS`, `NONE`, `ANY` or `CLASS123`, in any case.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let known = [("IN", Self::IN), ("CH", Self::CH), ("HS", Self::HS), ("NONE", Self::NONE), ("ANY", Self::ANY)];
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        if let Some((_, class)) = known.into_iter().find(|(word, _)| is(word)) {
            return Some(class);
        }
        // RFC 3597 §5: CLASS and a decimal number.
        super::record_type::number_after(b"CLASS", text).map(Self)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IN => formatter.write_str("IN"),
            Self::CH => formatter.write_str("CH"),
            Self::HS => formatter.write_str("HS"),
            Self::NONE => formatter.write_str("NONE"),
            Self::ANY => formatter.write_str("ANY"),
            Self(other) => write!(formatter, "CLASS{other}"),
        }
    }
}
