//! One request and all that is known of it. Made by [`crate::edge`] from what the driver hands over; every stage gets it by
//! mutable reference; its ticket outlives it and becomes a line of the access log.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use edgeway_base::Instant;
use edgeway_base::world::Address;
use edgeway_http::semantics::forwarded::{Origin, TrustedPeers};
use edgeway_http::semantics::percent::NormalPath;
use edgeway_http::semantics::{RequestHead, ResponseHead, Status, forwarded};
use edgeway_net::drive::{Body, ConnectionFacts, Link, Request, Response};

use crate::edge::Edge;
use crate::plan::Site;

/// A request on its way through the chain.
pub struct Exchange {
    /// Everything before the content, as received. Stages that send it on change a copy.
    pub head: Box<RequestHead>,
    /// The content; taken by whoever uses it.
    pub body: Body,
    /// The path in its one normal form: routes, files, cache keys and upstreams all use this.
    pub path: NormalPath,
    /// An empty head with warm memory; see [`Exchange::respond`].
    pub reply: ResponseHead,
    /// The connection it came on.
    pub connection: Rc<ConnectionFacts>,
    /// The way back for 1xx responses.
    pub link: Option<Rc<dyn Link>>,
    /// The worker that serves it: clocks, the way to dial, pools.
    pub edge: Rc<Edge>,
    /// When its head was complete.
    pub received: Instant,
    /// What the record will say.
    pub notes: Notes,
}

/// What stages learned, for the record.
#[derive(Default)]
pub struct Notes {
    /// The target as it was received, where a rewrite has changed it: what the client signed and what the log shows.
    pub rewritten_from: Option<Box<str>>,
    /// Who signed in.
    pub user: Option<Box<str>>,
    /// Number of the site's route that answered, and its site.
    pub route: Option<(Rc<Site>, usize)>,
    /// The upstream that answered, and how many were tried.
    pub upstream: Option<(Rc<str>, u32)>,
    /// Whether the response came from an upstream and keeps its own pages and fields.
    pub passed_through: bool,
}

impl Exchange {
    /// Takes over a request. The path is normalised by the chain.
    pub fn new(request: Request, edge: Rc<Edge>) -> Self {
        let Request { head, body, reply, connection, link, received } = request;
        Self { head, body, path: edge.take_path(), reply, connection, link, edge, received, notes: Notes::default() }
    }

    /// A response with this status and no fields, in warm memory.
    pub fn respond(&mut self, status: Status) -> Response {
        let mut head = std::mem::take(&mut self.reply);
        head.fields.clear();
        head.status = status;
        Response { head, body: Body::Empty, tunnel: None }
    }

    /// The target as the client sent it, rewritten or not.
    pub fn asked_target(&self) -> &str {
        self.notes.rewritten_from.as_deref().unwrap_or_else(|| self.head.target())
    }

    /// The address of the connection's other side; the unspecified one on a Unix socket.
    pub fn peer(&self) -> IpAddr {
        address_of(&self.connection)
    }

    /// Who the client is, where it came from and under which scheme, as far as the peers in `trusted` are believed.
    pub fn origin(&self, trusted: &TrustedPeers) -> Origin {
        forwarded::origin(&self.head.fields, self.peer(), trusted)
    }

    /// Splits off what is needed after the response has been sent.
    pub fn into_ticket(self) -> Ticket {
        let peer = self.peer();
        let edge = self.edge;
        edge.give_path(self.path);
        Ticket { head: self.head, peer, received: self.received, notes: self.notes }
    }
}

/// The address of a connection's other side; the unspecified one on a Unix socket.
pub fn address_of(connection: &ConnectionFacts) -> IpAddr {
    match &connection.peer {
        Address::Ip(address) => address.ip(),
        Address::Unix(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// What is left of an exchange when its response is on the way: enough for the record.
pub struct Ticket {
    /// The request's head.
    pub head: Box<RequestHead>,
    /// The other side of the connection.
    pub peer: IpAddr,
    /// When the head was complete.
    pub received: Instant,
    /// What the stages learned.
    pub notes: Notes,
}

impl Ticket {
    /// The target as the client sent it, rewritten or not.
    pub fn asked_target(&self) -> &str {
        self.notes.rewritten_from.as_deref().unwrap_or_else(|| self.head.target())
    }
}
