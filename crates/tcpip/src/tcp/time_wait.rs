//! TIME-WAIT in a record of its own (RFC 9293 §3.6.1, RFC 6191, RFC 1337): the connection is gone, its numbers
//! are remembered for a while. Owned by the endpoint.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use edgeway_base::Instant;

use super::connection::{Outgoing, Pair};
use super::timestamps::Timestamps;
use crate::limits::TIME_WAITS_MAX;
use crate::wire::sequence::SequenceNumber;
use crate::wire::tcp::{Flags, TcpHeader};
use crate::wire::tcp_options::TcpOptions;

/// What a connection leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Remains {
    /// SND.NXT.
    pub send_next: SequenceNumber,
    /// RCV.NXT.
    pub receive_next: SequenceNumber,
    /// The window field to go on telling.
    pub window: u16,
    /// Timestamps, if agreed.
    pub timestamps: Option<Timestamps>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    remains: Remains,
    lasts: Duration,
    until: Instant,
    reuse: bool,
}

/// What to do with a segment for a pair in TIME-WAIT.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing.
    Drop,
    /// Send this.
    Send(Box<Outgoing>),
    /// It is a new SYN that may take over; the record is gone. The new ISS must lie beyond this.
    TakeOver(SequenceNumber),
}

/// All pairs in TIME-WAIT.
#[derive(Debug)]
pub struct TimeWaits<S> {
    records: HashMap<Pair, Record, S>,
    /// In order of entry; re-armed records are found again when their turn comes.
    order: VecDeque<(Instant, Pair)>,
}

impl<S: std::hash::BuildHasher> TimeWaits<S> {
    /// None yet.
    pub const fn new(hasher: S) -> Self {
        Self { records: HashMap::with_hasher(hasher), order: VecDeque::new() }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether this pair is in TIME-WAIT.
    pub fn contains(&self, pair: &Pair) -> bool {
        self.records.contains_key(pair)
    }

    /// A pair enters. When the table is full the oldest leaves early: its danger is smaller than a refusal's.
    pub fn enter(&mut self, now: Instant, pair: Pair, remains: Remains, lasts: Duration, reuse: bool) {
        if self.records.len() >= TIME_WAITS_MAX {
            self.drop_oldest();
        }
        let until = now + lasts;
        self.records.insert(pair, Record { remains, lasts, until, reuse });
        self.order.push_back((until, pair));
    }

    fn drop_oldest(&mut self) {
        while let Some((until, pair)) = self.order.pop_front() {
            if self.records.get(&pair).is_some_and(|record| record.until == until) {
                self.records.remove(&pair);
                return;
            }
        }
    }

    /// When the next record expires, or a little before.
    pub fn deadline(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }

    /// Lets expired records go.
    pub fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            let Some((until, pair)) = self.order.pop_front() else { break };
            if self.records.get(&pair).is_some_and(|record| record.until == until) {
                self.records.remove(&pair);
            }
        }
        if self.records.is_empty() {
            self.order = VecDeque::new();
        }
    }

    /// Forgets all, as an operator may ask.
    pub fn clear(&mut self) {
        self.records.clear();
        self.order = VecDeque::new();
    }

    /// A segment for a pair in TIME-WAIT arrives. RFC 9293 §3.10.7.4 read for this state.
    pub fn handle(
        &mut self,
        now: Instant,
        pair: Pair,
        header: &TcpHeader,
        payload: usize,
        may_take_over: bool,
    ) -> Answer {
        let Some(record) = self.records.get_mut(&pair) else { return Answer::Drop };
        let remains = record.remains;
        // RFC 1337 §4's first fix: a reset does not end TIME-WAIT.
        if header.flags.has(Flags::RST) {
            return Answer::Drop;
        }
        let newer = header.sequence.since(remains.receive_next) > 0 || remains.is_newer_clock(header);
        if header.flags.has(Flags::SYN) {
            // RFC 6191 §2, RFC 9293 MAY-2: a SYN that cannot be an old duplicate may open the pair anew.
            if newer && record.reuse && may_take_over && !header.flags.any(Flags::ACK | Flags::FIN) {
                self.records.remove(&pair);
                return Answer::TakeOver(remains.send_next);
            }
            return remains.answer(now, pair);
        }
        if !header.flags.has(Flags::ACK) {
            return Answer::Drop;
        }
        // The peer's FIN again: our acknowledgement was lost; wait anew (RFC 9293 §3.10.7.4, eighth step).
        if header.flags.has(Flags::FIN) && header.sequence.plus(payload as u32 + 1) == remains.receive_next {
            record.until = now + record.lasts;
            self.order.push_back((record.until, pair));
        }
        // What is exactly the last acknowledgement again needs no answer, or two of us would never stop.
        let last = payload == 0
            && !header.flags.has(Flags::FIN)
            && (header.sequence, header.acknowledgement) == (remains.receive_next, remains.send_next);
        if last { Answer::Drop } else { remains.answer(now, pair) }
    }
}

