//! `$GENERATE` (BIND 9 manual, "Zone File"): a range, and templates with `$` or `${offset,width,base}`.

use crate::error::TextError;
use crate::limits::ZONE_GENERATE_STEPS_MAX;
use crate::wire::presentation::Token;

/// Numbers from, to, and the step between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    next: u64,
    last: u64,
    step: u64,
}

impl Range {
    pub(super) fn from_token(token: &Token<'_>) -> Result<Self, TextError> {
        let wrong = || token.error("expected a range, as in 1-254 or 0-100/2");
        let text = std::str::from_utf8(token.text).map_err(|_| wrong())?;
        let (span, step) = text.split_once('/').unwrap_or((text, "1"));
        let (from, to) = span.split_once('-').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u32>().map(u64::from).map_err(|_| wrong());
        let (next, last, step) = (number(from)?, number(to)?, number(step)?);
        if step == 0 || next > last {
            return Err(wrong());
        }
        if (last - next) / step >= ZONE_GENERATE_STEPS_MAX {
            return Err(token.error(format!("a range makes at most {ZONE_GENERATE_STEPS_MAX} records")));
        }
        Ok(Self { next, last, step })
    }
}

impl Iterator for Range {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let number = self.next;
        self.next += self.step;
        (number <= self.last).then_some(number)
    }
}

/// The template with the number in it. `$$` and `\$` are a plain dollar sign.
pub(super) fn expand(template: &Token<'_>, number: u64) -> Result<Vec<u8>, TextError> {
    let mut out = Vec::with_capacity(template.text.len() + 8);
    let mut rest = template.text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [escaped, after @ ..]) => {
                out.extend([b'\\', *escaped]);
                rest = after;
            }
            (b'$', [b'$', after @ ..]) => {
                out.extend(b"\\$");
                rest = after;
            }
            (b'$', [b'{', after @ ..]) => {
                let unclosed = || template.error("`${` without its `}`");
                let end = after.iter().position(|byte| *byte == b'}').ok_or_else(unclosed)?;
                let wrong =
                    || template.error("expected ${offset,width,base}, as in ${0,3,d}; base is d, o, x, X, n or N");
                out.extend(format(&after[..end], number).ok_or_else(wrong)?.as_bytes());
                rest = &after[end + 1..];
            }
            (b'$', _) => out.extend(number.to_string().as_bytes()),
            _ => out.push(*byte),
        }
    }
    Ok(out)
}

fn format(modifiers: &[u8], number: u64) -> Option<String> {
    let text = std::str::from_utf8(modifiers).ok()?;
    let mut parts = text.split(',');
    let offset: i64 = parts.next()?.parse().ok()?;
    let width: usize = parts.next().map_or(Some(0), |width| width.parse().ok())?;
    let base = parts.next().unwrap_or("d");
    let value = u64::try_from(i64::try_from(number).ok()?.checked_add(offset)?).ok()?;
    if parts.next().is_some() || width > 255 {
        return None;
    }
    Some(match base {
        "d" => format!("{value:0width$}"),
        "o" => format!("{value:0width$o}"),
        "x" => format!("{value:0width$x}"),
        "X" => format!("{value:0width$X}"),
        // Nibbles with dots, lowest first, for ip6.arpa.
        "n" => nibbles(&format!("{value:x}"), width),
        "N" => nibbles(&format!("{value:X}"), width),
        _ => return None,
    })
}

/// Width counts digits and dots, as in BIND.
fn nibbles(digits: &str, width: usize) -> String {
    let count = digits.len().max(width.div_ceil(2));
    let reversed = digits.chars().rev().chain(std::iter::repeat('0')).take(count);
    reversed.map(String::from).collect::<Vec<_>>().join(".")
}
