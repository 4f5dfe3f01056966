//! RFC 9293's MUSTs that need a connection or a host, by their numbers; those of headers, options, timers and
//! windows stand beside their code.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use edgeway_tcpip::HostError;
use edgeway_tcpip::tcp::{KeepAlive, ListenerSettings, State, TcpError, TcpSettings};
use edgeway_tcpip::wire::icmpv4::Icmpv4Message;
use edgeway_tcpip::wire::ipv4::protocol;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};
use edgeway_tcpip::wire::tcp_options::TcpOptions;

use crate::forge::{ACK, Bench, FIN, RST, SYN, ipv4};
use crate::world::{LINK, World, ip};

fn plain() -> TcpSettings {
    TcpSettings::default()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn must_5_options_are_taken_in_any_segment() {
    let (mut bench, id) = Bench::established(plain());
    bench.options = TcpOptions { maximum_segment_size: Some(9), window_scale: Some(3), ..TcpOptions::default() };
    bench.send(ACK, 1, 1, b"data with strange options");
    assert_eq!(bench.read(id).len(), 25);
}

#[test]
fn must_10_simultaneous_open() {
    let (mut bench, id, _) = Bench::connecting(plain());
    bench.send(SYN, 0, 0, b"");
    assert_eq!((bench.one().header.flags, bench.state(id)), (SYN | ACK, State::SynReceived));
    bench.send(SYN | ACK, 0, 1, b"");
    assert_eq!(bench.state(id), State::Established);
}

#[test]
fn must_11_a_reset_sends_a_passive_open_back_to_listen_and_refuses_an_active_one() {
    let mut bench = Bench::listening(plain());
    bench.send(SYN, 0, 0, b"");
    bench.one();
    bench.send(RST, 1, 0, b"");
    assert_eq!(bench.host.tcp().census(), (0, 0, 1));
    let (mut bench, id, _) = Bench::connecting(plain());
    bench.send(SYN, 0, 0, b"");
    bench.one();
    bench.send(RST, 1, 0, b"");
    assert_eq!(bench.host.tcp_connection(id).unwrap().error(), Some(TcpError::Refused));
}

#[test]
fn must_12_a_close_and_an_abort_are_told_apart() {
    let (mut bench, id) = Bench::established(plain());
    bench.send(FIN | ACK, 1, 1, b"");
    let mut buffer = [0; 8];
    assert_eq!(bench.host.tcp_read(bench.now, id, &mut buffer), Ok(Some(0)));
    let (mut bench, id) = Bench::established(plain());
    bench.send(RST, 1, 0, b"");
    assert_eq!(bench.host.tcp_read(bench.now, id, &mut buffer), Err(TcpError::Reset));
}

#[test]
fn must_14_and_15_mss_is_sent_received_and_defaulted() {
    for (offered, used) in [(None, 536), (Some(1000), 1000), (Some(9000), 1460)] {
        let options = TcpOptions { maximum_segment_size: offered, ..TcpOptions::default() };
        let (mut bench, id) = Bench::established_with(plain(), options, 65_535);
        bench.host.tcp_write(bench.now, id, &[0; 5000]).unwrap();
        assert_eq!(bench.all()[0].payload.len(), used, "{offered:?}");
    }
    let (_, _, syn) = Bench::connecting(plain());
    assert_eq!(syn.header.options.maximum_segment_size, Some(1460), "must 67: from the MTU");
}

#[test]
fn must_65_mss_only_on_syns() {
    let (mut bench, id) = Bench::established(plain());
    bench.host.tcp_write(bench.now, id, b"x").unwrap();
    assert_eq!(bench.one().header.options.maximum_segment_size, None);
}

#[test]
fn must_20_21_22_and_23_connections_and_syns_are_given_up_and_the_application_says_when() {
    let settings = TcpSettings { user_timeout: SECOND * 30, ..plain() };
    let (mut bench, id) = Bench::established(settings);
    bench.host.tcp_write(bench.now, id, b"into the void").unwrap();
    let mut sent = 0;
    for _ in 0..40 {
        sent += bench.all().len();
        bench.wait(SECOND);
    }
    assert!(sent >= 5, "R1: retransmitted several times before giving up: {sent}");
    assert_eq!(bench.host.tcp_connection(id).unwrap().error(), Some(TcpError::TimedOut));
    let (mut bench, id, _) = Bench::connecting(plain());
    for _ in 0..179 {
        bench.all();
        bench.wait(SECOND);
        assert_eq!(bench.state(id), State::SynSent, "must 23: at least three minutes");
    }
    bench.wait(SECOND * 2);
    assert_eq!(bench.host.tcp_connection(id).unwrap().error(), Some(TcpError::TimedOut));
}

#[test]
fn must_26_and_29_keep_alive_only_when_idle_and_one_lost_probe_is_not_death() {
    let keep_alive = Some(KeepAlive { idle: SECOND * 10, interval: SECOND, probes: 3 });
    let (mut bench, id) = Bench::established(TcpSettings { keep_alive, ..plain() });
    for _ in 0..20 {
        bench.wait(SECOND * 5);
        bench.send(ACK, 1, 1, b"");
        bench.silent("not idle");
    }
    bench.wait(SECOND * 10);
    bench.acknowledges(0, 1, "a probe of an old number");
    bench.wait(SECOND);
    bench.acknowledges(0, 1, "the first was lost");
    bench.send(ACK, 1, 1, b"");
    bench.wait(SECOND * 9);
    assert_eq!(bench.state(id), State::Established);
    bench.all();
    bench.wait(SECOND * 10);
    assert_eq!(bench.host.tcp_connection(id).unwrap().error(), Some(TcpError::TimedOut));
    assert!(bench.all().iter().any(|out| out.header.flags.has(RST)), "hostile 73: the peer is told");
}

#[test]
fn must_30_31_32_33_and_62_urgent_data() {
    let (mut bench, id) = Bench::established(plain());
    let mut header = bench.header(ACK | Flags::URG, 1, 1, 65_535);
    header.urgent = 3;
    bench.send_header(&header, b"abcdef", 0);
    assert_eq!(bench.read(id), b"abcdef", "it stays in the stream, of any length");
    bench.host.tcp_write(bench.now, id, b"urgent").unwrap();
    bench.host.tcp_mut().with(bench.now, id, edgeway_tcpip::tcp::connection::Connection::mark_urgent);
    let out = bench.one();
    assert!(out.header.flags.has(Flags::URG));
    assert_eq!(out.header.urgent, 6, "must 62: the first byte that is not urgent");
    bench.send_header(&TcpHeader { urgent: 60_000, ..bench.header(ACK | Flags::URG, 7, 7, 65_535) }, b"z", 0);
    assert_eq!(bench.read(id), b"z", "hostile 7: a pointer past the data");
}

#[test]
fn must_35_36_and_37_a_closed_window_is_probed_for_ever_while_the_peer_answers() {
    let (mut bench, id) = Bench::established_with(plain(), TcpOptions::default(), 0);
    bench.host.tcp_write(bench.now, id, b"waiting").unwrap();
    bench.silent("the window is closed");
    let mut gaps = Vec::new();
    let mut last = bench.now;
    for _ in 0..60 * 60 * 3 {
        bench.wait(SECOND);
        let probes = bench.all();
        if !probes.is_empty() {
            gaps.push((bench.now - last).as_secs());
            last = bench.now;
            bench.send_window(ACK, 1, 1, b"", 0);
            assert!(bench.all().is_empty());
        }
    }
    assert_eq!(bench.state(id), State::Established, "hours, and it stays");
    assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1] + 1) && *gaps.last().unwrap() <= 61, "{gaps:?}");
    bench.send_window(ACK, 1, 1, b"", 100);
    assert_eq!(bench.one().payload, b"waiting"[..]);
}

