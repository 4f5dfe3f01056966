//! A host: interfaces, routes, neighbours and sockets, driven by five verbs. The same machine answers a TAP
//! device, the lab's links and the fuzzer.
//!
//! ```text
//! device -> handle_input -> link -> ip -> udp | tcp | icmp -> poll_event -> application
//! device <- poll_output  <- link <- ip <- udp | tcp | icmp <- calls      <- application
//! ```
//!
//! `input` reads what arrives, `output` routes what leaves, `icmp` speaks of errors and
//! echoes, `discovery` of neighbours and routers, `tcp_calls` and `udp_calls` are the application's side.

mod discovery;
mod forward;
mod groups;
mod icmp;
mod input;
mod interface;
mod output;
mod tcp_calls;
mod udp_calls;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use edgeway_base::{Entropy, Instant};

use self::groups::Groups;
use self::interface::Interface;
pub use self::interface::{InterfaceId, InterfaceSettings, Medium};
use crate::limits::{ICMP_ERROR_BURST, ICMP_ERRORS_PER_SECOND, OUTPUT_QUEUE_MAX};
use crate::network::cidr::Cidr;
use crate::network::neighbour::Neighbours;
use crate::network::path_mtu::PathMtus;
use crate::network::reassembly::Reassembly;
use crate::network::route::{Route, Routes};
use crate::packet::Packet;
use crate::tcp::endpoint::{Endpoint, TcpEvent};
use crate::tcp::token_bucket::TokenBucket;
use crate::udp::{UdpId, UdpTable};
use crate::wire::ethernet::MacAddress;

/// How a host behaves as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostSettings {
    /// Passes on packets for others: a router.
    pub forwarding: bool,
    /// Answers echo requests.
    pub answers_echo: bool,
    /// Takes every packet as its own, whatever its destination: a gateway that ends connections for others.
    pub any_destination: bool,
    /// Learns routers and addresses from router advertisements (RFC 4862).
    pub autoconfigures: bool,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { forwarding: false, answers_echo: true, any_destination: false, autoconfigures: false }
    }
}

/// Something the application may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// About TCP.
    Tcp(TcpEvent),
    /// A datagram can be read.
    UdpReadable(UdpId),
    /// A datagram of this connected socket was refused at the other side.
    UdpRefused(UdpId),
    /// An echo was answered.
    EchoReply {
        /// By whom.
        from: IpAddr,
        /// Which asker.
        identifier: u16,
        /// Which question.
        sequence: u16,
    },
    /// Somebody else on the link claims one of our addresses (RFC 5227).
    AddressConflict {
        /// Where.
        interface: InterfaceId,
        /// Which.
        address: IpAddr,
        /// Who.
        hardware: MacAddress,
    },
}

/// What was dropped, and why; tests assert on these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HostCounters {
    /// Packets that arrived.
    pub received: u64,
    /// Packets that left.
    pub sent: u64,
    /// Packets passed on.
    pub forwarded: u64,
    /// A header that made no sense or whose checksum was wrong.
    pub malformed: u64,
    /// From an address that cannot be a source.
    pub bad_source: u64,
    /// Not for us.
    pub not_ours: u64,
    /// A source route, which is refused.
    pub source_routed: u64,
    /// Fragments refused.
    pub fragments_refused: u64,
    /// Datagrams put together.
    pub reassembled: u64,
    /// No route.
    pub unroutable: u64,
    /// No neighbour answered.
    pub neighbour_unreachable: u64,
    /// ICMP errors sent.
    pub icmp_errors_sent: u64,
    /// ICMP errors not sent for want of budget.
    pub icmp_errors_withheld: u64,
    /// Packets dropped because the output queue was full.
    pub output_overflows: u64,
    /// Neighbour discovery from beyond the link, or a claim nobody asked for.
    pub discovery_refused: u64,
}

