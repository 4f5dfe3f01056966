//! Request methods (RFC 9110 §9). Parsed by the dialects, matched by routes and stages.

use std::fmt;

/// A request method. Methods are case-sensitive (RFC 9110 §9.1): `get` is not `GET`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Method {
    /// Transfer a representation.
    #[default]
    Get,
    /// GET without the content.
    Head,
    /// Process the content.
    Post,
    /// Replace the representation.
    Put,
    /// Remove the association with the resource.
    Delete,
    /// Open a tunnel.
    Connect,
    /// Describe the options for talking to the resource.
    Options,
    /// Echo the request.
    Trace,
    /// Change the representation in part (RFC 5789).
    Patch,
    /// Any other token, up to [`Token::LENGTH_MAX`] bytes.
    Extension(Token),
}

/// The methods this house has a name for.
const NAMED: [(&str, Method); 9] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("DELETE", Method::Delete),
    ("CONNECT", Method::Connect),
    ("OPTIONS", Method::Options),
    ("TRACE", Method::Trace),
    ("PATCH", Method::Patch),
];

impl Method {
    /// Reads a method. `None` when it is no token (RFC 9110 §5.6.2) or longer than
    /// [`Token::LENGTH_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"GET" => Some(Self::Get),
            b"HEAD" => Some(Self::Head),
            b"POST" => Some(Self::Post),
            _ => NAMED
                .iter()
                .find(|(name, _)| name.as_bytes() == bytes)
                .map(|(_, method)| *method)
                .or_else(|| Token::from_bytes(bytes).map(Self::Extension)),
        }
    }

    /// Its text on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Extension(token) => token.as_str(),
            named => NAMED.iter().find(|(_, method)| method == named).map_or("", |(name, _)| name),
        }
    }

    /// Safe methods ask for no change (RFC 9110 §9.2.1): they may be retried, prefetched, sent early.
    pub const fn is_safe(&self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }

    /// Idempotent methods may be sent twice with the effect of once (RFC 9110 §9.2.2).
    pub const fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A short token kept in place, so that a method never allocates.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    length: u8,
    bytes: [u8; Self::LENGTH_MAX],
}

impl Token {
    /// Bytes. The longest registered method, UPDATEREDIRECTREF, has 17.
    pub const LENGTH_MAX: usize = 23;

    /// Reads a token; `None` when it is empty, too long, or has a byte no token may have.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > Self::LENGTH_MAX || !bytes.iter().all(|byte| is_token_byte(*byte)) {
            return None;
        }
        let mut token = Self { length: bytes.len() as u8, bytes: [0; Self::LENGTH_MAX] };
        token.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(token)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        // Token bytes are ASCII, so this never falls back.
        str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether `byte` may stand in a token (RFC 9110 §5.6.2 tchar): methods, field names.
pub const fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[byte as usize]
}

const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive_tokens() {
        assert_eq!(Method::from_bytes(b"GET"), Some(Method::Get));
        assert_eq!(Method::from_bytes(b"PATCH"), Some(Method::Patch));
        assert_eq!(Method::from_bytes(b"get").unwrap().as_str(), "get");
        assert_ne!(Method::from_bytes(b"get"), Some(Method::Get));
        for wrong in [&b""[..], b"GE T", b"G=T", b"G:T", b"G\"T", b"G<T", &[b'A'; 24]] {
            assert_eq!(Method::from_bytes(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn retry_classes_follow_rfc_9110_section_9_2() {
        for (method, safe, idempotent) in [
            (Method::Get, true, true),
            (Method::Put, false, true),
            (Method::Delete, false, true),
            (Method::Post, false, false),
            (Method::Patch, false, false),
            (Method::Connect, false, false),
        ] {
            assert_eq!((method.is_safe(), method.is_idempotent()), (safe, idempotent), "{method}");
        }
    }
}
