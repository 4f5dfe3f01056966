//! The server as a thing: what a worker holds, and what an operator chooses. What it does is in `query.rs`.

use std::sync::Arc;

use crate::limits::UDP_BYTES_DEFAULT;
use crate::wire::Compressor;

use super::{Catalog, Cookies, RateLimiter};

/// One worker's authoritative server.
#[derive(Debug)]
pub struct Authority {
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: Settings,
    pub(super) cookies: Option<Cookies>,
    pub(super) rate: Option<RateLimiter>,
    pub(super) compressor: Compressor,
}

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest UDP answer; the client may ask for less.
    pub udp_bytes: u16,
    /// Leave out NS records and addresses that nobody needs to go on.
    pub minimal: bool,
    /// Begin each answer with another record of the set.
    pub rotate: bool,
    /// Who this server is (RFC 5001), told to whoever asks; also for `id.server`.
    pub identity: Option<Vec<u8>>,
    /// What `version.bind` and `version.server` say.
    pub version: Option<String>,
    /// How long an idle stream is kept, in units of 100 ms, told to clients that ask (RFC 7828).
    pub stream_idle: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            udp_bytes: UDP_BYTES_DEFAULT,
            minimal: true,
            rotate: false,
            identity: None,
            version: None,
            stream_idle: None,
        }
    }
}

impl Authority {
    /// A server for the zones of `catalog`.
    pub fn new(catalog: Arc<Catalog>, settings: Settings, cookies: Option<Cookies>, rate: Option<RateLimiter>) -> Self {
        Self { catalog, settings, cookies, rate, compressor: Compressor::new() }
    }

    /// Serves other zones from the next message on.
    pub fn set_catalog(&mut self, catalog: Arc<Catalog>) {
        self.catalog = catalog;
    }

    /// The zones it serves.
    pub const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Takes other cookie secrets.
    pub fn set_cookies(&mut self, cookies: Option<Cookies>) {
        self.cookies = cookies;
    }
}