#[test]
fn must_40_and_58_acknowledgements_wait_less_than_half_a_second_and_go_together() {
    let (mut bench, _) = Bench::established(plain());
    bench.send(ACK, 1, 1, &[0; 100]);
    bench.silent("one small segment waits");
    bench.wait(Duration::from_millis(499));
    bench.acknowledges(1, 101, "within 500 ms");
    bench.send(ACK, 101, 1, &[0; 1460]);
    bench.send(ACK, 1561, 1, &[0; 1460]);
    bench.acknowledges(1, 3021, "every second full segment");
}

#[test]
fn must_41_42_and_43_listening_beside_connections_on_the_same_port() {
    let (mut bench, first) = Bench::established(plain());
    bench.remote.set_port(5001);
    bench.send(SYN, 0, 0, b"");
    assert_eq!(bench.one().header.flags, SYN | ACK);
    assert_eq!(bench.state(first), State::Established, "a second passive open disturbs nothing");
    let here = ListenerSettings { port: Some(80), address: Some(ip(1)), ..ListenerSettings::default() };
    assert!(bench.host.tcp_listen(here).is_ok(), "for one address, beside the one for all");
    let nowhere = ListenerSettings { port: Some(80), address: Some(ip(9)), ..ListenerSettings::default() };
    assert_eq!(bench.host.tcp_listen(nowhere), Err(HostError::BadAddress));
}

#[test]
fn must_44_45_46_addresses_of_an_open() {
    let mut bench = Bench::new();
    let connect = |bench: &mut Bench, to: &str| {
        let to: SocketAddr = to.parse().unwrap();
        bench.host.tcp_connect(bench.now, to, None, plain())
    };
    let id = connect(&mut bench, "10.0.0.9:80").unwrap();
    assert_eq!(bench.host.tcp_connection(id).unwrap().pair().local.ip(), ip(1), "must 44: chosen by the route");
    for wrong in ["224.0.0.1:80", "255.255.255.255:80", "10.0.0.255:80", "0.0.0.0:80", "10.0.0.9:0"] {
        assert_eq!(connect(&mut bench, wrong), Err(HostError::BadAddress), "{wrong}");
    }
    assert_eq!(connect(&mut bench, "9.9.9.9:80"), Err(HostError::NoRoute));
}

