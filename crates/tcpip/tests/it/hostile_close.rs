//! Hostile input around the end, and what nobody may make us keep: 66-74, 86, 88-94.

use std::net::SocketAddr;
use std::time::Duration;

use edgeway_tcpip::tcp::{ListenerSettings, State, TcpError, TcpSettings};

use crate::forge::{ACK, Bench, FIN, RST};
use crate::world::{LINK, World, ip};

fn plain() -> TcpSettings {
    TcpSettings::default()
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn hostile_066_both_close_at_once() {
    let mut world = World::new();
    let ids = world.pair();
    for (host, id) in [(0, ids.0), (1, ids.1)] {
        world.hosts[host].tcp_shutdown(world.now, id);
    }
    world.run(Duration::from_secs(1));
    assert_eq!((world.state(0, ids.0), world.state(1, ids.1)), (State::TimeWait, State::TimeWait));
    for (host, id) in [(0, ids.0), (1, ids.1)] {
        world.hosts[host].tcp_close(world.now, id);
    }
    world.assert_empty();
}

#[test]
fn hostile_067_fins_lost_early_and_in_pieces() {
    for per_mille in [100, 300] {
        let mut world = World::new().lossy(Duration::from_millis(5), per_mille);
        let ids = world.pair();
        world.hosts[0].tcp_write(world.now, ids.0, &[0; 5000]).unwrap();
        world.hosts[0].tcp_close(world.now, ids.0);
        let mut buffer = [0; 9000];
        let mut total = 0;
        let ended = world.run_until(MINUTE * 10, |world| {
            while let Ok(Some(count)) = world.hosts[1].tcp_read(world.now, ids.1, &mut buffer) {
                total += count;
                if count == 0 {
                    return true;
                }
            }
            false
        });
        assert!(ended && total == 5000, "{per_mille}");
        world.hosts[1].tcp_close(world.now, ids.1);
        world.assert_empty();
    }
    let (mut bench, id) = Bench::established(plain());
    bench.send(FIN | ACK, 4, 1, b"d");
    bench.acknowledges(1, 1, "a FIN before its data");
    assert_eq!(bench.state(id), State::Established);
    bench.send(ACK, 1, 1, b"abc");
    bench.acknowledges(1, 6, "the hole filled: data and FIN");
    assert_eq!((bench.read(id), bench.state(id)), (b"abcd".to_vec(), State::CloseWait));
}

#[test]
fn hostile_069_an_hour_half_closed() {
    let mut world = World::new();
    let ids = world.pair();
    world.hosts[0].tcp_shutdown(world.now, ids.0);
    for _ in 0..60 {
        world.run(MINUTE);
        assert!(world.transfer(1, ids, 1000, MINUTE).is_some());
    }
    assert_eq!(world.state(0, ids.0), State::FinWait2);
}

#[test]
fn hostile_070_an_orphan_does_not_wait_for_ever() {
    let (mut bench, id) = Bench::established(plain());
    bench.host.tcp_close(bench.now, id);
    bench.one();
    bench.send(ACK, 1, 2, b"");
    assert_eq!(bench.host.tcp().count_in(State::FinWait2, None), 1);
    bench.wait(Duration::from_secs(61));
    assert_eq!(bench.host.tcp().census().0, 0);
}

#[test]
fn hostile_072_an_unanswered_fin_is_given_up() {
    let (mut bench, id) = Bench::established(TcpSettings { user_timeout: MINUTE, ..plain() });
    bench.send(FIN | ACK, 1, 1, b"");
    bench.all();
    bench.host.tcp_close(bench.now, id);
    let mut sent = 0;
    for _ in 0..70 {
        bench.wait(Duration::from_secs(1));
        sent += bench.all().len();
    }
    assert!(sent > 3);
    assert_eq!(bench.host.tcp().census().0, 0);
}

#[test]
fn hostile_073_a_peer_that_crashed_resets_what_it_does_not_know() {
    let mut world = World::new();
    let ids = world.pair();
    world.hosts[1] = crate::world::host(world.now, 2, edgeway_tcpip::InterfaceSettings::ip());
    world.hosts[0].tcp_write(world.now, ids.0, b"hello?").unwrap();
    world.run(Duration::from_secs(1));
    assert_eq!(world.error(0, ids.0), Some(TcpError::Reset));
}

#[test]
fn hostile_074_a_handle_dropped_in_any_state_leaves_nothing() {
    for steps in 0..60 {
        let mut world = World::new();
        let listener = world.listen(1, plain());
        let client = world.connect(plain());
        let mut server = None;
        for step in 0..steps {
            if !world.step(world.now + MINUTE) {
                break;
            }
            server = server.or_else(|| world.hosts[1].tcp_accept(listener));
            if step == 8 {
                let _ = world.hosts[0].tcp_write(world.now, client, &[0; 30_000]);
            }
            if step == 20 {
                world.hosts[0].tcp_shutdown(world.now, client);
            }
        }
        world.hosts[0].tcp_close(world.now, client);
        if let Some(server) = server {
            world.hosts[1].tcp_close(world.now, server);
        }
        world.hosts[1].tcp_stop_listening(world.now, listener);
        world.assert_empty();
    }
}

#[test]
fn hostile_086_idle_connections_cost_nothing_per_segment() {
    let mut world = World::new();
    let listener = world.listen(1, plain());
    for port in 0..300 {
        let local = Some(SocketAddr::new(ip(1), 10_000 + port));
        world.hosts[0].tcp_connect(world.now, SocketAddr::new(ip(2), 80), local, plain()).unwrap();
        world.run(Duration::from_millis(31));
        world.hosts[1].tcp_accept(listener).unwrap();
    }
    // Nothing to send, nothing due soon: one look, whatever the number.
    assert!(world.hosts[0].poll_output(world.now).is_none());
    let next = world.hosts[0].poll_timeout();
    assert!(next.is_none_or(|next| next > world.now), "{next:?}");
}

#[test]
fn hostile_088_slow_readers_never_see_their_window_shrink() {
    let (mut bench, _) = Bench::established(plain());
    let mut edge = 0;
    for index in 0..80 {
        bench.send(ACK, 1 + index * 1460, 1, &[0; 1460]);
        for out in bench.all() {
            let (_, acknowledged) = bench.numbers(&out);
            let right = acknowledged + u32::from(out.header.window);
            assert!(right >= edge, "the right edge moved left");
            edge = right;
        }
    }
    assert!(edge <= 1 + edgeway_tcpip::limits::RECEIVE_BUFFER as u32);
}

#[test]
fn hostile_090_what_arrived_is_read_before_the_reset_is_told() {
    let (mut bench, id) = Bench::established(plain());
    bench.send(ACK, 1, 1, b"last words");
    bench.send(RST, 11, 0, b"");
    assert_eq!(bench.host.tcp_write(bench.now, id, b"x"), Err(TcpError::Reset));
    assert_eq!(bench.read(id), b"last words");
    let mut buffer = [0; 9];
    assert_eq!(bench.host.tcp_read(bench.now, id, &mut buffer), Err(TcpError::Reset));
}

#[test]
fn hostile_092_a_device_that_stops_in_the_middle_of_a_burst_loses_nothing() {
    let (mut bench, id) = Bench::established(plain());
    bench.host.tcp_write(bench.now, id, &[0; 5000]).unwrap();
    let first = bench.host.poll_output(bench.now);
    assert!(first.is_some());
    // The device is full: nobody asks for more, and nothing is taken from the socket.
    bench.wait(Duration::from_millis(1));
    let rest = bench.all();
    let bytes: usize = rest.iter().map(|out| out.payload.len()).sum();
    assert_eq!(bytes, 5000 - 536);
}

#[test]
fn hostile_093_an_mtu_that_changes_under_way() {
    let mut world = World::new();
    let ids = world.pair();
    assert!(world.transfer(0, ids, 50_000, MINUTE).is_some());
    let now = world.now;
    world.hosts[0].set_mtu(now, LINK, 700);
    assert!(world.transfer(0, ids, 50_000, MINUTE).is_some());
    assert!(world.info(0, ids.0).snd_mss <= 660);
}

#[test]
fn hostile_094_an_address_that_goes_away() {
    let mut world = World::new();
    let settings = TcpSettings { user_timeout: MINUTE, ..plain() };
    let ids = world.connected(settings.clone(), settings);
    world.hosts[0].remove_address(LINK, ip(1));
    let _ = world.hosts[0].tcp_write(world.now, ids.0, b"from nowhere");
    world.run(MINUTE * 3);
    assert_eq!(world.error(0, ids.0), Some(TcpError::TimedOut), "nothing leaves in a name that is not ours");
}

#[test]
fn hostile_089_one_byte_every_minute_holds_one_connection_and_no_more() {
    let (mut bench, id) = Bench::established(plain());
    for index in 0..60 {
        bench.send(ACK, 1 + index, 1, b"x");
        bench.wait(Duration::from_secs(59));
        bench.all();
        assert!(bench.host.tcp_connection(id).unwrap().buffered() <= 60);
    }
    assert_eq!(bench.host.tcp().census(), (1, 0, 1));
}

#[test]
fn a_held_connection_is_answered_only_when_admitted() {
    for admit in [true, false] {
        let mut world = World::new();
        let settings = ListenerSettings { port: None, held: true, ..ListenerSettings::default() };
        let listener = world.hosts[1].tcp_listen(settings).unwrap();
        let client = world.connect(plain());
        world.run(Duration::from_millis(500));
        assert_eq!(world.state(0, client), State::SynSent);
        let event = world.hosts[1].poll_event().unwrap();
        let edgeway_tcpip::Event::Tcp(edgeway_tcpip::tcp::TcpEvent::Requested(_, id)) = event else {
            panic!("{event:?}")
        };
        let now = world.now;
        if admit {
            world.hosts[1].tcp_admit(now, id)
        } else {
            world.hosts[1].tcp_refuse(now, id)
        }
        world.run(Duration::from_millis(500));
        match admit {
            true => assert_eq!(world.state(0, client), State::Established),
            false => assert_eq!(world.error(0, client), Some(TcpError::Refused)),
        }
        assert_eq!(world.hosts[1].tcp_accept(listener).is_some(), admit);
    }
}
