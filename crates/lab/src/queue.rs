//! What waits in front of a link: a plain queue that drops at its end, or CoDel (RFC 8289), which drops or marks by
//! how long packets waited. Owned by [`super::link`].

use std::collections::VecDeque;
use std::time::Duration;

use edgeway_base::Instant;
use edgeway_tcpip::Packet;

/// CoDel's acceptable standing delay. RFC 8289 §3.2.
const TARGET: Duration = Duration::from_millis(5);
/// And the time it may be exceeded: about a round trip.
const INTERVAL: Duration = Duration::from_millis(100);

/// Which discipline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueSettings {
    /// First in, first out; at most this many bytes.
    DropTail {
        /// Bytes that fit.
        bytes: usize,
    },
    /// CoDel; at most this many bytes.
    CoDel {
        /// Bytes that fit.
        bytes: usize,
        /// Mark ECN-capable packets instead of dropping them (RFC 8289 §5.4).
        marks: bool,
    },
}

/// A packet with the number it is traced by.
pub(crate) type Traced = (u64, Packet);

#[derive(Debug)]
pub(crate) struct Queue {
    settings: QueueSettings,
    waiting: VecDeque<(Instant, Traced)>,
    bytes: usize,
    first_above: Option<Instant>,
    dropping: bool,
    drop_next: Instant,
    count: u32,
}

impl Queue {
    pub(crate) const fn new(settings: QueueSettings) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            bytes: 0,
            first_above: None,
            dropping: false,
            drop_next: Instant::ZERO,
            count: 0,
        }
    }

    /// Bytes waiting.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets a packet wait; `Err` gives back the number of one that does not fit.
    pub(crate) fn push(&mut self, now: Instant, packet: Traced) -> Result<(), u64> {
        let (QueueSettings::DropTail { bytes } | QueueSettings::CoDel { bytes, .. }) = self.settings;
        let length = packet.1.len();
        if self.bytes + length > bytes && !self.waiting.is_empty() {
            return Err(packet.0);
        }
        self.bytes += length;
        self.waiting.push_back((now, packet));
        Ok(())
    }

    /// The next packet to send; numbers of packets dropped on the way go to `dropped`.
    pub(crate) fn pop(&mut self, now: Instant, dropped: &mut Vec<u64>) -> Option<Traced> {
        let QueueSettings::CoDel { marks, .. } = self.settings else { return self.take().map(|(_, packet)| packet) };
        let mut packet = self.take_judged(now)?;
        if self.dropping {
            if !packet.1 {
                self.dropping = false;
            }
            while self.dropping && now >= self.drop_next {
                self.count += 1;
                self.drop_next += control_law(self.count);
                if marks && mark(&mut packet.0.1) {
                    break;
                }
                dropped.push(packet.0.0);
                packet = self.take_judged(now)?;
                self.dropping = packet.1;
            }
        } else if packet.1 {
            // RFC 8289 §4.2: start where the last dropping period left off, if it was a short while ago.
            let recently = now - self.drop_next < INTERVAL * 16;
            self.count = if recently && self.count > 2 { self.count - 2 } else { 1 };
            self.dropping = true;
            self.drop_next = now + control_law(self.count);
            if !(marks && mark(&mut packet.0.1)) {
                dropped.push(packet.0.0);
                packet = self.take_judged(now)?;
            }
        }
        Some(packet.0)
    }

    fn take(&mut self) -> Option<(Instant, Traced)> {
        let (since, packet) = self.waiting.pop_front()?;
        self.bytes -= packet.1.len();
        Some((since, packet))
    }

    /// A packet, and whether the queue has been bad for a whole interval. RFC 8289 §4.4.
    fn take_judged(&mut self, now: Instant) -> Option<(Traced, bool)> {
        let Some((since, packet)) = self.take() else {
            self.first_above = None;
            return None;
        };
        if now - since < TARGET || self.bytes <= 1514 {
            self.first_above = None;
            return Some((packet, false));
        }
        let first = *self.first_above.get_or_insert(now + INTERVAL);
        Some((packet, now >= first))
    }
}

fn control_law(count: u32) -> Duration {
    INTERVAL.div_f64(f64::from(count.max(1)).sqrt())
}

/// Marks an ECN-capable IPv4 or IPv6 packet "congestion experienced"; `false` when it is not ECN-capable.
fn mark(packet: &mut Packet) -> bool {
    let mut bytes = packet.to_bytes().to_vec();
    let start = if bytes.first().is_some_and(|first| matches!(first >> 4, 4 | 6)) { 0 } else { 14 };
    let Some(ip) = bytes.get_mut(start..) else { return false };
    match ip.first().map(|first| first >> 4) {
        Some(4) if ip.len() >= 20 && ip[1] & 3 != 0 => {
            ip[1] |= 3;
            ip[10..12].fill(0);
            let sum = edgeway_tcpip::wire::checksum::Sum::new().bytes(&ip[..20]).checksum();
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        Some(6) if ip.len() >= 40 && ip[1] >> 4 & 3 != 0 => ip[1] |= 0x30,
        _ => return false,
    }
    *packet = Packet::from_bytes(bytes.into());
    true
}
