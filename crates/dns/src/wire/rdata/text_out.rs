//! Record data for people: every type in its own presentation form, unknown types as RFC 3597 §5 says.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::presentation::{base32_encode, base64_encode, hex_encode, moment_to_text, write_quoted};
use crate::wire::{NameRef, RecordData, RecordType};

use super::schema::{Field, fields};
use super::service::ParameterKey;
use super::text_in::location;
use super::types::TypeBitmap;
use super::views::strings;
use super::wire::field_length;

impl fmt::Display for RecordData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(fields) = fields(self.record_type) else { return write_generic(formatter, &self.wire) };
        let (mut rest, mut blank) = (&*self.wire, "");
        for field in fields {
            // Cannot fail: the data was checked when this value was made. An empty record of an update has
            // no fields.
            let Ok(length) = field_length(*field, rest) else { return Ok(()) };
            let (content, after) = rest.split_at(length);
            rest = after;
            if content.is_empty() && matches!(field, Field::Types | Field::Parameters | Field::Prefixes) {
                continue;
            }
            formatter.write_str(blank)?;
            write_field(formatter, *field, content)?;
            blank = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for RecordData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {self}", self.record_type)
    }
}

/// RFC 3597 §5: `\# length digits`.
fn write_generic(formatter: &mut fmt::Formatter<'_>, data: &[u8]) -> fmt::Result {
    write!(formatter, "\\# {}", data.len())?;
    if data.is_empty() { Ok(()) } else { write!(formatter, " {}", hex_encode(data)) }
}

fn write_field(out: &mut fmt::Formatter<'_>, field: Field, content: &[u8]) -> fmt::Result {
    match field {
        Field::Compressible | Field::Lowered | Field::Plain => write!(out, "{}", NameRef::from_checked(content)),
        Field::U8
        | Field::U16
        | Field::U32
        | Field::U48
        | Field::Seconds
        | Field::Algorithm
        | Field::CertificateType => {
            write!(out, "{}", number(content))
        }
        Field::Moment => out.write_str(&moment_to_text(number(content) as u32)),
        Field::Type => write!(out, "{}", RecordType(number(content) as u16)),
        Field::Ipv4 => write!(out, "{}", Ipv4Addr::from(number(content) as u32)),
        Field::Ipv6 => write_ipv6(out, content),
        Field::Locator => write_groups(out, content, 2, ':', false),
        Field::Hardware(_) => write_groups(out, content, 1, '-', false),
        Field::Text => write_quoted(out, &content[1..]),
        Field::Texts => {
            for (index, text) in strings(content).enumerate() {
                out.write_str(if index == 0 { "" } else { " " })?;
                write_quoted(out, text)?;
            }
            Ok(())
        }
        Field::RestText => write_quoted(out, content),
        Field::Tag => out.write_str(&String::from_utf8_lossy(&content[1..])),
        Field::Hex => out.write_str(&hex_encode(content)),
        Field::Base64 => out.write_str(&base64_encode(content)),
        Field::Base64Counted => {
            let encoded = base64_encode(&content[2..]);
            if encoded.is_empty() { out.write_str("0") } else { write!(out, "{} {encoded}", content.len() - 2) }
        }
        Field::Salt if content.len() == 1 => out.write_char('-'),
        Field::Salt => out.write_str(&hex_encode(&content[1..])),
        Field::HashedOwner => out.write_str(&base32_encode(&content[1..])),
        Field::Types => {
            let mut blank = "";
            TypeBitmap(content)
                .iter()
                .try_for_each(|record_type| write!(out, "{}{record_type}", std::mem::replace(&mut blank, " ")))
        }
        Field::Prefixes => write_prefixes(out, content),
        Field::Location => location::write(out, content),
        Field::Gateway => write_gateway(out, content),
        Field::Parameters => write_parameters(out, content),
    }
}

