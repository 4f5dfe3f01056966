//! Hostile input before a connection stands: 5, 6, 13, 16-30.

use std::net::SocketAddr;
use std::time::Duration;

use edgeway_tcpip::tcp::{EcnMode, ListenerSettings, State, TcpError, TcpSettings};
use edgeway_tcpip::wire::tcp::Flags;
use edgeway_tcpip::wire::tcp_options::TcpOptions;

use crate::forge::{ACK, Bench, RST, SYN};
use crate::world::{World, ip};

fn plain() -> TcpSettings {
    TcpSettings::default()
}

#[test]
fn hostile_005_every_combination_of_flags_in_every_state() {
    for flags in 0..=255 {
        let flags = Flags(flags);
        for payload in [&b""[..], b"data"] {
            let mut closed = Bench::new();
            closed.send(flags, 0, 5, payload);
            let answers = closed.all();
            assert!(answers.len() <= 1 && answers.iter().all(|out| out.header.flags.has(RST)));
            assert!(!flags.has(RST) || answers.is_empty(), "a reset is never answered");
            let mut listening = Bench::listening(plain());
            listening.send(flags, 0, 5, payload);
            assert!(listening.all().len() <= 1);
            let (mut sent, _, _) = Bench::connecting(plain());
            sent.send(flags, 0, 1, payload);
            assert!(sent.all().len() <= 2);
            let (mut bench, id) = Bench::established(plain());
            bench.send(flags, 1, 1, payload);
            assert!(bench.all().len() <= 2, "{flags}");
            if !flags.any(ACK | RST | SYN) {
                assert_eq!(bench.state(id), State::Established, "{flags}: xmas and null do nothing");
            }
        }
    }
}

#[test]
fn hostile_006_port_zero_is_nobody() {
    let mut bench = Bench::listening(plain());
    for (local, remote) in [(0, 5000), (80, 0), (0, 0)] {
        (bench.local, bench.remote) = (SocketAddr::new(ip(1), local), SocketAddr::new(ip(2), remote));
        bench.send(SYN, 0, 0, b"");
        bench.silent("port zero");
    }
}

#[test]
fn hostile_016_any_of_our_addresses_on_any_interface_but_not_loopback_from_outside() {
    let mut bench = Bench::listening(plain());
    bench.local = "127.0.0.1:80".parse().unwrap();
    bench.send(SYN, 0, 0, b"");
    bench.silent("loopback from outside");
    bench.local = "10.0.0.7:80".parse().unwrap();
    bench.send(SYN, 0, 0, b"");
    bench.silent("not ours");
}

#[test]
fn hostile_017_a_connection_to_itself_opens_and_does_not_spin() {
    let mut bench = Bench::new();
    let own = SocketAddr::new(ip(1), 4444);
    let id = bench.host.tcp_connect(bench.now, own, Some(own), plain()).unwrap();
    bench.silent("nothing leaves the host");
    assert_eq!(bench.state(id), State::Established);
    bench.host.tcp_write(bench.now, id, b"to myself").unwrap();
    bench.silent("nor does data");
    assert_eq!(bench.read(id), b"to myself");
}

#[test]
fn hostile_018_a_flood_is_bounded_and_an_honest_client_gets_in_by_a_cookie() {
    let mut bench = Bench::listening(plain());
    bench.host.add_default_route(crate::world::LINK, ip(2));
    for index in 0..20_000_u32 {
        let [a, b, c, _] = index.to_le_bytes();
        bench.remote = SocketAddr::from(([11, a, b, c], 1024 + (index % 50_000) as u16));
        bench.send(SYN, 0, 0, b"");
        if index % 256 == 0 {
            bench.all();
        }
    }
    bench.all();
    assert_eq!(bench.host.tcp().census().0, edgeway_tcpip::limits::SYN_QUEUE_MAX);
    bench.remote = SocketAddr::new(ip(2), 5000);
    bench.send(SYN, 0, 0, b"");
    let cookie = bench.one();
    bench.ours = cookie.header.sequence.0;
    bench.send(ACK, 1, 2, b"");
    assert!(bench.one().header.flags.has(RST), "a forged cookie");
    bench.send(ACK, 1, 1, b"hello");
    let id = bench.host.tcp_accept(bench.listener.unwrap()).unwrap();
    assert_eq!(bench.read(id), b"hello");
    let mut late = Bench::listening(plain());
    late.ours = bench.ours;
    late.wait(Duration::from_secs(600));
    late.send(ACK, 1, 1, b"");
    assert!(late.one().header.flags.has(RST), "replayed later");
}

