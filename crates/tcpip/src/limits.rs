//! Every bound of this house: its value, unit, reason and source. Read by every machine here.

use std::time::Duration;

// ---- IP ----

/// Extension headers read in one IPv6 packet before it is dropped.
/// RFC 8504 §5.3 lets a node limit the chain; no honest packet carries more than a handful.
pub const EXTENSION_HEADERS_MAX: usize = 8;
/// Datagrams being reassembled at once. Linux bounds by memory (4 MiB); this gives the same order.
pub const REASSEMBLIES_MAX: usize = 64;
/// Fragments of one datagram: a 64 KiB datagram at the smallest useful MTU (576) is 119.
pub const FRAGMENTS_PER_DATAGRAM_MAX: usize = 128;
/// Bytes held by all incomplete datagrams together.
pub const REASSEMBLY_BYTES_MAX: usize = 1 << 20;
/// How long a datagram may stay incomplete. RFC 8200 §4.5 says 60 s; RFC 1122 §3.3.2 allows 60-120 s;
/// Linux uses 30 s, which is what attackers get here.
pub const REASSEMBLY_TIMEOUT: Duration = Duration::from_secs(30);
/// Error messages per second (ICMP and ICMPv6 together). RFC 4443 §2.4(f) wants a token bucket; Linux: 1000/s.
pub const ICMP_ERRORS_PER_SECOND: u32 = 1000;
/// How many error messages may go out at once.
pub const ICMP_ERROR_BURST: u32 = 50;
/// Destinations whose path MTU is remembered.
pub const PATH_MTUS_MAX: usize = 4096;
/// How long a path MTU is believed. RFC 8201 §4: at least 5 minutes, 10 recommended.
pub const PATH_MTU_LIFETIME: Duration = Duration::from_secs(600);
/// Smallest IPv4 path MTU believed. RFC 791 §3.2 says 68, which is a weapon (CVE-2019-11479); Linux: 552.
pub const PATH_MTU_MIN_V4: u32 = 552;
/// Smallest IPv6 path MTU. RFC 8200 §5.
pub const PATH_MTU_MIN_V6: u32 = 1280;
/// Packets waiting to leave, before sockets are asked to wait (not a loss: segments stay in their owner).
pub const OUTPUT_QUEUE_MAX: usize = 1024;
/// Multicast groups joined on one interface.
pub const MULTICAST_GROUPS_MAX: usize = 256;

// ---- Neighbours ----

/// Neighbour entries. Linux: gc_thresh3 = 1024.
pub const NEIGHBOURS_MAX: usize = 1024;
/// Packets that wait for one neighbour. RFC 1122 §2.3.2.2: at least one, the latest; RFC 4861 §7.2.2 "small".
pub const NEIGHBOUR_QUEUE_MAX: usize = 3;
/// Solicitations before a neighbour counts as unreachable. RFC 4861 §10: MAX_MULTICAST_SOLICIT.
pub const NEIGHBOUR_SOLICITATIONS_MAX: u8 = 3;
/// Between solicitations. RFC 4861 §10: RETRANS_TIMER.
pub const NEIGHBOUR_RETRANSMIT: Duration = Duration::from_secs(1);
/// How long an answer is good without a doubt. RFC 4861 §10: REACHABLE_TIME.
pub const NEIGHBOUR_REACHABLE: Duration = Duration::from_secs(30);
/// How long upper layers may confirm a doubtful neighbour. RFC 4861 §10: DELAY_FIRST_PROBE_TIME.
pub const NEIGHBOUR_DELAY: Duration = Duration::from_secs(5);
/// Default routers learnt from advertisements. Linux has no bound; 8 is more than any link has.
pub const ADVERTISED_ROUTERS_MAX: usize = 8;
/// Addresses formed from advertised prefixes on one interface.
pub const AUTOCONFIGURED_ADDRESSES_MAX: usize = 8;

// ---- UDP ----

/// Datagrams waiting in one socket.
pub const UDP_QUEUE_MAX: usize = 256;
/// Bytes waiting in one socket. Linux rmem_default: 212,992.
pub const UDP_QUEUE_BYTES_MAX: usize = 212_992;

// ---- TCP ----

