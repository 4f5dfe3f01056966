//! Chunk lines (RFC 9112 §7.1). Called by the reader of the machines, which keeps the state between them.

use super::Malformed;
use super::scan;

/// A chunk-size line that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChunkLine {
    /// Bytes of data that follow; zero in the last chunk.
    pub size: u64,
    /// Bytes of the line with its CR LF.
    pub length: usize,
}

/// Digits of the largest size, leading zeros included: sixteen fill 64 bits.
const DIGITS_MAX: usize = 16;

/// Reads a chunk-size line with its extensions, which are skipped; `None` when `bytes` ends before the line does.
pub(crate) fn decode_line(bytes: &[u8], line_bytes_max: usize) -> Result<Option<ChunkLine>, Malformed> {
    let mut size = 0_u64;
    let mut digits = 0;
    while let Some(value) = bytes.get(digits).and_then(|byte| char::from(*byte).to_digit(16)) {
        if digits == DIGITS_MAX {
            return Err(Malformed::ChunkSizeTooLarge);
        }
        size = size << 4 | u64::from(value);
        digits += 1;
    }
    if size > i64::MAX as u64 {
        return Err(Malformed::ChunkSizeTooLarge);
    }
    match bytes.get(digits) {
        None => return Ok(None),
        Some(_) if digits == 0 => return Err(Malformed::InvalidChunkSize),
        Some(b'\r' | b';') => {}
        Some(b'\n') => return Err(Malformed::BareLineFeed),
        // RFC 9112 §7.1.1 would let white space stand before the semicolon; parsers that trim it differently have
        // been played against each other, and nobody sends it.
        Some(_) => return Err(Malformed::InvalidChunkSize),
    }
    let stop = scan::value_end(bytes, digits);
    if stop > line_bytes_max {
        return Err(Malformed::ChunkExtensionsTooLong);
    }
    match (bytes.get(stop), bytes.get(stop + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(ChunkLine { size, length: stop + 2 })),
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(_)) => Err(Malformed::BareCarriageReturn),
        (Some(b'\n'), _) => Err(Malformed::BareLineFeed),
        (Some(_), _) => Err(Malformed::InvalidChunkExtension),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_009_chunk_sizes_are_hexadecimal_digits_and_crlf() {
        for (text, size, length) in
            [("5\r\n", 5, 3), ("1aF\r\nx", 0x1af, 5), ("0000000000000005\r\n", 5, 18), ("5;a=\"b c\"\r\n", 5, 11)]
        {
            assert_eq!(decode_line(text.as_bytes(), 64), Ok(Some(ChunkLine { size, length })), "{text}");
        }
        for part in ["", "5", "5\r", "5;a", "5;a\r"] {
            assert_eq!(decode_line(part.as_bytes(), 64), Ok(None), "{part:?}");
        }
        for (text, fault) in [
            ("0x5\r\n", Malformed::InvalidChunkSize),
            ("+5\r\n", Malformed::InvalidChunkSize),
            ("-5\r\n", Malformed::InvalidChunkSize),
            ("5_0\r\n", Malformed::InvalidChunkSize),
            (" 5\r\n", Malformed::InvalidChunkSize),
            ("5 \r\n", Malformed::InvalidChunkSize),
            ("5 ;a\r\n", Malformed::InvalidChunkSize),
            ("\r\n", Malformed::InvalidChunkSize),
            (";a\r\n", Malformed::InvalidChunkSize),
            ("g\r\n", Malformed::InvalidChunkSize),
            ("ffffffffffffffff0\r\n", Malformed::ChunkSizeTooLarge),
            ("00000000000000005\r\n", Malformed::ChunkSizeTooLarge),
            ("8000000000000000\r\n", Malformed::ChunkSizeTooLarge),
            ("5\n", Malformed::BareLineFeed),
            ("5\rX", Malformed::BareCarriageReturn),
            ("5;a\n", Malformed::BareLineFeed),
            ("5;a\rb\r\n", Malformed::BareCarriageReturn),
            ("5;a\0\r\n", Malformed::InvalidChunkExtension),
        ] {
            assert_eq!(decode_line(text.as_bytes(), 64), Err(fault), "{text:?}");
        }
        let long = format!("5;{}\r\n", "x".repeat(64));
        assert_eq!(decode_line(long.as_bytes(), 64), Err(Malformed::ChunkExtensionsTooLong));
    }
}
