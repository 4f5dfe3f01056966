//! Plays a script against one host in virtual time. Called by [`super::run_text`]; the application's side is in
//! [`super::syscalls`].

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::{Instant, SeededEntropy};
use edgeway_tcpip::host::HostSettings;
use edgeway_tcpip::tcp::State;
use edgeway_tcpip::wire::icmpv4::Icmpv4Message;
use edgeway_tcpip::wire::icmpv6::Icmpv6Message;
use edgeway_tcpip::wire::ipv4::{Ipv4Header, protocol};
use edgeway_tcpip::wire::ipv6::Ipv6Header;
use edgeway_tcpip::wire::sequence::SequenceNumber;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};
use edgeway_tcpip::wire::tcp_options::{FastOpen, TcpOptions};
use edgeway_tcpip::{Host, InterfaceId, InterfaceSettings, Packet};

use super::Verdict;
use super::compare::{Mode, Sent, difference};
use super::flow::Flow;
use super::packet_line::{IcmpLine, OptionWord, PacketLine, TcpLine};
use super::personality::{Effect, Personality};
use super::script::{Action, Event, Script, When};
use super::syscalls::{File, Pending};

const LINK: InterfaceId = InterfaceId(0);
/// When scripts begin; not zero, so that nothing lies before the clock.
const START: Instant = Instant::from_millis(10_000);
/// How far from its time an expected packet may be, when the script does not say: packetdrill's own 4 ms.
const TOLERANCE: Duration = Duration::from_millis(4);
/// How long a packet is waited for that may come whenever it will.
const WHENEVER: Duration = Duration::from_secs(700);

/// Why a script cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// It did not go as expected.
    Failed(String),
    /// It needs something that is not here.
    Skipped(String),
}

/// A script being played.
pub struct Player {
    pub(super) host: Host,
    pub(super) now: Instant,
    pub(super) personality: Personality,
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) tolerance: Duration,
    pub(super) files: BTreeMap<i64, File>,
    pub(super) flow: Option<Flow>,
    pub(super) flows: u16,
    pub(super) pending: Option<Pending>,
    mode: Mode,
    sent: VecDeque<(Instant, Sent)>,
}

/// Runs a script.
pub fn run(script: &Script, mode: Mode) -> Verdict {
    let mut player = match Player::new(script, mode) {
        Ok(player) => player,
        Err(needs) => return Verdict::Skipped(needs),
    };
    let mut base = START;
    for event in &script.events {
        match player.play(event, &mut base) {
            Ok(()) => {}
            Err(Stop::Failed(why)) => return Verdict::Failed { line: event.line, why },
            Err(Stop::Skipped(needs)) => return Verdict::Skipped(format!("line {}: {needs}", event.line)),
        }
    }
    let last = script.events.last().map_or(0, |event| event.line);
    match player.finish_pending() {
        Err(Stop::Failed(why)) => Verdict::Failed { line: last, why },
        _ => Verdict::Passed,
    }
}

impl Player {
    fn new(script: &Script, mode: Mode) -> Result<Self, String> {
        for unknown in ["udp_encapsulation", "tcp_md5_secret"] {
            if script.option(unknown).is_some() {
                return Err(format!("needs --{unknown}"));
            }
        }
        let six = script.option("ip_version") == Some("ipv6");
        let (local, remote) = match six {
            true => ("fd3d:fa7b:d17d::1", "2001:db8::1"),
            false => ("192.168.0.1", "192.0.2.1"),
        };
        let parse = |text: &str| text.parse::<IpAddr>().map_err(|why| why.to_string());
        let (local, remote) = (parse(local)?, parse(remote)?);
        let mtu = script.option("mtu").and_then(|mtu| mtu.parse().ok()).unwrap_or(1500);
        let entropy = Box::new(SeededEntropy::new(1));
        let mut host = Host::new(START, HostSettings::default(), entropy);
        let interface = host.add_interface(InterfaceSettings { mtu, ..InterfaceSettings::ip() });
        let prefix = edgeway_tcpip::Cidr::new(local, if six { 64 } else { 24 });
        host.add_address(START, interface, prefix);
        host.add_default_route(interface, remote);
        let tolerance = script.option("tolerance_usecs").and_then(|text| text.parse().ok());
        Ok(Self {
            host,
            now: START,
            personality: Personality::bsd(),
            local,
            remote,
            tolerance: tolerance.map_or(TOLERANCE, Duration::from_micros),
            files: BTreeMap::new(),
            flow: None,
            flows: 0,
            pending: None,
            mode,
            sent: VecDeque::new(),
        })
    }

