//! What a driver asks of the storey above: an answer to a request. `serve` implements [`Handler`]; the drivers of all
//! HTTP versions call it the same way.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use edgeway_base::Instant;
use edgeway_base::world::Address;
use edgeway_http::semantics::{RequestHead, ResponseHead, Status};
use edgeway_tls::server::RuleId;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::Body;

/// Answers requests. One per worker; never shared between threads.
pub trait Handler: 'static {
    /// What the handler wants back when the response has been sent: who asked for what, for the record.
    type Ticket: 'static;

    /// Answers a request, at once where it can: [`Answering::Now`] costs no allocation.
    fn handle(self: &Rc<Self>, request: Request) -> Answering<Self::Ticket>;

    /// Answers a request that the machine refused: status and a sentence for the page. `head` holds what was read of
    /// it, which may be nothing.
    fn refuse(self: &Rc<Self>, request: Request, status: Status, reason: &'static str) -> Answer<Self::Ticket>;

    /// The response was sent, or not: see [`Sent::complete`]. Gives the head back, whose memory the next request
    /// of the connection uses.
    fn finished(&self, ticket: Self::Ticket, sent: Sent) -> Option<Box<RequestHead>>;

    /// A connection was accepted.
    fn connected(&self) {}

    /// A connection is over.
    fn disconnected(&self) {}

    /// A connection did not get as far as HTTP.
    fn handshake_failed(&self) {}
}

/// A request as a driver hands it over.
pub struct Request {
    /// Everything before the content.
    pub head: Box<RequestHead>,
    /// The content.
    pub body: Body,
    /// An empty head with warm memory, for the response.
    pub reply: ResponseHead,
    /// The connection it came on.
    pub connection: Rc<ConnectionFacts>,
    /// The way back for interim responses; `None` where there is none (HTTP/1.0).
    pub link: Option<Rc<dyn Link>>,
    /// When its head was complete.
    pub received: Instant,
}

/// The way back to the client while the response is still being made.
pub trait Link {
    /// Sends a 1xx response.
    fn send_informational(&self, head: &ResponseHead);
}

/// What is known of a connection, the same for all its requests.
#[derive(Debug)]
pub struct ConnectionFacts {
    /// The other side: the client, as the PROXY protocol told it where that is trusted.
    pub peer: Address,
    /// The address of [`ConnectionFacts::peer`] as text; empty on a Unix socket. Made once, for every request's fields.
    pub peer_text: Box<str>,
    /// The socket's other side, whatever the PROXY protocol said.
    pub socket_peer: Address,
    /// Our side.
    pub local: Address,
    /// What TLS agreed on, where there is TLS.
    pub tls: Option<Box<TlsFacts>>,
    /// Number of the worker that serves it.
    pub worker: usize,
}

/// What TLS agreed on.
#[derive(Debug, Clone)]
pub struct TlsFacts {
    /// The name the client asked for (SNI), in lower case.
    pub server_name: Option<String>,
    /// `TLSv1.3`, as logs write it.
    pub version: &'static str,
    /// The cipher suite's name.
    pub cipher: &'static str,
    /// The client's certificate chain in DER, where one was shown and verified.
    pub client_certificates: Vec<Vec<u8>>,
    /// Which set of client-certificate rules the connection satisfied.
    pub client_rule: RuleId,
    /// For which service both sides agreed to speak (ALPN).
    pub service: Service,
    /// Whether HTTP/2 was agreed on.
    pub http2: bool,
    /// Whether a session was resumed.
    pub resumed: bool,
}

/// What the protocol that TLS agreed on (ALPN, RFC 7301) is for. A client that was led to another door than it meant to knock at
/// is turned away, or it would take one service's words for another's (RFC 9325 §3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Service {
    /// Nothing was said: what the listener is for.
    #[default]
    Unsaid,
    /// HTTP, any version.
    Http,
    /// DNS (RFC 7858).
    Dns,
}

/// An answer, now or later.
pub enum Answering<T> {
    /// Here it is.
    Now(Answer<T>),
    /// Poll this.
    Later(Pin<Box<dyn Future<Output = Answer<T>>>>),
}

/// A response and what the handler wants back after it was sent.
pub struct Answer<T> {
    /// The response.
    pub response: Response,
    /// Given to [`Handler::finished`].
    pub ticket: T,
}

/// A response.
#[derive(Default)]
pub struct Response {
    /// Status and fields. Framing fields (Content-Length, Transfer-Encoding, Connection) are the dialect's to write.
    pub head: ResponseHead,
    /// The content.
    pub body: Body,
    /// With 101, or 2xx to CONNECT: what happens to the connection (or stream) then.
    pub tunnel: Option<Tunnel>,
}

impl Response {
    /// A response without fields and content.
    pub fn new(status: Status) -> Self {
        Self { head: ResponseHead::new(status), body: Body::Empty, tunnel: None }
    }

    /// The same with content.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Its status.
    pub const fn status(&self) -> Status {
        self.head.status
    }
}

/// A stream of bytes in both directions, whatever it runs over.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// Takes over the client's stream and returns when the tunnel is closed: bytes carried from and to the client.
pub type Tunnel = Box<dyn FnOnce(Box<dyn Duplex>) -> Pin<Box<dyn Future<Output = (u64, u64)>>>>;

/// How a response ended.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Status of the final response.
    pub status: Status,
    /// Content bytes handed to the connection.
    pub body_bytes: u64,
    /// Whether all of it was handed over. False: the client left, or the content broke off.
    pub complete: bool,
    /// When the last byte was handed over.
    pub at: Instant,
}
