//! RFC 5681, RFC 9438 and BBR: two flows share a bottleneck.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use edgeway_tcpip::tcp::{CongestionAlgorithm, ListenerSettings, TcpId, TcpSettings};
use edgeway_tcpip::{Cidr, InterfaceId};

use super::stage::{PORT, drain, feed};
use super::{Artifacts, Failure, Options};
use crate::drawing::plot::{Panel, Plot, Series};
use crate::link::LinkSettings;
use crate::queue::QueueSettings;
use crate::world::{LinkId, NodeId, World};

const SECONDS: u64 = 40;
/// Seconds that do not count: both flows are there after five.
const SETTLED: f64 = 10.0;
const RATE: u64 = 20_000_000;
/// Bytes of capture kept: the first seconds.
const CAPTURED: usize = 4 << 20;
const DELAY: Duration = Duration::from_millis(20);
/// Bandwidth-delay product: 20 Mbit/s * 40 ms.
const PRODUCT: usize = 100_000;

pub(super) fn run(seed: u64, _options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    use CongestionAlgorithm::{Bbr, Cubic, Reno};
    let mut artifacts = Artifacts::default();
    writeln!(out, "Two flows share 20 Mbit/s, round trip 40 ms, a queue of one bandwidth-delay product; the second")?;
    writeln!(out, "begins five seconds later. Goodput after the first ten of forty seconds:\n")?;
    writeln!(out, "{:<18} {:>12} {:>12} {:>10} {:>12}", "", "first", "second", "fairness", "mean queue")?;
    for laws in [[Cubic, Cubic], [Reno, Reno], [Cubic, Reno], [Cubic, Bbr], [Reno, Bbr], [Bbr, Bbr]] {
        let name = format!("{}-{}", word(laws[0]).to_lowercase(), word(laws[1]).to_lowercase());
        let result = share(seed, laws, SECONDS)?;
        let [a, b] = result.goodput;
        // Jain's index: 1 when both get the same.
        let fairness = (a + b).powi(2) / (2.0 * (a * a + b * b)).max(1.0);
        let label = format!("{} and {}", word(laws[0]), word(laws[1]));
        let (a, b) = (a / 1e6, b / 1e6);
        writeln!(out, "{label:<18} {a:>7.2} Mbit/s {b:>7.2} Mbit/s {fairness:>7.3} {:>9.1} kB", result.queue / 1e3)?;
        artifacts.add(format!("congestion-{name}.svg"), result.plot.svg());
        if laws == [Cubic, Reno] {
            artifacts.add("congestion.pcapng", result.capture);
        }
    }
    Ok(artifacts)
}

const fn word(law: CongestionAlgorithm) -> &'static str {
    match law {
        CongestionAlgorithm::Cubic => "CUBIC",
        CongestionAlgorithm::Reno => "Reno",
        CongestionAlgorithm::Bbr => "BBR",
    }
}

pub(super) struct Shared {
    /// Bits per second.
    pub(super) goodput: [f64; 2],
    queue: f64,
    plot: Plot,
    capture: Vec<u8>,
}

struct Flow {
    node: NodeId,
    id: Option<TcpId>,
    accepted: Option<TcpId>,
    remaining: usize,
    received: u64,
    window: Vec<(f64, f64)>,
    rate: Vec<(f64, f64)>,
    counted: u64,
    late: u64,
}

/// Two clients, a router, a slow link, a server.
pub(super) fn share(seed: u64, laws: [CongestionAlgorithm; 2], seconds: u64) -> Result<Shared, Failure> {
    let mut world = World::new(seed).untraced();
    world.capture_headers(CAPTURED);
    let clients = [world.add_host("first"), world.add_host("second")];
    let router = world.add_router("router");
    let server = world.add_host("server");
    let fast = LinkSettings { rate: 1_000_000_000, ..LinkSettings::default() };
    for (index, client) in clients.into_iter().enumerate() {
        let net = index as u8 + 1;
        world.join(client, router, fast.clone());
        world.address(client, 0, Cidr::new([10, 0, net, 2], 24));
        world.address(router, u16::from(net) - 1, Cidr::new([10, 0, net, 1], 24));
        world.host(client).add_default_route(InterfaceId(0), [10, 0, net, 1].into());
    }
    let queue = QueueSettings::DropTail { bytes: PRODUCT };
    let bottleneck = LinkSettings { rate: RATE, delay: DELAY, queue, ..LinkSettings::default() };
    let slow = world.join(router, server, bottleneck);
    world.address(router, 2, Cidr::new([10, 0, 3, 1], 24));
    world.address(server, 0, Cidr::new([10, 0, 3, 2], 24));
    world.host(server).add_default_route(InterfaceId(0), [10, 0, 3, 1].into());
    play(world, clients, server, slow, laws, seconds)
}

