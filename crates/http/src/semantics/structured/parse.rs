//! Reading structured fields (RFC 9651 §4.2). Every step of the RFC's algorithms is a function here, in its order.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::value::{BareItem, Decimal, Dictionary, InnerList, Item, List, Member, Parameters};
use crate::semantics::limits::{STRUCTURED_MEMBERS_MAX, STRUCTURED_PARAMETERS_MAX};
use crate::semantics::method::is_token_byte;

/// The value is not of the kind asked for; the field is to be ignored (RFC 9651 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidStructured {
    /// Where reading stopped: an offset into the lines joined by `, `.
    pub at: usize,
}

impl fmt::Display for InvalidStructured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no structured field value from byte {}", self.at)
    }
}

impl std::error::Error for InvalidStructured {}

type Parsed<T> = Result<T, InvalidStructured>;

/// Reads a list from all lines of a field. No lines: an empty list.
pub fn parse_list<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Parsed<List> {
    whole(lines, Parser::list)
}

/// Reads a dictionary from all lines of a field. No lines: an empty dictionary.
pub fn parse_dictionary<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Parsed<Dictionary> {
    whole(lines, Parser::dictionary)
}

/// Reads an item. Several lines are never an item.
pub fn parse_item<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Parsed<Item> {
    whole(lines, Parser::item)
}

/// RFC 9651 §4.2: lines joined by `, `, surrounding SP dropped, and nothing may be left.
fn whole<'a, T>(lines: impl IntoIterator<Item = &'a [u8]>, read: fn(&mut Parser) -> Parsed<T>) -> Parsed<T> {
    let bytes = lines.into_iter().collect::<Vec<_>>().join(&b", "[..]);
    let mut parser = Parser { bytes, at: 0 };
    parser.skip_blanks();
    let value = read(&mut parser)?;
    parser.skip_blanks();
    if parser.at == parser.bytes.len() { Ok(value) } else { parser.fail() }
}

struct Parser {
    bytes: Vec<u8>,
    at: usize,
}

impl Parser {
    /// RFC 9651 §4.2.1.
    fn list(&mut self) -> Parsed<List> {
        let mut list = List::new();
        while self.peek().is_some() {
            self.within(list.len(), STRUCTURED_MEMBERS_MAX)?;
            list.push(self.member()?);
            if !self.next_member()? {
                break;
            }
        }
        Ok(list)
    }

    /// RFC 9651 §4.2.2.
    fn dictionary(&mut self) -> Parsed<Dictionary> {
        let mut dictionary = Dictionary::default();
        while self.peek().is_some() {
            self.within(dictionary.len(), STRUCTURED_MEMBERS_MAX)?;
            let key = self.key()?;
            let member = if self.take(b'=') {
                self.member()?
            } else {
                Member::Item(Item { value: BareItem::Boolean(true), parameters: self.parameters()? })
            };
            dictionary.insert(key, member);
            if !self.next_member()? {
                break;
            }
        }
        Ok(dictionary)
    }

    /// After a member: false at the end, true after a comma that something follows.
    fn next_member(&mut self) -> Parsed<bool> {
        self.skip_optional_white_space();
        if self.peek().is_none() {
            return Ok(false);
        }
        self.expect(b',')?;
        self.skip_optional_white_space();
        // A trailing comma is an error.
        if self.peek().is_none() { self.fail() } else { Ok(true) }
    }

    /// RFC 9651 §4.2.1.1.
    fn member(&mut self) -> Parsed<Member> {
        if self.peek() == Some(b'(') { self.inner_list().map(Member::InnerList) } else { self.item().map(Member::Item) }
    }

