//! The JSON both sides speak (RFC 8555 §7.1). Read and written by [`super::client`] and
//! [`super::server`]; unknown members are passed over, as §7.1 asks.

use serde::{Deserialize, Serialize};

use crate::certificate::CertificateName;

/// Where a server's resources are (RFC 8555 §7.1.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Fresh nonces.
    pub new_nonce: String,
    /// New accounts.
    pub new_account: String,
    /// New orders.
    pub new_order: String,
    /// Withdrawing certificates.
    pub revoke_cert: String,
    /// Changing an account's key.
    pub key_change: String,
    /// When to renew (RFC 9773 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_info: Option<String>,
    /// About the server.
    #[serde(default)]
    pub meta: Meta,
}

/// About a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Whether accounts need credentials from elsewhere.
    #[serde(default)]
    pub external_account_required: bool,
    /// What accounts agree to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
}

/// A name as ACME writes it (RFC 8555 §9.7.7, RFC 8738 §3).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Identifier {
    /// `dns` or `ip`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name or address.
    pub value: String,
}

impl From<&CertificateName> for Identifier {
    fn from(name: &CertificateName) -> Self {
        let kind = if matches!(name, CertificateName::Address(_)) { "ip" } else { "dns" };
        Self { kind: kind.to_owned(), value: name.to_string() }
    }
}

impl Identifier {
    /// The name it stands for; `None` when it is of a kind not known here or no such name.
    pub fn name(&self) -> Option<CertificateName> {
        let name: CertificateName = self.value.parse().ok()?;
        let is_address = matches!(name, CertificateName::Address(_));
        (self.kind == if is_address { "ip" } else { "dns" }).then_some(name)
    }
}

/// Where orders, authorizations and challenges stand (RFC 8555 §7.1.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waiting for the client.
    Pending,
    /// The server is at it.
    Processing,
    /// An order whose names are all proved.
    Ready,
    /// Done.
    Valid,
    /// Failed.
    Invalid,
    /// Given up by the client.
    Deactivated,
    /// Out of date.
    Expired,
    /// Withdrawn by the server.
    Revoked,
}

/// An order (RFC 8555 §7.1.3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Where it stands.
    pub status: Status,
    /// Until when it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What it is for.
    pub identifiers: Vec<Identifier>,
    /// What must be proved.
    pub authorizations: Vec<String>,
    /// Where the signing request goes.
    pub finalize: String,
    /// The chain, when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The certificate it replaces (RFC 9773 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<serde_json::Value>,
}

/// What must be proved for one name (RFC 8555 §7.1.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authorization {
    /// For which name.
    pub identifier: Identifier,
    /// Where it stands.
    pub status: Status,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The ways to prove it; one is enough.
    pub challenges: Vec<Challenge>,
}

/// One way to prove it (RFC 8555 §8).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Challenge {
    /// `http-01`, `tls-alpn-01`, or one not known here.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where to say that the proof is ready.
    pub url: String,
    /// Where it stands.
    pub status: Status,
    /// What the proof is made from; challenges of other kinds may have none.
    #[serde(default)]
    pub token: String,
    /// When it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<serde_json::Value>,
}

/// Whether a challenge's token is what RFC 8555 §8.1 makes of it: base64url and nothing else. It
/// becomes part of a path, so one with a slash or a dot could reach elsewhere.
pub fn token_is_safe(token: &str) -> bool {
    (1..=crate::limits::ACME_TOKEN_BYTES_MAX).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Where the proof for `token` is looked for on port 80 (RFC 8555 §8.3).
pub fn http_path(token: &str) -> String {
    format!("/.well-known/acme-challenge/{token}")
}
