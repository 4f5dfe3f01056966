//! One worker per core: a thread with a current-thread runtime, its own listeners, its own upstream connections and its own
//! counters. Called by the binary; runs whatever it is given.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions};

use crate::limits::{EVENT_INTERVAL, EVENTS_PER_WAKE};

/// Starts worker number `index` and runs on it the future that `main` makes there.
pub fn spawn<F, M>(index: usize, main: M) -> io::Result<JoinHandle<()>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let runtime = move || {
        Builder::new_current_thread()
            .enable_all()
            .event_interval(EVENT_INTERVAL)
            .max_io_events_per_tick(EVENTS_PER_WAKE)
            .build_local(LocalOptions::default())
    };
    std::thread::Builder::new().name(format!("edgeway-{index}")).spawn(move || match runtime() {
        Ok(runtime) => runtime.block_on(main()),
        Err(error) => tracing::error!(%error, worker = index, "the worker cannot start"),
    })
}

/// How many workers this machine wants: one for each processor we may run on.
pub fn recommended() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
