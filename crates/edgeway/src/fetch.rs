//! Our own client for what the program itself must ask of other machines: one request, one response in memory, on a connection of
//! its own. Called by the keeper of ACME certificates ([`crate::run::keeper`]) and by the authority's visits
//! ([`crate::authority`]); hands on to `net`'s drivers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::world::Address;
use edgeway_http::h1::machine::ClientLimits;
use edgeway_http::semantics::{FieldName, Method, RequestHead, ResponseHead, Scheme, Status};
use edgeway_net::drive::Body;
use edgeway_net::drive::outside::Outside;
use edgeway_net::drive::tls::{self, ClientSettings};
use edgeway_net::drive::transport::Transport;
use edgeway_net::drive::upstream::{Call, CallContext, CallTimeouts, Connection, Outgoing, Reply};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use crate::limits::{FETCH_CONNECT_TIMEOUT, FETCH_INFORMATIONAL_MAX, FETCH_TIMEOUT};

/// Where a request goes: an absolute `http` or `https` URL, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// With or without TLS.
    pub scheme: Scheme,
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// The port, written or not.
    pub port: u16,
    /// Path and query.
    pub target: String,
    authority: String,
}

impl Place {
    /// Takes a URL apart; `None` when it is none of ours. The fragment is left out (RFC 9110 §7.1).
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = match url.split_once("://")? {
            ("http", rest) => (Scheme::Http, rest),
            ("https", rest) => (Scheme::Https, rest),
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        // The same judgement as for requests that come in: what has two readings is refused.
        let mut head = RequestHead::default();
        head.set_authority(authority.as_bytes()).ok().filter(|()| !head.host().is_empty())?;
        let host = head.host().trim_matches(['[', ']']).to_owned();
        let port = head.port().unwrap_or_else(|| scheme.default_port());
        Some(Self { scheme, host, port, target, authority: head.authority().to_owned() })
    }

    /// The URL that `reference` means when it is found here; absolute URLs and absolute paths alone (RFC 9110 §10.2.2).
    pub fn join(&self, reference: &str) -> Option<Self> {
        match reference.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => {
                Self::parse(&format!("{}://{}{reference}", self.scheme.as_str(), self.authority))
            }
            _ => Self::parse(reference),
        }
    }
}

/// A request.
pub struct Request {
    /// GET, HEAD or POST.
    pub method: Method,
    /// Where it goes.
    pub place: Place,
    /// The content and its media type.
    pub content: Option<(String, Bytes)>,
    /// Bytes of the response's content; more is a failure.
    pub content_max: usize,
}

impl Request {
    /// GET of `place`.
    pub const fn get(place: Place, content_max: usize) -> Self {
        Self { method: Method::Get, place, content: None, content_max }
    }
}

/// A response.
pub struct Response {
    /// Status and fields.
    pub head: ResponseHead,
    /// All of its content.
    pub content: Bytes,
}

impl Response {
    /// Its status.
    pub const fn status(&self) -> Status {
        self.head.status
    }
}

/// How far a request got.
#[derive(Debug)]
pub enum FetchError {
    /// The name has no address.
    Name(io::Error),
    /// None of its addresses accepts.
    Connection(io::Error),
    /// It does not speak TLS as it should, or is not who it should be.
    Tls(io::Error),
    /// What it answers is not HTTP, breaks off, or is too long.
    Exchange(String),
    /// It takes too long.
    TooSlow,
}

impl fmt::Display for FetchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(formatter, "its address is not found: {error}"),
            Self::Connection(error) => write!(formatter, "it does not accept a connection: {error}"),
            Self::Tls(error) => write!(formatter, "the TLS handshake failed: {error}"),
            Self::Exchange(error) => formatter.write_str(error),
            Self::TooSlow => formatter.write_str("it did not answer in time"),
        }
    }
}

impl std::error::Error for FetchError {}

/// Makes requests. Remembers TLS tickets of the servers it met, and nothing else.
#[derive(Clone)]
pub struct Fetcher {
    outside: Rc<dyn Outside>,
    config: Arc<ClientConfig>,
}

impl Fetcher {
    /// A client that believes servers as `config` does.
    pub fn new(outside: Rc<dyn Outside>, config: Arc<ClientConfig>) -> Self {
        Self { outside, config }
    }

    /// Clocks and the way to dial.
    pub fn outside(&self) -> &dyn Outside {
        &*self.outside
    }

