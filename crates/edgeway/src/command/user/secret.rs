//! What a file of users keeps instead of a password. The lines that the stage `admit` reads are written by its own
//! house; here is what only other servers' files need, and what a person may type.

use edgeway_base::World as _;
use edgeway_http::semantics::authentication::Algorithm;
use edgeway_net::os::Kernel;
use edgeway_serve::stages::admit::users::{digest_line, password_line};

use super::Failure;
use crate::limits::{BCRYPT_COST, BCRYPT_PASSWORD_BYTES_MAX};

/// A line for `name`, with the password under argon2id.
pub(super) fn argon2id(name: &str, password: &str) -> Result<String, Failure> {
    let mut chance = Kernel::new().entropy();
    password_line(name, password, &mut *chance).map_err(Failure::new)
}

/// A line for `name`, with the password under bcrypt, in the form of htpasswd.
pub(super) fn bcrypt(name: &str, password: &str) -> Result<String, Failure> {
    if password.len() > BCRYPT_PASSWORD_BYTES_MAX {
        return Err(Failure::new(format!(
            "bcrypt looks at the first {BCRYPT_PASSWORD_BYTES_MAX} bytes of a password only, and this one is longer; \
             leave out --bcrypt"
        )));
    }
    let hash = bcrypt::hash(password, BCRYPT_COST);
    hash.map(|hash| format!("{name}:{hash}"))
        .map_err(|error| Failure::new(format!("cannot hash the password: {error}")))
}

/// A line for `name` and `realm`, as htdigest writes it.
pub(super) fn digest(algorithm: Algorithm, name: &str, realm: &str, password: &str) -> Result<String, Failure> {
    digest_line(name, realm, password, algorithm).map_err(Failure::new)
}
