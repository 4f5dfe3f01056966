//! Machines: what is asked goes in with the time, what to say or do comes out. None of them owns a
//! socket, a file or a clock.

pub mod authority;