/// A host.
pub struct Host {
    settings: HostSettings,
    interfaces: Vec<Interface>,
    routes: Routes,
    neighbours: Neighbours,
    path_mtus: PathMtus,
    reassembly: Reassembly,
    groups: Groups,
    tcp: Endpoint,
    udp: UdpTable,
    icmp_errors: TokenBucket,
    output: VecDeque<(InterfaceId, Packet)>,
    loopback: VecDeque<Packet>,
    events: VecDeque<Event>,
    identification: u32,
    default_hop_limit: u8,
    entropy: Box<dyn Entropy + Send>,
    counters: HostCounters,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Host").field("interfaces", &self.interfaces).finish_non_exhaustive()
    }
}

impl Host {
    /// A host without interfaces.
    pub fn new(now: Instant, settings: HostSettings, mut entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            settings,
            interfaces: Vec::new(),
            routes: Routes::default(),
            neighbours: Neighbours::default(),
            path_mtus: PathMtus::default(),
            reassembly: Reassembly::default(),
            groups: Groups::default(),
            tcp: Endpoint::new(now, entropy.as_mut()),
            udp: UdpTable::new(),
            icmp_errors: TokenBucket::new(now, ICMP_ERROR_BURST, ICMP_ERRORS_PER_SECOND),
            output: VecDeque::new(),
            loopback: VecDeque::new(),
            events: VecDeque::new(),
            identification: entropy.next_u32(),
            default_hop_limit: 64,
            entropy,
            counters: HostCounters::default(),
        }
    }

    // ---- the five verbs ----

    /// A packet arrived on `interface`. Input while [`Host::poll_output`] still has something is fine; what does
    /// not fit into the bounds is dropped and counted.
    pub fn handle_input(&mut self, now: Instant, interface: InterfaceId, packet: Packet) {
        self.counters.received += 1;
        self.input_frame(now, interface, packet);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tcp.handle_timeout(now);
        for expired in self.reassembly.expire(now) {
            self.tell_reassembly_timeout(now, &expired);
        }
        for task in self.neighbours.expire(now) {
            self.do_neighbour_task(now, task);
        }
        self.report_groups(now);
        self.expire_routers(now);
    }

    /// The next packet to send, and by which interface. A device that cannot take it keeps it and asks again
    /// later: nothing is taken from sockets before it is asked for.
    pub fn poll_output(&mut self, now: Instant) -> Option<(InterfaceId, Packet)> {
        loop {
            if let Some(out) = self.output.pop_front() {
                self.counters.sent += 1;
                return Some(out);
            }
            if let Some(packet) = self.loopback.pop_front() {
                self.input_loopback(now, packet);
                continue;
            }
            let (routes, interfaces) = (&self.routes, &self.interfaces);
            let emitted = self.tcp.poll_output(now, |pair| {
                let hop = routes.find(pair.remote.ip());
                hop.is_some_and(|hop| interfaces[hop.interface.index()].settings.super_segments)
            })?;
            self.send_tcp(now, emitted);
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.tcp.poll_event().map(Event::Tcp))
    }

    /// When [`Host::handle_timeout`] wants to be called; it may be a little early, never late.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.tcp.poll_timeout(),
            self.reassembly.deadline(),
            self.neighbours.deadline(),
            self.groups.deadline(),
            self.router_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    // ---- interfaces and routes ----

    /// Adds an interface.
    pub fn add_interface(&mut self, settings: InterfaceSettings) -> InterfaceId {
        let id = InterfaceId(self.interfaces.len() as u16);
        self.interfaces.push(Interface::new(settings));
        id
    }

    /// Gives an interface an address: its prefix becomes reachable, and on Ethernet the link is told (RFC 5227
    /// §2.3, RFC 4861 §7.2.6).
    pub fn add_address(&mut self, now: Instant, interface: InterfaceId, cidr: Cidr) {
        let Some(found) = self.interfaces.get_mut(interface.index()) else { return };
        if found.addresses.contains(&cidr) {
            return;
        }
        found.addresses.push(cidr);
        self.routes.add(Route { destination: cidr, gateway: None, interface, metric: 0 });
        self.announce_address(now, interface, cidr.address);
    }

    /// Takes an address away. Connections that used it end by themselves: nothing from it leaves any more.
    pub fn remove_address(&mut self, interface: InterfaceId, address: IpAddr) {
        let Some(found) = self.interfaces.get_mut(interface.index()) else { return };
        let gone: Vec<Cidr> = found.addresses.iter().filter(|cidr| cidr.address == address).copied().collect();
        found.addresses.retain(|cidr| cidr.address != address);
        for cidr in gone {
            self.routes
                .remove(|route| route.interface == interface && route.destination == cidr && route.gateway.is_none());
        }
    }

    /// Adds a route.
    pub fn add_route(&mut self, route: Route) {
        self.routes.add(route);
    }

    /// Adds a default route through `gateway`.
    pub fn add_default_route(&mut self, interface: InterfaceId, gateway: IpAddr) {
        let any = if gateway.is_ipv4() { Cidr::new([0; 4], 0) } else { Cidr::new([0_u16; 8], 0) };
        self.routes.add(Route { destination: any, gateway: Some(gateway), interface, metric: 0 });
    }

    /// All routes.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// Writes a neighbour by hand.
    pub fn pin_neighbour(&mut self, interface: InterfaceId, address: IpAddr, hardware: MacAddress) {
        self.neighbours.pin(interface, address, hardware);
    }

    /// The neighbour cache.
    pub const fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Changes an interface's MTU while it lives; connections follow.
    pub fn set_mtu(&mut self, now: Instant, interface: InterfaceId, mtu: u32) {
        let Some(found) = self.interfaces.get_mut(interface.index()) else { return };
        found.settings.mtu = mtu;
        let remotes: Vec<IpAddr> = self.tcp.connections().map(|(_, each)| each.pair().remote.ip()).collect();
        for remote in remotes {
            if let Some(size) = self.path_size(now, remote) {
                self.tcp.set_path_segment_size(now, remote, size.path);
            }
        }
    }

    /// An interface's settings.
    pub fn interface(&self, id: InterfaceId) -> Option<&InterfaceSettings> {
        self.interfaces.get(id.index()).map(|interface| &interface.settings)
    }

    /// An interface's addresses.
    pub fn addresses(&self, id: InterfaceId) -> &[Cidr] {
        self.interfaces.get(id.index()).map(|interface| interface.addresses.as_slice()).unwrap_or_default()
    }

    /// Whether `address` is one of ours.
    pub fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.interfaces.iter().any(|each| each.owns(address))
    }

    /// What was counted.
    pub const fn counters(&self) -> &HostCounters {
        &self.counters
    }

    /// Forgets every path MTU learnt.
    pub fn forget_path_mtus(&mut self) {
        self.path_mtus.clear();
    }

    /// All of TCP, to look at.
    pub const fn tcp(&self) -> &Endpoint {
        &self.tcp
    }

    /// All of TCP, for what has no call of its own here.
    pub const fn tcp_mut(&mut self) -> &mut Endpoint {
        &mut self.tcp
    }

    /// The invariants of everything, for the lab and the fuzzer.
    pub fn check(&self) -> Result<(), String> {
        self.tcp.check()
    }

    /// Our address for talking to `destination`. RFC 6724's rules that matter to a host with few addresses: same
    /// address, then the prefix of the next hop, then the same scope.
    fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        if self.owns(destination) {
            return Some(destination);
        }
        let hop = self.routes.find(destination)?;
        self.interfaces.get(hop.interface.index())?.source_towards(hop.neighbour, destination)
    }

    fn enqueue(&mut self, interface: InterfaceId, packet: Packet) {
        if self.output.len() >= OUTPUT_QUEUE_MAX {
            self.counters.output_overflows += 1;
            return;
        }
        self.output.push_back((interface, packet));
    }

    fn is_usable(&self, address: SocketAddr) -> bool {
        !address.ip().is_multicast() && !address.ip().is_unspecified() && address.port() != 0
    }
}
