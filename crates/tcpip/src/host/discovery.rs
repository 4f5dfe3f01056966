//! Neighbours and routers: ARP (RFC 826, RFC 5227) and neighbour discovery (RFC 4861, RFC 4862).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use edgeway_base::Instant;

use super::input::Arrived;
use super::{Event, Host, InterfaceId};
use crate::limits::AUTOCONFIGURED_ADDRESSES_MAX;
use crate::network::cidr::{Cidr, is_link_local};
use crate::wire::arp::{ArpOperation, ArpPacket};
use crate::wire::ethernet::MacAddress;
use crate::wire::icmpv6::Icmpv6Message;

/// RFC 5227 §2.4: DEFEND_INTERVAL.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

impl Host {
    pub(super) fn input_arp(&mut self, now: Instant, id: InterfaceId, bytes: &[u8]) {
        let Ok(packet) = ArpPacket::decode(bytes) else {
            self.counters.malformed += 1;
            return;
        };
        let interface = &self.interfaces[id.index()];
        let Some(hardware) = interface.hardware() else { return };
        let sender = IpAddr::V4(packet.sender);
        if interface.owns(sender) && packet.sender_hardware != hardware {
            return self.conflict(now, id, sender, packet.sender_hardware);
        }
        let for_us = interface.owns(packet.target.into());
        match packet.operation {
            ArpOperation::Reply => {
                let place = (id, sender);
                let waiting = self.neighbours.answered(now, place, packet.sender_hardware, for_us, true);
                self.send_waiting(id, packet.sender_hardware, waiting);
            }
            ArpOperation::Request if for_us => {
                // RFC 5227 §1.1: a probe (sender 0.0.0.0) is answered but teaches nothing.
                if !packet.sender.is_unspecified() {
                    let waiting = self.neighbours.asked_us(now, id, sender, packet.sender_hardware);
                    self.send_waiting(id, packet.sender_hardware, waiting);
                }
                let reply = ArpPacket {
                    operation: ArpOperation::Reply,
                    sender_hardware: hardware,
                    sender: packet.target,
                    target_hardware: packet.sender_hardware,
                    target: packet.sender,
                };
                self.send_arp(id, packet.sender_hardware, &reply);
            }
            // An announcement (RFC 5227 §3) only makes a known neighbour doubtful.
            ArpOperation::Request => {
                let waiting = self.neighbours.answered(now, (id, sender), packet.sender_hardware, false, true);
                self.send_waiting(id, packet.sender_hardware, waiting);
            }
        }
    }

    /// Hostile 80: somebody has our address. Say so to the application, defend it once in a while.
    fn conflict(&mut self, now: Instant, interface: InterfaceId, address: IpAddr, hardware: MacAddress) {
        let found = &mut self.interfaces[interface.index()];
        if found.defended_at.is_some_and(|at| now - at < DEFEND_INTERVAL) {
            return;
        }
        found.defended_at = Some(now);
        self.events.push_back(Event::AddressConflict { interface, address, hardware });
        self.announce_address(now, interface, address);
    }

    /// RFC 5227 §2.3: an announcement; RFC 4861 §7.2.6: an unsolicited advertisement.
    pub(super) fn announce_address(&mut self, _now: Instant, interface: InterfaceId, address: IpAddr) {
        let Some(hardware) = self.interfaces[interface.index()].hardware() else { return };
        match address {
            IpAddr::V4(address) => {
                let announcement = ArpPacket {
                    operation: ArpOperation::Request,
                    sender_hardware: hardware,
                    sender: address,
                    target_hardware: MacAddress::default(),
                    target: address,
                };
                self.send_arp(interface, MacAddress::BROADCAST, &announcement);
            }
            IpAddr::V6(address) => {
                let message = Icmpv6Message::NeighbourAdvertisement {
                    router: self.settings.forwarding,
                    solicited: false,
                    override_cache: true,
                    target: address,
                    hardware: Some(hardware),
                };
                let everybody = MacAddress::for_multicast(ALL_NODES.into());
                self.send_discovery(interface, everybody, address, ALL_NODES, &message);
            }
        }
    }

