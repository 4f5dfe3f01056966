//! How one connection behaves: every choice, its default and the reason. Read by all of [`crate::tcp`].

use std::time::Duration;

use crate::limits;

/// Which law the congestion window follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CongestionAlgorithm {
    /// RFC 9438 with HyStart++ (RFC 9406): what most of the Internet runs.
    #[default]
    Cubic,
    /// RFC 5681: the textbook.
    Reno,
    /// Bottleneck bandwidth and round-trip propagation time: models the path instead of filling its queue.
    Bbr,
}

/// Explicit congestion notification (RFC 3168).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EcnMode {
    /// Neither asked for nor granted.
    Off,
    /// Granted to peers that ask; Linux's default, because some middleboxes drop SYNs that ask.
    #[default]
    Passive,
    /// Asked for and granted.
    Active,
}

/// Probes on an idle connection (RFC 9293 §3.8.4); off by default (MUST-25).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAlive {
    /// Silence before the first probe (MUST-27 configurable).
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Unanswered probes before the peer is dead (MUST-29: more than one).
    pub probes: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { idle: limits::KEEP_ALIVE_IDLE, interval: limits::KEEP_ALIVE_INTERVAL, probes: limits::KEEP_ALIVE_PROBES }
    }
}

/// Choices for one connection; a listener hands its own to those it accepts.
#[derive(Clone, Debug)]
pub struct TcpSettings {
    /// Largest segment to announce, in bytes, when below what the interface's MTU allows.
    pub maximum_segment_size: Option<u16>,
    /// Offer window scaling (RFC 7323).
    pub window_scaling: bool,
    /// Offer timestamps (RFC 7323).
    pub timestamps: bool,
    /// Offer selective acknowledgements (RFC 2018).
    pub selective_acknowledgements: bool,
    /// Explicit congestion notification.
    pub ecn: EcnMode,
    /// How many SYN retransmissions still ask for ECN (RFC 3168 §6.1.1.1: fall back when SYNs vanish).
    pub ecn_syn_retries: u8,
    /// After how many SYN retransmissions the SYN goes without options, for paths that drop them.
    pub plain_syn_after: Option<u8>,
    /// Bytes the application may write ahead of acknowledgement.
    pub send_buffer: usize,
    /// Bytes kept for the application at the start.
    pub receive_buffer: usize,
    /// Bytes to which the receive buffer may grow by itself; equal to `receive_buffer`: no auto-tuning.
    pub receive_buffer_max: usize,
    /// Round the receive buffer up to whole segments once the segment size is known, as BSD stacks do.
    pub receive_whole_segments: bool,
    /// Send small segments at once (Nagle off, RFC 9293 MUST-17).
    pub no_delay: bool,
    /// How long an acknowledgement may wait for company (MUST-40: below 500 ms).
    pub delayed_ack: Duration,
    /// The congestion law.
    pub congestion: CongestionAlgorithm,
    /// Initial congestion window in segments (RFC 6928: 10).
    pub initial_window: u32,
    /// First retransmission timeout (RFC 6298 §2.1).
    pub rto_initial: Duration,
    /// Smallest retransmission timeout.
    pub rto_min: Duration,
    /// Largest retransmission timeout.
    pub rto_max: Duration,
    /// Added to every backed-off SYN timeout, for peers and clocks that are late by a constant.
    pub syn_timeout_slop: Duration,
    /// Give up when nothing was acknowledged for this long (R2, MUST-20, MUST-21; RFC 5482).
    pub user_timeout: Duration,
    /// The same for the handshake (MUST-22, MUST-23: at least 3 minutes).
    pub syn_timeout: Duration,
    /// Probe idle peers.
    pub keep_alive: Option<KeepAlive>,
    /// How long an orphan waits in FIN-WAIT-2.
    pub fin_wait_2: Duration,
    /// How long TIME-WAIT lasts (MUST-13).
    pub time_wait: Duration,
    /// Let a new SYN with a later sequence number or timestamp take over a TIME-WAIT (RFC 6191, RFC 9293 §3.10.7.4).
    pub time_wait_reuse: bool,
    /// Resolution of the clock that `now` comes from; added to RACK's reordering window, because a coarse clock
    /// makes everything look lost.
    pub clock_granularity: Duration,
    /// IPv4 time to live / IPv6 hop limit (MUST-49).
    pub hop_limit: u8,
    /// Differentiated services code point (MUST-48), 0-63.
    pub dscp: u8,
    /// Let hard ICMP errors end a connection attempt (RFC 5461 discusses why only an attempt).
    pub icmp_may_reset: bool,
    /// Drop segments with both SYN and FIN, which no honest sender makes since RFC 1644 died.
    pub drop_syn_fin: bool,
    /// Ask for and use Fast Open cookies (RFC 7413).
    pub fast_open: bool,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            maximum_segment_size: None,
            window_scaling: true,
            timestamps: true,
            selective_acknowledgements: true,
            ecn: EcnMode::Passive,
            ecn_syn_retries: 1,
            plain_syn_after: None,
            send_buffer: limits::SEND_BUFFER,
            receive_buffer: limits::RECEIVE_BUFFER,
            receive_buffer_max: limits::RECEIVE_BUFFER_MAX,
            receive_whole_segments: false,
            no_delay: false,
            delayed_ack: limits::DELAYED_ACK,
            congestion: CongestionAlgorithm::Cubic,
            initial_window: 10,
            rto_initial: limits::RTO_INITIAL,
            rto_min: limits::RTO_MIN,
            rto_max: limits::RTO_MAX,
            syn_timeout_slop: Duration::ZERO,
            user_timeout: limits::USER_TIMEOUT,
            syn_timeout: limits::SYN_TIMEOUT,
            keep_alive: None,
            fin_wait_2: limits::FIN_WAIT_2,
            time_wait: limits::TIME_WAIT,
            time_wait_reuse: true,
            clock_granularity: Duration::from_micros(1),
            hop_limit: 64,
            dscp: 0,
            icmp_may_reset: true,
            drop_syn_fin: true,
            fast_open: false,
        }
    }
}

impl TcpSettings {
    /// The shift to offer: the smallest that lets the window say the largest buffer. RFC 7323 §2.2.
    pub fn window_scale(&self) -> u8 {
        let largest = self.receive_buffer_max.max(self.receive_buffer);
        (0..limits::WINDOW_SCALE_MAX).find(|shift| largest >> shift <= 65_535).unwrap_or(limits::WINDOW_SCALE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_the_smallest_that_reaches() {
        for (buffer, scale) in [(65_535, 0), (65_536, 1), (73_728, 1), (2_097_152, 6), (6 << 20, 7), (1 << 32, 14)] {
            let settings = TcpSettings { receive_buffer: 1024, receive_buffer_max: buffer, ..TcpSettings::default() };
            assert_eq!(settings.window_scale(), scale, "{buffer}");
        }
    }

    #[test]
    fn must_24_25_27_28_29_keep_alive_is_per_connection_off_configurable_slow_and_patient() {
        assert_eq!(TcpSettings::default().keep_alive, None);
        let probing = KeepAlive::default();
        assert!(probing.idle >= Duration::from_secs(7200) && probing.probes > 1);
    }
}
