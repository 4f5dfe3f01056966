//! The file of users: who there is and how each proves it. Read when the configuration is checked and by `edgeway user`; asked by
//! `verification` and by the stage.
//!
//! One line for each secret, in the spirit of htpasswd and htdigest:
//!
//! ```text
//! ann:$argon2id$v=19$m=19456,t=2,p=1$...     Basic
//! bob:$2y$10$...                             Basic, bcrypt as `htpasswd -B` writes it
//! eve:the realm:939e7578ed9e3c518a452acee763bce9   Digest, H(user:realm:password), MD5 or SHA-256 by its length
//! ```

use std::collections::HashMap;
use std::fmt;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, SaltString};
use argon2::{Argon2, PasswordVerifier as _};
use edgeway_base::{Blame, Blamed, Entropy};
use edgeway_http::semantics::authentication::{Algorithm, digest_secret};

use super::limits::{ARGON2_MEMORY_MAX, BCRYPT_COST_MAX, USERS_MAX};

/// Everybody there is.
#[derive(Clone, Default)]
pub struct Users {
    passwords: HashMap<String, PasswordSecret>,
    /// By name, realm and hash function.
    digests: HashMap<(String, String, Algorithm), String>,
    /// Checked in the place of a user there is not, so that it takes as long.
    decoy: Option<PasswordSecret>,
}

impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Users({} passwords, {} digests)", self.passwords.len(), self.digests.len())
    }
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum PasswordSecret {
    Argon2id(String),
    Bcrypt(String),
}

/// A line of the file that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidUsers {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub sentence: String,
}

impl fmt::Display for InvalidUsers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.sentence)
    }
}

impl std::error::Error for InvalidUsers {}

impl Blamed for InvalidUsers {
    fn blame(&self) -> Blame {
        Blame::Operator
    }
}

