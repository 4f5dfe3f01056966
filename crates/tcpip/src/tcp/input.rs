//! A segment arrives: RFC 9293 §3.10.7, one function per numbered step, in the RFC's order. Input only changes
//! state and notes what is due; [`super::output`] is the only place that emits.

use edgeway_base::Instant;

use super::connection::{Connection, Segment};
use super::receive_side::Due;
use super::recovery::Acknowledgement;
use super::settings::EcnMode;
use super::state::{State, TcpError};
use super::timers::Timer;
use crate::wire::tcp::{Flags, TcpHeader};
use crate::wire::tcp_options::FastOpen;

/// Whether the next step may look at the segment.
type Step = std::ops::ControlFlow<()>;
const GO_ON: Step = Step::Continue(());
const DROP: Step = Step::Break(());

impl Connection {
    /// Takes in one segment for this connection.
    pub fn handle_segment(&mut self, now: Instant, mut segment: Segment) {
        match self.state {
            State::Closed | State::TimeWait => {}
            State::SynSent => self.in_syn_sent(now, segment),
            _ => {
                let _ = self.in_other_states(now, &mut segment);
            }
        }
    }

    /// RFC 9293 §3.10.7.3.
    fn in_syn_sent(&mut self, now: Instant, mut segment: Segment) {
        let header = segment.header;
        let acknowledged = self.send.space.position(self.send.next, header.acknowledgement);
        // first, check the ACK bit
        if header.flags.has(Flags::ACK) && (acknowledged <= 0 || acknowledged > self.send.next) {
            if !header.flags.has(Flags::RST) {
                self.reset_due = Some((acknowledged, false));
            }
            return;
        }
        // second, check the RST bit
        if header.flags.has(Flags::RST) {
            if header.flags.has(Flags::ACK) {
                self.close_with(Some(TcpError::Refused));
            }
            return;
        }
        // fourth, check the SYN bit (third, security, is obsolete); fifth: neither SYN nor RST: drop
        if !header.flags.has(Flags::SYN) || header.flags.has(Flags::FIN) && self.settings.drop_syn_fin {
            return;
        }
        self.synchronize(now, &header);
        self.received_at = now;
        // RFC 7323 §2.2: the window of a segment with SYN is never scaled.
        self.send.set_window(i64::from(header.window));
        if !header.flags.has(Flags::ACK) {
            return self.cross_open(segment.payload);
        }
        self.learn_fast_open(&header);
        self.send.unacknowledged = acknowledged;
        self.send.window_updated_by = (0, acknowledged);
        self.ecn.enabled = self.offers_ecn() && header.flags.has(Flags::ECE) && !header.flags.has(Flags::CWR);
        self.enter_established(now);
        self.acknowledge_fast_open_data(now, acknowledged);
        self.receive.due = Due::Now;
        segment.header.sequence = segment.header.sequence.plus(1);
        segment.header.flags = segment.header.flags.without(Flags::SYN);
        let position = self.receive.next();
        let _ = self.sixth_and_later(now, &mut segment, position);
        self.reschedule(now);
    }

    /// Both sides opened at once (MUST-10).
    fn cross_open(&mut self, mut early: bytes::Bytes) {
        self.state = State::SynReceived;
        self.round_receive_buffer();
        early.truncate(self.receive.window() as usize);
        self.early_data = early;
        self.syn_due = true;
        self.timers.stop(Timer::Retransmission);
    }

    fn learn_fast_open(&mut self, header: &TcpHeader) {
        if let (true, Some(FastOpen::Cookie(cookie))) = (self.fast_open.is_some(), header.options.fast_open) {
            self.changes.fast_open_cookie = Some(cookie);
        }
    }

    /// Data on our SYN (RFC 7413 §4.2.2): what the SYN-ACK does not cover is sent again.
    fn acknowledge_fast_open_data(&mut self, now: Instant, acknowledged: i64) {
        if self.send.next > 1 {
            self.send.buffer.acknowledge(acknowledged);
            self.send.next = acknowledged;
            self.sent_at = now;
        }
    }

