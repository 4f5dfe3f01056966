//! The server's side of ACME: certificates of our own authority for other machines of a network. A
//! request and the time go in, a response comes out; visits to the machines whose names are to be
//! proved are events that the caller carries out.
//!
//! Called by `edgeway ca`'s HTTP routes. State is exported after every change the caller wants to
//! survive ([`Server::take_changed`]) and restored at start; nonces are not part of it, so that clients
//! ask for a new one after a restart, as RFC 8555 §6.5 provides.

mod accounts;
mod authenticate;
mod certificates;
mod nonces;
mod orders;
mod state;
mod validation;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::{Entropy, WallTime};
use serde::Serialize;

use super::documents::{Directory, Meta};
use super::exchange::{JSON, Method, Request, Response};
use super::jws;
use super::problem::{Kind, Problem};
use crate::authority::Authority;
use crate::certificate::CertificateName;
use crate::error::CertificateError;
use crate::limits;

use nonces::Nonces;
use state::State;
pub use validation::{Shown, Validation, ValidationId, Visit};

/// How the server is run.
#[derive(Clone)]
pub struct ServerSettings {
    /// The URL under which clients reach it, without a final slash: `https://ca.internal/acme`. The directory is at
    /// `{base}/directory`.
    pub base: String,
    /// Signs.
    pub authority: Arc<Authority>,
    /// For which names it signs at all.
    pub allowed: NameRule,
    /// How long certificates live; at most [`limits::LEAF_LIFETIME_MAX`].
    pub lifetime: Duration,
    /// Credentials that new accounts must show: identity to secret. Empty: none are asked for.
    pub external_accounts: HashMap<String, Vec<u8>>,
    /// What accounts agree to.
    pub terms_of_service: Option<String>,
}

/// Whether certificates may be issued for a name.
pub type NameRule = Arc<dyn Fn(&CertificateName) -> bool + Send + Sync>;

impl fmt::Debug for ServerSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerSettings").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The machine.
#[derive(Debug)]
pub struct Server {
    settings: ServerSettings,
    state: State,
    nonces: Nonces,
    visits: VecDeque<Validation>,
    /// Validations given to the caller and not answered yet, with those in `visits`.
    visiting: usize,
    changed: bool,
}

/// What handlers need beside the machine: the calendar and chance.
struct Context<'a> {
    now: WallTime,
    entropy: &'a mut dyn Entropy,
}

impl Context<'_> {
    /// 128 random bits as a name in a URL: not to be guessed.
    fn identifier(&mut self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        jws::encode(bytes)
    }
}

impl Server {
    /// A server that knows nobody yet.
    pub fn new(settings: ServerSettings) -> Self {
        Self::with_state(settings, State::default())
    }

    /// A server that goes on where [`Self::export`] left off.
    ///
    /// # Errors
    /// [`CertificateError::Unreadable`] when the bytes are not such an export.
    pub fn restore(settings: ServerSettings, exported: &[u8]) -> Result<Self, CertificateError> {
        let state = serde_json::from_slice(exported)
            .map_err(|error| CertificateError::Unreadable(format!("the state of the ACME server: {error}")))?;
        Ok(Self::with_state(settings, state))
    }

    fn with_state(settings: ServerSettings, state: State) -> Self {
        let mut server =
            Self { settings, state, nonces: Nonces::default(), visits: VecDeque::new(), visiting: 0, changed: false };
        server.resume_validations();
        server
    }

    /// All accounts, orders and certificates, as JSON. Holds no private keys.
    pub fn export(&self) -> Vec<u8> {
        // Maps with text keys, text and numbers always become JSON.
        serde_json::to_vec(&self.state).unwrap_or_default()
    }

    /// Whether anything changed since the last call: then store [`Self::export`].
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The URL of the directory: all a client needs to know.
    pub fn directory_url(&self) -> String {
        self.url("directory")
    }

