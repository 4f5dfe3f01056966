//! All TCP of a host: which connection a segment belongs to, listeners, TIME-WAIT, timers, and who may send.
//! Called by [`crate::host`]; hands segments to [`Connection`]s. Cost per segment does not depend on how many
//! connections there are: a keyed hash finds the connection, a wheel the timers, a list the senders.

mod calls;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::{Entropy, Instant};
use siphasher::sip::SipHasher13;

use super::connection::{Birth, Changes, Connection, Outgoing, Pair, Segment};
use super::counters::TcpCounters;
use super::listener::{Listener, Room};
use super::secrets::Secrets;
use super::settings::TcpSettings;
use super::state::{State, TcpError};
use super::time_wait::{Answer, TimeWaits};
use super::timeouts::IcmpError;
use super::token_bucket::TokenBucket;
use crate::arena::{Arena, Key};
use crate::limits;
use crate::timer_wheel::TimerWheel;
use crate::wire::sequence::SequenceNumber;
use crate::wire::tcp::{Flags, TcpHeader};
use crate::wire::tcp_options::TcpOptions;

/// A connection, for as long as the application holds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct TcpId(pub(crate) Key);

/// A listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ListenerId(pub(crate) Key);

/// Something the application may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpEvent {
    /// A connection can be accepted.
    Acceptable(ListenerId),
    /// A held connection asks to be admitted or refused.
    Requested(ListenerId, TcpId),
    /// A connection we asked for stands.
    Connected(TcpId),
    /// There is something to read, or the end of it.
    Readable(TcpId),
    /// There is room to write.
    Writable(TcpId),
    /// Urgent data is announced.
    Urgent(TcpId),
    /// It is over; what can be read can still be read (MUST-12: with the reason, if it was no ordinary close).
    Closed(TcpId, Option<TcpError>),
}

/// Segment sizes of the way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathSize {
    /// Interface MTU less IP and TCP headers: announced.
    pub announced: u32,
    /// Path MTU less IP and TCP headers: used.
    pub path: u32,
}

/// A segment on its way to the network layer.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// Both ends.
    pub pair: Pair,
    /// The segment.
    pub segment: Outgoing,
    /// Time to live / hop limit.
    pub hop_limit: u8,
    /// Differentiated services code point.
    pub dscp: u8,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    /// Deadline the wheel holds for it; later ones wait for that to fire.
    scheduled: Option<Instant>,
    queued: bool,
    /// The listener it came from, until accepted.
    listener: Option<Key>,
    half_open: bool,
    fast_opened: bool,
    detached: bool,
    reported: u8,
}

/// A hasher keyed from the host's secret: nobody can aim at one bucket.
#[derive(Clone, Debug)]
pub struct KeyedHash([u8; 16]);

impl std::hash::BuildHasher for KeyedHash {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

/// All TCP of one host.
#[derive(Debug)]
pub struct Endpoint {
    slots: Arena<Slot>,
    listeners: Arena<Listener>,
    by_pair: HashMap<Pair, Key, KeyedHash>,
    by_port: HashMap<(Option<IpAddr>, u16), Key, KeyedHash>,
    any_port: Option<Key>,
    time_waits: TimeWaits<KeyedHash>,
    wheel: TimerWheel<Key>,
    fired: Vec<Key>,
    ready: VecDeque<Key>,
    stateless: VecDeque<Emitted>,
    events: VecDeque<TcpEvent>,
    secrets: Secrets,
    resets: TokenBucket,
    fast_open_cookies: HashMap<IpAddr, [u8; 8], KeyedHash>,
    counters: TcpCounters,
    jitter: u32,
}

impl Endpoint {
    /// Nothing open.
    pub fn new(now: Instant, entropy: &mut dyn Entropy) -> Self {
        let secrets = Secrets::new(entropy);
        let hasher = KeyedHash(*secrets.table_key());
        Self {
            slots: Arena::new(),
            listeners: Arena::new(),
            by_pair: HashMap::with_hasher(hasher.clone()),
            by_port: HashMap::with_hasher(hasher.clone()),
            any_port: None,
            time_waits: TimeWaits::new(hasher.clone()),
            wheel: TimerWheel::new(now),
            fired: Vec::new(),
            ready: VecDeque::new(),
            stateless: VecDeque::new(),
            events: VecDeque::new(),
            secrets,
            resets: TokenBucket::new(now, limits::RESETS_PER_SECOND, limits::RESETS_PER_SECOND),
            fast_open_cookies: HashMap::with_hasher(hasher),
            counters: TcpCounters::default(),
            jitter: entropy.next_u32(),
        }
    }

