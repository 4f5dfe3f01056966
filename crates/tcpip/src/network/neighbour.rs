//! Which hardware address a neighbour has, asked by ARP (RFC 826) or neighbour discovery (RFC 4861 §7.3). One
//! state machine for both. Called by [`crate::host`], which sends the questions this asks for.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use edgeway_base::Instant;

use crate::host::InterfaceId;
use crate::limits::{
    NEIGHBOUR_DELAY, NEIGHBOUR_QUEUE_MAX, NEIGHBOUR_REACHABLE, NEIGHBOUR_RETRANSMIT, NEIGHBOUR_SOLICITATIONS_MAX,
    NEIGHBOURS_MAX,
};
use crate::packet::Packet;
use crate::wire::ethernet::MacAddress;

/// RFC 4861 §7.3.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeighbourState {
    /// Asked, no answer yet.
    Incomplete,
    /// Answered lately.
    Reachable,
    /// Answered once; used until doubted.
    Stale,
    /// Used while stale; a confirmation may come from above.
    Delay,
    /// Being asked directly.
    Probe,
    /// Written by hand: never changes, never leaves.
    Permanent,
}

#[derive(Debug)]
struct Entry {
    state: NeighbourState,
    hardware: MacAddress,
    /// When the state changes by itself.
    until: Instant,
    asked: u8,
    used: Instant,
    waiting: VecDeque<Packet>,
}

/// What the host must do for a neighbour.
#[derive(Debug)]
pub enum Task {
    /// Ask everybody who has this address.
    Ask(InterfaceId, IpAddr),
    /// Ask the one who had it.
    AskDirectly(InterfaceId, IpAddr, MacAddress),
    /// Nobody answered: these packets cannot be delivered.
    Unreachable(InterfaceId, IpAddr, Vec<Packet>),
}

/// What to do with a packet for a neighbour.
#[derive(Debug)]
pub enum Lookup {
    /// Send it there.
    Send(Packet, MacAddress),
    /// It waits; perhaps ask.
    Waits(Option<Task>),
}

type Place = (InterfaceId, IpAddr);

/// All neighbours of all interfaces.
#[derive(Debug, Default)]
pub struct Neighbours {
    entries: HashMap<Place, Entry>,
}

