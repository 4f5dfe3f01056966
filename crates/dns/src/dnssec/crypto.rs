//! The cryptographic library behind one door: aws-lc-rs.
//!
//! Why not the `domain` crate's signer: its signing module is marked unstable and works on its own record
//! types, and it would bring ring or OpenSSL beside the aws-lc-rs that TLS uses already. What an authority
//! needs is small (ECDSA P-256, Ed25519, SHA-1 for NSEC3, SHA-2 for DS, HMAC for TSIG), and here it is.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    UnparsedPublicKey,
};
use aws_lc_rs::{constant_time, digest, hmac};

use crate::limits::NAME_BYTES_MAX;
use crate::wire::NameRef;
use crate::wire::rdata::Nsec3Param;

/// A key pair that can sign.
pub(super) enum Pair {
    EcdsaP256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    /// The pair of a P-256 scalar; none when the number is zero or beyond the group's order.
    pub(super) fn ecdsa_p256(scalar: &[u8; 32]) -> Option<Self> {
        let private = PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?;
        let public = private.compute_public_key().ok()?;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, scalar, public.as_ref());
        pair.ok().map(Self::EcdsaP256)
    }

    /// The pair of an Ed25519 seed.
    pub(super) fn ed25519(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self::Ed25519)
    }

    /// The public key in DNSKEY's form: RFC 6605 §4 (without the leading 4), RFC 8080 §3.
    pub(super) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::EcdsaP256(pair) => pair.public_key().as_ref()[1..].to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signature in RRSIG's form. ECDSA's nonce comes from the library's own generator and not from the
    /// caller's chance: a nonce that repeats, as a test seed would make it, gives the key away.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::EcdsaP256(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// Whether a signature of one of our two algorithms holds; for checking what was signed.
pub(super) fn verify(algorithm: u8, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        13 => {
            let point = [&[4], public_key].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
        }
        15 => UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok(),
        _ => false,
    }
}

/// The hash of an owner name (RFC 5155 §5): SHA-1 over the name in lower case and the salt, then as often
/// again as `iterations` says.
pub fn nsec3_hash(name: NameRef<'_>, parameters: &Nsec3Param<'_>) -> [u8; 20] {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = &mut lower[..name.wire().len()];
    lower.copy_from_slice(name.wire());
    lower.make_ascii_lowercase();
    let mut hash = sha1(&[lower, parameters.salt]);
    for _ in 0..parameters.iterations {
        hash = sha1(&[&hash, parameters.salt]);
    }
    hash
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 20];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// SHA-256.
pub(super) fn sha256(message: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, message).as_ref().to_vec()
}

/// SHA-384.
pub(super) fn sha384(message: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA384, message).as_ref().to_vec()
}

/// The hashes that TSIG authenticates with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum MacHash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// An HMAC over parts, one after the other.
pub(crate) fn hmac(hash: MacHash, secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let algorithm = match hash {
        MacHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        MacHash::Sha224 => hmac::HMAC_SHA224,
        MacHash::Sha256 => hmac::HMAC_SHA256,
        MacHash::Sha384 => hmac::HMAC_SHA384,
        MacHash::Sha512 => hmac::HMAC_SHA512,
    };
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, secret));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().to_vec()
}

/// Compares secrets without telling by time where they differ.
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
