//! The client's side: how HTTPS upstreams and ACME directories are reached and checked. Built from the
//! checked configuration by `edgeway`'s wiring; used by [`crate::session::Session::connect`].

use std::sync::Arc;

use rustls::CertificateError::{BadEncoding, BadSignature};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SignatureVerificationAlgorithm, UnixTime,
};

use crate::certificate::{Certificate, reading};
use crate::clock::SharedClock;
use crate::error::CertificateError;
use crate::limits;
use crate::server::Versions;

/// How servers are checked and what they are offered.
#[derive(Clone, Debug, Default)]
pub struct ClientSettings {
    /// Which servers are believed.
    pub trust: Trust,
    /// Protocols offered, best first.
    pub alpn: Vec<Vec<u8>>,
    /// Shown to servers that ask for a client certificate.
    pub identity: Option<Certificate>,
    /// TLS versions offered.
    pub versions: Versions,
}

/// Which servers are believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those whose chain ends in one of these authorities, and who are called what we asked for.
    Authorities {
        /// Mozilla's list of public authorities (compiled in: the same on every machine).
        public: bool,
        /// The operator's own.
        extra: Vec<CertificateDer<'static>>,
        /// Certificates withdrawn by them.
        revoked: Vec<CertificateRevocationListDer<'static>>,
    },
    /// Anyone (`insecure = true`): the connection is encrypted, but to whom is not known. For machines that
    /// one reaches over a trusted wire and cannot give a certificate.
    Anyone,
}

impl Default for Trust {
    fn default() -> Self {
        Self::Authorities { public: true, extra: Vec::new(), revoked: Vec::new() }
    }
}

impl Trust {
    /// The authorities of a PEM bundle, and the public ones too if `public`.
    ///
    /// # Errors
    /// A bundle that is broken or empty.
    pub fn from_pem(public: bool, bundle: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::Authorities { public, extra: reading::certificates(bundle)?, revoked: Vec::new() })
    }
}

impl ClientSettings {
    /// The configuration for rustls. It remembers tickets of [`limits::CLIENT_SESSIONS_MAX`]
    /// servers, so build it once for each upstream and share it.
    ///
    /// # Errors
    /// Authorities that cannot be read, settings that rustls refuses.
    pub fn build(&self, clock: &SharedClock) -> Result<Arc<ClientConfig>, CertificateError> {
        let versions: &[_] = match self.versions {
            Versions::Both => &[&TLS13, &TLS12],
            Versions::Tls13Only => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_details(crate::provider(), Arc::new(clock.clone()))
            .with_protocol_versions(versions)
            .map_err(refused)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(self.trust.verifier()?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                Arc::clone(identity.certified_key()),
            ))),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config.resumption = Resumption::in_memory_sessions(limits::CLIENT_SESSIONS_MAX);
        Ok(Arc::new(config))
    }
}

impl Trust {
    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, CertificateError> {
        let Self::Authorities { public, extra, revoked } = self else {
            return Ok(Arc::new(AnyServer { provider: crate::provider() }));
        };
        let mut roots = RootCertStore::empty();
        if *public {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for authority in extra {
            roots.add(authority.clone()).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        }
        let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crate::provider())
            .with_crls(revoked.iter().cloned());
        if !revoked.is_empty() {
            builder = builder.only_check_end_entity_revocation().allow_unknown_revocation_status();
        }
        let verifier = builder.build().map_err(|error| CertificateError::BadConfiguration(error.to_string()))?;
        Ok(verifier)
    }
}

fn refused(error: rustls::Error) -> CertificateError {
    CertificateError::BadConfiguration(error.to_string())
}

/// Believes every certificate, but still asks the server to prove that it holds the key.
#[derive(Debug)]
struct AnyServer {
    provider: Arc<CryptoProvider>,
}

impl AnyServer {
    /// rustls's own check reads the whole certificate first, and refuses those an ACME server must look at: they
    /// carry a critical extension that only ACME knows (RFC 8737 §3). So only the key is read here.
    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let bad = |reason| rustls::Error::InvalidCertificate(reason);
        let parsed = reading::parse(certificate).map_err(|_| bad(BadEncoding))?;
        let key = parsed.public_key();
        let algorithms = self.provider.signature_verification_algorithms.mapping;
        let candidates =
            algorithms.iter().find(|(scheme, _)| *scheme == signed.scheme).map_or(&[][..], |(_, list)| list);
        // The identifier stands in the certificate as a SEQUENCE with its header; the algorithms know it without.
        let same_kind = |candidate: &&&dyn SignatureVerificationAlgorithm| {
            key.raw
                .windows(candidate.public_key_alg_id().len())
                .take(16)
                .any(|part| part == candidate.public_key_alg_id().as_ref())
        };
        let algorithm = candidates.iter().find(same_kind).ok_or_else(|| bad(BadSignature))?;
        algorithm
            .verify_signature(&key.subject_public_key.data, message, signed.signature())
            .map(|()| HandshakeSignatureValid::assertion())
            .map_err(|_| bad(BadSignature))
    }
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
