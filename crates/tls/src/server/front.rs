//! A snapshot of all sites as TLS sees them, built whole from the checked configuration and
//! swapped whole. Called by `edgeway`'s wiring on start and reload; asked by [`super::choice`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use edgeway_base::WallTime;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use super::choice::Hello;
use super::client_rule::{ClientRule, RuleId};
use super::issued::IssueRule;
use super::memory::Memory;
use super::names::NameTable;
use super::resolver::{Directory, Entry, Place, Resolver};
use crate::authority::Authority;
use crate::certificate::{Certificate, CertificateName, Warning};
use crate::error::CertificateError;
use crate::limits;

/// One site: its names and how TLS is spoken for them.
#[derive(Clone, Debug)]
pub struct Site {
    /// Names that lead to it; wildcards and addresses too.
    pub names: Vec<CertificateName>,
    /// Where its certificate comes from.
    pub source: Source,
    /// Which clients it asks for a certificate.
    pub clients: ClientRule,
    /// Protocols it speaks, best first; those of [`FrontSettings`] when `None`.
    pub alpn: Option<Vec<Vec<u8>>>,
    /// TLS versions it speaks.
    pub versions: Versions,
    /// Whether a resumed client may send data with its first flight (0-RTT). Such data can be
    /// replayed by others, so sessions are then remembered here, each for one use, in place of
    /// tickets (RFC 8446 §8).
    pub early_data: bool,
}

impl Site {
    /// A site with TLS 1.2 and 1.3, no client certificates, no early data.
    pub fn new(names: Vec<CertificateName>, source: Source) -> Self {
        Self { names, source, clients: ClientRule::default(), alpn: None, versions: Versions::Both, early_data: false }
    }
}

impl Site {
    /// Names of the site that none of its certificates speaks for: clients that ask for them will not
    /// be content.
    pub fn uncovered_names(&self) -> Vec<&CertificateName> {
        let Source::Loaded(certificates) = &self.source else { return Vec::new() };
        let covered = |name: &CertificateName| {
            let host = name.to_string();
            certificates.iter().any(|certificate| {
                // One label stands for all that a wildcard asks for.
                let sample = host.replacen('*', "sample", 1);
                certificate.facts().names.contains(name) || certificate.covers(&sample)
            })
        };
        self.names.iter().filter(|name| !covered(name)).collect()
    }
}

/// Where a site's certificate comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From files or from an ACME server; of several, the first that suits the client.
    Loaded(Vec<Certificate>),
    /// One leaf of our own authority for all names of the site.
    Authority,
    /// It is on its way (ACME): sessions wait until a new snapshot brings it.
    Awaited,
}

/// TLS versions spoken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.3 alone.
    Tls13Only,
}

/// What a client is told that asks for a name we do not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnknownName {
    /// The alert `unrecognized_name`: it learns nothing about the names we do serve.
    #[default]
    Refuse,
    /// The default site's certificate; HTTP then answers 421.
    Default,
}

/// What holds for all sites of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct FrontSettings {
    /// Protocols spoken, best first: `h2`, `http/1.1`.
    pub alpn: Vec<Vec<u8>>,
    /// The site for clients that name no host, by its place in the list of sites.
    pub default_site: Option<usize>,
    /// For names that are nobody's.
    pub unknown_name: UnknownName,
    /// Signs leaves for [`Source::Authority`] and on demand.
    pub authority: Option<Arc<Authority>>,
    /// For which unknown names a leaf is made on demand.
    pub on_demand: IssueRule,
}

/// The snapshot.
#[derive(Debug)]
pub struct Front {
    pub(super) directory: Arc<Directory>,
    pub(super) groups: Vec<Group>,
    /// For names without a site.
    pub(super) on_demand_group: usize,
    /// For clients that named no host, by the address they reached.
    pub(super) nameless: Mutex<HashMap<(IpAddr, usize), Nameless>>,
}

/// The certificate of an address and the configuration that shows it.
pub(super) type Nameless = (Arc<CertifiedKey>, Arc<ServerConfig>);

