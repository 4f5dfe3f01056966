//! The endpoint's side towards the application: listening, accepting, connecting, closing, looking. Called by
//! [`crate::host`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use edgeway_base::Instant;

use super::{Endpoint, ListenerId, PathSize, READABLE, TcpEvent, TcpId};
use crate::arena::Key;
use crate::limits;
use crate::tcp::connection::{Connection, Pair};
use crate::tcp::counters::TcpCounters;
use crate::tcp::listener::{Listener, ListenerSettings};
use crate::tcp::settings::TcpSettings;
use crate::tcp::state::State;
use crate::wire::tcp_options::FastOpen;

impl Endpoint {
    /// Listens. `None` when somebody listens there already.
    pub fn listen(&mut self, settings: ListenerSettings) -> Option<ListenerId> {
        let taken = match settings.port {
            Some(port) => self.by_port.contains_key(&(settings.address, port)),
            None => self.any_port.is_some(),
        };
        if taken {
            return None;
        }
        let place = settings.port.map(|port| (settings.address, port));
        let key = self.listeners.insert(Listener::new(settings));
        match place {
            Some(place) => drop(self.by_port.insert(place, key)),
            None => self.any_port = Some(key),
        }
        Some(ListenerId(key))
    }

    /// Stops listening; what waited to be accepted is reset.
    pub fn stop_listening(&mut self, now: Instant, id: ListenerId) {
        let Some(mut listener) = self.listeners.remove(id.0) else { return };
        match listener.port {
            Some(port) => drop(self.by_port.remove(&(listener.address, port))),
            None => self.any_port = None,
        }
        let half_open: Vec<Key> =
            self.slots.iter().filter(|(_, slot)| slot.listener == Some(id.0)).map(|(key, _)| key).collect();
        for key in listener.drain().chain(half_open) {
            if let Some(slot) = self.slots.get_mut(key) {
                slot.connection.abort();
                self.settle(now, key);
            }
        }
    }

    /// Changes what a listener gives to connections that come from now on.
    pub fn configure_listener(&mut self, id: ListenerId, change: impl FnOnce(&mut TcpSettings)) {
        if let Some(listener) = self.listeners.get_mut(id.0) {
            change(Arc::make_mut(&mut listener.settings));
        }
    }

    /// Takes the next connection.
    pub fn accept(&mut self, id: ListenerId) -> Option<TcpId> {
        let listener = self.listeners.get_mut(id.0)?;
        let key = listener.pop()?;
        let slot = self.slots.get_mut(key)?;
        slot.listener = None;
        let readable = slot.connection.readable() > 0 || slot.connection.at_end();
        if readable && slot.reported & READABLE == 0 {
            slot.reported |= READABLE;
            self.events.push_back(TcpEvent::Readable(TcpId(key)));
        }
        Some(TcpId(key))
    }

    /// Lets a held connection answer its SYN.
    pub fn admit(&mut self, now: Instant, id: TcpId) {
        self.with(now, id, Connection::admit);
    }

    /// Refuses a held connection with a reset.
    pub fn refuse_held(&mut self, now: Instant, id: TcpId) {
        self.with(now, id, Connection::refuse);
    }

    /// Opens. `local` has the address chosen; its port may be zero for an ephemeral one (RFC 6056). `None`: no
    /// port left, or that pair is taken.
    pub fn connect(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        settings: TcpSettings,
        size: PathSize,
        early: &[u8],
    ) -> Option<TcpId> {
        if self.slots.len() >= limits::CONNECTIONS_MAX {
            return None;
        }
        let pair = self.choose_pair(local, remote)?;
        let fast_open = settings.fast_open.then(|| {
            self.fast_open_cookies.get(&remote.ip()).map_or(FastOpen::Request, |cookie| FastOpen::Cookie(*cookie))
        });
        let birth = self.birth(now, pair, Arc::new(settings), size);
        let mut connection = Connection::connect(&birth);
        connection.open_fast(fast_open);
        connection.write(early);
        let key = self.insert(pair, connection, None);
        self.counters.opened += 1;
        self.settle(now, key);
        Some(TcpId(key))
    }