impl Remains {
    fn is_newer_clock(&self, header: &TcpHeader) -> bool {
        let (Some(ours), Some((value, _))) = (self.timestamps, header.options.timestamps) else { return false };
        value.wrapping_sub(ours.recent) as i32 > 0
    }

    fn answer(&self, now: Instant, pair: Pair) -> Answer {
        let timestamps = self.timestamps.map(|clock| (clock.value(now), clock.recent));
        let header = TcpHeader {
            source_port: pair.local.port(),
            destination_port: pair.remote.port(),
            sequence: self.send_next,
            acknowledgement: self.receive_next,
            flags: Flags::ACK,
            window: self.window,
            urgent: 0,
            options: TcpOptions { timestamps, ..TcpOptions::default() },
        };
        Answer::Send(Box::new(Outgoing { header, payload: bytes::Bytes::new(), segment_size: 0, ecn_capable: false }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::hash_map::RandomState;
    use std::net::SocketAddr;

    use super::*;

    fn pair(port: u16) -> Pair {
        Pair { local: SocketAddr::from(([10, 0, 0, 1], 80)), remote: SocketAddr::from(([10, 0, 0, 2], port)) }
    }

    fn remains() -> Remains {
        Remains { send_next: SequenceNumber(500), receive_next: SequenceNumber(100), window: 1000, timestamps: None }
    }

    fn waits(reuse: bool) -> TimeWaits<RandomState> {
        let mut waits = TimeWaits::new(RandomState::new());
        waits.enter(Instant::ZERO, pair(1), remains(), Duration::from_secs(60), reuse);
        waits
    }

    fn header(flags: Flags, sequence: u32) -> TcpHeader {
        let (sequence, acknowledgement) = (SequenceNumber(sequence), SequenceNumber(500));
        TcpHeader { flags, sequence, acknowledgement, ..TcpHeader::default() }
    }

    #[test]
    fn hostile_071_resets_are_ignored_old_data_is_answered_new_syns_take_over() {
        let mut waits = waits(true);
        let mut handle =
            |flags, sequence, payload| waits.handle(Instant::ZERO, pair(1), &header(flags, sequence), payload, true);
        assert!(matches!(handle(Flags::RST, 100, 0), Answer::Drop), "RFC 1337");
        assert!(matches!(handle(Flags::ACK, 50, 10), Answer::Send(_)), "an old duplicate");
        assert!(matches!(handle(Flags::SYN, 100, 0), Answer::Send(_)), "a SYN that may be old");
        assert!(matches!(handle(Flags::SYN, 101, 0), Answer::TakeOver(SequenceNumber(500))));
        assert!(waits.is_empty());
    }

    #[test]
    fn must_13_lingers_two_msl_and_a_fin_starts_it_again() {
        let mut waits = waits(true);
        waits.expire(Instant::from_millis(59_999));
        assert!(waits.contains(&pair(1)));
        let fin = header(Flags::FIN | Flags::ACK, 99);
        assert!(matches!(waits.handle(Instant::from_millis(50_000), pair(1), &fin, 0, true), Answer::Send(_)));
        waits.expire(Instant::from_millis(60_000));
        assert!(waits.contains(&pair(1)), "started again");
        waits.expire(Instant::from_millis(110_000));
        assert!(waits.is_empty() && waits.deadline().is_none());
    }

    #[test]
    fn hostile_071_sixty_thousand_records_are_a_bound() {
        let mut waits = TimeWaits::new(RandomState::new());
        for index in 0..TIME_WAITS_MAX as u32 + 10 {
            let local = SocketAddr::from(([10, 0, (index >> 16) as u8, 1], 80));
            let pair = Pair { local, ..pair(index as u16) };
            waits.enter(Instant::ZERO, pair, remains(), Duration::from_secs(60), true);
        }
        assert_eq!(waits.len(), TIME_WAITS_MAX);
        waits.expire(Instant::from_millis(60_000));
        assert_eq!((waits.len(), waits.order.len()), (0, 0));
    }
}
