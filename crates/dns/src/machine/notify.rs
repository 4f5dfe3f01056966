//! Telling secondaries that a zone changed (RFC 1996): each is told until it answers or is given up.

use std::net::SocketAddr;
use std::time::Duration;

use edgeway_base::{Entropy, Instant};

use crate::error::WireError;
use crate::limits::{NOTIFY_SECONDS_FIRST, NOTIFY_TRIES_MAX};
use crate::wire::{Class, Composer, Compressor, Flags, Message, NameRef, Opcode, Rcode, RecordType, Section};
use crate::zone::Zone;

/// One zone's secondaries, being told.
#[derive(Debug, Default)]
pub struct Notifier {
    pending: Vec<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    peer: SocketAddr,
    id: u16,
    tries: u32,
    due: Instant,
}

/// A NOTIFY to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// To whom.
    pub peer: SocketAddr,
    /// Under which identity.
    pub id: u16,
}

impl Notifier {
    /// Nobody to tell.
    pub fn new() -> Self {
        Self::default()
    }

    /// The zone changed: everyone is to be told, those who have not answered yet from the beginning.
    pub fn zone_changed(&mut self, peers: &[SocketAddr], now: Instant, entropy: &mut (impl Entropy + ?Sized)) {
        self.pending.clear();
        for peer in peers {
            self.pending.push(Pending { peer: *peer, id: entropy.next_u16(), tries: 0, due: now });
        }
    }

    /// What to send now; call until there is none.
    pub fn poll_output(&mut self, now: Instant) -> Option<Notice> {
        // RFC 1996 §3.6: given up after so many tries.
        self.pending.retain(|pending| pending.due > now || pending.tries < NOTIFY_TRIES_MAX);
        let pending = self.pending.iter_mut().find(|pending| pending.due <= now)?;
        pending.due = now + Duration::from_secs(NOTIFY_SECONDS_FIRST << pending.tries);
        pending.tries += 1;
        Some(Notice { peer: pending.peer, id: pending.id })
    }

    /// A message came from a peer. Says whether it answered a NOTIFY of ours; any outcome but "not
    /// implemented here" ends the telling (RFC 1996 §4.7), and that one, too: it will not learn it.
    pub fn handle_input(&mut self, from: SocketAddr, message: &Message<'_>) -> Option<Rcode> {
        let header = message.header();
        if !header.flags.contains(Flags::RESPONSE) || header.flags.opcode() != Opcode::NOTIFY {
            return None;
        }
        let place = self.pending.iter().position(|pending| pending.peer == from && pending.id == header.id)?;
        self.pending.remove(place);
        Some(header.flags.rcode())
    }

    /// When [`Notifier::poll_output`] has something next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pending.iter().map(|pending| pending.due).min()
    }
}

/// Writes a NOTIFY with the zone's new SOA as a hint (RFC 1996 §3.7): its length.
pub fn compose_notify(
    zone: &Zone,
    id: u16,
    buffer: &mut [u8],
    compressor: &mut Compressor,
) -> Result<usize, WireError> {
    let apex: NameRef<'_> = zone.apex().borrowed();
    let mut composer = Composer::new(buffer, compressor)?;
    composer.set_head(id, Flags::AUTHORITATIVE.with_opcode(Opcode::NOTIFY));
    composer.question(apex, RecordType::SOA, Class::IN)?;
    for data in zone.soa().records() {
        composer.record(Section::Answer, apex, (RecordType::SOA, Class::IN, zone.soa().ttl()), data)?;
    }
    Ok(composer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Header;
    use edgeway_base::SeededEntropy;

    #[test]
    fn a_peer_is_told_until_it_answers_or_is_given_up() {
        let (a, b): (SocketAddr, SocketAddr) = ("192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap());
        let mut notifier = Notifier::new();
        notifier.zone_changed(&[a, b], Instant::ZERO, &mut SeededEntropy::new(1));
        let first = notifier.poll_output(Instant::ZERO).unwrap();
        let second = notifier.poll_output(Instant::ZERO).unwrap();
        assert_eq!((first.peer, second.peer, notifier.poll_output(Instant::ZERO)), (a, b, None));
        let flags = (Flags::RESPONSE | Flags::AUTHORITATIVE).with_opcode(Opcode::NOTIFY);
        let answer = Header { id: first.id, flags, counts: [0; 4] }.encode();
        let answer = Message::decode(&answer).unwrap();
        assert_eq!(notifier.handle_input(b, &answer), None, "somebody else's answer");
        assert_eq!(notifier.handle_input(a, &answer), Some(Rcode::NOERROR));
        let mut times = Vec::new();
        while let Some(due) = notifier.poll_timeout() {
            if let Some(notice) = notifier.poll_output(due) {
                assert_eq!(notice, second, "the same identity, so that a late answer counts");
                times.push(due.as_millis() / 1_000);
            }
        }
        assert_eq!(times, [2, 6, 14, 30], "five tries in all");
    }
}
