//! The checked form: what a configuration means, as objects that are ready to use. Made once from the raw form;
//! shared by all workers, each of which makes its own `Plan` of it ([`plan`]). The data path asks no options.

pub mod certificates;
pub mod issue;
pub mod listening;
pub mod plan;
pub mod proxy;
pub mod route;
pub mod site;
pub mod zones;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::WallTime;
use edgeway_http::h1::machine::ServerLimits;
use edgeway_http::h2;
use edgeway_http::semantics::forwarded::TrustedPeers;
use edgeway_serve::stages::record::access_log::Format;
use edgeway_tls::SharedClock;
use edgeway_tls::server::RuleId;

use super::diagnostic::Diagnostics;
use super::raw::{AccessLog, Configuration, Level, LogFormat};
use super::read::Value as _;
use super::source::Source;
use crate::limits::HTTP2_FIELDS_MORE;
use certificates::Certificates;
use issue::Issue;
use listening::Listening;
use route::End;
use site::Site;
use zones::CheckedNames;

/// A configuration in force.
pub struct Checked {
    /// Where to listen.
    pub listening: Listening,
    /// Bounds of each client connection.
    pub limits: ServerLimits,
    /// Bounds of each client connection that speaks HTTP/2.
    pub http2: h2::limits::Limits,
    /// Client connections open at once, all workers together.
    pub connections_max: u32,
    /// How long requests have to finish when the server stops.
    pub stop_timeout: Duration,
    /// Workers; `None` for one each core.
    pub workers: Option<usize>,
    /// What is written down.
    pub logging: Logging,
    /// Proxies in front whose word about the client is believed.
    pub trusted: TrustedPeers,
    /// The state folder, when the file names one.
    pub state: Option<PathBuf>,
    /// Certificates, and who signs the missing ones.
    pub certificates: Certificates,
    /// The sites, in the order of the file.
    pub sites: Vec<Site>,
    /// The zones, and keys of transaction signatures.
    pub names: CheckedNames,
    /// Files that it was made from, beside the configuration itself: when one changes, it is worth making again.
    pub watched: Vec<PathBuf>,
    /// The raw form as `/config` shows it, secrets left out.
    pub shown: serde_json::Value,
}

/// What is written down.
#[derive(Clone, Debug)]
pub struct Logging {
    /// Where each request is written.
    pub access: AccessTarget,
    /// How its line looks.
    pub format: Format,
    /// How much Edgeway tells of itself.
    pub level: Level,
    /// Whether each DNS query is written down, too.
    pub queries: bool,
}

/// Where the access log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// The end of this file.
    File(PathBuf),
}

impl Checked {
    /// What issues certificates to other machines, if a route does.
    pub fn issues(&self) -> Option<&Arc<Issue>> {
        self.sites.iter().flat_map(|site| &site.routes).find_map(|route| match &route.end {
            End::Issue(issue) => Some(issue),
            _ => None,
        })
    }
}

/// The making of a checked form.
pub(super) struct Making<'a> {
    pub(super) raw: &'a Configuration,
    pub(super) source: &'a Source,
    pub(super) clock: SharedClock,
    pub(super) now: WallTime,
    /// The client rule of each site, once its certificate is ready.
    pub(super) rules: Vec<RuleId>,
    /// Every file that was read.
    pub(super) watched: Vec<PathBuf>,
    pub(super) found: &'a mut Diagnostics,
}

/// Makes the checked form of `raw`, in which `check` has found no errors. What only the files themselves can tell,
/// a key that belongs to another certificate for example, is told to `found`; `None` when that holds errors.
pub fn make(raw: &Configuration, source: &Source, clock: &SharedClock, found: &mut Diagnostics) -> Option<Checked> {
    let mut making =
        Making { raw, source, clock: clock.clone(), now: clock.now(), rules: Vec::new(), watched: Vec::new(), found };
    let certificates = making.certificates();
    making.rules = certificates.iter().flat_map(|made| &made.sites).map(|site| site.clients.id()).collect();
    let listening = making.listening();
    let names = making.names();
    let sites: Vec<_> = raw
        .site
        .iter()
        .enumerate()
        .map(|(index, (host, site))| {
            let rule = making.rules.get(index).copied().unwrap_or(RuleId::NONE);
            making.site(host, site, rule, listening.https_port())
        })
        .collect();
    let sites = sites.into_iter().collect::<Option<Vec<_>>>();
    if making.found.has_errors() {
        return None;
    }
    Some(Checked {
        limits: limits(raw),
        http2: http2(raw),
        connections_max: raw.limits.connections.value,
        stop_timeout: raw.limits.stop_timeout.0,
        workers: raw.workers.count.as_ref().map(|count| count.value as usize),
        logging: logging(raw, source),
        trusted: TrustedPeers::new(raw.trusted.iter().map(|network| network.block).collect()),
        state: raw.state.as_ref().map(|state| source.resolve(state.as_path())),
        certificates: certificates?,
        sites: sites?,
        names: names?,
        watched: making.watched,
        shown: raw.show(),
        listening,
    })
}

fn limits(raw: &Configuration) -> ServerLimits {
    let limits = &raw.limits;
    let mut made = ServerLimits::default();
    made.head.target_bytes_max = limits.uri_size.0.as_usize();
    made.head.head_bytes_max = limits.header_size.0.as_usize();
    // One field may fill the head, but no more.
    made.head.field_line_bytes_max = made.head.field_line_bytes_max.min(made.head.head_bytes_max);
    made.head.fields_max = limits.header_count.value as usize;
    made.head_timeout = limits.header_timeout.0;
    made.body_idle_timeout = limits.body_timeout.0;
    made.body_rate_min = u32::try_from(limits.body_rate_min.0.0).unwrap_or(u32::MAX);
    made.idle_timeout = limits.idle_timeout.0;
    made.write_stall_timeout = limits.write_timeout.0;
    made
}

fn http2(raw: &Configuration) -> h2::limits::Limits {
    let standard = h2::limits::Limits::default();
    h2::limits::Limits {
        // Pseudo-header fields and the crumbs of a cookie count here, and not in HTTP/1.1.
        field_count_max: raw.limits.header_count.value as usize + HTTP2_FIELDS_MORE,
        section_size_max: raw.limits.header_size.0.as_usize(),
        header_memory_max: standard.header_memory_max.max(raw.limits.header_size.0.as_usize()),
        ..standard
    }
}

fn logging(raw: &Configuration, source: &Source) -> Logging {
    let access = match &raw.log.access.value {
        AccessLog::Off => AccessTarget::Off,
        AccessLog::Stdout => AccessTarget::Stdout,
        AccessLog::File(path) => AccessTarget::File(source.resolve(path.as_path())),
    };
    let format = match raw.log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Combined => Format::Combined,
    };
    Logging { access, format, level: raw.log.level, queries: raw.log.queries }
}

impl Making<'_> {
    /// Reads a file that the configuration names at `span`; the reason why not is told.
    pub(super) fn read(&mut self, path: &std::path::Path, span: &Range<usize>) -> Option<Vec<u8>> {
        let place = self.source.resolve(path);
        let read = std::fs::read(&place);
        self.watched.push(place.clone());
        read.map_err(|error| {
            self.found.error(span.clone(), format!("{} cannot be read: {error}", place.display()), "expected a file");
        })
        .ok()
    }
}

#[cfg(test)]
mod tests;
