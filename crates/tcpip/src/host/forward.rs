//! Packets for others (RFC 1812 §5): one hop less, out by the longest prefix, or an ICMP error back.

use std::net::IpAddr;

use edgeway_base::Instant;

use super::Host;
use super::input::Arrived;
use crate::packet::Packet;
use crate::wire::icmpv4::unreachable;
use crate::wire::ipv4::Ipv4Header;
use crate::wire::ipv6::Ipv6Header;

impl Host {
    /// A packet that was refused as not ours may still be passed on; one with an impossible source may not.
    pub(super) fn may_forward(&self, arrived: &Arrived) -> bool {
        let local = match arrived.destination {
            IpAddr::V4(address) => address.is_link_local() || address.is_loopback() || address.is_unspecified(),
            IpAddr::V6(address) => crate::network::cidr::is_link_local(address) || address.is_loopback(),
        };
        self.settings.forwarding
            && arrived.interface.is_some()
            && !arrived.for_many
            && !arrived.destination.is_multicast()
            && !local
    }

    pub(super) fn forward_ipv4(&mut self, now: Instant, mut header: Ipv4Header, mut packet: Packet) {
        let arrived = Arrived {
            interface: None,
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: header.protocol,
            traffic_class: header.traffic_class,
            hop_limit: header.time_to_live,
            for_many: false,
        };
        packet.strip(header.header_length);
        // RFC 1812 §5.3.1: hostile 85: at one, it ends here.
        if header.time_to_live <= 1 {
            let original = self.quoted(&arrived, &packet);
            return self.send_time_exceeded(now, &arrived, 0, &original);
        }
        let Some(hop) = self.routes.find(arrived.destination) else {
            let original = self.quoted(&arrived, &packet);
            return self.send_unreachable(now, &arrived, unreachable::NETWORK, 0, &original);
        };
        header.time_to_live -= 1;
        let mtu = self.interfaces[hop.interface.index()].settings.mtu;
        let length = Ipv4Header::LENGTH + packet.len();
        header.total_length = length as u16;
        if length > mtu as usize && packet.segment_size == 0 {
            if header.dont_fragment {
                let original = self.quoted(&arrived, &packet);
                return self.send_unreachable(now, &arrived, unreachable::FRAGMENTATION_NEEDED, mtu, &original);
            }
            self.counters.forwarded += 1;
            return self.send_fragments_v4(now, hop, header, &packet.into_payload(), mtu);
        }
        packet.prepend(&header.encode());
        self.counters.forwarded += 1;
        self.send_to_neighbour(now, hop, packet);
    }

    pub(super) fn forward_ipv6(&mut self, now: Instant, mut header: Ipv6Header, mut packet: Packet) {
        let arrived = Arrived {
            interface: None,
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: header.next_header,
            traffic_class: header.traffic_class,
            hop_limit: header.hop_limit,
            for_many: false,
        };
        packet.strip(Ipv6Header::LENGTH);
        if header.hop_limit <= 1 {
            let original = self.quoted(&arrived, &packet);
            return self.send_time_exceeded(now, &arrived, 0, &original);
        }
        let Some(hop) = self.routes.find(arrived.destination) else {
            let original = self.quoted(&arrived, &packet);
            return self.send_unreachable(now, &arrived, 0, 0, &original);
        };
        header.hop_limit -= 1;
        let mtu = self.interfaces[hop.interface.index()].settings.mtu;
        // RFC 8200 §5: routers never fragment.
        if Ipv6Header::LENGTH + packet.len() > mtu as usize && packet.segment_size == 0 {
            let original = self.quoted(&arrived, &packet);
            return self.send_packet_too_big(now, &arrived, mtu, &original);
        }
        packet.prepend(&header.encode());
        self.counters.forwarded += 1;
        self.send_to_neighbour(now, hop, packet);
    }
}
