//! RFC 768, RFC 1112, RFC 919: one to one, one to many, one to all.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use edgeway_tcpip::{Cidr, InterfaceId};

use super::stage::{address, moment, show, text};
use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;
use crate::link::LinkSettings;
use crate::world::World;

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut world = World::new(seed);
    let nodes = [1, 2, 3, 4].map(|last| world.add_host(&format!("10.0.0.{last}")));
    let switch = world.add_switch("switch");
    let link = LinkSettings { delay: Duration::from_millis(1), ..LinkSettings::default() };
    for (index, node) in nodes.into_iter().enumerate() {
        world.join(node, switch, link.clone());
        world.address(node, 0, Cidr::new([10, 0, 0, index as u8 + 1], 24));
    }
    world.run(Duration::from_millis(50))?;
    let story = |why: edgeway_tcpip::HostError| Failure::Story(why.to_string());
    let (link, group) = (InterfaceId(0), IpAddr::from([239, 1, 2, 3]));
    let mut sockets = Vec::new();
    for node in nodes {
        let socket = world.host(node).udp_bind(None, 5000, true).map_err(story)?;
        world.host(node).udp_configure(socket, |socket| socket.broadcast = true).map_err(story)?;
        sockets.push(socket);
    }
    let mut notes = Vec::new();
    for index in [1, 2] {
        let now = world.now();
        world.host(nodes[index]).udp_join(now, sockets[index], link, group).map_err(story)?;
    }
    world.run(Duration::from_millis(50))?;
    for (to, words, bytes) in [
        (SocketAddr::new(address(2), 5000), "to one", 100),
        (SocketAddr::new(group, 5000), "to many: members of the group 239.1.2.3", 200),
        (SocketAddr::from(([10, 0, 0, 255], 5000)), "to all on the link", 300),
        (SocketAddr::new(address(4), 5001), "to a port nobody listens on", 50),
    ] {
        let now = world.now();
        notes.push((moment(&world), words));
        world.host(nodes[0]).udp_send(now, sockets[0], Some(to), &text(bytes)).map_err(story)?;
        world.run(Duration::from_millis(50))?;
    }
    let mut ladder = Ladder::of(
        &world,
        "UDP: to one, to many, to all",
        "Four hosts on a switch. A multicast frame reaches every port of a switch that does not listen to IGMP, but only\n\
         members look at it; a broadcast is for everybody; a datagram for nobody is answered by ICMP.",
        &nodes,
        |seen| seen.sent_at.as_millis() >= 1040,
    );
    for (at, words) in notes {
        ladder.note(0, at, words);
    }
    let artifacts = show("udp", &world, &ladder, options, out)?;
    for (node, socket) in nodes.into_iter().zip(sockets) {
        let mut lengths = Vec::new();
        while let Some(datagram) = world.host(node).udp_receive(socket) {
            lengths.push(datagram.payload.len().to_string());
        }
        writeln!(
            out,
            "{} heard datagrams of: {}",
            world.name(node),
            if lengths.is_empty() { "-".to_owned() } else { lengths.join(", ") }
        )?;
    }
    Ok(artifacts)
}
