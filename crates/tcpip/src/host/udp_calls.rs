//! The application's side of UDP: to one, to many (multicast), to all (broadcast).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use edgeway_base::{Entropy, Instant};

use super::output::Manner;
use super::{Host, InterfaceId};
use crate::error::HostError;
use crate::network::route::NextHop;
use crate::packet::Packet;
use crate::udp::{Datagram, UdpId, UdpSettings};
use crate::wire::ipv4::protocol;
use crate::wire::udp::UdpHeader;

impl Host {
    /// Binds a socket: to one of our addresses, or `None` for all; port zero for an ephemeral one. `shared`: several
    /// sockets may have the port.
    pub fn udp_bind(&mut self, address: Option<IpAddr>, port: u16, shared: bool) -> Result<UdpId, HostError> {
        if address.is_some_and(|address| !self.owns(address) && !address.is_multicast()) {
            return Err(HostError::BadAddress);
        }
        let chance = self.entropy.next_u16();
        self.udp.bind((address, port), shared, chance)
    }

    /// Talks and listens to `peer` only, and hears of its refusals.
    pub fn udp_connect(&mut self, id: UdpId, peer: SocketAddr) -> Result<(), HostError> {
        self.udp.get_mut(id).ok_or(HostError::NoSocket)?.peer = Some(peer);
        Ok(())
    }

    /// Changes a socket's settings.
    pub fn udp_configure(&mut self, id: UdpId, change: impl FnOnce(&mut UdpSettings)) -> Result<(), HostError> {
        change(&mut self.udp.get_mut(id).ok_or(HostError::NoSocket)?.settings);
        Ok(())
    }

    /// Hears what is sent to `group` on `interface`.
    pub fn udp_join(
        &mut self,
        now: Instant,
        id: UdpId,
        interface: InterfaceId,
        group: IpAddr,
    ) -> Result<(), HostError> {
        let socket = self.udp.get(id).ok_or(HostError::NoSocket)?;
        if socket.groups.contains(&(interface, group)) {
            return Ok(());
        }
        self.join(now, interface, group)?;
        if let Some(socket) = self.udp.get_mut(id) {
            socket.groups.push((interface, group));
        }
        Ok(())
    }

    /// Hears it no longer.
    pub fn udp_leave(&mut self, now: Instant, id: UdpId, interface: InterfaceId, group: IpAddr) {
        let Some(socket) = self.udp.get_mut(id) else { return };
        let before = socket.groups.len();
        socket.groups.retain(|known| *known != (interface, group));
        if socket.groups.len() < before {
            self.leave(now, interface, group);
        }
    }

    /// Sends a datagram; `None` sends to the connected peer.
    pub fn udp_send(
        &mut self,
        now: Instant,
        id: UdpId,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> Result<(), HostError> {
        let socket = self.udp.get(id).ok_or(HostError::NoSocket)?;
        let to = to.or(socket.peer).ok_or(HostError::BadAddress)?;
        let (settings, port, bound, groups) = (socket.settings, socket.port, socket.address, socket.groups.clone());
        if to.port() == 0 || to.ip().is_unspecified() {
            return Err(HostError::BadAddress);
        }
        let headers = if to.is_ipv4() { 28 } else { 8 };
        // Hostile 84: 65,507 bytes over IPv4, 65,527 over IPv6.
        if payload.len() > 65_535 - headers {
            return Err(HostError::TooLong);
        }
        let hop = self.hop_towards(&settings, to.ip())?;
        let broadcast = self.interfaces[hop.interface.index()].is_broadcast(to.ip());
        if broadcast && !settings.broadcast {
            return Err(HostError::BroadcastNotAllowed);
        }
        let source = self.udp_source(bound, hop, to.ip())?;
        let for_many = broadcast || to.ip().is_multicast();
        let length = (UdpHeader::LENGTH + payload.len()) as u16;
        let header = UdpHeader { source_port: port, destination_port: to.port(), length, checksum: 0 };
        let mut packet = Packet::with_payload(Bytes::copy_from_slice(payload));
        packet.prepend(&header.encode(source, to.ip(), payload));
        let hop_limit = if to.ip().is_multicast() { settings.group_hop_limit } else { settings.hop_limit };
        let manner = Manner { protocol: protocol::UDP, hop_limit, traffic_class: 0, dont_fragment: false };
        if to.ip().is_multicast() && settings.group_loopback && groups.contains(&(hop.interface, to.ip())) {
            self.hear_ourselves(hop.interface, SocketAddr::new(source, port), to, payload);
        }
        if for_many {
            self.send_by(now, hop, source, to.ip(), manner, packet);
        } else {
            self.send_ip(now, source, to.ip(), manner, packet);
        }
        Ok(())
    }

    fn hop_towards(&self, settings: &UdpSettings, to: IpAddr) -> Result<NextHop, HostError> {
        let limited = matches!(to, IpAddr::V4(address) if address.is_broadcast());
        if to.is_multicast() || limited {
            // RFC 1112 §6.1: by the interface asked for, else by the default route, else by the first there is.
            let default = || self.routes.find(to).map(|hop| hop.interface);
            let first = || (!self.interfaces.is_empty()).then_some(InterfaceId(0));
            let interface = settings.group_interface.or_else(default).or_else(first).ok_or(HostError::NoRoute)?;
            return Ok(NextHop { interface, neighbour: to });
        }
        if self.owns(to) {
            return Ok(NextHop { interface: InterfaceId(0), neighbour: to });
        }
        self.routes.find(to).ok_or(HostError::NoRoute)
    }

    fn udp_source(&self, bound: Option<IpAddr>, hop: NextHop, to: IpAddr) -> Result<IpAddr, HostError> {
        if let Some(bound) = bound.filter(|bound| !bound.is_multicast()) {
            return Ok(bound);
        }
        if self.owns(to) {
            return Ok(to);
        }
        let found = self.interfaces.get(hop.interface.index()).and_then(|each| each.source_towards(hop.neighbour, to));
        found.ok_or(HostError::NoRoute)
    }

    /// Members on this host hear what this host sends to their group.
    fn hear_ourselves(&mut self, interface: InterfaceId, source: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        let (news, _) = self.udp.deliver(&Datagram { source, destination: to, interface, payload }, true);
        self.events.extend(news.into_iter().map(super::Event::UdpReadable));
    }

    /// Takes the next datagram.
    pub fn udp_receive(&mut self, id: UdpId) -> Option<Datagram> {
        self.udp.get_mut(id)?.receive()
    }

    /// Whether a datagram of this connected socket was refused since last asked.
    pub fn udp_take_refusal(&mut self, id: UdpId) -> bool {
        self.udp.get_mut(id).is_some_and(|socket| std::mem::take(&mut socket.error))
    }

    /// The socket's port.
    pub fn udp_port(&self, id: UdpId) -> Option<u16> {
        self.udp.get(id).map(|socket| socket.port)
    }

    /// Closes a socket and leaves its groups.
    pub fn udp_close(&mut self, now: Instant, id: UdpId) {
        let Some(socket) = self.udp.close(id) else { return };
        for (interface, group) in socket.groups {
            self.leave(now, interface, group);
        }
    }

    /// How many UDP sockets there are.
    pub fn udp_sockets(&self) -> usize {
        self.udp.len()
    }
}
