//! A secondary's timers (RFC 1034 §4.3.5, RFC 1996 §4): when to ask the primary for its SOA, when to
//! transfer, when to give the zone up. One for each zone; a storm of NOTIFYs leads to one check.

use std::time::Duration;

use edgeway_base::Instant;

use crate::limits::REFRESH_SECONDS_MIN;
use crate::machine::update::is_newer;
use crate::wire::rdata::Soa;

/// What the caller has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask a primary for the SOA, then call [`Refresh::soa_seen`] or [`Refresh::failed`].
    CheckSoa,
    /// Transfer the zone, as differences when possible, then call [`Refresh::transferred`] or
    /// [`Refresh::failed`].
    Transfer {
        /// Whether to ask for differences.
        differences: bool,
    },
    /// Stop answering from the zone: it is too old, and answers SERVFAIL from now on.
    Expire,
}

/// The timers of one zone.
#[derive(Clone, Debug)]
pub struct Refresh {
    serial: Option<u32>,
    refresh: Duration,
    retry: Duration,
    expire: Duration,
    next_check: Instant,
    /// When the last successful contact's worth is used up; none when already expired or never loaded.
    expires: Option<Instant>,
    last_check: Option<Instant>,
    /// A check or transfer is under way.
    busy: bool,
    notified: bool,
    transfer: Option<Action>,
    whole_next: bool,
}

impl Refresh {
    /// Timers of a zone: with its SOA when a version is at hand, which is checked at once all the same.
    pub fn new(soa: Option<&Soa<'_>>, now: Instant) -> Self {
        let minute = Duration::from_secs(60);
        let mut timers = Self {
            serial: None,
            refresh: minute,
            retry: minute,
            expire: Duration::ZERO,
            next_check: now,
            expires: None,
            last_check: None,
            busy: false,
            notified: false,
            transfer: None,
            whole_next: false,
        };
        if let Some(soa) = soa {
            timers.take(soa, now);
            timers.next_check = now;
        }
        timers
    }

    /// A NOTIFY came; `serial` is what it hints at. One that hints at what we have changes nothing.
    pub fn notified(&mut self, serial: Option<u32>) {
        let known = matches!((serial, self.serial), (Some(hint), Some(ours)) if !is_newer(hint, ours));
        self.notified |= !known;
    }

    /// The primary's SOA has this serial.
    pub fn soa_seen(&mut self, serial: u32, now: Instant) {
        self.busy = false;
        match self.serial {
            Some(ours) if !is_newer(serial, ours) => {
                self.expires = Some(now + self.expire);
                self.next_check = now + self.refresh;
            }
            ours => self.transfer = Some(Action::Transfer { differences: ours.is_some() && !self.whole_next }),
        }
    }

    /// A new version was transferred, or the transfer said that ours is the newest.
    pub fn transferred(&mut self, soa: &Soa<'_>, now: Instant) {
        (self.busy, self.whole_next) = (false, false);
        self.take(soa, now);
    }

    /// The check or transfer failed; `whole_next` when differences were no good.
    pub fn failed(&mut self, whole_next: bool, now: Instant) {
        self.busy = false;
        self.whole_next |= whole_next;
        // Differences that do not fit are mended at once, everything else after a while.
        self.next_check = if whole_next { now } else { now + self.retry };
    }

    /// What to do now; call until there is nothing.
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        if self.expires.is_some_and(|expires| expires <= now) {
            self.expires = None;
            return Some(Action::Expire);
        }
        if self.busy {
            return None;
        }
        if let Some(transfer) = self.transfer.take() {
            self.busy = true;
            return Some(transfer);
        }
        if self.check_due().is_some_and(|due| due <= now) {
            (self.busy, self.notified, self.last_check) = (true, false, Some(now));
            return Some(Action::CheckSoa);
        }
        None
    }

    /// When [`Refresh::poll_action`] has something next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let check = if self.busy { None } else { self.check_due() };
        check.into_iter().chain(self.expires).min()
    }

    fn check_due(&self) -> Option<Instant> {
        if !self.notified {
            return Some(self.next_check);
        }
        // However many NOTIFYs come, checks keep a distance.
        Some(
            self.last_check
                .map_or(Instant::ZERO, |last| last + Duration::from_secs(REFRESH_SECONDS_MIN))
                .min(self.next_check),
        )
    }

    fn take(&mut self, soa: &Soa<'_>, now: Instant) {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds.max(1)));
        self.serial = Some(soa.serial);
        (self.refresh, self.retry, self.expire) = (seconds(soa.refresh), seconds(soa.retry), seconds(soa.expire));
        self.next_check = now + self.refresh;
        self.expires = Some(now + self.expire);
    }
}
