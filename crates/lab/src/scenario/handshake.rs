//! RFC 9293 §3.5: the three steps, and the four of a simultaneous open.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use edgeway_tcpip::tcp::TcpSettings;

use super::stage::{PORT, Stage, address, drain, show, ten_milliseconds};
use super::{Artifacts, Failure, Options};

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    let (client, server) = stage.open(50_000, TcpSettings::default(), TcpSettings::default())?;
    stage.write(stage.client, client, 120);
    stage.world.run(Duration::from_millis(15))?;
    drain(&mut stage.world, stage.server, server);
    stage.write(stage.server, server, 900);
    stage.world.run(Duration::from_millis(200))?;
    drain(&mut stage.world, stage.client, client);
    let ladder = stage.ladder(
        "The three-way handshake",
        "Each side says its first sequence number and hears it acknowledged (RFC 9293 §3.5). Numbers are shown counted\n\
         from each side's own SYN; on the wire they start at a secret place (RFC 6528).",
    );
    show("handshake", &stage.world, &ladder, options, out)
}

pub(super) fn run_simultaneous(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    let client = stage.connect(PORT, TcpSettings::default())?;
    let now = stage.world.now();
    let (local, remote) = (SocketAddr::new(address(2), PORT), SocketAddr::new(address(1), PORT));
    let host = stage.world.host(stage.server);
    let server = host.tcp_connect(now, remote, Some(local), TcpSettings::default());
    let server = server.map_err(|why| Failure::Story(why.to_string()))?;
    stage.world.run(Duration::from_millis(100))?;
    let now = stage.world.now();
    stage.world.host(stage.client).tcp_close(now, client);
    stage.world.host(stage.server).tcp_close(now, server);
    stage.world.run(Duration::from_millis(100))?;
    let ladder = stage.ladder(
        "Both at once",
        "Two SYNs cross and make one connection (RFC 9293 figure 7); two FINs cross and both sides wait in TIME-WAIT\n\
         (figure 13).",
    );
    show("simultaneous", &stage.world, &ladder, options, out)
}
