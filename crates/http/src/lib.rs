//! HTTP, without a socket, a clock or a die. Storey 1.
//!
//! Read in this order: [`semantics`] (what every version of HTTP shares: methods, status codes,
//! fields, heads, conditions, ranges), then one dialect. Every dialect has two rooms: `wire`
//! (bytes to values and back, total, no state) and `machine` (input and time in; output, events
//! and the next deadline out). [`websocket`] and [`event_stream`] are what the edge itself speaks on top.
//! [`binary`] is what HTTP/2 and HTTP/3 share. What goes wrong stands in [`error`], every bound in [`limits`].

pub mod binary;
pub mod error;
pub mod event_stream;
pub mod h1;
pub mod h2;
pub mod h3;
pub mod limits;
mod output;
pub mod semantics;
pub mod websocket;
