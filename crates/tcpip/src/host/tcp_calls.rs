//! The application's side of TCP.

use std::net::SocketAddr;

use bytes::Bytes;
use edgeway_base::Instant;

use super::Host;
use crate::error::HostError;
use crate::tcp::connection::Connection;
use crate::tcp::{ListenerId, ListenerSettings, TcpError, TcpId, TcpInfo, TcpSettings};

impl Host {
    /// Listens (RFC 9293's passive OPEN, MUST-41..43).
    pub fn tcp_listen(&mut self, settings: ListenerSettings) -> Result<ListenerId, HostError> {
        if settings.address.is_some_and(|address| !self.owns(address)) {
            return Err(HostError::BadAddress);
        }
        self.tcp.listen(settings).ok_or(HostError::AddressInUse)
    }

    /// Stops listening.
    pub fn tcp_stop_listening(&mut self, now: Instant, listener: ListenerId) {
        self.tcp.stop_listening(now, listener);
    }

    /// Takes the next connection from a listener.
    pub fn tcp_accept(&mut self, listener: ListenerId) -> Option<TcpId> {
        self.tcp.accept(listener)
    }

    /// Connects (RFC 9293's active OPEN). MUST-44: without `local`, the address follows from the route; MUST-46:
    /// not to broadcast or multicast.
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        settings: TcpSettings,
    ) -> Result<TcpId, HostError> {
        self.tcp_connect_with(now, remote, local, settings, &[])
    }

    /// Connects and writes `early` at once; with Fast Open and a cookie it goes with the SYN.
    pub fn tcp_connect_with(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        settings: TcpSettings,
        early: &[u8],
    ) -> Result<TcpId, HostError> {
        let broadcast = self.interfaces.iter().any(|interface| interface.is_broadcast(remote.ip()));
        if !self.is_usable(remote) || broadcast {
            return Err(HostError::BadAddress);
        }
        let local = self.socket_address(local, remote.ip()).ok_or(HostError::NoRoute)?;
        if !self.owns(local.ip()) && !self.settings.any_destination || local.is_ipv4() != remote.is_ipv4() {
            return Err(HostError::BadAddress);
        }
        let size = self.path_size(now, remote.ip()).ok_or(HostError::NoRoute)?;
        let taken = if local.port() == 0 { HostError::NoPorts } else { HostError::AddressInUse };
        self.tcp.connect(now, local, remote, settings, size, early).ok_or(taken)
    }

    /// Writes a copy of as much of `bytes` as there is room for; says how much. MUST-12 and hostile 90: after a
    /// reset, the reason.
    pub fn tcp_write(&mut self, now: Instant, id: TcpId, bytes: &[u8]) -> Result<usize, TcpError> {
        self.writing(id)?;
        Ok(self.tcp.with(now, id, |connection| connection.write(bytes)).unwrap_or(0))
    }

    /// Writes `bytes` without a copy, whole or not at all; says whether.
    pub fn tcp_write_bytes(&mut self, now: Instant, id: TcpId, bytes: Bytes) -> Result<bool, TcpError> {
        self.writing(id)?;
        Ok(self.tcp.with(now, id, |connection| connection.write_bytes(bytes)).unwrap_or(false))
    }

    fn writing(&self, id: TcpId) -> Result<(), TcpError> {
        let connection = self.tcp.get(id).ok_or(TcpError::Aborted)?;
        match connection.error() {
            Some(error) => Err(error),
            None if connection.state() == crate::tcp::State::Closed => Err(TcpError::Aborted),
            None => Ok(()),
        }
    }

    /// Reads. `Ok(Some(0))`: the end of the stream. `Ok(None)`: nothing yet. What arrived before a reset is read
    /// first, then comes the reason (hostile 90).
    pub fn tcp_read(&mut self, now: Instant, id: TcpId, buffer: &mut [u8]) -> Result<Option<usize>, TcpError> {
        let connection = self.tcp.get(id).ok_or(TcpError::Aborted)?;
        if connection.readable() > 0 {
            return Ok(self.tcp.with(now, id, |connection| connection.read(now, buffer, false)));
        }
        ended(connection)
    }

    /// Reads without taking away.
    pub fn tcp_peek(&mut self, now: Instant, id: TcpId, buffer: &mut [u8]) -> Result<Option<usize>, TcpError> {
        let connection = self.tcp.get(id).ok_or(TcpError::Aborted)?;
        if connection.readable() > 0 {
            return Ok(self.tcp.with(now, id, |connection| connection.read(now, buffer, true)));
        }
        ended(connection)
    }

    /// Reads the next piece without a copy, at most `most` bytes.
    pub fn tcp_read_bytes(&mut self, now: Instant, id: TcpId, most: usize) -> Result<Option<Bytes>, TcpError> {
        let connection = self.tcp.get(id).ok_or(TcpError::Aborted)?;
        if connection.readable() > 0 {
            return Ok(self.tcp.with(now, id, |connection| connection.read_bytes(now, most)).flatten());
        }
        Ok(ended(connection)?.map(|_| Bytes::new()))
    }

    /// No more writing; what was written still goes, then a FIN.
    pub fn tcp_shutdown(&mut self, now: Instant, id: TcpId) {
        self.tcp.with(now, id, Connection::shutdown);
    }

    /// Lets go: closes in the background, with a reset when data was left unread (SHLD-3). The id is dead.
    pub fn tcp_close(&mut self, now: Instant, id: TcpId) {
        self.tcp.close(now, id);
    }

    /// Resets. The id stays until [`Host::tcp_close`].
    pub fn tcp_abort(&mut self, now: Instant, id: TcpId) {
        self.tcp.with(now, id, Connection::abort);
    }

    /// Lets a held connection answer its SYN.
    pub fn tcp_admit(&mut self, now: Instant, id: TcpId) {
        self.tcp.admit(now, id);
    }

    /// Refuses a held connection.
    pub fn tcp_refuse(&mut self, now: Instant, id: TcpId) {
        self.tcp.refuse_held(now, id);
    }

    /// A connection, to look at.
    pub fn tcp_connection(&self, id: TcpId) -> Option<&Connection> {
        self.tcp.get(id)
    }

    /// A connection in the kernel's words.
    pub fn tcp_info(&self, id: TcpId) -> Option<TcpInfo> {
        self.tcp.get(id).map(Connection::info)
    }

    /// Changes a connection's settings.
    pub fn tcp_configure(&mut self, now: Instant, id: TcpId, change: impl FnOnce(&mut TcpSettings)) {
        self.tcp.with(now, id, |connection| connection.configure(now, change));
    }
}

fn ended(connection: &Connection) -> Result<Option<usize>, TcpError> {
    match connection.error() {
        Some(error) => Err(error),
        None if connection.at_end() => Ok(Some(0)),
        None => Ok(None),
    }
}
