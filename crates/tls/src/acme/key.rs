//! An account's key: ECDSA P-256, kept by the caller as PEM. Called by [`super::client`].

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::jws::Jwk;
use crate::authority::pem_block;
use crate::error::CertificateError;

/// The key that signs an account's requests. Whoever has it can get certificates for all names the
/// account has proved, so store it readable by its owner alone.
pub struct AccountKey {
    pair: EcdsaKeyPair,
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AccountKey").field(&self.jwk().thumbprint()).finish()
    }
}

impl AccountKey {
    /// A new key.
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .expect("making a key fails only without a random source, which the kernel has once the process runs");
        Self { pair }
    }

    /// Reads a key that [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// [`CertificateError::NoKey`], [`CertificateError::KeyUnsupported`].
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|_| CertificateError::NoKey)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der())
            .map_err(|error| CertificateError::KeyUnsupported(error.to_string()))?;
        Ok(Self { pair })
    }

    /// As PKCS#8 PEM.
    pub fn to_pem(&self) -> String {
        let pkcs8 = self.pair.to_pkcs8v1().expect("a key that was made or read can be written");
        pem_block("PRIVATE KEY", pkcs8.as_ref())
    }

    /// The public half.
    pub fn jwk(&self) -> Jwk {
        // Uncompressed point: 4, x, y (SEC 1 §2.3.3).
        let point = self.pair.public_key().as_ref();
        Jwk::p256(&point[1..33], &point[33..65])
    }

    /// r and s, 32 bytes each (RFC 7518 §3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let signature = self.pair.sign(&random, message).expect("signing fails only without a random source");
        signature.as_ref().to_vec()
    }
}
