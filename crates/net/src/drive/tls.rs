//! Pumps one TLS session between a transport and whoever speaks HTTP above it. [`accept`] is called by the accept loop, [`connect`] by
//! the proxy stage. One read and one write of ciphertext for each wake.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use edgeway_base::world::Address;
use edgeway_tls::server::Front;
use edgeway_tls::session::Session;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};

use super::handler::{Service, TlsFacts};
use super::transport::Transport;
use crate::limits::{READ_BYTES, READ_BYTES_BULK};

/// A transport under TLS.
pub struct Tls<T> {
    session: Box<Session>,
    transport: T,
    ended: bool,
    broken: bool,
}

/// How an upstream is spoken to under TLS.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Built once for each upstream; remembers its tickets.
    pub config: Arc<ClientConfig>,
    /// The name that is sent and verified.
    pub name: ServerName<'static>,
    /// Tells apart connections that must not be shared: name and rules in one word.
    pub identity: Rc<str>,
}

/// What a handshake came to.
pub enum Accepted<T> {
    /// Speak HTTP.
    Session(Tls<T>, TlsFacts),
    /// An ACME server looked at our challenge certificate: there is nothing more to do (RFC 8737 §3).
    Challenge,
}

/// The server's handshake. The caller bounds it with a timeout. `front` is asked again when a certificate that is on its way has
/// arrived; `awaited` is told its name and answers when it is worth looking again, or `false` when it never will be.
pub async fn accept<T: Transport>(
    mut transport: T,
    front: impl Fn() -> Arc<Front>,
    local: &Address,
    awaited: impl AsyncFn(&str) -> bool,
) -> io::Result<Accepted<T>> {
    let local = match local {
        Address::Ip(address) => Some(address.ip()),
        Address::Unix(_) => None,
    };
    let mut session = Box::new(Session::accept(front(), local));
    let mut result = shake_hands(&mut session, &mut transport).await;
    // The certificate that came may have been another one: then this one is awaited on.
    while result.is_ok()
        && let Some(name) = session.awaited_certificate().map(ToString::to_string)
    {
        let looked = if awaited(&name).await { session.retry_accept(front()) } else { session.give_up_waiting() };
        result = looked.map_err(io::Error::other);
    }
    finish_accept(result, session, transport).await
}

async fn finish_accept<T: Transport>(
    result: io::Result<()>,
    mut session: Box<Session>,
    mut transport: T,
) -> io::Result<Accepted<T>> {
    let result = match result {
        Ok(()) if session.is_handshaking() => shake_hands(&mut session, &mut transport).await,
        other => other,
    };
    if let Err(error) = result {
        // The alert tells the client why; whether it can still be sent no longer matters.
        let _ = std::future::poll_fn(|context| send(&mut session, &mut transport, context)).await;
        let _ = std::future::poll_fn(|context| transport.poll_shutdown(context)).await;
        return Err(error);
    }
    if session.is_challenge() {
        std::future::poll_fn(|context| send(&mut session, &mut transport, context)).await?;
        return Ok(Accepted::Challenge);
    }
    let facts = facts_of(&session);
    Ok(Accepted::Session(Tls { session, transport, ended: false, broken: false }, facts))
}

/// The client's handshake. The caller bounds it with a timeout.
pub async fn connect<T: Transport>(mut transport: T, settings: &ClientSettings) -> io::Result<Box<dyn Transport>> {
    let session = Session::connect(Arc::clone(&settings.config), settings.name.clone()).map_err(io::Error::other)?;
    let mut session = Box::new(session);
    if let Err(error) = shake_hands(&mut session, &mut transport).await {
        let _ = std::future::poll_fn(|context| send(&mut session, &mut transport, context)).await;
        return Err(error);
    }
    Ok(Box::new(Tls { session, transport, ended: false, broken: false }))
}

/// What a server showed in a handshake.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The protocol agreed on.
    pub alpn: Option<Vec<u8>>,
    /// Its own certificate, in DER.
    pub certificate: Option<CertificateDer<'static>>,
}

/// Shakes hands as a client, tells what the server showed, and says goodbye. The caller bounds it with a timeout.
pub async fn look<T: Transport>(mut transport: T, settings: &ClientSettings) -> io::Result<Shown> {
    let session = Session::connect(Arc::clone(&settings.config), settings.name.clone()).map_err(io::Error::other)?;
    let mut session = Box::new(session);
    let result = shake_hands(&mut session, &mut transport).await;
    if result.is_ok() {
        session.close_notify();
    }
    // The alert or the goodbye; whether it can still be sent changes nothing about what was seen.
    let _ = std::future::poll_fn(|context| send(&mut session, &mut transport, context)).await;
    let _ = std::future::poll_fn(|context| transport.poll_shutdown(context)).await;
    result?;
    Ok(Shown {
        alpn: session.alpn().map(<[u8]>::to_vec),
        certificate: session.peer_certificates().and_then(|chain| chain.first().cloned()),
    })
}

