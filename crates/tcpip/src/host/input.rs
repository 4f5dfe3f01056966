//! Packets arrive: link, then IP, then the protocol above. Everything that is not ours, not possible or not
//! honest ends here, counted.

use std::net::{IpAddr, SocketAddr};

use edgeway_base::Instant;

use super::{Event, Host, InterfaceId, Medium};
use crate::network::cidr::may_be_source;
use crate::network::reassembly::{Fragment, FragmentKey, Outcome};
use crate::packet::{ChecksumState, Packet};
use crate::tcp::connection::{Pair, Segment};
use crate::udp::Datagram;
use crate::wire::Malformed;
use crate::wire::ethernet::{EtherType, EthernetHeader};
use crate::wire::ipv4::{Ipv4Header, protocol};
use crate::wire::ipv6::{Chain, Ipv6Header, follow_chain};
use crate::wire::tcp::TcpHeader;
use crate::wire::udp::UdpHeader;

/// What the IP layer knows of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// By which interface; `None`: from ourselves.
    pub(super) interface: Option<InterfaceId>,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) traffic_class: u8,
    pub(super) hop_limit: u8,
    /// For several: multicast or broadcast, by IP or by link.
    pub(super) for_many: bool,
}

impl Host {
    pub(super) fn input_frame(&mut self, now: Instant, id: InterfaceId, mut packet: Packet) {
        let Some(interface) = self.interfaces.get(id.index()) else { return };
        let Medium::Ethernet(hardware) = interface.settings.medium else {
            let version = packet.front().first().map(|first| first >> 4);
            return self.input_ip(now, Some(id), version == Some(6), false, packet);
        };
        let Ok(header) = EthernetHeader::decode(packet.front()) else {
            self.counters.malformed += 1;
            return;
        };
        let group = header.destination.is_group();
        if header.destination != hardware && !group || header.source.is_group() {
            self.counters.not_ours += 1;
            return;
        }
        if !packet.strip(EthernetHeader::LENGTH) {
            return;
        }
        match header.kind {
            EtherType::Arp => self.input_arp(now, id, packet.front().to_vec().as_slice()),
            EtherType::Ipv4 => self.input_ip(now, Some(id), false, group, packet),
            EtherType::Ipv6 => self.input_ip(now, Some(id), true, group, packet),
            EtherType::Other(_) => self.counters.not_ours += 1,
        }
    }

    pub(super) fn input_loopback(&mut self, now: Instant, packet: Packet) {
        let six = packet.front().first().is_some_and(|first| first >> 4 == 6);
        self.input_ip(now, None, six, false, packet);
    }

    fn input_ip(&mut self, now: Instant, id: Option<InterfaceId>, six: bool, group: bool, packet: Packet) {
        let result =
            if six { self.input_ipv6(now, id, group, packet) } else { self.input_ipv4(now, id, group, packet) };
        if result.is_err() {
            self.counters.malformed += 1;
        }
    }

    fn input_ipv4(
        &mut self,
        now: Instant,
        id: Option<InterfaceId>,
        group: bool,
        mut packet: Packet,
    ) -> Result<(), Malformed> {
        let header = Ipv4Header::decode(packet.front())?;
        // Hostile 4: what lies behind the total length is the link's padding; what is missing is malformed.
        if packet.len() < usize::from(header.total_length) {
            return Err(Malformed::Incomplete);
        }
        packet.truncate(usize::from(header.total_length));
        if header.source_routed {
            self.counters.source_routed += 1;
            return Ok(());
        }
        let mut arrived = Arrived {
            interface: id,
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: header.protocol,
            traffic_class: header.traffic_class,
            hop_limit: header.time_to_live,
            for_many: group,
        };
        if !self.admit(&mut arrived) {
            if self.may_forward(&arrived) {
                self.forward_ipv4(now, header, packet);
            }
            return Ok(());
        }
        packet.strip(header.header_length);
        if header.is_fragment() {
            let key = self.fragment_key(&arrived, u32::from(header.identification), header.protocol);
            let fragment = (header.fragment_offset, header.more_fragments);
            let Some(whole) = self.reassemble(now, key, fragment, packet) else { return Ok(()) };
            packet = whole;
        }
        self.input_upper(now, &arrived, packet)
    }

