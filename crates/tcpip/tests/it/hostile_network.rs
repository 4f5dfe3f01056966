//! Hostile input beneath TCP: 77-79, 83-85.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use edgeway_base::{Instant, SeededEntropy};
use edgeway_tcpip::host::{Event, HostSettings};
use edgeway_tcpip::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use edgeway_tcpip::wire::icmpv4::Icmpv4Message;
use edgeway_tcpip::wire::icmpv6::Icmpv6Message;
use edgeway_tcpip::wire::ipv4::protocol;
use edgeway_tcpip::wire::ipv6::Ipv6Header;
use edgeway_tcpip::wire::udp::UdpHeader;
use edgeway_tcpip::{Host, HostError, InterfaceSettings, Packet};

use crate::forge::ipv4;
use crate::world::{LINK, World, host, ip};

const NOW: Instant = Instant::from_millis(1_000_000);

fn outputs(host: &mut Host) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| host.poll_output(NOW)).map(|(_, packet)| packet.to_bytes().to_vec()).collect()
}

fn echo() -> Vec<u8> {
    Icmpv4Message::EchoRequest { identifier: 1, sequence: 1, data: b"x" }.encode()
}

#[test]
fn hostile_079_echoes_to_broadcast_are_not_answered() {
    let mut host = host(NOW, 1, InterfaceSettings::ip());
    outputs(&mut host);
    for (to, answers) in [("10.0.0.255", 0), ("255.255.255.255", 0), ("224.0.0.1", 0), ("10.0.0.1", 1)] {
        host.handle_input(NOW, LINK, ipv4(ip(2), to.parse().unwrap(), protocol::ICMP, 0, &echo()));
        assert_eq!(outputs(&mut host).len(), answers, "{to}");
    }
}

#[test]
fn hostile_078_no_error_about_an_error_and_never_more_than_the_budget() {
    let mut host = host(NOW, 1, InterfaceSettings::ip());
    outputs(&mut host);
    let udp = |port: u16| {
        let header = UdpHeader { source_port: 9, destination_port: port, length: 8, checksum: 0 };
        header.encode(ip(2), ip(1), b"").to_vec()
    };
    let quoted = ipv4(ip(1), ip(2), protocol::UDP, 0, &udp(1)).to_bytes();
    let error = Icmpv4Message::DestinationUnreachable { code: 3, next_hop_mtu: 0, quoted: &quoted }.encode();
    host.handle_input(NOW, LINK, ipv4(ip(2), ip(1), protocol::ICMP, 0, &error));
    assert!(outputs(&mut host).is_empty());
    host.handle_input(NOW, LINK, ipv4(ip(2), ip(1), 99, 0, b"unknown"));
    assert_eq!(outputs(&mut host).len(), 1, "an unknown protocol is told");
    let mut answers = 0;
    for port in 1..5000 {
        host.handle_input(NOW, LINK, ipv4(ip(2), ip(1), protocol::UDP, 0, &udp(port)));
        answers += outputs(&mut host).len();
    }
    assert!(answers <= 50, "{answers}");
    assert!(host.counters().icmp_errors_withheld > 4000);
}

#[test]
fn hostile_084_closed_ports_groups_large_and_empty_datagrams() {
    let mut world = World::new();
    let sender = world.hosts[0].udp_bind(None, 4000, false).unwrap();
    let receiver = world.hosts[1].udp_bind(None, 5000, false).unwrap();
    let to = |port| Some(SocketAddr::new(ip(2), port));
    world.hosts[0].udp_connect(sender, SocketAddr::new(ip(2), 5001)).unwrap();
    world.hosts[0].udp_send(world.now, sender, None, b"anybody?").unwrap();
    world.run(Duration::from_millis(100));
    assert!(world.hosts[0].udp_take_refusal(sender), "port unreachable");
    for size in [0, 1, 1472, 1473, 20_000, 65_507] {
        let now = world.now;
        world.hosts[0].udp_send(now, sender, to(5000), &vec![7; size]).unwrap();
        world.run(Duration::from_millis(100));
        let datagram = world.hosts[1].udp_receive(receiver).unwrap();
        assert_eq!(datagram.payload, vec![7; size], "{size}");
    }
    let now = world.now;
    assert_eq!(world.hosts[0].udp_send(now, sender, to(5000), &vec![0; 65_508]), Err(HostError::TooLong));
    let all = Some(SocketAddr::from(([10, 0, 0, 255], 5000)));
    assert_eq!(world.hosts[0].udp_send(now, sender, all, b"x"), Err(HostError::BroadcastNotAllowed));
}