impl Neighbours {
    /// Where to send `packet`, or let it wait (hostile 82: at most three).
    pub fn resolve(&mut self, now: Instant, interface: InterfaceId, address: IpAddr, packet: Packet) -> Lookup {
        let place = (interface, address);
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.used = now;
            if entry.state == NeighbourState::Stale {
                // RFC 4861 §7.3.3: use it, and begin to doubt.
                (entry.state, entry.until, entry.asked) = (NeighbourState::Delay, now + NEIGHBOUR_DELAY, 0);
            }
            if entry.state != NeighbourState::Incomplete {
                return Lookup::Send(packet, entry.hardware);
            }
            if entry.waiting.len() >= NEIGHBOUR_QUEUE_MAX {
                // RFC 1122 §2.3.2.2 saves the latest.
                entry.waiting.pop_front();
            }
            entry.waiting.push_back(packet);
            return Lookup::Waits(None);
        }
        self.make_room();
        let entry = Entry {
            state: NeighbourState::Incomplete,
            hardware: MacAddress::default(),
            until: now + NEIGHBOUR_RETRANSMIT,
            asked: 1,
            used: now,
            waiting: VecDeque::from([packet]),
        };
        self.entries.insert(place, entry);
        Lookup::Waits(Some(Task::Ask(interface, address)))
    }

    /// Hostile 81: the least recently used leaves, but never one written by hand.
    fn make_room(&mut self) {
        if self.entries.len() < NEIGHBOURS_MAX {
            return;
        }
        let movable = self.entries.iter().filter(|(_, entry)| entry.state != NeighbourState::Permanent);
        // Sorted by address among equals, so that the same seed gives the same run.
        if let Some(place) = movable.min_by_key(|(place, entry)| (entry.used, **place)).map(|(place, _)| *place) {
            self.entries.remove(&place);
        }
    }

    /// A neighbour answered our question. Returns the packets that waited.
    ///
    /// Hostile 80: an answer nobody asked for makes no entry and overturns no reachable one; RFC 4861 §7.2.5's
    /// `override_cache` only makes a differing address doubtful.
    pub fn answered(
        &mut self,
        now: Instant,
        (interface, address): (InterfaceId, IpAddr),
        hardware: MacAddress,
        solicited: bool,
        override_cache: bool,
    ) -> Vec<Packet> {
        let Some(entry) = self.entries.get_mut(&(interface, address)) else { return Vec::new() };
        match entry.state {
            NeighbourState::Permanent => return Vec::new(),
            NeighbourState::Incomplete => {}
            _ if entry.hardware == hardware => {}
            // Another address than the one we know: believed when we are asking, else only doubted.
            NeighbourState::Probe if solicited || override_cache => {}
            NeighbourState::Reachable => {
                (entry.state, entry.until) = (NeighbourState::Delay, now);
                return Vec::new();
            }
            _ => return Vec::new(),
        }
        entry.hardware = hardware;
        entry.asked = 0;
        (entry.state, entry.until) = match solicited {
            true => (NeighbourState::Reachable, now + NEIGHBOUR_REACHABLE),
            false => (NeighbourState::Stale, NEVER),
        };
        entry.waiting.drain(..).collect()
    }

    /// A neighbour asked for us: it will want an answer, so its address is worth keeping (RFC 826's merge,
    /// RFC 4861 §7.2.3), as stale.
    pub fn asked_us(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
        hardware: MacAddress,
    ) -> Vec<Packet> {
        let place = (interface, address);
        if self.entries.contains_key(&place) {
            return self.answered(now, place, hardware, false, true);
        }
        self.make_room();
        let waiting = VecDeque::new();
        let entry = Entry { state: NeighbourState::Stale, hardware, until: NEVER, asked: 0, used: now, waiting };
        self.entries.insert(place, entry);
        Vec::new()
    }

    /// The layers above heard from the neighbour (RFC 4861 §7.3.1): no need to ask.
    pub fn confirmed(&mut self, now: Instant, interface: InterfaceId, address: IpAddr) {
        let doubted = |entry: &&mut Entry| matches!(entry.state, NeighbourState::Delay | NeighbourState::Probe);
        if let Some(entry) = self.entries.get_mut(&(interface, address)).filter(doubted) {
            (entry.state, entry.until) = (NeighbourState::Reachable, now + NEIGHBOUR_REACHABLE);
        }
    }

    /// Writes an entry by hand.
    pub fn pin(&mut self, interface: InterfaceId, address: IpAddr, hardware: MacAddress) {
        let (state, until, used) = (NeighbourState::Permanent, NEVER, NEVER);
        let entry = Entry { state, hardware, until, asked: 0, used, waiting: VecDeque::new() };
        self.entries.insert((interface, address), entry);
    }

    /// Everything known, sorted.
    pub fn list(&self) -> Vec<(InterfaceId, IpAddr, NeighbourState, MacAddress)> {
        let mut list: Vec<_> =
            self.entries.iter().map(|((interface, address), e)| (*interface, *address, e.state, e.hardware)).collect();
        list.sort_by_key(|(interface, address, ..)| (*interface, *address));
        list
    }

    /// When [`Neighbours::expire`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.entries.values().map(|entry| entry.until).min().filter(|until| *until != NEVER)
    }

    /// Moves every entry whose time has come.
    pub fn expire(&mut self, now: Instant) -> Vec<Task> {
        let mut due: Vec<Place> =
            self.entries.iter().filter(|(_, entry)| entry.until <= now).map(|(place, _)| *place).collect();
        due.sort_unstable();
        due.into_iter().filter_map(|place| self.advance(now, place)).collect()
    }

    fn advance(&mut self, now: Instant, place: Place) -> Option<Task> {
        let (interface, address) = place;
        let entry = self.entries.get_mut(&place)?;
        match entry.state {
            NeighbourState::Reachable => {
                (entry.state, entry.until) = (NeighbourState::Stale, NEVER);
                None
            }
            NeighbourState::Incomplete | NeighbourState::Delay | NeighbourState::Probe
                if entry.asked < NEIGHBOUR_SOLICITATIONS_MAX =>
            {
                entry.asked += 1;
                entry.until = now + NEIGHBOUR_RETRANSMIT;
                if entry.state == NeighbourState::Incomplete {
                    return Some(Task::Ask(interface, address));
                }
                entry.state = NeighbourState::Probe;
                Some(Task::AskDirectly(interface, address, entry.hardware))
            }
            NeighbourState::Incomplete | NeighbourState::Delay | NeighbourState::Probe => {
                let waiting = self.entries.remove(&place)?.waiting.into();
                Some(Task::Unreachable(interface, address, waiting))
            }
            NeighbourState::Stale | NeighbourState::Permanent => None,
        }
    }
}

