//! Numbers, one set for each worker, added up when someone looks. A worker writes only its own, so counting is a load and a store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use edgeway_http::semantics::{Status, Version};

use super::queries::{COUNTED, Carrier, DnsMetrics};

/// Upper bounds of the latency histogram's buckets, in microseconds: about three to a decade, from 50 us to 60 s.
pub const LATENCY_BOUNDS_US: [u64; 19] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds, by the owning thread only.
    pub fn add(&self, amount: u64) {
        // One writer: no read-modify-write is needed, and none is paid for.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Subtracts, by the owning thread only.
    pub fn subtract(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One worker's numbers.
#[derive(Debug, Default)]
pub struct WorkerMetrics {
    /// Requests by class of status, 1xx to 5xx.
    pub by_class: [Counter; 5],
    /// Requests by version: 1.0, 1.1, 2, 3.
    pub by_version: [Counter; 4],
    /// Requests whose client left before the response began.
    pub aborted: Counter,
    /// Content bytes sent.
    pub body_bytes: Counter,
    /// Latency histogram; the last bucket takes what is beyond all bounds.
    pub latency: [Counter; LATENCY_BOUNDS_US.len() + 1],
    /// Sum of all latencies, microseconds.
    pub latency_sum_us: Counter,
    /// Connections open now.
    pub connections_open: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// TLS handshakes that failed.
    pub handshakes_failed: Counter,
    /// Requests sent to upstreams.
    pub upstream_requests: Counter,
    /// Upstream connections opened.
    pub upstream_connections: Counter,
    /// Requests that an upstream failed.
    pub upstream_failures: Counter,
    /// What the name service did.
    pub dns: DnsMetrics,
    /// Blocks of log that were dropped because the writer was behind.
    pub log_dropped: Counter,
}

impl WorkerMetrics {
    /// Counts one request.
    pub fn count(&self, version: Version, status: Status, body_bytes: u64, duration: Duration) {
        let class = usize::from(status.code() / 100).clamp(1, 5) - 1;
        self.by_class[class].add(1);
        self.by_version[version as usize].add(1);
        if status.code() == 499 {
            self.aborted.add(1);
        }
        self.body_bytes.add(body_bytes);
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < microseconds);
        self.latency[bucket].add(1);
        self.latency_sum_us.add(microseconds);
    }
}

/// The numbers of all workers in Prometheus' text format (version 0.0.4).
pub fn prometheus<'a>(workers: impl Iterator<Item = &'a WorkerMetrics> + Clone) -> String {
    let total =
        |read: &dyn Fn(&WorkerMetrics) -> &Counter| workers.clone().map(|worker| read(worker).get()).sum::<u64>();
    let mut page = Page(String::with_capacity(4096));
    page.family("edgeway_http_requests_total", "counter", "Requests answered, by class of status");
    for (index, class) in ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().enumerate() {
        page.sample("edgeway_http_requests_total", &format!("{{status=\"{class}\"}}"), total(&|w| &w.by_class[index]));
    }
    page.family("edgeway_http_requests_by_version_total", "counter", "Requests answered, by version of HTTP");
    for (index, version) in ["1.0", "1.1", "2", "3"].iter().enumerate() {
        let labels = format!("{{version=\"{version}\"}}");
        page.sample("edgeway_http_requests_by_version_total", &labels, total(&|w| &w.by_version[index]));
    }
    page.latency(&total);
    page.family("edgeway_dns_queries_total", "counter", "DNS queries answered, by what they came");
    for (index, carrier) in Carrier::WORDS.iter().enumerate() {
        let labels = format!("{{carrier=\"{carrier}\"}}");
        page.sample("edgeway_dns_queries_total", &labels, total(&|w| &w.dns.by_carrier[index]));
    }
    page.family("edgeway_dns_answers_total", "counter", "DNS answers, by outcome");
    for index in 0..=COUNTED.len() {
        let rcode = COUNTED.get(index).map_or_else(|| "other".to_owned(), ToString::to_string);
        let labels = format!("{{rcode=\"{rcode}\"}}");
        page.sample("edgeway_dns_answers_total", &labels, total(&|w| &w.dns.by_rcode[index]));
    }
    for (name, kind, help, read) in SINGLE {
        page.family(name, kind, help);
        page.sample(name, "", total(&|worker| read(worker)));
    }
    page.0
}

