//! `proxy`, made ready: how to behave, whom to ask, and how to speak TLS to them.

use std::sync::Arc;

use edgeway_http::semantics::forwarded::TrustedPeers;
use edgeway_net::drive::proxy_protocol::Version;
use edgeway_serve::stages::proxy::Settings;
use edgeway_serve::stages::proxy::target::Place;
use edgeway_tls::certificate::Certificate;
use edgeway_tls::client::{ClientSettings, Trust};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::Making;
use crate::config::raw::{self, ProxyProtocol, UpstreamTls};
use crate::config::read::Located;
use crate::config::words::{Upstream, upstream};

/// How a route asks other servers.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// How it behaves.
    pub settings: Settings,
    /// Whom it asks.
    pub servers: Vec<Server>,
}

/// One server to ask.
#[derive(Clone, Debug)]
pub struct Server {
    /// What logs call it.
    pub label: String,
    /// Where it is.
    pub place: Place,
    /// With which PROXY protocol header its connections begin, if any.
    pub proxy_protocol: Option<Version>,
    /// How TLS is spoken to it, if it is.
    pub tls: Option<ServerTls>,
}

/// How TLS is spoken to a server.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Shared by all workers, and with it the tickets.
    pub config: Arc<ClientConfig>,
    /// The name that is sent and verified.
    pub name: ServerName<'static>,
    /// Tells apart connections that must not be shared.
    pub identity: String,
}

impl Making<'_> {
    pub(super) fn proxy(&mut self, proxy: &Located<raw::Proxy>) -> Option<Proxy> {
        let settings = Settings {
            connect_timeout: proxy.connect_timeout.0,
            first_byte_timeout: proxy.first_byte_timeout.0,
            idle_timeout: proxy.idle_timeout.0,
            attempts: proxy.retry.value + 1,
            host: None,
            trusted: TrustedPeers::new(self.raw.trusted.iter().map(|network| network.block).collect()),
            ..Settings::default()
        };
        let tls = if proxy.to.iter().any(|server| server.tls) { Some(self.client_config(proxy)?) } else { None };
        let servers = proxy.to.iter().map(|server| self.server(proxy, server, tls.as_ref()));
        let servers = servers.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
        let host = match proxy.host.as_str() {
            "client" => None,
            "server" => proxy.to.first().and_then(|server| server.authority()),
            other => Some(other.to_owned()),
        };
        Some(Proxy { settings: Settings { host: host.map(Into::into), ..settings }, servers })
    }

    fn server(
        &mut self,
        proxy: &raw::Proxy,
        server: &Located<Upstream>,
        config: Option<&Arc<ClientConfig>>,
    ) -> Option<Server> {
        let place = match &server.place {
            upstream::Place::Address(address) => Place::Address(address.clone()),
            upstream::Place::Name(name, port) => Place::Name(name.as_str().into(), *port),
        };
        let proxy_protocol = proxy.proxy_protocol.map(|version| match version {
            ProxyProtocol::V1 => Version::One,
            ProxyProtocol::V2 => Version::Two,
        });
        let tls = match config.filter(|_| server.tls) {
            Some(config) => Some(self.server_tls(proxy, server, config)?),
            None => None,
        };
        Some(Server { label: server.to_string(), place, proxy_protocol, tls })
    }

    fn server_tls(
        &mut self,
        proxy: &raw::Proxy,
        server: &Located<Upstream>,
        config: &Arc<ClientConfig>,
    ) -> Option<ServerTls> {
        let asked = proxy.tls.as_ref().and_then(|tls| tls.server_name.as_ref()).map(|name| name.to_string());
        let name = asked.or_else(|| server.server_name()).unwrap_or_default();
        let Ok(server_name) = ServerName::try_from(name.trim_matches(['[', ']']).to_owned()) else {
            let message = format!("`{}` is not a name that a certificate can be for", name);
            self.found.error(server.span.clone(), message, "add `server_name` to the proxy's `tls`");
            return None;
        };
        // Two routes to one server share connections only if they verify and identify alike.
        let identity = format!("{name} {:p}", Arc::as_ptr(config));
        Some(ServerTls { config: Arc::clone(config), name: server_name, identity })
    }

    fn client_config(&mut self, proxy: &Located<raw::Proxy>) -> Option<Arc<ClientConfig>> {
        let settings = match &proxy.tls {
            Some(tls) => self.client_settings(tls)?,
            None => ClientSettings::default(),
        };
        let settings = ClientSettings { alpn: vec![b"http/1.1".to_vec()], ..settings };
        let built = settings.build(&self.clock);
        let span = proxy.tls.as_ref().map_or_else(|| proxy.span.clone(), |tls| tls.span.clone());
        built.map_err(|error| self.found.error(span, error.to_string(), "")).ok()
    }

    fn client_settings(&mut self, tls: &Located<UpstreamTls>) -> Option<ClientSettings> {
        let mut bundle = Vec::new();
        for ca in &tls.ca {
            bundle.extend(self.read(ca.as_path(), &ca.span)?);
            bundle.push(b'\n');
        }
        let trust = match tls.ca.first() {
            _ if tls.insecure.value => Trust::Anyone,
            None => Trust::default(),
            Some(ca) => {
                let trust = Trust::from_pem(false, &bundle);
                trust.map_err(|error| self.found.error(ca.span.clone(), format!("{}: {error}", ca.value), "")).ok()?
            }
        };
        let identity = match tls.cert.as_ref().zip(tls.key.as_ref()) {
            Some((cert, key)) => {
                let (chain, private) = (self.read(cert.as_path(), &cert.span)?, self.read(key.as_path(), &key.span)?);
                let identity = Certificate::from_pem(&chain, &private);
                let tell = |error| self.found.error(cert.span.clone(), format!("{}: {error}", cert.value), "");
                Some(identity.map_err(tell).ok()?)
            }
            None => None,
        };
        Some(ClientSettings { trust, identity, ..ClientSettings::default() })
    }
}