    /// RFC 9293 §3.10.7.4.
    fn in_other_states(&mut self, now: Instant, segment: &mut Segment) -> Step {
        let header = segment.header;
        let near = self.receive.next();
        let position = self.receive.space.position(near, header.sequence);
        let length = header.sequence_length(segment.payload.len());
        self.check_old_timestamp(now, &header)?;
        self.first_check_sequence(now, &header, position, length)?;
        self.second_check_reset(now, &header, position)?;
        self.fourth_check_syn(now, &header)?;
        self.received_at = now;
        self.keep_alive_unanswered = 0;
        if let Some((value, _)) = header.options.timestamps.filter(|_| self.timestamps.enabled) {
            self.timestamps.note(now, value, position <= self.receive.acknowledged);
        }
        self.ecn.received(segment.congestion_experienced, header.flags.has(Flags::CWR));
        self.fifth_check_acknowledgement(now, &header, position, segment.payload.is_empty())?;
        self.sixth_and_later(now, segment, position)?;
        self.reschedule(now);
        GO_ON
    }

    /// RFC 7323 §5.3 R1 (PAWS). A segment without the option is let through although RFC 7323 §3.2 would drop it:
    /// some peers forget it on retransmissions, and the window still protects.
    fn check_old_timestamp(&mut self, now: Instant, header: &TcpHeader) -> Step {
        let Some((value, _)) = header.options.timestamps else { return GO_ON };
        if header.flags.has(Flags::RST) || !self.timestamps.is_old(now, value) {
            return GO_ON;
        }
        self.challenge(now);
        DROP
    }

    /// First: is it in the window? An unacceptable segment is answered with where we are.
    fn first_check_sequence(&mut self, now: Instant, header: &TcpHeader, position: i64, length: i64) -> Step {
        // A SYN again from a peer whose SYN-ACK was lost: give it again (RFC 5961 §4 concerns synchronized states).
        if self.state == State::SynReceived && header.flags.has(Flags::SYN) && position == 0 {
            if !header.flags.has(Flags::ACK) || self.passive {
                self.syn_due = !self.held;
                return DROP;
            }
            // The other half of a simultaneous open: its SYN-ACK.
            return GO_ON;
        }
        if self.receive.is_acceptable(position, length) {
            return GO_ON;
        }
        // A keep-alive or zero-window probe (RFC 9293 §3.8.4), a retransmission, or a forgery. RST: just drop.
        if header.flags.has(Flags::RST) {
            return DROP;
        }
        if header.flags.has(Flags::SYN) {
            self.challenge(now);
            return DROP;
        }
        let end = position + length;
        if length > 0 && position < self.receive.next() && end <= self.receive.next() {
            // RFC 2883: say which bytes came twice. Data is answered every time, or a sender could starve.
            self.receive.duplicate = (position.max(1) < end).then_some((position.max(1), end));
            self.receive.due = Due::Now;
            self.retransmitted_fin_in_closing(header);
        } else {
            // MUST-66 and RFC 9293 §3.8.6.1: with a closed window, acknowledgements, RST and URG still count.
            if self.receive.window() == 0 && position == self.receive.next() {
                self.note_urgent(header, position);
                let _ = self.fifth_check_acknowledgement(now, header, position, true);
            }
            self.challenge(now);
        }
        self.reschedule(now);
        DROP
    }

    /// A FIN again: our acknowledgement of it was lost.
    const fn retransmitted_fin_in_closing(&mut self, header: &TcpHeader) {
        if header.flags.has(Flags::FIN) {
            self.receive.duplicate = None;
        }
    }

    /// Second: RST. RFC 5961 §3.2: only the exact number resets; anything else in the window is asked about.
    fn second_check_reset(&mut self, now: Instant, header: &TcpHeader, position: i64) -> Step {
        if !header.flags.has(Flags::RST) {
            return GO_ON;
        }
        if position != self.receive.next() {
            self.challenge(now);
            return DROP;
        }
        let error = match self.state {
            // MUST-11: a passive open goes back to LISTEN without a word; an active one was refused.
            State::SynReceived if self.passive => None,
            State::SynReceived => Some(TcpError::Refused),
            // RFC 9293 ends CLOSING and LAST-ACK in silence; but what we sent last was never acknowledged, and the
            // application should know (as with Linux and BSD).
            _ => Some(TcpError::Reset),
        };
        self.close_with(error);
        DROP
    }

    /// Fourth: SYN. RFC 5961 §4.2: in a synchronized state, whatever its number, ask.
    fn fourth_check_syn(&mut self, now: Instant, header: &TcpHeader) -> Step {
        if !header.flags.has(Flags::SYN) {
            return GO_ON;
        }
        if self.state == State::SynReceived && header.flags.has(Flags::ACK) && !self.passive {
            return GO_ON;
        }
        self.challenge(now);
        DROP
    }

