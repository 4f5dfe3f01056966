//! Machines: what is asked goes in with the time, what to say or do comes out. None of them owns a
//! socket, a file or a clock.
//!
//! [`authority`] answers, [`balance`] chooses addresses for it; [`update`] changes a zone as RFC 2136 says; [`transfer`] moves zones out and in
//! and keeps secondaries fresh; [`notify`] tells them; [`tsig`] signs messages between servers.

pub mod authority;
pub mod balance;
pub mod notify;
pub mod transfer;
pub mod tsig;
pub mod update;
