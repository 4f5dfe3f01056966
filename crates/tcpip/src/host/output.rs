//! Packets leave: an IP header, a route, fragments if need be, a neighbour, a link header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use edgeway_base::Instant;

use super::{Host, InterfaceId, Medium};
use crate::network::neighbour::{Lookup, Task};
use crate::network::route::NextHop;
use crate::packet::{ChecksumState, Packet};
use crate::tcp::endpoint::{Emitted, PathSize};
use crate::wire::arp::{ArpOperation, ArpPacket};
use crate::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use crate::wire::icmpv6::{Icmpv6Message, solicited_node};
use crate::wire::ipv4::{Ipv4Header, protocol};
use crate::wire::ipv6::{FragmentHeader, Ipv6Header};

/// What an IP header says beside the addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) protocol: u8,
    pub(super) hop_limit: u8,
    pub(super) traffic_class: u8,
    pub(super) dont_fragment: bool,
}

impl Host {
    pub(super) fn send_tcp(&mut self, now: Instant, emitted: Emitted) {
        let Emitted { pair, segment, hop_limit, dscp } = emitted;
        let (source, destination) = (pair.local.ip(), pair.remote.ip());
        let hop = self.routes.find(destination);
        let local = self.owns(destination);
        let offload = local || hop.is_some_and(|hop| self.interfaces[hop.interface.index()].settings.checksum_offload);
        let payload = (!offload).then_some(&segment.payload[..]);
        let encoded = segment.header.encode(source, destination, payload);
        let mut packet = Packet::with_payload(segment.payload.clone());
        packet.prepend(encoded.as_slice());
        packet.segment_size = segment.segment_size as u16;
        if offload {
            packet.checksum = ChecksumState::Offloaded;
        }
        // RFC 3168 §5: ECT(0) is binary 10.
        let traffic_class = dscp << 2 | if segment.ecn_capable { 2 } else { 0 };
        let manner = Manner { protocol: protocol::TCP, hop_limit, traffic_class, dont_fragment: true };
        self.send_ip(now, source, destination, manner, packet);
    }

    /// Sends an upper-layer packet from `source` to `destination` by the routes.
    pub(super) fn send_ip(
        &mut self,
        now: Instant,
        source: IpAddr,
        destination: IpAddr,
        manner: Manner,
        packet: Packet,
    ) {
        if self.owns(destination) {
            return self.send_to_ourselves(source, destination, manner, packet);
        }
        let Some(hop) = self.routes.find(destination) else {
            self.counters.unroutable += 1;
            return;
        };
        self.send_by(now, hop, source, destination, manner, packet);
    }

