#![allow(missing_docs, unused, dead_code)]
mod arena;
pub mod limits;
pub mod packet;
pub mod tcp;
pub mod timer_wheel;
pub mod wire;
