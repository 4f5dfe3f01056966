//! Writing structured fields (RFC 9651 §4.1). A value the grammar has no room for is refused, never bent.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::value::{BareItem, Dictionary, InnerList, Item, List, Member, Parameters};
use crate::semantics::method::is_token_byte;

/// A key, word, text or number that the grammar has no room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unserialisable;

impl fmt::Display for Unserialisable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the value has no form as a structured field")
    }
}

impl std::error::Error for Unserialisable {}

type Written = Result<(), Unserialisable>;

/// Writes a list; empty text for an empty one, which is then not to be sent (RFC 9651 §4.1).
pub fn serialise_list(list: &List) -> Result<String, Unserialisable> {
    let mut text = String::new();
    for (index, entry) in list.iter().enumerate() {
        separate(&mut text, index);
        member(&mut text, entry)?;
    }
    Ok(text)
}

/// Writes a dictionary; empty text for an empty one, which is then not to be sent.
pub fn serialise_dictionary(dictionary: &Dictionary) -> Result<String, Unserialisable> {
    let mut text = String::new();
    for (index, (name, entry)) in dictionary.iter().enumerate() {
        separate(&mut text, index);
        key(&mut text, name)?;
        match entry {
            // RFC 9651 §4.1.2: true is written as the key alone.
            Member::Item(Item { value: BareItem::Boolean(true), parameters: own }) => parameters(&mut text, own)?,
            other => {
                text.push('=');
                member(&mut text, other)?;
            }
        }
    }
    Ok(text)
}

/// Writes an item.
pub fn serialise_item(value: &Item) -> Result<String, Unserialisable> {
    let mut text = String::new();
    item(&mut text, value)?;
    Ok(text)
}

fn separate(text: &mut String, index: usize) {
    if index > 0 {
        text.push_str(", ");
    }
}

fn member(text: &mut String, value: &Member) -> Written {
    match value {
        Member::Item(value) => item(text, value),
        Member::InnerList(list) => inner_list(text, list),
    }
}

fn inner_list(text: &mut String, list: &InnerList) -> Written {
    text.push('(');
    for (index, value) in list.items.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        item(text, value)?;
    }
    text.push(')');
    parameters(text, &list.parameters)
}

fn item(text: &mut String, value: &Item) -> Written {
    bare_item(text, &value.value)?;
    parameters(text, &value.parameters)
}

fn parameters(text: &mut String, parameters: &Parameters) -> Written {
    for (name, value) in parameters.iter() {
        text.push(';');
        key(text, name)?;
        if *value != BareItem::Boolean(true) {
            text.push('=');
            bare_item(text, value)?;
        }
    }
    Ok(())
}

fn key(text: &mut String, name: &str) -> Written {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '*');
    let fits = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
    require(starts && name.bytes().all(fits))?;
    text.push_str(name);
    Ok(())
}

fn bare_item(text: &mut String, value: &BareItem) -> Written {
    match value {
        BareItem::Integer(number) => integer(text, *number)?,
        BareItem::Decimal(number) => {
            // Twelve digits before the point (RFC 9651 §4.1.5).
            require(number.thousandths.unsigned_abs() < 1_000_000_000_000_000)?;
            text.push_str(&number.to_string());
        }
        BareItem::String(inside) => string(text, inside)?,
        BareItem::Token(word) => {
            let starts = word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*');
            require(starts && word.bytes().all(|byte| is_token_byte(byte) || matches!(byte, b':' | b'/')))?;
            text.push_str(word);
        }
        BareItem::Bytes(bytes) => {
            text.push(':');
            STANDARD.encode_string(bytes, text);
            text.push(':');
        }
        BareItem::Boolean(value) => text.push_str(if *value { "?1" } else { "?0" }),
        BareItem::Date(seconds) => {
            text.push('@');
            integer(text, *seconds)?;
        }
        BareItem::DisplayString(inside) => display_string(text, inside),
    }
    Ok(())
}

/// Fifteen digits (RFC 9651 §4.1.4).
fn integer(text: &mut String, number: i64) -> Written {
    require(number.unsigned_abs() <= 999_999_999_999_999)?;
    text.push_str(&number.to_string());
    Ok(())
}

fn string(text: &mut String, inside: &str) -> Written {
    require(inside.bytes().all(|byte| (0x20..=0x7e).contains(&byte)))?;
    text.push('"');
    for character in inside.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    Ok(())
}

fn display_string(text: &mut String, inside: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push_str("%\"");
    for byte in inside.bytes() {
        if matches!(byte, b'%' | b'"') || !(0x20..=0x7e).contains(&byte) {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        } else {
            text.push(char::from(byte));
        }
    }
    text.push('"');
}

const fn require(condition: bool) -> Written {
    if condition { Ok(()) } else { Err(Unserialisable) }
}
