//! HTTP authentication (RFC 9110 §11): the schemes Basic (RFC 7617) and Digest (RFC 7616) as values and checks. Called
//! by `admit`, which owns the users and the waiting; hands on to nothing.

mod basic;
mod digest;
mod nonce;

pub use basic::{BasicCredentials, basic_challenge};
pub use digest::{Algorithm, DigestCredentials, DigestRefusal, authentication_info, digest_challenge, digest_secret};
pub use nonce::{NonceVerdict, Nonces};

use std::borrow::Cow;

use subtle::ConstantTimeEq as _;

use super::limits::AUTHENTICATION_PARAMETERS_MAX;
use super::media_type::unquote;

/// Whether two secrets are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// The scheme of an Authorization field and what follows it.
fn split_scheme(value: &str) -> (&str, &str) {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    (scheme, rest.trim_ascii())
}

/// `name=value, name="value"` (RFC 9110 §11.2). `None` when it is broken, has a name twice, or too many.
fn parse_parameters(text: &str) -> Option<Vec<(&str, Cow<'_, str>)>> {
    let mut parameters: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (name, after) = (name.trim_ascii(), after.trim_ascii_start());
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find([',', ' ', '\t']).unwrap_or(after.len());
                (Cow::Borrowed(&after[..end]), &after[end..])
            }
        };
        let seen = parameters.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
        if seen || name.is_empty() || parameters.len() == AUTHENTICATION_PARAMETERS_MAX {
            return None;
        }
        parameters.push((name, value));
        let after = after.trim_ascii_start();
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Some(parameters)
}

/// A quoted-string of `text` (RFC 9110 §5.6.4); bytes that cannot stand in one are left out.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
