//! Lengths of time: `30s`, `1h30m`, `1y`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::config::read::Word;

/// A length of time. A month has no fixed length and is no unit; a year is 365 days, as in HSTS lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Period(pub Duration);

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Word for Period {
    const EXPECTED: &'static str = "a period like \"30s\", \"5m\", \"1h30m\", \"1d\" or \"1y\"";
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_one = || format!("\"{text}\" is not a period of time");
        let mut rest = text.trim();
        let mut milliseconds = 0_u64;
        let mut smallest = u64::MAX;
        if rest.is_empty() {
            return Err(not_one());
        }
        while !rest.is_empty() {
            let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let unit_end =
                rest[digits_end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits_end + at);
            let (digits, unit) = (&rest[..digits_end], rest[digits_end..unit_end].trim());
            let count: u64 = digits.parse().map_err(|_| not_one())?;
            if unit.is_empty() {
                return Err(format!("\"{text}\" has no unit: write \"{text}s\" for seconds"));
            }
            let (_, factor) = *UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(not_one)?;
            if factor >= smallest {
                return Err(format!("\"{text}\" names its units out of order"));
            }
            smallest = factor;
            let part = count.checked_mul(factor).ok_or_else(not_one)?;
            milliseconds = milliseconds.checked_add(part).ok_or_else(not_one)?;
            rest = rest[unit_end..].trim_start();
        }
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for (unit, factor) in UNITS {
            if rest >= factor {
                write!(formatter, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for (text, milliseconds, shown) in [
            ("0s", 0, "0s"),
            ("250ms", 250, "250ms"),
            ("90s", 90_000, "1m30s"),
            ("1h 30m", 5_400_000, "1h30m"),
            ("1y", 31_536_000_000, "1y"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.0.as_millis(), period.to_string().as_str()), (milliseconds, shown), "{text}");
        }
        for (wrong, cause) in [
            ("", "not a period"),
            ("30", "no unit: write \"30s\""),
            ("1month", "not a period"),
            ("5m1h", "out of order"),
            ("-1s", "not a period"),
            ("99999999999y", "not a period"),
        ] {
            let said = wrong.parse::<Period>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