/// Sites that can share one rustls configuration.
#[derive(Debug)]
pub(super) struct Group {
    /// Chooses suites in our order.
    pub(super) config: Arc<ServerConfig>,
    /// Chooses them in the client's.
    clients_order: Arc<ServerConfig>,
    pub(super) rule: RuleId,
}

impl Group {
    /// Our order of suites, unless the client's machine is slow at AES.
    pub(super) fn config_for(&self, hello: &Hello<'_>) -> Arc<ServerConfig> {
        Arc::clone(if hello.prefers_chacha { &self.clients_order } else { &self.config })
    }
}

/// What must be equal for two sites to share a configuration.
#[derive(Clone, PartialEq, Eq, Hash)]
struct GroupKey {
    rule: RuleId,
    alpn: Vec<Vec<u8>>,
    versions: Versions,
    early_data: bool,
}

impl Front {
    /// Builds a snapshot. `memory` is the process's one.
    ///
    /// # Errors
    /// Settings that rustls refuses, [`Source::Authority`] without an authority, a name that two
    /// sites claim, a site whose list of certificates is empty.
    pub fn build(memory: &Arc<Memory>, sites: Vec<Site>, settings: FrontSettings) -> Result<Self, CertificateError> {
        let mut groups = Groups { keys: Vec::new(), rules: Vec::new() };
        let on_demand_group = groups.place(
            GroupKey { rule: RuleId::NONE, alpn: settings.alpn.clone(), versions: Versions::Both, early_data: false },
            &ClientRule::default(),
        );
        let mut table = NameTable::default();
        for (index, site) in sites.into_iter().enumerate() {
            check(&site, &settings)?;
            let alpn = site.alpn.unwrap_or_else(|| settings.alpn.clone());
            let rule = site.clients.id();
            let key = GroupKey { rule, alpn, versions: site.versions, early_data: site.early_data };
            let group = groups.place(key, &site.clients);
            let entry = Arc::new(Entry { names: site.names, source: site.source, rule, group });
            enter(&mut table, &entry, settings.default_site == Some(index))?;
        }
        let directory = Arc::new(Directory {
            table,
            memory: Arc::clone(memory),
            authority: settings.authority,
            on_demand: settings.on_demand,
            unknown_name: settings.unknown_name,
        });
        let groups = groups.build(&directory)?;
        Ok(Self { directory, groups, on_demand_group, nameless: Mutex::new(HashMap::new()) })
    }

    /// The client rule of the site that `host` leads to. A request for a host under another rule
    /// than its session's must be answered 421 (RFC 9110 §15.5.20), or a client could reach a
    /// guarded site through its neighbour's session.
    pub fn rule_for(&self, host: &str) -> RuleId {
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let entry = self.directory.table.get(host).or_else(|| self.directory.table.default_value());
        entry.map_or(RuleId::NONE, |entry| entry.rule)
    }

    /// Whether sessions for `host` wait for a later snapshot.
    pub fn awaits(&self, host: &str) -> bool {
        matches!(self.directory.place(Some(host)), Place::Site(entry) if matches!(entry.source, Source::Awaited))
    }

    /// What the operator should know at `now` about the certificates that were loaded, each with its names.
    pub fn warnings(&self, now: WallTime) -> Vec<(Vec<CertificateName>, Warning)> {
        let mut warned = Vec::new();
        for entry in self.directory.table.values() {
            let Source::Loaded(certificates) = &entry.source else { continue };
            for facts in certificates.iter().map(Certificate::facts) {
                let known = warned.iter().any(|(names, _)| *names == facts.names);
                if let (Some(warning), false) = (facts.warnings(now), known) {
                    warned.push((facts.names.clone(), warning));
                }
            }
        }
        warned
    }

    /// A configuration for QUIC, which takes one for all names: TLS 1.3 with `alpn`, and only the
    /// sites that ask for no client certificate; clients of the others come over TCP.
    ///
    /// # Errors
    /// Settings that rustls refuses.
    pub fn quic_config(&self, alpn: Vec<Vec<u8>>) -> Result<ServerConfig, CertificateError> {
        let key = GroupKey { rule: RuleId::NONE, alpn, versions: Versions::Tls13Only, early_data: false };
        configuration(&key, &ClientRule::default(), &self.directory)
    }
}

