//! Record data from text: every type in its own presentation form, or any type as `\# length digits`
//! (RFC 3597 §5).

pub(super) mod location;
mod parameters;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::error::TextError;
use crate::wire::presentation::{
    Scanner, Token, base32_decode, base64_decode, hex_decode, moment_from_text, seconds_from_text,
};
use crate::wire::{Name, NameRef, RecordData, RecordType};

use super::schema::{Field, fields};
use super::types::TypeBitmap;
use super::wire::check;

impl RecordData {
    /// Reads the rest of an entry as the data of `record_type`; relative names hang from `origin`.
    pub fn from_scanner(
        record_type: RecordType,
        scanner: &mut Scanner<'_>,
        origin: NameRef<'_>,
    ) -> Result<Self, TextError> {
        let mut wire = Vec::new();
        read_data(record_type, scanner, origin, &mut wire)?;
        Ok(Self::from_checked(record_type, wire.into()))
    }

    /// Reads text as the data of `record_type`; relative names hang from `origin`.
    pub fn from_text(record_type: RecordType, text: &str, origin: NameRef<'_>) -> Result<Self, TextError> {
        Self::from_scanner(record_type, &mut Scanner::of_entry(text.as_bytes()), origin)
    }
}

/// Reads the rest of an entry behind what `out` holds.
pub(crate) fn read_data(
    record_type: RecordType,
    scanner: &mut Scanner<'_>,
    origin: NameRef<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    let mut reader = Reader { scanner, origin, kept: None };
    let before = out.len();
    let (line, column) = (reader.scanner.line(), reader.scanner.column());
    let first = reader.scanner.next_token()?;
    match (first, fields(record_type)) {
        (Some(token), _) if token.text == b"\\#" && !token.quoted => reader.generic(out)?,
        (_, None) => {
            let message = format!("the data of {record_type} is written as `\\# length digits` (RFC 3597)");
            return Err(TextError::new(line, column, message));
        }
        (first, Some(fields)) => {
            reader.kept = first;
            fields.iter().try_for_each(|field| reader.field(*field, out))?;
        }
    }
    if let Some(token) = reader.next()? {
        return Err(token.error("expected the end of the record"));
    }
    check(record_type, &out[before..])
        .map_err(|error| TextError::new(line, column, format!("as data of {record_type}: {error}")))
}

/// Reads fields one after the other.
struct Reader<'s, 'a, 'o> {
    scanner: &'s mut Scanner<'a>,
    origin: NameRef<'o>,
    /// A token that was read ahead.
    kept: Option<Token<'a>>,
}