    /// Makes a request; all of it takes at most [`FETCH_TIMEOUT`].
    ///
    /// # Errors
    /// How far it got.
    pub async fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let bounded = tokio::time::timeout(FETCH_TIMEOUT, self.exchange(request)).await;
        bounded.unwrap_or(Err(FetchError::TooSlow))
    }

    async fn exchange(&self, request: Request) -> Result<Response, FetchError> {
        let Request { method, place, content, content_max } = request;
        let transport = self.connect(&place).await?;
        let mut head = RequestHead::default();
        (head.method, head.scheme) = (method, place.scheme);
        head.set_target(place.target.as_bytes());
        let malformed = |_| FetchError::Exchange("its name cannot stand in a request".to_owned());
        head.set_authority(place.authority.as_bytes()).map_err(malformed)?;
        head.fields.append(FieldName::Host, &place.authority);
        // RFC 8555 §6.1 asks clients to say who they are.
        head.fields.append(FieldName::UserAgent, concat!("edgeway/", env!("CARGO_PKG_VERSION")));
        let mut body = Body::Empty;
        if let Some((media_type, content)) = content {
            head.fields.append(FieldName::ContentType, media_type);
            body = Body::Full(content);
        }
        let connection = Box::new(Connection::new(transport, ClientLimits::default()));
        let timeouts = CallTimeouts { first_byte: FETCH_TIMEOUT, idle: FETCH_TIMEOUT };
        head.body = body.length();
        let (outside, now) = (Rc::clone(&self.outside), self.outside.now());
        let outgoing = Outgoing { head: &head, content: body, reply: ResponseHead::default() };
        let mut call = Box::new(Call::new(connection, outgoing, CallContext { outside, timeouts, home: None, now }));
        for _ in 0..=FETCH_INFORMATIONAL_MAX {
            match call.reply().await {
                Ok((Reply::Informational(_), Some(rest))) => call = rest,
                Ok((Reply::Final(head, mut body), _)) => {
                    let collected = body.collect(content_max).await;
                    let content = collected.map_err(|error| FetchError::Exchange(error.to_string()))?;
                    return Ok(Response { head, content });
                }
                Ok(_) => break,
                Err((error, _)) => return Err(FetchError::Exchange(error.to_string())),
            }
        }
        Err(FetchError::Exchange("it never comes to an answer".to_owned()))
    }

    async fn connect(&self, place: &Place) -> Result<Box<dyn Transport>, FetchError> {
        let transport = dial(&*self.outside, &place.host, place.port).await?;
        if place.scheme == Scheme::Http {
            return Ok(transport);
        }
        let name = ServerName::try_from(place.host.clone());
        let name = name.map_err(|error| FetchError::Tls(io::Error::other(error)))?;
        let settings = ClientSettings { config: Arc::clone(&self.config), name, identity: "".into() };
        tls::connect(transport, &settings).await.map_err(FetchError::Tls)
    }
}

/// A connection to the first address of `host` that accepts.
///
/// # Errors
/// [`FetchError::Name`], [`FetchError::Connection`].
pub async fn dial(outside: &dyn Outside, host: &str, port: u16) -> Result<Box<dyn Transport>, FetchError> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(outside, host, port).await? {
        match bounded(outside, address).await {
            Ok(transport) => return Ok(transport),
            Err(error) => last = error,
        }
    }
    Err(FetchError::Connection(last))
}

async fn bounded(outside: &dyn Outside, address: SocketAddr) -> io::Result<Box<dyn Transport>> {
    let place = Address::Ip(address);
    let limit: Duration = FETCH_CONNECT_TIMEOUT;
    tokio::time::timeout(limit, outside.dial(&place)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn addresses(outside: &dyn Outside, host: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // RFC 6761 §6.3: names under localhost mean this machine, and no server is asked about them.
    if host == "localhost" || host.ends_with(".localhost") {
        let loopback = [std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    outside.resolve(host, port).await.map_err(FetchError::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_or_refused() {
        for (url, host, port, target) in [
            ("https://Example.com", "example.com", 443, "/"),
            ("http://example.com:8080/a?b#c", "example.com", 8080, "/a?b"),
            ("https://[::1]:14000/dir", "::1", 14000, "/dir"),
            ("http://127.0.0.1?x", "127.0.0.1", 80, "/?x"),
        ] {
            let place = Place::parse(url).unwrap();
            assert_eq!((&*place.host, place.port, &*place.target), (host, port, target), "{url}");
        }
        for wrong in ["ftp://a/", "https://", "https:///x", "https://u@h/", "/x", "https://a/ b", "https://a:99999/"] {
            assert!(Place::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn redirects_are_joined() {
        let here = Place::parse("http://a.test:81/x").unwrap();
        for (reference, joined) in [
            ("/y", Some("http://a.test:81/y")),
            ("https://b.test/z", Some("https://b.test/z")),
            ("y", None),
            ("//b/", None),
        ] {
            assert_eq!(here.join(reference), joined.and_then(Place::parse), "{reference}");
        }
    }
}
