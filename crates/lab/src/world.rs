//! The world: hosts, routers and switches, joined by links, in virtual time, from one seed. Called by scenarios and
//! tests; draws nothing and decides nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use edgeway_base::{Entropy, Instant, SeededEntropy};
use edgeway_tcpip::host::HostSettings;
use edgeway_tcpip::tcp::connection::Pair;
use edgeway_tcpip::wire::ethernet::MacAddress;
use edgeway_tcpip::{Cidr, Host, InterfaceId, InterfaceSettings, Packet};

use super::capture::Capture;
use super::link::{Direction, LinkSettings, chance, delays};
use super::queue::Traced;
use super::switch::Switch;
use super::trace::{Arrival, Seen, What};

/// When every world begins.
pub const START: Instant = Instant::from_millis(1_000);
/// In long runs invariants are checked after every so many packets, in traced ones after each.
const CHECK_EVERY: u64 = 256;
/// Bytes kept of a packet of which only headers are captured.
const HEADERS: usize = 96;
/// What is kept of the past for a failure's report.
const LAST_EVENTS: usize = 200;

/// A host, router or switch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub usize);

/// A link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub usize);

enum Machine {
    Host(Box<Host>),
    Switch(Switch),
}

struct Node {
    name: String,
    machine: Machine,
    /// Which link hangs on which port, and whether this node is its second end.
    ports: Vec<(LinkId, bool)>,
}

struct Link {
    settings: LinkSettings,
    ends: [(NodeId, usize); 2],
    directions: [Direction; 2],
    capture: u32,
}

enum Happening {
    /// A packet comes out of a link at this end.
    Arrives(LinkId, usize, Traced),
    /// A link is free for the next packet in this direction.
    Free(LinkId, usize),
}

/// An invariant was broken; everything needed to see it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The world's seed.
    pub seed: u64,
    /// When.
    pub at: Instant,
    /// Which host and what.
    pub what: String,
    /// The last packets before it.
    pub last: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = (self.at - START).as_millis();
        writeln!(formatter, "seed {}: after {millis} ms {}; the last packets were:", self.seed, self.what)?;
        self.last.iter().try_for_each(|line| writeln!(formatter, "  {line}"))
    }
}

impl std::error::Error for Violation {}

/// A world.
pub struct World {
    seed: u64,
    now: Instant,
    nodes: Vec<Node>,
    links: Vec<Link>,
    coming: BTreeMap<(Instant, u64), Happening>,
    order: u64,
    entropy: SeededEntropy,
    capture: Capture,
    seen: Vec<Seen>,
    /// Number of a packet to its place in `seen`.
    index_of: BTreeMap<u64, usize>,
    traced: bool,
    /// Without a trace: capture headers until the capture is this large.
    headers_until: usize,
    last: VecDeque<String>,
}

