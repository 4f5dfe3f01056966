//! A connection told in the kernel's words (`tcp_info`), for the dashboard, the scenarios' asserts and the
//! pictures. Made from a connection at any moment.

use std::time::Duration;

use super::connection::Connection;
use super::state::State;

/// Names follow Linux's `struct tcp_info`; times are durations, amounts bytes unless said.
#[derive(Clone, Debug)]
pub struct TcpInfo {
    /// State.
    pub state: State,
    /// `Open`, `Disorder`, `CWR`, `Recovery` or `Loss`.
    pub ca_state: &'static str,
    /// Name of the congestion law.
    pub congestion: &'static str,
    /// What both sides agreed on.
    pub options: TcpInfoOptions,
    /// Shift of the peer's windows and of ours.
    pub wscale: (u8, u8),
    /// Present retransmission timeout.
    pub rto: Duration,
    /// How often it was doubled.
    pub backoff: u32,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Its variation.
    pub rttvar: Duration,
    /// The shortest.
    pub min_rtt: Duration,
    /// Payload per segment.
    pub snd_mss: u32,
    /// Largest payload received.
    pub rcv_mss: u32,
    /// Congestion window in bytes.
    pub snd_cwnd: u64,
    /// Slow start threshold in bytes.
    pub snd_ssthresh: u64,
    /// The peer's window in bytes.
    pub snd_wnd: u64,
    /// Our window in bytes.
    pub rcv_wnd: u64,
    /// Bytes kept for the application (auto-tuned).
    pub rcv_space: u64,
    /// Bytes sent and not acknowledged.
    pub unacked: u64,
    /// Bytes selectively acknowledged.
    pub sacked: u64,
    /// Bytes found lost and not sent again.
    pub lost: u64,
    /// Bytes in the network.
    pub in_flight: u64,
    /// Bytes delivered in all.
    pub delivered: u64,
    /// Segments sent again in all.
    pub total_retrans: u64,
    /// Timeouts in all.
    pub total_rto: u64,
    /// Fast recoveries in all.
    pub total_rto_recoveries: u64,
    /// Reductions taken back.
    pub undone: u64,
    /// DSACKs received.
    pub dsack_dups: u64,
    /// Bytes written and not sent.
    pub notsent_bytes: u64,
    /// Reordering was seen.
    pub reord_seen: bool,
    /// Bytes per second, if the law paces.
    pub pacing_rate: Option<u64>,
}

/// `tcpi_options`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpInfoOptions {
    /// Timestamps.
    pub timestamps: bool,
    /// SACK.
    pub sack: bool,
    /// Window scaling.
    pub window_scale: bool,
    /// ECN.
    pub ecn: bool,
}

impl Connection {
    /// The connection in the kernel's words.
    pub fn info(&self) -> TcpInfo {
        let (delivered, lost, sacked) = self.recovery.progress();
        let counts = self.recovery.counts();
        TcpInfo {
            state: self.state,
            ca_state: self.recovery.phase_name(),
            congestion: self.controller.name(),
            options: TcpInfoOptions {
                timestamps: self.timestamps.enabled,
                sack: self.recovery.is_selective(),
                window_scale: self.receive.scale > 0 || self.send.scale > 0,
                ecn: self.ecn.enabled,
            },
            wscale: (self.send.scale, self.receive.scale),
            rto: self.round_trip.timeout(&self.settings),
            backoff: self.round_trip.backoff(),
            rtt: self.round_trip.smoothed().unwrap_or_default(),
            rttvar: self.round_trip.variation(),
            min_rtt: self.round_trip.minimum().unwrap_or_default(),
            snd_mss: self.send.segment_size(),
            rcv_mss: self.receive.largest_payload,
            snd_cwnd: self.recovery.window(self.controller.as_ref()),
            snd_ssthresh: self.controller.slow_start_threshold(),
            snd_wnd: self.send.window.max(0) as u64,
            rcv_wnd: self.receive.window() as u64,
            rcv_space: self.receive.capacity as u64,
            unacked: (self.send.next - self.send.unacknowledged) as u64,
            sacked,
            lost,
            in_flight: self.recovery.in_flight(),
            delivered,
            total_retrans: counts.retransmissions,
            total_rto: counts.timeouts,
            total_rto_recoveries: counts.recoveries,
            undone: counts.undone,
            dsack_dups: counts.duplicates_reported,
            notsent_bytes: (self.send.end() - self.send.next).max(0) as u64,
            reord_seen: self.recovery.reordering_seen(),
            pacing_rate: self.controller.pacing_rate(),
        }
    }
}
