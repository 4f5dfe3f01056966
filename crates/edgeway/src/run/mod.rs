//! The running server. Called by the command `serve`; hands connections to the workers, which hand them to `net` and `serve`.
//!
//! One thread controls ([`control`]): it loads, opens sockets, watches files and signals, answers the admin address. The others
//! work ([`worker`]): each has its own listeners, plan and counters, and takes orders over a channel. What they share is in
//! [`shared`] and is read-mostly. [`handover`] passes the listening sockets to a new process.

pub mod access_writer;
pub mod admin;
pub mod control;
pub mod handover;
pub mod issuing;
pub mod keeper;
pub mod loading;
pub mod own_authority;
pub mod shared;
pub mod sockets;
pub mod watch;
pub mod worker;
pub mod zones;