    fn input_ipv6(
        &mut self,
        now: Instant,
        id: Option<InterfaceId>,
        group: bool,
        mut packet: Packet,
    ) -> Result<(), Malformed> {
        let header = Ipv6Header::decode(packet.front())?;
        let length = Ipv6Header::LENGTH + usize::from(header.payload_length);
        if packet.len() < length {
            return Err(Malformed::Incomplete);
        }
        packet.truncate(length);
        let mut arrived = Arrived {
            interface: id,
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: header.next_header,
            traffic_class: header.traffic_class,
            hop_limit: header.hop_limit,
            for_many: group,
        };
        if !self.admit(&mut arrived) {
            if self.may_forward(&arrived) {
                self.forward_ipv6(now, header, packet);
            }
            return Ok(());
        }
        packet.strip(Ipv6Header::LENGTH);
        // Only the headers are looked at here; with a packet in two pieces they are all in the first.
        match follow_chain(header.next_header, packet.front())? {
            Chain::Upper { protocol, offset } => {
                arrived.protocol = protocol;
                packet.strip(offset);
            }
            Chain::Fragment { header: fragment, offset } => {
                packet.strip(offset);
                arrived.protocol = fragment.next_header;
                let key = self.fragment_key(&arrived, fragment.identification, 0);
                let place = (fragment.offset, fragment.more);
                let Some(whole) = self.reassemble(now, key, place, packet) else { return Ok(()) };
                packet = whole;
            }
            Chain::Refused { code, pointer } => {
                let original = self.quoted(&arrived, &packet);
                self.send_parameter_problem(now, &arrived, code, pointer, &original);
                return Ok(());
            }
            Chain::Silent => return Ok(()),
        }
        self.input_upper(now, &arrived, packet)
    }

    /// Whether the packet is for us and may be what it says. RFC 1122 §3.2.1.3, RFC 9293 MUST-63.
    fn admit(&mut self, arrived: &mut Arrived) -> bool {
        let Some(id) = arrived.interface else { return true };
        let interface = &self.interfaces[id.index()];
        // Duplicate address detection and some ICMPv6 come from "::"; nothing else may.
        let unspecified = arrived.source.is_unspecified();
        let discovery = unspecified && arrived.protocol == protocol::ICMPV6;
        let ours = self.owns(arrived.source) && !self.settings.any_destination;
        if !discovery && (unspecified || !may_be_source(arrived.source) || interface.is_broadcast(arrived.source))
            || ours
        {
            self.counters.bad_source += 1;
            arrived.interface = None;
            return false;
        }
        let destination = arrived.destination;
        let broadcast = interface.is_broadcast(destination);
        arrived.for_many |= broadcast;
        if destination.is_multicast() {
            arrived.for_many = true;
            let ours = self.groups.is_member(id, destination) || self.always_hears(id, destination);
            if !ours {
                self.counters.not_ours += 1;
                arrived.interface = None;
            }
            return ours;
        }
        // Weak hosts (RFC 1122 §3.3.4.2): any of our addresses on any interface; but never loopback from outside.
        let ours = broadcast || self.owns(destination) && !destination.is_loopback() || self.settings.any_destination;
        if !ours && !self.settings.forwarding {
            self.counters.not_ours += 1;
        }
        ours
    }

    const fn fragment_key(&self, arrived: &Arrived, identification: u32, protocol: u8) -> FragmentKey {
        FragmentKey { source: arrived.source, destination: arrived.destination, identification, protocol }
    }

