//! Looks at the machine that a name leads to, as an ACME server must before it signs (RFC 8555 §8.3, RFC 8737): with our own client, at
//! the port where only the machine's owner may answer. What was seen is judged by the machine, not here.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use edgeway_http::semantics::FieldName;
use edgeway_net::drive::outside::Outside;
use edgeway_net::drive::tls;
use edgeway_tls::acme::problem::Kind;
use edgeway_tls::acme::server::{Shown, Validation, Visit};
use edgeway_tls::certificate::CertificateName;
use edgeway_tls::client::{ClientSettings, Trust};
use edgeway_tls::server::ACME_TLS_PROTOCOL;
use edgeway_tls::{CertificateError, SharedClock};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use crate::fetch::{FetchError, Fetcher, Place, Request, dial};
use crate::limits::{FETCH_TIMEOUT, PROOF_BYTES_MAX, PROOF_REDIRECTS_MAX};

/// Where proofs are looked for: by HTTP (RFC 8555 §8.3) and by TLS (RFC 8737 §3).
pub const WEB_PORTS: (u16, u16) = (80, 443);

/// Makes visits.
pub struct Visitor {
    fetcher: Fetcher,
    outside: Rc<dyn Outside>,
    challenge: Arc<ClientConfig>,
    http_port: u16,
    tls_port: u16,
}

impl Visitor {
    /// A visitor that looks at these ports: 80 and 443, unless the network has others.
    ///
    /// # Errors
    /// Settings that TLS refuses.
    pub fn new(
        outside: Rc<dyn Outside>,
        clock: &SharedClock,
        http_port: u16,
        tls_port: u16,
    ) -> Result<Self, CertificateError> {
        // Whoever is visited has no certificate yet that anybody could believe.
        let settings = |protocol: &[u8]| {
            let alpn = vec![protocol.to_vec()];
            ClientSettings { trust: Trust::Anyone, alpn, ..ClientSettings::default() }.build(clock)
        };
        Ok(Self {
            fetcher: Fetcher::new(Rc::clone(&outside), settings(b"http/1.1")?),
            outside,
            challenge: settings(ACME_TLS_PROTOCOL)?,
            http_port,
            tls_port,
        })
    }

    /// Goes there and tells what it saw.
    pub async fn visit(&self, validation: &Validation) -> Shown {
        let seen = match &validation.visit {
            Visit::Http { path } => self.http(&validation.name, path).await,
            Visit::Tls { server_name } => self.tls(&validation.name, server_name).await,
        };
        seen.unwrap_or_else(|error| {
            let kind = match &error {
                FetchError::Name(_) => Kind::Dns,
                FetchError::Tls(_) => Kind::Tls,
                FetchError::Connection(_) | FetchError::Exchange(_) | FetchError::TooSlow => Kind::Connection,
            };
            Shown::Nothing(kind, format!("{}: {error}", validation.name))
        })
    }

    async fn http(&self, name: &CertificateName, path: &str) -> Result<Shown, FetchError> {
        let strange = |what: &str| FetchError::Exchange(what.to_owned());
        let host = match name {
            CertificateName::Address(IpAddr::V6(address)) => format!("[{address}]"),
            other => other.to_string(),
        };
        let port = if self.http_port == 80 { String::new() } else { format!(":{}", self.http_port) };
        let mut place = Place::parse(&format!("http://{host}{port}{path}")).ok_or_else(|| strange("it has no URL"))?;
        for _ in 0..=PROOF_REDIRECTS_MAX {
            let here = place.clone();
            let response = self.fetcher.fetch(Request::get(place, PROOF_BYTES_MAX)).await?;
            let status = response.status().code();
            let location = response.head.fields.get_str(FieldName::Location);
            let Some(location) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else {
                return Ok(Shown::Http { status, body: response.content.to_vec() });
            };
            // RFC 8555 §8.3 and §10.4: to the ports of the web alone, so that nobody sends us to other services.
            let next = here.join(location).filter(|next| self.is_of_the_web(next.port));
            place = next.ok_or_else(|| strange("it redirects to where proofs are not looked for"))?;
        }
        Err(strange("it redirects without end"))
    }

    const fn is_of_the_web(&self, port: u16) -> bool {
        port == 80 || port == 443 || port == self.http_port || port == self.tls_port
    }

    async fn tls(&self, name: &CertificateName, server_name: &str) -> Result<Shown, FetchError> {
        let looked = tokio::time::timeout(FETCH_TIMEOUT, self.look(name, server_name)).await;
        looked.unwrap_or(Err(FetchError::TooSlow))
    }

    async fn look(&self, name: &CertificateName, server_name: &str) -> Result<Shown, FetchError> {
        let transport = dial(&*self.outside, &name.to_string(), self.tls_port).await?;
        let no_name = |_| FetchError::Exchange("its name cannot be asked for".to_owned());
        let name = ServerName::try_from(server_name.to_owned()).map_err(no_name)?;
        let settings = tls::ClientSettings { config: Arc::clone(&self.challenge), name, identity: "".into() };
        let shown = tls::look(transport, &settings).await.map_err(FetchError::Tls)?;
        match shown.certificate {
            Some(certificate) => Ok(Shown::Tls { alpn: shown.alpn, certificate }),
            None => Err(FetchError::Exchange("it shows no certificate".to_owned())),
        }
    }
}
