//! The kernel: sockets, workers, clocks, signals. The only place in the project where `unsafe` may stand.
