//! `proxy`: asking another server on the client's behalf.

use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::read::{Located, Node, Reader, Value};
use crate::config::words::{FieldValue, FilePath, Host, Period, Upstream};

table! {
    /// Asks another server and passes its answer on.
    "proxy" ProxyTable {
        /// The servers.
        to: Vec<Located<Upstream>>,
        /// Which of them is next.
        balance: Balance = "round-robin",
        /// The `Host` the server is asked for: `"client"` is the one the client asked for, `"server"` the server's own
        /// name, anything else is sent as it stands.
        host: FieldValue = "client",
        /// Time to connect, TLS included. Longer is answered with 504.
        connect_timeout: Located<Period> = "5s",
        /// Time from the end of the request to the first byte of the answer. Longer is answered with 504.
        first_byte_timeout: Located<Period> = "60s",
        /// Time that an answer, or a tunnel such as a WebSocket, may stand still.
        idle_timeout: Located<Period> = "5m",
        /// How many more times a request is tried, on the next server, when nothing of it was sent or its method is
        /// idempotent and no byte of an answer has come.
        retry: Located<u32> = "1",
        /// Announces the client to the server with a PROXY protocol header; each connection is then used once.
        proxy_protocol: Option<ProxyProtocol>,
        /// How to speak to `https://` servers.
        tls: Option<Located<UpstreamTls>>,
    }
}

words! {
    /// Which server is next.
    Balance, "\"round-robin\"" {
        /// Each in turn.
        RoundRobin = "round-robin",
    }
}

words! {
    /// A version of the PROXY protocol.
    ProxyProtocol, "\"v1\" or \"v2\"" {
        /// One line of text.
        V1 = "v1",
        /// Binary.
        V2 = "v2",
    }
}

table! {
    /// TLS towards a server.
    "a proxy's tls" UpstreamTls {
        /// The certificate authorities its certificate must come from, as PEM files. Without it: the public ones.
        ca: Vec<Located<FilePath>>,
        /// The name its certificate must be for, when that is not the name in `to`.
        server_name: Option<Located<Host>>,
        /// The certificate to show to it, in PEM.
        cert: Option<Located<FilePath>>,
        /// The private key of that certificate, in PEM.
        key: Option<Located<FilePath>>,
        /// Accepts any certificate. Whoever is between can then read and change everything.
        insecure: Located<bool> = "false",
    }
}

/// Servers written as one, a list or a table.
#[derive(Clone, Debug)]
pub struct Proxy(pub ProxyTable);

impl std::ops::Deref for Proxy {
    type Target = ProxyTable;
    fn deref(&self) -> &ProxyTable {
        &self.0
    }
}

impl Value for Proxy {
    fn expected() -> String {
        format!("{}, a list of such, or a table with `to`", Upstream::expected())
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        if node.get_ref().is_table() {
            return ProxyTable::read(node, reader).map(Self);
        }
        if node.get_ref().is_array() || node.get_ref().is_str() {
            let to = Vec::read(node, reader)?;
            return Some(Self(ProxyTable { to, ..ProxyTable::absent()? }));
        }
        reader.mismatch::<Self>(node);
        None
    }

    fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (servers, table) = (Vec::<Upstream>::schema(generator), ProxyTable::schema(generator));
        schemars::json_schema!({"anyOf": [servers, table]})
    }

    fn show(&self) -> serde_json::Value {
        self.0.show()
    }
}
