//! The stages. One folder for each word of the configuration; [`crate::chain::LIST`] says in which order they stand and why.

pub mod admit;
pub mod body_limit;
pub mod dns;
pub mod files;
pub mod headers;
pub mod proxy;
pub mod record;
pub mod redirect;
pub mod respond;
pub mod rewrite;
pub mod store;
pub mod transform;

#[cfg(test)]
pub(crate) mod scene;