#[test]
fn hostile_019_data_on_the_syn_and_on_the_third_step() {
    let mut bench = Bench::listening(plain());
    bench.send(SYN, 0, 0, b"early");
    let answer = bench.one();
    bench.ours = answer.header.sequence.0;
    assert_eq!(bench.numbers(&answer).1, 1, "without Fast Open the data is not taken yet");
    bench.send(ACK, 1, 1, b"early and more");
    let id = bench.host.tcp_accept(bench.listener.unwrap()).unwrap();
    assert_eq!(bench.read(id), b"early and more");
}

#[test]
fn hostile_019_fast_open_needs_the_right_cookie() {
    let settings = TcpSettings { fast_open: true, ..plain() };
    let mut world = World::new();
    let listener = world.listen(1, settings.clone());
    let remote = SocketAddr::new(ip(2), 80);
    for (round, early) in [(0, 0), (1, 5)] {
        let now = world.now;
        let id = world.hosts[0].tcp_connect_with(now, remote, None, settings.clone(), b"early").unwrap();
        world.run(Duration::from_millis(15));
        let accepted = world.hosts[1].tcp_accept(listener);
        let read = accepted.map_or(0, |id| world.hosts[1].tcp_connection(id).unwrap().readable());
        assert_eq!(read, early, "round {round}: before the handshake ends");
        if let Some(accepted) = accepted {
            world.hosts[1].tcp_write(world.now, accepted, b"answer").unwrap();
        }
        world.run(Duration::from_secs(1));
        assert_eq!(world.state(0, id), State::Established);
        while world.hosts[1].tcp_accept(listener).is_some() {}
        let mut buffer = [0; 9];
        let got = world.hosts[0].tcp_read(world.now, id, &mut buffer);
        assert_eq!(got, if round == 0 { Ok(None) } else { Ok(Some(6)) });
    }
}

#[test]
fn hostile_020_a_syn_ack_with_a_wrong_acknowledgement_and_one_to_a_listener() {
    let (mut bench, id, _) = Bench::connecting(plain());
    for wrong in [0, 2, -5, 70_000] {
        bench.send(SYN | ACK, 0, wrong, b"");
        let out = bench.one();
        assert_eq!((out.header.flags, bench.numbers(&out).0), (RST, wrong as u32));
        assert_eq!(bench.state(id), State::SynSent);
    }
    let mut listening = Bench::listening(plain());
    listening.send(SYN | ACK, 0, 5, b"");
    assert_eq!(listening.one().header.flags, RST);
}

#[test]
fn hostile_021_crossing_syns_with_loss() {
    for lost in 0..4 {
        let mut world = World::new();
        let mut count = 0;
        world.fate = Box::new(move |_, _, _| {
            count += 1;
            if count - 1 == lost { vec![] } else { vec![Duration::from_millis(10)] }
        });
        let ends = [SocketAddr::new(ip(1), 700), SocketAddr::new(ip(2), 700)];
        let now = world.now;
        let a = world.hosts[0].tcp_connect(now, ends[1], Some(ends[0]), plain()).unwrap();
        let b = world.hosts[1].tcp_connect(now, ends[0], Some(ends[1]), plain()).unwrap();
        world.run(Duration::from_secs(10));
        assert_eq!((world.state(0, a), world.state(1, b)), (State::Established, State::Established), "{lost}");
        assert!(world.transfer(0, (a, b), 10_000, Duration::from_secs(10)).is_some());
    }
}

#[test]
fn hostile_022_any_segment_of_the_handshake_lost_and_duplicate_syns() {
    for lost in 0..3 {
        let mut world = World::new();
        let mut count = 0;
        world.fate = Box::new(move |_, _, _| {
            count += 1;
            if count - 1 == lost { vec![] } else { vec![Duration::from_millis(10)] }
        });
        let ids = world.pair();
        assert!(world.transfer(0, ids, 1000, Duration::from_secs(10)).is_some(), "{lost}");
    }
    let mut bench = Bench::listening(plain());
    bench.send(SYN, 0, 0, b"");
    let first = bench.one();
    bench.send(SYN, 0, 0, b"");
    assert_eq!(bench.one().header.sequence, first.header.sequence, "the same SYN gets the same answer");
    bench.ours = first.header.sequence.0;
    bench.send(SYN, 5000, 0, b"");
    bench.acknowledges(1, 1, "another SYN is asked about");
}