    // ---- the five verbs ----

    /// A segment arrived between these ends.
    pub fn handle_segment(&mut self, now: Instant, pair: Pair, segment: Segment, size: PathSize) {
        self.counters.received += 1;
        if pair.local.port() == 0 || pair.remote.port() == 0 {
            self.counters.dropped += 1;
            return;
        }
        if let Some(&key) = self.by_pair.get(&pair) {
            return self.hand_to_connection(now, key, segment);
        }
        let listener = self.find_listener(pair.local);
        if self.time_waits.contains(&pair) {
            let header = segment.header;
            match self.time_waits.handle(now, pair, &header, segment.payload.len(), listener.is_some()) {
                Answer::Drop => return,
                Answer::Send(answer) => return self.send_stateless(pair, *answer),
                Answer::TakeOver(beyond) => {
                    return self.in_listen(now, pair, segment, size, listener, Some(beyond));
                }
            }
        }
        self.in_listen(now, pair, segment, size, listener, None);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.time_waits.expire(now);
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(now, &mut fired);
        for key in fired.drain(..) {
            let Some(slot) = self.slots.get_mut(key) else { continue };
            slot.scheduled = None;
            slot.connection.handle_timeout(now);
            self.settle(now, key);
        }
        self.fired = fired;
    }

    /// The next segment to send.
    pub fn poll_output(&mut self, now: Instant, super_segments: impl Fn(&Pair) -> bool) -> Option<Emitted> {
        if let Some(emitted) = self.stateless.pop_front() {
            self.counters.sent += 1;
            return Some(emitted);
        }
        while let Some(key) = self.ready.pop_front() {
            let Some(slot) = self.slots.get_mut(key) else { continue };
            let pair = slot.connection.pair();
            if let Some(segment) = slot.connection.poll_output(now, super_segments(&pair)) {
                let settings = slot.connection.settings();
                let emitted = Emitted { pair, segment, hop_limit: settings.hop_limit, dscp: settings.dscp };
                // One segment each, in turn.
                self.ready.push_back(key);
                self.counters.sent += 1;
                return Some(emitted);
            }
            slot.queued = false;
            self.schedule(key);
        }
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<TcpEvent> {
        let event = self.events.pop_front()?;
        let reported = report_bit(&event).and_then(|(id, bit)| Some((self.slots.get_mut(id.0)?, bit)));
        if let Some((slot, bit)) = reported {
            slot.reported &= !bit;
        }
        Some(event)
    }

    /// When [`Endpoint::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.wheel.next(), self.time_waits.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// An ICMP error quotes a segment of ours between these ends.
    pub fn handle_icmp(&mut self, now: Instant, pair: Pair, sequence: SequenceNumber, error: IcmpError) {
        let Some(&key) = self.by_pair.get(&pair) else { return };
        if let Some(slot) = self.slots.get_mut(key) {
            slot.connection.handle_icmp(sequence, error);
            self.settle(now, key);
        }
    }

    /// Whether `sequence` is a number of ours that is under way between these ends (RFC 5927 §4.1).
    pub fn is_under_way(&self, pair: &Pair, sequence: SequenceNumber) -> bool {
        let slot = self.by_pair.get(pair).and_then(|key| self.slots.get(*key));
        slot.is_some_and(|slot| slot.connection.is_under_way(sequence))
    }

    // ---- finding ----

    fn find_listener(&self, local: SocketAddr) -> Option<Key> {
        let exact = self.by_port.get(&(Some(local.ip()), local.port()));
        exact.or_else(|| self.by_port.get(&(None, local.port()))).copied().or(self.any_port)
    }

    fn hand_to_connection(&mut self, now: Instant, key: Key, segment: Segment) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        // The accept queue is full: the third step of the handshake is not heard yet; the peer repeats itself.
        let completes = slot.half_open && segment.header.flags.has(Flags::ACK) && !segment.header.flags.has(Flags::RST);
        if completes && slot.listener.and_then(|key| self.listeners.get(key)).is_some_and(Listener::is_full) {
            self.counters.accept_overflows += 1;
            return;
        }
        slot.connection.handle_segment(now, segment);
        self.settle(now, key);
    }