fn check(site: &Site, settings: &FrontSettings) -> Result<(), CertificateError> {
    let wrong = |reason: &str| Err(CertificateError::BadConfiguration(reason.to_owned()));
    let name_fits = |name: &Vec<u8>| (1..=limits::ALPN_NAME_BYTES_MAX).contains(&name.len());
    match &site.source {
        Source::Loaded(certificates) if certificates.is_empty() => Err(CertificateError::NoCertificate),
        Source::Authority if settings.authority.is_none() => {
            wrong("a site takes its certificate from our own authority, but there is no authority")
        }
        Source::Authority if site.names.is_empty() => Err(CertificateError::NoNames),
        _ if !site.alpn.iter().flatten().chain(&settings.alpn).all(name_fits) => {
            wrong("the name of a protocol (ALPN) has 1 to 255 bytes")
        }
        _ => Ok(()),
    }
}

fn enter(table: &mut NameTable<Arc<Entry>>, entry: &Arc<Entry>, is_default: bool) -> Result<(), CertificateError> {
    for name in &entry.names {
        if table.insert(name, Arc::clone(entry)).is_some_and(|other| !Arc::ptr_eq(&other, entry)) {
            return Err(CertificateError::BadConfiguration(format!("two sites claim the name {name}")));
        }
    }
    if is_default {
        table.set_default(Arc::clone(entry));
    }
    Ok(())
}

/// Groups while they are collected.
struct Groups {
    keys: Vec<GroupKey>,
    rules: Vec<ClientRule>,
}

impl Groups {
    fn place(&mut self, key: GroupKey, rule: &ClientRule) -> usize {
        self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.rules.push(rule.clone());
            self.keys.len() - 1
        })
    }

    fn build(self, directory: &Arc<Directory>) -> Result<Vec<Group>, CertificateError> {
        let build = |(key, rule): (&GroupKey, &ClientRule)| {
            let clients_order = configuration(key, rule, directory)?;
            let mut config = clients_order.clone();
            config.ignore_client_order = true;
            Ok(Group { config: Arc::new(config), clients_order: Arc::new(clients_order), rule: key.rule })
        };
        self.keys.iter().zip(&self.rules).map(build).collect()
    }
}

fn configuration(
    key: &GroupKey,
    rule: &ClientRule,
    directory: &Arc<Directory>,
) -> Result<ServerConfig, CertificateError> {
    let resolver = Arc::new(Resolver { directory: Arc::clone(directory), rule: key.rule });
    let memory = &directory.memory;
    let mut config = bare_configuration(memory, key.versions, rule, resolver)?;
    config.alpn_protocols.clone_from(&key.alpn);
    config.send_tls13_tickets = limits::TLS13_TICKETS;
    // One family for each rule: neither ticket nor session id of one rule opens under another.
    let family = memory.family(key.rule);
    if key.early_data {
        config.session_storage = family.single_use_sessions;
        config.max_early_data_size = limits::EARLY_DATA_BYTES_MAX;
        // RFC 8446 §4.4.2: a client not yet authenticated gets no answer before its certificate.
        config.send_half_rtt_data = key.rule == RuleId::NONE;
    } else {
        config.session_storage = family.sessions;
        config.ticketer = family.tickets;
    }
    Ok(config)
}

/// Provider, clock, versions, client rule and certificate; nothing that resumes.
pub(super) fn bare_configuration(
    memory: &Memory,
    versions: Versions,
    rule: &ClientRule,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, CertificateError> {
    let versions: &[_] = match versions {
        Versions::Both => &[&TLS13, &TLS12],
        Versions::Tls13Only => &[&TLS13],
    };
    Ok(ServerConfig::builder_with_details(crate::provider(), Arc::new(memory.clock.clone()))
        .with_protocol_versions(versions)
        .map_err(|error| CertificateError::BadConfiguration(error.to_string()))?
        .with_client_cert_verifier(rule.verifier()?)
        .with_cert_resolver(resolver))
}
