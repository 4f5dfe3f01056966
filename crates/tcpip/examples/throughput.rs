//! How fast two hosts talk in one process, through no device at all: packets of MTU 1500 with SACK and timestamps,
//! checksums computed and verified. Prints Gbit/s for one flow, for super-segments, with idle connections beside
//! it, and connections set up and closed per second; seconds are processor time.
//!
//! `cargo run --release -p edgeway-tcpip --example throughput`

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::{Instant, SeededEntropy};
use edgeway_tcpip::host::HostSettings;
use edgeway_tcpip::tcp::{ListenerId, ListenerSettings, State, TcpId, TcpSettings};
use edgeway_tcpip::{Host, InterfaceId, InterfaceSettings};

const LINK: InterfaceId = InterfaceId(0);
const BUFFER: usize = 512 << 10;

/// Time this thread was on a processor, so that a busy machine does not spoil the figure.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or(0))
}

struct Pair {
    now: Instant,
    client: Host,
    server: Host,
    packets: u64,
}

impl Pair {
    fn new(interface: InterfaceSettings) -> Self {
        let now = Instant::from_millis(1_000_000);
        let host = |last: u8| {
            let mut host = Host::new(now, HostSettings::default(), Box::new(SeededEntropy::new(u64::from(last))));
            let link = host.add_interface(interface);
            host.add_address(now, link, edgeway_tcpip::Cidr::new([10, 0, 0, last], 24));
            host
        };
        Self { now, client: host(1), server: host(2), packets: 0 }
    }

    /// Carries everything both ways until both are silent.
    fn carry(&mut self) {
        loop {
            let mut moved = false;
            while let Some((_, packet)) = self.client.poll_output(self.now) {
                self.server.handle_input(self.now, LINK, packet);
                self.packets += 1;
                moved = true;
            }
            while let Some((_, packet)) = self.server.poll_output(self.now) {
                self.client.handle_input(self.now, LINK, packet);
                self.packets += 1;
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    fn tick(&mut self, duration: Duration) {
        self.now += duration;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        self.carry();
    }

    fn listen(&mut self) -> ListenerId {
        let settings =
            ListenerSettings { port: Some(80), tcp: settings(), backlog: 4096, ..ListenerSettings::default() };
        self.server.tcp_listen(settings).expect("the port is free")
    }

    fn connect(&mut self, listener: ListenerId) -> (TcpId, TcpId) {
        let server = SocketAddr::from(([10, 0, 0, 2], 80));
        let client = self.client.tcp_connect(self.now, server, None, settings()).expect("there is a port");
        self.carry();
        let accepted = self.server.tcp_accept(listener).expect("the handshake is over");
        while self.client.poll_event().is_some() || self.server.poll_event().is_some() {}
        (client, accepted)
    }
}

fn settings() -> TcpSettings {
    TcpSettings { send_buffer: BUFFER, receive_buffer: BUFFER, receive_buffer_max: BUFFER, ..TcpSettings::default() }
}

fn main() {
    let plain = InterfaceSettings::ip();
    flow("MTU 1500, checksums on, no copies at the ends", plain, 0, true);
    for (what, interface) in [
        ("MTU 1500, checksums on", plain),
        ("MTU 1500, checksums left to the device", InterfaceSettings { checksum_offload: true, ..plain }),
        ("super-segments, checksums on", InterfaceSettings { super_segments: true, ..plain }),
        ("super-segments, checksums off", InterfaceSettings { super_segments: true, checksum_offload: true, ..plain }),
    ] {
        flow(what, interface, 0, false);
    }
    for idle in [1_000, 10_000, 100_000] {
        flow(&format!("MTU 1500 beside {idle} idle connections"), plain, idle, false);
    }
    for idle in [0, 10_000] {
        connections(idle);
    }
}

/// One flow; without copies, the application hands over and takes reference-counted pieces.
fn flow(what: &str, interface: InterfaceSettings, idle: usize, uncopied: bool) {
    let mut pair = Pair::new(interface);
    let listener = pair.listen();
    make_idle(&mut pair, idle);
    let (client, server) = pair.connect(listener);
    let chunk = Bytes::from(vec![7_u8; 64 << 10]);
    let mut sink = vec![0; 64 << 10];
    let (mut received, start) = (0_u64, cpu_time());
    pair.packets = 0;
    while cpu_time() - start < Duration::from_secs(2) {
        if uncopied {
            while pair.client.tcp_write_bytes(pair.now, client, chunk.clone()).is_ok_and(|whole| whole) {}
        } else {
            while pair.client.tcp_write(pair.now, client, &chunk).is_ok_and(|count| count == chunk.len()) {}
        }
        pair.carry();
        while uncopied && let Ok(Some(piece)) = pair.server.tcp_read_bytes(pair.now, server, usize::MAX) {
            received += piece.len() as u64;
        }
        while let Ok(Some(count @ 1..)) = pair.server.tcp_read(pair.now, server, &mut sink) {
            received += count as u64;
        }
        pair.carry();
        while pair.client.poll_event().is_some() || pair.server.poll_event().is_some() {}
        pair.tick(Duration::from_micros(50));
    }
    let seconds = (cpu_time() - start).as_secs_f64();
    let gigabits = received as f64 * 8.0 / seconds / 1e9;
    let megapackets = pair.packets as f64 / seconds / 1e6;
    println!("{what:<45} {gigabits:>7.2} Gbit/s {megapackets:>6.2} Mpps");
}

/// Connections to other ports, so that ephemeral ports do not run out.
fn make_idle(pair: &mut Pair, count: usize) {
    let mut port = 1000;
    let mut listener = None;
    for index in 0..count {
        if index % 10_000 == 0 {
            port += 1;
            let settings = ListenerSettings { port: Some(port), tcp: settings(), ..ListenerSettings::default() };
            listener = pair.server.tcp_listen(settings).ok();
        }
        let server = SocketAddr::from(([10, 0, 0, 2], port));
        let id = pair.client.tcp_connect(pair.now, server, None, settings()).expect("there is a port");
        pair.carry();
        let accepted = listener.and_then(|listener| pair.server.tcp_accept(listener));
        assert!(accepted.is_some() && pair.client.tcp_connection(id).is_some_and(|c| c.state() == State::Established));
        while pair.client.poll_event().is_some() || pair.server.poll_event().is_some() {}
    }
}

fn connections(idle: usize) {
    let mut pair = Pair::new(InterfaceSettings::ip());
    let listener = pair.listen();
    make_idle(&mut pair, idle);
    let (mut count, start) = (0_u64, cpu_time());
    while cpu_time() - start < Duration::from_secs(2) {
        for _ in 0..100 {
            let (client, server) = pair.connect(listener);
            let _ = pair.client.tcp_write(pair.now, client, b"x");
            pair.carry();
            let mut byte = [0; 1];
            let _ = pair.server.tcp_read(pair.now, server, &mut byte);
            // The server closes last, so that the client's port is the one that waits.
            pair.client.tcp_close(pair.now, client);
            pair.carry();
            pair.server.tcp_close(pair.now, server);
            pair.carry();
            count += 1;
        }
        // TIME-WAIT would hold the port for a minute; time flies.
        pair.tick(Duration::from_secs(2));
    }
    let rate = count as f64 / (cpu_time() - start).as_secs_f64();
    println!("connections beside {idle:>6} idle {rate:>38.0} /s");
}
