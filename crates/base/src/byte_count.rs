//! Sizes with their unit: `64KB`, `10MB`. Read by the configuration, printed by errors.

use std::fmt;
use std::str::FromStr;

/// A number of bytes. `1KB` is 1,024 bytes here, as in nginx, HAProxy and Varnish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByteCount(pub u64);

const UNITS: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

impl ByteCount {
    /// `count` times 1,024 bytes.
    pub const fn kilobytes(count: u64) -> Self {
        Self(count << 10)
    }

    /// `count` times 1,048,576 bytes.
    pub const fn megabytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// As a length in memory; the largest there is when it does not fit.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in UNITS {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(formatter, "{}{unit}", self.0 / factor);
            }
        }
        write!(formatter, "{}B", self.0)
    }
}

impl FromStr for ByteCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a size like \"64KB\", \"10MB\" or \"1GB\", found \"{text}\"");
        let upper = text.trim().to_ascii_uppercase();
        let digits_end = upper.find(|c: char| !c.is_ascii_digit()).unwrap_or(upper.len());
        let (digits, unit) = upper.split_at(digits_end);
        let count: u64 = digits.parse().map_err(|_| expected())?;
        let unit = match unit.trim() {
            "" => "B",
            "K" | "KIB" => "KB",
            "M" | "MIB" => "MB",
            "G" | "GIB" => "GB",
            other => other,
        };
        let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?.1;
        count.checked_mul(factor).map(Self).ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for (text, bytes, shown) in [
            ("0", 0, "0B"),
            ("512", 512, "512B"),
            ("64KB", 65_536, "64KB"),
            ("64 k", 65_536, "64KB"),
            ("1536kb", 1_572_864, "1536KB"),
            ("10MiB", 10 << 20, "10MB"),
        ] {
            let parsed: ByteCount = text.parse().unwrap();
            assert_eq!((parsed.0, parsed.to_string().as_str()), (bytes, shown), "{text}");
        }
        for wrong in ["", "-1", "1.5MB", "MB", "10TB", "99999999999GB"] {
            assert!(wrong.parse::<ByteCount>().is_err(), "{wrong}");
        }
    }
}
