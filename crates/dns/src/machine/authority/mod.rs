//! The authoritative server: a message goes in, an answer is composed into the caller's buffer from the
//! zones' stored bytes, without allocating on the way of an ordinary answer.
//!
//! Read [`Authority::handle`] first (`query.rs` judges the message), then `respond.rs` (what RFC 1034 §4.3.2
//! says), `denial.rs` (NSEC, NSEC3, compact), `additional.rs`. `catalog.rs` finds the zone; `cookie.rs` and
//! `rate.rs` defend.

mod additional;
mod catalog;
mod cookie;
mod denial;
mod exchange;
mod made;
mod query;
mod rate;
mod respond;
mod server;

pub use catalog::{Catalog, Served, ZoneState};
pub use cookie::{CookieSecret, Cookies};
pub use exchange::{AliasAnswer, AliasQuery, NotifyQuery, Outcome, Request, TransferQuery, Transport};
pub use made::{Asker, Choice, OnlineSigner, Selection, Selector};
pub use rate::{RateLimit, RateLimiter};
pub use server::{Authority, Settings};

#[cfg(test)]
mod tests;