impl<'a> Reader<'_, 'a, '_> {
    fn next(&mut self) -> Result<Option<Token<'a>>, TextError> {
        match self.kept.take() {
            Some(token) => Ok(Some(token)),
            None => self.scanner.next_token(),
        }
    }

    fn expect(&mut self, expected: &str) -> Result<Token<'a>, TextError> {
        match self.kept.take() {
            Some(token) => Ok(token),
            None => self.scanner.expect_token(expected),
        }
    }

    fn field(&mut self, field: Field, out: &mut Vec<u8>) -> Result<(), TextError> {
        match field {
            Field::Compressible | Field::Lowered | Field::Plain => {
                let name = self.parsed("a name", Name::from_text)?;
                out.extend_from_slice(name.wire());
            }
            Field::U8
            | Field::U16
            | Field::U32
            | Field::U48
            | Field::Seconds
            | Field::Moment
            | Field::Algorithm
            | Field::CertificateType
            | Field::Type => self.numeric(field, out)?,
            Field::Ipv4 => out.extend(self.read("an IPv4 address, as in 192.0.2.1", parse::<Ipv4Addr>)?.octets()),
            Field::Ipv6 => out.extend(self.read("an IPv6 address, as in 2001:db8::1", parse::<Ipv6Addr>)?.octets()),
            Field::Locator => {
                let locator = self.read("four groups of digits, as in 2001:0db8:0:1", locator)?;
                out.extend(locator);
            }
            Field::Hardware(length) => {
                let expected = format!("{length} pairs of hexadecimal digits with - between them");
                let address = self.read(&expected, |text| hardware(text, length))?;
                out.extend(address);
            }
            Field::Text => self.text(out)?,
            Field::Texts => {
                self.text(out)?;
                while let Some(token) = self.next()? {
                    self.kept = Some(token);
                    self.text(out)?;
                }
            }
            Field::RestText => out.extend(self.expect("a text")?.bytes()?),
            Field::Tag => {
                let token = self.expect("a tag, as in issue")?;
                let legal = (1..=255).contains(&token.text.len()) && token.text.iter().all(u8::is_ascii_alphanumeric);
                if !legal {
                    return Err(token.error("expected a tag of letters and digits"));
                }
                out.push(token.text.len() as u8);
                out.extend_from_slice(token.text);
            }
            Field::Hex => out.extend(self.rest("hexadecimal digits", hex_decode)?),
            Field::Base64 => out.extend(self.rest("base 64", base64_decode)?),
            Field::Base64Counted => self.base64_counted(out)?,
            Field::Salt => {
                let salt = self.read("a salt in hexadecimal digits, or -", |text| {
                    if text == b"-" {
                        Some(Vec::new())
                    } else {
                        hex_decode(text).filter(|salt| (1..256).contains(&salt.len()))
                    }
                })?;
                out.push(salt.len() as u8);
                out.extend(salt);
            }
            Field::HashedOwner => {
                let owner =
                    self.read("a hash in base 32", |text| base32_decode(text).filter(|hash| hash.len() < 256))?;
                out.push(owner.len() as u8);
                out.extend(owner);
            }
            Field::Types => {
                let mut types = Vec::new();
                while let Some(token) = self.next()? {
                    let wrong = || token.error("expected a record type");
                    types.push(RecordType::from_text(token.text).ok_or_else(wrong)?);
                }
                TypeBitmap::encode(types, out);
            }
            Field::Prefixes => {
                while let Some(token) = self.next()? {
                    prefix(token.text, out)
                        .ok_or_else(|| token.error("expected [!]family:address/prefix, as in 1:192.0.2.0/24"))?;
                }
            }
            Field::Location => self.location(out)?,
            Field::Gateway => self.gateway(out)?,
            Field::Parameters => self.parameters(out)?,
        }
        Ok(())
    }

    /// Fields that are numbers on the wire, whatever their text is.
    fn numeric(&mut self, field: Field, out: &mut Vec<u8>) -> Result<(), TextError> {
        match field {
            Field::U8 => out.push(self.number("a number", 0xff)? as u8),
            Field::U16 => out.extend((self.number("a number", 0xffff)? as u16).to_be_bytes()),
            Field::U32 => out.extend((self.number("a number", 0xffff_ffff)? as u32).to_be_bytes()),
            Field::U48 => out.extend(&self.number("a number", 0xffff_ffff_ffff)?.to_be_bytes()[2..]),
            Field::Seconds => {
                let seconds = self.read("seconds, as in 3600 or 1h", seconds_from_text)?;
                out.extend(seconds.to_be_bytes());
            }
            Field::Moment => {
                let seconds = self.read("a moment as YYYYMMDDHHmmSS or seconds since 1970", moment_from_text)?;
                out.extend(seconds.to_be_bytes());
            }
            Field::Algorithm => out.push(self.read("an algorithm number or mnemonic", algorithm)?),
            Field::CertificateType => {
                out.extend(self.read("a certificate type", certificate_type)?.to_be_bytes());
            }
            Field::Type => {
                let record_type = self.read("a record type", RecordType::from_text)?;
                out.extend(record_type.0.to_be_bytes());
            }
            other => debug_assert!(false, "{other:?} is no number"),
        }
        Ok(())
    }

    fn number(&mut self, expected: &str, most: u64) -> Result<u64, TextError> {
        self.expect(expected)?.number(most)
    }

    fn read<T>(&mut self, expected: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, TextError> {
        let token = self.expect(expected)?;
        parse(token.text).ok_or_else(|| token.error(format!("expected {expected}")))
    }

    fn parsed<T>(
        &mut self,
        expected: &str,
        parse: impl FnOnce(&[u8], NameRef<'_>) -> Result<T, &'static str>,
    ) -> Result<T, TextError> {
        let token = self.expect(expected)?;
        parse(token.text, self.origin).map_err(|message| token.error(message))
    }

    /// One character-string.
    fn text(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let token = self.expect("a text")?;
        let text = token.bytes()?;
        let too_long = |_| token.error("a text has at most 255 bytes; write several");
        out.push(u8::try_from(text.len()).map_err(too_long)?);
        out.extend(text);
        Ok(())
    }

    /// All remaining tokens as one run of digits.
    fn rest(&mut self, expected: &str, decode: fn(&[u8]) -> Option<Vec<u8>>) -> Result<Vec<u8>, TextError> {
        let Some(first) = self.next()? else { return Ok(Vec::new()) };
        let mut digits = first.text.to_vec();
        while let Some(token) = self.next()? {
            digits.extend_from_slice(token.text);
        }
        decode(&digits).ok_or_else(|| first.error(format!("expected {expected} from here on")))
    }

    /// TSIG's MAC and other data: a length, and digits unless it is zero.
    fn base64_counted(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let token = self.expect("a length")?;
        let length = token.number(0xffff)? as u16;
        let bytes = if length == 0 { Vec::new() } else { self.read("base 64", base64_decode)? };
        if bytes.len() != usize::from(length) {
            return Err(token.error("the length does not fit what follows"));
        }
        out.extend(length.to_be_bytes());
        out.extend(bytes);
        Ok(())
    }

    fn generic(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let token = self.expect("a length")?;
        let length = token.number(0xffff)? as usize;
        let data = self.rest("hexadecimal digits", hex_decode)?;
        if data.len() != length {
            return Err(token.error(format!("the digits give {} bytes", data.len())));
        }
        out.extend(data);
        Ok(())
    }

    fn gateway(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let kind = self.expect("a gateway type")?;
        let (kind, algorithm) = (kind.number(3)? as u8, self.number("an algorithm", 255)? as u8);
        out.extend([kind, algorithm]);
        match kind {
            1 => self.field(Field::Ipv4, out),
            2 => self.field(Field::Ipv6, out),
            3 => self.field(Field::Plain, out),
            _ => self.read("`.` for no gateway", |text| (text == b".").then_some(())),
        }
    }
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// RFC 4034 appendix A.1 and IANA "DNS Security Algorithm Numbers".
fn algorithm(text: &[u8]) -> Option<u8> {
    const MNEMONICS: [(&str, u8); 16] = [
        ("RSAMD5", 1),
        ("DH", 2),
        ("DSA", 3),
        ("RSASHA1", 5),
        ("DSA-NSEC3-SHA1", 6),
        ("RSASHA1-NSEC3-SHA1", 7),
        ("NSEC3RSASHA1", 7),
        ("RSASHA256", 8),
        ("RSASHA512", 10),
        ("ECC-GOST", 12),
        ("ECDSAP256SHA256", 13),
        ("ECDSAP384SHA384", 14),
        ("ED25519", 15),
        ("ED448", 16),
        ("PRIVATEDNS", 253),
        ("PRIVATEOID", 254),
    ];
    let found = MNEMONICS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, number)| *number).or_else(|| parse(text))
}

