//! ICMP and ICMPv6: echoes are answered, errors about our packets are handed up, errors about others' packets
//! are sent, within a budget and never about what must not be answered (RFC 1122 §3.2.2, RFC 4443 §2.4).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use edgeway_base::{Cursor, Instant};

use super::input::Arrived;
use super::output::Manner;
use super::{Event, Host};
use crate::network::cidr::may_be_source;
use crate::network::reassembly::Expired;
use crate::packet::Packet;
use crate::tcp::TcpError;
use crate::tcp::connection::Pair;
use crate::tcp::timeouts::IcmpError;
use crate::wire::Malformed;
use crate::wire::icmpv4::{Icmpv4Message, unreachable};
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv4::{Ipv4Header, protocol};
use crate::wire::ipv6::{Chain, Ipv6Header, follow_chain};
use crate::wire::sequence::SequenceNumber;

/// Bytes of the offending packet that an error quotes whole. RFC 1812 §4.3.2.3: up to 576 in all.
const QUOTED_V4: usize = 548;
/// Of a longer one, what every host needs (RFC 792: 64 bits of its data); half a segment only looks damaged.
const QUOTED_DATA_V4: usize = 8;
/// RFC 4443 §3.1: up to the minimum MTU in all.
const QUOTED_V6: usize = 1232;

impl Host {
    /// Asks whether `to` is there; the answer is an event.
    pub fn send_echo(&mut self, now: Instant, to: IpAddr, identifier: u16, sequence: u16, data: &[u8]) -> bool {
        let Some(source) = self.source_for(to) else { return false };
        let body = match (source, to) {
            (IpAddr::V4(_), IpAddr::V4(_)) => Icmpv4Message::EchoRequest { identifier, sequence, data }.encode(),
            (IpAddr::V6(source), IpAddr::V6(to)) => {
                Icmpv6Message::EchoRequest { identifier, sequence, data }.encode(source, to)
            }
            _ => return false,
        };
        self.send_icmp(now, source, to, body);
        true
    }

    pub(super) fn send_icmp(&mut self, now: Instant, source: IpAddr, to: IpAddr, body: Vec<u8>) {
        let protocol = if to.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
        let hop_limit = self.default_hop_limit;
        let manner = Manner { protocol, hop_limit, traffic_class: 0, dont_fragment: false };
        self.send_ip(now, source, to, manner, Packet::with_payload(body.into()));
    }

    // ---- in ----

    pub(super) fn input_icmpv4(&mut self, now: Instant, arrived: &Arrived, bytes: &Bytes) -> Result<(), Malformed> {
        let message = Icmpv4Message::decode(bytes)?;
        match message {
            Icmpv4Message::EchoRequest { identifier, sequence, data } => {
                // Hostile 79, RFC 1122 §3.2.2.6: an echo to a broadcast is a smurf; silence.
                if self.settings.answers_echo && !arrived.for_many {
                    let reply = Icmpv4Message::EchoReply { identifier, sequence, data }.encode();
                    self.send_icmp(now, arrived.destination, arrived.source, reply);
                }
            }
            Icmpv4Message::EchoReply { identifier, sequence, .. } => {
                self.events.push_back(Event::EchoReply { from: arrived.source, identifier, sequence });
            }
            Icmpv4Message::DestinationUnreachable { code, next_hop_mtu, quoted } => {
                let error = match code {
                    unreachable::FRAGMENTATION_NEEDED => Reported::TooBig(u32::from(next_hop_mtu)),
                    // RFC 1122 §4.2.3.9 with RFC 5461's reading: protocol and port, and what RFC 1812 prohibits.
                    unreachable::PROTOCOL | unreachable::PORT => Reported::Hard(TcpError::Refused),
                    unreachable::NETWORK_PROHIBITED | unreachable::HOST_PROHIBITED | unreachable::FILTERED => {
                        Reported::Hard(TcpError::Refused)
                    }
                    _ => Reported::Soft,
                };
                self.report_v4(now, quoted, error);
            }
            // In transit (code 0): the attempt can end; fragments (code 1): soft.
            Icmpv4Message::TimeExceeded { code: 0, quoted } => {
                self.report_v4(now, quoted, Reported::Hard(TcpError::Unreachable));
            }
            Icmpv4Message::TimeExceeded { quoted, .. } | Icmpv4Message::ParameterProblem { quoted, .. } => {
                self.report_v4(now, quoted, Reported::Soft);
            }
            // RFC 9293 MUST-55 and hostile 77: source quench and redirects are nothing.
            Icmpv4Message::SourceQuench | Icmpv4Message::Redirect | Icmpv4Message::Other(_) => {}
        }
        Ok(())
    }

