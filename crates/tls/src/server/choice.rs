//! The decision about one ClientHello: which configuration answers it, whether it waits, or which
//! alert it gets. Called by [`crate::session`] once for each server connection.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use rustls::server::{ClientHello, NoServerSessionStorage};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CipherSuite, ServerConfig};

use super::challenge::ACME_TLS_PROTOCOL;
use super::client_rule::{ClientRule, RuleId};
use super::front::{Front, Source, Versions, bare_configuration};
use super::resolver::Place;
use crate::certificate::CertificateName;
use crate::limits;

/// What a ClientHello says that matters here.
#[derive(Clone, Debug, Default)]
pub struct Hello<'a> {
    /// The host it asks for (RFC 6066 §3).
    pub server_name: Option<&'a str>,
    /// The protocols it offers; empty when it does not say.
    pub alpn: Vec<&'a [u8]>,
    /// The address of ours that it reached.
    pub local: Option<IpAddr>,
    /// Whether it would rather have ChaCha20 than AES: its machine has no instructions for AES.
    pub prefers_chacha: bool,
}

impl<'a> Hello<'a> {
    /// As rustls read it.
    pub fn new(hello: &'a ClientHello<'_>, local: Option<IpAddr>) -> Self {
        let alpn = hello.alpn().map(Iterator::collect).unwrap_or_default();
        // Placeholders (GREASE, RFC 8701) stand before real suites.
        let first = hello.cipher_suites().iter().find(|suite| is_spoken(**suite));
        let prefers_chacha = first.is_some_and(|first| crate::is_chacha(*first));
        Self { server_name: hello.server_name(), alpn, local, prefers_chacha }
    }
}

fn is_spoken(suite: CipherSuite) -> bool {
    crate::provider().cipher_suites.iter().any(|known| known.suite() == suite)
}

/// The decision.
#[derive(Debug)]
pub enum Choice {
    /// Go on with this configuration.
    Serve {
        /// For rustls.
        config: Arc<ServerConfig>,
        /// The client rule the session will be under.
        rule: RuleId,
    },
    /// An ACME server is looking for its proof (RFC 8737): show it, and close after the handshake.
    Challenge(Arc<ServerConfig>),
    /// Ask again when it is known whether this name may have a certificate, or when it has come.
    Wait(CertificateName),
    /// Tell the client no.
    Refuse(Refusal),
}

/// Why a ClientHello is refused. Always the peer's doing: it asked for what is not here.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It asks for a name that is not served.
    UnknownName(String),
    /// It names no host, and there is no default.
    NoName,
    /// It speaks none of our protocols.
    NoApplicationProtocol,
}

impl Refusal {
    /// What the client is told.
    pub fn alert(&self) -> AlertDescription {
        match self {
            // RFC 6066 §3.
            Self::UnknownName(_) => AlertDescription::UnrecognisedName,
            // RFC 8446 §9.2: a server that requires server_name answers its absence so.
            Self::NoName => AlertDescription::MissingExtension,
            // RFC 7301 §3.2.
            Self::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // RFC 1035 names are bytes: escape what would disturb a terminal or a log.
            Self::UnknownName(name) => write!(formatter, "no site is called \"{}\"", name.escape_default()),
            Self::NoName => formatter.write_str("the client names no host and there is no default site"),
            Self::NoApplicationProtocol => formatter.write_str("the client speaks none of our protocols"),
        }
    }
}

impl Front {
    /// Decides.
    pub fn choose(&self, hello: &Hello<'_>) -> Choice {
        // RFC 8737 §4: an ACME server offers this protocol alone; nobody else ever gets that
        // certificate, and it gets no other.
        if hello.alpn == [ACME_TLS_PROTOCOL] {
            return self.challenge(hello);
        }
        let group = match self.directory.place(hello.server_name) {
            Place::Site(entry) => match &entry.source {
                Source::Awaited => return waiting(hello, &entry.names),
                Source::Authority | Source::Loaded(_) => entry.group,
            },
            Place::OnDemand(_) => self.on_demand_group,
            Place::Ask(name) => return Choice::Wait(name),
            Place::Unknown => match (hello.server_name, hello.local) {
                (None, Some(_)) if self.directory.authority.is_some() => self.on_demand_group,
                _ => return refuse(hello),
            },
        };
        self.serve(group, hello)
    }

