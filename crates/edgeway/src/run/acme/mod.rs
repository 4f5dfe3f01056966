//! Certificates from an ACME authority (RFC 8555) for the sites that have none of their own: got, kept, renewed.
//!
//! [`Supply`] is what stands in the state folder and goes into every snapshot of certificates; [`agent`] gets more, as a task of the
//! control thread; [`schedule`] decides what is due, without a clock of its own; [`proofs`] shows the workers' visitors what the
//! authority wants to see; [`refusals`] turns clients away whose name will get no certificate now; [`account`] carries one order at a
//! time to the authority. Joined to the rest by [`super::control`].

pub mod account;
pub mod agent;
pub mod proofs;
pub mod refusals;
pub mod schedule;
pub mod supply;

pub use agent::Agent;
pub use proofs::Proofs;
pub use refusals::Refusals;
pub use supply::Supply;
