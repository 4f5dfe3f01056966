//! Service parameters from text (RFC 9460 §2.1 and appendix A).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::TextError;
use crate::wire::presentation::{Escaped, Token, base64_decode};

use super::super::service::ParameterKey;
use super::{Reader, parse};

impl Reader<'_, '_, '_> {
    /// `key`, `key=value` or `key="value"` to the end of the entry, in any order.
    pub(super) fn parameters(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let mut parameters: Vec<(ParameterKey, Vec<u8>)> = Vec::new();
        while let Some(token) = self.next()? {
            let (key, value) = parameter(token)?;
            if parameters.iter().any(|(known, _)| *known == key) {
                return Err(token.error("this parameter stands there already"));
            }
            parameters.push((key, value));
        }
        parameters.sort_by_key(|(key, _)| *key);
        for (key, value) in parameters {
            out.extend(key.0.to_be_bytes());
            out.extend((value.len() as u16).to_be_bytes());
            out.extend(value);
        }
        Ok(())
    }
}

fn parameter(token: Token<'_>) -> Result<(ParameterKey, Vec<u8>), TextError> {
    let mut parts = token.text.splitn(2, |byte| *byte == b'=');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    let unknown = || token.error("expected a parameter, as in alpn=\"h2,h3\" or key123=\"...\"");
    let key = ParameterKey::from_text(name).ok_or_else(unknown)?;
    let value = value.unwrap_or_default();
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let bytes = Token { text: inner, ..token }.bytes()?;
    let wrong = || token.error(format!("this is no value for {key}"));
    let wire = value_to_wire(key, &bytes).ok_or_else(wrong)?;
    if wire.len() > usize::from(u16::MAX) || !super::super::service::is_well_formed(key.0, &wire) {
        return Err(wrong());
    }
    Ok((key, wire))
}

fn value_to_wire(key: ParameterKey, value: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    match key {
        ParameterKey::PORT => wire.extend(parse::<u16>(value)?.to_be_bytes()),
        ParameterKey::ECH => return base64_decode(value),
        ParameterKey::MANDATORY => {
            let keys: Option<Vec<_>> = value.split(|byte| *byte == b',').map(ParameterKey::from_text).collect();
            let mut keys = keys?;
            keys.sort_unstable();
            wire.extend(keys.iter().flat_map(|key| key.0.to_be_bytes()));
        }
        ParameterKey::IPV4_HINT => {
            for address in value.split(|byte| *byte == b',') {
                wire.extend(parse::<Ipv4Addr>(address)?.octets());
            }
        }
        ParameterKey::IPV6_HINT => {
            for address in value.split(|byte| *byte == b',') {
                wire.extend(parse::<Ipv6Addr>(address)?.octets());
            }
        }
        ParameterKey::ALPN => {
            for item in comma_list(value)? {
                wire.push(u8::try_from(item.len()).ok()?);
                wire.extend(item);
            }
        }
        _ => wire.extend_from_slice(value),
    }
    Some(wire)
}

/// Appendix A.1: items between commas, a backslash taking the meaning from what follows it.
fn comma_list(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut items = vec![Vec::new()];
    for byte in Escaped::new(value) {
        let (byte, escaped) = byte.ok()?;
        if byte == b',' && !escaped {
            items.push(Vec::new());
        } else {
            items.last_mut()?.push(byte);
        }
    }
    Some(items)
}
