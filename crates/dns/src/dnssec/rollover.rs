//! Rolling keys over without a moment in which someone cannot validate: zone-signing keys are published
//! before they sign (RFC 6781 §4.1.1.1), key-signing and combined keys are doubled until the parent has the
//! new DS (§4.1.2, §4.1.3; timing as RFC 7583 has it).
//!
//! The machine knows tags and times, not secrets: it asks for a key to be made and is told its tag; its
//! state is a plain value that the caller keeps.

use std::time::Duration;

use edgeway_base::WallTime;

use super::key::Role;

/// How long things take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How long a zone-signing key signs; zero: until told otherwise.
    pub zone_key_lifetime: Duration,
    /// How long a key-signing or combined key signs; zero: until told otherwise.
    pub key_key_lifetime: Duration,
    /// TTL of the DNSKEY set.
    pub dnskey_ttl: Duration,
    /// Largest TTL in the zone.
    pub zone_ttl_max: Duration,
    /// TTL of the DS at the parent.
    pub ds_ttl: Duration,
    /// How long a change needs to reach every server of the zone.
    pub propagation: Duration,
    /// Whether one key does both.
    pub combined: bool,
}

impl Default for Policy {
    /// One combined key, never rolled unless asked: what RFC 6781 §3.2 calls sufficient with such algorithms.
    fn default() -> Self {
        let hour = Duration::from_secs(3_600);
        let day = 24 * hour;
        Self {
            zone_key_lifetime: 90 * day,
            key_key_lifetime: Duration::ZERO,
            dnskey_ttl: hour,
            zone_ttl_max: day,
            ds_ttl: day,
            propagation: hour,
            combined: true,
        }
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// In the zone, not signing data: waiting until every cache has it.
    Published,
    /// Signing. A key-signing key's DS is known to be at the parent.
    Active,
    /// Signing, but the parent is still to take its DS.
    AwaitingDs,
    /// No longer needed by new answers, but caches may need it.
    Retired,
}

/// One key's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyState {
    /// Its tag.
    pub key_tag: u16,
    /// What it is for.
    pub role: Role,
    /// Where it is.
    pub stage: Stage,
    /// Since when.
    pub since: WallTime,
}

/// What the caller has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Make a key and tell its tag with [`Rollover::key_made`].
    MakeKey(Role),
    /// Have the parent take this key's DS (CDS does it by itself where the parent looks), and tell when it
    /// is seen with [`Rollover::ds_seen`].
    SubmitDs(u16),
    /// The zone must be signed anew: published or active keys changed.
    Resign,
    /// This key is used by nothing any more: delete it.
    RemoveKey(u16),
}

/// The keys of one zone and what becomes of them.
#[derive(Clone, Debug)]
pub struct Rollover {
    policy: Policy,
    keys: Vec<KeyState>,
    events: std::collections::VecDeque<Event>,
    /// A key was asked for and has not been told yet.
    waiting: Vec<Role>,
}

impl Rollover {
    /// Takes up where `keys` are; with none, asks for the first ones.
    pub fn new(policy: Policy, keys: Vec<KeyState>) -> Self {
        let mut machine = Self { policy, keys, events: std::collections::VecDeque::new(), waiting: Vec::new() };
        for role in machine.roles() {
            if !machine.keys.iter().any(|key| key.role == role) {
                machine.ask(role);
            }
        }
        machine
    }

    /// The keys as they are, to be kept.
    pub fn keys(&self) -> &[KeyState] {
        &self.keys
    }

    /// Tags of keys in the zone that do not sign now.
    pub fn resting(&self) -> Vec<u16> {
        let rests = |key: &&KeyState| match key.role {
            Role::ZoneSigning => key.stage != Stage::Active,
            // A new key-signing key signs the keys from its first day, so that either DS will do.
            Role::KeySigning | Role::Combined => false,
        };
        self.keys.iter().filter(rests).map(|key| key.key_tag).collect()
    }

    /// Tags of keys the parent should name: the new one once every cache has it, until then the old.
    pub fn wanted_ds(&self) -> Vec<u16> {
        let with_stage =
            |stage| self.keys.iter().filter(move |key| key.role != Role::ZoneSigning && key.stage == stage);
        let newest: Vec<u16> = with_stage(Stage::AwaitingDs).map(|key| key.key_tag).collect();
        if newest.is_empty() { with_stage(Stage::Active).map(|key| key.key_tag).collect() } else { newest }
    }

    /// Rolls keys of a role over now, whatever their age.
    pub fn roll(&mut self, role: Role) {
        let rolling =
            self.keys.iter().any(|key| key.role == role && matches!(key.stage, Stage::Published | Stage::AwaitingDs));
        if !rolling {
            self.ask(role);
        }
    }

