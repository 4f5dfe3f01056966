//! RFC 826, RFC 5227: from an IP address to a hardware address.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use edgeway_tcpip::host::Event;
use edgeway_tcpip::wire::arp::{ArpOperation, ArpPacket};
use edgeway_tcpip::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use edgeway_tcpip::{Cidr, Packet};

use super::stage::{address, moment, show};
use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;
use crate::link::LinkSettings;
use crate::world::World;

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut world = World::new(seed);
    let nodes = ["10.0.0.1", "10.0.0.2", "an impostor"].map(|name| world.add_host(name));
    let switch = world.add_switch("switch");
    let link = LinkSettings { delay: Duration::from_millis(1), ..LinkSettings::default() };
    for node in nodes {
        world.join(node, switch, link.clone());
    }
    world.address(nodes[0], 0, Cidr::new([10, 0, 0, 1], 24));
    world.address(nodes[1], 0, Cidr::new([10, 0, 0, 2], 24));
    world.run(Duration::from_millis(50))?;
    let mut notes = vec![(Duration::ZERO, "an address is announced when it is given")];
    let ping = |world: &mut World, notes: &mut Vec<(Duration, &'static str)>, last: u8, words, wait: Duration| {
        notes.push((moment(world), words));
        let now = world.now();
        world.host(nodes[0]).send_echo(now, address(last), 7, u16::from(last), b"are you there?");
        world.run(wait)
    };
    ping(&mut world, &mut notes, 2, "pings a neighbour it does not know yet", Duration::from_millis(50))?;
    ping(&mut world, &mut notes, 2, "and again: now it does", Duration::from_millis(50))?;
    ping(&mut world, &mut notes, 9, "pings an address nobody has", Duration::from_secs(4))?;
    notes.push((moment(&world), "an impostor claims 10.0.0.2"));
    world.forge(nodes[2], claim());
    world.run(Duration::from_millis(50))?;
    ping(&mut world, &mut notes, 2, "the cache was not overturned", Duration::from_secs(8))?;

    let mut ladder = Ladder::of(
        &world,
        "ARP: who has this address?",
        "A question to all, an answer to one; three questions without an answer, then the packet is dropped. A claim that\n\
         nobody asked for overturns nothing: the owner objects, the others ask again.",
        &nodes,
        |_| true,
    );
    for (at, words) in notes {
        ladder.note(0, at, words);
    }
    let artifacts = show("arp", &world, &ladder, options, out)?;
    while let Some(event) = world.host(nodes[1]).poll_event() {
        if let Event::AddressConflict { address, hardware, .. } = event {
            writeln!(out, "10.0.0.2 was told: {hardware} claims {address}.")?;
        }
    }
    for (_, address, state, hardware) in world.host(nodes[0]).neighbours().list() {
        writeln!(out, "10.0.0.1 knows: {address} is at {hardware} ({state:?})")?;
    }
    Ok(artifacts)
}

/// An answer that nobody asked for.
fn claim() -> Packet {
    let impostor = MacAddress([2, 0, 0, 0, 2, 0]);
    let reply = ArpPacket {
        operation: ArpOperation::Reply,
        sender_hardware: impostor,
        sender: [10, 0, 0, 2].into(),
        target_hardware: MacAddress::BROADCAST,
        target: [10, 0, 0, 1].into(),
    };
    let header = EthernetHeader { destination: MacAddress::BROADCAST, source: impostor, kind: EtherType::Arp };
    let mut frame = header.encode().to_vec();
    frame.extend(reply.encode());
    Packet::from_bytes(Bytes::from(frame))
}
