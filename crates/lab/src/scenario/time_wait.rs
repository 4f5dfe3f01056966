//! RFC 9293 §3.6.1, RFC 1337, RFC 6191: what TIME-WAIT is for.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use edgeway_tcpip::Packet;
use edgeway_tcpip::tcp::TcpSettings;
use edgeway_tcpip::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use edgeway_tcpip::wire::ipv4::{Ipv4Header, protocol};
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};

use super::stage::{Stage, moment, show, ten_milliseconds};
use super::{Artifacts, Failure, Options};
use crate::trace::What;

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    let (client, server) = stage.open(50_000, TcpSettings::default(), TcpSettings::default())?;
    // The server closes first: it will be the one that waits.
    let now = stage.world.now();
    stage.world.host(stage.server).tcp_close(now, server);
    stage.world.run(Duration::from_millis(40))?;
    let now = stage.world.now();
    stage.world.host(stage.client).tcp_close(now, client);
    stage.world.run(Duration::from_millis(60))?;
    let last = last_of_client(&stage).ok_or_else(|| Failure::Story("the client never spoke".to_owned()))?;

    stage.world.run(Duration::from_millis(400))?;
    let straggler = moment(&stage.world);
    let old = TcpHeader { flags: Flags::ACK | Flags::PSH, sequence: last.sequence, ..last };
    forge(&mut stage, &TcpHeader { sequence: old.sequence.plus(0_u32.wrapping_sub(20)), ..old }, b"an old duplicate");
    stage.world.run(Duration::from_millis(60))?;
    let reset = moment(&stage.world);
    forge(&mut stage, &TcpHeader { flags: Flags::RST, sequence: last.sequence.plus(1), ..last }, b"");
    stage.world.run(Duration::from_millis(60))?;
    let again = moment(&stage.world);
    stage.connect(50_000, TcpSettings::default())?;
    stage.world.run(Duration::from_millis(100))?;

    let mut ladder = stage.ladder(
        "What TIME-WAIT is for",
        "The server closed first and waits. An old duplicate is answered, not believed; a reset does not end the wait\n\
         (RFC 1337); a new SYN that cannot be old (its timestamp is newer, RFC 6191) may take the pair over.",
    );
    ladder.note(1, straggler, "an old duplicate comes");
    ladder.note(1, reset, "a stray reset comes");
    ladder.note(0, again, "connects again from the same port");
    show("time-wait", &stage.world, &ladder, options, out)
}

/// The header of the client's last segment.
fn last_of_client(stage: &Stage) -> Option<TcpHeader> {
    stage.world.seen().iter().rev().find_map(|seen| match &seen.what {
        What::Tcp { header, .. } if seen.from == stage.client => Some(*header),
        _ => None,
    })
}

/// A frame that looks as if the client had sent it.
pub(super) fn forge(stage: &mut Stage, header: &TcpHeader, payload: &'static [u8]) {
    let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let hardware = |node: usize| MacAddress([2, 0, 0, 0, node as u8, 0]);
    let encoded = header.encode(std::net::IpAddr::V4(source), std::net::IpAddr::V4(destination), Some(payload));
    let ip = Ipv4Header {
        traffic_class: 0,
        total_length: (Ipv4Header::LENGTH + encoded.as_slice().len() + payload.len()) as u16,
        identification: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        time_to_live: 64,
        protocol: protocol::TCP,
        source,
        destination,
        header_length: Ipv4Header::LENGTH,
        source_routed: false,
    };
    let ethernet = EthernetHeader {
        destination: hardware(stage.server.0),
        source: hardware(stage.client.0),
        kind: EtherType::Ipv4,
    };
    let mut frame = ethernet.encode().to_vec();
    frame.extend(ip.encode());
    frame.extend(encoded.as_slice());
    frame.extend(payload);
    let from = stage.client;
    stage.world.forge(from, Packet::from_bytes(Bytes::from(frame)));
}