fn play(
    mut world: World,
    clients: [NodeId; 2],
    server: NodeId,
    slow: LinkId,
    laws: [CongestionAlgorithm; 2],
    seconds: u64,
) -> Result<Shared, Failure> {
    let story = |why: edgeway_tcpip::HostError| Failure::Story(why.to_string());
    let mut listeners = Vec::new();
    for port in [PORT, PORT + 1] {
        let settings = ListenerSettings { port: Some(port), ..ListenerSettings::default() };
        listeners.push(world.host(server).tcp_listen(settings).map_err(story)?);
    }
    let mut flows: Vec<Flow> = clients
        .into_iter()
        .map(|node| Flow {
            node,
            id: None,
            accepted: None,
            remaining: usize::MAX / 2,
            received: 0,
            window: Vec::new(),
            rate: Vec::new(),
            counted: 0,
            late: 0,
        })
        .collect();
    let mut queue = Vec::new();
    let step = Duration::from_millis(50);
    for tick in 0..seconds * 20 {
        for (index, flow) in flows.iter_mut().enumerate() {
            if tick == index as u64 * 100 {
                let now = world.now();
                let remote = SocketAddr::from(([10, 0, 3, 2], PORT + index as u16));
                let settings = TcpSettings { congestion: laws[index], ..TcpSettings::default() };
                flow.id = Some(world.host(flow.node).tcp_connect(now, remote, None, settings).map_err(story)?);
            }
        }
        world.run_with(step, |world| {
            for (flow, listener) in flows.iter_mut().zip(&listeners) {
                flow.accepted = flow.accepted.or_else(|| world.host(server).tcp_accept(*listener));
                if let Some(id) = flow.id {
                    feed(world, flow.node, id, &mut flow.remaining);
                }
                if let Some(id) = flow.accepted {
                    flow.received += drain(world, server, id).0 as u64;
                }
            }
        })?;
        let time = world.elapsed().as_secs_f64();
        queue.push((time, world.queued(slow, false) as f64 / 1e3));
        for flow in &mut flows {
            sample(&mut world, flow, time, tick);
        }
    }
    let goodput = [0, 1].map(|index: usize| flows[index].late as f64 * 8.0 / (seconds as f64 - SETTLED));
    let mean = queue.iter().map(|(_, kilobytes)| kilobytes * 1e3).sum::<f64>() / queue.len().max(1) as f64;
    let plot = picture(laws, &flows, queue);
    Ok(Shared { goodput, queue: mean, plot, capture: world.capture().bytes().to_vec() })
}

fn sample(world: &mut World, flow: &mut Flow, time: f64, tick: u64) {
    if let Some(info) = flow.id.and_then(|id| world.host(flow.node).tcp_info(id)) {
        flow.window.push((time, info.snd_cwnd as f64 / 1e3));
    }
    if tick % 10 == 9 {
        flow.rate.push((time, (flow.received - flow.counted) as f64 * 8.0 / 0.5 / 1e6));
        if time > SETTLED {
            flow.late += flow.received - flow.counted;
        }
        flow.counted = flow.received;
    }
}

fn picture(laws: [CongestionAlgorithm; 2], flows: &[Flow], queue: Vec<(f64, f64)>) -> Plot {
    let names = if laws[0] == laws[1] {
        [format!("{} (first)", word(laws[0])), format!("{} (second)", word(laws[1]))]
    } else {
        laws.map(|law| word(law).to_owned())
    };
    let series = |pick: fn(&Flow) -> Vec<(f64, f64)>| -> Vec<Series> {
        let named = flows.iter().zip(&names);
        named.map(|(flow, name)| Series { name: name.clone(), points: pick(flow), steps: false, dots: false }).collect()
    };
    Plot {
        title: format!("{} and {} share a link", word(laws[0]), word(laws[1])),
        subtitle: "20 Mbit/s, round trip 40 ms, a drop-tail queue of one bandwidth-delay product (100 kB).\n\
                   The second flow begins after five seconds."
            .to_owned(),
        panels: vec![
            Panel {
                label: "congestion window, kB".to_owned(),
                series: series(|flow| flow.window.clone()),
                level: Some((PRODUCT as f64 / 1e3, "bandwidth-delay product".to_owned())),
            },
            Panel {
                label: "goodput, Mbit/s".to_owned(),
                series: series(|flow| flow.rate.clone()),
                level: Some((RATE as f64 / 2e6, "half of the link".to_owned())),
            },
            Panel {
                label: "queue at the bottleneck, kB".to_owned(),
                series: vec![Series { name: "queue".to_owned(), points: queue, steps: true, dots: false }],
                level: None,
            },
        ],
    }
}
