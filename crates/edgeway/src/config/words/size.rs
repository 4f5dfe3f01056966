//! Sizes with their unit: `64KB`, `10MB`.

use std::fmt;
use std::str::FromStr;

use edgeway_base::ByteCount;

use crate::config::read::Word;

/// A number of bytes, as [`ByteCount`] reads and prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size(pub ByteCount);

impl Word for Size {
    const EXPECTED: &'static str = "a size like \"64KB\", \"10MB\" or \"1GB\"";
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("\"{text}\" is not a size"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
