//! The name service: a DNS message in, an answer out. Called by the drivers of `net` (datagrams, streams, and the route's
//! end [`crate::stages::dns`]); hands on to the authority machine of `dns`, which knows what to say.
//!
//! Read [`Names`] first, then `zones.rs` (what is served, swapped whole), `signed.rs` (transaction signatures), `transfer.rs`
//! (zones on their way out).

mod signed;
mod transfer;
mod zones;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use edgeway_dns::machine::authority::{Authority, Outcome, RateLimiter, Request, TransferQuery, Transport};
use edgeway_dns::wire::Rcode;
use edgeway_net::drive::datagrams::DatagramHandler;
use edgeway_net::drive::messages::{Asker, MessageHandler, Reply};

pub use zones::{TransferRule, Zones};

use crate::Edge;
use crate::stages::record::queries::{Carrier, QueryRecord};
use signed::Signed;
use transfer::ZoneReplies;

/// One worker's name service.
pub struct Names {
    edge: Rc<Edge>,
    authority: RefCell<Authority>,
    zones: RefCell<Arc<Zones>>,
}

impl Names {
    /// A name service for `zones`, which counts and logs with the recorder of `edge`.
    pub fn new(edge: Rc<Edge>, zones: Arc<Zones>) -> Rc<Self> {
        let authority = Authority::new(
            Arc::clone(&zones.catalog),
            zones.settings.clone(),
            zones.cookies.clone(),
            Self::limiter(&edge, &zones),
        );
        Rc::new(Self { edge, authority: RefCell::new(authority), zones: RefCell::new(zones) })
    }

    /// Serves other zones from the next message on; transfers under way keep theirs.
    pub fn replace(&self, zones: Arc<Zones>) {
        if zones.shares_settings(&self.zones.borrow()) {
            // The rate limiter remembers who was over the limit.
            self.authority.borrow_mut().set_catalog(Arc::clone(&zones.catalog));
        } else {
            let limiter = Self::limiter(&self.edge, &zones);
            let (catalog, cookies) = (Arc::clone(&zones.catalog), zones.cookies.clone());
            *self.authority.borrow_mut() = Authority::new(catalog, zones.settings.clone(), cookies, limiter);
        }
        *self.zones.borrow_mut() = zones;
    }

    fn limiter(edge: &Edge, zones: &Zones) -> Option<RateLimiter> {
        zones.rate.map(|rate| RateLimiter::new(rate, &mut edge.outside.entropy()))
    }

    /// Answers a message into `into`.
    fn answer(&self, message: &[u8], source: IpAddr, carrier: Carrier, into: &mut [u8]) -> Reply {
        let (now, wall) = (self.edge.outside.now(), self.edge.outside.wall());
        let transport = if carrier == Carrier::Udp { Transport::Datagram } else { Transport::Stream };
        let mut request = Request { message, source, transport, authenticated: false, reserve_bytes: 0, now, wall };
        let zones = self.zones.borrow();
        let mut session = None;
        if signed::may_be_signed(message) {
            match signed::verify(&zones.keys, &mut self.authority.borrow_mut(), &request, into) {
                Signed::Not => {}
                Signed::By(by) => {
                    request.authenticated = true;
                    request.reserve_bytes = by.signature_bytes();
                    session = Some(by);
                }
                Signed::Refused(length) => return self.sent(message, source, carrier, length, into),
            }
        }
        let mut authority = self.authority.borrow_mut();
        let outcome = match authority.handle(&request, into) {
            Outcome::Transfer(query) => {
                let key = session.as_ref().map(|session| session.key_name());
                if zones.may_transfer(&query.zone, source, key)
                    && let Some(replies) = self.transfer(&zones, query, session.clone())
                {
                    self.record(message, source, carrier, Rcode::NOERROR, 0);
                    return Reply::Many(Box::new(replies));
                }
                authority.reply(&request, Rcode::REFUSED, into)
            }
            // Nobody may change a zone from outside, or tell us that one has changed elsewhere.
            Outcome::Notify(_) | Outcome::Update(_) => authority.reply(&request, Rcode::REFUSED, into),
            // Loading refuses zones with ALIAS records, so nothing asks for this.
            Outcome::Resolve(_) => authority.reply(&request, Rcode::SERVFAIL, into),
            answered => answered,
        };
        drop(authority);
        match (outcome, session) {
            (Outcome::Reply(length), Some(mut session)) => match session.sign_reply(into, length, wall) {
                Ok(length) => self.sent(message, source, carrier, length, into),
                // The room for a signature was reserved.
                Err(_) => self.silent(),
            },
            (Outcome::Reply(length), None) => self.sent(message, source, carrier, length, into),
            _ => self.silent(),
        }
    }

    fn transfer(
        &self,
        zones: &Zones,
        query: TransferQuery,
        session: Option<edgeway_dns::machine::tsig::Session>,
    ) -> Option<ZoneReplies> {
        let served = zones.catalog.get(&query.zone)?;
        Some(ZoneReplies::new(Rc::clone(&self.edge), served.zone.clone(), query, session))
    }

    /// Answers one message that came over HTTP (RFC 8484 §4.1: one query, one response); the length of the answer.
    pub fn answer_over_https(&self, message: &[u8], source: IpAddr, into: &mut [u8]) -> Option<usize> {
        match self.answer(message, source, Carrier::Https, into) {
            Reply::One(length) => Some(length),
            // A transfer is many messages, and HTTP carries one.
            Reply::Many(_) | Reply::Silence => None,
        }
    }

    fn sent(&self, message: &[u8], source: IpAddr, carrier: Carrier, length: usize, answer: &[u8]) -> Reply {
        let recorder = self.edge.recorder();
        recorder
            .record_query(&QueryRecord::new(message, &answer[..length], source, carrier), || self.edge.outside.wall());
        Reply::One(length)
    }

    fn record(&self, message: &[u8], source: IpAddr, carrier: Carrier, rcode: Rcode, bytes: usize) {
        let query = QueryRecord { query: message, source, carrier, rcode, truncated: false, bytes };
        self.edge.recorder().record_query(&query, || self.edge.outside.wall());
    }

    fn silent(&self) -> Reply {
        self.edge.recorder().metrics().dns.ignored.add(1);
        Reply::Silence
    }
}

impl DatagramHandler for Names {
    fn answer(&self, datagram: &[u8], from: SocketAddr, into: &mut [u8]) -> Option<usize> {
        match self.answer(datagram, from.ip(), Carrier::Udp, into) {
            Reply::One(length) => Some(length),
            Reply::Many(_) | Reply::Silence => None,
        }
    }
}

impl MessageHandler for Names {
    fn answer(&self, message: &[u8], asker: Asker, into: &mut [u8]) -> Reply {
        let carrier = if asker.encrypted { Carrier::Tls } else { Carrier::Tcp };
        self.answer(message, asker.address, carrier, into)
    }

    fn connected(&self) {
        edgeway_net::drive::Handler::connected(&*self.edge);
    }

    fn disconnected(&self) {
        edgeway_net::drive::Handler::disconnected(&*self.edge);
    }
}

#[cfg(test)]
mod tests;
