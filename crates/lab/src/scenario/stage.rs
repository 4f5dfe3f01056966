//! What most stories need: two hosts and a link, somebody who writes and somebody who reads. Called by the
//! scenarios.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use edgeway_tcpip::Cidr;
use edgeway_tcpip::tcp::{ListenerId, ListenerSettings, State, TcpId, TcpSettings};

use super::{Artifacts, Failure, Options};
use crate::drawing::ladder::Ladder;
use crate::drawing::terminal;
use crate::link::LinkSettings;
use crate::trace::{Seen, What};
use crate::world::{LinkId, NodeId, World};

/// The port that servers of these stories listen on: one of which no analyser expects a protocol.
pub const PORT: u16 = 7777;

/// A client at 10.0.0.1 and a server at 10.0.0.2.
pub struct Stage {
    /// The world.
    pub world: World,
    /// 10.0.0.1.
    pub client: NodeId,
    /// 10.0.0.2.
    pub server: NodeId,
    /// Between them.
    pub link: LinkId,
}

impl Stage {
    /// Two hosts that know each other's hardware address already, so that the story begins with TCP.
    pub fn new(seed: u64, link: LinkSettings) -> Result<Self, Failure> {
        let mut world = World::new(seed);
        let client = world.add_host("client 10.0.0.1");
        let server = world.add_host("server 10.0.0.2");
        let link = world.join(client, server, link);
        world.address(client, 0, Cidr::new([10, 0, 0, 1], 24));
        world.address(server, 0, Cidr::new([10, 0, 0, 2], 24));
        let mut stage = Self { world, client, server, link };
        stage.introduce();
        stage.world.run(Duration::from_millis(500))?;
        Ok(stage)
    }

    /// Writes both neighbours by hand.
    fn introduce(&mut self) {
        let hardware = |node: NodeId| edgeway_tcpip::wire::ethernet::MacAddress([2, 0, 0, 0, node.0 as u8, 0]);
        let (client, server) = (self.client, self.server);
        let link = edgeway_tcpip::InterfaceId(0);
        self.world.host(client).pin_neighbour(link, address(2), hardware(server));
        self.world.host(server).pin_neighbour(link, address(1), hardware(client));
    }

    /// The server listens.
    pub fn listen(&mut self, tcp: TcpSettings) -> Result<ListenerId, Failure> {
        let settings = ListenerSettings { port: Some(PORT), tcp, ..ListenerSettings::default() };
        self.world.host(self.server).tcp_listen(settings).map_err(|why| Failure::Story(why.to_string()))
    }

    /// The client connects from `port` (zero: any).
    pub fn connect(&mut self, port: u16, tcp: TcpSettings) -> Result<TcpId, Failure> {
        let now = self.world.now();
        let local = Some(SocketAddr::new(address(1), port));
        let remote = SocketAddr::new(address(2), PORT);
        let host = self.world.host(self.client);
        host.tcp_connect(now, remote, local, tcp).map_err(|why| Failure::Story(why.to_string()))
    }

    /// Both established.
    pub fn open(&mut self, port: u16, client: TcpSettings, server: TcpSettings) -> Result<(TcpId, TcpId), Failure> {
        let listener = self.listen(server)?;
        let id = self.connect(port, client)?;
        let mut accepted = None;
        let server = self.server;
        self.world.run_with(Duration::from_millis(200), |world| {
            accepted = accepted.or_else(|| world.host(server).tcp_accept(listener));
        })?;
        let accepted = accepted.ok_or_else(|| Failure::Story("the connection was not established".to_owned()))?;
        Ok((id, accepted))
    }

    /// Writes at one side now.
    pub fn write(&mut self, node: NodeId, id: TcpId, bytes: usize) {
        let now = self.world.now();
        // What does not fit is not written; stories write less than a buffer.
        let _ = self.world.host(node).tcp_write(now, id, &text(bytes));
    }

    /// A ladder of TCP between the two.
    pub fn ladder(&self, title: &str, subtitle: &str) -> Ladder {
        Ladder::of(&self.world, title, subtitle, &[self.client, self.server], is_tcp)
    }
}

/// 10.0.0.`last`.
pub fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// So many letters.
pub fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| b'a' + (index % 26) as u8).collect()
}

/// Whether a packet is TCP.
pub fn is_tcp(seen: &Seen) -> bool {
    matches!(seen.what, What::Tcp { .. })
}

/// Reads everything there is; says how much, and whether the stream has ended.
pub fn drain(world: &mut World, node: NodeId, id: TcpId) -> (usize, bool) {
    let now = world.now();
    let host = world.host(node);
    // Asked after every step: mostly there is nothing.
    let Some(connection) = host.tcp_connection(id) else { return (0, true) };
    if connection.readable() == 0 && !connection.at_end() && connection.error().is_none() {
        return (0, false);
    }
    let mut buffer = [0; 16_384];
    let mut total = 0;
    loop {
        match host.tcp_read(now, id, &mut buffer) {
            Ok(Some(0)) | Err(_) => return (total, true),
            Ok(Some(count)) => total += count,
            Ok(None) => return (total, false),
        }
    }
}

/// Writes as much of `remaining` as there is room for.
pub fn feed(world: &mut World, node: NodeId, id: TcpId, remaining: &mut usize) {
    let now = world.now();
    while *remaining > 0 {
        let room = world.host(node).tcp_connection(id).map_or(0, |connection| connection.room_to_write());
        if room == 0 {
            return;
        }
        let piece = text((*remaining).min(16_384).min(room));
        match world.host(node).tcp_write(now, id, &piece) {
            Ok(count @ 1..) => *remaining -= count,
            _ => return,
        }
    }
}

/// A connection's state in words.
pub fn state(world: &mut World, node: NodeId, id: TcpId) -> State {
    world.host(node).tcp_connection(id).map_or(State::Closed, |connection| connection.state())
}

/// Shows a ladder and keeps it with the capture.
pub fn show(
    name: &str,
    world: &World,
    ladder: &Ladder,
    options: Options,
    out: &mut dyn Write,
) -> Result<Artifacts, Failure> {
    terminal::write(ladder, options.colour, out)?;
    let mut artifacts = Artifacts::default();
    artifacts.add(format!("{name}.svg"), ladder.svg());
    artifacts.add(format!("{name}.pcapng"), world.capture().bytes());
    Ok(artifacts)
}

/// A link of ten milliseconds one way: slow enough to see order, fast enough to see it all.
pub fn ten_milliseconds() -> LinkSettings {
    LinkSettings { delay: Duration::from_millis(10), ..LinkSettings::default() }
}

/// Settings with small segments and no auto-tuning, for ladders that fit on a page.
pub fn small(segment: u16, buffer: usize) -> TcpSettings {
    TcpSettings {
        maximum_segment_size: Some(segment),
        receive_buffer: buffer,
        receive_buffer_max: buffer,
        timestamps: false,
        window_scaling: false,
        ..TcpSettings::default()
    }
}

/// The present moment of the story.
pub fn moment(world: &World) -> Duration {
    world.elapsed()
}
