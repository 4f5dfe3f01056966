//! The TLS client of the special loads: TLS 1.3 only, one known authority, no resumption.
//! Called by [`crate::handshake`] and [`crate::idle`].

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::io::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// A configuration that makes every connection pay for a whole handshake.
///
/// X25519 is the only group offered: it is the one that all servers under test know, so each does the same work.
/// (With the post-quantum hybrid on offer, a newer library would be charged for being newer.)
pub(crate) fn client_config(authority: &Path) -> Result<Arc<ClientConfig>> {
    let certificate = CertificateDer::from_pem_file(authority).map_err(Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(Error::other)?;
    let provider = CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519], ..aws_lc_rs::default_provider() };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
