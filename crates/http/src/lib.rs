//! HTTP, without a socket, a clock or a die. Storey 1.
//!
//! Read in this order: [`semantics`] (what every version of HTTP shares: methods, status codes,
//! fields, heads, conditions, ranges), then one dialect. Every dialect has two rooms: `wire`
//! (bytes to values and back, total, no state) and `machine` (input and time in; output, events
//! and the next deadline out). [`websocket`] and [`event_stream`] are what the edge itself speaks on top.
//! What goes wrong stands in [`error`], every bound in [`limits`].

pub mod error;
pub mod event_stream;
pub mod h1;
pub mod limits;
mod output;
pub mod binary;
pub mod h2;
pub mod semantics;
pub mod websocket;