    // ---- CLOSED and LISTEN ----

    /// RFC 9293 §3.10.7.1 and §3.10.7.2.
    fn in_listen(
        &mut self,
        now: Instant,
        pair: Pair,
        segment: Segment,
        size: PathSize,
        listener: Option<Key>,
        beyond: Option<SequenceNumber>,
    ) {
        let header = segment.header;
        if header.flags.has(Flags::RST) {
            return;
        }
        let Some(key) = listener else { return self.refuse(now, pair, &segment) };
        let Some(listener) = self.listeners.get(key) else { return };
        if header.flags.has(Flags::ACK) {
            // Nothing was sent that could be acknowledged, unless it was a cookie.
            let cookie = SequenceNumber(header.acknowledgement.0.wrapping_sub(1));
            let peer = SequenceNumber(header.sequence.0.wrapping_sub(1));
            let opened = self.secrets.open_cookie(now, pair.local, pair.remote, peer, cookie);
            return match opened.filter(|_| !header.flags.any(Flags::SYN | Flags::FIN) && !listener.is_full()) {
                Some(content) => self.accept_cookie(now, pair, segment, size, key, content.segment_size),
                None => self.refuse(now, pair, &segment),
            };
        }
        let dropped = header.flags.has(Flags::FIN) && listener.settings.drop_syn_fin;
        // LAND: a SYN from ourselves to ourselves would answer itself for ever.
        if !header.flags.has(Flags::SYN) || dropped || pair.local == pair.remote {
            self.counters.dropped += 1;
            return;
        }
        match listener.room() {
            _ if self.slots.len() >= limits::CONNECTIONS_MAX => self.counters.accept_overflows += 1,
            Room::Full => self.counters.accept_overflows += 1,
            Room::Cookie => self.send_cookie(now, pair, &header, size),
            Room::Remember => self.accept_syn(now, pair, segment, size, key, beyond),
        }
    }

    fn birth(&mut self, now: Instant, pair: Pair, settings: Arc<TcpSettings>, size: PathSize) -> Birth {
        self.jitter = self.jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Birth {
            now,
            pair,
            settings,
            initial: self.secrets.initial_sequence(now, pair.local, pair.remote),
            timestamp_offset: self.secrets.timestamp_offset(pair.local, pair.remote),
            path_segment_size: size.path,
            announced_segment_size: size.announced,
            jitter: self.jitter >> 16,
        }
    }

    fn accept_syn(
        &mut self,
        now: Instant,
        pair: Pair,
        mut segment: Segment,
        size: PathSize,
        listener: Key,
        beyond: Option<SequenceNumber>,
    ) {
        let Some(found) = self.listeners.get(listener) else { return };
        let (settings, held, fast_opened) = (Arc::clone(&found.settings), found.held, found.fast_opened);
        let grants_ecn = Connection::grants_ecn(&settings, segment.header.flags);
        let mut birth = self.birth(now, pair, settings, size);
        // RFC 6191 §2 / RFC 9293 §3.10.7.4: beyond what the old incarnation used.
        if let Some(beyond) = beyond.filter(|beyond| birth.initial.since(*beyond) <= 0) {
            birth.initial = beyond.plus(65_535 + 2);
        }
        segment.header.flags = segment.header.flags.without(Flags::FIN);
        let mut connection = Connection::accept(&birth, &segment, held);
        connection.agree_on_ecn(grants_ecn);
        let expected = self.secrets.fast_open_cookie(pair.local.ip(), pair.remote.ip());
        let room = fast_opened < limits::FAST_OPEN_PENDING_MAX;
        let fast = connection.answer_fast_open(&segment, expected, room && !held);
        let key = self.insert(pair, connection, Some(listener));
        if let Some(slot) = self.slots.get_mut(key) {
            slot.half_open = true;
            slot.fast_opened = fast;
        }
        let Some(found) = self.listeners.get_mut(listener) else { return };
        found.half_open += 1;
        if held {
            self.events.push_back(TcpEvent::Requested(ListenerId(listener), TcpId(key)));
        }
        if fast {
            found.fast_opened += 1;
            found.push(key);
            self.events.push_back(TcpEvent::Acceptable(ListenerId(listener)));
        }
        self.settle(now, key);
    }

