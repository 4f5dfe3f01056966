//! One interface: its medium, MTU and addresses. Owned by [`super::Host`].

use std::net::{IpAddr, Ipv6Addr};

use edgeway_base::Instant;

use crate::limits::ADVERTISED_ROUTERS_MAX;
use crate::network::cidr::{Cidr, is_link_local};
use crate::wire::ethernet::MacAddress;

/// Which interface, in the order they were added.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct InterfaceId(pub u16);

impl InterfaceId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the interface is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// Packets without a link header (TUN).
    Ip,
    /// Ethernet frames (TAP).
    Ethernet(MacAddress),
}

/// How an interface behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceSettings {
    /// Its medium.
    pub medium: Medium,
    /// Largest IP packet, in bytes.
    pub mtu: u32,
    /// The device takes TCP super-segments (and cuts them itself, or never needs to).
    pub super_segments: bool,
    /// The device fills in transport checksums.
    pub checksum_offload: bool,
}

impl InterfaceSettings {
    /// Ethernet with an MTU of 1500.
    pub const fn ethernet(hardware: MacAddress) -> Self {
        Self { medium: Medium::Ethernet(hardware), mtu: 1500, super_segments: false, checksum_offload: false }
    }

    /// IP only, with an MTU of 1500.
    pub const fn ip() -> Self {
        Self { medium: Medium::Ip, mtu: 1500, super_segments: false, checksum_offload: false }
    }
}

#[derive(Debug)]
pub(super) struct Interface {
    pub(super) settings: InterfaceSettings,
    pub(super) addresses: Vec<Cidr>,
    /// Default routers learnt from advertisements, and until when.
    pub(super) routers: Vec<(Ipv6Addr, Instant)>,
    /// When a conflict was last reported and defended (RFC 5227 §2.4: not more than every ten seconds).
    pub(super) defended_at: Option<Instant>,
}

impl Interface {
    pub(super) const fn new(settings: InterfaceSettings) -> Self {
        Self { settings, addresses: Vec::new(), routers: Vec::new(), defended_at: None }
    }

    pub(super) const fn hardware(&self) -> Option<MacAddress> {
        match self.settings.medium {
            Medium::Ip => None,
            Medium::Ethernet(hardware) => Some(hardware),
        }
    }

    pub(super) fn owns(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|cidr| cidr.address == address)
    }

    /// Whether a packet to `address` is for everybody on this link. RFC 1122 §3.3.6.
    pub(super) fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address else { return false };
        address.is_broadcast() || self.addresses.iter().any(|cidr| cidr.broadcast() == Some(address))
    }

    pub(super) fn source_towards(&self, neighbour: IpAddr, destination: IpAddr) -> Option<IpAddr> {
        let family = |cidr: &&Cidr| cidr.address.is_ipv4() == destination.is_ipv4();
        let scope = |address: IpAddr| matches!(address, IpAddr::V6(address) if is_link_local(address));
        let candidates = || self.addresses.iter().filter(family);
        let wanted = scope(destination);
        candidates()
            .find(|cidr| cidr.contains(neighbour) && scope(cidr.address) == wanted)
            .or_else(|| candidates().find(|cidr| scope(cidr.address) == wanted))
            .or_else(|| candidates().next())
            .map(|cidr| cidr.address)
    }

    /// Notes a default router; returns whether it is new. Hostile 83: a flood of routers is cut off.
    pub(super) fn note_router(&mut self, router: Ipv6Addr, until: Instant) -> bool {
        if let Some(known) = self.routers.iter_mut().find(|(address, _)| *address == router) {
            known.1 = until;
            return false;
        }
        let room = self.routers.len() < ADVERTISED_ROUTERS_MAX;
        if room {
            self.routers.push((router, until));
        }
        room
    }
}
