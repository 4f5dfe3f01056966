//! `[tls]`, made ready: for each site its certificate, or who signs it, and which clients it lets in.

use std::sync::Arc;

use edgeway_tls::CertificateError;
use edgeway_tls::authority::Authority;
use edgeway_tls::certificate::{Certificate, CertificateName, Warning};
use edgeway_tls::server::{
    ClientCertificates, ClientRule, Front, FrontSettings, IssueRule, Memory, Site, Source, UnknownName, Versions,
};

use super::Making;
use crate::config::raw::{self, Issuer, TlsVersion};
use crate::config::read::{Located, Value as _};
use crate::config::words::Host;

/// What TLS needs to know.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The sites, in the order of the file. Those that await ACME have [`Source::Awaited`].
    pub sites: Vec<Site>,
    /// The site that clients get who name none, or one that is nobody's.
    pub default_site: Option<usize>,
    /// Whether some site wants leaves of our own authority.
    pub wants_authority: bool,
    /// The public authority, where one is named.
    pub acme: Option<Acme>,
}

/// A public authority that issues by ACME.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acme {
    /// Its directory.
    pub directory: String,
    /// Where it may write to the operator.
    pub contact: Vec<String>,
    /// Whether its terms of service are agreed to.
    pub agreed: bool,
    /// Who is asked about names that no site lists.
    pub ask: Option<String>,
    /// PEM text of the roots the directory is trusted by; `None` for the public ones.
    pub roots: Option<Vec<u8>>,
}

impl Certificates {
    /// The snapshot that TLS sessions are made from. `authority` signs where no certificate is named; `on_demand` says
    /// for which unknown names; `kept` is what a public authority has issued so far.
    ///
    /// # Errors
    /// What [`Front::build`] refuses.
    pub fn front(
        &self,
        memory: &Arc<Memory>,
        authority: Option<Arc<Authority>>,
        on_demand: IssueRule,
        kept: &[Certificate],
    ) -> Result<Front, CertificateError> {
        let settings = FrontSettings {
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"dot".to_vec()],
            default_site: self.default_site,
            // HTTP answers 421 with a sentence, which tells a person more than an alert does.
            unknown_name: if self.default_site.is_some() { UnknownName::Default } else { UnknownName::Refuse },
            authority,
            on_demand,
        };
        Front::build(memory, self.sites_with(kept), settings)
    }

    /// Sets of names that a public authority is to issue for: one certificate for each site.
    pub fn awaited(&self) -> Vec<Vec<CertificateName>> {
        let awaited = self.sites.iter().filter(|site| matches!(site.source, Source::Awaited));
        awaited.map(issuable).filter(|names| !names.is_empty()).collect()
    }

    /// Whether a site that awaits its certificate lists `name`.
    pub fn lists(&self, name: &str) -> bool {
        self.awaited().iter().flatten().any(|own| own.covers(name))
    }

    /// Whether a site that awaits certificates is for names like `name`.
    pub fn has_wildcard_for(&self, name: &str) -> bool {
        self.wildcard_site(name).is_some()
    }

    /// Whether certificates for `names` are still wanted.
    pub fn wants(&self, names: &[CertificateName]) -> bool {
        let single = |names: &[CertificateName]| matches!(names, [name] if self.has_wildcard_for(&name.to_string()));
        self.awaited().iter().any(|own| own.len() == names.len() && own.iter().all(|name| names.contains(name)))
            || single(names)
    }

    fn wildcard_site(&self, name: &str) -> Option<&Site> {
        let awaits = |site: &&Site| matches!(site.source, Source::Awaited);
        let covers = |own: &CertificateName| matches!(own, CertificateName::Wildcard(_)) && own.covers(name);
        self.sites.iter().filter(awaits).find(|site| site.names.iter().any(covers))
    }

    /// The sites with what has come for them; names under a wildcard become sites of their own beside it.
    fn sites_with(&self, kept: &[Certificate]) -> Vec<Site> {
        let mut sites = self.sites.clone();
        let mut split = Vec::new();
        for site in sites.iter_mut().filter(|site| matches!(site.source, Source::Awaited)) {
            let names = issuable(site);
            let found =
                kept.iter().find(|one| !names.is_empty() && names.iter().all(|name| one.facts().names.contains(name)));
            let Some(source) = found.map(|found| Source::Loaded(vec![found.clone()])) else { continue };
            if names.len() == site.names.len() {
                site.source = source;
            } else {
                // The certificate is not for the wildcards among the names: they go on waiting, each name for its own.
                site.names.retain(|name| !names.contains(name));
                split.push(Site { names, source, ..site.clone() });
            }
        }
        sites.extend(split);
        for one in kept {
            let [name @ CertificateName::Host(host)] = one.facts().names.as_slice() else { continue };
            let taken = self.sites.iter().any(|site| site.names.contains(name));
            if let Some(site) = self.wildcard_site(host).filter(|_| !taken) {
                let source = Source::Loaded(vec![one.clone()]);
                sites.push(Site { names: vec![name.clone()], source, ..site.clone() });
            }
        }
        sites
    }
}