    fn send_cookie(&mut self, now: Instant, pair: Pair, syn: &TcpHeader, size: PathSize) {
        let peer_size = syn.options.maximum_segment_size.unwrap_or(536);
        let header = TcpHeader {
            source_port: pair.local.port(),
            destination_port: pair.remote.port(),
            sequence: self.secrets.cookie(now, pair.local, pair.remote, syn.sequence, peer_size),
            acknowledgement: syn.sequence.plus(1),
            flags: Flags::SYN | Flags::ACK,
            window: 65_535,
            urgent: 0,
            options: TcpOptions {
                maximum_segment_size: Some(size.announced.min(65_535) as u16),
                ..TcpOptions::default()
            },
        };
        self.counters.cookies_sent += 1;
        self.send_stateless(pair, bare(header));
    }

    fn accept_cookie(&mut self, now: Instant, pair: Pair, segment: Segment, size: PathSize, listener: Key, peer: u16) {
        let Some(found) = self.listeners.get(listener) else { return };
        let settings = Arc::clone(&found.settings);
        let mut birth = self.birth(now, pair, settings, size);
        birth.initial = SequenceNumber(segment.header.acknowledgement.0.wrapping_sub(1));
        let connection = Connection::from_cookie(&birth, &segment.header, peer);
        self.counters.cookies_received += 1;
        let key = self.insert(pair, connection, Some(listener));
        if let Some(slot) = self.slots.get_mut(key) {
            slot.half_open = true;
        }
        if let Some(found) = self.listeners.get_mut(listener) {
            found.half_open += 1;
        }
        self.hand_to_connection(now, key, segment);
    }

    /// RFC 9293 §3.10.7.1: nobody is here. Within a budget, because a flood should not be answered by a flood.
    fn refuse(&mut self, now: Instant, pair: Pair, segment: &Segment) {
        if !self.resets.take(now) {
            return;
        }
        let header = segment.header;
        let (sequence, acknowledgement, flags) = if header.flags.has(Flags::ACK) {
            (header.acknowledgement, SequenceNumber(0), Flags::RST)
        } else {
            let length = header.sequence_length(segment.payload.len()) as u32;
            (SequenceNumber(0), header.sequence.plus(length), Flags::RST | Flags::ACK)
        };
        self.counters.resets_sent += 1;
        let (source_port, destination_port) = (pair.local.port(), pair.remote.port());
        let reset =
            TcpHeader { source_port, destination_port, sequence, acknowledgement, flags, ..TcpHeader::default() };
        self.send_stateless(pair, bare(reset));
    }

    fn send_stateless(&mut self, pair: Pair, segment: Outgoing) {
        if self.stateless.len() < limits::STATELESS_QUEUE_MAX {
            self.stateless.push_back(Emitted { pair, segment, hop_limit: 64, dscp: 0 });
        }
    }

    // ---- keeping order ----

    fn insert(&mut self, pair: Pair, connection: Connection, listener: Option<Key>) -> Key {
        let key = self.slots.insert(Slot {
            connection,
            scheduled: None,
            queued: false,
            listener,
            half_open: false,
            fast_opened: false,
            detached: false,
            reported: 0,
        });
        self.by_pair.insert(pair, key);
        key
    }

    /// After anything happened to a connection: events, TIME-WAIT, the end, timers, the list of senders.
    fn settle(&mut self, now: Instant, key: Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let changes = slot.connection.take_changes();
        if changes != Changes::default() {
            self.announce(key, changes);
            if changes.time_wait {
                self.enter_time_wait(now, key);
            }
            if changes.closed && !self.bury(now, key) {
                return;
            }
        }
        let Some(slot) = self.slots.get_mut(key) else { return };
        if !slot.queued && !slot.detached {
            slot.queued = true;
            self.ready.push_back(key);
        }
        self.schedule(key);
    }

    fn schedule(&mut self, key: Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(deadline) = slot.connection.deadline() else { return };
        if slot.scheduled.is_none_or(|scheduled| deadline < scheduled) {
            slot.scheduled = Some(deadline);
            self.wheel.insert(deadline, key);
        }
    }

