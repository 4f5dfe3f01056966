//! A link between two ports: rate, delay, queue, and everything that can go wrong. Each direction is by itself.
//! Owned by [`super::world`].

use std::collections::BTreeSet;
use std::time::Duration;

use edgeway_base::{Entropy, Instant, SeededEntropy};

use super::queue::{Queue, QueueSettings};

/// How packets get lost.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Loss {
    /// Never.
    #[default]
    None,
    /// Each by itself, with this probability.
    Independent(f64),
    /// In bursts (Gilbert and Elliott): probabilities per packet of going bad and of recovering; bad loses all.
    Bursty {
        /// From good to bad.
        begins: f64,
        /// From bad to good: one over the mean length of a burst.
        ends: f64,
    },
    /// Exactly these, counted from zero in each direction.
    Scripted {
        /// In the direction in which the link was named.
        forward: BTreeSet<u64>,
        /// In the other.
        backward: BTreeSet<u64>,
    },
}

/// What a link is like, in both directions.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkSettings {
    /// Bits per second; zero: unlimited.
    pub rate: u64,
    /// One way.
    pub delay: Duration,
    /// Added evenly from zero to this; it reorders.
    pub jitter: Duration,
    /// What waits when the link is busy.
    pub queue: QueueSettings,
    /// How packets get lost.
    pub loss: Loss,
    /// Share of packets that are held back by [`LinkSettings::reorder_by`].
    pub reorder: f64,
    /// How long a reordered packet is held back.
    pub reorder_by: Duration,
    /// Share of packets that arrive twice.
    pub duplicate: f64,
    /// Share of packets in which one bit flips.
    pub corrupt: f64,
    /// Largest IP packet, in bytes: what both ends' interfaces are set to.
    pub mtu: u32,
}

impl Default for LinkSettings {
    /// A good local link: 1 Gbit/s, 0.1 ms.
    fn default() -> Self {
        Self {
            rate: 1_000_000_000,
            delay: Duration::from_micros(100),
            jitter: Duration::ZERO,
            queue: QueueSettings::DropTail { bytes: 1 << 20 },
            loss: Loss::None,
            reorder: 0.0,
            reorder_by: Duration::ZERO,
            duplicate: 0.0,
            corrupt: 0.0,
            mtu: 1500,
        }
    }
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Direction {
    pub(crate) queue: Queue,
    /// Until when the sender is busy with the packet before.
    pub(crate) busy_until: Instant,
    pub(crate) waking: bool,
    count: u64,
    bad: bool,
}

impl Direction {
    pub(crate) const fn new(settings: &LinkSettings) -> Self {
        Self { queue: Queue::new(settings.queue), busy_until: Instant::ZERO, waking: false, count: 0, bad: false }
    }

    /// How long the packet occupies the link.
    pub(crate) fn serialisation(settings: &LinkSettings, bytes: usize) -> Duration {
        match settings.rate {
            0 => Duration::ZERO,
            rate => Duration::from_nanos((bytes as u64 * 8).saturating_mul(1_000_000_000) / rate),
        }
    }

    /// Whether this packet is lost on the way.
    pub(crate) fn loses(&mut self, settings: &LinkSettings, backward: bool, entropy: &mut SeededEntropy) -> bool {
        let number = self.count;
        self.count += 1;
        match &settings.loss {
            Loss::None => false,
            Loss::Independent(share) => chance(entropy, *share),
            Loss::Bursty { begins, ends } => {
                let turns = if self.bad { *ends } else { *begins };
                self.bad ^= chance(entropy, turns);
                self.bad
            }
            Loss::Scripted { forward, backward: other } => (if backward { other } else { forward }).contains(&number),
        }
    }
}

/// How late a packet arrives after it left, once or twice.
pub(crate) fn delays(settings: &LinkSettings, entropy: &mut SeededEntropy) -> Vec<Duration> {
    let once = |entropy: &mut SeededEntropy| {
        let jitter = settings.jitter.mul_f64(even(entropy));
        let held = if chance(entropy, settings.reorder) { settings.reorder_by } else { Duration::ZERO };
        settings.delay + jitter + held
    };
    let mut delays = vec![once(entropy)];
    if chance(entropy, settings.duplicate) {
        delays.push(once(entropy));
    }
    delays
}

/// An even number from zero to one.
pub(crate) fn even(entropy: &mut SeededEntropy) -> f64 {
    f64::from(entropy.next_u32()) / f64::from(u32::MAX)
}

pub(crate) fn chance(entropy: &mut SeededEntropy, share: f64) -> bool {
    share > 0.0 && even(entropy) < share
}
