//! Zone files (RFC 1035 §5, `$TTL` of RFC 2308 §4, `$GENERATE` as BIND has it). Text goes in, records come
//! out one by one; included files come from a loader of the caller's, so nothing here touches a disk.

use std::fmt;

use crate::error::TextError;
use crate::limits::{ZONE_ERRORS_MAX, ZONE_INCLUDE_DEPTH_MAX};
use crate::wire::presentation::{Scanner, Token, seconds_from_text};
use crate::wire::rdata::{Soa, read_data};
use crate::wire::{Class, Name, NameRef, RecordType};

use super::generate;

/// Where to begin and how to find more.
pub struct ZoneText<'t> {
    /// What the text is called in errors.
    pub file: &'t str,
    /// The text.
    pub text: &'t [u8],
    /// The origin at the first line; the zone's apex.
    pub origin: NameRef<'t>,
    /// TTL of records that have none, before any `$TTL`.
    pub default_ttl: Option<u32>,
}

/// Finds the text of an included file; the error is for people.
pub trait Include {
    /// The text of `path`, as it was written in `from`.
    fn load(&mut self, path: &str, from: &str) -> Result<Vec<u8>, String>;
}

impl<F: FnMut(&str, &str) -> Result<Vec<u8>, String>> Include for F {
    fn load(&mut self, path: &str, from: &str) -> Result<Vec<u8>, String> {
        self(path, from)
    }
}

/// One record as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Line<'l> {
    /// Its owner.
    pub owner: NameRef<'l>,
    /// Its type.
    pub record_type: RecordType,
    /// Its TTL.
    pub ttl: u32,
    /// Its data: checked, uncompressed.
    pub data: &'l [u8],
}

/// A mistake in a zone file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneError {
    /// In which file.
    pub file: String,
    /// Where, and what was expected.
    pub error: TextError,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextError { line, column, message } = &self.error;
        write!(formatter, "{}:{line}:{column}: {message}", self.file)
    }
}

impl std::error::Error for ZoneError {}

impl edgeway_base::Blamed for ZoneError {
    fn blame(&self) -> edgeway_base::Blame {
        edgeway_base::Blame::Operator
    }
}

/// Reads a zone file and hands each record to `take`, which may refuse it with a sentence. Reading goes
/// on behind a mistake, up to 50 of them; none in the list means that all went well.
pub fn read_zone(
    text: &ZoneText<'_>,
    include: &mut dyn Include,
    take: &mut dyn FnMut(Line<'_>) -> Result<(), String>,
) -> Vec<ZoneError> {
    let mut reader = Reader {
        include,
        take,
        errors: Vec::new(),
        default_ttl: text.default_ttl,
        last_ttl: None,
        minimum: None,
        data: Vec::new(),
    };
    let place = Place { file: text.file, origin: text.origin.to_name(), owner: None, depth: 0 };
    reader.file(text.text, place);
    reader.errors
}

/// What holds for the whole zone.
struct Reader<'r> {
    include: &'r mut dyn Include,
    take: &'r mut dyn FnMut(Line<'_>) -> Result<(), String>,
    errors: Vec<ZoneError>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    /// The SOA's minimum: what records without any TTL get when there is nothing better (RFC 1035 §5.1 as
    /// it was before `$TTL`).
    minimum: Option<u32>,
    data: Vec<u8>,
}

/// What holds for one file.
struct Place<'f> {
    file: &'f str,
    origin: Name,
    owner: Option<Name>,
    depth: usize,
}

