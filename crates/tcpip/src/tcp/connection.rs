//! One connection: a few owners and the way between them. `input` takes segments in, `output`
//! gives them out, [`super::timeouts`] is called when a deadline passes; each only routes between send side,
//! receive side, recovery, congestion and timers. Called by [`super::endpoint`].

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::Instant;

use super::congestion::{self, Controller};
use super::ecn::Ecn;
use super::receive_side::ReceiveSide;
use super::recovery::Recovery;
use super::round_trip::RoundTrip;
use super::send_side::SendSide;
use super::settings::{EcnMode, TcpSettings};
use super::state::{State, TcpError};
use super::timers::{Timer, Timers};
use super::timestamps::Timestamps;
use super::token_bucket::TokenBucket;
use crate::limits::CHALLENGE_ACKS_PER_SECOND;
use crate::wire::sequence::SequenceNumber;
use crate::wire::tcp::TcpHeader;
use crate::wire::tcp_options::{FastOpen, TcpOptions};

/// A segment that arrived, headers checked.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its header.
    pub header: TcpHeader,
    /// Its data.
    pub payload: Bytes,
    /// How many segments on the wire it stands for (a super-segment is several).
    pub count: u32,
    /// A router marked it: congestion experienced.
    pub congestion_experienced: bool,
}

/// A segment to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its header.
    pub header: TcpHeader,
    /// Its data.
    pub payload: Bytes,
    /// Payload per segment on the wire, when it is a super-segment; else zero.
    pub segment_size: u32,
    /// Routers may mark it instead of dropping it (ECT(0)).
    pub ecn_capable: bool,
}

/// What changed since it was last asked; the endpoint turns it into events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// ESTABLISHED was reached.
    pub established: bool,
    /// There is something to read, or the end of it.
    pub readable: bool,
    /// There is room to write again.
    pub writable: bool,
    /// Urgent data is announced (MUST-32).
    pub urgent: bool,
    /// TIME-WAIT was entered.
    pub time_wait: bool,
    /// CLOSED was reached.
    pub closed: bool,
    /// The server granted a Fast Open cookie.
    pub fast_open_cookie: Option<[u8; 8]>,
}

/// Both ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Pair {
    /// Ours.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
}

/// What a new connection is told about itself.
#[derive(Clone, Debug)]
pub struct Birth {
    /// When.
    pub now: Instant,
    /// Both ends.
    pub pair: Pair,
    /// How to behave.
    pub settings: Arc<TcpSettings>,
    /// ISS.
    pub initial: SequenceNumber,
    /// Timestamp clock offset.
    pub timestamp_offset: u32,
    /// MTU of the path, less IP and TCP headers.
    pub path_segment_size: u32,
    /// MTU of the interface, less IP and TCP headers: what is announced.
    pub announced_segment_size: u32,
    /// A little chance, for the challenge budget (see CVE-2016-5696).
    pub jitter: u32,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) pair: Pair,
    pub(super) state: State,
    pub(super) settings: Arc<TcpSettings>,
    pub(super) send: SendSide,
    pub(super) receive: ReceiveSide,
    pub(super) recovery: Recovery,
    pub(super) controller: Box<dyn Controller>,
    pub(super) round_trip: RoundTrip,
    pub(super) timestamps: Timestamps,
    pub(super) ecn: Ecn,
    pub(super) timers: Timers,
    pub(super) changes: Changes,
    pub(super) announced_segment_size: u32,
    /// It began in LISTEN (MUST-11).
    pub(super) passive: bool,
    /// Its SYN-ACK is withheld until the application admits it.
    pub(super) held: bool,
    /// Data that came with a crossing SYN.
    pub(super) early_data: Bytes,
    /// A SYN (or SYN-ACK) must go out.
    pub(super) syn_due: bool,
    pub(super) syn_retries: u8,
    pub(super) syn_sent_at: Option<Instant>,
    /// Options of the peer's SYN-ACK or SYN counted; retransmitted SYNs must not change them.
    pub(super) fast_open: Option<FastOpen>,
    /// Data came with the SYN: data may go before the handshake ends.
    pub(super) fast_opened: bool,
    /// A reset must go out: its sequence number, and whether it acknowledges.
    pub(super) reset_due: Option<(i64, bool)>,
    /// A tail loss probe, zero-window probe or keep-alive must go out.
    pub(super) probe_due: Option<ProbeKind>,
    pub(super) persist_backoff: u32,
    pub(super) keep_alive_unanswered: u8,
    pub(super) received_at: Instant,
    pub(super) sent_at: Instant,
    pub(super) paced_until: Instant,
    pub(super) challenge: TokenBucket,
    /// The application let go of it.
    pub(super) orphaned: bool,
    pub(super) error: Option<TcpError>,
    /// A soft ICMP error, told if the connection ends for lack of an answer (MUST-56).
    pub(super) soft_error: Option<TcpError>,
    pub(super) window_was_limit: bool,
    /// Timeouts in a row of full-sized segments: the path may swallow them (RFC 4821 §7.7).
    pub(super) black_hole_timeouts: u8,
    /// Segments larger than every path must carry were acknowledged.
    pub(super) path_proven: bool,
}

