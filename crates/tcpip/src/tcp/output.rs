//! What may be sent now: the single place that emits segments. Called by [`super::endpoint`] until it answers
//! `None`.

use std::time::Duration;

use bytes::Bytes;
use edgeway_base::Instant;

use super::connection::{Connection, Outgoing, ProbeKind};
use super::receive_side::Due;
use super::send_side::Sendable;
use super::state::State;
use super::timers::Timer;
use crate::limits::SUPER_SEGMENT_MAX;
use crate::wire::tcp::{Flags, TcpHeader};
use crate::wire::tcp_options::{FastOpen, SackBlocks, TcpOptions};

impl Connection {
    /// The next segment to send, if any. `super_segments`: the device takes one header for many segments.
    pub fn poll_output(&mut self, now: Instant, super_segments: bool) -> Option<Outgoing> {
        if let Some((position, acknowledges)) = self.reset_due.take() {
            return Some(self.reset(now, position, acknowledges));
        }
        match self.state {
            State::Closed => None,
            State::SynSent | State::SynReceived => self.handshake(now, super_segments),
            _ => self.established(now, super_segments),
        }
    }

    fn handshake(&mut self, now: Instant, super_segments: bool) -> Option<Outgoing> {
        if self.held {
            return None;
        }
        if self.syn_due {
            self.syn_due = false;
            return Some(self.syn(now));
        }
        if self.fast_opened {
            return self.established(now, super_segments);
        }
        // SYN-RECEIVED: only what a challenge asks for; data waits for the handshake.
        (self.state == State::SynReceived && self.receive.due == Due::Now).then(|| self.acknowledgement(now))
    }

    fn established(&mut self, now: Instant, super_segments: bool) -> Option<Outgoing> {
        let segment_size = self.send.segment_size() as usize;
        let most = if super_segments { SUPER_SEGMENT_MAX / segment_size * segment_size } else { segment_size };
        self.retransmission(now, most)
            .or_else(|| self.new_data(now, most))
            .or_else(|| self.probe(now))
            .or_else(|| (self.receive.due == Due::Now).then(|| self.acknowledgement(now)))
    }

    fn retransmission(&mut self, now: Instant, most: usize) -> Option<Outgoing> {
        let (start, end) = self.recovery.next_retransmission()?;
        if !self.may_pace(now) {
            return None;
        }
        let end = end.min(start + most as i64);
        let in_flight = self.recovery.in_flight();
        let window = self.recovery.window(self.controller.as_ref());
        if in_flight > 0 && in_flight + (end - start) as u64 > window {
            return None;
        }
        Some(self.send_again(now, start, end))
    }

    /// Emits `start..end` once more; the FIN counts one behind the data.
    fn send_again(&mut self, now: Instant, start: i64, end: i64) -> Outgoing {
        let fin = self.send.fin.is_some_and(|fin| end > fin);
        let length = (end - start - i64::from(fin)) as usize;
        self.recovery.on_retransmitted(now, start, end, self.timestamps.enabled.then(|| self.timestamps.value(now)));
        // RFC 3168 §6.1.5: retransmissions are not ECN-capable.
        let push = start + length as i64 == self.send.buffer.end();
        self.data_segment(now, &Sendable { position: start, length, fin, push }, false)
    }

    fn new_data(&mut self, now: Instant, most: usize) -> Option<Outgoing> {
        if self.send.all_sent() {
            return None;
        }
        let window = self.recovery.window(self.controller.as_ref());
        let allowance = window.saturating_sub(self.recovery.in_flight());
        let remembered = self.recovery.remembered();
        let Some(sendable) = self.send.sendable(allowance, most, self.settings.no_delay, remembered) else {
            self.note_why_not(now, allowance);
            return None;
        };
        if !self.may_pace(now) {
            return None;
        }
        Some(self.send_new(now, sendable))
    }

    /// Nothing can go: is it the congestion window, or the peer's?
    fn note_why_not(&mut self, now: Instant, allowance: u64) {
        let segment = u64::from(self.send.segment_size());
        let room = (self.send.edge() - self.send.next).max(0) as u64;
        self.window_was_limit = allowance < segment && room >= segment;
        if self.send.is_stuck() && self.recovery.is_idle() {
            self.arm_persist(now);
        }
    }

    fn send_new(&mut self, now: Instant, sendable: Sendable) -> Outgoing {
        self.restart_after_idle(now);
        let end = sendable.position + sendable.length as i64 + i64::from(sendable.fin);
        self.send.sent(&sendable);
        self.recovery.on_sent(now, sendable.position, end);
        self.timers.stop(Timer::Persist);
        let window = self.recovery.window(self.controller.as_ref());
        let used = self.recovery.in_flight() + u64::from(self.send.segment_size());
        // RFC 7661's question, answered when sending: did the congestion window hold us back?
        self.window_was_limit = used >= window || self.in_slow_start() && 2 * used >= window;
        if self.send.all_sent() && used < window {
            self.recovery.application_limited();
        }
        self.arm_retransmission(now);
        self.pace(now, sendable.length);
        self.data_segment(now, &sendable, self.ecn.enabled)
    }

