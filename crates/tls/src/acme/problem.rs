//! ACME's errors as they travel: problem documents (RFC 9457) with ACME's own types (RFC 8555
//! §6.7). The server makes them; the client reads them and decides from them whether to try again.

use std::fmt;
use std::time::Duration;

use edgeway_base::{Blame, Blamed};
use serde::{Deserialize, Serialize};

use super::exchange::{PROBLEM_JSON, Response};

const PREFIX: &str = "urn:ietf:params:acme:error:";

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What kind of problem.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$meta])* $name,)*
            /// One of another specification.
            Other(String),
        }

        impl Kind {
            /// The URN or URL that names it.
            pub fn as_text(&self) -> String {
                match self {
                    $(Self::$name => format!("{PREFIX}{}", $text),)*
                    Self::Other(text) => text.clone(),
                }
            }

            fn from_text(text: &str) -> Self {
                match text.strip_prefix(PREFIX) {
                    $(Some($text) => Self::$name,)*
                    _ => Self::Other(text.chars().take(200).collect()),
                }
            }

            /// The status that goes with it.
            pub fn status(&self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                    Self::Other(_) => 400,
                }
            }
        }
    };
}

kinds! {
    /// The key belongs to no account.
    AccountDoesNotExist = "accountDoesNotExist", 400;
    /// The certificate that an order replaces has been replaced already (RFC 9773 §7.4).
    AlreadyReplaced = "alreadyReplaced", 409;
    /// The certificate is withdrawn already.
    AlreadyRevoked = "alreadyRevoked", 400;
    /// The signing request cannot be honoured.
    BadCsr = "badCSR", 400;
    /// The nonce is used or unknown: send again with the new one.
    BadNonce = "badNonce", 400;
    /// The account key is too weak or of a kind not supported.
    BadPublicKey = "badPublicKey", 400;
    /// The reason for revocation is not allowed.
    BadRevocationReason = "badRevocationReason", 400;
    /// The signature's algorithm is not supported.
    BadSignatureAlgorithm = "badSignatureAlgorithm", 400;
    /// The issuer's records (CAA) forbid it.
    Caa = "caa", 403;
    /// Several problems, each with its name.
    Compound = "compound", 400;
    /// The machine under validation cannot be reached.
    Connection = "connection", 400;
    /// Its name cannot be resolved.
    Dns = "dns", 400;
    /// Accounts here need credentials from elsewhere.
    ExternalAccountRequired = "externalAccountRequired", 403;
    /// What the machine under validation showed is not the proof.
    IncorrectResponse = "incorrectResponse", 403;
    /// An address for contact is wrong.
    InvalidContact = "invalidContact", 400;
    /// The request makes no sense.
    Malformed = "malformed", 400;
    /// The order cannot be finalised yet.
    OrderNotReady = "orderNotReady", 403;
    /// Too many; later.
    RateLimited = "rateLimited", 429;
    /// No certificates for this name here.
    RejectedIdentifier = "rejectedIdentifier", 403;
    /// The server failed.
    ServerInternal = "serverInternal", 500;
    /// TLS failed at the machine under validation.
    Tls = "tls", 400;
    /// Not yours.
    Unauthorized = "unauthorized", 403;
    /// Contact only by other means.
    UnsupportedContact = "unsupportedContact", 400;
    /// Only other kinds of identifier.
    UnsupportedIdentifier = "unsupportedIdentifier", 400;
    /// A person must look at something first.
    UserActionRequired = "userActionRequired", 403;
}

/// A problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// For people.
    pub detail: String,
    /// The status it travels with.
    pub status: u16,
    /// When to come back.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithms: Option<Vec<String>>,
}

impl Problem {
    /// A problem with the usual status of its kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let status = kind.status();
        Self { kind, detail: detail.into(), status, retry_after: None }
    }

    /// A request that makes no sense.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with the advice to come back after `delay`.
    #[must_use]
    pub fn later(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// As JSON, for a challenge's or an order's `error`.
    pub fn to_value(&self) -> serde_json::Value {
        // Strings and numbers always become JSON.
        serde_json::to_value(self.document()).unwrap_or_default()
    }

    /// Reads one from JSON; whatever is missing is empty.
    pub fn from_value(value: &serde_json::Value) -> Option<Self> {
        let document: Document = serde_json::from_value(value.clone()).ok()?;
        let kind = Kind::from_text(&document.kind);
        let status = document.status.unwrap_or_else(|| kind.status());
        Some(Self { kind, detail: document.detail, status, retry_after: None })
    }

    /// The response that carries it.
    pub fn to_response(&self) -> Response {
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let response = Response::new(self.status, body).with("Content-Type", PROBLEM_JSON);
        match self.retry_after {
            Some(delay) => response.with("Retry-After", delay.as_secs().to_string()),
            None => response,
        }
    }

    /// Reads the problem a response carries; a plain one from its status when its body says
    /// nothing.
    pub fn from_response(response: &Response) -> Self {
        let read = serde_json::from_slice(&response.body).ok().and_then(|value| Self::from_value(&value));
        let mut problem = read.unwrap_or_else(|| {
            let kind = match response.status {
                429 | 503 => Kind::RateLimited,
                500.. => Kind::ServerInternal,
                _ => Kind::Malformed,
            };
            Self::new(kind, format!("the server answered with status {}", response.status))
        });
        problem.status = response.status;
        problem
    }

    fn document(&self) -> Document {
        // RFC 8555 §6.2: say which algorithms would do.
        let algorithms = (self.kind == Kind::BadSignatureAlgorithm)
            .then(|| super::jws::ALGORITHMS.iter().map(ToString::to_string).collect());
        Document { kind: self.kind.as_text(), detail: self.detail.clone(), status: Some(self.status), algorithms }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_text();
        let kind = kind.strip_prefix(PREFIX).unwrap_or(&kind);
        // What a stranger wrote must not move the reader's cursor.
        write!(formatter, "{} ({})", self.detail.escape_debug(), kind.escape_debug())
    }
}

impl std::error::Error for Problem {}

impl Blamed for Problem {
    /// As the server sees it: the one who asked. A client's driver reads it as the upstream's word.
    fn blame(&self) -> Blame {
        match self.kind {
            Kind::ServerInternal => Blame::Us,
            Kind::UserActionRequired | Kind::ExternalAccountRequired => Blame::Operator,
            _ => Blame::Peer,
        }
    }

    fn may_retry(&self) -> bool {
        matches!(self.kind, Kind::BadNonce | Kind::RateLimited | Kind::ServerInternal) || self.status >= 500
    }
}
