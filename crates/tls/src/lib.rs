//! TLS as policy: which certificate answers which name, who signs it, who may present one, how
//! long a session may be resumed, and what an idle connection may cost. The protocol itself is
//! rustls's, with aws-lc-rs beneath; nobody should write a TLS.
//!
//! Everything here is a machine or a value: files are read and written by callers, who hand bytes
//! in; the calendar comes in through [`SharedClock`]; sockets are `edgeway-net`'s.
//!
//! Read in this order: [`certificate`] (a chain and its key, from PEM), [`authority`] (our own
//! authority: root, leaves, signed requests), [`server`] (names to certificates, client rules,
//! tickets, and the choice made for each ClientHello), [`client`] (HTTPS upstreams), [`session`]
//! (the record layer as the drivers use it), and [`acme`] (RFC 8555 from both sides).
//! [`limits`] lists every bound, [`error`] every way to fail.

pub mod acme;
pub mod authority;
pub mod certificate;
pub mod client;
pub mod clock;
pub mod error;
pub mod limits;
pub mod server;
pub mod session;

#[cfg(test)]
mod testing;

// The types of theirs that stand in our interfaces, in the version we were built with.
pub use rustls;
pub use rustls_pki_types::{CertificateDer, ServerName};

pub use clock::SharedClock;
pub use error::{CertificateError, SessionError};

use std::sync::{Arc, LazyLock};

use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;

/// The one cryptographic provider of the process: aws-lc-rs with its post-quantum hybrid first.
///
/// Handed to every builder explicitly, so that no other code's process-wide default can change it.
/// Suites stand in the order of their cost on machines with AES instructions: 128-bit AES before
/// 256-bit, not for the cipher but for its hash, since processors have instructions for SHA-256 and not
/// for SHA-384, and a handshake hashes a great deal (a tenth of its time here).
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // A stable sort: 1.3 stays before 1.2.
        provider.cipher_suites.sort_by_key(|suite| {
            let tls12 = suite.tls13().is_none();
            (tls12, is_chacha(suite.suite()), is_aes_256(suite.suite()))
        });
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}

fn is_aes_256(suite: CipherSuite) -> bool {
    use CipherSuite as S;
    matches!(
        suite,
        S::TLS13_AES_256_GCM_SHA384
            | S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    )
}

/// Whether the suite is one that machines without AES instructions prefer.
fn is_chacha(suite: CipherSuite) -> bool {
    use CipherSuite as S;
    matches!(
        suite,
        S::TLS13_CHACHA20_POLY1305_SHA256
            | S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | S::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}
