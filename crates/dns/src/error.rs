//! What can be wrong with bytes or text, whose fault that is, and what to tell the other side.

use std::fmt;

use edgeway_base::{Blame, Blamed, Incomplete};

use crate::wire::Rcode;

/// Why bytes are no DNS message, name or record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum WireError {
    /// It ends before its content does, or a count promises more than there is.
    Truncated,
    /// A label longer than 63 bytes or of a type nobody uses (0x40, 0x80).
    LabelType,
    /// A name longer than 255 bytes when expanded.
    NameTooLong,
    /// A compression pointer that does not point strictly backwards, behind the header.
    PointerForward,
    /// More compression pointers in one name than labels could be.
    PointerChain,
    /// A compressed name where none may be (RFC 3597 §4).
    PointerForbidden,
    /// Record data longer or shorter than its type needs.
    DataLength,
    /// Record data of the right length that breaks a rule of its type.
    DataContent,
    /// More than one OPT record, or one outside the additional section, or one not at the root.
    OptMisplaced,
    /// EDNS options that overrun their record, or more of them than a peer may send.
    OptionMalformed,
    /// It does not fit into the buffer given for it.
    NoRoom,
}

impl WireError {
    /// What a server answers to a query with this mistake.
    pub const fn rcode(self) -> Rcode {
        match self {
            Self::NoRoom => Rcode::SERVFAIL,
            _ => Rcode::FORMERR,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Truncated => "it ends before its content does",
            Self::LabelType => "a label is longer than 63 bytes or of an unknown type",
            Self::NameTooLong => "a name is longer than 255 bytes",
            Self::PointerForward => "a compression pointer does not point backwards",
            Self::PointerChain => "a name is a chain of too many compression pointers",
            Self::PointerForbidden => "a name is compressed where it may not be",
            Self::DataLength => "record data is longer or shorter than its type needs",
            Self::DataContent => "record data breaks the rules of its type",
            Self::OptMisplaced => "an OPT record is doubled or misplaced",
            Self::OptionMalformed => "an EDNS option is malformed",
            Self::NoRoom => "the buffer is too small",
        })
    }
}

impl std::error::Error for WireError {}

impl Blamed for WireError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoRoom => Blame::Us,
            _ => Blame::Peer,
        }
    }
}

impl From<Incomplete> for WireError {
    fn from(_: Incomplete) -> Self {
        Self::Truncated
    }
}

/// Why text is no name, record or zone: where, and what stood to be expected.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TextError {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// What is wrong and what was expected instead.
    pub message: String,
}

impl TextError {
    /// An error at a place.
    pub fn new(line: u32, column: u32, message: impl Into<String>) -> Self {
        Self { line, column, message: message.into() }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for TextError {}

impl Blamed for TextError {
    fn blame(&self) -> Blame {
        Blame::Operator
    }
}