/// Why something is sent without need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ProbeKind {
    TailLoss,
    ZeroWindow,
    KeepAlive,
}

impl Connection {
    fn new(birth: &Birth, state: State, passive: bool) -> Self {
        let settings = Arc::clone(&birth.settings);
        // RFC 9293 MUST-15: without an MSS option, 536 over IPv4 and 1220 over IPv6.
        let default = if birth.pair.remote.is_ipv4() { 536 } else { 1220 };
        let mut timestamps = Timestamps::new(birth.timestamp_offset);
        timestamps.recent_at = birth.now;
        Self {
            pair: birth.pair,
            state,
            send: SendSide::new(birth.initial, birth.path_segment_size, default),
            receive: ReceiveSide::new(settings.receive_buffer, settings.receive_buffer_max),
            recovery: Recovery::new(settings.selective_acknowledgements),
            controller: congestion::controller(&settings, default),
            round_trip: RoundTrip::new(&settings),
            timestamps,
            ecn: Ecn::default(),
            timers: Timers::default(),
            changes: Changes::default(),
            announced_segment_size: birth.announced_segment_size,
            passive,
            held: false,
            early_data: Bytes::new(),
            syn_due: true,
            syn_retries: 0,
            syn_sent_at: None,
            fast_open: None,
            fast_opened: false,
            reset_due: None,
            probe_due: None,
            persist_backoff: 0,
            keep_alive_unanswered: 0,
            received_at: birth.now,
            sent_at: birth.now,
            paced_until: Instant::ZERO,
            challenge: TokenBucket::new(
                birth.now,
                CHALLENGE_ACKS_PER_SECOND / 2 + birth.jitter % (CHALLENGE_ACKS_PER_SECOND + 1),
                CHALLENGE_ACKS_PER_SECOND,
            ),
            orphaned: false,
            error: None,
            soft_error: None,
            window_was_limit: false,
            black_hole_timeouts: 0,
            path_proven: false,
            settings,
        }
    }

    /// An active OPEN: SYN-SENT.
    pub fn connect(birth: &Birth) -> Self {
        let mut connection = Self::new(birth, State::SynSent, false);
        connection.timers.arm(Timer::UserTimeout, birth.now + connection.settings.syn_timeout);
        connection
    }

    /// A SYN came to a listener: SYN-RECEIVED. With `held`, the answer waits for [`Connection::admit`].
    pub fn accept(birth: &Birth, syn: &Segment, held: bool) -> Self {
        let mut connection = Self::new(birth, State::SynReceived, true);
        connection.held = held;
        connection.receive.told_only = true;
        connection.synchronize(birth.now, &syn.header);
        connection.send.set_window(i64::from(syn.header.window));
        connection
    }

