//! Certificates that answer an ACME server's visit (tls-alpn-01, RFC 8737). The caller enters one
//! before it tells the ACME server to look, and takes it out after. Called by [`super::memory`] and
//! by the ACME client's driver.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, SanType};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::certificate::CertificateName;
use crate::error::CertificateError;
use crate::limits;

/// The protocol name by which an ACME server asks for a challenge certificate (RFC 8737 §4).
pub const ACME_TLS_PROTOCOL: &[u8] = b"acme-tls/1";

/// Makes the certificate that proves control of `name`: self-signed, for that name alone, with the
/// digest of the key authorization in a critical extension (RFC 8737 §3).
///
/// # Errors
/// [`CertificateError::BadName`].
pub fn challenge_certificate(
    name: &CertificateName,
    key_authorization: &str,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let wrong = || CertificateError::BadName(name.to_string());
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.subject_alt_names = vec![match name {
        CertificateName::Address(address) => SanType::IpAddress(*address),
        host => SanType::DnsName(host.to_string().try_into().map_err(|_| wrong())?),
    }];
    let expected = digest::digest(&digest::SHA256, key_authorization.as_bytes());
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(expected.as_ref())];
    let key = KeyPair::generate().map_err(|_| wrong())?;
    let certificate = parameters.self_signed(&key).map_err(|_| wrong())?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not through the usual check of the pair: it refuses the critical extension, as it should.
    let signer = crate::provider().key_provider.load_private_key(private).map_err(|_| wrong())?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
}

/// Challenge certificates by the name under which the ACME server will ask.
#[derive(Debug, Default)]
pub(super) struct Challenges {
    by_name: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Challenges {
    /// `false` when there are too many already.
    pub(super) fn insert(&self, name: &CertificateName, certificate: Arc<CertifiedKey>) -> bool {
        let mut table = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let key = reverse_name(name);
        if table.len() >= limits::CHALLENGES_MAX && !table.contains_key(&key) {
            return false;
        }
        table.insert(key, certificate);
        true
    }

    pub(super) fn remove(&self, name: &CertificateName) {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).remove(&reverse_name(name));
    }

    pub(super) fn get(&self, server_name: &str) -> Option<Arc<CertifiedKey>> {
        let table = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        table.get(&*super::names::normal(server_name)).cloned()
    }
}

/// The name in the ACME server's ClientHello: an address is asked for by its reverse name
/// (RFC 8738 §6), because server_name carries no addresses.
pub(crate) fn reverse_name(name: &CertificateName) -> String {
    match name {
        CertificateName::Address(std::net::IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        CertificateName::Address(std::net::IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
        host => host.to_string(),
    }
}
