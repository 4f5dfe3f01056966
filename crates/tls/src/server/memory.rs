//! What outlives a reload: ticket keys and stored sessions for each client rule, leaves issued on
//! demand, challenges in flight. One for the process, shared by all workers. Called by
//! [`super::front`] while it builds, by the ACME client's driver for challenges, and by the binary
//! upgrade for the keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgeway_base::{Cursor, Incomplete};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use rustls::sign::CertifiedKey;

use super::challenge::Challenges;
use super::client_rule::RuleId;
use super::issued::IssuedLeaves;
use super::tickets::TicketKeys;
use crate::certificate::CertificateName;
use crate::clock::SharedClock;
use crate::limits;

/// State shared by all snapshots and workers.
#[derive(Debug)]
pub struct Memory {
    pub(super) clock: SharedClock,
    pub(super) leaves: IssuedLeaves,
    pub(super) challenges: Challenges,
    families: Mutex<HashMap<RuleId, Family>>,
}

/// What makes resumption possible among sites under one client rule, and only among them.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) tickets: Arc<TicketKeys>,
    pub(super) sessions: Arc<dyn StoresServerSessions>,
    /// Sessions that may carry 0-RTT data: kept apart, each good for one use.
    pub(super) single_use_sessions: Arc<dyn StoresServerSessions>,
}

impl Family {
    fn with(tickets: TicketKeys) -> Self {
        Self {
            tickets: Arc::new(tickets),
            sessions: ServerSessionMemoryCache::new(limits::STORED_SESSIONS_MAX),
            single_use_sessions: ServerSessionMemoryCache::new(limits::STORED_SESSIONS_MAX),
        }
    }
}

/// First bytes of exported keys, so that other bytes are not taken for them.
const EXPORT_MARK: &[u8; 8] = b"EWTICK01";

impl Memory {
    /// A memory with nothing in it, reading `clock`.
    pub fn new(clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            leaves: IssuedLeaves::default(),
            challenges: Challenges::default(),
            families: Mutex::new(HashMap::new()),
        })
    }

    /// The calendar all configurations made from this memory read.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Keys and sessions for the sites under `rule`.
    pub(super) fn family(&self, rule: RuleId) -> Family {
        let mut families = self.lock();
        if families.len() >= limits::TICKET_FAMILIES_MAX && !families.contains_key(&rule) {
            // Rules that no configuration has any more; those in use are held by their configurations
            // and lose only their place in the next export.
            families.retain(|_, family| Arc::strong_count(&family.tickets) > 1);
        }
        families.entry(rule).or_insert_with(|| Family::with(TicketKeys::new(self.clock.clone()))).clone()
    }

    /// Replaces ticket keys that have served their time. They also replace themselves when used;
    /// calling this now and then keeps the keys of quiet sites from outliving their day.
    pub fn rotate_tickets(&self) {
        self.lock().values().for_each(|family| family.tickets.rotate());
    }

    /// All ticket keys, for the program that takes over our sockets. Secret: whoever holds them can
    /// read every session resumed with them.
    pub fn export_tickets(&self) -> Vec<u8> {
        let families = self.lock();
        let mut bytes = EXPORT_MARK.to_vec();
        bytes.extend_from_slice(&(families.len() as u16).to_be_bytes());
        for (rule, family) in families.iter() {
            bytes.extend_from_slice(&rule.0);
            family.tickets.export(&mut bytes);
        }
        bytes
    }

    /// Takes over what [`Self::export_tickets`] wrote. Call it before the first [`super::Front`] is
    /// built: configurations keep the keys they were built with.
    ///
    /// # Errors
    /// [`Incomplete`] when the bytes are not such an export; nothing is taken then.
    pub fn import_tickets(&self, bytes: &[u8]) -> Result<(), Incomplete> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array()? != *EXPORT_MARK {
            return Err(Incomplete);
        }
        let count = cursor.u16()?;
        let mut taken = Vec::new();
        for _ in 0..count {
            let rule = RuleId(cursor.array()?);
            taken.push((rule, TicketKeys::import(self.clock.clone(), &mut cursor)?));
        }
        taken.truncate(limits::TICKET_FAMILIES_MAX);
        self.lock().extend(taken.into_iter().map(|(rule, keys)| (rule, Family::with(keys))));
        Ok(())
    }

    /// Enters the certificate that answers an ACME server's tls-alpn-01 visit for `name`; `false`
    /// when [`limits::CHALLENGES_MAX`] are waiting already.
    pub fn insert_challenge(&self, name: &CertificateName, certificate: Arc<CertifiedKey>) -> bool {
        self.challenges.insert(name, certificate)
    }

    /// Takes it out again.
    pub fn remove_challenge(&self, name: &CertificateName) {
        self.challenges.remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RuleId, Family>> {
        // Every change is one insertion or removal: a panic elsewhere leaves nothing half done.
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
