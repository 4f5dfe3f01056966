//! `record`: what happened to every request, as numbers ([`metrics`]) and as a line ([`access_log`]). Called by the edge when a response
//! was sent, or by [`AbortGuard`] when its client left before there was one.

pub mod access_log;
pub mod metrics;
pub mod queries;

use std::cell::RefCell;
use std::sync::Arc;

use edgeway_base::WallTime;
use edgeway_http::semantics::Status;
use edgeway_net::drive::Sent;

use crate::exchange::{Exchange, Ticket};
use access_log::AccessLog;
use metrics::WorkerMetrics;
use queries::QueryRecord;

/// One worker's recorder.
pub struct Recorder {
    log: Option<RefCell<AccessLog>>,
    /// Whether the log also has a line for each DNS query.
    log_queries: bool,
    metrics: Arc<WorkerMetrics>,
}

impl Recorder {
    /// Counts into `metrics` and writes to `log`, where there is one.
    pub fn new(metrics: Arc<WorkerMetrics>, log: Option<AccessLog>) -> Self {
        Self { log: log.map(RefCell::new), log_queries: false, metrics }
    }

    /// The same, with a line of the log for each DNS query if `log` says so.
    pub const fn with_queries(mut self, log: bool) -> Self {
        self.log_queries = log;
        self
    }

    /// The worker's numbers.
    pub const fn metrics(&self) -> &Arc<WorkerMetrics> {
        &self.metrics
    }

    /// Records one request. `wall` is asked only when a line is written.
    pub fn record(&self, ticket: &Ticket, sent: &Sent, wall: impl FnOnce() -> WallTime) {
        let duration = sent.at - ticket.received;
        self.metrics.count(ticket.head.version, sent.status, sent.body_bytes, duration);
        if let Some(log) = &self.log {
            log.borrow_mut().write(ticket, sent, duration, wall());
        }
    }

    /// Records one DNS query. `wall` is asked only when a line is written.
    pub fn record_query(&self, query: &QueryRecord<'_>, wall: impl FnOnce() -> WallTime) {
        self.metrics.dns.count(query);
        if let Some(log) = self.log.as_ref().filter(|_| self.log_queries) {
            log.borrow_mut().write_query(query, wall());
        }
    }

    /// Hands what was gathered to the writer.
    pub fn flush(&self) {
        if let Some(log) = &self.log {
            log.borrow_mut().flush();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
    }
}

/// A client that left while its response was being made: nginx's number for it, outside the registry.
const CLIENT_LEFT: Option<Status> = Status::new(499);

/// Records an exchange whose future is dropped, which is how a departed client cancels the work done for it.
pub struct AbortGuard(Option<Exchange>);

impl AbortGuard {
    /// Guards `exchange`.
    pub const fn new(exchange: Exchange) -> Self {
        Self(Some(exchange))
    }

    /// The exchange, to work on.
    pub fn exchange(&mut self) -> &mut Exchange {
        // Only `disarm` takes it out, and that consumes the guard.
        self.0.as_mut().expect("an armed guard holds its exchange")
    }

    /// Gives the exchange back: there is a response.
    pub fn disarm(mut self) -> Exchange {
        self.0.take().expect("an armed guard holds its exchange")
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            let edge = std::rc::Rc::clone(&exchange.edge);
            let status = CLIENT_LEFT.unwrap_or(Status::BAD_REQUEST);
            let sent = Sent { status, body_bytes: 0, complete: false, at: edge.outside.now() };
            edge.recorder().record(&exchange.into_ticket(), &sent, || edge.outside.wall());
        }
    }
}