    /// Sends by a given interface, as for groups and broadcasts.
    pub(super) fn send_by(
        &mut self,
        now: Instant,
        hop: NextHop,
        source: IpAddr,
        destination: IpAddr,
        manner: Manner,
        packet: Packet,
    ) {
        // A source that is no longer ours (its address was removed) does not speak in our name.
        if !self.owns(source) && !source.is_unspecified() && !self.settings.any_destination {
            self.counters.bad_source += 1;
            return;
        }
        let mtu = self.path_mtus.get(now, destination, self.interfaces[hop.interface.index()].settings.mtu);
        let single = packet.segment_size == 0;
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = self.ipv4_header(source, destination, manner, packet.len());
                if single && packet.len() + Ipv4Header::LENGTH > mtu as usize {
                    header.dont_fragment = false;
                    return self.send_fragments_v4(now, hop, header, &packet.to_bytes(), mtu);
                }
                let mut packet = packet;
                packet.prepend(&header.encode());
                self.send_to_neighbour(now, hop, packet);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = ipv6_header(source, destination, manner, packet.len());
                if single && packet.len() + Ipv6Header::LENGTH > mtu as usize {
                    return self.send_fragments_v6(now, hop, header, &packet.to_bytes(), mtu);
                }
                let mut packet = packet;
                packet.prepend(&header.encode());
                self.send_to_neighbour(now, hop, packet);
            }
            _ => self.counters.unroutable += 1,
        }
    }

    fn send_to_ourselves(&mut self, source: IpAddr, destination: IpAddr, manner: Manner, mut packet: Packet) {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let header = self.ipv4_header(source, destination, manner, packet.len());
                packet.prepend(&header.encode());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                packet.prepend(&ipv6_header(source, destination, manner, packet.len()).encode());
            }
            _ => return,
        }
        if self.loopback.len() < crate::limits::OUTPUT_QUEUE_MAX {
            self.loopback.push_back(packet);
        }
    }

    fn ipv4_header(&mut self, source: Ipv4Addr, destination: Ipv4Addr, manner: Manner, payload: usize) -> Ipv4Header {
        // RFC 6864 §4.1: an atomic datagram needs no identification; others need one that is not reused soon.
        if !manner.dont_fragment {
            self.identification = self.identification.wrapping_add(1);
        }
        Ipv4Header {
            traffic_class: manner.traffic_class,
            total_length: (Ipv4Header::LENGTH + payload).min(65_535) as u16,
            identification: if manner.dont_fragment { 0 } else { self.identification as u16 },
            dont_fragment: manner.dont_fragment,
            more_fragments: false,
            fragment_offset: 0,
            time_to_live: manner.hop_limit,
            protocol: manner.protocol,
            source,
            destination,
            header_length: Ipv4Header::LENGTH,
            source_routed: false,
        }
    }

    /// RFC 791 §3.2: pieces of multiples of eight bytes.
    pub(super) fn send_fragments_v4(&mut self, now: Instant, hop: NextHop, header: Ipv4Header, data: &Bytes, mtu: u32) {
        let piece = ((mtu as usize).saturating_sub(Ipv4Header::LENGTH) & !7).max(8);
        for start in (0..data.len()).step_by(piece) {
            let end = (start + piece).min(data.len());
            let part = Ipv4Header {
                total_length: (Ipv4Header::LENGTH + end - start) as u16,
                dont_fragment: false,
                more_fragments: end < data.len() || header.more_fragments,
                fragment_offset: header.fragment_offset + start as u32,
                ..header
            };
            let mut packet = Packet::with_payload(data.slice(start..end));
            packet.prepend(&part.encode());
            self.send_to_neighbour(now, hop, packet);
        }
    }

    /// RFC 8200 §4.5: by the source only.
    fn send_fragments_v6(&mut self, now: Instant, hop: NextHop, header: Ipv6Header, data: &Bytes, mtu: u32) {
        let headers = Ipv6Header::LENGTH + FragmentHeader::LENGTH;
        let piece = ((mtu as usize).saturating_sub(headers) & !7).max(8);
        self.identification = self.identification.wrapping_add(1);
        for start in (0..data.len()).step_by(piece) {
            let end = (start + piece).min(data.len());
            let fragment = FragmentHeader {
                next_header: header.next_header,
                offset: start as u32,
                more: end < data.len(),
                identification: self.identification,
            };
            let payload_length = (FragmentHeader::LENGTH + end - start) as u16;
            let mut packet = Packet::with_payload(data.slice(start..end));
            packet.prepend(&fragment.encode());
            packet.prepend(&Ipv6Header { next_header: 44, payload_length, ..header }.encode());
            self.send_to_neighbour(now, hop, packet);
        }
    }

    /// Puts a link header on, when the neighbour's address is known; else lets the packet wait for it.
    pub(super) fn send_to_neighbour(&mut self, now: Instant, hop: NextHop, mut packet: Packet) {
        let interface = &self.interfaces[hop.interface.index()];
        let Medium::Ethernet(hardware) = interface.settings.medium else {
            return self.enqueue(hop.interface, packet);
        };
        let kind = if hop.neighbour.is_ipv4() { EtherType::Ipv4 } else { EtherType::Ipv6 };
        let destination = if hop.neighbour.is_multicast() {
            MacAddress::for_multicast(hop.neighbour)
        } else if interface.is_broadcast(hop.neighbour) {
            MacAddress::BROADCAST
        } else {
            match self.neighbours.resolve(now, hop.interface, hop.neighbour, packet) {
                Lookup::Send(known, address) => {
                    packet = known;
                    address
                }
                Lookup::Waits(task) => {
                    if let Some(task) = task {
                        self.do_neighbour_task(now, task);
                    }
                    return;
                }
            }
        };
        packet.prepend(&EthernetHeader { destination, source: hardware, kind }.encode());
        self.enqueue(hop.interface, packet);
    }

    pub(super) fn send_waiting(&mut self, interface: InterfaceId, to: MacAddress, waiting: Vec<Packet>) {
        let Some(source) = self.interfaces[interface.index()].hardware() else { return };
        for mut packet in waiting {
            let six = packet.front().first().is_some_and(|first| first >> 4 == 6);
            let kind = if six { EtherType::Ipv6 } else { EtherType::Ipv4 };
            packet.prepend(&EthernetHeader { destination: to, source, kind }.encode());
            self.enqueue(interface, packet);
        }
    }

    pub(super) fn do_neighbour_task(&mut self, now: Instant, task: Task) {
        match task {
            Task::Ask(interface, address) => self.solicit(interface, address, None),
            Task::AskDirectly(interface, address, hardware) => self.solicit(interface, address, Some(hardware)),
            Task::Unreachable(_, _, packets) => {
                self.counters.neighbour_unreachable += packets.len() as u64;
                for packet in packets {
                    self.tell_neighbour_unreachable(now, packet);
                }
            }
        }
    }

    fn solicit(&mut self, interface: InterfaceId, address: IpAddr, directly: Option<MacAddress>) {
        let found = &self.interfaces[interface.index()];
        let Some(hardware) = found.hardware() else { return };
        match address {
            IpAddr::V4(target) => {
                let Some(IpAddr::V4(sender)) = found.source_towards(address, address) else { return };
                let request = ArpPacket {
                    operation: ArpOperation::Request,
                    sender_hardware: hardware,
                    sender,
                    target_hardware: MacAddress::default(),
                    target,
                };
                self.send_arp(interface, directly.unwrap_or(MacAddress::BROADCAST), &request);
            }
            IpAddr::V6(target) => {
                let Some(IpAddr::V6(source)) = found.source_towards(address, address) else { return };
                let to = if directly.is_some() { target } else { solicited_node(target) };
                let message = Icmpv6Message::NeighbourSolicitation { target, hardware: Some(hardware) };
                let ethernet = directly.unwrap_or_else(|| MacAddress::for_multicast(to.into()));
                self.send_discovery(interface, ethernet, source, to, &message);
            }
        }
    }

    pub(super) fn send_arp(&mut self, interface: InterfaceId, to: MacAddress, packet: &ArpPacket) {
        let mut frame = Packet::with_payload(Bytes::copy_from_slice(&packet.encode()));
        let header = EthernetHeader { destination: to, source: packet.sender_hardware, kind: EtherType::Arp };
        frame.prepend(&header.encode());
        self.enqueue(interface, frame);
    }

    /// Neighbour discovery goes straight to the link, with a hop limit of 255 (RFC 4861 §3.1).
    pub(super) fn send_discovery(
        &mut self,
        interface: InterfaceId,
        ethernet: MacAddress,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        message: &Icmpv6Message<'_>,
    ) {
        let Some(hardware) = self.interfaces[interface.index()].hardware() else { return };
        let body = message.encode(source, destination);
        let manner = Manner { protocol: protocol::ICMPV6, hop_limit: 255, traffic_class: 0, dont_fragment: true };
        let header = ipv6_header(source, destination, manner, body.len());
        let mut frame = Packet::with_payload(body.into());
        frame.prepend(&header.encode());
        frame.prepend(&EthernetHeader { destination: ethernet, source: hardware, kind: EtherType::Ipv6 }.encode());
        self.enqueue(interface, frame);
    }

    /// Segment sizes towards `remote`: what the interface takes is announced, what the path takes is used.
    pub(super) fn path_size(&self, now: Instant, remote: IpAddr) -> Option<PathSize> {
        let headers = if remote.is_ipv4() { 40 } else { 60 };
        if self.owns(remote) {
            return Some(PathSize { announced: 65_535 - headers, path: 65_535 - headers });
        }
        let hop = self.routes.find(remote)?;
        let mtu = self.interfaces[hop.interface.index()].settings.mtu;
        let path = self.path_mtus.get(now, remote, mtu);
        // RFC 9293 MUST-67: from MMS_R and MMS_S, what the network layer can take.
        Some(PathSize { announced: mtu.saturating_sub(headers), path: path.saturating_sub(headers).max(1) })
    }

    pub(super) fn socket_address(&self, local: Option<SocketAddr>, remote: IpAddr) -> Option<SocketAddr> {
        match local {
            Some(local) if !local.ip().is_unspecified() => Some(local),
            other => Some(SocketAddr::new(self.source_for(remote)?, other.map_or(0, |local| local.port()))),
        }
    }
}

fn ipv6_header(source: Ipv6Addr, destination: Ipv6Addr, manner: Manner, payload: usize) -> Ipv6Header {
    Ipv6Header {
        traffic_class: manner.traffic_class,
        flow_label: 0,
        payload_length: payload.min(65_535) as u16,
        next_header: manner.protocol,
        hop_limit: manner.hop_limit,
        source,
        destination,
    }
}
