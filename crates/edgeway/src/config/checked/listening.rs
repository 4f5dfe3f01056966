//! `[listen]`, made ready: the sockets to open.

use edgeway_http::semantics::forwarded::AddressBlock;

use super::Making;
use crate::config::words::Endpoint;
use crate::config::words::endpoint::Socket;

/// Where to listen.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// Plain HTTP.
    pub http: Vec<Endpoint>,
    /// HTTPS.
    pub https: Vec<Endpoint>,
    /// DNS by datagrams and streams.
    pub dns: Vec<Endpoint>,
    /// DNS over TLS.
    pub dot: Vec<Endpoint>,
    /// Admin.
    pub admin: Option<Endpoint>,
    /// From these, every connection begins with a PROXY protocol header.
    pub proxy_protocol: Vec<AddressBlock>,
}

impl Listening {
    /// The port that plain HTTP is redirected to; none without HTTPS.
    pub fn https_port(&self) -> Option<u16> {
        self.https.iter().find_map(Endpoint::port)
    }

    /// Whether anything is under TLS.
    pub fn has_tls(&self) -> bool {
        !self.https.is_empty() || !self.dot.is_empty()
    }

    /// All sockets of some endpoints.
    pub fn sockets(endpoints: &[Endpoint]) -> Vec<Socket> {
        endpoints.iter().flat_map(Endpoint::sockets).collect()
    }
}

impl Making<'_> {
    pub(super) fn listening(&self) -> Listening {
        let listen = &self.raw.listen;
        let endpoints =
            |list: &[crate::config::read::Located<Endpoint>]| list.iter().map(|one| one.value.clone()).collect();
        let (mut http, mut https): (Vec<_>, Vec<_>) = (endpoints(&listen.http), endpoints(&listen.https));
        if http.is_empty() && https.is_empty() && !self.raw.site.is_empty() {
            (http, https) = (vec![Endpoint::Everywhere(80)], vec![Endpoint::Everywhere(443)]);
        }
        Listening {
            http,
            https,
            dns: endpoints(&listen.dns),
            dot: endpoints(&listen.dot),
            admin: listen.admin.as_ref().map(|admin| admin.value.clone()),
            proxy_protocol: listen.proxy_protocol.iter().map(|network| network.block).collect(),
        }
    }
}
