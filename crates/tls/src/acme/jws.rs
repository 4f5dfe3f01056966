//! Signed requests (JWS, RFC 7515, in ACME's narrow form, RFC 8555 §6.2): flattened JSON, one signature,
//! everything in the protected header. Made by [`super::client`], taken apart and checked by
//! [`super::server`].

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::key::AccountKey;
use super::problem::{Kind, Problem};
use crate::limits;

/// Algorithms accepted: those of RFC 8555 §6.2 and what certbot and its like use.
pub const ALGORITHMS: [&str; 4] = ["ES256", "ES384", "EdDSA", "RS256"];

/// base64url without padding, as JOSE wants it (RFC 7515 §2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of base64url text without padding.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A public key (RFC 7517). Members that do not matter here are passed over.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// A point on a curve.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256` or `P-384`.
        crv: String,
        /// Abscissa, base64url.
        x: String,
        /// Ordinate, base64url.
        y: String,
    },
    /// An Edwards point.
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The point, base64url.
        x: String,
    },
    /// A modulus with its exponent.
    #[serde(rename = "RSA")]
    Rsa {
        /// Exponent, base64url.
        e: String,
        /// Modulus, base64url.
        n: String,
    },
}

impl Jwk {
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Self {
        Self::Ec { crv: "P-256".to_owned(), x: encode(x), y: encode(y) }
    }

    /// The key's digest (RFC 7638), base64url: half of every key authorization.
    pub fn thumbprint(&self) -> String {
        // RFC 7638 §3: required members alone, in order of their names, without spaces.
        let text = match self {
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { e, n } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        encode(digest(&SHA256, text.as_bytes()))
    }

    /// Refuses keys that are weak, malformed, or of a kind not supported.
    pub fn check(&self) -> Result<(), Problem> {
        let lengths_fit = match self {
            Self::Ec { crv, x, y } => {
                let length = match crv.as_str() {
                    "P-256" => 32,
                    "P-384" => 48,
                    _ => return Err(bad_key(format!("the curve {crv:.20} is not supported"))),
                };
                member(x)?.len() == length && member(y)?.len() == length
            }
            Self::Okp { crv, x } if crv == "Ed25519" => member(x)?.len() == 32,
            Self::Okp { crv, .. } => return Err(bad_key(format!("the curve {crv:.20} is not supported"))),
            Self::Rsa { e, n } => return check_rsa(&member(e)?, &member(n)?),
        };
        if lengths_fit { Ok(()) } else { Err(bad_key("the key's numbers have the wrong length")) }
    }

    /// The key as it stands inside an X.509 SubjectPublicKeyInfo, to recognise it there.
    pub(super) fn raw(&self) -> Vec<u8> {
        let bytes = |text| decode(text).unwrap_or_default();
        match self {
            Self::Ec { x, y, .. } => [&[4][..], &bytes(x), &bytes(y)].concat(),
            Self::Okp { x, .. } => bytes(x),
            Self::Rsa { n, .. } => bytes(n),
        }
    }

    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<(), Problem> {
        let raw = self.raw();
        let check =
            |with: &'static dyn VerificationAlgorithm| UnparsedPublicKey::new(with, &raw).verify(message, signature);
        let result = match (self, algorithm) {
            (Self::Ec { crv, .. }, "ES256") if crv == "P-256" => check(&ECDSA_P256_SHA256_FIXED),
            (Self::Ec { crv, .. }, "ES384") if crv == "P-384" => check(&ECDSA_P384_SHA384_FIXED),
            (Self::Okp { .. }, "EdDSA") => check(&ED25519),
            (Self::Rsa { e, n }, "RS256") => RsaPublicKeyComponents { n: member(n)?, e: member(e)? }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            _ => return Err(Problem::malformed("the algorithm does not go with the key")),
        };
        result.map_err(|_| Problem::malformed("the signature does not hold"))
    }
}

fn member(text: &str) -> Result<Vec<u8>, Problem> {
    decode(text).ok_or_else(|| bad_key("the key's numbers are not base64url"))
}

fn check_rsa(exponent: &[u8], modulus: &[u8]) -> Result<(), Problem> {
    // RFC 7518 §6.3.1.1: no leading zeros, so the length tells the size.
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    if modulus.first() == Some(&0) || exponent.first().is_none_or(|first| *first == 0) {
        return Err(bad_key("the key's numbers begin with zeros"));
    }
    if !(limits::RSA_KEY_BITS_MIN..=limits::RSA_KEY_BITS_MAX).contains(&bits) {
        return Err(bad_key(format!(
            "RSA keys have {} to {} bits here, this one has {bits}",
            limits::RSA_KEY_BITS_MIN,
            limits::RSA_KEY_BITS_MAX
        )));
    }
    Ok(())
}

fn bad_key(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::BadPublicKey, detail)
}

/// Flattened JSON serialization (RFC 7515 §7.2.2). Nothing else may stand beside the three (RFC
/// 8555 §6.2: no unprotected header, no second signature).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
}

/// Who says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signer {
    /// A key that may have no account yet.
    Key(Jwk),
    /// An account, by its URL.
    Account(String),
}