#[test]
fn hostile_084_groups_are_joined_left_and_heard_by_ourselves_if_wanted() {
    let mut world = World::new();
    let group: IpAddr = "239.9.9.9".parse().unwrap();
    let sockets = [0, 1].map(|index: usize| world.hosts[index].udp_bind(None, 5000, true).unwrap());
    let now = world.now;
    for (host, socket) in world.hosts.iter_mut().zip(sockets) {
        host.udp_join(now, socket, LINK, group).unwrap();
    }
    let heard = |world: &mut World, sent: bool| {
        let now = world.now;
        if sent {
            world.hosts[0].udp_configure(sockets[0], |socket| socket.group_interface = Some(LINK)).unwrap();
            world.hosts[0].udp_send(now, sockets[0], Some(SocketAddr::new(group, 5000)), b"all").unwrap();
        }
        world.run(Duration::from_millis(100));
        [0, 1].map(|index: usize| world.hosts[index].udp_receive(sockets[index]).is_some())
    };
    assert_eq!(heard(&mut world, true), [true, true]);
    world.hosts[0].udp_configure(sockets[0], |socket| socket.group_loopback = false).unwrap();
    assert_eq!(heard(&mut world, true), [false, true]);
    let now = world.now;
    world.hosts[1].udp_leave(now, sockets[1], LINK, group);
    assert_eq!(heard(&mut world, true), [false, false]);
}

#[test]
fn hostile_083_discovery_from_beyond_the_link_and_a_flood_of_routers() {
    let hardware = MacAddress([2, 0, 0, 0, 0, 1]);
    let settings = HostSettings { autoconfigures: true, ..HostSettings::default() };
    let mut host = Host::new(NOW, settings, Box::new(SeededEntropy::new(1)));
    let link = host.add_interface(InterfaceSettings::ethernet(hardware));
    host.add_address(NOW, link, "fe80::1/64".parse().unwrap());
    outputs(&mut host);
    let advertise = |host: &mut Host, router: Ipv6Addr, hop_limit: u8, lifetime_seconds: u16| {
        let to: Ipv6Addr = "ff02::1".parse().unwrap();
        let message = Icmpv6Message::RouterAdvertisement {
            hop_limit: 64,
            lifetime_seconds,
            mtu: None,
            hardware: None,
            options: &[],
        };
        let body = message.encode(router, to);
        let header = Ipv6Header {
            traffic_class: 0,
            flow_label: 0,
            payload_length: body.len() as u16,
            next_header: protocol::ICMPV6,
            hop_limit,
            source: router,
            destination: to,
        };
        let ethernet = EthernetHeader {
            destination: MacAddress::for_multicast(to.into()),
            source: MacAddress([2, 0, 0, 0, 0, 9]),
            kind: EtherType::Ipv6,
        };
        let mut frame = ethernet.encode().to_vec();
        frame.extend(header.encode());
        frame.extend(body);
        host.handle_input(NOW, link, Packet::from_bytes(frame.into()));
        host.routes().filter(|route| route.gateway.is_some()).count()
    };
    let router = |last: u16| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, last);
    assert_eq!(advertise(&mut host, router(1), 254, 600), 0, "crossed a router");
    assert_eq!(advertise(&mut host, router(1), 255, 600), 1);
    assert_eq!(advertise(&mut host, router(1), 255, 0), 0, "a lifetime of zero takes it back");
    for index in 0..1000 {
        advertise(&mut host, router(index), 255, 600);
    }
    assert_eq!(host.routes().filter(|route| route.gateway.is_some()).count(), 8, "bounded");
}

