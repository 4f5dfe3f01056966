//! RFC 9293 figure 8: recovery from an old duplicate SYN.

use std::io::Write;
use std::time::Duration;

use edgeway_tcpip::tcp::{State, TcpSettings};
use edgeway_tcpip::wire::sequence::SequenceNumber;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};
use edgeway_tcpip::wire::tcp_options::TcpOptions;

use super::stage::{PORT, Stage, is_tcp, moment, show, state, ten_milliseconds};
use super::time_wait::forge;
use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;

pub(super) fn run(seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let mut stage = Stage::new(seed, ten_milliseconds())?;
    stage.listen(TcpSettings::default())?;
    let old = TcpHeader {
        source_port: 50_000,
        destination_port: PORT,
        sequence: SequenceNumber(9_000),
        flags: Flags::SYN,
        window: 65_535,
        options: TcpOptions { maximum_segment_size: Some(1460), ..TcpOptions::default() },
        ..TcpHeader::default()
    };
    let begins = moment(&stage.world);
    forge(&mut stage, &old, b"");
    stage.world.run(Duration::from_millis(12))?;
    // The client's own SYN takes a slow way, so that the old one's answer comes before it.
    let link = stage.link;
    stage.world.change_link(link, |link| link.delay = Duration::from_millis(30));
    let client = stage.connect(50_000, TcpSettings::default())?;
    stage.world.pump()?;
    stage.world.change_link(link, |link| link.delay = Duration::from_millis(10));
    stage.world.run(Duration::from_millis(200))?;
    if state(&mut stage.world, stage.client, client) != State::Established {
        return Err(Failure::Story("the handshake did not recover".to_owned()));
    }
    let mut ladder = Ladder::absolute(
        &stage.world,
        "An old SYN, and what the third step is for",
        "A SYN of an earlier connection arrives late. The server cannot know and answers; the client sees an\n\
         acknowledgement of a number it never sent, and resets. With two steps the server would now believe in a ghost.",
        &[stage.client, stage.server],
        is_tcp,
    );
    ladder.note(1, begins + Duration::from_millis(10), "looks like any other SYN");
    show("old-syn", &stage.world, &ladder, options, out)
}
