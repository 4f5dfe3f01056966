//! The two escapes of zone files (RFC 1035 §5.1): `\DDD` for a byte, `\X` for a character without
//! its meaning.

use std::fmt::{self, Write};

/// The bytes of a token, each with whether it was escaped.
#[derive(Clone, Debug)]
pub struct Escaped<'a>(&'a [u8]);

impl<'a> Escaped<'a> {
    /// The bytes of `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }
}

impl Iterator for Escaped<'_> {
    type Item = Result<(u8, bool), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.0.split_first()?;
        if *first != b'\\' {
            self.0 = rest;
            return Some(Ok((*first, false)));
        }
        let (byte, rest) = match rest {
            [a @ b'0'..=b'9', rest @ ..] => match rest {
                [b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
                    let value = [a, b, c].iter().fold(0, |value, digit| value * 10 + u32::from(**digit - b'0'));
                    match u8::try_from(value) {
                        Ok(byte) => (byte, rest),
                        Err(_) => return self.stop("an escape \\DDD may be at most \\255"),
                    }
                }
                _ => return self.stop("an escape with digits has three of them, as in \\046"),
            },
            [byte, rest @ ..] => (*byte, rest),
            [] => return self.stop("a backslash needs a character behind it"),
        };
        self.0 = rest;
        Some(Ok((byte, true)))
    }
}

impl Escaped<'_> {
    const fn stop(&mut self, message: &'static str) -> Option<Result<(u8, bool), &'static str>> {
        self.0 = &[];
        Some(Err(message))
    }
}

/// Writes bytes between quotation marks so that they can be read back.
pub fn write_quoted(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    out.write_char('"')?;
    for byte in bytes {
        match byte {
            b'"' | b'\\' => write!(out, "\\{}", *byte as char)?,
            b' '..=b'~' => out.write_char(*byte as char)?,
            _ => write!(out, "\\{byte:03}")?,
        }
    }
    out.write_char('"')
}
