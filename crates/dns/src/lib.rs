//! DNS without input or output: bytes, time and chance go in; bytes, events and deadlines come out.
//!
//! Read in this order: [`wire`] (names, records, messages, and how each is written for people), [`zone`]
//! (zone files, their store, their checks), [`machine`] (answering, transferring, updating, balancing), and
//! [`dnssec`] (keys and signing). [`limits`] holds every bound with its reason, [`error`] what can be wrong
//! with bytes and text and whose fault it is. Sockets, files and timers belong to `net` and `serve`.

pub mod dnssec;
pub mod error;
pub mod limits;
pub mod machine;
pub mod wire;
pub mod zone;
