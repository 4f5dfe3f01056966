//! Record data between messages and stores: expanding and checking what arrives, compressing what
//! leaves, and the canonical form that signatures cover (RFC 4034 §6.2).

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::limits::SERVICE_PARAMETERS_MAX;
use crate::wire::compose::Composer;
use crate::wire::{NameRef, PackedName, RecordType};

use super::schema::{Field, fields};

/// Checks the data at `start..end` of `message` and writes it, names expanded, behind what `out` holds.
pub(in crate::wire) fn expand(
    record_type: RecordType,
    message: &[u8],
    start: usize,
    end: usize,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let before = out.len();
    let Some(fields) = fields(record_type) else {
        out.extend_from_slice(&message[start..end]);
        return Ok(());
    };
    let mut position = start;
    for field in fields {
        position = match field {
            Field::Compressible | Field::Lowered => {
                let (name, after) = PackedName::decode(&message[..end], position)?;
                name.append_to(out);
                after
            }
            _ => {
                let length = field_length(*field, &message[position..end])?;
                out.extend_from_slice(&message[position..position + length]);
                position + length
            }
        };
    }
    // Expansion may pass what a length field can say; such a record could never be sent on.
    if position != end || out.len() - before > usize::from(u16::MAX) {
        return Err(WireError::DataLength);
    }
    Ok(())
}

/// Checks uncompressed data that fills `data` exactly.
pub(in crate::wire) fn check(record_type: RecordType, data: &[u8]) -> Result<(), WireError> {
    if data.len() > usize::from(u16::MAX) {
        return Err(WireError::DataLength);
    }
    let Some(fields) = fields(record_type) else { return Ok(()) };
    let mut rest = data;
    for field in fields {
        let length = field_length(*field, rest)?;
        rest = &rest[length..];
    }
    if rest.is_empty() { Ok(()) } else { Err(WireError::DataLength) }
}

/// Writes checked, uncompressed data; names of RFC 1035 types are compressed.
pub(in crate::wire) fn compress(
    record_type: RecordType,
    data: &[u8],
    composer: &mut Composer<'_>,
) -> Result<(), WireError> {
    let fields = fields(record_type).unwrap_or_default();
    if data.is_empty() || !fields.contains(&Field::Compressible) {
        return composer.bytes(data);
    }
    let mut rest = data;
    for field in fields {
        let length = field_length(*field, rest)?;
        let (content, after) = rest.split_at(length);
        match field {
            Field::Compressible => composer.name(NameRef::from_wire(content)?)?,
            _ => composer.bytes(content)?,
        }
        rest = after;
    }
    composer.bytes(rest)
}

/// Brings checked data into canonical form: RFC 4034 §6.2 as corrected by RFC 6840 §5.1.
pub(in crate::wire) fn make_canonical(record_type: RecordType, data: &mut [u8]) {
    let fields = fields(record_type).unwrap_or_default();
    let mut rest = data;
    for field in fields {
        let Ok(length) = field_length(*field, rest) else { return };
        let (content, after) = rest.split_at_mut(length);
        if matches!(field, Field::Compressible | Field::Lowered) {
            content.make_ascii_lowercase();
        }
        rest = after;
    }
}

/// How many bytes of `rest` a field takes, its content checked.
pub(super) fn field_length(field: Field, rest: &[u8]) -> Result<usize, WireError> {
    let fixed = |length: usize| if rest.len() < length { Err(WireError::DataLength) } else { Ok(length) };
    match field {
        Field::Compressible | Field::Lowered | Field::Plain => {
            let (name, _) = NameRef::split_wire(rest).map_err(short)?;
            Ok(name.wire().len())
        }
        Field::U8 | Field::Algorithm => fixed(1),
        Field::U16 | Field::Type | Field::CertificateType => fixed(2),
        Field::U32 | Field::Seconds | Field::Moment | Field::Ipv4 => fixed(4),
        Field::U48 => fixed(6),
        Field::Locator => fixed(8),
        Field::Ipv6 => fixed(16),
        Field::Hardware(length) => fixed(length),
        Field::Text => counted(rest, 0),
        Field::Tag => counted(rest, 1).and_then(|length| {
            // RFC 8659 §4.1: letters and digits.
            let legal = rest[1..length].iter().all(u8::is_ascii_alphanumeric);
            if legal { Ok(length) } else { Err(WireError::DataContent) }
        }),
        Field::Salt => counted(rest, 0),
        Field::HashedOwner => counted(rest, 1),
        Field::Texts => strings(rest),
        Field::Hex => fixed(1).map(|_| rest.len()),
        Field::RestText | Field::Base64 => Ok(rest.len()),
        Field::Base64Counted => {
            let length = rest.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)));
            fixed(2 + length.ok_or(WireError::DataLength)?)
        }
        Field::Types => bitmap(rest),
        Field::Prefixes => prefixes(rest),
        Field::Location => match rest {
            // RFC 1876 §2: version 0 has this shape, others are not specified.
            [0, ..] => fixed(16),
            _ => Err(WireError::DataContent),
        },
        Field::Gateway => gateway(rest),
        Field::Parameters => parameters(rest),
    }
}

