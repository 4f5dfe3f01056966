//! Carries the keeper's requests: one connection each, over TCP and TLS of `net`. Requests are few and far between, so nothing
//! is pooled.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use edgeway_base::world::Address;
use edgeway_base::{Entropy, Instant, WallTime};
use edgeway_http::h1::machine::ClientLimits;
use edgeway_http::semantics::{BodyLength, FieldName, Method, RequestHead, ResponseHead, Scheme, percent};
use edgeway_net::drive::Body;
use edgeway_net::drive::outside::{Boxed, Outside};
use edgeway_net::drive::tls::{self, ClientSettings};
use edgeway_net::drive::transport::Transport;
use edgeway_net::drive::upstream::{Call, CallContext, CallTimeouts, Connection, Outgoing, Reply};
use edgeway_net::os::Kernel;
use edgeway_tls::acme::exchange::{Method as AcmeMethod, Request, Response};
use edgeway_tls::session::Session;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};

use super::Errands;
use crate::limits::{FETCH_BODY_BYTES_MAX, FETCH_TIMEOUT, HANDSHAKE_READ_BYTES};

/// The kernel's network, and whom to believe there.
pub struct Fetcher {
    outside: Rc<dyn Outside>,
    config: Arc<ClientConfig>,
}

impl Fetcher {
    /// A fetcher that believes servers as `config` says.
    pub fn new(world: Kernel, config: Arc<ClientConfig>) -> Self {
        Self { outside: Rc::new(world), config }
    }

    /// Carries one request; the error is a sentence.
    pub async fn fetch(&self, request: &Request) -> Result<Response, String> {
        let url = Url::parse(&request.url)?;
        let exchanged = tokio::time::timeout(FETCH_TIMEOUT, self.exchange(&url, request)).await;
        exchanged
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
            .map_err(|error| format!("{}: {error}", url.authority))
    }

    async fn exchange(&self, url: &Url<'_>, request: &Request) -> Result<Response, String> {
        let transport = self.connect(url).await.map_err(|error| error.to_string())?;
        let connection = Box::new(Connection::new(transport, ClientLimits::default()));
        let content = Body::from(Bytes::from(request.body.clone()));
        let head = head(url, request, content.length())?;
        let timeouts = CallTimeouts { first_byte: FETCH_TIMEOUT, idle: FETCH_TIMEOUT };
        let (reply, outside, now) = (ResponseHead::default(), Rc::clone(&self.outside), self.outside.now());
        let mut call = Box::new(Call::new(
            connection,
            Outgoing { head: &head, content, reply },
            CallContext { outside, timeouts, home: None, now },
        ));
        loop {
            match call.reply().await {
                Ok((Reply::Informational(_), Some(rest))) => call = rest,
                Ok((Reply::Final(head, mut body), _)) => {
                    let body = body.collect(FETCH_BODY_BYTES_MAX).await.map_err(|error| error.to_string())?;
                    return Ok(response(&head, &body));
                }
                Ok(_) => return Err("the answer is not one to a request".to_owned()),
                Err((error, _)) => return Err(error.to_string()),
            }
        }
    }

    async fn connect(&self, url: &Url<'_>) -> io::Result<Box<dyn Transport>> {
        let transport = self.dial(url.host, url.port).await?;
        if url.scheme == Scheme::Https { self.secure(transport, url.host).await } else { Ok(transport) }
    }

