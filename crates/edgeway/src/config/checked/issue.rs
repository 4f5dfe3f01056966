//! `issue`, made ready: what may be issued, and a place for the server that the control thread puts there once the authority
//! is at hand. Workers answer with it; see [`crate::run::issuing`] for what it does by itself.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use edgeway_tls::CertificateError;
use edgeway_tls::acme::server::{Server, ServerSettings};
use edgeway_tls::authority::Authority;
use edgeway_tls::certificate::CertificateName;
use tokio::sync::mpsc::UnboundedSender;

use super::Making;
use crate::config::raw;
use crate::config::read::Located;
use crate::config::words::Host;

/// What a route issues.
pub struct Issue {
    /// The URL under which clients reach it, without a final slash.
    pub base: String,
    /// The route's path, without a final slash.
    pub path: String,
    names: Vec<Host>,
    lifetime: Duration,
    server: OnceLock<(Mutex<Server>, UnboundedSender<Arc<Self>>)>,
}

impl fmt::Debug for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issue").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Issue {
    /// Begins to issue, going on from what an earlier server `exported`. `errands` is told when there are visits to make or
    /// changes to store.
    ///
    /// # Errors
    /// When `exported` is no export of such a server.
    pub fn open(
        &self,
        authority: Arc<Authority>,
        exported: Option<&[u8]>,
        errands: UnboundedSender<Arc<Self>>,
    ) -> Result<(), CertificateError> {
        let names = self.names.clone();
        let settings = ServerSettings {
            base: self.base.clone(),
            authority,
            allowed: Arc::new(move |name: &CertificateName| names.iter().any(|own| allows(own, name))),
            lifetime: self.lifetime,
            external_accounts: std::collections::HashMap::new(),
            terms_of_service: None,
        };
        let server = match exported {
            Some(exported) => Server::restore(settings, exported)?,
            None => Server::new(settings),
        };
        // A second opening would forget what the first has promised to clients.
        let _ = self.server.set((Mutex::new(server), errands));
        Ok(())
    }

    /// The server, and who does its errands; `None` before it is opened.
    pub fn server(&self) -> Option<(MutexGuard<'_, Server>, &UnboundedSender<Arc<Self>>)> {
        let (server, errands) = self.server.get()?;
        Some((server.lock().unwrap_or_else(PoisonError::into_inner), errands))
    }
}

fn allows(own: &Host, name: &CertificateName) -> bool {
    match name {
        CertificateName::Host(host) => own.matches(host),
        // A certificate for all names of a domain only where all of them are allowed.
        CertificateName::Wildcard(domain) => {
            matches!(own, Host::Wildcard(parent) if parent == domain || own.matches(domain))
        }
        CertificateName::Address(address) => matches!(own, Host::Ip(own) if own == address),
    }
}

impl Making<'_> {
    pub(super) fn issue(
        &self,
        route: &raw::Route,
        issue: &Located<raw::Issue>,
        host: &Host,
        port: Option<u16>,
    ) -> Arc<Issue> {
        let path = route.path.first().map_or("", |path| path.as_str()).trim_end_matches('*').trim_end_matches('/');
        let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
        Arc::new(Issue {
            base: format!("https://{host}{port}{path}"),
            path: path.to_owned(),
            names: issue.names.iter().map(|name| name.value.clone()).collect(),
            lifetime: issue.lifetime.0,
            server: OnceLock::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_listed_are_issued_for() {
        for (own, name, allowed) in [
            ("*.lan", "printer.lan", true),
            ("*.lan", "a.b.lan", true),
            ("*.lan", "*.lan", true),
            ("*.lan", "*.b.lan", true),
            ("*.lan", "lan", false),
            ("*.lan", "printer.lan.example", false),
            ("printer.lan", "printer.lan", true),
            ("printer.lan", "*.printer.lan", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("*.lan", "192.0.2.7", false),
        ] {
            let (host, asked): (Host, CertificateName) = (own.parse().unwrap(), name.parse().unwrap());
            assert_eq!(allows(&host, &asked), allowed, "{own} {name}");
        }
    }
}
