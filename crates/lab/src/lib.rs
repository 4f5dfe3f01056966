//! A world made of memory: hosts that run the same TCP/IP as the real ones, links with faults, one seed, virtual
//! time. What happens in it can be captured, drawn and asserted on.
//!
//! Read in this order: [`world`], the whole; [`link`] and [`queue`], what packets go through; [`trace`] and
//! [`capture`], what was seen; [`drawing`], how it is shown; [`scenario`], what there is to see; [`packetdrill`],
//! scripts in the language of the tool of that name, run against one host.

pub mod capture;
pub mod drawing;
pub mod link;
pub mod packetdrill;
pub mod queue;
pub mod scenario;
pub mod streams;
mod switch;
pub mod trace;
pub mod world;