#[test]
fn hostile_023_half_open_recovery() {
    // RFC 9293 figure 9: one side forgot; its new SYN is challenged, it resets, and opens again.
    let mut world = World::new();
    let (client, server) = world.pair();
    let port = world.hosts[0].tcp_connection(client).unwrap().pair().local.port();
    let now = world.now;
    world.hosts[0] = crate::world::host(now, 1, edgeway_tcpip::InterfaceSettings::ip());
    let local = Some(SocketAddr::new(ip(1), port));
    let again = world.hosts[0].tcp_connect(now, SocketAddr::new(ip(2), 80), local, plain()).unwrap();
    world.run(Duration::from_secs(5));
    assert_eq!(world.error(1, server), Some(TcpError::Reset));
    assert_eq!(world.state(0, again), State::Established);
}

#[test]
fn hostile_024_and_025_resets_before_the_connection_stands() {
    let (mut bench, id, _) = Bench::connecting(plain());
    bench.send(RST, 0, 0, b"");
    bench.send(RST | ACK, 0, 7, b"");
    bench.silent("a reset without or with a wrong acknowledgement");
    assert_eq!(bench.state(id), State::SynSent);
    bench.send(RST | ACK, 0, 1, b"");
    assert_eq!(bench.host.tcp_connection(id).unwrap().error(), Some(TcpError::Refused));
}

#[test]
fn hostile_026_a_full_accept_queue_makes_peers_wait_not_fail() {
    let mut world = World::new();
    let settings = ListenerSettings { port: Some(80), backlog: 1, ..ListenerSettings::default() };
    let listener = world.hosts[1].tcp_listen(settings).unwrap();
    let clients: Vec<_> = (0..3).map(|_| world.connect(plain())).collect();
    world.run(Duration::from_millis(100));
    let mut accepted = 0;
    for _ in 0..20 {
        accepted += usize::from(world.hosts[1].tcp_accept(listener).is_some());
        world.run(Duration::from_secs(1));
    }
    assert_eq!(accepted, 3);
    assert!(clients.iter().all(|id| world.state(0, *id) == State::Established));
}

#[test]
fn hostile_027_a_syn_that_asks_for_ecn_gets_a_plain_answer_when_it_is_off() {
    for (ecn, granted) in [(EcnMode::Off, false), (EcnMode::Passive, true)] {
        let mut bench = Bench::listening(TcpSettings { ecn, ..plain() });
        bench.send(SYN | Flags::ECE | Flags::CWR, 0, 0, b"");
        let flags = bench.one().header.flags;
        assert_eq!((flags.without(Flags::ECE), flags.has(Flags::ECE)), (SYN | ACK, granted));
    }
}

#[test]
fn hostile_028_a_peer_that_forgets_its_timestamps_is_still_heard() {
    let options = TcpOptions { timestamps: Some((1000, 0)), ..TcpOptions::default() };
    let (mut bench, id) = Bench::established_with(plain(), options, 65_535);
    bench.options = TcpOptions::default();
    bench.send(ACK, 1, 1, b"no clock");
    assert_eq!(bench.read(id), b"no clock");
}

#[test]
fn hostile_029_and_030_scaling_is_both_or_neither_and_never_in_a_syn() {
    let (mut bench, id, syn) = Bench::connecting(plain());
    assert!(syn.header.options.window_scale.is_some() && syn.header.window == 65_535);
    bench.send_window(SYN | ACK, 0, 1, b"", 1000);
    let out = bench.one();
    assert_eq!(out.header.window, 65_535, "stripped on the way: ours is not scaled either");
    assert_eq!(bench.host.tcp_info(id).unwrap().snd_wnd, 1000);
    let (mut bench, id, _) = Bench::connecting(plain());
    bench.options = TcpOptions { window_scale: Some(5), ..TcpOptions::default() };
    bench.send_window(SYN | ACK, 0, 1, b"", 1000);
    assert_eq!(bench.host.tcp_info(id).unwrap().snd_wnd, 1000, "a SYN's window is as it is");
    bench.options = TcpOptions::default();
    bench.send_window(ACK, 1, 1, b"", 1000);
    assert_eq!(bench.host.tcp_info(id).unwrap().snd_wnd, 32_000);
}

#[test]
fn hostile_013_land_is_dropped() {
    let mut bench = Bench::listening(plain());
    bench.remote = bench.local;
    bench.send(SYN, 0, 0, b"");
    bench.silent("from ourselves to ourselves");
}