/// The protected header.
#[derive(Deserialize)]
struct Header {
    alg: String,
    url: Option<String>,
    nonce: Option<String>,
    jwk: Option<Jwk>,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
    b64: Option<serde_json::Value>,
}

/// A signed request, taken apart and not yet believed.
#[derive(Debug)]
pub struct Signed {
    /// Who says it.
    pub signer: Signer,
    /// The URL it is for.
    pub url: String,
    /// Its nonce; inner signatures have none.
    pub nonce: Option<String>,
    /// What is said; empty for POST-as-GET (RFC 8555 §6.3).
    pub payload: Vec<u8>,
    algorithm: String,
    message: String,
    signature: Vec<u8>,
}

impl Signed {
    /// Takes a request apart.
    ///
    /// # Errors
    /// What is not a flattened JWS with exactly one of `jwk` and `kid`, and algorithms that are not
    /// signatures by the asker alone (`none`, MACs).
    pub fn read(body: &[u8]) -> Result<Self, Problem> {
        let flattened: Flattened = serde_json::from_slice(body)
            .map_err(|_| Problem::malformed("the body is not a JWS in flattened JSON with protected header only"))?;
        let header = decode(&flattened.protected).ok_or_else(|| Problem::malformed("the header is not base64url"))?;
        let header: Header =
            serde_json::from_slice(&header).map_err(|_| Problem::malformed("the header is not as ACME wants it"))?;
        // RFC 7515 §4.1.11: what one does not understand but must, one refuses. RFC 8555 §6.2: no
        // unencoded payloads.
        if header.crit.is_some() || header.b64.is_some() {
            return Err(Problem::malformed("the header has critical members"));
        }
        let signer = match (header.jwk, header.kid) {
            (Some(key), None) => Signer::Key(key),
            (None, Some(account)) => Signer::Account(account),
            _ => return Err(Problem::malformed("the header must have either jwk or kid")),
        };
        let part = |text: &str| decode(text).ok_or_else(|| Problem::malformed("a part of the JWS is not base64url"));
        Ok(Self {
            signer,
            url: header.url.ok_or_else(|| Problem::malformed("the header has no url"))?,
            nonce: header.nonce,
            payload: part(&flattened.payload)?,
            algorithm: header.alg,
            signature: part(&flattened.signature)?,
            message: format!("{}.{}", flattened.protected, flattened.payload),
        })
    }

    /// Believes it if `key` signed it.
    ///
    /// # Errors
    /// `badSignatureAlgorithm`, `badPublicKey`, `malformed` for a signature that does not hold.
    pub fn verify(&self, key: &Jwk) -> Result<(), Problem> {
        // RFC 8555 §6.2: neither "none" nor a MAC.
        if !ALGORITHMS.contains(&self.algorithm.as_str()) {
            let shown: String = self.algorithm.chars().take(20).collect();
            return Err(Problem::new(Kind::BadSignatureAlgorithm, format!("the algorithm {shown} is not accepted")));
        }
        key.check()?;
        key.verify(&self.algorithm, self.message.as_bytes(), &self.signature)
    }

    /// Believes it if `secret` made its HMAC (an external account binding, RFC 8555 §7.3.4).
    ///
    /// # Errors
    /// `malformed`.
    pub fn verify_mac(&self, secret: &[u8]) -> Result<(), Problem> {
        if self.algorithm != "HS256" {
            return Err(Problem::malformed("the external account binding is not made with HS256"));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, self.message.as_bytes(), &self.signature)
            .map_err(|_| Problem::new(Kind::Unauthorized, "the external account binding does not hold"))
    }
}

/// Signs `payload` (`None` for POST-as-GET) for `url`.
pub fn sign(
    key: &AccountKey,
    signer: &Signer,
    nonce: Option<&str>,
    url: &str,
    payload: Option<&serde_json::Value>,
) -> Vec<u8> {
    let mut header = match signer {
        Signer::Key(jwk) => json!({ "alg": "ES256", "jwk": jwk, "url": url }),
        Signer::Account(account) => json!({ "alg": "ES256", "kid": account, "url": url }),
    };
    if let Some(nonce) = nonce {
        header["nonce"] = json!(nonce);
    }
    flatten(&header, payload, |message| key.sign(message))
}

/// The binding of a new account's key to an identity from elsewhere (RFC 8555 §7.3.4).
pub fn bind(jwk: &Jwk, identity: &str, secret: &[u8], url: &str) -> serde_json::Value {
    let header = json!({ "alg": "HS256", "kid": identity, "url": url });
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let body = flatten(&header, Some(&json!(jwk)), |message| hmac::sign(&secret, message).as_ref().to_vec());
    serde_json::from_slice(&body).unwrap_or_default()
}

fn flatten(
    header: &serde_json::Value,
    payload: Option<&serde_json::Value>,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let protected = encode(header.to_string());
    let payload = payload.map(|payload| encode(payload.to_string())).unwrap_or_default();
    let signature = encode(sign(format!("{protected}.{payload}").as_bytes()));
    // Three strings always become JSON.
    serde_json::to_vec(&Flattened { protected, payload, signature }).unwrap_or_default()
}