    pub(super) fn input_discovery(&mut self, now: Instant, arrived: &Arrived, message: &Icmpv6Message<'_>) {
        let (Some(id), IpAddr::V6(source)) = (arrived.interface, arrived.source) else { return };
        match *message {
            Icmpv6Message::ListenerQuery { group, response_milliseconds } => {
                let within = Duration::from_millis(u64::from(response_milliseconds.max(1)));
                return self.asked_for_members(now, id, group.into(), within);
            }
            Icmpv6Message::ListenerReport { group } => return self.spare_report(id, group.into()),
            _ => {}
        }
        // RFC 4861 §6.1, §7.1: a hop limit below 255 has crossed a router: forged (hostile 83).
        if arrived.hop_limit != 255 {
            self.counters.discovery_refused += 1;
            return;
        }
        match *message {
            Icmpv6Message::NeighbourSolicitation { target, hardware } => {
                self.input_solicitation(now, id, source, target, hardware);
            }
            Icmpv6Message::NeighbourAdvertisement { solicited, override_cache, target, hardware, .. } => {
                let Some(hardware) = hardware.filter(|_| !target.is_multicast()) else { return };
                let ours = self.interfaces[id.index()].hardware();
                if self.interfaces[id.index()].owns(target.into()) && Some(hardware) != ours {
                    return self.conflict(now, id, target.into(), hardware);
                }
                let solicited = solicited && !arrived.for_many;
                let waiting = self.neighbours.answered(now, (id, target.into()), hardware, solicited, override_cache);
                self.send_waiting(id, hardware, waiting);
            }
            Icmpv6Message::RouterAdvertisement { hop_limit, lifetime_seconds, options, .. }
                if self.settings.autoconfigures && is_link_local(source) =>
            {
                self.input_router(now, id, source, (hop_limit, lifetime_seconds), options);
            }
            _ => {}
        }
    }

    fn input_solicitation(
        &mut self,
        now: Instant,
        id: InterfaceId,
        source: Ipv6Addr,
        target: Ipv6Addr,
        hardware: Option<MacAddress>,
    ) {
        let interface = &self.interfaces[id.index()];
        let Some(ours) = interface.hardware().filter(|_| interface.owns(target.into())) else { return };
        let message = |solicited| Icmpv6Message::NeighbourAdvertisement {
            router: self.settings.forwarding,
            solicited,
            override_cache: true,
            target,
            hardware: Some(ours),
        };
        // RFC 4861 §7.2.4: a question from "::" is duplicate address detection; everybody hears the answer.
        if source.is_unspecified() {
            let everybody = MacAddress::for_multicast(ALL_NODES.into());
            return self.send_discovery(id, everybody, target, ALL_NODES, &message(false));
        }
        let answer = message(true);
        let Some(hardware) = hardware else { return };
        let waiting = self.neighbours.asked_us(now, id, source.into(), hardware);
        self.send_discovery(id, hardware, target, source, &answer);
        self.send_waiting(id, hardware, waiting);
    }

    /// RFC 4861 §6.3.4, RFC 4862 §5.5.3.
    fn input_router(
        &mut self,
        now: Instant,
        id: InterfaceId,
        router: Ipv6Addr,
        (hop_limit, lifetime): (u8, u16),
        options: &[u8],
    ) {
        if hop_limit != 0 {
            self.default_hop_limit = hop_limit;
        }
        if lifetime == 0 {
            self.forget_router(id, router);
        } else {
            let until = now + Duration::from_secs(u64::from(lifetime));
            if self.interfaces[id.index()].note_router(router, until) {
                self.add_default_route(id, router.into());
            }
        }
        let Some(hardware) = self.interfaces[id.index()].hardware() else { return };
        for prefix in Icmpv6Message::prefixes(options) {
            let usable = prefix.autonomous && prefix.length == 64 && prefix.valid_seconds > 0;
            let known = self.interfaces[id.index()].addresses.len();
            if usable && !is_link_local(prefix.prefix) && known < AUTOCONFIGURED_ADDRESSES_MAX {
                let address = with_hardware(prefix.prefix, hardware);
                self.add_address(now, id, Cidr::new(address, 64));
            }
        }
    }

    fn forget_router(&mut self, id: InterfaceId, router: Ipv6Addr) {
        self.interfaces[id.index()].routers.retain(|(known, _)| *known != router);
        self.routes.remove(|route| route.interface == id && route.gateway == Some(router.into()));
    }

    pub(super) fn router_deadline(&self) -> Option<Instant> {
        self.interfaces.iter().flat_map(|interface| interface.routers.iter().map(|(_, until)| *until)).min()
    }

    pub(super) fn expire_routers(&mut self, now: Instant) {
        let expired: Vec<(InterfaceId, Ipv6Addr)> = self
            .interfaces
            .iter()
            .enumerate()
            .flat_map(|(index, interface)| {
                let due = interface.routers.iter().filter(|(_, until)| *until <= now);
                due.map(move |(router, _)| (InterfaceId(index as u16), *router)).collect::<Vec<_>>()
            })
            .collect();
        for (id, router) in expired {
            self.forget_router(id, router);
        }
    }
}

/// RFC 4291 appendix A: the modified EUI-64 of a hardware address under a prefix.
pub(super) fn with_hardware(prefix: Ipv6Addr, MacAddress([a, b, c, d, e, f]): MacAddress) -> Ipv6Addr {
    let mut octets = prefix.octets();
    octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    octets.into()
}