#[test]
fn must_47_three_failures_are_three_errors() {
    let mut world = World::new();
    let id = world.connect(plain());
    world.run(SECOND);
    assert_eq!(world.error(0, id), Some(TcpError::Refused), "hostile 91: a closed port");
    let mut world = World::new();
    world.fate = Box::new(|_, _, _| vec![]);
    let id = world.connect(plain());
    world.run(SECOND * 200);
    assert_eq!(world.error(0, id), Some(TcpError::TimedOut));
}

#[test]
fn must_48_and_49_code_point_and_time_to_live_are_the_applications() {
    let (mut bench, id) = Bench::established(TcpSettings { dscp: 46, hop_limit: 9, ..plain() });
    bench.host.tcp_write(bench.now, id, b"x").unwrap();
    let (_, packet) = bench.host.poll_output(bench.now).unwrap();
    let bytes = packet.to_bytes();
    assert_eq!((bytes[1] >> 2, bytes[8]), (46, 9));
}

#[test]
fn must_54_55_56_and_hostile_076_077_icmp_is_passed_up_quench_dropped_and_soft_errors_do_not_abort() {
    let (mut bench, id, syn) = Bench::connecting(plain());
    let mut quoted = ipv4(ip(1), ip(2), protocol::TCP, 0, &[]).to_bytes().to_vec();
    quoted.extend(bench.local.port().to_be_bytes());
    quoted.extend(80_u16.to_be_bytes());
    quoted.extend(syn.header.sequence.0.to_be_bytes());
    let mut tell = |message: Icmpv4Message<'_>| {
        let packet = ipv4(ip(2), ip(1), protocol::ICMP, 0, &message.encode());
        bench.host.handle_input(bench.now, LINK, packet);
        bench.host.tcp_connection(id).unwrap().state()
    };
    for code in [0, 1, 5] {
        let soft = Icmpv4Message::DestinationUnreachable { code, next_hop_mtu: 0, quoted: &quoted };
        assert_eq!(tell(soft), State::SynSent, "hostile 76: soft {code}");
    }
    assert_eq!(tell(Icmpv4Message::SourceQuench), State::SynSent);
    assert_eq!(tell(Icmpv4Message::Redirect), State::SynSent, "hostile 77");
    let hard = Icmpv4Message::DestinationUnreachable { code: 3, next_hop_mtu: 0, quoted: &quoted };
    assert_eq!(tell(hard), State::Closed);
}

#[test]
fn must_57_and_63_syns_to_many_or_from_nowhere_are_not_answered() {
    let mut bench = Bench::listening(plain());
    let header = bench.header(SYN, 0, 0, 100);
    for (source, destination) in [
        ("10.0.0.2", "10.0.0.255"),
        ("10.0.0.2", "255.255.255.255"),
        ("10.0.0.2", "224.0.0.1"),
        ("10.0.0.255", "10.0.0.1"),
        ("224.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "10.0.0.1"),
        ("0.0.0.0", "10.0.0.1"),
        ("255.255.255.255", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
    ] {
        let (source, destination): (IpAddr, IpAddr) = (source.parse().unwrap(), destination.parse().unwrap());
        let encoded = header.encode(source, destination, Some(b""));
        bench.host.handle_input(bench.now, LINK, ipv4(source, destination, protocol::TCP, 0, encoded.as_slice()));
        bench.silent(&format!("{source} to {destination}: hostile 13, 14, 15"));
    }
    assert_eq!(bench.host.tcp().census(), (0, 0, 1));
}

#[test]
fn must_59_queued_segments_are_taken_in_before_acknowledging() {
    let (mut bench, id) = Bench::established(plain());
    bench.send(ACK, 1001, 1, &[2; 1000]);
    bench.acknowledges(1, 1, "a hole");
    bench.send(ACK, 1, 1, &[1; 1000]);
    bench.acknowledges(1, 2001, "both at once");
    assert_eq!(bench.read(id).len(), 2000);
}

#[test]
fn must_66_reset_and_urgent_are_heard_with_a_closed_window() {
    let settings = TcpSettings { receive_buffer: 1000, receive_buffer_max: 1000, ..plain() };
    for (flags, closed) in [(RST, true), (ACK | Flags::URG, false)] {
        let (mut bench, id) = Bench::established(settings.clone());
        bench.send(ACK, 1, 1, &[0; 1000]);
        assert_eq!(bench.one().header.window, 0);
        let mut header = bench.header(flags, 1001, 1, 65_535);
        header.urgent = 10;
        bench.send_header(&header, b"", 0);
        assert_eq!(bench.state(id) == State::Closed, closed);
    }
}

#[test]
fn hostile_068_and_should_3_unread_data_makes_a_close_a_reset() {
    let (mut bench, id) = Bench::established(plain());
    bench.send(ACK, 1, 1, b"never read");
    bench.host.tcp_close(bench.now, id);
    assert!(bench.one().header.flags.has(RST));
    assert_eq!(bench.host.tcp().census().0, 0);
}
