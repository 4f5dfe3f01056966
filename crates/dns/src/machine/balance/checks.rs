//! When to check whom, and what the results mean: rise and fall, timeouts, a limit on checks begun. The
//! check itself (TCP, HTTP, HTTPS) is the caller's; one target is checked once however many pools use it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::Instant;

use crate::limits::CHECKS_PER_SECOND_MAX;

use super::{Health, HealthState};

/// A target of checks, by the number its caller gave it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckId(pub u64);

/// How a target is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckRule {
    /// Time between the beginnings of two checks.
    pub interval: Duration,
    /// Time after which a check has failed.
    pub timeout: Duration,
    /// Successes in a row that bring a target up.
    pub rise: u32,
    /// Failures in a row that take it down.
    pub fall: u32,
}

impl Default for CheckRule {
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), timeout: Duration::from_secs(2), rise: 2, fall: 3 }
    }
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckOutcome {
    /// It went well; the load in thousandths, when the target told one.
    Passed {
        /// How much of the target's capacity is in use.
        load_permille: Option<u16>,
    },
    /// It did not.
    Failed,
}

/// A target changed its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthChange {
    /// Which.
    pub check: CheckId,
    /// What it was.
    pub from: HealthState,
    /// What it is.
    pub to: HealthState,
}

/// All targets of a server.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    targets: HashMap<CheckId, Target>,
    changes: std::collections::VecDeque<HealthChange>,
    /// When another check may begin.
    next_start: Instant,
}

#[derive(Clone, Debug)]
struct Target {
    rule: CheckRule,
    health: Health,
    /// Results in a row that speak against the present state.
    streak: u32,
    due: Instant,
    /// Which check runs, and until when; results of others come too late.
    running: Option<(u64, Instant)>,
    started: u64,
}

impl Checks {
    /// No targets.
    pub fn new() -> Self {
        Self::default()
    }

    /// These are the targets from now on. Those that were there keep their health; those that are gone are
    /// forgotten, and their running checks mean nothing any more.
    pub fn set_targets(&mut self, targets: impl IntoIterator<Item = (CheckId, CheckRule)>, now: Instant) {
        let mut old = std::mem::take(&mut self.targets);
        for (id, rule) in targets {
            let fresh = || Target { rule, health: Health::default(), streak: 0, due: now, running: None, started: 0 };
            let kept = old.remove(&id).map(|target| Target { rule, ..target });
            self.targets.insert(id, kept.unwrap_or_else(fresh));
        }
    }

    /// A check to begin now: the target and the run's number, to be given back with its result.
    pub fn poll_start(&mut self, now: Instant) -> Option<(CheckId, u64)> {
        if self.next_start > now {
            return None;
        }
        // The longest overdue first, so that none starves under the limit.
        let ready = self.targets.iter_mut().filter(|(_, target)| target.running.is_none() && target.due <= now);
        let (id, target) = ready.min_by_key(|(id, target)| (target.due, **id))?;
        target.started += 1;
        target.running = Some((target.started, now + target.rule.timeout));
        target.due = now + target.rule.interval;
        self.next_start = now + Duration::from_millis(1_000 / CHECKS_PER_SECOND_MAX);
        Some((*id, target.started))
    }

    /// A check ended. Late results, and those of targets that are gone, are ignored.
    pub fn handle_result(&mut self, id: CheckId, run: u64, outcome: CheckOutcome) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        if target.running.is_none_or(|(running, _)| running != run) {
            return;
        }
        target.running = None;
        if let CheckOutcome::Passed { load_permille } = outcome {
            target.health.load_permille = load_permille;
        }
        let passed = matches!(outcome, CheckOutcome::Passed { .. });
        let from = target.health.state;
        if let Some(to) = target.judge(passed) {
            target.health.state = to;
            self.changes.push_back(HealthChange { check: id, from, to });
        }
    }

    /// Time has passed: checks that hang have failed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let hanging = self
            .targets
            .iter()
            .filter_map(|(id, target)| target.running.filter(|(_, until)| *until <= now).map(|(run, _)| (*id, run)));
        for (id, run) in hanging.collect::<Vec<_>>() {
            self.handle_result(id, run, CheckOutcome::Failed);
        }
    }

    /// What changed.
    pub fn poll_event(&mut self) -> Option<HealthChange> {
        self.changes.pop_front()
    }

    /// When to call [`Checks::handle_timeout`] and [`Checks::poll_start`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.targets.values().map(|target| match target.running {
            Some((_, until)) => until,
            None => target.due.max(self.next_start),
        });
        due.min()
    }

    /// The health of all targets, for a [`super::Balancer`].
    pub fn health(&self) -> Arc<HashMap<CheckId, Health>> {
        Arc::new(self.targets.iter().map(|(id, target)| (*id, target.health)).collect())
    }
}

impl Target {
    /// What one more result makes of the state; none when nothing changes.
    fn judge(&mut self, passed: bool) -> Option<HealthState> {
        let to = if passed { HealthState::Up } else { HealthState::Down };
        // The first result of all decides at once: until then there is no answer.
        let needed = match self.health.state {
            HealthState::Unknown => 1,
            _ if passed => self.rule.rise.max(1),
            _ => self.rule.fall.max(1),
        };
        self.streak = if self.health.state == to { 0 } else { self.streak + 1 };
        if self.health.state == to || self.streak < needed {
            return None;
        }
        self.streak = 0;
        Some(to)
    }
}
