//! The head of a request and of a response, the same for every version of HTTP. Made by the dialects'
//! parsers, read by routes and stages, written by the dialects' serialisers.

use std::fmt;

use super::field_name::FieldName;
use super::fields::Fields;
use super::method::{Method, Token};
use super::status::Status;

/// The version a message came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Version {
    /// HTTP/1.0 (RFC 1945).
    Http10,
    /// HTTP/1.1 (RFC 9112).
    #[default]
    Http11,
    /// HTTP/2 (RFC 9113).
    Http2,
    /// HTTP/3 (RFC 9114).
    Http3,
}

impl Version {
    /// As a log line or a Via field shows it: `HTTP/1.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
            Self::Http3 => "HTTP/3.0",
        }
    }
}

/// The scheme under which the request came in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Its text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that need not be written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// How the target was written (RFC 9112 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TargetForm {
    /// `/path?query`.
    #[default]
    Origin,
    /// `http://host/path?query`: asked of a proxy, or of a server that takes it the same.
    Absolute,
    /// `host:port`: CONNECT only.
    Authority,
    /// `*`: OPTIONS only.
    Asterisk,
}

/// How long content is, as far as the sender knows beforehand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BodyLength {
    /// No content, and none announced.
    #[default]
    None,
    /// Exactly so many bytes.
    Known(u64),
    /// Until it ends: chunked, or by the close of the connection or stream.
    Unknown,
}

/// A request without its content.
///
/// [`RequestHead::clear`] keeps the memory, so that one head serves every request of a connection.
#[derive(Clone, Default, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The version it came in.
    pub version: Version,
    /// With or without TLS (as the edge saw it).
    pub scheme: Scheme,
    /// How the target was written.
    pub form: TargetForm,
    /// `:protocol` of an extended CONNECT (RFC 8441, RFC 9220).
    pub protocol: Option<Token>,
    /// How long the content is.
    pub body: BodyLength,
    /// The field section. Host stays in it as it came; [`RequestHead::host`] is the canonical one.
    pub fields: Fields,
    target: Vec<u8>,
    path_length: usize,
    authority: Vec<u8>,
    host_length: usize,
    port: Option<u16>,
}

impl RequestHead {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.target.clear();
        self.authority.clear();
        self.method = Method::Get;
        self.version = Version::Http11;
        self.scheme = Scheme::Http;
        self.form = TargetForm::Origin;
        self.protocol = None;
        self.body = BodyLength::None;
        (self.path_length, self.host_length, self.port) = (0, 0, None);
    }

    /// The authority, to be read while the fields are changed.
    pub fn authority_and_fields(&mut self) -> (&str, &mut Fields) {
        (str::from_utf8(&self.authority).unwrap_or_default(), &mut self.fields)
    }

    /// Path and query as received (`/a%20b?c=d`), or `*`; empty for CONNECT. The parser has checked its bytes.
    pub fn target(&self) -> &str {
        str::from_utf8(&self.target).unwrap_or_default()
    }

    /// The path as received, still percent-encoded.
    pub fn path(&self) -> &str {
        &self.target()[..self.path_length]
    }

    /// The query without its `?`, when there is one.
    pub fn query(&self) -> Option<&str> {
        self.target().get(self.path_length + 1..)
    }

    /// Sets path and query. Bytes outside visible ASCII are the parser's to refuse.
    pub fn set_target(&mut self, target: &[u8]) {
        self.target.clear();
        self.target.extend_from_slice(target);
        self.path_length = memchr::memchr(b'?', target).unwrap_or(target.len());
    }

    /// Host and port as one text, host in lower case, as in `example.com:8080`; empty when there was none.
    pub fn authority(&self) -> &str {
        str::from_utf8(&self.authority).unwrap_or_default()
    }

    /// The host in lower case, without port and without a trailing dot; `[::1]` keeps its brackets.
    pub fn host(&self) -> &str {
        &self.authority()[..self.host_length]
    }

    /// The port, when one was written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Takes `host[:port]` from the target or the Host field, checked and made canonical.
    pub fn set_authority(&mut self, authority: &[u8]) -> Result<(), InvalidAuthority> {
        self.authority.clear();
        (self.host_length, self.port) = (0, None);
        if authority.is_empty() {
            return Ok(());
        }
        let (host, port) = split_authority(authority)?;
        self.authority.extend_from_slice(host);
        self.authority.make_ascii_lowercase();
        self.host_length = host.len();
        self.port = port;
        if let Some(port) = port {
            self.authority.push(b':');
            self.authority.extend_from_slice(itoa::Buffer::new().format(port).as_bytes());
        }
        Ok(())
    }

    /// Whether the client asked to be told to go on before it sends its content (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version >= Version::Http11
            && self.fields.get(FieldName::Expect).is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }
}