    fn play(&mut self, event: &Event, base: &mut Instant) -> Result<(), Stop> {
        let at = match event.when {
            When::Relative(after) => *base + after,
            When::Absolute(after) => START + after,
            When::Any => self.now,
        };
        *base = at;
        if !matches!(event.action, Action::Expect(_)) {
            self.run_to(at);
        }
        match &event.action {
            Action::Inject(line) => self.inject(line),
            Action::Expect(PacketLine::Tcp(line)) => self.expect(line, at, event.when == When::Any, base),
            Action::Expect(PacketLine::Icmp(_)) => Err(Stop::Skipped("needs to expect ICMP".to_owned())),
            Action::Call(call) => {
                let ends = event.ends.map(|ends| match ends {
                    When::Relative(after) => at + after,
                    When::Absolute(after) => START + after,
                    When::Any => at,
                });
                self.call(call, ends)
            }
            Action::Shell(line) => self.shell(line),
            Action::Assert(text) => self.assert(text),
        }
    }

    // ---- time ----

    /// Lets the host live until `until`.
    pub(super) fn run_to(&mut self, until: Instant) {
        self.collect();
        while self.step(until) {}
        self.now = self.now.max(until);
        self.collect();
    }

    /// The next timer, if it is due by `until`.
    pub(super) fn step(&mut self, until: Instant) -> bool {
        let Some(next) = self.host.poll_timeout().filter(|next| *next <= until) else { return false };
        self.now = self.now.max(next);
        self.host.handle_timeout(self.now);
        self.collect();
        true
    }

    pub(super) fn collect(&mut self) {
        while let Some((_, packet)) = self.host.poll_output(self.now) {
            if let Some(sent) = read_sent(&packet) {
                self.sent.push_back((self.now, sent));
            }
        }
        self.watch_pending();
    }

    // ---- packets ----

    fn flow(&mut self) -> Flow {
        let (local, remote, count) = (self.local, self.remote, self.flows);
        *self.flow.get_or_insert_with(|| Flow::passive(local, remote, count))
    }

    fn inject(&mut self, line: &PacketLine) -> Result<(), Stop> {
        let flow = self.flow();
        let packet = match line {
            PacketLine::Tcp(line) => self.segment(line, &flow)?,
            PacketLine::Icmp(line) => self.icmp_error(line, &flow)?,
        };
        self.host.handle_input(self.now, LINK, packet);
        self.collect();
        Ok(())
    }

    fn segment(&self, line: &TcpLine, flow: &Flow) -> Result<Packet, Stop> {
        if line.in_udp {
            return Err(Stop::Skipped("needs TCP in UDP".to_owned()));
        }
        if let Some(strange) = &line.strange {
            return Err(Stop::Skipped(format!("needs `{strange}`")));
        }
        let mut options = TcpOptions::default();
        for word in line.options.iter().flatten() {
            match *word {
                OptionWord::MaximumSegmentSize(size) => options.maximum_segment_size = Some(size),
                OptionWord::WindowScale(scale) => options.window_scale = Some(scale),
                OptionWord::SackPermitted => options.sack_permitted = true,
                OptionWord::Sack(start, end) => options
                    .sack_blocks
                    .push(SequenceNumber(flow.local_to_wire(start)), SequenceNumber(flow.local_to_wire(end))),
                OptionWord::Timestamps(value, echo) => options.timestamps = Some((value, flow.clock_to_wire(echo))),
                OptionWord::FastOpenRequest => options.fast_open = Some(FastOpen::Request),
                OptionWord::FastOpenCookie(cookie) => options.fast_open = Some(FastOpen::Cookie(cookie)),
                OptionWord::NoOperation | OptionWord::End => {}
                OptionWord::Unknown => return Err(Stop::Skipped("needs a TCP option unknown here".to_owned())),
            }
        }
        let sequence = line.sequence.ok_or_else(|| Stop::Skipped("injects a packet without a number".to_owned()))?;
        let header = TcpHeader {
            source_port: flow.remote.port(),
            destination_port: flow.local.port(),
            sequence: SequenceNumber(Flow::remote_to_wire(sequence)),
            acknowledgement: SequenceNumber(line.acknowledgement.map_or(0, |script| flow.local_to_wire(script))),
            flags: line.flags,
            window: line.window.unwrap_or(65_535),
            urgent: line.urgent.unwrap_or(0),
            options,
        };
        let mut body = vec![0; line.length];
        for (index, byte) in body.iter_mut().enumerate() {
            *byte = (sequence as usize).wrapping_add(index) as u8;
        }
        let encoded = header.encode(self.remote, self.local, Some(&body));
        let mut bytes = encoded.as_slice().to_vec();
        bytes.extend(body);
        let hop_limit = line.hop_limit.unwrap_or(64);
        let ecn = line.traffic_class.or(line.ecn).unwrap_or(0);
        Ok(Packet::from_bytes(with_ip(self.remote, self.local, protocol::TCP, hop_limit, ecn, &bytes)))
    }

