//! The properties of `semantics_properties` on values made from seeds: pieces that mean something to one field or another,
//! strung together, and then bent. A failure names the seed.

mod semantics_properties;

use edgeway_base::{Entropy, SeededEntropy};

const PIECES: &[&str] = &[
    "/",
    "..",
    ".",
    "%2e",
    "%2f",
    "%5c",
    "\\",
    ";",
    "%25",
    " ",
    "~",
    "%c3%a9",
    "%00",
    "bytes=",
    "bytes ",
    "0",
    "9",
    "10",
    "-",
    ",",
    "18446744073709551616",
    "/*",
    "gzip",
    "br",
    "identity",
    "*",
    ";q=",
    "0.5",
    "1.000",
    "text/html",
    "\"",
    "W/\"",
    "v",
    "\"v\"",
    "a=",
    "(",
    ")",
    ":YQ==:",
    "?1",
    "@1",
    "%\"",
    "for=",
    "\"[2001:db8::1]:80\"",
    "198.51.100.1",
    "proto=https",
    "unknown",
    "_x",
    "Basic ",
    "YTpi",
    "Digest ",
    "username=\"a\"",
    "nc=00000001",
    "qop=auth",
    "<",
    ">",
    "rel=preload",
    "charset=\"a\\\"b\"",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "1.1 edge",
    "close",
    "authorization",
    "\t",
    "\u{e9}",
    "\\",
    "'",
];

#[test]
fn any_value_keeps_the_properties() {
    for seed in 0..30_000 {
        let value = value(&mut SeededEntropy::new(seed));
        let checked = std::panic::catch_unwind(|| semantics_properties::check_value(&value));
        assert!(checked.is_ok(), "seed {seed}: {}", value.escape_ascii());
    }
}

fn value(chance: &mut SeededEntropy) -> Vec<u8> {
    let mut value = Vec::new();
    if chance.below(2) == 0 {
        value.push(b'/');
    }
    for _ in 0..chance.below(14) {
        value.extend_from_slice(PIECES[chance.below(PIECES.len() as u32) as usize].as_bytes());
    }
    // One in four is bent: a byte changed, or the end cut off.
    if !value.is_empty() && chance.below(4) == 0 {
        let at = chance.below(value.len() as u32) as usize;
        match chance.below(2) {
            0 => value[at] = chance.next_u16() as u8,
            _ => value.truncate(at),
        }
    }
    value
}