    fn serve(&self, index: usize, hello: &Hello<'_>) -> Choice {
        let group = &self.groups[index];
        let ours = &group.config.alpn_protocols;
        let in_common = hello.alpn.iter().any(|offered| ours.iter().any(|spoken| spoken == offered));
        // RFC 7301 §3.2, and the defence against ALPACA: a client that asked for other protocols
        // must not be talked to in ours. One that did not ask is taken to speak HTTP/1.1.
        if !hello.alpn.is_empty() && !in_common {
            return Choice::Refuse(Refusal::NoApplicationProtocol);
        }
        match (hello.server_name, hello.local) {
            (None, Some(local)) => self.nameless(index, local, hello),
            _ => Choice::Serve { config: group.config_for(hello), rule: group.rule },
        }
    }

    /// A client that reached us by address gets a certificate for that address where our own
    /// authority can make one: server_name carries no addresses (RFC 6066 §3).
    fn nameless(&self, index: usize, local: IpAddr, hello: &Hello<'_>) -> Choice {
        let group = &self.groups[index];
        let local = local.to_canonical();
        let own_certificate = self.directory.table.default_value().is_some_and(|entry| {
            matches!(entry.source, Source::Loaded(_)) || entry.names.contains(&CertificateName::Address(local))
        });
        if own_certificate || self.directory.authority.is_none() {
            return Choice::Serve { config: group.config_for(hello), rule: group.rule };
        }
        let Some(leaf) = self.directory.issued(&[CertificateName::Address(local)]) else {
            return Choice::Refuse(Refusal::NoName);
        };
        let certificate = Arc::clone(leaf.certified_key());
        let mut kept = self.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shown, config)) = kept.get(&(local, index))
            && Arc::ptr_eq(shown, &certificate)
        {
            return Choice::Serve { config: Arc::clone(config), rule: group.rule };
        }
        let mut config = (*group.config).clone();
        config.cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&certificate)));
        let config = Arc::new(config);
        if kept.len() < limits::NAMELESS_CONFIGURATIONS_MAX || kept.contains_key(&(local, index)) {
            kept.insert((local, index), (certificate, Arc::clone(&config)));
        }
        Choice::Serve { config, rule: group.rule }
    }

    fn challenge(&self, hello: &Hello<'_>) -> Choice {
        let memory = &self.directory.memory;
        let refused = || Choice::Refuse(Refusal::NoApplicationProtocol);
        let Some(certificate) = hello.server_name.and_then(|name| memory.challenges.get(name)) else {
            return refused();
        };
        let resolver = Arc::new(SingleCertAndKey::from(certificate));
        match bare_configuration(memory, Versions::Both, &ClientRule::default(), resolver) {
            Ok(mut config) => {
                config.alpn_protocols = vec![ACME_TLS_PROTOCOL.to_vec()];
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
                Choice::Challenge(Arc::new(config))
            }
            Err(_) => refused(),
        }
    }
}

fn waiting(hello: &Hello<'_>, names: &[CertificateName]) -> Choice {
    let asked = hello.server_name.and_then(|name| name.parse().ok());
    asked.or_else(|| names.first().cloned()).map_or(Choice::Refuse(Refusal::NoName), Choice::Wait)
}

fn refuse(hello: &Hello<'_>) -> Choice {
    Choice::Refuse(hello.server_name.map_or(Refusal::NoName, |name| Refusal::UnknownName(name.to_owned())))
}
