//! `[listen]`: where Edgeway can be reached.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::words::{Endpoint, Network};

table! {
    /// Where to listen. Without this section, a file with sites listens on `:80` and `:443`.
    "[listen]" Listen {
        /// Plain HTTP.
        http: Vec<Located<Endpoint>>,
        /// HTTP/2 and HTTP/1.1 over TLS.
        https: Vec<Located<Endpoint>>,
        /// DNS, by datagrams and streams (UDP and TCP) alike.
        dns: Vec<Located<Endpoint>>,
        /// DNS over TLS (RFC 7858), usually on port 853. Its certificates are those of the sites; clients verify the name
        /// of one of them.
        dot: Vec<Located<Endpoint>>,
        /// Metrics, health, the running configuration and reload. Only this machine may ask, so it must be an
        /// address of this machine alone, or a Unix socket.
        admin: Option<Located<Endpoint>>,
        /// Load balancers in front that announce the client with a PROXY protocol header (version 1 or 2).
        /// Connections from these networks must start with one; from all others, none is read.
        proxy_protocol: Vec<Located<Network>>,
    }
}
