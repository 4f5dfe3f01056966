//! The words every house shares. Storey 0: imports nothing of ours.
//!
//! Read in this order: [`instant`] and [`entropy`] (time and chance, which are always arguments),
//! [`cursor`] (reading bytes that a stranger sent), [`byte_count`] (sizes with their unit),
//! [`blame`] (whose fault an error is), and [`world`] (the outside, which exists three times:
//! the kernel's, our own TCP/IP stack's, and the lab's).

pub mod blame;
pub mod byte_count;
pub mod cursor;
pub mod entropy;
pub mod instant;
pub mod world;

pub use blame::{Blame, Blamed};
pub use byte_count::ByteCount;
pub use cursor::{Cursor, Incomplete};
pub use entropy::{Entropy, SeededEntropy};
pub use instant::{Instant, WallTime};
pub use world::World;
