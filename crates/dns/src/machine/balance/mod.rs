//! Balancing by name: which addresses a name is answered with, and in which order. A pure choice from the
//! pool's rules, the health of its members (which is an input), and who asks; equal inputs, equal answers.
//!
//! [`Balancer`] chooses (`choose.rs` has the methods), [`Checks`] decides when to check whom and turns results
//! into health, [`PrefixTable`] knows which network is near what.

mod balancer;
mod checks;
mod choose;
mod pool;
mod prefixes;

pub use balancer::Balancer;
pub use checks::{CheckId, CheckOutcome, CheckRule, Checks, HealthChange};
pub use choose::Share;
pub use pool::{AllDown, Health, HealthState, Member, Method, Pool};
pub use prefixes::{PrefixTable, Region};

#[cfg(test)]
mod tests;
