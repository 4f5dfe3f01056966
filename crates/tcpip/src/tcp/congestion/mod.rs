//! How much may be under way: the congestion laws behind one shape. Called by [`super::recovery`] and the
//! connection; knows no segment, only counts of bytes.

mod bbr;
mod cubic;
mod hystart;
mod reno;

use std::fmt::Debug;
use std::time::Duration;

use edgeway_base::Instant;

use super::settings::{CongestionAlgorithm, TcpSettings};

/// The delivery rate measured by one acknowledgement (draft-cheng-iccrg-delivery-rate-estimation).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateSample {
    /// Bytes per second.
    pub rate: u64,
    /// The sender had nothing more to send while it was measured.
    pub application_limited: bool,
    /// Bytes delivered on the connection when the measured segment was sent.
    pub prior_delivered: u64,
}

/// What one acknowledgement says.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// When it came.
    pub now: Instant,
    /// Bytes it newly acknowledged or selectively acknowledged.
    pub bytes: u64,
    /// Bytes under way after it.
    pub in_flight: u64,
    /// Bytes delivered on this connection so far.
    pub delivered: u64,
    /// Bytes newly found lost.
    pub lost: u64,
    /// A round-trip time, if it gave one.
    pub round_trip: Option<Duration>,
    /// Smoothed round-trip time.
    pub smoothed: Duration,
    /// Shortest round-trip time known.
    pub minimum: Duration,
    /// The congestion window was what held the sender back (RFC 7661, RFC 9438 §5.8: no growth otherwise).
    pub window_limited: bool,
    /// Delivery rate.
    pub rate: Option<RateSample>,
    /// Stream position acknowledged, for telling rounds apart.
    pub acknowledged: i64,
    /// Stream position up to which data was sent.
    pub sent: i64,
    /// In fast recovery: laws that use proportional rate reduction do not grow.
    pub recovering: bool,
}

/// A congestion law.
pub trait Controller: Debug + Send {
    /// Its name, as the kernel writes it.
    fn name(&self) -> &'static str;
    /// Takes in an acknowledgement.
    fn on_acknowledged(&mut self, event: &Acknowledged);
    /// Loss or an ECN echo, once per window: reduce.
    fn on_congestion(&mut self, now: Instant, in_flight: u64);
    /// The retransmission timer fired: RFC 5681 §3.1, one segment.
    fn on_timeout(&mut self, now: Instant, in_flight: u64);
    /// The last reduction was for nothing (F-RTO, Eifel, DSACK): take it back.
    fn undo(&mut self);
    /// Nothing was sent for `idle`, at least one timeout. RFC 5681 §4.1.
    fn on_idle(&mut self, idle: Duration, timeout: Duration);
    /// Fast recovery is over.
    fn on_recovered(&mut self, now: Instant);
    /// The segment size changed.
    fn set_segment_size(&mut self, bytes: u32);
    /// Congestion window in bytes.
    fn window(&self) -> u64;
    /// Slow start threshold in bytes.
    fn slow_start_threshold(&self) -> u64;
    /// Bytes per second at which to send, when the law says one.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }
    /// Whether fast recovery sets the window by proportional rate reduction (RFC 9937).
    fn uses_proportional_rate_reduction(&self) -> bool {
        true
    }
}

/// The controller that the settings ask for.
pub fn controller(settings: &TcpSettings, segment_size: u32) -> Box<dyn Controller> {
    match settings.congestion {
        CongestionAlgorithm::Cubic => Box::new(cubic::Cubic::new(settings.initial_window, segment_size)),
        CongestionAlgorithm::Reno => Box::new(reno::Reno::new(settings.initial_window, segment_size)),
        CongestionAlgorithm::Bbr => Box::new(bbr::Bbr::new(settings.initial_window, segment_size)),
    }
}

/// RFC 6928 §2: min(n * MSS, max(2 * MSS, 14600)) with n = 10 by default.
fn initial_window(segments: u32, segment_size: u32) -> u64 {
    let size = u64::from(segment_size);
    (size * u64::from(segments)).min((2 * size).max(1460 * u64::from(segments)))
}

#[cfg(test)]
mod tests;
