//! RFC 8985, RFC 2018, RFC 6298: a lost segment found by later ones, by a probe, and by the clock.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use super::stage::{Stage, drain, feed, moment, show, small, ten_milliseconds};
use super::{Artifacts, Failure, Options};
use crate::link::{LinkSettings, Loss};

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    // Packets of the client, counted from its SYN (0) and ACK (1): data begins at 2.
    let script = |lost: &[u64]| Loss::Scripted { forward: lost.iter().copied().collect(), backward: BTreeSet::new() };
    let link = LinkSettings { loss: Loss::None, ..ten_milliseconds() };
    let mut stage = Stage::new(seed, link)?;
    let (client, server) = stage.open(50_000, small(1000, 60_000), small(1000, 60_000))?;
    let id = stage.link;
    // Announcements of addresses were two packets before the SYN.
    let already = 1 + 2;
    let mut titles = Vec::new();
    let rounds: [(&str, usize, &[u64]); 3] = [
        ("the second of eight is lost: three later ones betray it", 8000, &[1]),
        ("the last of three is lost: nothing follows, a probe asks", 3000, &[2]),
        ("all three and the probe are lost: only the clock remains", 3000, &[0, 1, 2, 3]),
    ];
    let mut sent = already;
    for (title, bytes, lost) in rounds {
        let lost: Vec<u64> = lost.iter().map(|index| index + sent).collect();
        stage.world.change_link(id, |link| link.loss = script(&lost));
        titles.push((moment(&stage.world), title));
        let before = stage.world.seen().iter().filter(|seen| seen.from == stage.client).count() as u64;
        let (mut remaining, mut received) = (bytes, 0);
        let (from, to) = (stage.client, stage.server);
        stage.world.run_with(Duration::from_secs(2), |world| {
            feed(world, from, client, &mut remaining);
            received += drain(world, to, server).0;
        })?;
        if received != bytes {
            return Err(Failure::Story(format!("{received} of {bytes} bytes arrived")));
        }
        let after = stage.world.seen().iter().filter(|seen| seen.from == stage.client).count() as u64;
        sent += after - before;
    }
    let mut ladder = stage.ladder(
        "Three losses, found in three ways",
        "By segments delivered after it (RACK and SACK), by probing the tail (TLP), and by the retransmission timer.\n\
         Orange is sent again; a cross is a loss.",
    );
    for (at, title) in titles {
        ladder.note(0, at, title);
    }
    let artifacts = show("loss", &stage.world, &ladder, options, out)?;
    if let Some(info) = stage.world.host(stage.client).tcp_info(client) {
        writeln!(
            out,
            "{} segments sent again, {} fast recoveries, {} timeouts; smoothed round trip {:.1} ms.",
            info.total_retrans,
            info.total_rto_recoveries,
            info.total_rto,
            info.rtt.as_secs_f64() * 1000.0
        )?;
    }
    Ok(artifacts)
}
