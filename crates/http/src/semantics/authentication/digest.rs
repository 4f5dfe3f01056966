//! Digest (RFC 7616) with SHA-256 and MD5, qop=auth: the password is proven and never sent. The session variants, auth-int
//! and user name hashing are not offered; credentials that use what was not offered are refused, so nobody can
//! talk us down to RFC 2069.

use std::fmt::{self, Write as _};

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{constant_time_eq, parse_parameters, quote, split_scheme};
use crate::semantics::percent;

/// A hash function for Digest (RFC 7616 §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// `SHA-256`.
    Sha256,
    /// `MD5`: for clients that know nothing else.
    Md5,
}

impl Algorithm {
    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// How many hexadecimal digits its hash has.
    pub const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Md5 => 32,
        }
    }

    /// The hash of `parts` joined by colons, in lower-case hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        let joined = parts.join(":");
        match self {
            Self::Sha256 => hexadecimal(&Sha256::digest(joined)),
            Self::Md5 => hexadecimal(&Md5::digest(joined)),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// H(A1), what a file of users keeps instead of the password (RFC 7616 §3.4.2): hash of `user:realm:password`.
pub fn digest_secret(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[user, realm, password])
}

/// Why Digest credentials are refused, before any password is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestRefusal {
    /// Another scheme.
    OtherScheme,
    /// Broken, or a parameter is missing or there twice: answered 400 (RFC 7616 §3.4).
    Malformed,
    /// An algorithm, quality of protection or user name form that was not offered.
    NotOffered,
}

impl fmt::Display for DigestRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OtherScheme => "the credentials are of another scheme than Digest",
            Self::Malformed => "the Digest credentials are broken",
            Self::NotOffered => "the Digest credentials use what was not offered",
        })
    }
}

impl std::error::Error for DigestRefusal {}

/// What a client sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigestCredentials {
    /// The user's name.
    pub user: String,
    /// The realm it was told.
    pub realm: String,
    /// The nonce it was told.
    pub nonce: String,
    /// The target it signed.
    pub uri: String,
    /// How often it used the nonce, this time included.
    pub count: u32,
    /// Its own chance.
    pub client_nonce: String,
    /// The hash function it used.
    pub algorithm: Algorithm,
    count_text: String,
    response: String,
}

impl DigestCredentials {
    /// Reads an Authorization value.
    pub fn parse(value: &[u8]) -> Result<Self, DigestRefusal> {
        let text = str::from_utf8(value).map_err(|_| DigestRefusal::Malformed)?;
        let (scheme, rest) = split_scheme(text);
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(DigestRefusal::OtherScheme);
        }
        let parameters = parse_parameters(rest).ok_or(DigestRefusal::Malformed)?;
        let get = |name: &str| {
            parameters.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
        };
        let need = |name: &str| get(name).map(str::to_owned).ok_or(DigestRefusal::Malformed);
        // RFC 7616 §3.4: without algorithm it is MD5; without qop it is RFC 2069, which has no counts.
        let algorithm = [Algorithm::Sha256, Algorithm::Md5]
            .into_iter()
            .find(|algorithm| get("algorithm").unwrap_or("MD5").eq_ignore_ascii_case(algorithm.name()))
            .ok_or(DigestRefusal::NotOffered)?;
        if get("qop") != Some("auth") || get("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(DigestRefusal::NotOffered);
        }
        let user = user_name(get("username"), get("username*")).ok_or(DigestRefusal::Malformed)?;
        let count_text = need("nc")?;
        let count = parse_count(&count_text).ok_or(DigestRefusal::Malformed)?;
        Ok(Self {
            user,
            realm: need("realm")?,
            nonce: need("nonce")?,
            uri: need("uri")?,
            count,
            client_nonce: need("cnonce")?,
            algorithm,
            count_text,
            response: need("response")?,
        })
    }

    /// Whether the response proves `secret` (see [`digest_secret`]) for this method and target. `target` is the target
    /// as it came, query included. In constant time.
    ///
    /// # What is compared
    /// RFC 7616 §3.4.6: the uri has to be the target, or a response for one resource would open another.
    pub fn proves(&self, secret: &str, method: &str, target: &str) -> bool {
        let expected = self.response_for(secret, method);
        let response_agrees = constant_time_eq(expected.as_bytes(), self.response.to_ascii_lowercase().as_bytes());
        response_agrees & (self.uri == target || absolute_form_of(&self.uri, target))
    }

    /// RFC 7616 §3.4.1.
    fn response_for(&self, secret: &str, method: &str) -> String {
        let second = self.algorithm.hash(&[method, &self.uri]);
        self.algorithm.hash(&[secret, &self.nonce, &self.count_text, &self.client_nonce, "auth", &second])
    }
}

/// RFC 7616 §3.4: `username`, or `username*` in the encoding of RFC 8187 for names beyond ASCII; never both.
fn user_name(plain: Option<&str>, extended: Option<&str>) -> Option<String> {
    match (plain, extended) {
        (Some(name), None) => Some(name.to_owned()),
        (None, Some(value)) => {
            let (charset, rest) = value.split_once('\'')?;
            let (_language, encoded) = rest.split_once('\'')?;
            let bytes = percent::decode(encoded.as_bytes()).filter(|_| charset.eq_ignore_ascii_case("UTF-8"))?;
            String::from_utf8(bytes).ok()
        }
        _ => None,
    }
}

/// Exactly eight hexadecimal digits (RFC 7616 §3.4).
fn parse_count(text: &str) -> Option<u32> {
    (text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u32::from_str_radix(text, 16).ok())?
}

/// Whether `uri` is `http://host` or `https://host` and then the target.
fn absolute_form_of(uri: &str, target: &str) -> bool {
    let rest = ["http://", "https://"].iter().find_map(|scheme| uri.strip_prefix(scheme));
    rest.and_then(|rest| rest.find('/').map(|slash| &rest[slash..])) == Some(target)
}

/// One WWW-Authenticate value (RFC 7616 §3.3); send one for each algorithm, the one preferred first.
pub fn digest_challenge(algorithm: Algorithm, realm: &str, nonce: &str, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    format!(
        "Digest realm={}, qop=\"auth\", algorithm={}, nonce=\"{nonce}\", charset=UTF-8, userhash=false{stale}",
        quote(realm),
        algorithm.name()
    )
}

/// The Authentication-Info value (RFC 7616 §3.5) by which the server proves that it knows the secret, too.
pub fn authentication_info(credentials: &DigestCredentials, secret: &str) -> String {
    format!(
        "qop=auth, rspauth=\"{}\", cnonce={}, nc={}",
        credentials.response_for(secret, ""),
        quote(&credentials.client_nonce),
        credentials.count_text
    )
}