impl Making<'_> {
    pub(super) fn certificates(&mut self) -> Option<Certificates> {
        let raw = self.raw;
        let sites: Vec<_> = raw.site.iter().map(|(host, site)| self.tls_site(host, site)).collect();
        let sites = sites.into_iter().collect::<Option<Vec<_>>>()?;
        let acme = match &raw.tls.acme {
            _ if raw.tls.issuer != Issuer::Acme => None,
            Some(acme) => Some(self.acme(acme)?),
            None => {
                raw::Acme::absent().map(|acme| Located { value: acme, span: 0..0 }).and_then(|acme| self.acme(&acme))
            }
        };
        let issues = raw.site.iter().flat_map(|(_, site)| &site.route).any(|route| route.issue.is_some());
        Some(Certificates {
            default_site: raw.site.iter().position(|(_, site)| site.default.value),
            wants_authority: issues || sites.iter().any(|site| matches!(site.source, Source::Authority)),
            sites,
            acme,
        })
    }

    fn tls_site(&mut self, host: &Located<Host>, site: &raw::Site) -> Option<Site> {
        let names = std::iter::once(host).chain(&site.aliases).map(|host| certificate_name(host)).collect();
        let source = self.certificate_source(host, site)?;
        let tls = site.tls.as_ref();
        let clients =
            tls.and_then(|tls| tls.client_certificates.as_ref()).or(self.raw.tls.client_certificates.as_ref());
        let mut made = Site::new(names, source);
        if let Some(clients) = clients {
            made.clients = self.client_rule(clients)?;
        }
        let oldest = tls.and_then(|tls| tls.min_version).unwrap_or(self.raw.tls.min_version);
        made.versions = if oldest == TlsVersion::Tls13 { Versions::Tls13Only } else { Versions::Both };
        made.early_data = site.route.iter().any(|route| route.early_data.as_ref().is_some_and(|early| early.value));
        Some(made)
    }

    fn certificate_source(&mut self, host: &Located<Host>, site: &raw::Site) -> Option<Source> {
        let files = site.tls.as_ref().and_then(|tls| tls.cert.as_ref().zip(tls.key.as_ref()));
        let Some((cert, key)) = files else {
            let acme = self.raw.tls.issuer == Issuer::Acme;
            return Some(if acme { Source::Awaited } else { Source::Authority });
        };
        let chain = self.read(cert.as_path(), &cert.span)?;
        let private = self.read(key.as_path(), &key.span)?;
        let certificate = match Certificate::from_pem(&chain, &private) {
            Ok(certificate) => certificate,
            Err(error) => {
                let about_key = matches!(
                    error,
                    CertificateError::NoKey
                        | CertificateError::KeyEncrypted
                        | CertificateError::KeyMismatch
                        | CertificateError::KeyUnsupported(_)
                );
                let file = if about_key { key } else { cert };
                self.found.error(file.span.clone(), format!("{}: {error}", file.value), "");
                return None;
            }
        };
        self.certificate_suits(cert, &certificate, host, site);
        Some(Source::Loaded(vec![certificate]))
    }

    /// Nothing of this stops the start: clients will notice, and the operator should before them.
    fn certificate_suits(
        &mut self,
        cert: &Located<crate::config::words::FilePath>,
        certificate: &Certificate,
        host: &Located<Host>,
        site: &raw::Site,
    ) {
        if let Some(warning @ (Warning::Expired { .. } | Warning::NotYetValid { .. })) = certificate.warnings(self.now)
        {
            self.found.warning(cert.span.clone(), format!("{}: {warning}", cert.value), "");
        }
        for name in std::iter::once(host).chain(&site.aliases) {
            let example = name.to_string().replace('*', "www");
            if !certificate.covers(&example) {
                let message = format!("the certificate {} is not for `{}`", cert.value, name.value);
                self.found.warning(cert.span.clone(), message, "clients will refuse it");
            }
        }
    }

    fn client_rule(&mut self, clients: &Located<raw::ClientCertificates>) -> Option<ClientRule> {
        let mode = match clients.mode {
            raw::ClientRule::Require => ClientCertificates::Required,
            raw::ClientRule::Request => ClientCertificates::Optional,
        };
        let mut bundle = Vec::new();
        for ca in &clients.ca {
            bundle.extend(self.read(ca.as_path(), &ca.span)?);
            bundle.push(b'\n');
        }
        let rule = ClientRule::from_pem(mode, &bundle, None);
        rule.map_err(|error| self.found.error(clients.span.clone(), error.to_string(), "")).ok()
    }

    fn acme(&mut self, acme: &Located<raw::Acme>) -> Option<Acme> {
        let roots = match &acme.ca {
            Some(ca) => Some(self.read(ca.as_path(), &ca.span)?),
            None => None,
        };
        Some(Acme {
            directory: acme.directory.as_str().to_owned(),
            contact: acme.contact.iter().map(|contact| contact.value.clone()).collect(),
            agreed: acme.agree,
            ask: acme.ask.as_ref().map(|ask| ask.as_str().to_owned()),
            roots,
        })
    }
}

/// The names of a site that are issued for together: its hosts. Wildcards are left to dns-01, which is not spoken here.
fn issuable(site: &Site) -> Vec<CertificateName> {
    site.names.iter().filter(|name| matches!(name, CertificateName::Host(_))).cloned().collect()
}

fn certificate_name(host: &Host) -> CertificateName {
    match host {
        Host::Exact(name) => CertificateName::Host(name.clone()),
        Host::Wildcard(parent) => CertificateName::Wildcard(parent.clone()),
        Host::Ip(address) => CertificateName::Address(*address),
    }
}