    /// Fifth: ACK.
    fn fifth_check_acknowledgement(&mut self, now: Instant, header: &TcpHeader, position: i64, empty: bool) -> Step {
        if !header.flags.has(Flags::ACK) {
            return DROP;
        }
        let acknowledged = self.send.space.position(self.send.unacknowledged, header.acknowledgement);
        if self.state == State::SynReceived {
            self.complete_handshake(now, header, acknowledged)?;
        }
        // RFC 5961 §5.2: too old, or for what was never sent: ask, and believe nothing of it.
        if acknowledged > self.send.next || acknowledged < self.send.unacknowledged - self.send.window_max.max(65_535) {
            self.challenge(now);
            return DROP;
        }
        self.take_acknowledgement(now, header, position, acknowledged, empty);
        self.after_acknowledgement(now)
    }

    fn complete_handshake(&mut self, now: Instant, header: &TcpHeader, acknowledged: i64) -> Step {
        // RFC 9293 §3.10.7.4: an acknowledgement of anything but our SYN (and Fast Open data) is answered with a
        // reset, and the connection waits on.
        if acknowledged <= 0 || acknowledged > self.send.next || self.held {
            self.reset_due = Some((acknowledged, false));
            return DROP;
        }
        self.send.unacknowledged = self.send.unacknowledged.max(1);
        self.enter_established(now);
        self.send.window_updated_by = (i64::MIN, 0);
        if self.send.next == 1 {
            self.send.set_window(i64::from(header.window) << self.send.scale);
        }
        GO_ON
    }

    fn take_acknowledgement(
        &mut self,
        now: Instant,
        header: &TcpHeader,
        position: i64,
        acknowledged: i64,
        empty: bool,
    ) {
        let previous = self.send.unacknowledged;
        let window_changed = self.send.update_window(position, acknowledged, header.window);
        if acknowledged < previous {
            return;
        }
        let mut blocks = [(0, 0); 4];
        let wire = header.options.sack_blocks;
        for (slot, (start, end)) in blocks.iter_mut().zip(wire.as_slice()) {
            let near = acknowledged;
            *slot = (self.send.space.position(near, *start), self.send.space.position(near, *end));
        }
        let echo = header.options.timestamps.map(|(_, echo)| echo).filter(|_| self.timestamps.enabled);
        let congestion_echo = header.flags.has(Flags::ECE) && self.ecn.echoed(acknowledged, self.send.next);
        let ack = Acknowledgement {
            now,
            previous,
            position: acknowledged,
            sent: self.send.next,
            blocks: &blocks[..wire.as_slice().len()],
            pure: empty && !window_changed && !header.flags.has(Flags::FIN),
            echo,
            echo_age: echo.and_then(|echo| self.timestamps.age(now, echo)),
            congestion_echo,
            window_limited: self.window_was_limit,
        };
        if self.recovery.is_idle() && acknowledged == previous {
            self.persist_was_answered(now, window_changed);
            return;
        }
        self.send.unacknowledged = acknowledged;
        self.send.buffer.acknowledge(acknowledged);
        let segment_size = self.send.segment_size();
        self.recovery.on_acknowledged(
            &ack,
            &mut self.round_trip,
            self.controller.as_mut(),
            &self.settings,
            segment_size,
        );
        if acknowledged > previous {
            self.path_proven |= acknowledged - previous >= i64::from(segment_size);
            self.progress(now);
        }
        if self.send.wants_room && self.room_to_write() > self.settings.send_buffer / 4 {
            self.send.wants_room = false;
            self.changes.writable = true;
        }
    }

    /// A probe of a closed window was answered: the peer lives (MUST-37).
    fn persist_was_answered(&mut self, now: Instant, window_changed: bool) {
        if window_changed {
            self.persist_backoff = 0;
            self.timers.stop(Timer::Persist);
        }
        self.received_at = now;
    }

    /// Something was acknowledged that was not before.
    fn progress(&mut self, now: Instant) {
        self.black_hole_timeouts = 0;
        self.persist_backoff = 0;
        self.soft_error = None;
        self.timers.stop(Timer::TailLossProbe);
        self.timers.stop(Timer::Retransmission);
        self.timers.stop(Timer::UserTimeout);
        if !self.recovery.is_idle() {
            self.arm_retransmission(now);
        }
    }

