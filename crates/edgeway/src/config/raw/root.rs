//! The whole file.

use super::{Limits, Listen, Log, Site, Tls, TsigKey, Zone};
use crate::config::read::table::table;
use crate::config::read::{Entries, Located, Section};
use crate::config::words::{FilePath, Host, Network, ZoneName};

table! {
    /// One file of TOML. Relative paths in it start at the folder of the file.
    "the configuration" Configuration {
        /// Where to listen.
        listen: Section<Listen>,
        /// Certificates and versions of TLS.
        tls: Section<Tls>,
        /// What is written down about requests, and about Edgeway itself.
        log: Section<Log>,
        /// How much anyone may ask for.
        limits: Section<Limits>,
        /// How many cores to use.
        workers: Section<Workers>,
        /// Proxies in front of Edgeway whose word about the client is believed: from these networks, `Forwarded`
        /// and `X-Forwarded-For` are read; from everyone else they are replaced.
        trusted: Vec<Located<Network>>,
        /// The folder in which Edgeway keeps what must outlive a restart: its own certificate authority, issued
        /// certificates, ticket keys. Without it: `$XDG_STATE_HOME/edgeway` or `~/.local/state/edgeway`.
        state: Option<FilePath>,
        /// The sites, by host name: `[site."example.com"]`. `[site."*.example.com"]` is for every name below
        /// that has no site of its own.
        site: Entries<Host, Site>,
        /// Names this server is the authority for: `[zone."example.com"]`.
        zone: Entries<ZoneName, Zone>,
        /// Secrets shared with other name servers: `[tsig."key.example.com"]`.
        tsig: Entries<ZoneName, TsigKey>,
    }
}

table! {
    /// How many cores to use.
    "[workers]" Workers {
        /// Worker threads, each with its own listeners and upstream connections. Without it: one for each core.
        count: Option<Located<u32>>,
    }
}
