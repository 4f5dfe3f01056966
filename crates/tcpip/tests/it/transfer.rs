//! Bytes go in at one end and come out at the other, whatever the wire does.

use std::time::Duration;

use edgeway_base::Entropy;
use edgeway_tcpip::InterfaceSettings;
use edgeway_tcpip::tcp::{CongestionAlgorithm, State, TcpSettings};
use edgeway_tcpip::wire::ethernet::MacAddress;

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn both_ways_and_an_ordinary_close() {
    let mut world = World::new();
    let ids = world.pair();
    assert!(world.transfer(0, ids, 1_000_000, MINUTE).is_some());
    assert!(world.transfer(1, ids, 1_000_000, MINUTE).is_some());
    world.hosts[0].tcp_shutdown(world.now, ids.0);
    world.run(Duration::from_millis(100));
    assert_eq!((world.state(0, ids.0), world.state(1, ids.1)), (State::FinWait2, State::CloseWait));
    world.hosts[1].tcp_close(world.now, ids.1);
    world.run(Duration::from_millis(100));
    assert_eq!(world.state(0, ids.0), State::TimeWait);
    world.hosts[0].tcp_close(world.now, ids.0);
    world.assert_empty();
}

#[test]
fn super_segments_carry_the_same_bytes_in_fewer_packets() {
    let settings = InterfaceSettings { super_segments: true, checksum_offload: true, ..InterfaceSettings::ip() };
    let (mut plain, mut large) = (World::new(), World::with(settings));
    for world in [&mut plain, &mut large] {
        let ids = world.pair();
        assert!(world.transfer(0, ids, 5_000_000, MINUTE).is_some());
    }
    assert!(large.carried * 4 < plain.carried, "{} {}", large.carried, plain.carried);
}

#[test]
fn over_ethernet_with_arp_first() {
    let mut world = World::with(InterfaceSettings::ethernet(MacAddress([2, 0, 0, 0, 0, 1])));
    let other = InterfaceSettings::ethernet(MacAddress([2, 0, 0, 0, 0, 2]));
    world.hosts[1] = crate::world::host(world.now, 2, other);
    let ids = world.pair();
    assert!(world.transfer(0, ids, 100_000, MINUTE).is_some());
    assert_eq!(world.hosts[0].neighbours().list().len(), 1);
}

#[test]
fn every_law_survives_loss_and_the_transfer_is_whole() {
    for congestion in [CongestionAlgorithm::Cubic, CongestionAlgorithm::Reno, CongestionAlgorithm::Bbr] {
        for per_mille in [1, 10, 50, 200] {
            let mut world = World::new().lossy(Duration::from_millis(20), per_mille);
            let settings = TcpSettings { congestion, ..TcpSettings::default() };
            let ids = world.connected(settings.clone(), settings);
            let took = world.transfer(0, ids, 300_000, MINUTE * 10);
            assert!(took.is_some(), "{congestion:?} {per_mille}: {:#?}", world.info(0, ids.0));
        }
    }
}

#[test]
fn hostile_065_everything_twice_and_half_of_it_reordered() {
    let mut world = World::new();
    world.fate = Box::new(|_, _, entropy| {
        let jitter =
            |entropy: &mut edgeway_base::SeededEntropy| Duration::from_micros(10_000 + u64::from(entropy.below(5000)));
        vec![jitter(entropy), jitter(entropy)]
    });
    let ids = world.pair();
    assert!(world.transfer(0, ids, 1_000_000, MINUTE).is_some());
}

#[test]
fn peers_without_any_option_work_too() {
    let plain = TcpSettings {
        timestamps: false,
        window_scaling: false,
        selective_acknowledgements: false,
        ..TcpSettings::default()
    };
    for (client, server) in [(plain.clone(), TcpSettings::default()), (TcpSettings::default(), plain)] {
        let mut world = World::new().lossy(Duration::from_millis(20), 20);
        let ids = world.connected(client, server);
        assert!(world.transfer(0, ids, 300_000, MINUTE * 10).is_some());
        let options = world.info(0, ids.0).options;
        assert!(!options.timestamps && !options.sack && !options.window_scale);
    }
}