impl Reader<'_> {
    fn file(&mut self, text: &[u8], mut place: Place<'_>) {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut scanner = Scanner::new(text);
        while let Some(blank) = scanner.next_entry() {
            if let Err(error) = self.entry(&mut scanner, blank, &mut place) {
                self.fail(place.file, error);
                scanner.skip_entry();
            }
            if self.errors.len() >= ZONE_ERRORS_MAX {
                return;
            }
        }
    }

    fn fail(&mut self, file: &str, error: TextError) {
        self.errors.push(ZoneError { file: file.to_owned(), error });
    }

    fn entry(&mut self, scanner: &mut Scanner<'_>, blank: bool, place: &mut Place<'_>) -> Result<(), TextError> {
        if !blank {
            // Cannot be missing unless the entry is only parentheses.
            let Some(first) = scanner.next_token()? else { return Ok(()) };
            if first.text.starts_with(b"$") && !first.quoted {
                return self.directive(first, scanner, place);
            }
            let owner = Name::from_text(first.text, place.origin.borrowed()).map_err(|message| first.error(message))?;
            place.owner = Some(owner);
        }
        let Some(owner) = &place.owner else {
            return Err(scanner.error("a line that begins with a blank repeats the owner before it, but there is none"));
        };
        let owner = owner.clone();
        self.record(scanner, &owner, &place.origin)
    }

    /// TTL, class, type and data of a record.
    fn record(&mut self, scanner: &mut Scanner<'_>, owner: &Name, origin: &Name) -> Result<(), TextError> {
        let (mut ttl, mut class) = (None, None);
        let (token, record_type) = loop {
            let token = scanner.expect_token("a record type, as in A or MX")?;
            // RFC 1035 §5.1: TTL and class may stand in either order. Only types begin like TYPE123.
            if ttl.is_none() && token.text.first().is_some_and(u8::is_ascii_digit) {
                let wrong = || token.error("expected a TTL from 0 to 2147483647, as in 3600 or 1h");
                ttl = Some(seconds_from_text(token.text).ok_or_else(wrong)?);
            } else if let Some(found) = zone_class(token).filter(|_| class.is_none()) {
                class = Some(found);
                if found != Class::IN {
                    return Err(token.error("only zones of class IN are served"));
                }
            } else {
                let expected = || token.error("expected a TTL, a class, or a record type, as in A or MX");
                break (token, RecordType::from_text(token.text).ok_or_else(expected)?);
            }
        };
        if record_type.is_meta() {
            return Err(token.error("this type stands only in questions, never in a zone"));
        }
        let mut data = std::mem::take(&mut self.data);
        data.clear();
        let read = read_data(record_type, scanner, origin.borrowed(), &mut data);
        self.data = data;
        read?;
        if record_type == RecordType::SOA {
            self.minimum = Soa::decode(&self.data).ok().map(|soa| soa.minimum);
        }
        let inherited = self.default_ttl.or(self.last_ttl).or(self.minimum);
        let missing = || token.error("this record has no TTL; write one, or `$TTL 1h` before it");
        let ttl = ttl.or(inherited).ok_or_else(missing)?;
        self.last_ttl = Some(ttl);
        (self.take)(Line { owner: owner.borrowed(), record_type, ttl, data: &self.data })
            .map_err(|message| token.error(message))
    }

    fn directive(
        &mut self,
        first: Token<'_>,
        scanner: &mut Scanner<'_>,
        place: &mut Place<'_>,
    ) -> Result<(), TextError> {
        if first.is("$ORIGIN") {
            let token = scanner.expect_token("the new origin")?;
            place.origin =
                Name::from_text(token.text, place.origin.borrowed()).map_err(|message| token.error(message))?;
            return scanner.expect_end();
        }
        if first.is("$TTL") {
            let token = scanner.expect_token("a TTL")?;
            let wrong = || token.error("expected a TTL from 0 to 2147483647, as in 3600 or 1h");
            self.default_ttl = Some(seconds_from_text(token.text).ok_or_else(wrong)?);
            return scanner.expect_end();
        }
        if first.is("$INCLUDE") {
            return self.include(scanner, place);
        }
        if first.is("$GENERATE") {
            return self.generate(first, scanner, place);
        }
        Err(first.error("expected $ORIGIN, $TTL, $INCLUDE or $GENERATE"))
    }

    /// RFC 1035 §5.1: the included file may move the origin for itself; afterwards all is as before.
    fn include(&mut self, scanner: &mut Scanner<'_>, place: &Place<'_>) -> Result<(), TextError> {
        let token = scanner.expect_token("the path of a file")?;
        let path = String::from_utf8(token.bytes()?).map_err(|_| token.error("the path is not UTF-8"))?;
        let mut origin = place.origin.clone();
        if let Some(token) = scanner.next_token()? {
            origin = Name::from_text(token.text, origin.borrowed()).map_err(|message| token.error(message))?;
            scanner.expect_end()?;
        }
        if place.depth >= ZONE_INCLUDE_DEPTH_MAX {
            return Err(token.error("includes are nested more than 10 deep; does a file include itself?"));
        }
        let text = self.include.load(&path, place.file).map_err(|message| token.error(message))?;
        let inner = Place { file: &path, origin, owner: place.owner.clone(), depth: place.depth + 1 };
        self.file(&text, inner);
        Ok(())
    }

    fn generate(&mut self, first: Token<'_>, scanner: &mut Scanner<'_>, place: &Place<'_>) -> Result<(), TextError> {
        let range = scanner.expect_token("a range, as in 1-254 or 0-100/2")?;
        let range = generate::Range::from_token(&range)?;
        let owner = scanner.expect_token("an owner with $ in it, as in host$")?;
        let mut words = Vec::new();
        while let Some(token) = scanner.next_token()? {
            words.push(token);
        }
        for number in range {
            let text = generate::expand(&owner, number)?;
            let name = Name::from_text(&text, place.origin.borrowed()).map_err(|message| owner.error(message))?;
            let mut line = Vec::new();
            for word in &words {
                let expanded = generate::expand(word, number)?;
                if word.quoted {
                    line.extend([b"\"", expanded.as_slice(), b"\""].concat());
                } else {
                    line.extend(expanded);
                }
                line.push(b' ');
            }
            let read = self.record(&mut Scanner::of_entry(&line), &name, &place.origin);
            // The place of a mistake in a made line means nothing; the directive's does.
            read.map_err(|error| first.error(format!("for {number}: {}", error.message)))?;
        }
        Ok(())
    }
}

/// A class that a record in a zone can have; `ANY` and `NONE` stand only in messages.
fn zone_class(token: Token<'_>) -> Option<Class> {
    Class::from_text(token.text).filter(|class| !matches!(*class, Class::ANY | Class::NONE))
}
