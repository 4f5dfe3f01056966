//! A zone on its way out (AXFR, RFC 5936; IXFR, RFC 1995): message after message, each made when the one before has left, each
//! signed where the asker signed.

use std::rc::Rc;

use edgeway_dns::machine::authority::TransferQuery;
use edgeway_dns::machine::transfer::{Journal, Outgoing};
use edgeway_dns::machine::tsig::Session;
use edgeway_dns::wire::Compressor;
use edgeway_dns::zone::Zone;
use edgeway_net::drive::messages::Replies;

use crate::Edge;

/// The answers to one transfer query.
pub(super) struct ZoneReplies {
    edge: Rc<Edge>,
    outgoing: Outgoing,
    session: Option<Session>,
    compressor: Box<Compressor>,
}

impl ZoneReplies {
    pub(super) fn new(edge: Rc<Edge>, zone: Zone, query: TransferQuery, session: Option<Session>) -> Self {
        edge.recorder().metrics().dns.transfers.add(1);
        // Zones are loaded whole from their files: there are no differences to tell, so IXFR gets the whole (RFC 1995 §4).
        let outgoing = Outgoing::new(zone, &Journal::new(), query);
        Self { edge, outgoing, session, compressor: Box::new(Compressor::new()) }
    }
}

impl Replies for ZoneReplies {
    fn next(&mut self, into: &mut [u8]) -> Option<usize> {
        let reserved = self.session.as_ref().map_or(0, Session::signature_bytes);
        // A record that fits into no message ends the transfer, which the asker sees by the missing SOA.
        let length = self.outgoing.next_message(into, reserved, &mut self.compressor).ok()??;
        match &mut self.session {
            None => Some(length),
            Some(session) => session.sign_reply(into, length, self.edge.outside.wall()).ok(),
        }
    }
}
