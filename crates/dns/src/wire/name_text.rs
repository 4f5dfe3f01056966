//! Names as people write them (RFC 1035 §5.1): dots between labels, `\X` and `\DDD` for the rest.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::error::{TextError, WireError};
use crate::limits::LABEL_BYTES_MAX;

use super::presentation::Escaped;
use super::{Name, NameBuilder, NameRef};

impl Name {
    /// Reads a name relative to `origin`: `@` is the origin itself, a final dot makes it absolute.
    /// The error is a sentence without a place; the scanner adds that.
    pub fn from_text(text: &[u8], origin: NameRef<'_>) -> Result<Self, &'static str> {
        match text {
            b"" => return Err("a name is expected"),
            b"@" => return Ok(origin.to_name()),
            b"." => return Ok(Self::root()),
            _ => {}
        }
        let mut builder = NameBuilder::new();
        let (mut label, mut length, mut ended) = ([0; LABEL_BYTES_MAX], 0, false);
        for byte in Escaped::new(text) {
            let (byte, escaped) = byte?;
            ended = byte == b'.' && !escaped;
            if ended {
                builder.push(&label[..length]).map_err(in_words)?;
                length = 0;
            } else {
                *label.get_mut(length).ok_or(in_words(WireError::LabelType))? = byte;
                length += 1;
            }
        }
        if ended {
            return builder.finish().map_err(in_words);
        }
        builder.push(&label[..length]).map_err(in_words)?;
        builder.finish_under(origin).map_err(in_words)
    }
}

const fn in_words(error: WireError) -> &'static str {
    match error {
        WireError::NameTooLong => "the name is longer than 255 bytes",
        _ => "each label of a name has 1 to 63 bytes",
    }
}

impl FromStr for Name {
    type Err = TextError;

    /// Reads an absolute name; the final dot may be missing.
    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::from_text(text.as_bytes(), NameRef::ROOT).map_err(|message| TextError::new(1, 1, message))
    }
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return formatter.write_char('.');
        }
        for label in self.labels() {
            for byte in label {
                write_byte(formatter, *byte)?;
            }
            formatter.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(formatter)
    }
}

fn write_byte(formatter: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        // RFC 4343 §2.1: what zone files give a meaning is escaped, so that it can be read back.
        b'.' | b';' | b'\\' | b'"' | b'(' | b')' | b'@' | b'$' => write!(formatter, "\\{}", byte as char),
        0x21..=0x7e => formatter.write_char(byte as char),
        _ => write!(formatter, "\\{byte:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for (text, shown) in [
            (".", "."),
            ("example", "example."),
            ("Example.COM.", "Example.COM."),
            ("a\\.b.c.", "a\\.b.c."),
            ("\\065\\000.x.", "A\\000.x."),
            ("sp\\ ace.", "sp\\032ace."),
            ("*.x.", "*.x."),
            ("_443._tcp.x.", "_443._tcp.x."),
            ("\\@.\\$.\\;.", "\\@.\\$.\\;."),
        ] {
            let name: Name = text.parse().unwrap();
            assert_eq!(name.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<Name>().unwrap().wire(), name.wire(), "{text}");
        }
    }

    #[test]
    fn wrong_names_are_refused() {
        let long = "a".repeat(64);
        for wrong in ["", "a..b", ".a", "..", &long, "a\\", "a\\25", "a\\256", "\\1a2"] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn relative_names_hang_from_the_origin() {
        let origin: Name = "example.com.".parse().unwrap();
        let read = |text: &str| Name::from_text(text.as_bytes(), origin.borrowed()).unwrap().to_string();
        assert_eq!(read("www"), "www.example.com.");
        assert_eq!(read("www."), "www.");
        assert_eq!(read("@"), "example.com.");
        assert_eq!(read("\\@"), "\\@.example.com.");
    }
}
