//! The client against the server, in memory, and strangers against the server.

mod hostile;
mod keeping;
mod scenarios;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::{Instant, SeededEntropy, WallTime};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::Value;

use super::client::{Client, ClientSettings, Event, Proof, ProofKind};
use super::exchange::{JOSE_JSON, Method, Request, Response};
use super::jws::{self, Signer};
use super::key::AccountKey;
use super::problem::Kind;
use super::server::{Server, ServerSettings, Shown, Visit};
use crate::authority::Authority;
use crate::certificate::CertificateName;
use crate::server::{ACME_TLS_PROTOCOL, challenge_certificate};
use crate::testing::{NOW, name};

pub(super) const BASE: &str = "https://ca.test/acme";

/// A server, the machines it visits, and a calendar.
pub(super) struct Network {
    server: Server,
    entropy: SeededEntropy,
    now: WallTime,
    clock: Instant,
    /// What machines show.
    shown: HashMap<CertificateName, Proof>,
    requests: Vec<String>,
}

pub(super) fn settings() -> ServerSettings {
    ServerSettings {
        base: BASE.to_owned(),
        authority: Arc::new(Authority::create("acme", NOW).unwrap()),
        allowed: Arc::new(|name| !name.to_string().ends_with(".forbidden")),
        lifetime: Duration::from_secs(30 * 86_400),
        external_accounts: HashMap::new(),
        terms_of_service: None,
    }
}

impl Network {
    fn new(settings: ServerSettings) -> Self {
        Self {
            server: Server::new(settings),
            entropy: SeededEntropy::new(7),
            now: NOW,
            clock: Instant::ZERO,
            shown: HashMap::new(),
            requests: Vec::new(),
        }
    }

    fn ask(&mut self, request: &Request) -> Response {
        self.requests.push(request.url.trim_start_matches(BASE).split('/').nth(1).unwrap_or_default().to_owned());
        self.server.handle_request(self.now, &mut self.entropy, request)
    }

    /// Makes the visits the server wants, and shows it what the machines show.
    fn visit(&mut self) {
        while let Some(validation) = self.server.poll_event() {
            let shown = match (self.shown.get(&validation.name), &validation.visit) {
                (None, _) => Shown::Nothing(Kind::Connection, "connection refused".to_owned()),
                (Some(proof), Visit::Http { path }) if *path == proof.path() => {
                    Shown::Http { status: 200, body: format!("{}\r\n", proof.key_authorization).into_bytes() }
                }
                (Some(_), Visit::Http { .. }) => Shown::Http { status: 404, body: Vec::new() },
                (Some(proof), Visit::Tls { .. }) => Shown::Tls {
                    alpn: Some(ACME_TLS_PROTOCOL.to_vec()),
                    certificate: challenge_certificate(&proof.name, &proof.key_authorization).unwrap().cert[0].clone(),
                },
            };
            self.server.handle_validation(self.now, &validation.id, &shown);
        }
    }

    /// Runs a client until it has nothing more to do; its events.
    fn run(&mut self, client: &mut Client) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..10_000 {
            while let Some(event) = client.poll_event() {
                match &event {
                    Event::Show(proof) => {
                        self.shown.insert(proof.name.clone(), proof.clone());
                        client.proof_ready(&proof.name.clone());
                    }
                    Event::Withdraw(proof) => drop(self.shown.remove(&proof.name)),
                    _ => {}
                }
                events.push(event);
            }
            if let Some(request) = client.poll_output(self.clock) {
                let response = self.ask(&request);
                client.handle_response(self.clock, self.now, &response);
                self.visit();
            } else if let Some(due) = client.poll_timeout() {
                self.now = self.now.later(due - self.clock);
                self.clock = due;
            } else if client.is_idle() {
                return events;
            }
        }
        panic!("the client never ends: {:?}", self.requests.iter().rev().take(20).collect::<Vec<_>>());
    }
}

pub(super) fn client_settings(proofs: &[ProofKind]) -> ClientSettings {
    ClientSettings {
        directory: format!("{BASE}/directory"),
        key: AccountKey::generate(),
        account: None,
        contacts: vec!["mailto:admin@example.test".to_owned()],
        terms_agreed: true,
        external_account: None,
        proofs: proofs.to_vec(),
    }
}

