//! Idle upstream connections of one worker, newest first: the newest is the least likely to be closed by the other side.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use edgeway_base::Instant;
use rustc_hash::FxHashMap;

use super::upstream::Connection;

/// Connections are interchangeable only when they lead to the same place under the same identity.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PoolKey {
    /// Where it leads: the address, socket path or name as the configuration has it.
    pub place: Rc<str>,
    /// Which TLS settings and name were used; `None` for plain. Two proxies with different rules never share.
    pub identity: Option<Rc<str>>,
}

/// The bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Idle connections kept for each key.
    pub idle_max: usize,
    /// How long one is kept.
    pub idle_for: Duration,
}

/// A connection and since when it is idle.
type Idle = (Box<Connection>, Instant);

/// A worker's idle connections.
pub struct Pool {
    limits: PoolLimits,
    /// Keys come from the configuration, not from strangers: a fast hash is enough.
    idle: RefCell<FxHashMap<PoolKey, Vec<Idle>>>,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Rc<Self> {
        Rc::new(Self { limits, idle: RefCell::default() })
    }

    /// The newest idle connection that is still good.
    pub fn take(&self, context: &mut Context<'_>, key: &PoolKey, now: Instant) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(key)?;
        while let Some((mut connection, since)) = connections.pop() {
            if now - since < self.limits.idle_for && connection.is_quiet(context) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for later, unless there are enough.
    pub fn put(&self, key: PoolKey, connection: Box<Connection>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let connections = match idle.get_mut(&key) {
            Some(connections) => connections,
            None => idle.entry(key).or_default(),
        };
        if connections.len() < self.limits.idle_max {
            connections.push((connection, now));
        }
    }

    /// Closes what has been idle for too long. Called now and then by the worker.
    pub fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        for connections in idle.values_mut() {
            connections.retain(|(_, since)| now - *since < self.limits.idle_for);
        }
        idle.retain(|_, connections| !connections.is_empty());
    }

    /// How many are idle.
    pub fn idle(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }
}