    fn in_slow_start(&self) -> bool {
        self.controller.window() < self.controller.slow_start_threshold()
    }

    /// RFC 5681 §4.1: after silence, the old window says nothing about the path.
    fn restart_after_idle(&mut self, now: Instant) {
        let timeout = self.round_trip.timeout(&self.settings);
        let idle = now - self.sent_at;
        if self.recovery.is_idle() && idle > timeout {
            self.controller.on_idle(idle, timeout);
        }
    }

    fn may_pace(&mut self, now: Instant) -> bool {
        if now >= self.paced_until {
            return true;
        }
        self.timers.arm(Timer::Pacing, self.paced_until);
        false
    }

    fn pace(&mut self, now: Instant, bytes: usize) {
        if let Some(rate) = self.controller.pacing_rate() {
            let gap = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / rate.max(1));
            // A sender that fell behind catches up by one segment, not by a burst.
            self.paced_until = self.paced_until.max(now) + gap;
        }
    }

    pub(super) fn arm_retransmission(&mut self, now: Instant) {
        let timeout = self.round_trip.timeout(&self.settings);
        self.timers.arm_once(Timer::Retransmission, now + timeout);
        self.timers.arm_once(Timer::UserTimeout, now + self.settings.user_timeout);
        let delayed = self.settings.rto_min;
        if let Some(wait) = self.recovery.probe_timeout(&self.round_trip, delayed, self.send.segment_size()) {
            let deadline = now + wait;
            // RFC 8985 §7.2: not later than the retransmission timeout.
            let timeout = self.timers.deadline(Timer::Retransmission).unwrap_or(deadline);
            self.timers.arm(Timer::TailLossProbe, deadline.min(timeout));
        }
    }

    fn arm_persist(&mut self, now: Instant) {
        let wait = self.round_trip.timeout(&self.settings).saturating_mul(1 << self.persist_backoff.min(16));
        self.timers.arm_once(Timer::Persist, now + wait.min(crate::limits::PERSIST_MAX));
    }

    fn probe(&mut self, now: Instant) -> Option<Outgoing> {
        match self.probe_due.take()? {
            ProbeKind::TailLoss => self.tail_loss_probe(now),
            // RFC 9293 §3.8.4 and §3.8.6.1: an old number makes any peer say where it stands. The window probe is
            // an old octet's number rather than a new octet, so that nothing lies beyond the window (as Linux does).
            ProbeKind::ZeroWindow | ProbeKind::KeepAlive => {
                let header = self.header(now, Flags::ACK, self.send.unacknowledged - 1, 0);
                Some(self.emit(now, header, Bytes::new(), false))
            }
        }
    }

    /// RFC 8985 §7.3: new data if there is some and the peer has room, else the last segment again.
    fn tail_loss_probe(&mut self, now: Instant) -> Option<Outgoing> {
        let size = u64::from(self.send.segment_size());
        let fresh = self.send.sendable(size, size as usize, true, 0);
        let (probe, end, again) = if let Some(sendable) = fresh {
            (self.send_new(now, sendable), self.send.next, false)
        } else {
            let (start, end) = self.recovery.tail()?;
            let start = start.max(end - i64::from(self.send.segment_size()));
            (self.send_again(now, start, end), end, true)
        };
        self.recovery.on_probe_sent(end, again);
        self.timers.stop(Timer::TailLossProbe);
        self.timers.arm(Timer::Retransmission, now + self.round_trip.timeout(&self.settings));
        Some(probe)
    }

    fn data_segment(&mut self, now: Instant, sendable: &Sendable, ecn_capable: bool) -> Outgoing {
        let payload = self.send.buffer.slice(sendable.position, sendable.length);
        let mut flags = Flags::ACK;
        if sendable.fin {
            flags |= Flags::FIN;
        }
        if sendable.push && !payload.is_empty() {
            flags |= Flags::PSH;
        }
        if ecn_capable && std::mem::take(&mut self.ecn.reduced) {
            flags |= Flags::CWR;
        }
        let mut header = self.header(now, flags, sendable.position, payload.len());
        if let Some(urgent) = self.send.urgent.filter(|urgent| *urgent > sendable.position) {
            header.flags |= Flags::URG;
            header.urgent = (urgent - sendable.position).min(65_535) as u16;
        }
        if self.send.urgent.is_some_and(|urgent| urgent <= self.send.unacknowledged) {
            self.send.urgent = None;
        }
        self.emit(now, header, payload, ecn_capable)
    }

    fn acknowledgement(&mut self, now: Instant) -> Outgoing {
        let header = self.header(now, Flags::ACK, self.send.next, 0);
        self.emit(now, header, Bytes::new(), false)
    }

    fn emit(&mut self, now: Instant, header: TcpHeader, payload: Bytes, ecn_capable: bool) -> Outgoing {
        self.receive.acknowledged();
        self.timers.stop(Timer::DelayedAcknowledgement);
        self.sent_at = now;
        let size = self.send.segment_size();
        let segment_size = if payload.len() > size as usize { size } else { 0 };
        Outgoing { header, payload, segment_size, ecn_capable }
    }

    /// A header with acknowledgement, window and the options of an established connection.
    fn header(&mut self, now: Instant, flags: Flags, position: i64, payload: usize) -> TcpHeader {
        let timestamps = self.timestamps.enabled.then(|| (self.timestamps.value(now), self.timestamps.recent));
        let mut options = TcpOptions { timestamps, ..TcpOptions::default() };
        if self.settings.selective_acknowledgements && self.recovery.is_selective() {
            let used = self.send.option_bytes as usize;
            let free = TcpOptions::LENGTH_MAX - used;
            // Beside data only what the segment size leaves; a pure acknowledgement has room for all.
            let path = (self.send.path_segment_size.min(self.send.peer_segment_size) as usize).saturating_sub(used);
            let free = if payload == 0 { free } else { free.min(path.saturating_sub(payload)) };
            let room = (free.saturating_sub(4) / 8).min(SackBlocks::MAX);
            if room > 0 {
                options.sack_blocks = self.receive.sack_blocks(room);
            }
        }
        let mut flags = flags;
        if self.ecn.enabled && self.ecn.echo {
            flags |= Flags::ECE;
        }
        TcpHeader {
            source_port: self.pair.local.port(),
            destination_port: self.pair.remote.port(),
            sequence: self.send.space.wire(position),
            acknowledgement: self.receive.space.wire(self.receive.next()),
            flags,
            window: self.receive.advertise(self.announced_segment_size),
            urgent: 0,
            options,
        }
    }

    /// Our SYN or SYN-ACK. What a retransmission offers is what the first offered, unless the settings say to
    /// fall back.
    fn syn(&mut self, now: Instant) -> Outgoing {
        let answering = self.state == State::SynReceived;
        let both = |offered: bool, agreed: bool| if answering { agreed } else { offered };
        let size = self.settings.maximum_segment_size.map_or(self.announced_segment_size, u32::from);
        let options = TcpOptions {
            // RFC 9293 MUST-14, MUST-65, MUST-67: on SYNs only, and what we can take in.
            maximum_segment_size: Some(size.min(self.announced_segment_size).min(65_535) as u16),
            window_scale: both(self.offers_scaling(), self.receive.scale > 0 || self.send.scale > 0)
                .then(|| self.settings.window_scale()),
            sack_permitted: both(self.offers_sack(), self.recovery.is_selective()),
            timestamps: both(self.offers_timestamps(), self.timestamps.enabled)
                .then(|| (self.timestamps.value(now), if answering { self.timestamps.recent } else { 0 })),
            fast_open: self.fast_open,
            sack_blocks: SackBlocks::default(),
        };
        let mut flags = Flags::SYN;
        if answering {
            flags |= Flags::ACK;
            if self.ecn.enabled {
                flags |= Flags::ECE;
            }
        } else if self.offers_ecn() {
            flags |= Flags::ECE | Flags::CWR;
        }
        let payload = self.fast_open_payload();
        self.send.next = self.send.next.max(1 + payload.len() as i64);
        self.syn_sent_at.get_or_insert(now);
        self.sent_at = now;
        self.receive.due = Due::No;
        self.arm_syn(now);
        let next = self.receive.next();
        TcpHeader {
            source_port: self.pair.local.port(),
            destination_port: self.pair.remote.port(),
            sequence: self.send.space.wire(0),
            acknowledgement: if answering { self.receive.space.wire(next) } else { Default::default() },
            flags,
            // RFC 7323 §2.2: never scaled here.
            window: self.receive.capacity.min(65_535) as u16,
            urgent: 0,
            options,
        }
        .with(payload)
    }

    /// RFC 7413 §4.2.1: data on the first SYN, when we hold a cookie.
    fn fast_open_payload(&mut self) -> Bytes {
        let allowed = matches!(self.fast_open, Some(FastOpen::Cookie(_)));
        if !allowed || self.state != State::SynSent || self.syn_retries > 0 {
            return Bytes::new();
        }
        self.send.buffer.slice(1, self.send.path_segment_size.min(1400).saturating_sub(40) as usize)
    }

    fn arm_syn(&mut self, now: Instant) {
        let mut wait = self.round_trip.timeout(&self.settings);
        if self.syn_retries > 0 {
            wait += self.settings.syn_timeout_slop;
        }
        self.timers.arm(Timer::Retransmission, now + wait);
    }

    fn reset(&mut self, now: Instant, position: i64, acknowledges: bool) -> Outgoing {
        self.sent_at = now;
        let header = TcpHeader {
            source_port: self.pair.local.port(),
            destination_port: self.pair.remote.port(),
            sequence: self.send.space.wire(position),
            acknowledgement: match acknowledges {
                true => self.receive.space.wire(self.receive.next()),
                false => Default::default(),
            },
            flags: if acknowledges { Flags::RST | Flags::ACK } else { Flags::RST },
            ..TcpHeader::default()
        };
        header.with(Bytes::new())
    }
}

impl TcpHeader {
    const fn with(self, payload: Bytes) -> Outgoing {
        Outgoing { header: self, payload, segment_size: 0, ecn_capable: false }
    }
}
