//! Bytes as digits: base 16, base 32 with the extended hex alphabet (RFC 4648 §7, as NSEC3 wants it),
//! base 64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BASE32: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Upper-case hexadecimal digits.
pub fn hex_encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS[usize::from(value)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads hexadecimal digits of any case; none when one is wrong or their number odd.
pub fn hex_decode(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|value| value as u8);
    let (pairs, odd) = text.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if odd.is_empty() { bytes.collect() } else { None }
}

/// Lower-case base 32 without padding.
pub fn base32_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(BASE32[(bits >> count & 31) as usize] as char);
        }
    }
    if count > 0 {
        text.push(BASE32[(bits << (5 - count) & 31) as usize] as char);
    }
    text
}

/// Reads base 32 of any case without padding; none when a digit is wrong or bits are left over.
pub fn base32_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text {
        bits = bits << 5 | (*byte as char).to_digit(32)?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let left_over = bits & ((1 << count) - 1);
    if count < 5 && left_over == 0 { Some(bytes) } else { None }
}

/// Base 64 with padding.
pub fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base 64 with padding.
pub fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4648_section_10() {
        for (plain, base32, base16) in [
            ("", "", ""),
            ("f", "co", "66"),
            ("fo", "cpng", "666F"),
            ("foo", "cpnmu", "666F6F"),
            ("foob", "cpnmuog", "666F6F62"),
            ("fooba", "cpnmuoj1", "666F6F6261"),
            ("foobar", "cpnmuoj1e8", "666F6F626172"),
        ] {
            assert_eq!(base32_encode(plain.as_bytes()), base32);
            assert_eq!(base32_decode(base32.to_uppercase().as_bytes()).as_deref(), Some(plain.as_bytes()));
            assert_eq!(hex_encode(plain.as_bytes()), base16);
            assert_eq!(hex_decode(base16.to_lowercase().as_bytes()).as_deref(), Some(plain.as_bytes()));
        }
        assert!(base32_decode(b"c").is_none() && base32_decode(b"cp").is_none() && base32_decode(b"w0").is_none());
        assert!(hex_decode(b"abc").is_none() && hex_decode(b"0g").is_none());
    }
}