/// Name, kind, help and where the number is.
type Single = (&'static str, &'static str, &'static str, fn(&WorkerMetrics) -> &Counter);

const SINGLE: [Single; 13] = [
    ("edgeway_http_aborted_total", "counter", "Requests whose client left before the response began", |w| &w.aborted),
    ("edgeway_http_response_bytes_total", "counter", "Content bytes sent", |w| &w.body_bytes),
    ("edgeway_connections_open", "gauge", "Client connections open now", |w| &w.connections_open),
    ("edgeway_connections_total", "counter", "Client connections accepted", |w| &w.connections),
    ("edgeway_tls_handshakes_failed_total", "counter", "TLS handshakes that failed", |w| &w.handshakes_failed),
    ("edgeway_upstream_requests_total", "counter", "Requests sent to upstreams", |w| &w.upstream_requests),
    ("edgeway_upstream_connections_total", "counter", "Connections opened to upstreams", |w| &w.upstream_connections),
    ("edgeway_upstream_failures_total", "counter", "Requests that an upstream failed", |w| &w.upstream_failures),
    ("edgeway_dns_truncated_total", "counter", "DNS answers cut short", |w| &w.dns.truncated),
    ("edgeway_dns_answer_bytes_total", "counter", "Bytes of DNS answers", |w| &w.dns.bytes),
    ("edgeway_dns_ignored_total", "counter", "DNS messages without an answer: no queries, or over the rate", |w| {
        &w.dns.ignored
    }),
    ("edgeway_dns_transfers_total", "counter", "Zones sent whole", |w| &w.dns.transfers),
    ("edgeway_log_dropped_total", "counter", "Blocks of access log dropped because the disk was behind", |w| {
        &w.log_dropped
    }),
];

/// Where a number is.
type Read<'a> = &'a dyn Fn(&WorkerMetrics) -> &Counter;

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        self.0.push_str(&format!("{name}{labels} {value}\n"));
    }

    fn latency(&mut self, total: &dyn Fn(Read<'_>) -> u64) {
        const NAME: &str = "edgeway_http_request_duration_seconds";
        self.family(NAME, "histogram", "From the end of the request's head to the response's last byte");
        let mut below = 0;
        for (index, bound) in LATENCY_BOUNDS_US.iter().enumerate() {
            below += total(&|worker| &worker.latency[index]);
            let bound = *bound as f64 / 1e6;
            self.sample(&format!("{NAME}_bucket"), &format!("{{le=\"{bound}\"}}"), below);
        }
        below += total(&|worker| &worker.latency[LATENCY_BOUNDS_US.len()]);
        self.sample(&format!("{NAME}_bucket"), "{le=\"+Inf\"}", below);
        self.sample(&format!("{NAME}_sum"), "", total(&|worker| &worker.latency_sum_us) as f64 / 1e6);
        self.sample(&format!("{NAME}_count"), "", below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up_and_buckets_are_cumulative() {
        let workers = [WorkerMetrics::default(), WorkerMetrics::default()];
        workers[0].count(Version::Http11, Status::OK, 10, Duration::from_micros(70));
        workers[1].count(Version::Http10, Status::NOT_FOUND, 5, Duration::from_secs(100));
        let text = prometheus(workers.iter());
        for line in [
            "edgeway_http_requests_total{status=\"2xx\"} 1",
            "edgeway_http_requests_total{status=\"4xx\"} 1",
            "edgeway_http_request_duration_seconds_bucket{le=\"0.00005\"} 0",
            "edgeway_http_request_duration_seconds_bucket{le=\"0.0001\"} 1",
            "edgeway_http_request_duration_seconds_bucket{le=\"60\"} 1",
            "edgeway_http_request_duration_seconds_bucket{le=\"+Inf\"} 2",
            "edgeway_http_response_bytes_total 15",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
