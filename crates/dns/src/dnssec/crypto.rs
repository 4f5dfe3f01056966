//! The cryptographic library behind one door: aws-lc-rs.
//!
//! Why not the `domain` crate's signer: its signing module is marked unstable and works on its own record
//! types, and it would bring ring or OpenSSL beside the aws-lc-rs that TLS uses already. What DNSSEC needs
//! is small (ECDSA P-256, Ed25519, SHA-1 for NSEC3, SHA-2 for DS, HMAC for TSIG), and here it is.

use aws_lc_rs::digest;

use crate::limits::NAME_BYTES_MAX;
use crate::wire::NameRef;
use crate::wire::rdata::Nsec3Param;

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