    pub(super) fn input_icmpv6(&mut self, now: Instant, arrived: &Arrived, bytes: &Bytes) -> Result<(), Malformed> {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (arrived.source, arrived.destination) else {
            return Ok(());
        };
        let message = Icmpv6Message::decode(source, destination, bytes)?;
        match message {
            Icmpv6Message::EchoRequest { identifier, sequence, data } => {
                if self.settings.answers_echo && !arrived.for_many {
                    let reply = Icmpv6Message::EchoReply { identifier, sequence, data }.encode(destination, source);
                    self.send_icmp(now, arrived.destination, arrived.source, reply);
                }
            }
            Icmpv6Message::EchoReply { identifier, sequence, .. } => {
                self.events.push_back(Event::EchoReply { from: arrived.source, identifier, sequence });
            }
            Icmpv6Message::PacketTooBig { mtu, quoted } => self.report_v6(now, quoted, Reported::TooBig(mtu)),
            // Prohibited (1) and port (4) are hard, like their IPv4 cousins.
            Icmpv6Message::DestinationUnreachable { code: 1 | 4, quoted } => {
                self.report_v6(now, quoted, Reported::Hard(TcpError::Refused));
            }
            Icmpv6Message::ParameterProblem { code: 1, quoted, .. } => {
                self.report_v6(now, quoted, Reported::Hard(TcpError::Refused));
            }
            Icmpv6Message::TimeExceeded { code: 0, quoted } => {
                self.report_v6(now, quoted, Reported::Hard(TcpError::Unreachable));
            }
            Icmpv6Message::DestinationUnreachable { quoted, .. }
            | Icmpv6Message::TimeExceeded { quoted, .. }
            | Icmpv6Message::ParameterProblem { quoted, .. } => self.report_v6(now, quoted, Reported::Soft),
            other => self.input_discovery(now, arrived, &other),
        }
        Ok(())
    }

    fn report_v4(&mut self, now: Instant, quoted: &[u8], error: Reported) {
        let Ok(header) = Ipv4Header::decode_quoted(quoted) else { return };
        let rest = quoted.get(header.header_length..).unwrap_or_default();
        self.report(now, (header.source.into(), header.destination.into()), header.protocol, rest, error);
    }

    fn report_v6(&mut self, now: Instant, quoted: &[u8], error: Reported) {
        let Ok(header) = Ipv6Header::decode(quoted) else { return };
        let rest = quoted.get(Ipv6Header::LENGTH..).unwrap_or_default();
        let (protocol, offset) = match follow_chain(header.next_header, rest) {
            Ok(Chain::Upper { protocol, offset }) => (protocol, offset),
            Ok(Chain::Fragment { header, offset }) if header.offset == 0 => (header.next_header, offset),
            _ => return,
        };
        let rest = rest.get(offset..).unwrap_or_default();
        self.report(now, (header.source.into(), header.destination.into()), protocol, rest, error);
    }

    /// MUST-54: an error about a packet of ours goes to its socket. The quotation must name ports and, for TCP, a
    /// sequence number that is under way (RFC 5927), or it is a stranger's.
    fn report(&mut self, now: Instant, ends: (IpAddr, IpAddr), protocol: u8, rest: &[u8], error: Reported) {
        let mut cursor = Cursor::new(rest);
        let (Ok(source), Ok(destination)) = (cursor.u16(), cursor.u16()) else { return };
        let pair = Pair { local: SocketAddr::new(ends.0, source), remote: SocketAddr::new(ends.1, destination) };
        match protocol {
            protocol::TCP => {
                let Ok(sequence) = cursor.u32() else { return };
                self.report_tcp(now, pair, SequenceNumber(sequence), error);
            }
            protocol::UDP if matches!(error, Reported::Hard(_)) => {
                let refused = self.udp.refused(pair.local, pair.remote);
                self.events.extend(refused.map(Event::UdpRefused));
            }
            protocol::UDP => {
                if let Reported::TooBig(mtu) = error {
                    self.learn_mtu(now, ends.1, mtu);
                }
            }
            _ => {}
        }
    }