/// Up to eight bytes as a number in network order.
fn number(content: &[u8]) -> u64 {
    content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn write_ipv6(out: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    let octets: [u8; 16] = content.try_into().unwrap_or_default();
    write!(out, "{}", Ipv6Addr::from(octets))
}

fn write_groups(out: &mut fmt::Formatter<'_>, content: &[u8], size: usize, between: char, upper: bool) -> fmt::Result {
    for (index, group) in content.chunks(size).enumerate() {
        if index > 0 {
            out.write_char(between)?;
        }
        let digits = hex_encode(group);
        out.write_str(&if upper { digits } else { digits.to_lowercase() })?;
    }
    Ok(())
}

/// RFC 3123 §5: `[!]family:address/prefix`.
fn write_prefixes(out: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    let (mut rest, mut blank) = (content, "");
    while let [family_high, family_low, prefix, length, after @ ..] = rest {
        let family = u16::from_be_bytes([*family_high, *family_low]);
        let (address, after) = after.split_at(usize::from(length & 0x7f));
        let sign = if length & 0x80 == 0 { "" } else { "!" };
        write!(out, "{blank}{sign}{family}:")?;
        let mut full = [0; 16];
        full[..address.len().min(16)].copy_from_slice(&address[..address.len().min(16)]);
        match family {
            1 => write!(out, "{}", Ipv4Addr::new(full[0], full[1], full[2], full[3]))?,
            2 => write!(out, "{}", Ipv6Addr::from(full))?,
            _ => out.write_str(&hex_encode(address))?,
        }
        write!(out, "/{prefix}")?;
        (rest, blank) = (after, " ");
    }
    Ok(())
}

fn write_gateway(out: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    write!(out, "{} {} ", content[0], content[1])?;
    match content[0] {
        1 => write!(out, "{}", Ipv4Addr::from(number(&content[2..]) as u32)),
        2 => write_ipv6(out, &content[2..]),
        3 => write!(out, "{}", NameRef::from_checked(&content[2..])),
        _ => out.write_char('.'),
    }
}

/// RFC 9460 §2.1 and appendix A.
fn write_parameters(out: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    let (mut rest, mut blank) = (content, "");
    while let [key_high, key_low, high, low, after @ ..] = rest {
        let key = ParameterKey(u16::from_be_bytes([*key_high, *key_low]));
        let (value, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        write!(out, "{blank}{key}")?;
        write_parameter(out, key, value)?;
        (rest, blank) = (after, " ");
    }
    Ok(())
}

fn write_parameter(out: &mut fmt::Formatter<'_>, key: ParameterKey, value: &[u8]) -> fmt::Result {
    if value.is_empty() {
        return Ok(());
    }
    out.write_char('=')?;
    match key {
        ParameterKey::PORT => write!(out, "{}", number(value)),
        ParameterKey::MANDATORY => {
            let keys = value.chunks(2).map(|key| ParameterKey(number(key) as u16).to_string());
            out.write_str(&keys.collect::<Vec<_>>().join(","))
        }
        ParameterKey::IPV4_HINT => {
            let addresses = value.chunks(4).map(|address| Ipv4Addr::from(number(address) as u32).to_string());
            out.write_str(&addresses.collect::<Vec<_>>().join(","))
        }
        ParameterKey::IPV6_HINT => {
            let (addresses, _) = value.as_chunks::<16>();
            let addresses = addresses.iter().map(|octets| Ipv6Addr::from(*octets).to_string());
            out.write_str(&addresses.collect::<Vec<_>>().join(","))
        }
        ParameterKey::ECH => write!(out, "\"{}\"", base64_encode(value)),
        ParameterKey::ALPN => {
            // Appendix A.1: a comma or backslash inside an item is escaped once more.
            let mut list = Vec::with_capacity(value.len() + 4);
            for (index, item) in strings(value).enumerate() {
                if index > 0 {
                    list.push(b',');
                }
                for byte in item {
                    if matches!(byte, b',' | b'\\') {
                        list.push(b'\\');
                    }
                    list.push(*byte);
                }
            }
            write_quoted(out, &list)
        }
        _ => write_quoted(out, value),
    }
}