    fn choose_pair(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<Pair> {
        let free = |endpoint: &Self, port| {
            let pair = Pair { local: SocketAddr::new(local.ip(), port), remote };
            let used = endpoint.by_pair.contains_key(&pair) || endpoint.time_waits.contains(&pair);
            (!used).then_some(pair)
        };
        if local.port() != 0 {
            return free(self, local.port());
        }
        let ports = self.secrets.ports(local.ip(), remote);
        ports.filter(|port| self.find_bound(local.ip(), *port)).find_map(|port| free(self, port))
    }

    /// Whether an ephemeral port collides with no listener.
    fn find_bound(&self, address: IpAddr, port: u16) -> bool {
        !self.by_port.contains_key(&(Some(address), port)) && !self.by_port.contains_key(&(None, port))
    }

    /// A connection.
    pub fn get(&self, id: TcpId) -> Option<&Connection> {
        self.slots.get(id.0).map(|slot| &slot.connection)
    }

    /// Does something to a connection, then sees what follows from it.
    pub fn with<R>(&mut self, now: Instant, id: TcpId, act: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        let slot = self.slots.get_mut(id.0)?;
        let result = act(&mut slot.connection);
        self.settle(now, id.0);
        Some(result)
    }

    /// The application lets go of a connection; it closes in the background.
    pub fn close(&mut self, now: Instant, id: TcpId) {
        let Some(slot) = self.slots.get_mut(id.0) else { return };
        slot.connection.close(now);
        let detached = slot.detached;
        self.settle(now, id.0);
        if detached {
            self.remove(id.0);
        }
    }

    /// Sees to it that the connection sends what it now may, such as after a path changed.
    pub fn wake_all(&mut self, now: Instant) {
        let keys: Vec<Key> = self.slots.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.settle(now, key);
        }
    }

    /// Every connection with its id.
    pub fn connections(&self) -> impl Iterator<Item = (TcpId, &Connection)> {
        self.slots.iter().map(|(key, slot)| (TcpId(key), &slot.connection))
    }

    /// Connections to remotes at this address, for a path MTU that changed.
    pub fn set_path_segment_size(&mut self, now: Instant, remote: IpAddr, bytes: u32) {
        let keys: Vec<Key> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.connection.pair().remote.ip() == remote)
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.with(now, TcpId(key), |connection| connection.set_path_segment_size(bytes));
        }
    }

    /// Forgets every TIME-WAIT, as an operator may ask.
    pub fn forget_time_waits(&mut self) {
        self.time_waits.clear();
    }

    /// How many connections, TIME-WAITs and listeners.
    pub fn census(&self) -> (usize, usize, usize) {
        (self.slots.len(), self.time_waits.len(), self.listeners.len())
    }

    /// How many connections of `state` have this local port.
    pub fn count_in(&self, state: State, port: Option<u16>) -> usize {
        let matches = |connection: &Connection| {
            connection.state() == state && port.is_none_or(|port| connection.pair().local.port() == port)
        };
        let live = self.slots.iter().filter(|(_, slot)| !slot.detached && matches(&slot.connection)).count();
        live + if state == State::TimeWait { self.time_waits.len() } else { 0 }
    }

    /// The state of the connection between these ends, TIME-WAIT included.
    pub fn state_of(&self, pair: &Pair) -> Option<State> {
        let slot = self.by_pair.get(pair).and_then(|key| self.slots.get(*key));
        let waiting = || self.time_waits.contains(pair).then_some(State::TimeWait);
        slot.map(|slot| slot.connection.state()).or_else(waiting)
    }

    /// Whether somebody listens at this end.
    pub fn is_listening(&self, local: SocketAddr) -> bool {
        self.find_listener(local).is_some()
    }

    /// What was counted.
    pub const fn counters(&self) -> &TcpCounters {
        &self.counters
    }

    /// Counts a segment dropped before it came here.
    pub const fn count_malformed(&mut self) {
        self.counters.malformed += 1;
    }

    /// The invariants of every connection.
    pub fn check(&self) -> Result<(), String> {
        for (_, slot) in self.slots.iter() {
            slot.connection.check().map_err(|why| format!("{:?}: {why}", slot.connection.pair()))?;
        }
        Ok(())
    }
}