    /// The first address of a host that accepts.
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Transport>> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.outside.resolve(host, port).await? {
            match self.outside.dial(&Address::Ip(address)).await {
                Ok(transport) => return Ok(transport),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn secure(&self, transport: Box<dyn Transport>, host: &str) -> io::Result<Box<dyn Transport>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let settings = ClientSettings { config: Arc::clone(&self.config), name, identity: host.into() };
        tls::connect(transport, &settings).await
    }
}

/// What a machine shows in a TLS handshake on port 443: the protocol agreed on, and its certificate.
///
/// # Errors
/// What stood in the way of a whole handshake.
pub async fn show_tls(
    fetcher: &Fetcher,
    host: &str,
    server_name: &str,
) -> io::Result<(Option<Vec<u8>>, CertificateDer<'static>)> {
    let shaken = tokio::time::timeout(FETCH_TIMEOUT, async {
        let transport = fetcher.dial(host, Scheme::Https.default_port()).await?;
        let name = ServerName::try_from(server_name.to_owned()).map_err(io::Error::other)?;
        let session = Session::connect(Arc::clone(&fetcher.config), name).map_err(io::Error::other)?;
        shake_hands(transport, session).await
    });
    let session = shaken.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let certificate = session.peer_certificates().and_then(|chain| chain.first()).cloned();
    let certificate = certificate.ok_or_else(|| io::Error::other("no certificate was shown"))?;
    Ok((session.alpn().map(<[u8]>::to_vec), certificate))
}

async fn shake_hands(mut transport: Box<dyn Transport>, mut session: Session) -> io::Result<Session> {
    let mut buffer = BytesMut::with_capacity(HANDSHAKE_READ_BYTES);
    loop {
        while !session.output().is_empty() {
            let written = poll_fn(|context| transport.poll_write(context, &[IoSlice::new(session.output())])).await?;
            session.consume_output(written);
        }
        poll_fn(|context| transport.poll_flush(context)).await?;
        if !session.is_handshaking() {
            return Ok(session);
        }
        if poll_fn(|context| transport.poll_read(context, &mut buffer)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !buffer.is_empty() && session.is_handshaking() {
            let space = session.input_space();
            let count = space.len().min(buffer.len());
            space[..count].copy_from_slice(&buffer.split_to(count));
            session.handle_input(count).map_err(io::Error::other)?;
        }
        buffer.reserve(HANDSHAKE_READ_BYTES);
    }
}

impl Errands for Fetcher {
    fn now(&self) -> Instant {
        self.outside.now()
    }

    fn wall(&self) -> WallTime {
        self.outside.wall()
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        self.outside.entropy()
    }

    fn carry<'a>(&'a self, request: &'a Request) -> Boxed<'a, Result<Response, String>> {
        Box::pin(self.fetch(request))
    }

    fn may_issue<'a>(&'a self, ask: &'a str, name: &'a str) -> Boxed<'a, bool> {
        Box::pin(async move {
            let separator = if ask.contains('?') { '&' } else { '?' };
            let url = format!("{ask}{separator}name={}", percent::encode_segment(name.as_bytes()));
            match self.fetch(&Request::fetch(AcmeMethod::Get, &url)).await {
                Ok(response) => response.status == 200,
                Err(error) => {
                    tracing::warn!("who decides about certificates cannot be asked: {error}");
                    false
                }
            }
        })
    }
}

fn head(url: &Url<'_>, request: &Request, length: BodyLength) -> Result<RequestHead, String> {
    let mut head = RequestHead::default();
    head.method = match request.method {
        AcmeMethod::Get => Method::Get,
        AcmeMethod::Head => Method::Head,
        AcmeMethod::Post => Method::Post,
    };
    (head.scheme, head.body) = (url.scheme, length);
    head.set_target(url.target.as_bytes());
    head.set_authority(url.authority.as_bytes()).map_err(|_| "the URL names no host".to_owned())?;
    head.fields.append(FieldName::Host, url.authority);
    // RFC 8555 §6.1: clients must send one.
    head.fields.append(FieldName::UserAgent, concat!("edgeway/", env!("CARGO_PKG_VERSION")));
    if let Some(content_type) = &request.content_type {
        head.fields.append(FieldName::ContentType, content_type);
    }
    Ok(head)
}

fn response(head: &ResponseHead, body: &[u8]) -> Response {
    let mut response = Response::new(head.status.code(), body.to_vec());
    for field in head.fields.iter() {
        response = response.with(field.name, String::from_utf8_lossy(field.value));
    }
    response
}

/// The parts of a URL that a request needs (RFC 3986 §3).
#[derive(PartialEq, Eq, Debug)]
struct Url<'a> {
    scheme: Scheme,
    authority: &'a str,
    host: &'a str,
    port: u16,
    target: &'a str,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let wrong = || format!("\"{}\" is not a URL that can be asked", text.escape_debug());
        let (scheme, rest) = match text.split_once("://").ok_or_else(wrong)? {
            ("https", rest) => (Scheme::Https, rest),
            ("http", rest) => (Scheme::Http, rest),
            _ => return Err(wrong()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let target = target.split('#').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, scheme.default_port()),
        };
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let good = !host.is_empty() && !text.contains('@') && text.bytes().all(|byte| byte.is_ascii_graphic());
        let target = if target.is_empty() { "/" } else { target };
        if !good || !target.starts_with('/') {
            return Err(wrong());
        }
        Ok(Self { scheme, authority, host, port, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, parts) in [
            ("https://ca.test/dir", Some((Scheme::Https, "ca.test", "ca.test", 443, "/dir"))),
            ("http://127.0.0.1:9000", Some((Scheme::Http, "127.0.0.1:9000", "127.0.0.1", 9000, "/"))),
            ("https://[::1]:8443/a?b#c", Some((Scheme::Https, "[::1]:8443", "::1", 8443, "/a?b"))),
            ("https://[::1]/", Some((Scheme::Https, "[::1]", "::1", 443, "/"))),
            ("ftp://ca.test/", None),
            ("https://", None),
            ("https://a:b/", None),
            ("https://u@a/", None),
            ("https://a/\r\nHost: b", None),
            ("/dir", None),
        ] {
            let parsed = Url::parse(text).ok();
            let expected =
                parts.map(|(scheme, authority, host, port, target)| Url { scheme, authority, host, port, target });
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