    fn icmp_error(&self, line: &IcmpLine, flow: &Flow) -> Result<Packet, Stop> {
        // The first eight bytes of the segment that the error is about.
        let mut segment = Vec::new();
        segment.extend(flow.local.port().to_be_bytes());
        segment.extend(flow.remote.port().to_be_bytes());
        segment.extend(flow.local_to_wire(line.sequence).to_be_bytes());
        segment.resize(20, 0);
        let quoted = with_ip(self.local, self.remote, protocol::TCP, 64, 0, &segment);
        let unknown = || Stop::Skipped(format!("needs ICMP {} {}", line.kind, line.code));
        let body = match (self.local, self.remote) {
            (IpAddr::V6(local), IpAddr::V6(remote)) => {
                icmpv6_error(line, &quoted).ok_or_else(unknown)?.encode(remote, local)
            }
            _ => icmpv4_error(line, &quoted).ok_or_else(unknown)?.encode(),
        };
        let protocol = if self.local.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
        Ok(Packet::from_bytes(with_ip(self.remote, self.local, protocol, 64, 0, &body)))
    }

    fn expect(&mut self, line: &TcpLine, at: Instant, whenever: bool, base: &mut Instant) -> Result<(), Stop> {
        if line.in_udp {
            return Err(Stop::Skipped("needs TCP in UDP".to_owned()));
        }
        let latest = if whenever { self.now + WHENEVER } else { at + self.tolerance };
        self.collect();
        while self.sent.is_empty() && self.step(latest) {}
        let Some((sent_at, sent)) = self.sent.pop_front() else {
            return Err(Stop::Failed("a packet was expected and none came".to_owned()));
        };
        let early = sent_at + self.tolerance < at;
        if early && !whenever {
            let by = (at - sent_at).as_micros();
            return Err(Stop::Failed(format!("the packet came {by} us early: {:?}", sent.header)));
        }
        if whenever {
            *base = sent_at;
        }
        let mut flow = self.flow();
        let starts = sent.header.flags.has(Flags::SYN);
        if let Some(sequence) = line.sequence.filter(|_| starts && !line.absolute && !flow.knows_local()) {
            flow.learn_local(sent.header.sequence.0, sequence);
        }
        let stamps = line.options.iter().flatten().find_map(|word| match word {
            OptionWord::Timestamps(value, _) => Some(*value),
            _ => None,
        });
        if let (Some(script), Some((wire, _))) = (stamps, sent.header.options.timestamps) {
            flow.learn_clock(wire, script);
        }
        self.flow = Some(flow);
        match difference(line, &sent, &flow, self.mode, self.tolerance) {
            Some(why) => Err(Stop::Failed(why)),
            None => Ok(()),
        }
    }

    // ---- commands ----

    fn shell(&mut self, line: &str) -> Result<(), Stop> {
        match self.personality.shell(line).map_err(Stop::Skipped)? {
            Effect::Settings => self.change_listeners(),
            Effect::Nothing => {}
            Effect::ForgetPaths => self.host.forget_path_mtus(),
            Effect::ForgetTimeWaits => self.host.tcp_mut().forget_time_waits(),
            Effect::Count { state, port, digits } => {
                let count = self.host.tcp().count_in(state, port);
                if !count.to_string().contains(&digits) {
                    return Err(Stop::Failed(format!("{count} connections in {state}, not {digits}")));
                }
            }
        }
        Ok(())
    }

    fn assert(&mut self, text: &str) -> Result<(), Stop> {
        let id = self.files.values().rev().find_map(|file| file.connection);
        let info = id.and_then(|id| self.host.tcp_info(id));
        let info = info.ok_or_else(|| Stop::Failed("there is no connection to ask".to_owned()))?;
        let names = |name: &str| -> Option<i64> {
            Some(match name {
                "tcpi_state" => info.state as i64,
                "TCPI_ESTABLISHED" => State::Established as i64,
                "TCPI_SYN_RECEIVED" => State::SynReceived as i64,
                "TCPI_SYN_SENT" => State::SynSent as i64,
                "TCPI_OPT_TIMESTAMPS" => 1,
                "TCPI_OPT_SACK" => 2,
                "TCPI_OPT_WSCALE" => 4,
                "TCPI_OPT_ECN" => 8,
                "tcpi_options" => {
                    let set = info.options;
                    i64::from(set.timestamps)
                        + 2 * i64::from(set.sack)
                        + 4 * i64::from(set.window_scale)
                        + 8 * i64::from(set.ecn)
                }
                "tcpi_snd_cwnd" => (info.snd_cwnd / u64::from(info.snd_mss)) as i64,
                "tcpi_unacked" => info.unacked.div_ceil(u64::from(info.snd_mss)) as i64,
                _ => return None,
            })
        };
        let condition = text.strip_prefix("assert").unwrap_or(text).trim();
        match super::expression::evaluate(condition, &names) {
            Ok(0) => Err(Stop::Failed(format!("`{condition}` does not hold in {}", info.state))),
            Ok(_) => Ok(()),
            Err(unknown) => Err(Stop::Skipped(unknown)),
        }
    }
}

