//! Basic (RFC 7617): a name and a password in base64. Only ever as private as the connection.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{quote, split_scheme};
use crate::semantics::limits::CREDENTIALS_BYTES_MAX;

/// What a client sent. Debug shows the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// The user's name; never holds a colon.
    pub user: String,
    /// The password; may be empty and may hold colons.
    pub password: String,
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BasicCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl BasicCredentials {
    /// Reads an Authorization value. `None` for another scheme, and for what is no base64, no UTF-8 (which the challenge
    /// asks for), has no colon, holds a control character, or is longer than [`CREDENTIALS_BYTES_MAX`].
    pub fn parse(value: &[u8]) -> Option<Self> {
        // Padding is often left out; what it would say is known.
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let (scheme, token) = split_scheme(str::from_utf8(value).ok()?);
        // RFC 9110 §11.1: scheme names are case-insensitive.
        if !scheme.eq_ignore_ascii_case("Basic") || token.len() > CREDENTIALS_BYTES_MAX {
            return None;
        }
        let text = String::from_utf8(LENIENT.decode(token).ok()?).ok()?;
        // RFC 7617 §2: no control characters; the first colon ends the name.
        if text.chars().any(char::is_control) {
            return None;
        }
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

/// The WWW-Authenticate value (RFC 7617 §2, §2.1).
pub fn basic_challenge(realm: &str) -> String {
    format!("Basic realm={}, charset=\"UTF-8\"", quote(realm))
}
