//! The server's side: who answers a ClientHello, with which certificate, under which rules.
//!
//! [`Front`] is a snapshot built whole from the configuration and swapped whole on reload; its one
//! question is [`Front::choose`]. [`Memory`] is what outlives a reload: ticket keys, sessions,
//! leaves issued on demand, challenges. Called by [`crate::session`] for every connection and by
//! `edgeway`'s wiring on start and reload.

mod challenge;
mod choice;
mod client_rule;
mod front;
mod issued;
mod memory;
mod names;
mod resolver;
mod tickets;

pub(crate) use challenge::reverse_name;
pub use challenge::{ACME_TLS_PROTOCOL, challenge_certificate};
pub use choice::{Choice, Hello, Refusal};
pub use client_rule::{ClientCertificates, ClientRule, RuleId};
pub use front::{Front, FrontSettings, Site, Source, UnknownName, Versions};
pub use issued::{Decision, IssueRule};
pub use memory::Memory;
pub use names::NameTable;

#[cfg(test)]
mod tests;