/// Connections of one host, in every state but TIME-WAIT.
pub const CONNECTIONS_MAX: usize = 1 << 20;
/// Half-open connections of one listener before it answers with cookies. Linux tcp_max_syn_backlog: 1024 on
/// small machines; each costs one control block.
pub const SYN_QUEUE_MAX: usize = 256;
/// Largest accept queue. Linux somaxconn.
pub const ACCEPT_QUEUE_MAX: usize = 4096;
/// TIME-WAIT records. Linux tcp_max_tw_buckets on small machines; 40-100 bytes each.
pub const TIME_WAITS_MAX: usize = 65_536;
/// How long TIME-WAIT lasts: twice an MSL of 30 s, as Linux and FreeBSD do. RFC 9293 §3.6.1 (MUST-13) says
/// 2 MSL with MSL arbitrarily 2 minutes.
pub const TIME_WAIT: Duration = Duration::from_secs(60);
/// How long FIN-WAIT-2 waits for a peer nobody listens to any more. Linux tcp_fin_timeout.
pub const FIN_WAIT_2: Duration = Duration::from_secs(60);
/// Replies without a connection (resets, cookies, TIME-WAIT answers) waiting to leave.
pub const STATELESS_QUEUE_MAX: usize = 512;
/// Resets sent per second to segments without a connection (Linux and FreeBSD rate-limit likewise, 200/s).
pub const RESETS_PER_SECOND: u32 = 200;
/// Send buffer when the application says nothing. Linux tcp_wmem max.
pub const SEND_BUFFER: usize = 4 << 20;
/// Receive buffer at the start. Linux tcp_rmem default: 131,072.
pub const RECEIVE_BUFFER: usize = 131_072;
/// Receive buffer that auto-tuning may reach. Linux tcp_rmem max: 6 MiB.
pub const RECEIVE_BUFFER_MAX: usize = 6 << 20;
/// Holes remembered while data arrives out of order. Linux has no bound in number (SegmentSmack, CVE-2018-5390).
pub const OUT_OF_ORDER_RANGES_MAX: usize = 256;
/// Pieces held out of order.
pub const OUT_OF_ORDER_PIECES_MAX: usize = 8192;
/// A received payload shorter than this is copied, so that one byte cannot pin a whole frame.
pub const COPY_BELOW: usize = 256;
/// Unread pieces in one connection before they are joined by copying.
pub const CHUNK: usize = 65_536;
/// Segments remembered by the sender. 4 MiB in segments of 536 bytes is 7,825; a peer that forces tiny
/// segments (CVE-2019-11477, -11478, -11479) meets this bound instead of our memory.
pub const SENT_SEGMENTS_MAX: usize = 16_384;
/// Smallest send MSS believed. Linux tcp_min_snd_mss: 48, but CVE-2019-11479 asks for more; 88 lets 48-byte
/// paths still move 36 bytes of data beside full options.
pub const SEND_MSS_MIN: u32 = 88;
/// Largest super-segment payload in bytes: 65,535 less the largest IPv4 and TCP headers, less headroom.
pub const SUPER_SEGMENT_MAX: usize = 65_160;
/// Challenge ACKs per connection and second, before jitter. RFC 5961 §7 wants a limit; per connection and not
/// global, because a global one is a side channel (CVE-2016-5696).
pub const CHALLENGE_ACKS_PER_SECOND: u32 = 10;
/// Largest window scale. RFC 7323 §2.3.
pub const WINDOW_SCALE_MAX: u8 = 14;
/// How long a timestamp is comparable. RFC 7323 §5.5.
pub const TIMESTAMP_IDLE_MAX: Duration = Duration::from_secs(24 * 24 * 3600);
/// Initial retransmission timeout. RFC 6298 §2.1.
pub const RTO_INITIAL: Duration = Duration::from_secs(1);
/// Smallest retransmission timeout. RFC 6298 §2.4 says 1 s; Linux has used 200 ms for decades, and RACK-TLP
/// needs it to be of the order of a delayed acknowledgement.
pub const RTO_MIN: Duration = Duration::from_millis(200);
/// Largest retransmission timeout. RFC 6298 §2.5: at least 60 s. Linux: 120 s.
pub const RTO_MAX: Duration = Duration::from_secs(120);
/// When a connection is given up for lack of acknowledgements (R2). RFC 9293 MUST-20: at least 100 s; Linux's 15
/// retransmissions are about 924 s.
pub const USER_TIMEOUT: Duration = Duration::from_secs(924);
/// The same for a SYN. RFC 9293 MUST-23: at least 3 minutes.
pub const SYN_TIMEOUT: Duration = Duration::from_secs(180);
/// Retransmissions of a SYN-ACK before the half-open connection is dropped. Linux: 5.
pub const SYN_ACK_RETRIES: u8 = 5;
/// Delay of an acknowledgement. RFC 9293 MUST-40: below 500 ms. Linux: 40 ms.
pub const DELAYED_ACK: Duration = Duration::from_millis(40);
/// Keep-alive idle time. RFC 9293 MUST-28: at least two hours by default.
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(7200);
/// Between keep-alive probes. Linux: 75 s.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(75);
/// Probes before a silent peer is dead. Linux: 9. RFC 9293 MUST-29: more than one.
pub const KEEP_ALIVE_PROBES: u8 = 9;
/// Between zero-window probes, at most. RFC 9293 SHLD-30: exponential backoff.
pub const PERSIST_MAX: Duration = Duration::from_secs(60);
/// Age at which a SYN cookie is refused, in periods of [`COOKIE_PERIOD`].
pub const COOKIE_PERIODS: u32 = 2;
/// One tick of the cookie clock. Linux: 60 s.
pub const COOKIE_PERIOD: Duration = Duration::from_secs(60);
/// First ephemeral port. RFC 6056 §3.2 advises 1024; RFC 6335 §6 reserves 49152 and above, which we keep to.
pub const EPHEMERAL_FIRST: u16 = 49_152;
/// How many ephemeral ports there are.
pub const EPHEMERAL_COUNT: u16 = u16::MAX - EPHEMERAL_FIRST + 1;
/// Fast Open connections that wait for the third handshake step, per listener. RFC 7413 §5.1.
pub const FAST_OPEN_PENDING_MAX: usize = 64;
/// Servers whose Fast Open cookie is remembered.
pub const FAST_OPEN_COOKIES_MAX: usize = 1024;

const _: () = assert!(SYN_TIMEOUT.as_secs() >= 180, "RFC 9293 MUST-23");
const _: () = assert!(USER_TIMEOUT.as_secs() >= 100, "RFC 9293 SHLD-11");
const _: () = assert!(DELAYED_ACK.as_millis() < 500, "RFC 9293 MUST-40");
const _: () = assert!(KEEP_ALIVE_IDLE.as_secs() >= 7200, "RFC 9293 MUST-28");
const _: () = assert!(SUPER_SEGMENT_MAX + 60 + 60 <= 65_535, "an IPv4 packet has a 16-bit length");