const NEVER: Instant = Instant::from_nanos(u64::MAX);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const LINK: InterfaceId = InterfaceId(0);

    fn mac(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn packet() -> Packet {
        Packet::from_bytes(Bytes::from_static(b"x"))
    }

    #[test]
    fn hostile_082_three_wait_three_questions_then_unreachable() {
        let mut neighbours = Neighbours::default();
        assert!(matches!(neighbours.resolve(Instant::ZERO, LINK, ip(1), packet()), Lookup::Waits(Some(Task::Ask(..)))));
        for _ in 0..9 {
            assert!(matches!(neighbours.resolve(Instant::ZERO, LINK, ip(1), packet()), Lookup::Waits(None)));
        }
        let mut asked = 1;
        loop {
            let now = neighbours.deadline().unwrap();
            match neighbours.expire(now).pop().unwrap() {
                Task::Ask(..) => asked += 1,
                Task::Unreachable(_, _, packets) => break assert_eq!((asked, packets.len()), (3, 3)),
                task @ Task::AskDirectly(..) => panic!("{task:?}"),
            }
        }
    }

    #[test]
    fn hostile_080_an_unasked_answer_overturns_nothing() {
        let mut neighbours = Neighbours::default();
        neighbours.resolve(Instant::ZERO, LINK, ip(1), packet());
        assert_eq!(neighbours.answered(Instant::ZERO, (LINK, ip(1)), mac(1), true, true).len(), 1);
        neighbours.answered(Instant::ZERO, (LINK, ip(1)), mac(66), false, true);
        assert!(
            matches!(neighbours.resolve(Instant::ZERO, LINK, ip(1), packet()), Lookup::Send(_, hw) if hw == mac(1))
        );
        let tasks = neighbours.expire(Instant::ZERO);
        assert!(matches!(tasks[..], [Task::AskDirectly(_, _, hw)] if hw == mac(1)), "it is asked whether it still is");
        neighbours.answered(Instant::ZERO, (LINK, ip(9)), mac(9), false, true);
        assert_eq!(neighbours.list().len(), 1, "and makes no entry");
    }

    #[test]
    fn hostile_081_a_flood_is_bounded_and_pinned_entries_stay() {
        let mut neighbours = Neighbours::default();
        neighbours.pin(LINK, ip(1), mac(1));
        for index in 0..20_000_u32 {
            let address = IpAddr::from((0x0b00_0000 + index).to_be_bytes());
            neighbours.asked_us(Instant::from_millis(u64::from(index)), LINK, address, mac(9));
        }
        assert_eq!(neighbours.list().len(), NEIGHBOURS_MAX);
        assert!(
            matches!(neighbours.resolve(Instant::ZERO, LINK, ip(1), packet()), Lookup::Send(_, hw) if hw == mac(1))
        );
    }

    #[test]
    fn reachable_becomes_stale_then_is_doubted_when_used_and_confirmed_from_above() {
        let mut neighbours = Neighbours::default();
        neighbours.resolve(Instant::ZERO, LINK, ip(1), packet());
        neighbours.answered(Instant::ZERO, (LINK, ip(1)), mac(1), true, true);
        let now = neighbours.deadline().unwrap();
        assert!(neighbours.expire(now).is_empty());
        assert_eq!((neighbours.list()[0].2, neighbours.deadline()), (NeighbourState::Stale, None));
        neighbours.resolve(now, LINK, ip(1), packet());
        assert_eq!(neighbours.list()[0].2, NeighbourState::Delay);
        neighbours.confirmed(now, LINK, ip(1));
        assert_eq!(neighbours.list()[0].2, NeighbourState::Reachable);
    }
}