    fn report_tcp(&mut self, now: Instant, pair: Pair, sequence: SequenceNumber, error: Reported) {
        let error = match error {
            Reported::Hard(reason) => IcmpError::Hard(reason),
            Reported::Soft => IcmpError::Soft(TcpError::Unreachable),
            Reported::TooBig(mtu) => {
                if !self.tcp.is_under_way(&pair, sequence) {
                    return;
                }
                let Some(mtu) = self.learn_mtu(now, pair.remote.ip(), mtu) else { return };
                let headers = if pair.remote.is_ipv4() { 40 } else { 60 };
                IcmpError::TooBig { segment_size: mtu.saturating_sub(headers) }
            }
        };
        self.tcp.handle_icmp(now, pair, sequence, error);
    }

    fn learn_mtu(&mut self, now: Instant, remote: IpAddr, mtu: u32) -> Option<u32> {
        let hop = self.routes.find(remote)?;
        let interface = self.interfaces[hop.interface.index()].settings.mtu;
        self.path_mtus.learn(now, remote, mtu, interface)
    }

    // ---- out ----

    /// The offending packet again, from its header fields and what followed.
    pub(super) fn quoted(&self, arrived: &Arrived, packet: &Packet) -> Bytes {
        let body = packet.to_bytes();
        let mut whole = Vec::with_capacity(QUOTED_V6);
        match (arrived.source, arrived.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let header = Ipv4Header {
                    traffic_class: arrived.traffic_class,
                    total_length: (Ipv4Header::LENGTH + body.len()).min(65_535) as u16,
                    identification: 0,
                    dont_fragment: true,
                    more_fragments: false,
                    fragment_offset: 0,
                    time_to_live: arrived.hop_limit,
                    protocol: arrived.protocol,
                    source,
                    destination,
                    header_length: Ipv4Header::LENGTH,
                    source_routed: false,
                };
                whole.extend_from_slice(&header.encode());
                let fits = body.len() <= QUOTED_V4 - Ipv4Header::LENGTH;
                whole.extend_from_slice(if fits { &body } else { &body[..QUOTED_DATA_V4] });
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = Ipv6Header {
                    traffic_class: arrived.traffic_class,
                    flow_label: 0,
                    payload_length: body.len().min(65_535) as u16,
                    next_header: arrived.protocol,
                    hop_limit: arrived.hop_limit,
                    source,
                    destination,
                };
                whole.extend_from_slice(&header.encode());
                whole.extend_from_slice(&body[..body.len().min(QUOTED_V6 - Ipv6Header::LENGTH)]);
            }
            _ => {}
        }
        whole.into()
    }

    /// Whether an error may be sent about a packet: hostile 78: not about errors, groups or impossible sources,
    /// and not beyond the budget.
    fn may_send_error(&mut self, now: Instant, arrived: &Arrived, original: &[u8]) -> bool {
        let about_error = match arrived.protocol {
            protocol::ICMP => original.get(Ipv4Header::LENGTH).is_some_and(|kind| ![0, 8, 13, 14].contains(kind)),
            protocol::ICMPV6 => original.get(Ipv6Header::LENGTH).is_some_and(|kind| *kind < 128),
            _ => false,
        };
        if about_error || arrived.for_many || arrived.destination.is_multicast() || !may_be_source(arrived.source) {
            return false;
        }
        let granted = self.icmp_errors.take(now);
        if granted {
            self.counters.icmp_errors_sent += 1;
        } else {
            self.counters.icmp_errors_withheld += 1;
        }
        granted
    }

    fn send_error(
        &mut self,
        now: Instant,
        arrived: &Arrived,
        original: &[u8],
        v4: &Icmpv4Message<'_>,
        v6: &Icmpv6Message<'_>,
    ) {
        if !self.may_send_error(now, arrived, original) {
            return;
        }
        let Some(source) = self.source_for(arrived.source) else { return };
        let body = match (source, arrived.source) {
            (IpAddr::V4(_), IpAddr::V4(_)) => v4.encode(),
            (IpAddr::V6(source), IpAddr::V6(to)) => v6.encode(source, to),
            _ => return,
        };
        self.send_icmp(now, source, arrived.source, body);
    }

    pub(super) fn send_unreachable(&mut self, now: Instant, arrived: &Arrived, code: u8, mtu: u32, quoted: &[u8]) {
        let v4 = Icmpv4Message::DestinationUnreachable { code, next_hop_mtu: mtu.min(65_535) as u16, quoted };
        self.send_error(now, arrived, quoted, &v4, &Icmpv6Message::DestinationUnreachable { code, quoted });
    }

    pub(super) fn send_port_unreachable(&mut self, now: Instant, arrived: &Arrived, quoted: &[u8]) {
        let v4 = Icmpv4Message::DestinationUnreachable { code: unreachable::PORT, next_hop_mtu: 0, quoted };
        self.send_error(now, arrived, quoted, &v4, &Icmpv6Message::DestinationUnreachable { code: 4, quoted });
    }

    pub(super) fn send_protocol_unreachable(&mut self, now: Instant, arrived: &Arrived, quoted: &[u8]) {
        let v4 = Icmpv4Message::DestinationUnreachable { code: unreachable::PROTOCOL, next_hop_mtu: 0, quoted };
        // RFC 8200 §4: the "next header" field of the fixed header is byte 6.
        self.send_error(now, arrived, quoted, &v4, &Icmpv6Message::ParameterProblem { code: 1, pointer: 6, quoted });
    }

    pub(super) fn send_parameter_problem(
        &mut self,
        now: Instant,
        arrived: &Arrived,
        code: u8,
        pointer: u32,
        quoted: &[u8],
    ) {
        let v4 = Icmpv4Message::ParameterProblem { code: 0, pointer: pointer as u8, quoted };
        self.send_error(now, arrived, quoted, &v4, &Icmpv6Message::ParameterProblem { code, pointer, quoted });
    }

    pub(super) fn send_time_exceeded(&mut self, now: Instant, arrived: &Arrived, code: u8, quoted: &[u8]) {
        let v6 = Icmpv6Message::TimeExceeded { code, quoted };
        self.send_error(now, arrived, quoted, &Icmpv4Message::TimeExceeded { code, quoted }, &v6);
    }

    pub(super) fn send_packet_too_big(&mut self, now: Instant, arrived: &Arrived, mtu: u32, quoted: &[u8]) {
        let v6 = Icmpv6Message::PacketTooBig { mtu, quoted };
        self.send_error(now, arrived, quoted, &Icmpv4Message::SourceQuench, &v6);
    }

    /// RFC 792 and RFC 8200 §4.5: the sender of a datagram that never became whole is told, if its start came.
    pub(super) fn tell_reassembly_timeout(&mut self, now: Instant, expired: &Expired) {
        let key = expired.key;
        let arrived = Arrived {
            interface: None,
            source: key.source,
            destination: key.destination,
            protocol: key.protocol,
            traffic_class: 0,
            hop_limit: 0,
            for_many: !self.owns(key.destination),
        };
        let quoted = self.quoted(&arrived, &Packet::from_bytes(expired.first.clone()));
        self.send_time_exceeded(now, &arrived, 1, &quoted);
    }

    /// Nobody answered for a neighbour: the packet's sender is told, who may be ourselves.
    pub(super) fn tell_neighbour_unreachable(&mut self, now: Instant, mut packet: Packet) {
        let (source, destination, protocol, header) = if let Ok(header) = Ipv4Header::decode(packet.front()) {
            (IpAddr::V4(header.source), IpAddr::V4(header.destination), header.protocol, header.header_length)
        } else if let Ok(header) = Ipv6Header::decode(packet.front()) {
            (IpAddr::V6(header.source), IpAddr::V6(header.destination), header.next_header, Ipv6Header::LENGTH)
        } else {
            return;
        };
        packet.strip(header);
        if self.owns(source) {
            let rest = packet.to_bytes();
            return self.report(now, (source, destination), protocol, &rest, Reported::Soft);
        }
        let (traffic_class, hop_limit) = (0, 0);
        let arrived =
            Arrived { interface: None, source, destination, protocol, traffic_class, hop_limit, for_many: false };
        let quoted = self.quoted(&arrived, &packet);
        let code = if source.is_ipv4() { unreachable::HOST } else { 3 };
        self.send_unreachable(now, &arrived, code, 0, &quoted);
    }
}

/// An ICMP error in the words of neither version.
#[derive(Clone, Copy, Debug)]
enum Reported {
    TooBig(u32),
    Hard(TcpError),
    Soft,
}