fn icmpv4_error<'a>(line: &IcmpLine, quoted: &'a [u8]) -> Option<Icmpv4Message<'a>> {
    let code = match (line.kind.as_str(), line.code.as_str()) {
        ("unreachable", "net_unreachable") => 0,
        ("unreachable", "host_unreachable") => 1,
        ("unreachable", "protocol_unreachable") => 2,
        ("unreachable", "port_unreachable") => 3,
        ("unreachable", "frag_needed") => 4,
        ("unreachable", "source_route_failed") => 5,
        ("unreachable", "net_prohibited") => 9,
        ("unreachable", "host_prohibited") => 10,
        ("unreachable", "packet_filtered") => 13,
        ("time_exceeded", "ttl_exceeded_in_transit") => return Some(Icmpv4Message::TimeExceeded { code: 0, quoted }),
        ("time_exceeded", "frag_reass_time_exceeded") => return Some(Icmpv4Message::TimeExceeded { code: 1, quoted }),
        _ => return None,
    };
    Some(Icmpv4Message::DestinationUnreachable { code, next_hop_mtu: line.mtu as u16, quoted })
}

fn icmpv6_error<'a>(line: &IcmpLine, quoted: &'a [u8]) -> Option<Icmpv6Message<'a>> {
    Some(match (line.kind.as_str(), line.code.as_str()) {
        ("unreachable", code) => {
            let codes = ["no_route", "admin_prohibited", "not_neighbour", "address_unreachable", "port_unreachable"];
            let code = codes.iter().position(|known| *known == code)? as u8;
            Icmpv6Message::DestinationUnreachable { code, quoted }
        }
        ("packet_too_big", _) => Icmpv6Message::PacketTooBig { mtu: line.mtu, quoted },
        ("time_exceeded", "exceeded_hop_limit") => Icmpv6Message::TimeExceeded { code: 0, quoted },
        ("time_exceeded", "exceeded_frag_time") => Icmpv6Message::TimeExceeded { code: 1, quoted },
        ("parameter_problem", code) => {
            let codes = ["header_field", "unknown_next_header", "unknown_option"];
            let code = codes.iter().position(|known| *known == code)? as u8;
            Icmpv6Message::ParameterProblem { code, pointer: 6, quoted }
        }
        _ => return None,
    })
}

/// Puts an IP header in front of `body`.
fn with_ip(source: IpAddr, destination: IpAddr, protocol: u8, hop_limit: u8, ecn: u8, body: &[u8]) -> Bytes {
    let mut bytes = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Ipv4Header {
            traffic_class: ecn,
            total_length: (Ipv4Header::LENGTH + body.len()) as u16,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            time_to_live: hop_limit,
            protocol,
            source,
            destination,
            header_length: Ipv4Header::LENGTH,
            source_routed: false,
        }
        .encode()
        .to_vec(),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let (traffic_class, next_header) = (ecn, protocol);
            let payload_length = body.len() as u16;
            Ipv6Header { traffic_class, flow_label: 0, payload_length, next_header, hop_limit, source, destination }
                .encode()
                .to_vec()
        }
        _ => Vec::new(),
    };
    bytes.extend_from_slice(body);
    bytes.into()
}

/// A TCP segment that our host sent; other protocols are no part of scripts.
fn read_sent(packet: &Packet) -> Option<Sent> {
    let bytes = packet.to_bytes();
    let (protocol, start, hop_limit, traffic_class) = match bytes.first()? >> 4 {
        4 => {
            let header = Ipv4Header::decode(&bytes).ok()?;
            (header.protocol, header.header_length, header.time_to_live, header.traffic_class)
        }
        _ => {
            let header = Ipv6Header::decode(&bytes).ok()?;
            (header.next_header, Ipv6Header::LENGTH, header.hop_limit, header.traffic_class)
        }
    };
    if protocol != protocol::TCP {
        return None;
    }
    let (header, length) = TcpHeader::decode(&bytes[start..]).ok()?;
    Some(Sent { header, length: bytes.len() - start - length, hop_limit, traffic_class })
}
