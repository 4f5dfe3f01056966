//! Multicast groups (RFC 1112, RFC 2236, RFC 2710): who joined what, and telling routers. Owned by [`super::Host`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use edgeway_base::{Entropy, Instant};

use super::input::Arrived;
use super::output::Manner;
use super::{Host, InterfaceId};
use crate::error::HostError;
use crate::limits::MULTICAST_GROUPS_MAX;
use crate::network::route::NextHop;
use crate::packet::Packet;
use crate::wire::Malformed;
use crate::wire::icmpv6::{Icmpv6Message, solicited_node};
use crate::wire::igmp::IgmpMessage;
use crate::wire::ipv4::protocol;

/// RFC 2236 §3: an unsolicited report is repeated once.
const REPEAT: Duration = Duration::from_secs(10);
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

#[derive(Clone, Copy, Debug)]
struct Membership {
    interface: InterfaceId,
    group: IpAddr,
    sockets: u32,
    report_at: Option<Instant>,
}

/// All memberships.
#[derive(Debug, Default)]
pub(super) struct Groups {
    members: Vec<Membership>,
}

impl Groups {
    pub(super) fn is_member(&self, interface: InterfaceId, group: IpAddr) -> bool {
        self.members.iter().any(|member| (member.interface, member.group) == (interface, group))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.members.iter().filter_map(|member| member.report_at).min()
    }
}

impl Host {
    /// A socket joins. The first on the interface makes the host tell the routers.
    pub(super) fn join(&mut self, now: Instant, interface: InterfaceId, group: IpAddr) -> Result<(), HostError> {
        if !group.is_multicast() || self.interfaces.get(interface.index()).is_none() {
            return Err(HostError::BadAddress);
        }
        let found = self.groups.members.iter_mut().find(|each| (each.interface, each.group) == (interface, group));
        if let Some(member) = found {
            member.sockets += 1;
            return Ok(());
        }
        if self.groups.members.len() >= MULTICAST_GROUPS_MAX {
            return Err(HostError::Full);
        }
        let report_at = Some(now + REPEAT);
        self.groups.members.push(Membership { interface, group, sockets: 1, report_at });
        self.report_group(now, interface, group);
        Ok(())
    }

    /// A socket leaves; the last tells the routers.
    pub(super) fn leave(&mut self, now: Instant, interface: InterfaceId, group: IpAddr) {
        let place = |each: &Membership| (each.interface, each.group) == (interface, group);
        let Some(index) = self.groups.members.iter().position(place) else { return };
        self.groups.members[index].sockets -= 1;
        if self.groups.members[index].sockets > 0 {
            return;
        }
        self.groups.members.swap_remove(index);
        match group {
            // RFC 2236 §3: the leave goes to all routers.
            IpAddr::V4(group) => self.send_igmp(now, interface, ALL_ROUTERS, IgmpMessage::Leave { group }),
            IpAddr::V6(group) => {
                self.send_listener(now, interface, ALL_ROUTERS_V6, &Icmpv6Message::ListenerDone { group });
            }
        }
    }

    pub(super) fn report_groups(&mut self, now: Instant) {
        let mut due = Vec::new();
        for member in &mut self.groups.members {
            if member.report_at.is_some_and(|at| at <= now) {
                member.report_at = None;
                due.push((member.interface, member.group));
            }
        }
        for (interface, group) in due {
            self.report_group(now, interface, group);
        }
    }

    fn report_group(&mut self, now: Instant, interface: InterfaceId, group: IpAddr) {
        match group {
            // RFC 2236 §6: the all-hosts group is never reported.
            IpAddr::V4(ALL_HOSTS) | IpAddr::V6(ALL_NODES) => {}
            IpAddr::V4(group) => self.send_igmp(now, interface, group, IgmpMessage::Report { group }),
            IpAddr::V6(group) => self.send_listener(now, interface, group, &Icmpv6Message::ListenerReport { group }),
        }
    }

    fn send_igmp(&mut self, now: Instant, interface: InterfaceId, to: Ipv4Addr, message: IgmpMessage) {
        let Some(source) = self.interfaces[interface.index()].source_towards(to.into(), to.into()) else { return };
        let manner = Manner { protocol: protocol::IGMP, hop_limit: 1, traffic_class: 0xc0, dont_fragment: false };
        let packet = Packet::with_payload(message.encode().to_vec().into());
        let hop = NextHop { interface, neighbour: to.into() };
        self.send_by(now, hop, source, to.into(), manner, packet);
    }

    fn send_listener(&mut self, now: Instant, interface: InterfaceId, to: Ipv6Addr, message: &Icmpv6Message<'_>) {
        let found = self.interfaces[interface.index()].source_towards(to.into(), to.into());
        let Some(IpAddr::V6(source)) = found else { return };
        // RFC 2710 §3: hop limit 1. (Its router alert option only matters to routers that snoop by it.)
        let manner = Manner { protocol: protocol::ICMPV6, hop_limit: 1, traffic_class: 0, dont_fragment: true };
        let packet = Packet::with_payload(message.encode(source, to).into());
        self.send_by(now, NextHop { interface, neighbour: to.into() }, source.into(), to.into(), manner, packet);
    }

    pub(super) fn input_igmp(&mut self, now: Instant, arrived: &Arrived, bytes: &[u8]) -> Result<(), Malformed> {
        let Some(interface) = arrived.interface else { return Ok(()) };
        match IgmpMessage::decode(bytes)? {
            IgmpMessage::Query { group, response_deciseconds } => {
                let within = Duration::from_millis(u64::from(response_deciseconds.max(1)) * 100);
                self.asked_for_members(now, interface, group.into(), within);
            }
            // RFC 2236 §3: another member answered; our report is not needed.
            IgmpMessage::Report { group } => self.spare_report(interface, group.into()),
            IgmpMessage::Leave { .. } => {}
        }
        Ok(())
    }

    /// A querier asks: answer after a random part of the time it gives.
    pub(super) fn asked_for_members(&mut self, now: Instant, interface: InterfaceId, group: IpAddr, within: Duration) {
        for member in self.groups.members.iter_mut().filter(|member| member.interface == interface) {
            if (group.is_unspecified() && member.group.is_ipv4() == group.is_ipv4()) || member.group == group {
                let wait = within * self.entropy.below(1000) / 1000;
                member.report_at = Some(member.report_at.map_or(now + wait, |at| at.min(now + wait)));
            }
        }
    }

    pub(super) fn spare_report(&mut self, interface: InterfaceId, group: IpAddr) {
        let found = self.groups.members.iter_mut().find(|each| (each.interface, each.group) == (interface, group));
        if let Some(member) = found {
            member.report_at = None;
        }
    }

    /// Groups every host is in without joining.
    pub(super) fn always_hears(&self, interface: InterfaceId, group: IpAddr) -> bool {
        match group {
            IpAddr::V4(group) => group == ALL_HOSTS,
            IpAddr::V6(ALL_NODES) => true,
            IpAddr::V6(group) => self.interfaces[interface.index()]
                .addresses
                .iter()
                .any(|cidr| matches!(cidr.address, IpAddr::V6(address) if solicited_node(address) == group)),
        }
    }
}