fn certificate_type(text: &[u8]) -> Option<u16> {
    const MNEMONICS: [&str; 8] = ["PKIX", "SPKI", "PGP", "IPKIX", "ISPKI", "IPGP", "ACPKIX", "IACPKIX"];
    let found = MNEMONICS.iter().position(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|index| index as u16 + 1).or_else(|| parse(text))
}

fn locator(text: &[u8]) -> Option<[u8; 8]> {
    let groups: Option<Vec<[u8; 2]>> = text
        .split(|byte| *byte == b':')
        .map(|group| {
            let digits = std::str::from_utf8(group).ok().filter(|digits| !digits.is_empty() && digits.len() <= 4)?;
            u16::from_str_radix(digits, 16).ok().map(u16::to_be_bytes)
        })
        .collect();
    groups?.concat().try_into().ok()
}

fn hardware(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let pairs: Option<Vec<Vec<u8>>> =
        text.split(|byte| *byte == b'-').map(|pair| hex_decode(pair).filter(|byte| byte.len() == 1)).collect();
    pairs.map(|pairs| pairs.concat()).filter(|address| address.len() == length)
}

/// RFC 3123 §5.
fn prefix(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (negated, text) = text.strip_prefix(b"!").map_or((0, text), |text| (0x80, text));
    let text = std::str::from_utf8(text).ok()?;
    let (family, rest) = text.split_once(':')?;
    let (address, length) = rest.rsplit_once('/')?;
    let (family, length) = (family.parse::<u16>().ok()?, length.parse::<u8>().ok()?);
    let octets = match family {
        1 => address.parse::<Ipv4Addr>().ok()?.octets().to_vec(),
        2 => address.parse::<Ipv6Addr>().ok()?.octets().to_vec(),
        _ => return None,
    };
    if usize::from(length) > octets.len() * 8 {
        return None;
    }
    // RFC 3123 §4: trailing zero bytes are not sent.
    let used = octets.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    out.extend(family.to_be_bytes());
    out.extend([length, negated | used as u8]);
    out.extend_from_slice(&octets[..used]);
    Some(())
}