    /// A key that was asked for exists now.
    pub fn key_made(&mut self, role: Role, key_tag: u16, now: WallTime) {
        self.waiting.retain(|waiting| *waiting != role);
        let first = !self.keys.iter().any(|key| key.role == role);
        // The very first keys need no waiting: nobody has cached the zone without them as signed.
        let stage = match (first, role) {
            (true, Role::ZoneSigning) => Stage::Active,
            (true, _) => Stage::AwaitingDs,
            (false, _) => Stage::Published,
        };
        self.keys.push(KeyState { key_tag, role, stage, since: now });
        self.events.push_back(Event::Resign);
        if stage == Stage::AwaitingDs {
            self.events.push_back(Event::SubmitDs(key_tag));
        }
    }

    /// The parent shows a DS for this key on all of its servers.
    pub fn ds_seen(&mut self, key_tag: u16, now: WallTime) {
        let Some(key) = self.keys.iter_mut().find(|key| key.key_tag == key_tag && key.stage == Stage::AwaitingDs)
        else {
            return;
        };
        (key.stage, key.since) = (Stage::Active, now);
        let role = key.role;
        for old in &mut self.keys {
            if old.role == role && old.stage == Stage::Active && old.key_tag != key_tag {
                (old.stage, old.since) = (Stage::Retired, now);
            }
        }
        self.events.push_back(Event::Resign);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: WallTime) {
        for index in 0..self.keys.len() {
            if self.due(&self.keys[index]).is_some_and(|due| due <= now) {
                self.advance(index, now);
            }
        }
        let gone = |key: &KeyState| key.stage == Stage::Retired && self.due(key).is_some_and(|due| due <= now);
        let removed: Vec<u16> = self.keys.iter().filter(|key| gone(key)).map(|key| key.key_tag).collect();
        if !removed.is_empty() {
            self.keys.retain(|key| !removed.contains(&key.key_tag));
            self.events.push_back(Event::Resign);
            self.events.extend(removed.into_iter().map(Event::RemoveKey));
        }
    }

    /// What to do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Rollover::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<WallTime> {
        let rolling =
            |key: &KeyState| self.keys.iter().any(|other| other.role == key.role && other.key_tag != key.key_tag);
        // An old key whose successor exists waits for the successor, not for its own age.
        let waits =
            |key: &&KeyState| !(key.stage == Stage::Active && (rolling(key) || self.waiting.contains(&key.role)));
        self.keys.iter().filter(waits).filter_map(|key| self.due(key)).min()
    }

    fn roles(&self) -> Vec<Role> {
        if self.policy.combined { vec![Role::Combined] } else { vec![Role::KeySigning, Role::ZoneSigning] }
    }

    fn ask(&mut self, role: Role) {
        if !self.waiting.contains(&role) {
            self.waiting.push(role);
            self.events.push_back(Event::MakeKey(role));
        }
    }

    /// When a key's stage ends by time alone.
    fn due(&self, key: &KeyState) -> Option<WallTime> {
        let policy = &self.policy;
        let (lifetime, known, forgotten) = match key.role {
            Role::ZoneSigning => (policy.zone_key_lifetime, policy.dnskey_ttl, policy.zone_ttl_max),
            Role::KeySigning => (policy.key_key_lifetime, policy.dnskey_ttl, policy.ds_ttl),
            // Everything the old key signed has to be forgotten before the new DS can stand alone.
            Role::Combined => (policy.key_key_lifetime, policy.dnskey_ttl.max(policy.zone_ttl_max), policy.ds_ttl),
        };
        match key.stage {
            Stage::Published => Some(key.since.later(known + policy.propagation)),
            Stage::Active if !lifetime.is_zero() => Some(key.since.later(lifetime)),
            Stage::Active | Stage::AwaitingDs => None,
            Stage::Retired => Some(key.since.later(forgotten + policy.propagation)),
        }
    }

    fn advance(&mut self, index: usize, now: WallTime) {
        let KeyState { key_tag, role, stage, .. } = self.keys[index];
        match (stage, role) {
            (Stage::Published, Role::ZoneSigning) => {
                (self.keys[index].stage, self.keys[index].since) = (Stage::Active, now);
                for old in self
                    .keys
                    .iter_mut()
                    .filter(|old| old.role == role && old.stage == Stage::Active && old.key_tag != key_tag)
                {
                    (old.stage, old.since) = (Stage::Retired, now);
                }
                self.events.push_back(Event::Resign);
            }
            (Stage::Published, _) => {
                (self.keys[index].stage, self.keys[index].since) = (Stage::AwaitingDs, now);
                self.events.extend([Event::Resign, Event::SubmitDs(key_tag)]);
            }
            (Stage::Active, _) => self.roll(role),
            (Stage::AwaitingDs | Stage::Retired, _) => {}
        }
    }
}