    /// What an acknowledgement means for the state.
    fn after_acknowledgement(&mut self, now: Instant) -> Step {
        if !self.send.fin_acknowledged() {
            return GO_ON;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.orphaned {
                    self.timers.arm(Timer::FinWait2, now + self.settings.fin_wait_2);
                }
            }
            State::Closing => self.enter_time_wait(),
            State::LastAck => {
                self.close_with(None);
                return DROP;
            }
            _ => {}
        }
        GO_ON
    }

    pub(super) fn enter_time_wait(&mut self) {
        self.state = State::TimeWait;
        self.timers.stop_all();
        self.changes.time_wait = true;
    }

    /// Sixth URG, seventh data, eighth FIN.
    fn sixth_and_later(&mut self, now: Instant, segment: &mut Segment, position: i64) -> Step {
        self.note_urgent(&segment.header, position);
        self.seventh_take_data(now, segment, position)?;
        self.eighth_take_fin(&segment.header, position + segment.payload.len() as i64)
    }

    /// MUST-30, 31: urgent data of any length stays in the stream; the pointer is the first byte behind it.
    fn note_urgent(&mut self, header: &TcpHeader, position: i64) {
        if !header.flags.has(Flags::URG) || !self.state.may_receive() {
            return;
        }
        let up_to = position + i64::from(header.urgent);
        if up_to > self.receive.next() && self.receive.urgent.is_none_or(|known| up_to > known) {
            self.receive.urgent = Some(up_to);
            self.changes.urgent = true;
        }
    }

    fn seventh_take_data(&mut self, now: Instant, segment: &mut Segment, position: i64) -> Step {
        if segment.payload.is_empty() || !self.state.may_receive() {
            return GO_ON;
        }
        let end = position + segment.payload.len() as i64;
        // RFC 9293 §3.10.4 (CLOSE) with RFC 1122 §4.2.2.13: nobody will read this; say so.
        if self.receive.discarding && end > self.receive.next() {
            self.reset_due = Some((self.send.next, true));
            self.close_with(Some(TcpError::Aborted));
            return DROP;
        }
        let edge = self.receive.next() + self.receive.window();
        // MUST-34's other side: what lies beyond the window is not kept.
        if end > edge {
            segment.payload.truncate((edge - position).max(0) as usize);
            segment.header.flags = segment.header.flags.without(Flags::FIN);
        }
        let length = segment.payload.len();
        let arrival = self.receive.buffer.insert(position, segment.payload.clone());
        if arrival.advanced {
            self.changes.readable = true;
        }
        self.receive.duplicate = arrival.duplicate.filter(|_| self.settings.selective_acknowledgements);
        // RFC 5681 §4.2: at once for what is out of order, fills a gap, or came twice.
        if arrival.gaps || arrival.duplicate.is_some() || arrival.refused {
            self.receive.due = Due::Now;
        } else {
            self.receive.note_in_order(length, segment.count, self.announced_segment_size);
        }
        if self.receive.due == Due::Delayed {
            self.timers.arm_once(Timer::DelayedAcknowledgement, now + self.settings.delayed_ack);
        }
        GO_ON
    }

    fn eighth_take_fin(&mut self, header: &TcpHeader, position: i64) -> Step {
        if header.flags.has(Flags::FIN) && self.state.may_receive() && self.receive.fin.is_none() {
            self.receive.fin = Some(position);
            // Out of order: acknowledge what is missing before it.
            self.receive.due = Due::Now;
        }
        if self.receive.fin_received || self.receive.fin != Some(self.receive.buffer.next()) {
            return GO_ON;
        }
        self.receive.fin_received = true;
        self.receive.due = Due::Now;
        self.changes.readable = true;
        match self.state {
            State::SynReceived | State::Established => self.state = State::CloseWait,
            // Our own FIN was not acknowledged by this segment, or the state would have moved on.
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(),
            _ => {}
        }
        GO_ON
    }

    /// Asks the peer where it stands (RFC 5961 §7: within a budget, kept per connection).
    pub(super) fn challenge(&mut self, now: Instant) {
        if self.challenge.take(now) {
            self.receive.due = Due::Now;
        }
    }

    /// Whether a SYN's flags ask for ECN and the settings grant it. RFC 3168 §6.1.1.
    pub fn grants_ecn(settings: &super::settings::TcpSettings, flags: Flags) -> bool {
        settings.ecn != EcnMode::Off && flags.has(Flags::ECE | Flags::CWR)
    }
}
