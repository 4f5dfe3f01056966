//! ACME (RFC 8555) from both sides, with renewal information (RFC 9773), as machines: requests and
//! responses are values, and whoever drives them carries them over HTTP.
//!
//! [`client`] gets certificates from a directory for the names of our sites; [`server`] issues
//! certificates of our own [`crate::authority`] to other machines of a network. Read in this order:
//! [`exchange`] (an HTTP request and its response), [`jws`] and [`key`] (signed requests),
//! [`documents`] (the JSON both sides speak), [`problem`] (errors as they travel), [`renewal`].
//! [`keeper`] is the client with a memory: it decides when what is asked for.
//!
//! Refused: instant-acme, a good client that brings its own hyper and tokio with it, so that it could
//! neither run in the lab nor over our own TCP/IP; and there is no ACME server to be had as a library.

pub mod client;
pub mod documents;
pub mod exchange;
pub mod jws;
pub mod keeper;
pub mod key;
pub mod moment;
pub mod problem;
pub mod renewal;
pub mod server;

#[cfg(test)]
mod tests;
