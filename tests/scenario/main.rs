//! Scenarios: the whole chain of stages and the drivers, in a world of memory and virtual time. Upstreams here are scripts: slow,
//! lying, vanishing. Nothing sleeps for real, and the same seed gives the same run.

mod proxy;
mod stage;
