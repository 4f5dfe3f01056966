//! UDP sockets (RFC 768, RFC 1122 §4.1): who gets a datagram, and what waits to be read. Called by
//! [`crate::host`], which checks headers and sends.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::arena::{Arena, Key};
use crate::error::HostError;
use crate::host::InterfaceId;
use crate::limits::{EPHEMERAL_COUNT, EPHEMERAL_FIRST, UDP_QUEUE_BYTES_MAX, UDP_QUEUE_MAX};

/// A UDP socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct UdpId(pub(crate) Key);

/// A datagram that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// From whom.
    pub source: SocketAddr,
    /// To which of our addresses, or to which group.
    pub destination: SocketAddr,
    /// By which interface.
    pub interface: InterfaceId,
    /// Its content.
    pub payload: Bytes,
}

/// What a socket may be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UdpSettings {
    /// Hops for datagrams to one host.
    pub hop_limit: u8,
    /// Hops for datagrams to a group. RFC 1112 §6.1: 1 unless asked otherwise.
    pub group_hop_limit: u8,
    /// Hear one's own datagrams to groups one has joined.
    pub group_loopback: bool,
    /// May send to broadcast addresses.
    pub broadcast: bool,
    /// Out of which interface group and limited-broadcast datagrams go; `None`: the default route's.
    pub group_interface: Option<InterfaceId>,
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self { hop_limit: 64, group_hop_limit: 1, group_loopback: true, broadcast: false, group_interface: None }
    }
}

/// One socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) settings: UdpSettings,
    pub(crate) groups: Vec<(InterfaceId, IpAddr)>,
    queue: VecDeque<Datagram>,
    queued: usize,
    reported: bool,
    shared: bool,
    pub(crate) error: bool,
}

/// All sockets.
#[derive(Debug)]
pub(crate) struct UdpTable {
    sockets: Arena<UdpSocket>,
    by_port: HashMap<u16, Vec<Key>>,
    pub(crate) overflows: u64,
}

impl UdpTable {
    pub(crate) fn new() -> Self {
        Self { sockets: Arena::new(), by_port: HashMap::new(), overflows: 0 }
    }

    /// Binds; port zero takes an ephemeral one, starting at `chance`. With `shared` several sockets may have one
    /// port, each hearing what is for a group (as SO_REUSEADDR allows for multicast).
    pub(crate) fn bind(&mut self, at: (Option<IpAddr>, u16), shared: bool, chance: u16) -> Result<UdpId, HostError> {
        let (address, mut port) = at;
        if port == 0 {
            port = (0..EPHEMERAL_COUNT)
                .map(|step| EPHEMERAL_FIRST + chance.wrapping_add(step) % EPHEMERAL_COUNT)
                .find(|port| !self.by_port.contains_key(port))
                .ok_or(HostError::NoPorts)?;
        }
        let taken = self.on_port(port).any(|(_, other)| other.address == address && !(shared && other.shared));
        if taken {
            return Err(HostError::AddressInUse);
        }
        let key = self.sockets.insert(UdpSocket {
            address,
            port,
            peer: None,
            settings: UdpSettings::default(),
            groups: Vec::new(),
            queue: VecDeque::new(),
            queued: 0,
            reported: false,
            shared,
            error: false,
        });
        self.by_port.entry(port).or_default().push(key);
        Ok(UdpId(key))
    }

    pub(crate) fn close(&mut self, id: UdpId) -> Option<UdpSocket> {
        let socket = self.sockets.remove(id.0)?;
        if let Some(keys) = self.by_port.get_mut(&socket.port) {
            keys.retain(|key| *key != id.0);
            if keys.is_empty() {
                self.by_port.remove(&socket.port);
            }
        }
        Some(socket)
    }

    pub(crate) fn get(&self, id: UdpId) -> Option<&UdpSocket> {
        self.sockets.get(id.0)
    }

