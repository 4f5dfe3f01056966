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
//! (the record layer as the drivers use it).
//! [`limits`] lists every bound, [`error`] every way to fail.

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

pub use clock::SharedClock;
pub use error::{CertificateError, SessionError};

use std::sync::{Arc, LazyLock};

/// The one cryptographic provider of the process: aws-lc-rs with its post-quantum hybrid first.
///
/// Handed to every builder explicitly, so that no other code's process-wide default can change it.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    static PROVIDER: LazyLock<Arc<rustls::crypto::CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
