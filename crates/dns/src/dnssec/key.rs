//! Keys that sign zones: made, kept as text, shown as DNSKEY and DS.

use std::fmt;

use edgeway_base::{Blame, Blamed, Entropy};

use crate::wire::presentation::{base64_decode, base64_encode};
use crate::wire::rdata::{Dnskey, Ds, key_tag};
use crate::wire::{NameRef, RecordData, RecordType};

use super::crypto::{Pair, sha256, sha384, verify};

/// Algorithms we sign with; both are recommended by RFC 8624 §3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// ECDSA P-256 with SHA-256 (RFC 6605).
    EcdsaP256Sha256 = 13,
    /// Ed25519 (RFC 8080).
    Ed25519 = 15,
}

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Signs the keys; the parent's DS names it.
    KeySigning,
    /// Signs everything else.
    ZoneSigning,
    /// Both at once.
    Combined,
}

/// How a DS digests a key (RFC 8624 §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DigestType {
    /// SHA-256, what registrars expect.
    Sha256 = 2,
    /// SHA-384.
    Sha384 = 4,
}

/// Why there is no key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// The text lacks a line, or a line is wrong.
    Text(&'static str),
    /// We do not sign with this algorithm.
    Algorithm,
    /// The secret is no key of its algorithm.
    Secret,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(expected) => write!(formatter, "the key file lacks {expected}"),
            Self::Algorithm => formatter.write_str("the algorithm is not 13 (ECDSAP256SHA256) or 15 (ED25519)"),
            Self::Secret => formatter.write_str("the secret is no key of its algorithm"),
        }
    }
}

impl std::error::Error for KeyError {}

impl Blamed for KeyError {
    fn blame(&self) -> Blame {
        Blame::Operator
    }
}

/// A key pair of a zone.
pub struct SigningKey {
    algorithm: Algorithm,
    role: Role,
    secret: [u8; 32],
    pair: Pair,
    dnskey: Vec<u8>,
}

impl SigningKey {
    /// A new key. `entropy` must be the kernel's in earnest.
    pub fn generate(algorithm: Algorithm, role: Role, entropy: &mut (impl Entropy + ?Sized)) -> Self {
        loop {
            let mut secret = [0; 32];
            entropy.fill(&mut secret);
            // A scalar beyond the order of P-256 comes up once in 2^32 times.
            if let Ok(key) = Self::from_secret(algorithm, role, secret) {
                return key;
            }
        }
    }

    /// The key of a secret: a P-256 scalar or an Ed25519 seed.
    pub fn from_secret(algorithm: Algorithm, role: Role, secret: [u8; 32]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::EcdsaP256Sha256 => Pair::ecdsa_p256(&secret),
            Algorithm::Ed25519 => Pair::ed25519(&secret),
        };
        let pair = pair.ok_or(KeyError::Secret)?;
        let flags = match role {
            Role::ZoneSigning => Dnskey::ZONE,
            Role::KeySigning | Role::Combined => Dnskey::ZONE | Dnskey::SECURE_ENTRY,
        };
        let dnskey = Dnskey { flags, protocol: 3, algorithm: algorithm as u8, public_key: &pair.public_key() }.encode();
        Ok(Self { algorithm, role, secret, pair, dnskey })
    }

    /// The key as text that BIND, ldns and Knot read, too ("Private-key-format: v1.3"). Secret.
    pub fn to_text(&self) -> String {
        let (number, name) = match self.algorithm {
            Algorithm::EcdsaP256Sha256 => (13, "ECDSAP256SHA256"),
            Algorithm::Ed25519 => (15, "ED25519"),
        };
        format!("Private-key-format: v1.3\nAlgorithm: {number} ({name})\nPrivateKey: {}\n", base64_encode(&self.secret))
    }

    /// Reads what [`SigningKey::to_text`] or BIND wrote; the role is not part of it.
    pub fn from_text(text: &str, role: Role) -> Result<Self, KeyError> {
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let algorithm = field("Algorithm").ok_or(KeyError::Text("its line `Algorithm: `"))?;
        let algorithm = match algorithm.split_whitespace().next() {
            Some("13") => Algorithm::EcdsaP256Sha256,
            Some("15") => Algorithm::Ed25519,
            _ => return Err(KeyError::Algorithm),
        };
        let secret = field("PrivateKey").ok_or(KeyError::Text("its line `PrivateKey: `"))?;
        let secret = base64_decode(secret.as_bytes()).and_then(|secret| secret.try_into().ok());
        Self::from_secret(algorithm, role, secret.ok_or(KeyError::Secret)?)
    }

    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it is for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it signs the DNSKEY set.
    pub const fn signs_keys(&self) -> bool {
        matches!(self.role, Role::KeySigning | Role::Combined)
    }

    /// Whether it signs the zone's data.
    pub const fn signs_zone(&self) -> bool {
        matches!(self.role, Role::ZoneSigning | Role::Combined)
    }

    /// The DNSKEY record's data.
    pub fn dnskey(&self) -> RecordData {
        RecordData::from_checked(RecordType::DNSKEY, self.dnskey.as_slice().into())
    }

    /// Its tag (RFC 4034 appendix B).
    pub fn key_tag(&self) -> u16 {
        key_tag(&self.dnskey)
    }

    /// The DS record for the parent (RFC 4034 §5.1.4).
    pub fn ds(&self, zone: NameRef<'_>, digest_type: DigestType) -> RecordData {
        let message = [zone.to_name().to_lowercase().wire(), &self.dnskey].concat();
        let digest = match digest_type {
            DigestType::Sha256 => sha256(&message),
            DigestType::Sha384 => sha384(&message),
        };
        let ds = Ds {
            key_tag: self.key_tag(),
            algorithm: self.algorithm as u8,
            digest_type: digest_type as u8,
            digest: &digest,
        };
        RecordData::from_checked(RecordType::DS, ds.encode().into())
    }

    /// The signature over a message, in RRSIG's form.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(message)
    }

    /// Whether a signature over a message is this key's.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        verify(self.algorithm as u8, &self.dnskey[4..], message, signature)
    }
}

impl fmt::Debug for SigningKey {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({:?} {:?} tag {})", self.algorithm, self.role, self.key_tag())
    }
}
