//! RFC 4987: a flood of SYNs from addresses that are not there, and cookies against it.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::{Entropy, SeededEntropy};
use edgeway_tcpip::tcp::{ListenerSettings, State, TcpSettings};
use edgeway_tcpip::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use edgeway_tcpip::wire::ipv4::{Ipv4Header, protocol};
use edgeway_tcpip::wire::sequence::SequenceNumber;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};
use edgeway_tcpip::wire::tcp_options::TcpOptions;
use edgeway_tcpip::{Cidr, InterfaceId, Packet};

use super::stage::{PORT, drain, state, text};
use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;
use crate::drawing::plot::{Panel, Plot, Series};
use crate::drawing::terminal;
use crate::link::LinkSettings;
use crate::trace::What;
use crate::world::{NodeId, World};

const SYNS: u32 = 3000;
const SERVER: [u8; 4] = [10, 0, 2, 2];

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut world = World::new(seed);
    let [attacker, client, server, router] = ["attacker", "client 10.0.1.2", "server 10.0.2.2"]
        .map(|name| world.add_host(name))
        .into_iter()
        .chain([world.add_router("router")])
        .collect::<Vec<_>>()[..]
    else {
        return Err(Failure::Story("four hosts were asked for".to_owned()));
    };
    let link = LinkSettings { delay: Duration::from_millis(5), rate: 100_000_000, ..LinkSettings::default() };
    for (index, host) in [(0, attacker), (1, client), (2, server)] {
        world.join(host, router, link.clone());
        world.address(host, 0, Cidr::new([10, 0, index, 2], 24));
        world.address(router, u16::from(index), Cidr::new([10, 0, index, 1], 24));
        world.host(host).add_default_route(InterfaceId(0), IpAddr::from([10, 0, index, 1]));
    }
    // Answers to addresses that nobody has go back where the flood came from, and end there.
    world.host(router).add_default_route(InterfaceId(0), IpAddr::from([10, 0, 0, 2]));
    world.run(Duration::from_millis(100))?;
    let settings = ListenerSettings { port: Some(PORT), ..ListenerSettings::default() };
    let listener = world.host(server).tcp_listen(settings).map_err(|why| Failure::Story(why.to_string()))?;

    let mut entropy = SeededEntropy::new(seed ^ 0x5911);
    let (mut half_open, mut cookies) = (Vec::new(), Vec::new());
    for index in 0..SYNS {
        world.forge(attacker, spoofed(&mut entropy));
        world.run(Duration::from_micros(500))?;
        if index % 20 == 0 {
            let time = world.elapsed().as_secs_f64();
            let tcp = world.host(server).tcp();
            half_open.push((time, tcp.count_in(State::SynReceived, None) as f64));
            cookies.push((time, tcp.counters().cookies_sent as f64));
        }
    }
    let now = world.now();
    let remote = SocketAddr::from((SERVER, PORT));
    let id = world.host(client).tcp_connect(now, remote, None, TcpSettings::default());
    let id = id.map_err(|why| Failure::Story(why.to_string()))?;
    let _ = world.host(client).tcp_write(now, id, &text(300));
    let mut accepted = None;
    let mut received = 0;
    for step in 0..400 {
        // The flood goes on.
        world.forge(attacker, spoofed(&mut entropy));
        world.run(Duration::from_micros(500))?;
        accepted = accepted.or_else(|| world.host(server).tcp_accept(listener));
        if let Some(accepted) = accepted {
            received += drain(&mut world, server, accepted).0;
        }
        if step % 20 == 0 {
            let time = world.elapsed().as_secs_f64();
            let tcp = world.host(server).tcp();
            half_open.push((time, tcp.count_in(State::SynReceived, None) as f64));
            cookies.push((time, tcp.counters().cookies_sent as f64));
        }
    }
    if state(&mut world, client, id) != State::Established || received != 300 {
        return Err(Failure::Story("the honest client did not get in".to_owned()));
    }
    show(&mut world, [client, server], (half_open, cookies), options, out)
}