impl World {
    /// An empty world whose whole future follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now: START,
            nodes: Vec::new(),
            links: Vec::new(),
            coming: BTreeMap::new(),
            order: 0,
            entropy: SeededEntropy::new(seed),
            capture: Capture::new(),
            seen: Vec::new(),
            index_of: BTreeMap::new(),
            traced: true,
            headers_until: 0,
            last: VecDeque::new(),
        }
    }

    /// Keeps no trace and no capture: for long runs of which only the numbers count.
    #[must_use]
    pub const fn untraced(mut self) -> Self {
        self.traced = false;
        self
    }

    /// Captures the headers of every packet until the capture is `bytes` large, even in an untraced world.
    pub const fn capture_headers(&mut self, bytes: usize) {
        self.headers_until = bytes;
    }

    // ---- building ----

    /// Adds a host.
    pub fn add_host(&mut self, name: &str) -> NodeId {
        self.add_host_with(name, HostSettings::default())
    }

    /// Adds a router: a host that forwards.
    pub fn add_router(&mut self, name: &str) -> NodeId {
        self.add_host_with(name, HostSettings { forwarding: true, ..HostSettings::default() })
    }

    /// Adds a host with settings of its own.
    pub fn add_host_with(&mut self, name: &str, settings: HostSettings) -> NodeId {
        let entropy = Box::new(SeededEntropy::new(self.entropy.next_u64()));
        let host = Host::new(self.now, settings, entropy);
        self.add(name, Machine::Host(Box::new(host)))
    }

    /// Adds a switch.
    pub fn add_switch(&mut self, name: &str) -> NodeId {
        self.add(name, Machine::Switch(Switch::default()))
    }

    fn add(&mut self, name: &str, machine: Machine) -> NodeId {
        self.nodes.push(Node { name: name.to_owned(), machine, ports: Vec::new() });
        NodeId(self.nodes.len() - 1)
    }

    /// Joins two nodes; a host gets an Ethernet interface for it, numbered in order of joining.
    pub fn join(&mut self, a: NodeId, b: NodeId, settings: LinkSettings) -> LinkId {
        let id = LinkId(self.links.len());
        let ends = [self.add_port(a, id, false, settings.mtu), self.add_port(b, id, true, settings.mtu)];
        let name = format!("{} - {}", self.nodes[a.0].name, self.nodes[b.0].name);
        let capture = self.capture.add_interface(&name);
        let directions = [Direction::new(&settings), Direction::new(&settings)];
        self.links.push(Link { settings, ends, directions, capture });
        id
    }

    fn add_port(&mut self, node: NodeId, link: LinkId, second: bool, mtu: u32) -> (NodeId, usize) {
        let found = &mut self.nodes[node.0];
        found.ports.push((link, second));
        let port = found.ports.len() - 1;
        if let Machine::Host(host) = &mut found.machine {
            // Locally administered: the node in the fifth byte, its port in the sixth.
            let hardware = MacAddress([2, 0, 0, 0, node.0 as u8, port as u8]);
            host.add_interface(InterfaceSettings { mtu, ..InterfaceSettings::ethernet(hardware) });
        }
        (node, port)
    }

    /// Gives a host's interface an address.
    pub fn address(&mut self, node: NodeId, interface: u16, cidr: Cidr) {
        let now = self.now;
        self.host(node).add_address(now, InterfaceId(interface), cidr);
    }

    /// Changes a link while it lives.
    pub fn change_link(&mut self, link: LinkId, change: impl FnOnce(&mut LinkSettings)) {
        change(&mut self.links[link.0].settings);
    }

    // ---- looking ----

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - START
    }

    /// A node's name.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.0].name
    }

    /// A host.
    ///
    /// # Panics
    /// When the node is a switch.
    pub fn host(&mut self, node: NodeId) -> &mut Host {
        let Node { name, machine, .. } = &mut self.nodes[node.0];
        match machine {
            Machine::Host(host) => host,
            Machine::Switch(_) => panic!("{name} is a switch"),
        }
    }

    /// Every packet a host sent so far.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// The capture so far.
    pub const fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Bytes that wait in front of a link, in the direction in which it was named or the other.
    pub fn queued(&self, link: LinkId, backward: bool) -> usize {
        self.links[link.0].directions[usize::from(backward)].queue.bytes()
    }

    // ---- time ----

    /// Does the next thing that happens by `until`; `false` when there is none.
    pub fn step(&mut self, until: Instant) -> Result<bool, Violation> {
        self.pump()?;
        let arrival = self.coming.keys().next().map(|(at, _)| *at);
        let timer = (0..self.nodes.len()).filter_map(|index| Some((self.timer(index)?, index))).min();
        let next = [arrival, timer.map(|(at, _)| at)].into_iter().flatten().min().filter(|at| *at <= until);
        let Some(next) = next else { return Ok(false) };
        self.now = self.now.max(next);
        if arrival.is_some_and(|at| at <= next) {
            if let Some((_, happening)) = self.coming.pop_first() {
                self.happen(happening);
            }
        } else if let Some((_, index)) = timer {
            let now = self.now;
            if let Machine::Host(host) = &mut self.nodes[index].machine {
                host.handle_timeout(now);
            }
        }
        self.pump()?;
        Ok(true)
    }

    fn timer(&self, index: usize) -> Option<Instant> {
        match &self.nodes[index].machine {
            Machine::Host(host) => host.poll_timeout(),
            Machine::Switch(_) => None,
        }
    }

    /// Lives for `duration`.
    pub fn run(&mut self, duration: Duration) -> Result<(), Violation> {
        self.run_with(duration, |_| {})
    }

    /// Lives for `duration`; `act` is asked after every step.
    pub fn run_with(&mut self, duration: Duration, mut act: impl FnMut(&mut Self)) -> Result<(), Violation> {
        let until = self.now + duration;
        act(self);
        while self.step(until)? {
            act(self);
        }
        self.now = until;
        Ok(())
    }

    /// Takes what every host wants to send; checks every invariant.
    pub fn pump(&mut self) -> Result<(), Violation> {
        for index in 0..self.nodes.len() {
            while let Some((interface, packet)) = self.poll(index) {
                let port = usize::from(interface.0);
                self.order += 1;
                let id = self.order;
                self.note_sent(index, id, &packet);
                self.send(NodeId(index), port, (id, packet));
            }
            let Machine::Host(host) = &self.nodes[index].machine else { continue };
            if !self.traced && !self.order.is_multiple_of(CHECK_EVERY) {
                continue;
            }
            if let Err(what) = host.check() {
                return Err(self.violation(index, &what));
            }
        }
        Ok(())
    }

    fn violation(&self, index: usize, what: &str) -> Violation {
        let what = format!("{}: {what}", self.nodes[index].name);
        Violation { seed: self.seed, at: self.now, what, last: self.last.iter().cloned().collect() }
    }

    fn poll(&mut self, index: usize) -> Option<(InterfaceId, Packet)> {
        match &mut self.nodes[index].machine {
            Machine::Host(host) => host.poll_output(self.now),
            Machine::Switch(_) => None,
        }
    }

    /// Puts a frame on a host's wire that the host did not make: an attacker's, or an old duplicate.
    pub fn forge(&mut self, from: NodeId, frame: Packet) {
        self.order += 1;
        let id = self.order;
        self.note_sent(from.0, id, &frame);
        if let Some(seen) = self.seen.last_mut().filter(|_| self.traced) {
            seen.forged = true;
        }
        self.send(from, 0, (id, frame));
    }

    // ---- links ----

    fn send(&mut self, node: NodeId, port: usize, packet: Traced) {
        let Some(&(id, second)) = self.nodes[node.0].ports.get(port) else { return };
        let way = usize::from(second);
        let link = &mut self.links[id.0];
        if self.traced {
            self.capture.add(link.capture, self.now, packet.1.pieces(), usize::MAX);
        } else if self.capture.bytes().len() < self.headers_until {
            self.capture.add(link.capture, self.now, packet.1.pieces(), HEADERS);
        }
        if let Err(lost) = link.directions[way].queue.push(self.now, packet) {
            return self.note_lost(lost, "queue full");
        }
        self.transmit(id, way);
    }

    /// Sends from the queue as long as the link is free.
    fn transmit(&mut self, id: LinkId, way: usize) {
        loop {
            let link = &mut self.links[id.0];
            let direction = &mut link.directions[way];
            if direction.busy_until > self.now {
                if !std::mem::replace(&mut direction.waking, true) {
                    self.order += 1;
                    let at = (direction.busy_until, self.order);
                    self.coming.insert(at, Happening::Free(id, way));
                }
                return;
            }
            let mut dropped = Vec::new();
            let packet = direction.queue.pop(self.now, &mut dropped);
            for lost in dropped {
                self.note_lost(lost, "dropped by the queue");
            }
            let Some(packet) = packet else { return };
            self.launch(id, way, packet);
        }
    }

    fn launch(&mut self, id: LinkId, way: usize, (number, mut packet): Traced) {
        let link = &mut self.links[id.0];
        let direction = &mut link.directions[way];
        let leaves = self.now + Direction::serialisation(&link.settings, packet.len());
        direction.busy_until = leaves;
        if direction.loses(&link.settings, way == 1, &mut self.entropy) {
            return self.note_lost(number, "lost on the link");
        }
        if chance(&mut self.entropy, link.settings.corrupt) {
            packet = flip_a_bit(&packet, &mut self.entropy);
        }
        for delay in delays(&link.settings, &mut self.entropy) {
            self.order += 1;
            let arrival = Happening::Arrives(id, 1 - way, (number, packet.clone()));
            self.coming.insert((leaves + delay, self.order), arrival);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Free(id, way) => {
                self.links[id.0].directions[way].waking = false;
                self.transmit(id, way);
            }
            Happening::Arrives(id, end, (number, packet)) => {
                let (node, port) = self.links[id.0].ends[end];
                let ports = self.nodes[node.0].ports.len();
                match &mut self.nodes[node.0].machine {
                    Machine::Host(host) => {
                        let frame = self.traced.then(|| packet.to_bytes());
                        host.handle_input(self.now, InterfaceId(port as u16), packet);
                        if let Some(frame) = frame {
                            self.note_arrived(node, number, &frame);
                        }
                    }
                    Machine::Switch(switch) => {
                        let frame = packet.to_bytes();
                        for out in switch.forward(&frame, port, ports) {
                            self.send(node, out, (number, packet.clone()));
                        }
                    }
                }
            }
        }
    }

    // ---- the trace ----

    fn note_sent(&mut self, index: usize, id: u64, packet: &Packet) {
        if !self.traced {
            return;
        }
        let what = What::of_frame(&packet.to_bytes());
        let sender_state = match &what {
            What::Tcp { pair, .. } => self.state(index, pair),
            What::Other { .. } => String::new(),
        };
        if self.last.len() == LAST_EVENTS {
            self.last.pop_front();
        }
        let millis = (self.now - START).as_micros() as f64 / 1000.0;
        self.last.push_back(format!("{millis:.3} ms {} {what:?}", self.nodes[index].name));
        self.seen.push(Seen {
            from: NodeId(index),
            sent_at: self.now,
            sender_state,
            what,
            arrivals: Vec::new(),
            losses: Vec::new(),
            forged: false,
        });
        self.index_of.insert(id, self.seen.len() - 1);
    }

    fn note_arrived(&mut self, node: NodeId, number: u64, frame: &[u8]) {
        let state = match What::of_frame(frame) {
            What::Tcp { pair, .. } => self.state(node.0, &Pair { local: pair.remote, remote: pair.local }),
            What::Other { .. } => String::new(),
        };
        let time = self.now;
        if let Some(seen) = self.seen_by(number) {
            seen.arrivals.push(Arrival { at: node, time, state });
        }
    }

    fn note_lost(&mut self, number: u64, why: &'static str) {
        let now = self.now;
        if let Some(seen) = self.seen_by(number) {
            seen.losses.push((now, why));
        }
    }

    fn seen_by(&mut self, number: u64) -> Option<&mut Seen> {
        let index = *self.index_of.get(&number)?;
        self.seen.get_mut(index)
    }

    fn state(&self, index: usize, pair: &Pair) -> String {
        let Machine::Host(host) = &self.nodes[index].machine else { return String::new() };
        // A router has no state for what it passes on.
        if !host.owns(pair.local.ip()) {
            return String::new();
        }
        match host.tcp().state_of(pair) {
            Some(state) => state.name().to_owned(),
            None if host.tcp().is_listening(pair.local) => "LISTEN".to_owned(),
            None => "CLOSED".to_owned(),
        }
    }
}

fn flip_a_bit(packet: &Packet, entropy: &mut SeededEntropy) -> Packet {
    let mut bytes = packet.to_bytes().to_vec();
    let bit = entropy.below(bytes.len() as u32 * 8);
    if let Some(byte) = bytes.get_mut(bit as usize / 8) {
        *byte ^= 1 << (bit % 8);
    }
    Packet::from_bytes(bytes.into())
}