    /// The third step of a handshake of which a cookie was our only memory.
    pub fn from_cookie(birth: &Birth, acknowledgement: &TcpHeader, segment_size: u16) -> Self {
        let mut connection = Self::new(birth, State::SynReceived, true);
        let peer = SequenceNumber(acknowledgement.sequence.0.wrapping_sub(1));
        // A cookie has no room for the other options: the connection goes without them.
        let options = TcpOptions { maximum_segment_size: Some(segment_size), ..TcpOptions::default() };
        connection.synchronize(birth.now, &TcpHeader { sequence: peer, options, ..*acknowledgement });
        connection.syn_due = false;
        connection.send.next = 1;
        connection
    }

    /// The peer's SYN is here: its number line, and what both sides agree on.
    pub(super) fn synchronize(&mut self, now: Instant, header: &TcpHeader) {
        let options = &header.options;
        self.receive.synchronize(header.sequence);
        if let Some(size) = options.maximum_segment_size {
            self.send.peer_segment_size = u32::from(size);
        }
        // RFC 7323 §2.2: both or neither.
        if let (true, Some(scale)) = (self.offers_scaling(), options.window_scale) {
            self.send.scale = scale;
            self.receive.scale = self.settings.window_scale();
        }
        if let (true, Some((value, _))) = (self.offers_timestamps(), options.timestamps) {
            self.timestamps.enabled = true;
            (self.timestamps.recent, self.timestamps.recent_at) = (value, now);
            self.send.option_bytes = 12;
        }
        let selective = self.offers_sack() && options.sack_permitted;
        self.recovery = Recovery::new(selective);
        self.segment_size_changed();
    }

    /// The answers of a stripped retransmission count as never offered.
    fn plain(&self) -> bool {
        self.settings.plain_syn_after.is_some_and(|after| self.syn_retries > after)
    }

    pub(super) fn offers_scaling(&self) -> bool {
        self.settings.window_scaling && !self.plain()
    }

    pub(super) fn offers_timestamps(&self) -> bool {
        self.settings.timestamps && !self.plain()
    }

    pub(super) fn offers_sack(&self) -> bool {
        self.settings.selective_acknowledgements && !self.plain()
    }

    pub(super) fn offers_ecn(&self) -> bool {
        self.settings.ecn == EcnMode::Active && self.syn_retries <= self.settings.ecn_syn_retries
    }

    pub(super) fn segment_size_changed(&mut self) {
        if self.send.unacknowledged <= 1 && self.recovery.is_idle() && self.recovery.counts().timeouts == 0 {
            self.controller = congestion::controller(&self.settings, self.send.segment_size());
        } else {
            self.controller.set_segment_size(self.send.segment_size());
        }
    }

    pub(super) fn enter_established(&mut self, now: Instant) {
        self.state = State::Established;
        self.changes.established = true;
        self.changes.writable = true;
        self.timers.stop(Timer::Retransmission);
        self.timers.stop(Timer::UserTimeout);
        if let Some(keep_alive) = self.settings.keep_alive {
            self.timers.arm(Timer::KeepAlive, now + keep_alive.idle);
        }
        self.receive.told_only = false;
        self.round_receive_buffer();
        self.take_early_data();
        // RFC 6298 §2 measures the handshake too, unless it was retransmitted (Karn).
        match self.syn_sent_at {
            Some(sent_at) if self.syn_retries == 0 => self.round_trip.measured(now, now - sent_at, &self.settings),
            _ => self.round_trip.handshake_was_retransmitted(),
        }
        if self.send.fin.is_some() {
            self.state = State::FinWait1;
        }
        if !self.recovery.is_idle() {
            self.arm_retransmission(now);
        }
    }

    pub(super) fn round_receive_buffer(&mut self) {
        if self.settings.receive_whole_segments {
            self.receive.round_to_segments(self.announced_segment_size.min(self.send.peer_segment_size));
        }
    }