type Points = Vec<(f64, f64)>;

fn show(
    world: &mut World,
    [client, server]: [NodeId; 2],
    (half_open, cookies): (Points, Points),
    options: Options,
    out: &mut dyn Write,
) -> Result<Artifacts, Failure> {
    let counters = *world.host(server).tcp().counters();
    let ours = |what: &What| match what {
        What::Tcp { pair, .. } => [pair.local, pair.remote].iter().any(|end| end.ip() == IpAddr::from([10, 0, 1, 2])),
        What::Other { .. } => false,
    };
    let mut ladder = Ladder::of(
        world,
        "An honest client in a flood of SYNs",
        "The server remembers nothing of this SYN: its answer's sequence number is a cookie, and the third segment\n\
         brings it back. (Such a connection has neither window scaling nor SACK: the cookie has no room for them.)",
        &[client, server],
        |seen| ours(&seen.what),
    );
    // Two hops: what the router passes on is the same packet to the reader.
    ladder.messages.retain(|message| message.from < 2);
    terminal::write(&ladder, options.colour, out)?;
    writeln!(
        out,
        "{} SYNs, {} answered with cookies, {} of those came back; at most {} half-open connections were kept.",
        SYNS + 400,
        counters.cookies_sent,
        counters.cookies_received,
        half_open.iter().map(|(_, count)| *count as u64).max().unwrap_or(0)
    )?;
    let line = |name: &str, points: Points| Series { name: name.to_owned(), points, steps: true, dots: false };
    let plot = Plot {
        title: "A SYN flood: memory stays bounded".to_owned(),
        subtitle:
            "Two thousand SYNs per second from addresses that do not exist. When 256 wait half open, the server\n\
                   stops remembering and answers with cookies."
                .to_owned(),
        panels: vec![
            Panel {
                label: "half-open connections kept".to_owned(),
                series: vec![line("half-open", half_open)],
                level: Some((256.0, "the limit".to_owned())),
            },
            Panel { label: "cookies sent".to_owned(), series: vec![line("cookies", cookies)], level: None },
        ],
    };
    let mut artifacts = Artifacts::default();
    artifacts.add("syn-flood.svg", ladder.svg());
    artifacts.add("syn-flood-memory.svg", plot.svg());
    artifacts.add("syn-flood.pcapng", world.capture().bytes());
    Ok(artifacts)
}

/// A SYN from an address that nobody has.
fn spoofed(entropy: &mut SeededEntropy) -> Packet {
    let source = std::net::Ipv4Addr::from(0xcb00_7100 + entropy.below(256) + (entropy.below(200) << 16 & 0x000f_0000));
    let header = TcpHeader {
        source_port: 1024 + entropy.below(60_000) as u16,
        destination_port: PORT,
        sequence: SequenceNumber(entropy.next_u32()),
        flags: Flags::SYN,
        window: 1024,
        options: TcpOptions { maximum_segment_size: Some(1460), ..TcpOptions::default() },
        ..TcpHeader::default()
    };
    let encoded = header.encode(source.into(), IpAddr::from(SERVER), Some(b""));
    let ip = Ipv4Header {
        traffic_class: 0,
        total_length: (Ipv4Header::LENGTH + encoded.as_slice().len()) as u16,
        identification: entropy.next_u16(),
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        time_to_live: 64,
        protocol: protocol::TCP,
        source,
        destination: SERVER.into(),
        header_length: Ipv4Header::LENGTH,
        source_routed: false,
    };
    // The attacker is the first node, the router the fourth; its first port leads here.
    let ethernet = EthernetHeader {
        destination: MacAddress([2, 0, 0, 0, 3, 0]),
        source: MacAddress([2, 0, 0, 0, 0, 0]),
        kind: EtherType::Ipv4,
    };
    let mut frame = ethernet.encode().to_vec();
    frame.extend(ip.encode());
    frame.extend(encoded.as_slice());
    Packet::from_bytes(Bytes::from(frame))
}
