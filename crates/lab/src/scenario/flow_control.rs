//! RFC 9293 §3.8.6: a slow reader, a closed window, probes.

use std::io::Write;
use std::time::Duration;

use super::stage::{Stage, feed, moment, show, small, ten_milliseconds};
use super::{Artifacts, Failure, Options};
use crate::drawing::plot::{Panel, Plot, Series};

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    let (client, server) = stage.open(50_000, small(1000, 65_535), small(1000, 6000))?;
    let (from, to) = (stage.client, stage.server);
    let (mut remaining, mut read) = (20_000, 0_usize);
    let (mut told, mut waiting) = (Vec::new(), Vec::new());
    let opens = moment(&stage.world) + Duration::from_millis(1100);
    let mut buffer = [0; 1500];
    for step in 0..120 {
        stage.world.run_with(Duration::from_millis(25), |world| feed(world, from, client, &mut remaining))?;
        let now = stage.world.now();
        // Nothing is read for the first second; then a little at a time.
        let reads = step >= 44 && step % 3 == 0;
        if reads && let Ok(Some(count)) = stage.world.host(to).tcp_read(now, server, &mut buffer) {
            read += count;
        }
        let time = stage.world.elapsed().as_secs_f64();
        if let Some(info) = stage.world.host(from).tcp_info(client) {
            told.push((time, info.snd_wnd as f64));
        }
        let unread = stage.world.host(to).tcp_connection(server).map_or(0, |connection| connection.readable());
        waiting.push((time, unread as f64));
    }
    let mut ladder = stage.ladder(
        "Flow control: a slow reader",
        "The receiver has room for 6,000 bytes and nobody reads: the window closes. The sender asks with probes, ever\n\
         more slowly; when a whole segment fits again, the window opens (no silly windows, RFC 9293 §3.8.6.2).",
    );
    ladder.messages.truncate(46);
    let until = ladder.messages.last().map_or(Duration::MAX, |message| message.sent_at);
    if opens <= until {
        ladder.note(1, opens, "the reader begins to read");
    }
    let mut artifacts = show("flow-control", &stage.world, &ladder, options, out)?;
    writeln!(out, "{read} bytes read in the end; the sender never sent beyond the window.")?;
    let series = |name: &str, points| Series { name: name.to_owned(), points, steps: true, dots: false };
    let plot = Plot {
        title: "Flow control: a slow reader".to_owned(),
        subtitle: "The window as the sender knows it, and what waits to be read.".to_owned(),
        panels: vec![
            Panel {
                label: "window known to the sender, bytes".to_owned(),
                series: vec![series("window", told)],
                level: None,
            },
            Panel {
                label: "unread at the receiver, bytes".to_owned(),
                series: vec![series("unread", waiting)],
                level: Some((6000.0, "the buffer".to_owned())),
            },
        ],
    };
    artifacts.add("flow-control-window.svg", plot.svg());
    Ok(artifacts)
}