/// The authority has a byte, a port or a shape that RFC 3986 §3.2 does not allow, or userinfo, which
/// RFC 9110 §4.2.4 forbids to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidAuthority;

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a host and port")
    }
}

impl std::error::Error for InvalidAuthority {}

fn split_authority(authority: &[u8]) -> Result<(&[u8], Option<u16>), InvalidAuthority> {
    let (host, port) = if authority.first() == Some(&b'[') {
        let end = memchr::memchr(b']', authority).ok_or(InvalidAuthority)? + 1;
        let inside = str::from_utf8(&authority[1..end - 1]).map_err(|_| InvalidAuthority)?;
        // A zone identifier means something on one machine only; RFC 9110 §4.2.3 has no place for it.
        inside.parse::<std::net::Ipv6Addr>().map_err(|_| InvalidAuthority)?;
        match &authority[end..] {
            [] => (&authority[..end], None),
            [b':', port @ ..] => (&authority[..end], Some(port)),
            _ => return Err(InvalidAuthority),
        }
    } else {
        match memchr::memchr(b':', authority) {
            Some(colon) => (&authority[..colon], Some(&authority[colon + 1..])),
            None => (authority, None),
        }
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.is_empty() || host.len() > 255 || (host[0] != b'[' && !is_host(host)) {
        return Err(InvalidAuthority);
    }
    Ok((host, port.map(parse_port).transpose()?.flatten()))
}

/// An empty port is the scheme's own (RFC 3986 §3.2.3).
fn parse_port(digits: &[u8]) -> Result<Option<u16>, InvalidAuthority> {
    if digits.is_empty() {
        return Ok(None);
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidAuthority);
    }
    str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).map(Some).ok_or(InvalidAuthority)
}

/// A registered name's bytes, without percent-encoding, sub-delims and userinfo: no host on the Internet has
/// them, and each has been used to make two parsers see two hosts.
fn is_host(host: &[u8]) -> bool {
    host.iter().fold(true, |all, byte| all & HOST_BYTES[usize::from(*byte)])
}

const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// A response without its content.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status code.
    pub status: Status,
    /// The field section.
    pub fields: Fields,
}

impl ResponseHead {
    /// A head with no fields.
    pub const fn new(status: Status) -> Self {
        Self { status, fields: Fields::new() }
    }

    /// The same with one more field.
    pub fn with(mut self, name: FieldName, value: impl AsRef<[u8]>) -> Self {
        self.fields.append(name, value);
        self
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new(Status::OK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_014_authorities_are_canonical_or_refused() {
        let mut head = RequestHead::default();
        for (text, host, port) in [
            ("Example.COM", "example.com", None),
            ("example.com.:8080", "example.com", Some(8080)),
            ("example.com:", "example.com", None),
            ("[::1]:443", "[::1]", Some(443)),
            ("127.0.0.1", "127.0.0.1", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ] {
            assert_eq!(head.set_authority(text.as_bytes()), Ok(()), "{text}");
            assert_eq!((head.host(), head.port()), (host, port), "{text}");
        }
        for wrong in [
            "a,b",
            "a b",
            "a/b",
            "a@b",
            "u:p@h",
            "h:99999",
            "h:8x",
            "[fe80::1%25eth0]",
            "[::1",
            "[::1]x",
            ".",
            "a\u{e9}",
            "h:-1",
            "h:1:2",
        ] {
            assert_eq!(head.set_authority(wrong.as_bytes()), Err(InvalidAuthority), "{wrong}");
        }
    }

    #[test]
    fn target_splits_at_the_first_question_mark() {
        let mut head = RequestHead::default();
        for (target, path, query) in
            [("/a?b?c", "/a", Some("b?c")), ("/a", "/a", None), ("/a?", "/a", Some("")), ("*", "*", None)]
        {
            head.set_target(target.as_bytes());
            assert_eq!((head.path(), head.query()), (path, query), "{target}");
        }
    }
}