    /// Data that came with a crossing SYN (RFC 9293 §3.10.7.3: queued until ESTABLISHED).
    fn take_early_data(&mut self) {
        let early = std::mem::take(&mut self.early_data);
        if !early.is_empty() {
            self.receive.buffer.insert(1, early);
            self.changes.readable = true;
        }
    }

    pub(super) fn close_with(&mut self, error: Option<TcpError>) {
        self.state = State::Closed;
        self.error = self.error.or(error);
        self.timers.stop_all();
        self.recovery.clear();
        self.probe_due = None;
        self.syn_due = false;
        self.changes.closed = true;
        self.changes.readable = true;
        self.changes.writable = true;
    }

    // ---- the application's side ----

    /// Writes as much of `bytes` as there is room for.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let room = self.room_to_write();
        let take = bytes.len().min(room);
        self.send.buffer.write(&bytes[..take]);
        self.send.wants_room |= take < bytes.len();
        take
    }

    /// Writes `bytes` without a copy, whole or not at all.
    pub fn write_bytes(&mut self, bytes: Bytes) -> bool {
        let fits = self.room_to_write() >= bytes.len() || (self.send.buffer.is_empty() && self.room_to_write() > 0);
        if fits {
            self.send.buffer.write_bytes(bytes);
        }
        self.send.wants_room |= !fits;
        fits
    }

    /// Bytes that can be written now.
    pub fn room_to_write(&self) -> usize {
        if self.send.fin.is_some() || !self.state.may_send() {
            return 0;
        }
        self.settings.send_buffer.saturating_sub(self.send.buffer.len())
    }

    /// Marks everything written so far as urgent (RFC 9293 §3.8.5): SND.UP points behind it (MUST-62).
    pub fn mark_urgent(&mut self) {
        self.send.urgent = Some(self.send.buffer.end());
    }

    /// Reads into `buffer`. `Ok(0)` with a non-empty buffer and [`Connection::at_end`] is the end of the stream.
    pub fn read(&mut self, now: Instant, buffer: &mut [u8], peek: bool) -> usize {
        let count = self.receive.buffer.read(buffer, peek);
        if !peek {
            self.was_read(now, count);
        }
        count
    }

    /// Reads the next piece without a copy.
    pub fn read_bytes(&mut self, now: Instant, most: usize) -> Option<Bytes> {
        let piece = self.receive.buffer.read_bytes(most)?;
        self.was_read(now, piece.len());
        Some(piece)
    }

    fn was_read(&mut self, now: Instant, count: usize) {
        self.receive.tune(now, count, self.round_trip.smoothed());
        if self.state.may_receive() && self.receive.deserves_update(self.announced_segment_size) {
            self.receive.due = super::receive_side::Due::Now;
        }
    }

    /// Bytes that can be read.
    pub fn readable(&self) -> usize {
        self.receive.buffer.readable()
    }

    /// Whether the peer's stream ended and everything was read.
    pub fn at_end(&self) -> bool {
        self.readable() == 0 && (self.receive.fin_received || self.state == State::Closed)
    }

    /// No more writing: a FIN follows what was written.
    pub fn shutdown(&mut self) {
        if self.send.fin.is_some() {
            return;
        }
        match self.state {
            // RFC 9293 §3.10.4: nothing was agreed yet, so there is nothing to end.
            State::SynSent => return self.close_with(None),
            // FIN-WAIT-1 is entered when the handshake completes.
            State::SynReceived => {}
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.send.fin = Some(self.send.buffer.end());
    }

    /// The application lets go.
    pub fn close(&mut self, now: Instant) {
        self.orphaned = true;
        // RFC 9293 §3.6.1 (SHLD-3), RFC 2525 §2.17: unread data is lost data; say so.
        if self.readable() > 0 && self.state.is_synchronized() && self.state != State::TimeWait {
            return self.abort();
        }
        self.receive.discarding = true;
        self.shutdown();
        if self.state == State::FinWait2 {
            self.timers.arm(Timer::FinWait2, now + self.settings.fin_wait_2);
        }
    }

    /// RFC 9293 §3.10.5: RST, and forget everything.
    pub fn abort(&mut self) {
        let tells = self.state.is_synchronized() && self.state != State::TimeWait || self.state == State::SynReceived;
        if tells && !self.held {
            self.reset_due = Some((self.send.next, true));
        }
        self.close_with(Some(TcpError::Aborted));
    }

    /// Lets a held connection answer its SYN.
    pub fn admit(&mut self) {
        self.held = false;
        self.syn_due = true;
    }

    /// Refuses a held connection with a reset.
    pub fn refuse(&mut self) {
        // RFC 9293 §3.10.7.1's answer to a SYN: sequence zero, acknowledging it.
        self.send.next = 0;
        self.reset_due = Some((0, true));
        self.close_with(Some(TcpError::Refused));
    }

    // ---- what others ask ----

    /// Where it is in its life.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Both ends.
    pub const fn pair(&self) -> Pair {
        self.pair
    }

    /// Why it ended, if not by closing.
    pub const fn error(&self) -> Option<TcpError> {
        self.error
    }

    /// Its settings.
    pub const fn settings(&self) -> &Arc<TcpSettings> {
        &self.settings
    }

    /// Changes its settings, such as no-delay, keep-alive or the user timeout.
    pub fn configure(&mut self, now: Instant, change: impl FnOnce(&mut TcpSettings)) {
        change(Arc::make_mut(&mut self.settings));
        self.timers.stop(Timer::KeepAlive);
        if let Some(keep_alive) = self.settings.keep_alive.filter(|_| self.state.is_synchronized()) {
            self.timers.arm(Timer::KeepAlive, now + keep_alive.idle);
        }
        if matches!(self.state, State::SynSent | State::SynReceived) && self.timers.is_armed(Timer::UserTimeout) {
            self.timers.arm(Timer::UserTimeout, now + self.settings.syn_timeout);
        }
    }

    /// Whether the application let go of it.
    pub const fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// Whether the SYN-ACK is withheld.
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// Whether it began in LISTEN.
    pub const fn is_passive(&self) -> bool {
        self.passive
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// When [`Connection::handle_timeout`](super::timeouts) wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// Bytes of memory for data: written and not acknowledged, arrived and not read.
    pub fn buffered(&self) -> usize {
        self.send.buffer.len() + self.readable() + self.receive.buffer.out_of_order()
    }

    /// What TIME-WAIT must remember.
    pub fn remains(&self) -> super::time_wait::Remains {
        super::time_wait::Remains {
            send_next: self.send.space.wire(self.send.next),
            receive_next: self.receive.space.wire(self.receive.next()),
            window: (self.receive.window() >> self.receive.scale).min(65_535) as u16,
            timestamps: self.timestamps.enabled.then_some(self.timestamps),
        }
    }

    /// The invariants of RFC 9293 §3.4 and of this house; for the lab and the fuzzer.
    pub fn check(&self) -> Result<(), String> {
        let send = &self.send;
        if !(send.unacknowledged <= send.next && send.next <= send.end()) {
            return Err(format!("SND.UNA {} SND.NXT {} end {}", send.unacknowledged, send.next, send.end()));
        }
        if self.state.is_synchronized() && self.state != State::TimeWait {
            self.recovery.check(send.unacknowledged, send.next)?;
            let waiting = !self.recovery.is_idle();
            if waiting && !self.timers.is_armed(Timer::Retransmission) {
                return Err("data is under way and no retransmission timer is armed".to_owned());
            }
        }
        if self.state == State::Closed && self.timers.earliest().is_some() {
            return Err("a closed connection has a timer".to_owned());
        }
        if self.controller.window() < u64::from(send.segment_size().min(1)) {
            return Err("the congestion window is below one segment".to_owned());
        }
        Ok(())
    }
}
