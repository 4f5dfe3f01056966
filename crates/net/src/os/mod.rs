//! The kernel: sockets, workers, clocks, chance, signals. Called by the binary and by nobody else; hands streams to the
//! drivers. The only place in the project where `unsafe` may stand.
//!
//! [`kernel`] is the [`edgeway_base::World`] of real sockets; [`listen`] opens listeners so that every worker has its own;
//! [`datagram`] exchanges datagrams in batches; [`worker`] starts one thread per core.

pub mod datagram;
pub mod kernel;
pub mod listen;
pub mod worker;

pub use datagram::BatchSocket;
pub use kernel::{Kernel, KernelListener, KernelStream};
pub use listen::ListenError;