pub(super) fn kinds(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Account(_) => "account".to_owned(),
            Event::Show(proof) => format!("show {}", proof.name),
            Event::Withdraw(proof) => format!("withdraw {}", proof.name),
            Event::Issued { .. } => "issued".to_owned(),
            Event::Renewal { .. } => "renewal".to_owned(),
            Event::Revoked => "revoked".to_owned(),
            Event::KeyChanged => "key changed".to_owned(),
            Event::Failed(failure) => format!("failed: {failure}"),
        })
        .collect()
}

/// Somebody who writes requests by hand.
pub(super) struct Stranger {
    key: AccountKey,
    account: Option<String>,
}

impl Stranger {
    fn new() -> Self {
        Self { key: AccountKey::generate(), account: None }
    }

    fn registered(network: &mut Network) -> Self {
        let mut stranger = Self::new();
        let response = stranger.post(network, "new-account", Some(&serde_json::json!({})));
        assert_eq!(response.status, 201);
        stranger.account = response.field("Location").map(str::to_owned);
        stranger
    }

    fn nonce(network: &mut Network) -> String {
        let response = network.ask(&Request::fetch(Method::Head, &format!("{BASE}/new-nonce")));
        response.field("Replay-Nonce").unwrap().to_owned()
    }

    fn signer(&self) -> Signer {
        self.account.clone().map_or_else(|| Signer::Key(self.key.jwk()), Signer::Account)
    }

    fn request(&self, network: &mut Network, path: &str, payload: Option<&Value>) -> Request {
        let url = if path.starts_with("https:") { path.to_owned() } else { format!("{BASE}/{path}") };
        let nonce = Self::nonce(network);
        let body = jws::sign(&self.key, &self.signer(), Some(&nonce), &url, payload);
        Request { method: Method::Post, url, content_type: Some(JOSE_JSON.to_owned()), body }
    }

    fn post(&self, network: &mut Network, path: &str, payload: Option<&Value>) -> Response {
        let request = self.request(network, path, payload);
        network.ask(&request)
    }

    /// An order for `names` with everything proved over HTTP; its URL.
    fn ready_order(&self, network: &mut Network, names: &[&str]) -> String {
        let identifiers: Vec<Value> =
            names.iter().map(|name| serde_json::json!({ "type": "dns", "value": name })).collect();
        let response = self.post(network, "new-order", Some(&serde_json::json!({ "identifiers": identifiers })));
        assert_eq!(response.status, 201, "{}", text(&response));
        let order = json(&response);
        for authorization in order["authorizations"].as_array().unwrap() {
            let shown = json(&self.post(network, authorization.as_str().unwrap(), None));
            let challenge = &shown["challenges"][0];
            let token = challenge["token"].as_str().unwrap().to_owned();
            let proof = Proof {
                name: name(shown["identifier"]["value"].as_str().unwrap()),
                kind: ProofKind::Http,
                key_authorization: format!("{token}.{}", self.key.jwk().thumbprint()),
                token,
            };
            network.shown.insert(proof.name.clone(), proof);
            self.post(network, challenge["url"].as_str().unwrap(), Some(&serde_json::json!({})));
            network.visit();
        }
        response.field("Location").unwrap().to_owned()
    }

    fn finalize(&self, network: &mut Network, order: &str, csr: &[u8]) -> Response {
        self.post(network, &format!("{order}/finalize"), Some(&serde_json::json!({ "csr": jws::encode(csr) })))
    }
}

pub(super) fn signing_request(names: &[&str], key: &KeyPair) -> Vec<u8> {
    let mut parameters = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.serialize_request(key).unwrap().der().to_vec()
}

pub(super) fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub(super) fn text(response: &Response) -> String {
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}

/// The problem's type without its prefix, or the status of a good answer.
pub(super) fn verdict(response: &Response) -> String {
    match json(response)["type"].as_str() {
        Some(kind) if response.status >= 400 => kind.rsplit(':').next().unwrap_or_default().to_owned(),
        _ => response.status.to_string(),
    }
}
