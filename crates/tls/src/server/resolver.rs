//! From a name to a certificate: the configured site's own, one issued by our authority, or none.
//! Called by [`super::choice`] to decide, and by rustls during the handshake that follows.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::client_rule::RuleId;
use super::front::{Source, UnknownName};
use super::issued::{Decision, IssueRule};
use super::memory::Memory;
use super::names::NameTable;
use crate::authority::Authority;
use crate::certificate::{Certificate, CertificateName};

/// All names of one snapshot.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) table: NameTable<Arc<Entry>>,
    pub(super) memory: Arc<Memory>,
    pub(super) authority: Option<Arc<Authority>>,
    pub(super) on_demand: IssueRule,
    pub(super) unknown_name: UnknownName,
}

/// One site.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) names: Vec<CertificateName>,
    pub(super) source: Source,
    pub(super) rule: RuleId,
    pub(super) group: usize,
}

/// Where a name leads.
pub(super) enum Place<'a> {
    /// To a configured site.
    Site(&'a Entry),
    /// To no site, but a certificate may be made for it.
    OnDemand(CertificateName),
    /// Whether it may is being found out.
    Ask(CertificateName),
    /// Nowhere.
    Unknown,
}

impl Directory {
    pub(super) fn place(&self, name: Option<&str>) -> Place<'_> {
        let default = || self.table.default_value().map_or(Place::Unknown, |entry| Place::Site(entry));
        let Some(name) = name else { return default() };
        if let Some(entry) = self.table.get(name) {
            return Place::Site(entry);
        }
        if self.authority.is_some()
            && let Ok(wanted @ CertificateName::Host(_)) = name.parse()
        {
            match self.on_demand.decide(&wanted) {
                Decision::Allow => return Place::OnDemand(wanted),
                Decision::Ask => return Place::Ask(wanted),
                Decision::Deny => {}
            }
        }
        if self.unknown_name == UnknownName::Default { default() } else { Place::Unknown }
    }

    /// A leaf of our authority.
    pub(super) fn issued(&self, names: &[CertificateName]) -> Option<Certificate> {
        let authority = self.authority.as_ref()?;
        self.memory.leaves.get(names, authority, self.memory.clock.now())
    }

    fn certificate(&self, place: &Place<'_>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        match place {
            Place::Site(entry) => match &entry.source {
                Source::Loaded(certificates) => suitable(certificates, schemes),
                Source::Authority => self.issued(&entry.names).map(|leaf| Arc::clone(leaf.certified_key())),
                Source::Awaited => None,
            },
            Place::OnDemand(name) => {
                self.issued(std::slice::from_ref(name)).map(|leaf| Arc::clone(leaf.certified_key()))
            }
            Place::Ask(_) | Place::Unknown => None,
        }
    }
}

/// The first certificate the client can verify; the first of all when none is, so that the
/// handshake fails with rustls's own word for it.
fn suitable(certificates: &[Certificate], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
    let fits = |certificate: &&Certificate| certificate.certified_key().key.choose_scheme(schemes).is_some();
    let chosen = certificates.iter().find(fits).or_else(|| certificates.first())?;
    Some(Arc::clone(chosen.certified_key()))
}

/// Answers rustls for the sites under one rule. It looks the name up once more: only so is it
/// certain that the certificate belongs to the name that rustls itself read.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) directory: Arc<Directory>,
    pub(super) rule: RuleId,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let place = self.directory.place(hello.server_name());
        if let Place::Site(entry) = &place
            && entry.rule != self.rule
        {
            return None;
        }
        self.directory.certificate(&place, hello.signature_schemes())
    }
}