    pub(crate) fn get_mut(&mut self, id: UdpId) -> Option<&mut UdpSocket> {
        self.sockets.get_mut(id.0)
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    fn on_port(&self, port: u16) -> impl Iterator<Item = (Key, &UdpSocket)> {
        let keys = self.by_port.get(&port).map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter_map(|key| Some((*key, self.sockets.get(*key)?)))
    }

    /// Gives a datagram to its socket, or to every socket that wants it when it is for a group. Returns who has
    /// news, and whether anybody took it.
    pub(crate) fn deliver(&mut self, datagram: &Datagram, for_many: bool) -> (Vec<UdpId>, bool) {
        let mut wanting: Vec<(u8, Key)> = self
            .on_port(datagram.destination.port())
            .filter_map(|(key, socket)| Some((socket.wants(datagram, for_many)?, key)))
            .collect();
        if !for_many {
            // The most specific socket wins: connected, then bound to the address, then to all.
            wanting.sort_by_key(|(specific, _)| std::cmp::Reverse(*specific));
            wanting.truncate(1);
        }
        let mut news = Vec::new();
        for (_, key) in &wanting {
            let Some(socket) = self.sockets.get_mut(*key) else { continue };
            if socket.queue.len() >= UDP_QUEUE_MAX || socket.queued + datagram.payload.len() > UDP_QUEUE_BYTES_MAX {
                self.overflows += 1;
                continue;
            }
            socket.queued += datagram.payload.len();
            socket.queue.push_back(datagram.clone());
            if !std::mem::replace(&mut socket.reported, true) {
                news.push(UdpId(*key));
            }
        }
        (news, !wanting.is_empty())
    }

    /// The connected socket between these ends, to be told of an ICMP error.
    pub(crate) fn refused(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<UdpId> {
        let key = self.on_port(local.port()).find(|(_, socket)| socket.peer == Some(remote))?.0;
        self.sockets.get_mut(key)?.error = true;
        Some(UdpId(key))
    }
}

impl UdpSocket {
    /// How specifically the socket is meant; `None`: not at all.
    fn wants(&self, datagram: &Datagram, for_many: bool) -> Option<u8> {
        let destination = datagram.destination.ip();
        if self.peer.is_some_and(|peer| peer != datagram.source) {
            return None;
        }
        if destination.is_multicast() && !self.groups.contains(&(datagram.interface, destination)) {
            return None;
        }
        let bound = self.address == Some(destination);
        // A broadcast reaches sockets bound to no address (or to the broadcast address itself).
        if !bound && self.address.is_some() && !(for_many && destination.is_multicast()) {
            return None;
        }
        Some(u8::from(bound) + 2 * u8::from(self.peer.is_some()))
    }

    pub(crate) fn receive(&mut self) -> Option<Datagram> {
        let datagram = self.queue.pop_front();
        match &datagram {
            Some(datagram) => self.queued -= datagram.payload.len(),
            None => {
                self.reported = false;
                self.queue = VecDeque::new();
            }
        }
        datagram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: InterfaceId = InterfaceId(0);

    fn datagram(destination: &str, payload: usize) -> Datagram {
        let (source, destination) = ("10.0.0.9:9".parse().unwrap(), destination.parse().unwrap());
        Datagram { source, destination, interface: LINK, payload: vec![0; payload].into() }
    }

    #[test]
    fn hostile_084_the_most_specific_socket_gets_it_and_groups_go_to_all_members() {
        let mut table = UdpTable::new();
        let any = table.bind((None, 53), true, 0).unwrap();
        let bound = table.bind((Some("10.0.0.1".parse().unwrap()), 53), true, 0).unwrap();
        let member = table.bind((None, 53), true, 0).unwrap();
        let group: IpAddr = "239.1.1.1".parse().unwrap();
        table.get_mut(member).unwrap().groups.push((LINK, group));
        table.get_mut(any).unwrap().groups.push((LINK, group));
        assert_eq!(table.deliver(&datagram("10.0.0.1:53", 0), false), (vec![bound], true));
        assert_eq!(table.deliver(&datagram("239.1.1.1:53", 0), true), (vec![any, member], true));
        assert_eq!(table.deliver(&datagram("239.9.9.9:53", 0), true), (vec![], false), "not joined");
        assert_eq!(table.deliver(&datagram("10.0.0.1:54", 0), false), (vec![], false), "nobody there");
        assert_eq!(table.bind((None, 53), false, 0), Err(HostError::AddressInUse));
        assert_eq!(table.get_mut(bound).unwrap().receive().unwrap().payload.len(), 0, "empty datagrams count");
    }

    #[test]
    fn the_queue_is_bounded_by_number_and_bytes() {
        for (size, kept) in [(0, UDP_QUEUE_MAX), (60_000, 3)] {
            let mut table = UdpTable::new();
            let socket = table.bind((None, 53), false, 0).unwrap();
            for _ in 0..1000 {
                table.deliver(&datagram("10.0.0.1:53", size), false);
            }
            let socket = table.get_mut(socket).unwrap();
            let got = std::iter::from_fn(|| socket.receive()).count();
            assert_eq!((got, table.overflows as usize), (kept, 1000 - kept));
        }
    }

    #[test]
    fn hostile_087_ephemeral_ports_run_out_with_an_error() {
        let mut table = UdpTable::new();
        for chance in 0..EPHEMERAL_COUNT {
            table.bind((None, 0), false, chance).unwrap();
        }
        assert_eq!(table.bind((None, 0), false, 777), Err(HostError::NoPorts));
    }
}
