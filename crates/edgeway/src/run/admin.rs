//! What the admin address knows of the process: counters, the configuration in force, whether it stops; and the way to ask the control thread
//! for a reload. What is answered to whom is decided by [`crate::admin`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use edgeway_net::drive::outside::Boxed;
use edgeway_serve::stages::record::metrics::prometheus;
use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;
use crate::admin::Facts;
use crate::admin::end::Process;

/// Asks the control thread to reload.
pub struct ReloadWish {
    /// Takes what came of it: what is in force now, or what is wrong.
    pub done: oneshot::Sender<Result<String, String>>,
}

/// What the process says of itself. Kept up by the control thread.
#[derive(Default)]
pub struct Standing {
    /// The configuration in force as `/config` shows it.
    pub shown: Mutex<serde_json::Value>,
    /// Whether it stops.
    pub stopping: AtomicBool,
}

/// The process as the admin address sees it.
pub struct RunningProcess {
    /// Counters.
    pub shared: Arc<Shared>,
    /// Configuration and state.
    pub standing: Arc<Standing>,
    /// The way to the control thread.
    pub reload: mpsc::Sender<ReloadWish>,
}

impl Facts for RunningProcess {
    fn metrics(&self) -> String {
        prometheus(self.shared.metrics.iter().map(|worker| &**worker))
    }

    fn configuration(&self) -> serde_json::Value {
        self.standing.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_ready(&self) -> bool {
        !self.standing.stopping.load(Ordering::Relaxed)
    }
}

impl Process for RunningProcess {
    fn reload(&self) -> Boxed<'_, Result<String, String>> {
        Box::pin(async move {
            let stopping = || Err("the server is stopping\n".to_owned());
            let (done, outcome) = oneshot::channel();
            if self.reload.send(ReloadWish { done }).await.is_err() {
                return stopping();
            }
            outcome.await.unwrap_or_else(|_| stopping())
        })
    }
}
