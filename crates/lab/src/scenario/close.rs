//! RFC 9293 §3.6: a normal close.

use std::io::Write;
use std::time::Duration;

use edgeway_tcpip::tcp::{State, TcpSettings};

use super::stage::{Stage, drain, moment, show, state, ten_milliseconds};
use super::{Artifacts, Failure, Options};

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    let (client, server) = stage.open(50_000, TcpSettings::default(), TcpSettings::default())?;
    let now = stage.world.now();
    stage.world.host(stage.client).tcp_shutdown(now, client);
    let closes = moment(&stage.world);
    stage.world.run(Duration::from_millis(30))?;
    // Half closed: the client is done, the server still has something to say.
    stage.write(stage.server, server, 700);
    let answers = moment(&stage.world);
    stage.world.run(Duration::from_millis(60))?;
    drain(&mut stage.world, stage.client, client);
    let now = stage.world.now();
    stage.world.host(stage.server).tcp_close(now, server);
    stage.world.run(Duration::from_millis(100))?;
    if state(&mut stage.world, stage.client, client) != State::TimeWait {
        return Err(Failure::Story("the client is not in TIME-WAIT".to_owned()));
    }
    let now = stage.world.now();
    stage.world.host(stage.client).tcp_close(now, client);
    stage.world.run(Duration::from_secs(60))?;
    let (connections, waits, _) = stage.world.host(stage.client).tcp().census();
    let mut ladder = stage.ladder(
        "Closing, one direction at a time",
        "A FIN ends one direction only. The client closes first; the server, half closed, still answers, then closes.\n\
         Who closed first waits 60 seconds in TIME-WAIT, in case its last acknowledgement was lost.",
    );
    ladder.note(0, closes, "closes for writing");
    ladder.note(1, answers, "still has something to say");
    let artifacts = show("close", &stage.world, &ladder, options, out)?;
    writeln!(out, "One minute later: {connections} connections, {waits} in TIME-WAIT.")?;
    Ok(artifacts)
}
