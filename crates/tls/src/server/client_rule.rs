//! Which clients must show a certificate, and whose. Called by [`super::front`]; hands a verifier
//! to rustls and an identity ([`RuleId`]) to the ticket keys, so that a session made under one
//! rule is never resumed under another.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::certificate::reading;
use crate::error::CertificateError;

/// Whether client certificates are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientCertificates {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for; a client without one is served too, one with a bad one is not.
    Optional,
    /// No certificate, no session.
    Required,
}

/// A site's rule for client certificates. Equal rules share tickets and sessions; different ones
/// never do.
#[derive(Clone, Debug, Default)]
pub struct ClientRule {
    mode: ClientCertificates,
    roots: Vec<CertificateDer<'static>>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// The identity of a rule: a digest of all that decides who is let in.
#[derive(Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RuleId(pub [u8; 32]);

impl RuleId {
    /// The rule of sites that ask for no client certificate.
    pub const NONE: Self = Self([0; 32]);
}

impl ClientRule {
    /// Reads a rule: the authorities whose clients are let in, and their revocation lists, if any,
    /// each as PEM text.
    ///
    /// # Errors
    /// Unreadable bundles and lists, and lists that do not suit the bundle.
    pub fn from_pem(
        mode: ClientCertificates,
        authorities: &[u8],
        revocation_lists: Option<&[u8]>,
    ) -> Result<Self, CertificateError> {
        let roots = reading::certificates(authorities)?;
        let revoked = revocation_lists.map(reading::revocation_lists).transpose()?.unwrap_or_default();
        let rule = Self { mode, roots, revoked };
        rule.verifier()?;
        Ok(rule)
    }

    /// Whether certificates are asked for.
    pub fn mode(&self) -> ClientCertificates {
        self.mode
    }

    /// The rule's identity.
    pub fn id(&self) -> RuleId {
        if self.mode == ClientCertificates::Off {
            return RuleId::NONE;
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&[self.mode as u8]);
        for (kind, der) in
            self.roots.iter().map(|der| (1, der.as_ref())).chain(self.revoked.iter().map(|der| (2, der.as_ref())))
        {
            hash.update(&[kind]);
            hash.update(&(der.len() as u64).to_be_bytes());
            hash.update(der);
        }
        let mut id = [0; 32];
        id.copy_from_slice(hash.finish().as_ref());
        RuleId(id)
    }

    /// What rustls asks about each client.
    pub(super) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
        if self.mode == ClientCertificates::Off {
            return Ok(WebPkiClientVerifier::no_client_auth());
        }
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            store.add(root.clone()).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), crate::provider())
            .with_crls(self.revoked.iter().cloned());
        if !self.revoked.is_empty() {
            // Operators hold lists of the authority that signs clients, seldom of its parents. A
            // list past its nextUpdate says nothing about today, so it lets nobody in (RFC 5280 §6.3).
            builder = builder.only_check_end_entity_revocation().enforce_revocation_expiration();
        }
        if self.mode == ClientCertificates::Optional {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| CertificateError::BadRevocationList(error.to_string()))
    }
}