impl Users {
    /// Reads a file's text. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that makes no sense, with its number.
    pub fn parse(text: &str) -> Result<Self, InvalidUsers> {
        let mut users = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                users.add(line).map_err(|sentence| InvalidUsers { line: index + 1, sentence })?;
            }
        }
        Ok(users)
    }

    /// Whether nobody can get in.
    pub fn is_empty(&self) -> bool {
        self.passwords.is_empty() && self.digests.is_empty()
    }

    /// Whether somebody can get in by Basic.
    pub fn has_passwords(&self) -> bool {
        !self.passwords.is_empty()
    }

    /// Whether somebody can get in by Digest with this realm and hash function.
    pub fn has_digests(&self, realm: &str, algorithm: Algorithm) -> bool {
        self.digests.keys().any(|(_, of, by)| of == realm && *by == algorithm)
    }

    /// What proves a user by Basic, and whether there is such a user. Without one, a secret to waste the same time on.
    pub(super) fn password(&self, user: &str) -> (Option<&PasswordSecret>, bool) {
        match self.passwords.get(user) {
            Some(secret) => (Some(secret), true),
            None => (self.decoy.as_ref(), false),
        }
    }

    /// H(A1) of a user by Digest.
    pub(super) fn digest(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<&str> {
        self.digests.get(&(user.to_owned(), realm.to_owned(), algorithm)).map(String::as_str)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (user, secret) = line.split_once(':').ok_or("expected \"name:hash\"")?;
        if user.is_empty() || user.chars().any(char::is_control) {
            return Err("a user's name is not empty and has no control characters".to_owned());
        }
        if self.passwords.len() + self.digests.len() == USERS_MAX {
            return Err(format!("more than {USERS_MAX} users"));
        }
        if secret.starts_with('$') {
            let secret = PasswordSecret::parse(user, secret)?;
            self.decoy.get_or_insert_with(|| secret.clone());
            return match self.passwords.insert(user.to_owned(), secret) {
                None => Ok(()),
                Some(_) => Err(format!("\"{user}\" has a password on an earlier line")),
            };
        }
        let (realm, hash) = secret.rsplit_once(':').ok_or_else(|| unknown_kind(user))?;
        let algorithm = [Algorithm::Sha256, Algorithm::Md5]
            .into_iter()
            .find(|algorithm| algorithm.digits() == hash.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(|| unknown_kind(user))?;
        match self.digests.insert((user.to_owned(), realm.to_owned(), algorithm), hash.to_ascii_lowercase()) {
            None => Ok(()),
            Some(_) => Err(format!("\"{user}\" has a {} digest for \"{realm}\" on an earlier line", algorithm.name())),
        }
    }
}

fn unknown_kind(user: &str) -> String {
    format!(
        "the hash of \"{user}\" is of a kind that is not taken here: expected argon2id ($argon2id$...), bcrypt ($2y$...) or \
         realm:digest; write it anew with \"edgeway user add\""
    )
}

impl PasswordSecret {
    fn parse(user: &str, text: &str) -> Result<Self, String> {
        if text.starts_with("$argon2id$") {
            let hash = PasswordHash::new(text).map_err(|error| format!("the hash of \"{user}\" is broken: {error}"))?;
            let parameters = argon2::Params::try_from(&hash)
                .map_err(|error| format!("the hash of \"{user}\" is broken: {error}"))?;
            if parameters.m_cost() > ARGON2_MEMORY_MAX || hash.hash.is_none() {
                return Err(format!(
                    "the hash of \"{user}\" asks for more than {ARGON2_MEMORY_MAX} KiB, or is cut short"
                ));
            }
            return Ok(Self::Argon2id(text.to_owned()));
        }
        if let Some(rest) = ["$2y$", "$2b$", "$2a$"].iter().find_map(|kind| text.strip_prefix(kind)) {
            let cost = rest.get(..2).and_then(|cost| cost.parse::<u32>().ok());
            let whole = text.len() == 60 && text.is_ascii();
            return match cost {
                Some(4..=BCRYPT_COST_MAX) if whole => Ok(Self::Bcrypt(text.to_owned())),
                _ => Err(format!("the hash of \"{user}\" is cut short, or its cost is not 4 to {BCRYPT_COST_MAX}")),
            };
        }
        Err(unknown_kind(user))
    }

    /// Whether `password` is the one. Slow on purpose: never on a worker's thread.
    pub(super) fn is_proven_by(&self, password: &str) -> bool {
        match self {
            Self::Argon2id(text) => PasswordHash::new(text)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
        }
    }
}

/// A line for the file: the password under argon2id with the parameters OWASP advises (19 MiB, 2 passes, 1 lane). Takes tens
/// of milliseconds.
///
/// # Errors
/// A name or password that no line can hold, as a sentence.
pub fn password_line(user: &str, password: &str, chance: &mut dyn Entropy) -> Result<String, String> {
    check_name(user)?;
    let mut salt = [0; 16];
    chance.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(format!("{user}:{hash}"))
}

/// A line for the file by which the user proves a password by Digest.
///
/// # Errors
/// A name or realm that no line can hold, as a sentence.
pub fn digest_line(user: &str, realm: &str, password: &str, algorithm: Algorithm) -> Result<String, String> {
    check_name(user)?;
    if realm.contains(':') || realm.chars().any(char::is_control) {
        return Err("a realm has no colon and no control characters".to_owned());
    }
    Ok(format!("{user}:{realm}:{}", digest_secret(algorithm, user, realm, password)))
}

/// RFC 7617 §2: a user's name has no colon.
fn check_name(user: &str) -> Result<(), String> {
    if user.is_empty()
        || user.starts_with('#')
        || user.chars().any(|character| character == ':' || character.is_control())
    {
        return Err(
            "a user's name is not empty, does not begin with \"#\", and has no colon or control characters".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;

    #[test]
    fn lines_written_are_lines_read() {
        let mut chance = SeededEntropy::new(1);
        let lines = [
            password_line("ann", "p\u{e4}ss:word", &mut chance).unwrap(),
            digest_line("eve", "the realm", "secret", Algorithm::Sha256).unwrap(),
            digest_line("eve", "the realm", "secret", Algorithm::Md5).unwrap(),
            "# a remark".to_owned(),
            String::new(),
            "bob:$2y$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm".to_owned(),
        ];
        let users = Users::parse(&lines.join("\n")).unwrap();
        let (secret, known) = users.password("ann");
        assert!(known && secret.unwrap().is_proven_by("p\u{e4}ss:word"));
        assert!(!secret.unwrap().is_proven_by("wrong"));
        assert!(matches!(users.password("nobody"), (Some(_), false)), "a decoy for the same time");
        assert!(users.has_digests("the realm", Algorithm::Md5) && !users.has_digests("other", Algorithm::Md5));
        assert_eq!(users.digest("eve", "the realm", Algorithm::Sha256).unwrap().len(), 64);
    }

    #[test]
    fn lines_that_make_no_sense_are_named() {
        for (text, line, part) in [
            ("ann", 1, "name:hash"),
            ("\n\nann:plain", 3, "edgeway user add"),
            ("ann:$apr1$x$y", 1, "edgeway user add"),
            ("ann:{SHA}x", 1, "edgeway user add"),
            (":$2y$10$x", 1, "name"),
            ("ann:$2y$31$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm", 1, "cost"),
            ("ann:$2y$10$short", 1, "cut short"),
            ("ann:$argon2id$rubbish", 1, "cut short"),
            ("ann:$argon2id$v=19$m=x", 1, "broken"),
            ("ann:$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", 1, "KiB"),
            ("eve:r:0123", 1, "edgeway user add"),
            ("eve:r:939e7578ed9e3c518a452acee763bce9\neve:r:939e7578ed9e3c518a452acee763bce9", 2, "earlier"),
        ] {
            let error = Users::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.sentence.contains(part), "{text}: {error}");
        }
        assert!(password_line("a:b", "x", &mut SeededEntropy::new(1)).is_err());
        assert!(Users::parse("").unwrap().is_empty());
    }
}
