//! A world made of memory: hosts that run the same TCP/IP as the real ones, links with faults, one seed, virtual
//! time. What happens in it can be captured, drawn and asserted on.
//!
//! Read in this order: [`packetdrill`], scripts in the language of the tool of that name, run against one host.

pub mod packetdrill;
pub mod streams;