    /// RFC 9651 §4.2.1.2.
    fn inner_list(&mut self) -> Parsed<InnerList> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            if self.take(b')') {
                return Ok(InnerList { items, parameters: self.parameters()? });
            }
            self.within(items.len(), STRUCTURED_MEMBERS_MAX)?;
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return self.fail();
            }
        }
    }

    /// RFC 9651 §4.2.3.
    fn item(&mut self) -> Parsed<Item> {
        Ok(Item { value: self.bare_item()?, parameters: self.parameters()? })
    }

    /// RFC 9651 §4.2.3.1.
    fn bare_item(&mut self) -> Parsed<BareItem> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string(),
            Some(b'*' | b'A'..=b'Z' | b'a'..=b'z') => Ok(self.token()),
            Some(b':') => self.byte_sequence(),
            Some(b'?') => self.boolean(),
            Some(b'@') => self.date(),
            Some(b'%') => self.display_string(),
            _ => self.fail(),
        }
    }

    /// RFC 9651 §4.2.3.2.
    fn parameters(&mut self) -> Parsed<Parameters> {
        let mut parameters = Parameters::default();
        while self.take(b';') {
            self.within(parameters.len(), STRUCTURED_PARAMETERS_MAX)?;
            self.skip_blanks();
            let key = self.key()?;
            let value = if self.take(b'=') { self.bare_item()? } else { BareItem::Boolean(true) };
            parameters.insert(key, value);
        }
        Ok(parameters)
    }

    /// RFC 9651 §4.2.3.3.
    fn key(&mut self) -> Parsed<String> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return self.fail();
        }
        Ok(self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    /// RFC 9651 §4.2.4.
    fn number(&mut self) -> Parsed<BareItem> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        let digits = |text: &str| text.parse::<i64>().ok();
        if !self.take(b'.') {
            return match digits(&whole) {
                Some(number) if whole.len() <= 15 => Ok(BareItem::Integer(sign * number)),
                _ => self.fail(),
            };
        }
        let fraction = self.take_while(|byte| byte.is_ascii_digit());
        let (1..=12, 1..=3) = (whole.len(), fraction.len()) else { return self.fail() };
        match (digits(&whole), digits(&format!("{fraction:0<3}"))) {
            (Some(whole), Some(fraction)) => {
                Ok(BareItem::Decimal(Decimal { thousandths: sign * (whole * 1000 + fraction) }))
            }
            _ => self.fail(),
        }
    }

    /// RFC 9651 §4.2.5.
    fn string(&mut self) -> Parsed<BareItem> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Ok(BareItem::String(text)),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => text.push(char::from(escaped)),
                    _ => return self.fail(),
                },
                plain @ 0x20..=0x7e => text.push(char::from(plain)),
                _ => return self.fail(),
            }
        }
    }

    /// RFC 9651 §4.2.6. The first byte was seen by the caller.
    fn token(&mut self) -> BareItem {
        BareItem::Token(self.take_while(|byte| is_token_byte(byte) || matches!(byte, b':' | b'/')))
    }

    /// RFC 9651 §4.2.7.
    fn byte_sequence(&mut self) -> Parsed<BareItem> {
        // "parsers SHOULD NOT fail" on missing padding and on stray pad bits.
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        self.expect(b':')?;
        let text = self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        self.expect(b':')?;
        LENIENT.decode(text).map(BareItem::Bytes).or_else(|_| self.fail())
    }

    /// RFC 9651 §4.2.8.
    fn boolean(&mut self) -> Parsed<BareItem> {
        self.expect(b'?')?;
        match self.next()? {
            b'1' => Ok(BareItem::Boolean(true)),
            b'0' => Ok(BareItem::Boolean(false)),
            _ => self.fail(),
        }
    }

    /// RFC 9651 §4.2.9.
    fn date(&mut self) -> Parsed<BareItem> {
        self.expect(b'@')?;
        match self.number()? {
            BareItem::Integer(seconds) => Ok(BareItem::Date(seconds)),
            _ => self.fail(),
        }
    }

    /// RFC 9651 §4.2.10.
    fn display_string(&mut self) -> Parsed<BareItem> {
        self.expect(b'%')?;
        self.expect(b'"')?;
        let mut bytes = Vec::new();
        loop {
            match self.next()? {
                b'"' => break,
                b'%' => {
                    let (high, low) = (self.lower_hexadecimal()?, self.lower_hexadecimal()?);
                    bytes.push(high << 4 | low);
                }
                plain @ 0x20..=0x7e => bytes.push(plain),
                _ => return self.fail(),
            }
        }
        String::from_utf8(bytes).map(BareItem::DisplayString).or_else(|_| self.fail())
    }

    fn lower_hexadecimal(&mut self) -> Parsed<u8> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            letter @ b'a'..=b'f' => Ok(letter - b'a' + 10),
            _ => self.fail(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Parsed<u8> {
        let byte = self.peek().ok_or(InvalidStructured { at: self.at })?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Parsed<()> {
        if self.take(wanted) { Ok(()) } else { self.fail() }
    }

    /// ASCII bytes while they belong.
    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let taken: String =
            self.bytes[self.at..].iter().take_while(|byte| belongs(**byte)).map(|byte| char::from(*byte)).collect();
        self.at += taken.len();
        taken
    }

    fn skip_blanks(&mut self) {
        while self.take(b' ') {}
    }

    fn skip_optional_white_space(&mut self) {
        while self.take(b' ') || self.take(b'\t') {}
    }

    fn within(&self, count: usize, most: usize) -> Parsed<()> {
        if count < most { Ok(()) } else { self.fail() }
    }

    fn fail<T>(&self) -> Parsed<T> {
        Err(InvalidStructured { at: self.at })
    }
}