/// Inside record data, running out of bytes means that the length is wrong.
fn short(error: WireError) -> WireError {
    if error == WireError::Truncated { WireError::DataLength } else { error }
}

fn counted(rest: &[u8], at_least: usize) -> Result<usize, WireError> {
    let length = usize::from(*rest.first().ok_or(WireError::DataLength)?);
    if length < at_least || rest.len() <= length { Err(WireError::DataLength) } else { Ok(1 + length) }
}

/// RFC 1035 §3.3.14: one or more character-strings.
fn strings(rest: &[u8]) -> Result<usize, WireError> {
    let mut position = counted(rest, 0)?;
    while position < rest.len() {
        position += counted(&rest[position..], 0)?;
    }
    Ok(position)
}

/// RFC 4034 §4.1.2: windows in rising order, each 1 to 32 bytes; trailing zeros are tolerated.
fn bitmap(rest: &[u8]) -> Result<usize, WireError> {
    let (mut cursor, mut last) = (Cursor::new(rest), None);
    while let Ok(window) = cursor.u8() {
        let length = cursor.u8().map_err(|_| WireError::DataLength)?;
        if last.is_some_and(|last| window <= last) || !(1..=32).contains(&length) {
            return Err(WireError::DataContent);
        }
        cursor.take(usize::from(length)).map_err(|_| WireError::DataLength)?;
        last = Some(window);
    }
    Ok(rest.len())
}

/// RFC 3123 §4: family, prefix, sign and length, address without trailing zeros.
fn prefixes(rest: &[u8]) -> Result<usize, WireError> {
    let mut cursor = Cursor::new(rest);
    while !cursor.is_empty() {
        let [family_high, family_low, prefix, length] = cursor.array().map_err(|_| WireError::DataLength)?;
        let length = length & 0x7f;
        cursor.take(usize::from(length)).map_err(|_| WireError::DataLength)?;
        let (bits, bytes) = match [family_high, family_low] {
            [0, 1] => (32, 4),
            [0, 2] => (128, 16),
            _ => (255, 127),
        };
        if prefix > bits || length > bytes {
            return Err(WireError::DataContent);
        }
    }
    Ok(rest.len())
}

/// RFC 4025 §2.1: gateway type, algorithm, gateway.
fn gateway(rest: &[u8]) -> Result<usize, WireError> {
    let [kind, _, gateway @ ..] = rest else { return Err(WireError::DataLength) };
    let length = match kind {
        0 => 0,
        1 => 4,
        2 => 16,
        3 => NameRef::split_wire(gateway).map_err(short)?.0.wire().len(),
        _ => return Err(WireError::DataContent),
    };
    if gateway.len() < length { Err(WireError::DataLength) } else { Ok(2 + length) }
}

/// RFC 9460 §2.2: keys strictly rising, values as long as they say, known values in their form.
fn parameters(rest: &[u8]) -> Result<usize, WireError> {
    let (mut cursor, mut last, mut count) = (Cursor::new(rest), None, 0);
    while !cursor.is_empty() {
        let (Ok(key), Ok(length)) = (cursor.u16(), cursor.u16()) else { return Err(WireError::DataLength) };
        let value = cursor.take(usize::from(length)).map_err(|_| WireError::DataLength)?;
        count += 1;
        let rising = last.is_none_or(|last| key > last);
        if !rising || count > SERVICE_PARAMETERS_MAX || !super::service::is_well_formed(key, value) {
            return Err(WireError::DataContent);
        }
        last = Some(key);
    }
    Ok(rest.len())
}
