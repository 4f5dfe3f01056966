//! HTTP, without a socket, a clock or a die. Storey 1.
//!
//! Read in this order: [`semantics`] (what every version of HTTP shares: methods, status codes,
//! fields, heads, conditions, ranges), then one dialect. Every dialect has two rooms: `wire`
//! (bytes to values and back, total, no state) and `machine` (input and time in; output, events
//! and the next deadline out).

pub mod error;
pub mod h1;
pub mod limits;
pub mod semantics;
