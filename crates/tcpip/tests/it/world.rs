//! Two hosts and a wire between them, in virtual time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use edgeway_base::{Entropy, Instant, SeededEntropy};
use edgeway_tcpip::host::HostSettings;
use edgeway_tcpip::tcp::{ListenerId, ListenerSettings, State, TcpError, TcpId, TcpInfo, TcpSettings};
use edgeway_tcpip::{Host, InterfaceId, InterfaceSettings, Packet};

pub(crate) const LINK: InterfaceId = InterfaceId(0);

/// What happens to a packet on the wire: how often it arrives, and how late.
pub(crate) type Fate = Box<dyn FnMut(usize, &Packet, &mut SeededEntropy) -> Vec<Duration>>;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) hosts: [Host; 2],
    pub(crate) fate: Fate,
    pub(crate) entropy: SeededEntropy,
    wire: VecDeque<(Instant, u64, usize, Packet)>,
    order: u64,
    pub(crate) carried: u64,
}

pub(crate) fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

pub(crate) fn host(now: Instant, last: u8, settings: InterfaceSettings) -> Host {
    let mut host = Host::new(now, HostSettings::default(), Box::new(SeededEntropy::new(u64::from(last))));
    let interface = host.add_interface(settings);
    host.add_address(now, interface, format!("10.0.0.{last}/24").parse().unwrap());
    host.add_address(now, interface, format!("fd00::{last}/64").parse().unwrap());
    host
}

impl World {
    /// Hosts 10.0.0.1 and 10.0.0.2, 10 ms apart.
    pub(crate) fn new() -> Self {
        Self::with(InterfaceSettings::ip())
    }

    pub(crate) fn with(settings: InterfaceSettings) -> Self {
        let now = Instant::from_millis(1_000_000);
        Self {
            now,
            hosts: [host(now, 1, settings), host(now, 2, settings)],
            fate: Box::new(|_, _, _| vec![Duration::from_millis(10)]),
            entropy: SeededEntropy::new(99),
            wire: VecDeque::new(),
            order: 0,
            carried: 0,
        }
    }

    /// Loses this share (per thousand) at random.
    pub(crate) fn lossy(mut self, delay: Duration, per_mille: u32) -> Self {
        self.fate = Box::new(move |_, _, entropy| if entropy.below(1000) < per_mille { vec![] } else { vec![delay] });
        self
    }

    fn collect(&mut self) {
        for from in 0..2 {
            while let Some((_, packet)) = self.hosts[from].poll_output(self.now) {
                self.carried += 1;
                for delay in (self.fate)(from, &packet, &mut self.entropy) {
                    self.order += 1;
                    let entry = (self.now + delay, self.order, 1 - from, packet.clone());
                    let at = self.wire.partition_point(|(due, order, ..)| (*due, *order) <= (entry.0, entry.1));
                    self.wire.insert(at, entry);
                }
            }
            self.hosts[from].check().unwrap();
        }
    }

    /// Does the next thing, but nothing after `until`. `false`: nothing to do before then.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        self.collect();
        let deliveries = self.wire.front().map(|(due, ..)| *due);
        let timers = self.hosts.iter().filter_map(Host::poll_timeout).min();
        let next = match (deliveries, timers) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => match a.or(b) {
                Some(next) => next,
                None => return false,
            },
        };
        if next > until {
            self.now = until;
            return false;
        }
        self.now = self.now.max(next);
        while self.wire.front().is_some_and(|(due, ..)| *due <= self.now) {
            let (_, _, to, packet) = self.wire.pop_front().unwrap();
            self.hosts[to].handle_input(self.now, LINK, packet);
        }
        for host in &mut self.hosts {
            if host.poll_timeout().is_some_and(|at| at <= self.now) {
                host.handle_timeout(self.now);
            }
        }
        self.collect();
        true
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until `done`, at most `limit`; says whether it was done.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            if !self.step(until) {
                return done(self);
            }
        }
    }

    pub(crate) fn listen(&mut self, host: usize, settings: TcpSettings) -> ListenerId {
        let settings = ListenerSettings { port: Some(80), tcp: settings, ..ListenerSettings::default() };
        self.hosts[host].tcp_listen(settings).unwrap()
    }

    pub(crate) fn connect(&mut self, settings: TcpSettings) -> TcpId {
        self.hosts[0].tcp_connect(self.now, SocketAddr::new(ip(2), 80), None, settings).unwrap()
    }

    /// Client on host 0, server on host 1, both established.
    pub(crate) fn connected(&mut self, client: TcpSettings, server: TcpSettings) -> (TcpId, TcpId) {
        let listener = self.listen(1, server);
        let client = self.connect(client);
        let mut accepted = None;
        let done = self.run_until(Duration::from_secs(200), |world| {
            accepted = accepted.or_else(|| world.hosts[1].tcp_accept(listener));
            accepted.is_some() && world.state(0, client) == State::Established
        });
        assert!(done, "the handshake ends");
        (client, accepted.unwrap())
    }

    pub(crate) fn pair(&mut self) -> (TcpId, TcpId) {
        self.connected(TcpSettings::default(), TcpSettings::default())
    }

    pub(crate) fn state(&self, host: usize, id: TcpId) -> State {
        self.hosts[host].tcp_connection(id).map_or(State::Closed, |connection| connection.state())
    }

    pub(crate) fn info(&self, host: usize, id: TcpId) -> TcpInfo {
        self.hosts[host].tcp_info(id).unwrap()
    }

    pub(crate) fn error(&self, host: usize, id: TcpId) -> Option<TcpError> {
        self.hosts[host].tcp_connection(id).and_then(|connection| connection.error())
    }

    /// Sends `total` bytes of a known pattern from `from` (on host 0 or 1) to the other; checks every byte.
    /// Returns how long it took.
    pub(crate) fn transfer(
        &mut self,
        sender: usize,
        ids: (TcpId, TcpId),
        total: usize,
        limit: Duration,
    ) -> Option<Duration> {
        let (from, to) = if sender == 0 { ids } else { (ids.1, ids.0) };
        let receiver = 1 - sender;
        let (mut written, mut read) = (0_usize, 0_usize);
        let start = self.now;
        let mut buffer = vec![0; 65_536];
        let done = self.run_until(limit, |world| {
            while written < total {
                let piece: Vec<u8> = (written..total.min(written + 16_384)).map(pattern).collect();
                let count = world.hosts[sender].tcp_write(world.now, from, &piece).unwrap();
                written += count;
                if count < piece.len() {
                    break;
                }
            }
            while let Ok(Some(count @ 1..)) = world.hosts[receiver].tcp_read(world.now, to, &mut buffer) {
                for (index, byte) in buffer[..count].iter().enumerate() {
                    assert_eq!(*byte, pattern(read + index), "byte {}", read + index);
                }
                read += count;
            }
            read == total
        });
        done.then(|| self.now - start)
    }

    /// Everything closed and forgotten: no connection, no TIME-WAIT, no timer.
    pub(crate) fn assert_empty(&mut self) {
        self.run(Duration::from_secs(1000));
        for host in &self.hosts {
            let (connections, time_waits, _) = host.tcp().census();
            assert_eq!((connections, time_waits), (0, 0));
        }
    }
}

pub(crate) fn pattern(position: usize) -> u8 {
    (position.wrapping_mul(31) >> 3) as u8
}
