//! DNSSEC on the authority's side: keys ([`SigningKey`]), signing a zone ([`sign_zone`]) and single answers
//! ([`AnswerSigner`]), and rolling keys over ([`rollover`]).
//!
//! `crypto.rs` is the only file that touches the cryptographic library.

mod canonical;
mod chain;
pub(crate) mod crypto;
mod key;
mod online;
pub mod rollover;
mod sign;

pub use canonical::{signed_data, signed_labels};
pub use crypto::nsec3_hash;
pub use key::{Algorithm, DigestType, KeyError, Role, SigningKey};
pub use online::AnswerSigner;
pub use sign::{Denial, SignError, Signing, earliest_expiration, sign_zone};

#[cfg(test)]
mod tests;
