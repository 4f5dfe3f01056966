//! What all workers and the control thread share: certificates, counters, the way to the log's writer. All of it is replaced whole or
//! written by one thread alone.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use arc_swap::ArcSwap;
use edgeway_net::drive::accept::Certificates;
use edgeway_net::drive::outside::Boxed;
use edgeway_serve::stages::record::metrics::WorkerMetrics;
use edgeway_tls::SharedClock;
use edgeway_tls::server::{Front, Memory};
use tokio::sync::{mpsc, watch};

use super::keeper::refusals::Refusals;
use super::keeper::tokens::Tokens;
use crate::limits::CERTIFICATE_WAIT_MAX;

/// Shared by all threads of the server.
pub struct Shared {
    /// Certificates and client rules in force.
    pub front: ArcSwap<Front>,
    /// Ticket keys, session memory and challenge certificates.
    pub memory: Arc<Memory>,
    /// One set of numbers for each worker.
    pub metrics: Vec<Arc<WorkerMetrics>>,
    /// Blocks for the access log; `None` when it is off.
    pub log: ArcSwap<Option<SyncSender<Vec<u8>>>>,
    /// Our name in Via: random, so that no other hop has it.
    pub pseudonym: String,
    /// Counts the fronts; sessions that wait for a certificate look again when it moves.
    pub front_generation: watch::Sender<u64>,
    /// Answers to ACME servers' visits on port 80.
    pub tokens: Arc<Tokens>,
    /// Names whose certificates are wanted, for the keeper.
    pub wanted: mpsc::Sender<String>,
    /// Names that get no certificate for now.
    pub refusals: Arc<Refusals>,
    /// The calendar.
    pub clock: SharedClock,
}

impl Shared {
    /// Puts other certificates in force, for handshakes to come.
    pub fn replace_front(&self, front: Front) {
        self.front.store(Arc::new(front));
        self.front_generation.send_modify(|generation| *generation += 1);
    }
}

/// A worker's view of the certificates.
pub struct WorkerCertificates(pub Arc<Shared>);

impl Certificates for WorkerCertificates {
    fn front(&self) -> Arc<Front> {
        self.0.front.load_full()
    }

    fn awaited<'a>(&'a self, name: &'a str) -> Boxed<'a, bool> {
        Box::pin(async move {
            let (mut fronts, mut refusals) = (self.0.front_generation.subscribe(), self.0.refusals.changes());
            let refused = || self.0.refusals.is_refused(name, self.0.clock.now());
            // Since the session looked, the certificate may have come.
            let waits = || self.0.front.load().awaits(name) && !refused();
            // A full queue means the keeper is busy with others; the client will come again.
            if waits() && self.0.wanted.try_send(name.to_owned()).is_err() {
                return false;
            }
            let until_known = async {
                while waits() {
                    let changed = tokio::select! {
                        changed = fronts.changed() => changed,
                        changed = refusals.changed() => changed,
                    };
                    if changed.is_err() {
                        return;
                    }
                }
            };
            let wait: Duration = CERTIFICATE_WAIT_MAX;
            tokio::time::timeout(wait, until_known).await.is_ok() && !refused()
        })
    }
}

/// The certificates as a listener's entrance wants them.
pub fn certificates(shared: &Arc<Shared>) -> Rc<dyn Certificates> {
    Rc::new(WorkerCertificates(Arc::clone(shared)))
}