#[test]
fn hostile_085_a_time_to_live_of_one_ends_at_the_router_and_loops_die() {
    let settings = HostSettings { forwarding: true, ..HostSettings::default() };
    let mut router = Host::new(NOW, settings, Box::new(SeededEntropy::new(1)));
    let link = router.add_interface(InterfaceSettings::ip());
    router.add_address(NOW, link, "10.0.0.1/24".parse().unwrap());
    // A routing loop: everything goes back where it came from.
    router.add_default_route(link, ip(2));
    let mut bytes = ipv4(ip(2), "8.8.8.8".parse().unwrap(), protocol::UDP, 0, &[0; 8]).to_bytes().to_vec();
    let mut hops = 0;
    loop {
        router.handle_input(NOW, link, Packet::from_bytes(bytes.clone().into()));
        let mut out = outputs(&mut router);
        assert_eq!(out.len(), 1);
        bytes = out.remove(0);
        if bytes[9] == protocol::ICMP {
            break;
        }
        hops += 1;
    }
    assert_eq!((hops, bytes[20], bytes[21]), (63, 11, 0), "time exceeded");
    let mut elsewhere = Host::new(NOW, settings, Box::new(SeededEntropy::new(1)));
    let link = elsewhere.add_interface(InterfaceSettings::ip());
    elsewhere.add_address(NOW, link, "10.0.0.1/24".parse().unwrap());
    elsewhere.handle_input(NOW, link, ipv4(ip(2), "8.8.8.8".parse().unwrap(), protocol::UDP, 0, &[0; 8]));
    assert_eq!(outputs(&mut elsewhere)[0][20..22], [3, 0], "no route");
}

#[test]
fn echoes_are_answered_over_both_versions() {
    let mut world = World::new();
    for to in ["10.0.0.2", "fd00::2"] {
        let to: IpAddr = to.parse().unwrap();
        assert!(world.hosts[0].send_echo(world.now, to, 3, 4, &[9; 3000]));
        world.run(Duration::from_millis(100));
        let reply = Event::EchoReply { from: to, identifier: 3, sequence: 4 };
        assert_eq!(world.hosts[0].poll_event(), Some(reply), "{to}: and fragments both ways");
    }
}

#[test]
fn hostile_004_ethernet_padding_is_ignored_and_missing_bytes_are_malformed() {
    let mut host = host(NOW, 1, InterfaceSettings::ip());
    outputs(&mut host);
    let mut padded = ipv4(ip(2), ip(1), protocol::ICMP, 0, &echo()).to_bytes().to_vec();
    padded.extend([0; 18]);
    host.handle_input(NOW, LINK, Packet::from_bytes(padded.clone().into()));
    assert_eq!(outputs(&mut host).len(), 1);
    host.handle_input(NOW, LINK, Packet::from_bytes(padded[..padded.len() - 20].to_vec().into()));
    assert_eq!((outputs(&mut host).len(), host.counters().malformed), (0, 1));
}

#[test]
fn any_bytes_at_all_are_survived() {
    let mut entropy = SeededEntropy::new(5);
    for medium in [InterfaceSettings::ip(), InterfaceSettings::ethernet(MacAddress([2, 0, 0, 0, 0, 1]))] {
        let mut host = host(NOW, 1, medium);
        let whole = ipv4(ip(2), ip(1), protocol::TCP, 0, &[0x50; 40]).to_bytes();
        for _ in 0..20_000 {
            let mut bytes = whole.to_vec();
            for _ in 0..edgeway_base::Entropy::below(&mut entropy, 6) {
                let at = edgeway_base::Entropy::below(&mut entropy, bytes.len() as u32) as usize;
                bytes[at] = edgeway_base::Entropy::next_u16(&mut entropy) as u8;
            }
            bytes.truncate(edgeway_base::Entropy::below(&mut entropy, bytes.len() as u32 + 1) as usize);
            host.handle_input(NOW, LINK, Packet::from_bytes(bytes.into()));
            outputs(&mut host);
        }
        host.check().unwrap();
    }
}
