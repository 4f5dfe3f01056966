//! What a file of users keeps instead of a password.

use argon2::password_hash::{PasswordHasher as _, SaltString, rand_core::OsRng};
use argon2::{Algorithm as ArgonAlgorithm, Argon2, Params, Version};
use edgeway_http::semantics::authentication::{Algorithm, digest_secret};

use super::Failure;
use crate::limits::{ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KB, BCRYPT_COST, BCRYPT_PASSWORD_BYTES_MAX};

/// The part of a line after the name: a hash, or a realm and H(A1).
pub(super) struct Secret(pub(super) String);

impl Secret {
    /// A PHC string of argon2id (RFC 9106).
    pub(super) fn argon2id(password: &str) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(format!("cannot hash the password: {error}"));
        let parameters =
            Params::new(ARGON2_MEMORY_KB, ARGON2_ITERATIONS, ARGON2_LANES, None).map_err(|error| failed(&error))?;
        let hasher = Argon2::new(ArgonAlgorithm::Argon2id, Version::V0x13, parameters);
        let salt = SaltString::generate(&mut OsRng);
        let hash = hasher.hash_password(password.as_bytes(), &salt).map_err(|error| failed(&error))?;
        Ok(Self(hash.to_string()))
    }

    /// A bcrypt hash in the form of htpasswd.
    pub(super) fn bcrypt(password: &str) -> Result<Self, Failure> {
        if password.len() > BCRYPT_PASSWORD_BYTES_MAX {
            let sentence = format!(
                "bcrypt looks at the first {BCRYPT_PASSWORD_BYTES_MAX} bytes of a password only, and this one is longer; \
                 leave out --bcrypt"
            );
            return Err(Failure::new(sentence));
        }
        let hash = bcrypt::hash(password, BCRYPT_COST);
        hash.map(Self).map_err(|error| Failure::new(format!("cannot hash the password: {error}")))
    }

    /// `realm:H(A1)` (RFC 7616 §3.4.2), as htdigest writes it.
    pub(super) fn digest(algorithm: Algorithm, name: &str, realm: &str, password: &str) -> Self {
        Self(format!("{realm}:{}", digest_secret(algorithm, name, realm, password)))
    }
}