    fn announce(&mut self, key: Key, changes: Changes) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let (id, error) = (TcpId(key), slot.connection.error());
        let room = self.fast_open_cookies.len() < limits::FAST_OPEN_COOKIES_MAX;
        if let Some(cookie) = changes.fast_open_cookie.filter(|_| room) {
            self.fast_open_cookies.insert(slot.connection.pair().remote.ip(), cookie);
        }
        if changes.established || changes.closed {
            self.leave_half_open(key, changes.established);
        }
        let Some(slot) = self.slots.get_mut(key) else { return };
        // Nobody holds it yet: what happened is told when it is accepted.
        if slot.listener.is_some() || slot.connection.is_orphaned() {
            return;
        }
        let events = [
            (changes.established && !slot.connection.is_passive(), TcpEvent::Connected(id)),
            (changes.readable, TcpEvent::Readable(id)),
            (changes.writable, TcpEvent::Writable(id)),
            (changes.urgent, TcpEvent::Urgent(id)),
            (changes.closed, TcpEvent::Closed(id, error)),
        ];
        for (happened, event) in events {
            let bit = report_bit(&event).map_or(0, |(_, bit)| bit);
            if happened && slot.reported & bit == 0 {
                slot.reported |= bit;
                self.events.push_back(event);
            }
        }
    }

    /// The handshake ended, one way or the other.
    fn leave_half_open(&mut self, key: Key, established: bool) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if !std::mem::take(&mut slot.half_open) {
            return;
        }
        let fast = std::mem::take(&mut slot.fast_opened);
        let Some(listener_key) = slot.listener else { return };
        let Some(listener) = self.listeners.get_mut(listener_key) else { return };
        listener.half_open = listener.half_open.saturating_sub(1);
        if fast {
            listener.fast_opened = listener.fast_opened.saturating_sub(1);
        } else if established {
            listener.push(key);
            self.counters.accepted += 1;
            self.events.push_back(TcpEvent::Acceptable(ListenerId(listener_key)));
        }
    }

    /// The pair goes into a record; the connection stays only for what the application has not read.
    fn enter_time_wait(&mut self, now: Instant, key: Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let connection = &mut slot.connection;
        let pair = connection.pair();
        let last = (connection.state() == State::TimeWait).then(|| connection.poll_output(now, false)).flatten();
        let settings = connection.settings();
        let (remains, lasts, reuse) = (connection.remains(), settings.time_wait, settings.time_wait_reuse);
        self.by_pair.remove(&pair);
        self.time_waits.enter(now, pair, remains, lasts, reuse);
        if let Some(last) = last {
            self.send_stateless(pair, last);
        }
        self.detach(key);
    }

    /// CLOSED was reached: send what is still to be said. Returns whether the slot still lives.
    fn bury(&mut self, now: Instant, key: Key) -> bool {
        let Some(slot) = self.slots.get_mut(key) else { return false };
        let pair = slot.connection.pair();
        if let Some(last) = slot.connection.poll_output(now, false) {
            self.send_stateless(pair, last);
        }
        self.by_pair.remove(&pair);
        self.detach(key)
    }

    fn detach(&mut self, key: Key) -> bool {
        let Some(slot) = self.slots.get_mut(key) else { return false };
        slot.detached = true;
        // A connection that died before anybody accepted it is nobody's; one with a whole conversation is kept.
        let waiting = slot.listener.is_some() && !slot.half_open && slot.connection.state() == State::TimeWait;
        if slot.connection.is_orphaned() || slot.listener.is_some() && !waiting {
            self.remove(key);
            return false;
        }
        true
    }

    fn remove(&mut self, key: Key) {
        let Some(slot) = self.slots.remove(key) else { return };
        if let Some(listener) = slot.listener.and_then(|key| self.listeners.get_mut(key)) {
            listener.forget(key);
        }
    }
}

const READABLE: u8 = 2;

fn report_bit(event: &TcpEvent) -> Option<(TcpId, u8)> {
    match event {
        TcpEvent::Connected(id) => Some((*id, 1)),
        TcpEvent::Readable(id) => Some((*id, READABLE)),
        TcpEvent::Writable(id) => Some((*id, 4)),
        TcpEvent::Urgent(id) => Some((*id, 8)),
        TcpEvent::Closed(id, _) => Some((*id, 16)),
        TcpEvent::Acceptable(_) | TcpEvent::Requested(..) => None,
    }
}

const fn bare(header: TcpHeader) -> Outgoing {
    Outgoing { header, payload: Bytes::new(), segment_size: 0, ecn_capable: false }
}
