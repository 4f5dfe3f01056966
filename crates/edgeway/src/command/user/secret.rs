//! The lines of a file of users, as the stage `admit` reads them: what is kept instead of a password.

use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm as Variant, Argon2, Params, Version};
use edgeway_base::World as _;
use edgeway_http::semantics::authentication::{Algorithm, digest_secret};
use edgeway_net::os::Kernel;

use super::Failure;
use crate::limits::{
    ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KB, ARGON2_SALT_BYTES, BCRYPT_COST, BCRYPT_PASSWORD_BYTES_MAX,
};

/// A line for `name`, with the password under argon2id as a PHC string (RFC 9106).
pub(super) fn argon2id(name: &str, password: &str) -> Result<String, Failure> {
    let parameters = Params::new(ARGON2_MEMORY_KB, ARGON2_ITERATIONS, ARGON2_LANES, None).map_err(unhashed)?;
    let mut salt = [0; ARGON2_SALT_BYTES];
    Kernel::new().entropy().fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(unhashed)?;
    let hasher = Argon2::new(Variant::Argon2id, Version::V0x13, parameters);
    let hash = hasher.hash_password(password.as_bytes(), &salt).map_err(unhashed)?;
    Ok(format!("{name}:{hash}"))
}

/// A line for `name`, with the password under bcrypt, in the form of htpasswd.
pub(super) fn bcrypt(name: &str, password: &str) -> Result<String, Failure> {
    if password.len() > BCRYPT_PASSWORD_BYTES_MAX {
        return Err(Failure::new(format!(
            "bcrypt looks at the first {BCRYPT_PASSWORD_BYTES_MAX} bytes of a password only, and this one is longer; \
             leave out --bcrypt"
        )));
    }
    let hash = bcrypt::hash(password, BCRYPT_COST).map_err(unhashed)?;
    Ok(format!("{name}:{hash}"))
}

/// A line for `name` and `realm` with H(A1) (RFC 7616 §3.4.2), as htdigest writes it.
pub(super) fn digest(algorithm: Algorithm, name: &str, realm: &str, password: &str) -> String {
    format!("{name}:{realm}:{}", digest_secret(algorithm, name, realm, password))
}

fn unhashed(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("cannot hash the password: {error}"))
}

#[cfg(test)]
mod tests {
    use edgeway_serve::stages::admit::users::Users;

    use super::*;

    #[test]
    fn the_stage_reads_what_is_written_here() {
        let text = [
            argon2id("anna", "secret").unwrap(),
            digest(Algorithm::Sha256, "anna", "home", "secret"),
            digest(Algorithm::Md5, "anna", "home", "secret"),
        ];
        let users = Users::parse(&text.join("\n")).unwrap();
        assert!(users.has_passwords() && users.has_digests("home", Algorithm::Md5));
        assert!(users.has_digests("home", Algorithm::Sha256));
        let said = bcrypt("anna", &"x".repeat(73)).unwrap_err().to_string();
        assert!(said.contains("first 72 bytes"), "{said}");
    }
}
