//! DNSSEC on the authority's side: keys, signing, the chain of denial, rolling keys over.
//!
//! `crypto.rs` is the only file that touches the cryptographic library.

mod crypto;

pub use crypto::nsec3_hash;