    fn reassemble(
        &mut self,
        now: Instant,
        key: FragmentKey,
        (offset, more): (u32, bool),
        packet: Packet,
    ) -> Option<Packet> {
        let fragment = Fragment { offset, more, data: packet.into_payload() };
        match self.reassembly.insert(now, key, fragment) {
            Outcome::Complete(whole) => {
                self.counters.reassembled += 1;
                Some(Packet::from_bytes(whole))
            }
            Outcome::Waiting => None,
            Outcome::Refused => {
                self.counters.fragments_refused += 1;
                None
            }
        }
    }

    fn input_upper(&mut self, now: Instant, arrived: &Arrived, packet: Packet) -> Result<(), Malformed> {
        match (arrived.protocol, arrived.source) {
            (protocol::TCP, _) => self.input_tcp(now, arrived, packet),
            (protocol::UDP, _) => self.input_udp(now, arrived, packet),
            (protocol::ICMP, IpAddr::V4(_)) => self.input_icmpv4(now, arrived, &packet.to_bytes()),
            (protocol::IGMP, IpAddr::V4(_)) => self.input_igmp(now, arrived, &packet.to_bytes()),
            (protocol::ICMPV6, IpAddr::V6(_)) => self.input_icmpv6(now, arrived, &packet.to_bytes()),
            _ => {
                let original = self.quoted(arrived, &packet);
                self.send_protocol_unreachable(now, arrived, &original);
                Ok(())
            }
        }
    }

    fn input_tcp(&mut self, now: Instant, arrived: &Arrived, mut packet: Packet) -> Result<(), Malformed> {
        // RFC 9293 MUST-57: nothing to broadcast or multicast is TCP.
        if arrived.for_many {
            self.counters.not_ours += 1;
            return Ok(());
        }
        let decoded = TcpHeader::decode(packet.front());
        let (first, second) = packet.pieces();
        let trusted = packet.checksum == ChecksumState::Offloaded || arrived.interface.is_none();
        let (header, length) = match decoded {
            Ok(decoded) if trusted || TcpHeader::verify(arrived.source, arrived.destination, first, second) => decoded,
            Ok(_) => {
                self.tcp.count_malformed();
                return Err(Malformed::BadChecksum);
            }
            Err(why) => {
                self.tcp.count_malformed();
                return Err(why);
            }
        };
        packet.strip(length);
        let segment_size = usize::from(packet.segment_size);
        let payload = packet.into_payload();
        let count = if segment_size > 0 { payload.len().div_ceil(segment_size).max(1) as u32 } else { 1 };
        let pair = Pair {
            local: SocketAddr::new(arrived.destination, header.destination_port),
            remote: SocketAddr::new(arrived.source, header.source_port),
        };
        let Some(size) = self.path_size(now, arrived.source) else { return Ok(()) };
        let congestion_experienced = arrived.traffic_class & 3 == 3;
        self.tcp.handle_segment(now, pair, Segment { header, payload, count, congestion_experienced }, size);
        Ok(())
    }

    fn input_udp(&mut self, now: Instant, arrived: &Arrived, packet: Packet) -> Result<(), Malformed> {
        let bytes = packet.to_bytes();
        let header = UdpHeader::decode(&bytes, bytes.len())?;
        let payload = bytes.slice(UdpHeader::LENGTH..usize::from(header.length));
        let trusted = packet.checksum == ChecksumState::Offloaded || arrived.interface.is_none();
        if !trusted && !header.verify(arrived.source, arrived.destination, &payload) {
            return Err(Malformed::BadChecksum);
        }
        let datagram = Datagram {
            source: SocketAddr::new(arrived.source, header.source_port),
            destination: SocketAddr::new(arrived.destination, header.destination_port),
            interface: arrived.interface.unwrap_or(InterfaceId(0)),
            payload,
        };
        // Hostile 6: port zero is nobody's.
        let (news, taken) = match header.destination_port {
            0 => (Vec::new(), false),
            _ => self.udp.deliver(&datagram, arrived.for_many),
        };
        self.events.extend(news.into_iter().map(Event::UdpReadable));
        if !taken {
            let original = self.quoted(arrived, &Packet::from_bytes(bytes));
            self.send_port_unreachable(now, arrived, &original);
        }
        Ok(())
    }
}
