//! The outside. Storey 3: the first that knows sockets, clocks and tasks.
//!
//! Read in this order: [`drive`] (the drivers that pump the machines, and the shapes [`drive::Request`],
//! [`drive::Body`] and [`drive::Handler`] through which `serve` meets them), then [`os`] (the kernel's sockets,
//! workers, signals; the only place with `unsafe`).

pub mod drive;
pub mod limits;
pub mod os;
