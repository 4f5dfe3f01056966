//! PINGs of ours that are on their way (RFC 9113 §6.7): one for each purpose. Owned by the connection.

/// Why we ping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PingPurpose {
    /// To measure the path.
    Path,
    /// To hear whether the peer is still there.
    KeepAlive,
    /// To learn when the first GOAWAY has arrived.
    Shutdown,
}

const PURPOSES: [PingPurpose; 3] = [PingPurpose::Path, PingPurpose::KeepAlive, PingPurpose::Shutdown];

/// The payloads on their way.
#[derive(Debug, Default)]
pub(super) struct Pings {
    sent: u64,
    on_their_way: [Option<u64>; PURPOSES.len()],
}

impl Pings {
    /// The payload of a new PING; an older one of this purpose is forgotten.
    pub(super) const fn start(&mut self, purpose: PingPurpose) -> [u8; 8] {
        self.sent += 1;
        let payload = self.sent << 2 | purpose as u64;
        self.on_their_way[purpose as usize] = Some(payload);
        payload.to_be_bytes()
    }

    /// An acknowledgement came: what it answers. `None`: nothing we asked.
    pub(super) fn answer(&mut self, payload: [u8; 8]) -> Option<PingPurpose> {
        let payload = u64::from_be_bytes(payload);
        let purpose = *PURPOSES.get((payload & 3) as usize)?;
        self.on_their_way[purpose as usize].take_if(|sent| *sent == payload).map(|_| purpose)
    }
}