/// Until the handshake is over, or a certificate is awaited.
async fn shake_hands<T: Transport>(session: &mut Session, transport: &mut T) -> io::Result<()> {
    std::future::poll_fn(|context| {
        loop {
            let sent = send(session, transport, context)?;
            if !session.is_handshaking() || session.awaited_certificate().is_some() {
                return sent.map(Ok);
            }
            if ready!(receive(session, transport, context))? == 0 {
                session.handle_end_of_input().map_err(io::Error::other)?;
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    })
    .await
}

/// Writes all ciphertext there is.
fn send<T: Transport>(session: &mut Session, transport: &mut T, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    while !session.output().is_empty() {
        let written = ready!(transport.poll_write(context, &[IoSlice::new(session.output())]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        session.consume_output(written);
    }
    transport.poll_flush(context)
}

/// Reads ciphertext once; zero at the end of input.
fn receive<T: Transport>(
    session: &mut Session,
    transport: &mut T,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let space = session.input_space();
    if space.is_empty() {
        // The session takes nothing more; an empty read would look like the end of input.
        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
    }
    let read = transport.poll_read_slice(context, space);
    // Without news the space is given back, so that an idle session holds none.
    let count = match &read {
        Poll::Ready(Ok(count)) => *count,
        _ => 0,
    };
    session.handle_input(count).map_err(io::Error::other)?;
    read
}

fn facts_of(session: &Session) -> TlsFacts {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    };
    TlsFacts {
        server_name: session.server_name().map(str::to_owned),
        version,
        cipher: session.cipher_suite().and_then(|suite| suite.as_str()).unwrap_or_default(),
        client_certificates: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.as_ref().to_vec())
            .collect(),
        client_rule: session.client_rule(),
        service: match session.alpn() {
            None => Service::Unsaid,
            Some(b"dot") => Service::Dns,
            Some(_) => Service::Http,
        },
        http2: session.alpn() == Some(b"h2"),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}

impl<T: Transport> Transport for Tls<T> {
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            if self.session.may_have_plaintext() {
                let at_most = (into.capacity() - into.len()).clamp(READ_BYTES, READ_BYTES_BULK);
                match self.session.read_plaintext(into, at_most) {
                    Ok(0) => {}
                    Ok(read) => return Poll::Ready(Ok(read)),
                    Err(error) => {
                        // The alert that tells the peer why; whether it can still leave no longer matters.
                        let _ = send(&mut self.session, &mut self.transport, context);
                        return Poll::Ready(Err(io::Error::other(error)));
                    }
                }
            }
            if self.ended || self.session.peer_has_closed() {
                return Poll::Ready(Ok(0));
            }
            if ready!(receive(&mut self.session, &mut self.transport, context))? == 0 {
                self.ended = true;
                // A missing close_notify matters where the length is not known otherwise (RFC 9112 §9.8).
                if self.session.handle_end_of_input().is_err() {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
            }
        }
    }

    fn poll_read_slice(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = BytesMut::with_capacity(into.len());
        let read = ready!(self.poll_read(context, &mut buffer))?;
        // A record is at most 16 KB, and nobody reads TLS inside TLS into less.
        let count = read.min(into.len());
        into[..count].copy_from_slice(&buffer[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let taken = self.session.write_plaintext(slices).map_err(io::Error::other)?;
        // All of a wake's records leave in one write.
        let sent = send(&mut self.session, &mut self.transport, context)?;
        if taken > 0 {
            return Poll::Ready(Ok(taken));
        }
        ready!(sent.map(io::Result::Ok))?;
        let taken = self.session.write_plaintext(slices).map_err(io::Error::other)?;
        if taken == 0 && !slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        send(&mut self.session, &mut self.transport, context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.broken {
            self.session.close_notify();
        }
        ready!(send(&mut self.session, &mut self.transport, context))?;
        self.transport.poll_shutdown(context)
    }

    /// Without close_notify the end is no end (RFC 8446 §6.1).
    fn reset(&mut self) {
        self.broken = true;
        self.transport.reset();
    }
}
