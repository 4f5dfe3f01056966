//! RFC 791 §3.2 and RFC 1191: too large for a link on the way.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use edgeway_tcpip::tcp::{ListenerSettings, TcpSettings};
use edgeway_tcpip::{Cidr, InterfaceId};

use super::stage::{PORT, drain, moment, show, text};
use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;
use crate::link::LinkSettings;
use crate::world::World;

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut world = World::new(seed);
    let (left, router, right) =
        (world.add_host("10.0.1.2, MTU 1500"), world.add_router("router"), world.add_host("10.0.2.2, MTU 600"));
    let wide = LinkSettings { delay: Duration::from_millis(2), ..LinkSettings::default() };
    let narrow = LinkSettings { mtu: 600, ..wide.clone() };
    world.join(left, router, wide);
    world.join(router, right, narrow);
    for (node, interface, address) in
        [(left, 0, [10, 0, 1, 2]), (router, 0, [10, 0, 1, 1]), (router, 1, [10, 0, 2, 1]), (right, 0, [10, 0, 2, 2])]
    {
        world.address(node, interface, Cidr::new(address, 24));
    }
    world.host(left).add_default_route(InterfaceId(0), [10, 0, 1, 1].into());
    world.host(right).add_default_route(InterfaceId(0), [10, 0, 2, 1].into());
    world.run(Duration::from_millis(50))?;
    let story = |why: edgeway_tcpip::HostError| Failure::Story(why.to_string());
    // Hardware addresses first, so that the picture is about fragments.
    let now = world.now();
    world.host(left).send_echo(now, [10, 0, 2, 2].into(), 1, 1, b"");
    world.run(Duration::from_millis(50))?;
    let begins = world.now();

    let receiver = world.host(right).udp_bind(None, 5000, false).map_err(story)?;
    let sender = world.host(left).udp_bind(None, 5000, false).map_err(story)?;
    let mut notes = vec![(moment(&world), "a datagram of 2,000 bytes")];
    let remote = SocketAddr::from(([10, 0, 2, 2], 5000));
    world.host(left).udp_send(begins, sender, Some(remote), &text(2000)).map_err(story)?;
    world.run(Duration::from_millis(50))?;
    let arrived = world.host(right).udp_receive(receiver).map_or(0, |datagram| datagram.payload.len());

    // The server does not announce a small segment size, as if the narrow link were further on.
    let tcp = TcpSettings { maximum_segment_size: None, ..TcpSettings::default() };
    world.host(right).set_mtu(begins, InterfaceId(0), 1500);
    let settings = ListenerSettings { port: Some(PORT), tcp: tcp.clone(), ..ListenerSettings::default() };
    let listener = world.host(right).tcp_listen(settings).map_err(story)?;
    let now = world.now();
    notes.push((moment(&world), "TCP: 3,000 bytes, not to be fragmented"));
    let remote = SocketAddr::from(([10, 0, 2, 2], PORT));
    let id = world.host(left).tcp_connect(now, remote, None, tcp).map_err(story)?;
    let _ = world.host(left).tcp_write(now, id, &text(3000));
    let (mut accepted, mut received) = (None, 0);
    world.run_with(Duration::from_secs(2), |world| {
        accepted = accepted.or_else(|| world.host(right).tcp_accept(listener));
        received += accepted.map_or(0, |id| drain(world, right, id).0);
    })?;
    if (arrived, received) != (2000, 3000) {
        return Err(Failure::Story(format!("{arrived} and {received} bytes arrived")));
    }
    let mut ladder = Ladder::of(
        &world,
        "Too large for a link on the way",
        "The sender cuts the datagram for its own link, the router again for the next; only the end puts it together.\n\
         TCP forbids cutting, hears what the narrow link carries, and sends smaller segments instead (RFC 1191).",
        &[left, router, right],
        |seen| seen.sent_at >= begins,
    );
    for (at, words) in notes {
        ladder.note(0, at, words);
    }
    let artifacts = show("fragment", &world, &ladder, options, out)?;
    let segment = world.host(left).tcp_info(id).map_or(0, |info| info.snd_mss);
    writeln!(out, "The datagram arrived whole ({arrived} bytes); TCP now sends segments of {segment} bytes.")?;
    Ok(artifacts)
}