    /// Answers a request whose URL begins with the server's base.
    pub fn handle_request(&mut self, now: WallTime, entropy: &mut dyn Entropy, request: &Request) -> Response {
        let mut context = Context { now, entropy };
        let answered = self.route(&mut context, request).unwrap_or_else(|problem| problem.to_response());
        let answered = answered
            .with("Link", format!("<{}>;rel=\"index\"", self.directory_url()))
            // RFC 8555 §6.5.1 and RFC 9111: a nonce from a cache would be used twice.
            .with("Cache-Control", "no-store");
        if request.method == Method::Post || request.url == self.url("new-nonce") {
            let nonce = self.nonces.make(context.entropy);
            answered.with("Replay-Nonce", nonce)
        } else {
            answered
        }
    }

    fn route(&mut self, context: &mut Context<'_>, request: &Request) -> Result<Response, Problem> {
        if request.body.len() > limits::ACME_BODY_BYTES_MAX {
            return Err(Problem::malformed("the request is too large").with_status(413));
        }
        let path = request.url.strip_prefix(&self.settings.base).unwrap_or_default().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method, &segments[..]) {
            (Method::Get, ["directory"]) => Ok(json_response(200, &self.directory())),
            (Method::Head, ["new-nonce"]) => Ok(Response::new(200, Vec::new())),
            (Method::Get, ["new-nonce"]) => Ok(Response::new(204, Vec::new())),
            (Method::Get, ["renewal-info", id]) => self.renewal_info(context, id),
            (Method::Post, ["new-account"]) => self.new_account(context, request),
            (Method::Post, ["account", id]) => self.account(request, id),
            (Method::Post, ["account", id, "orders"]) => self.account_orders(request, id),
            (Method::Post, ["key-change"]) => self.key_change(request),
            (Method::Post, ["new-order"]) => self.new_order(context, request),
            (Method::Post, ["order", id]) => self.order(context, request, id),
            (Method::Post, ["order", id, "finalize"]) => self.finalize(context, request, id),
            (Method::Post, ["authorization", id]) => self.authorization(context, request, id),
            (Method::Post, ["challenge", id, kind]) => self.challenge(context, request, id, kind),
            (Method::Post, ["certificate", id]) => self.certificate(request, id),
            (Method::Post, ["revoke-cert"]) => self.revoke(context, request),
            _ if self.exists(&segments) => Err(Problem::malformed("not with this method").with_status(405)),
            _ => Err(not_found()),
        }
    }

    /// Whether another method would have found something.
    fn exists(&self, segments: &[&str]) -> bool {
        matches!(
            segments,
            ["directory" | "new-nonce" | "new-account" | "new-order" | "key-change" | "revoke-cert"]
                | ["account" | "order" | "authorization" | "certificate" | "renewal-info", _]
                | ["account", _, "orders"]
                | ["order", _, "finalize"]
                | ["challenge", _, _]
        )
    }

    fn directory(&self) -> Directory {
        Directory {
            new_nonce: self.url("new-nonce"),
            new_account: self.url("new-account"),
            new_order: self.url("new-order"),
            revoke_cert: self.url("revoke-cert"),
            key_change: self.url("key-change"),
            renewal_info: Some(self.url("renewal-info")),
            meta: Meta {
                external_account_required: !self.settings.external_accounts.is_empty(),
                terms_of_service: self.settings.terms_of_service.clone(),
            },
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base)
    }
}

fn json_response(status: u16, document: &impl Serialize) -> Response {
    // Documents are made of text, numbers and lists.
    Response::new(status, serde_json::to_vec(document).unwrap_or_default()).with("Content-Type", JSON)
}

fn not_found() -> Problem {
    Problem::malformed("there is nothing here").with_status(404)
}

/// Something that belongs to another account: no more is said than that it is not theirs.
fn not_yours() -> Problem {
    Problem::new(Kind::Unauthorized, "it does not belong to this account")
}
