//! The script's relative numbers and the wire's: sequence numbers, timestamps and ports of the conversation under
//! test. Owned by [`super::runner`].

use std::net::{IpAddr, SocketAddr};

/// Where the peer's sequence numbers start on the wire: any number will do.
const REMOTE_BASE: u32 = 0x3000_0000;
/// The port of the script's peer.
const REMOTE_PORT: u16 = 8080;
/// The port that scripts bind.
pub(crate) const LOCAL_PORT: u16 = 8080;
/// First port of peers that connect to us.
const REMOTE_EPHEMERAL: u16 = 33_333;

/// One conversation.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Our end.
    pub local: SocketAddr,
    /// The script's peer.
    pub remote: SocketAddr,
    /// Wire number minus script number, for what we send.
    local_base: Option<u32>,
    /// The same for our timestamps.
    clock_base: Option<u32>,
}

impl Flow {
    /// A conversation that the peer opens.
    pub fn passive(local: IpAddr, remote: IpAddr, count: u16) -> Self {
        let (local, remote) = (SocketAddr::new(local, LOCAL_PORT), SocketAddr::new(remote, REMOTE_EPHEMERAL + count));
        Self { local, remote, local_base: None, clock_base: None }
    }

    /// A conversation that we open.
    pub fn active(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote, local_base: None, clock_base: None }
    }

    /// Where scripts connect to.
    pub fn peer(remote: IpAddr) -> SocketAddr {
        SocketAddr::new(remote, REMOTE_PORT)
    }

    /// Our first sequence number: the script calls it `script`.
    pub fn learn_local(&mut self, wire: u32, script: u32) {
        self.local_base = Some(wire.wrapping_sub(script));
    }

    /// Our numbers are known already.
    pub const fn knows_local(&self) -> bool {
        self.local_base.is_some()
    }

    /// Our timestamp: the script calls it `script`.
    pub fn learn_clock(&mut self, wire: u32, script: u32) {
        self.clock_base = self.clock_base.or_else(|| Some(wire.wrapping_sub(script)));
    }

    /// A number of ours from the script, on the wire.
    pub fn local_to_wire(&self, script: u32) -> u32 {
        script.wrapping_add(self.local_base.unwrap_or(0))
    }

    /// A number of ours from the wire, in the script.
    pub fn local_to_script(&self, wire: u32) -> u32 {
        wire.wrapping_sub(self.local_base.unwrap_or(0))
    }

    /// The peer's number, on the wire.
    pub const fn remote_to_wire(script: u32) -> u32 {
        script.wrapping_add(REMOTE_BASE)
    }

    /// The peer's number, in the script.
    pub const fn remote_to_script(wire: u32) -> u32 {
        wire.wrapping_sub(REMOTE_BASE)
    }

    /// An echo of our clock, on the wire; zero is no echo.
    pub fn clock_to_wire(&self, script: u32) -> u32 {
        if script == 0 { 0 } else { script.wrapping_add(self.clock_base.unwrap_or(0)) }
    }

    /// Our clock, in the script.
    pub fn clock_to_script(&self, wire: u32) -> u32 {
        wire.wrapping_sub(self.clock_base.unwrap_or(0))
    }
}
