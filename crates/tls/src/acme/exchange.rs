//! An HTTP request and its response, as far as ACME needs them. Made by one machine, carried by the
//! caller, answered by the other.

/// The media type of signed requests (RFC 8555 §6.2).
pub const JOSE_JSON: &str = "application/jose+json";
/// The media type of certificate chains (RFC 8555 §9.1).
pub const PEM_CHAIN: &str = "application/pem-certificate-chain";
/// The media type of problem documents (RFC 9457 §6.1).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The media type of everything else.
pub const JSON: &str = "application/json";

/// Methods that ACME uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// The directory, nonces, renewal information.
    Get,
    /// Nonces.
    Head,
    /// All the rest, signed.
    Post,
}

/// A request. The caller adds `Host`, and `User-Agent` (RFC 8555 §6.1 asks for one).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The whole URL, as a client was given it. A server's driver puts its own origin before the path.
    pub url: String,
    /// The body's media type.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn fetch(method: Method, url: &str) -> Self {
        Self { method, url: url.to_owned(), content_type: None, body: Vec::new() }
    }
}

/// A response. Field names are compared without regard to case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its fields; a client looks at `Replay-Nonce`, `Location`, `Retry-After` alone.
    pub fields: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response without fields.
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, fields: Vec::new(), body }
    }

    /// The same with one field more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// The first field called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
