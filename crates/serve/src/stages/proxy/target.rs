//! Where an upstream is and how it is reached: addresses, names, TLS, the PROXY protocol. Asked by the proxy for a connection, from the pool
//! or newly opened.

use std::io;
use std::rc::Rc;

use edgeway_base::Instant;
use edgeway_base::world::Address;
use edgeway_net::drive::pool::{Pool, PoolKey};
use edgeway_net::drive::transport::Transport;
use edgeway_net::drive::upstream::{CallError, Connection};

use super::Settings;
use crate::exchange::Exchange;

/// Where an upstream listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// An address or a Unix socket.
    Address(Address),
    /// A name and port, looked up when a connection is opened.
    Name(Box<str>, u16),
}

/// One upstream.
pub struct Target {
    label: Rc<str>,
    place: Place,
    /// Whether connections begin with a PROXY protocol header; those are never shared between clients.
    proxy_protocol: Option<edgeway_net::drive::proxy_protocol::Version>,
    tls: Option<edgeway_net::drive::tls::ClientSettings>,
}

impl Target {
    /// An upstream at `place`; `label` is what logs and metrics call it.
    pub fn new(label: &str, place: Place) -> Self {
        Self { label: label.into(), place, proxy_protocol: None, tls: None }
    }

    /// The same, under TLS.
    pub fn with_tls(mut self, settings: edgeway_net::drive::tls::ClientSettings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// The same, with a PROXY protocol header in front of every connection.
    pub const fn with_proxy_protocol(mut self, version: edgeway_net::drive::proxy_protocol::Version) -> Self {
        self.proxy_protocol = Some(version);
        self
    }

    /// What logs call it.
    pub const fn label(&self) -> &Rc<str> {
        &self.label
    }

    /// A connection, and the pool it returns to.
    pub async fn connect(
        &self,
        exchange: &Exchange,
        settings: &Settings,
        now: Instant,
    ) -> Result<(Box<Connection>, Option<(Rc<Pool>, PoolKey)>), CallError> {
        let edge = &exchange.edge;
        let home = self.proxy_protocol.is_none().then(|| (Rc::clone(&edge.pool), self.pool_key()));
        if let Some((pool, key)) = &home {
            let taken = std::future::poll_fn(|context| std::task::Poll::Ready(pool.take(context, key, now))).await;
            if let Some(connection) = taken {
                return Ok((connection, home));
            }
        }
        edge.recorder().metrics().upstream_connections.add(1);
        let opened = tokio::time::timeout(settings.connect_timeout, self.open(exchange)).await;
        let transport = match opened {
            Ok(opened) => opened.map_err(CallError::Failed)?,
            Err(_) => return Err(CallError::Failed(io::ErrorKind::TimedOut.into())),
        };
        Ok((Box::new(Connection::new(transport, settings.limits)), home))
    }

    async fn open(&self, exchange: &Exchange) -> io::Result<Box<dyn Transport>> {
        let outside = &exchange.edge.outside;
        let mut transport = match &self.place {
            Place::Address(address) => outside.dial(address).await?,
            Place::Name(name, port) => {
                let addresses = outside.resolve(name, *port).await?;
                dial_first(&**outside, addresses).await?
            }
        };
        if let Some(version) = self.proxy_protocol {
            let header = version.encode(&exchange.connection.peer, &exchange.connection.local);
            edgeway_net::drive::transport::write_all(&mut transport, &header).await?;
        }
        match &self.tls {
            Some(tls) => edgeway_net::drive::tls::connect(transport, tls).await,
            None => Ok(transport),
        }
    }

    fn pool_key(&self) -> PoolKey {
        PoolKey { place: Rc::clone(&self.label), identity: self.tls.as_ref().map(|tls| Rc::clone(&tls.identity)) }
    }
}

/// The first address that accepts.
async fn dial_first(
    outside: &dyn edgeway_net::drive::outside::Outside,
    addresses: Vec<std::net::SocketAddr>,
) -> io::Result<Box<dyn Transport>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match outside.dial(&Address::Ip(address)).await {
            Ok(transport) => return Ok(transport),
            Err(error) => last = error,
        }
    }
    Err(last)
}
