//! Loss recovery: knows what was sent, finds what is lost, says what to send again and how much may be under way.
//! RACK-TLP (RFC 8985), SACK (RFC 2018, 6675), DSACK (RFC 2883), PRR (RFC 9937), F-RTO (RFC 5682), Eifel
//! (RFC 3522, 4015), NewReno for peers without SACK (RFC 6582). Owned by the connection, which calls three verbs:
//! [`Recovery::on_sent`], [`Recovery::on_acknowledged`], [`Recovery::on_timeout`].

mod acknowledgement;
mod proportional;
mod rack;
mod scoreboard;
mod survey;
#[cfg(test)]
mod tests;

use std::time::Duration;

use edgeway_base::Instant;

pub use self::acknowledgement::{Acknowledgement, Change, RecoveryCounts};
use self::proportional::ProportionalRateReduction;
use self::rack::{Path, Rack};
use self::scoreboard::{Scoreboard, Sent, Verdict};
use self::survey::{Survey, split_duplicate};
use super::congestion::{Acknowledged, Controller, RateSample};
use super::round_trip::RoundTrip;
use super::settings::TcpSettings;

/// Duplicate acknowledgements that mean loss for peers without SACK. RFC 5681 §3.2.
const DUPLICATE_THRESHOLD: u32 = 3;

/// Why the sender is careful.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It is not.
    Open,
    /// Segments were found lost while acknowledgements still come.
    Fast { point: i64, reduction: Option<ProportionalRateReduction> },
    /// The retransmission timer fired.
    Timeout { point: i64, probation: Probation },
}

/// F-RTO's steps (RFC 5682 §2.1): was the timeout spurious?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Probation {
    /// Only the first segment was sent again; the next acknowledgement says more. Holds where it ended.
    HeadSent(i64),
    /// It was acknowledged; new data was sent instead of retransmissions.
    NewDataSent,
    /// Decided: the loss was real.
    Over,
}

/// What could be taken back, while acknowledgements may still show that nothing was lost.
#[derive(Clone, Copy, Debug)]
struct Undo {
    /// Retransmissions of this episode that no DSACK has excused yet.
    retransmissions: u32,
    any: bool,
    /// Our timestamp clock when the first retransmission left.
    first_stamp: Option<u32>,
    acknowledged: i64,
}

/// A tail loss probe under way. RFC 8985 §7.
#[derive(Clone, Copy, Debug)]
struct Probe {
    end: i64,
    retransmission: bool,
}

/// Loss recovery of one connection.
#[derive(Debug)]
pub struct Recovery {
    scoreboard: Scoreboard,
    rack: Rack,
    phase: Phase,
    undo: Option<Undo>,
    probe: Option<Probe>,
    duplicates: u32,
    selective: bool,
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    /// While below this, what is delivered was limited by the application.
    application_limited_until: u64,
    look_again: Option<Instant>,
    counts: RecoveryCounts,
}

impl Recovery {
    /// Nothing under way. `selective`: both sides agreed on SACK.
    pub fn new(selective: bool) -> Self {
        Self {
            scoreboard: Scoreboard::default(),
            rack: Rack::new(),
            phase: Phase::Open,
            undo: None,
            probe: None,
            duplicates: 0,
            selective,
            delivered: 0,
            delivered_at: Instant::ZERO,
            first_sent_at: Instant::ZERO,
            application_limited_until: 0,
            look_again: None,
            counts: RecoveryCounts::default(),
        }
    }

    /// `start..end` left for the first time.
    pub fn on_sent(&mut self, now: Instant, start: i64, end: i64) {
        if self.scoreboard.in_flight() == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        self.scoreboard.push(Sent {
            start,
            end,
            sent_at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            transmissions: 1,
            sacked: false,
            lost: false,
            application_limited: self.application_limited_until > self.delivered,
        });
        self.count_against_reduction((end - start) as u64);
    }

    /// `start..end` left again.
    pub fn on_retransmitted(&mut self, now: Instant, start: i64, end: i64, stamp: Option<u32>) {
        let (delivered, delivered_at) = (self.delivered, self.delivered_at);
        if self.scoreboard.in_flight() == 0 {
            self.first_sent_at = now;
        }
        let first_sent_at = self.first_sent_at;
        let limited = self.application_limited_until > delivered;
        self.scoreboard.retransmitted(start, end, |sent| {
            sent.sent_at = now;
            (sent.delivered, sent.delivered_at, sent.first_sent_at) = (delivered, delivered_at, first_sent_at);
            sent.application_limited = limited;
        });
        self.counts.retransmissions += 1;
        self.counts.retransmitted_bytes += (end - start) as u64;
        if let Some(undo) = &mut self.undo {
            undo.retransmissions += 1;
            undo.any = true;
            undo.first_stamp = undo.first_stamp.or(stamp);
        }
        self.count_against_reduction((end - start) as u64);
    }

    fn count_against_reduction(&mut self, bytes: u64) {
        if let Phase::Fast { reduction: Some(reduction), .. } = &mut self.phase {
            reduction.on_sent(bytes);
        }
    }

    /// What to send again next, if the window allows: its range.
    pub fn next_retransmission(&mut self) -> Option<(i64, i64)> {
        // F-RTO step 2b: after the head was acknowledged, new data goes first.
        if let Phase::Timeout { probation: Probation::NewDataSent, .. } = self.phase {
            return None;
        }
        self.scoreboard.next_lost().map(|sent| (sent.start, sent.end))
    }

    /// Bytes believed to be in the network.
    pub fn in_flight(&self) -> u64 {
        let credit = if self.selective { 0 } else { self.duplicate_credit() };
        self.scoreboard.in_flight().saturating_sub(credit)
    }

    /// Without SACK, each duplicate acknowledgement still says that one segment left the network (RFC 3042).
    fn duplicate_credit(&self) -> u64 {
        let segment = self.scoreboard.front().map_or(0, Sent::length);
        u64::from(self.duplicates) * segment
    }

    /// How much may be in the network now.
    pub fn window(&self, controller: &dyn Controller) -> u64 {
        match &self.phase {
            Phase::Fast { reduction: Some(reduction), .. } => reduction.window(),
            _ => controller.window(),
        }
    }

    /// Whether everything sent is acknowledged.
    pub fn is_idle(&self) -> bool {
        self.scoreboard.is_empty()
    }

    /// Whether both sides agreed on SACK.
    pub const fn is_selective(&self) -> bool {
        self.selective
    }

    /// Bytes of the first segment under way.
    pub fn head_length(&self) -> i64 {
        self.scoreboard.front().map_or(0, |head| head.end - head.start)
    }

    /// How many segments are remembered.
    pub fn remembered(&self) -> usize {
        self.scoreboard.len()
    }

    /// When to call [`Recovery::on_reordering_timeout`].
    pub const fn look_again(&self) -> Option<Instant> {
        self.look_again
    }

    /// Bytes delivered, bytes lost and not sent again, bytes selectively acknowledged.
    pub fn progress(&self) -> (u64, u64, u64) {
        (self.delivered, self.scoreboard.lost(), self.scoreboard.sacked())
    }

    /// Counters.
    pub const fn counts(&self) -> RecoveryCounts {
        self.counts
    }

    /// The kernel's name for the phase: `Open`, `Disorder`, `Recovery`, `Loss`.
    pub fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Open if self.scoreboard.sacked() > 0 || self.duplicates > 0 => "Disorder",
            Phase::Open => "Open",
            Phase::Fast { .. } => "Recovery",
            Phase::Timeout { .. } => "Loss",
        }
    }

    /// Whether reordering was seen on this path.
    pub const fn reordering_seen(&self) -> bool {
        self.rack.reordering_seen
    }

    /// The application has nothing more to send: rates measured now say nothing about the path.
    pub fn application_limited(&mut self) {
        self.application_limited_until = self.delivered + self.scoreboard.in_flight() + 1;
    }

    /// Takes in an acknowledgement.
    pub fn on_acknowledged(
        &mut self,
        ack: &Acknowledgement<'_>,
        round_trip: &mut RoundTrip,
        controller: &mut dyn Controller,
        settings: &TcpSettings,
        segment_size: u32,
    ) -> Change {
        let mut change = Change::default();
        let in_flight_before = self.scoreboard.in_flight();
        let (blocks, duplicate) = split_duplicate(ack);
        let survey = self.survey(ack, blocks, round_trip.minimum());
        change.delivered = survey.delivered;
        self.delivered += survey.delivered;
        if survey.delivered > 0 {
            self.delivered_at = ack.now;
        }
        self.measure(ack, &survey, round_trip, settings);
        if duplicate.is_some() {
            self.counts.duplicates_reported += 1;
            self.rack.duplicate_reported(ack.position, ack.sent);
        }
        self.count_duplicates(ack, &survey);
        if self.is_spurious(ack, &survey, duplicate) {
            self.take_back(controller);
            change.undone = true;
        }
        self.advance_probation(ack, &survey);
        self.leave_phase(ack, controller);
        self.judge_probe(ack, duplicate, controller, in_flight_before, &mut change);
        change.lost += self.detect(ack.now, round_trip, settings, segment_size);
        if change.lost > 0 || ack.congestion_echo {
            change.reduced |= self.enter_fast(ack.now, ack.sent, ack.position, in_flight_before, controller);
        }
        let rate = self.rate(ack.now, &survey);
        if let Some(newest) = survey.newest {
            // The next flight is measured from here.
            self.first_sent_at = newest.sent_at;
        }
        let event = Acknowledged {
            now: ack.now,
            bytes: survey.delivered,
            in_flight: self.in_flight(),
            delivered: self.delivered,
            lost: change.lost,
            round_trip: survey.round_trip(ack),
            smoothed: round_trip.smoothed().unwrap_or_default(),
            minimum: round_trip.minimum().unwrap_or_default(),
            window_limited: ack.window_limited,
            rate,
            acknowledged: ack.position,
            sent: ack.sent,
            recovering: matches!(self.phase, Phase::Fast { .. }),
        };
        controller.on_acknowledged(&event);
        self.reduce_in_proportion(&survey, change.lost, controller, u64::from(segment_size));
        change
    }

    /// Marks what the acknowledgement delivers and gathers what it says.
    fn survey(&mut self, ack: &Acknowledgement<'_>, blocks: &[(i64, i64)], minimum: Option<Duration>) -> Survey {
        let mut survey = Survey::default();
        let highest_before = self.scoreboard.highest_sacked();
        let echo_is_older = match (ack.echo, self.undo.and_then(|undo| undo.first_stamp)) {
            (Some(echo), Some(first)) => (echo.wrapping_sub(first) as i32) < 0,
            _ => false,
        };
        let rack = &mut self.rack;
        let mut visit = |sent: &Sent| {
            survey.add(sent);
            // RFC 8985 §6.2 step 3: delivered below what was delivered before, and sent once: reordered.
            if !sent.was_retransmitted() && sent.end < highest_before {
                survey.reordered = true;
            }
            rack.delivered(ack.now, sent, minimum, echo_is_older);
        };
        self.scoreboard.acknowledge(ack.position, &mut visit);
        if self.selective {
            for &(start, end) in blocks {
                // RFC 6675 §3 and hostile peers: below SND.UNA, above SND.NXT or inverted says nothing.
                if start < end && start >= ack.position && end <= ack.sent {
                    self.scoreboard.sack(start, end, &mut visit);
                }
            }
            self.scoreboard.remember(blocks);
        }
        self.rack.reordering_seen |= survey.reordered;
        survey
    }

    /// RFC 6298 with Karn's rule (MUST-18); timestamps lift it (RFC 7323 §4).
    fn measure(&self, ack: &Acknowledgement<'_>, survey: &Survey, round_trip: &mut RoundTrip, settings: &TcpSettings) {
        if let Some(measured) = survey.round_trip(ack) {
            round_trip.measured(ack.now, measured, settings);
        } else if ack.position > ack.previous {
            round_trip.forget_backoff();
        }
    }

    fn count_duplicates(&mut self, ack: &Acknowledgement<'_>, survey: &Survey) {
        if ack.position > ack.previous {
            self.duplicates = 0;
        } else if !self.selective && ack.pure && !self.scoreboard.is_empty() && survey.delivered == 0 {
            // RFC 5681 §2's duplicate; never more credit than segments under way (Savage's spoofed duplicates).
            self.duplicates = (self.duplicates + 1).min(self.scoreboard.len() as u32);
        }
    }

    /// Whether this acknowledgement proves that the present episode's retransmissions were not needed.
    fn is_spurious(&mut self, ack: &Acknowledgement<'_>, survey: &Survey, duplicate: Option<(i64, i64)>) -> bool {
        let Some(undo) = &mut self.undo else { return false };
        // Eifel (RFC 3522 §3.2): the first new acknowledgement echoes a clock older than the retransmission.
        if let (true, Some(first), Some(echo)) = (ack.position > undo.acknowledged, undo.first_stamp, ack.echo) {
            if (echo.wrapping_sub(first) as i32) < 0 {
                return true;
            }
            undo.first_stamp = None;
        }
        // F-RTO (RFC 5682 §2.1 step 3b): something never sent again was delivered after a timeout.
        if let Phase::Timeout { probation: Probation::HeadSent(_) | Probation::NewDataSent, point } = self.phase
            && survey.untouched_end.is_some_and(|end| end <= point)
            && ack.position > ack.previous
        {
            return true;
        }
        // DSACK (RFC 3708): every retransmission arrived twice.
        if duplicate.is_some() && undo.any {
            undo.retransmissions = undo.retransmissions.saturating_sub(1);
            return undo.retransmissions == 0;
        }
        false
    }

    fn take_back(&mut self, controller: &mut dyn Controller) {
        controller.undo();
        self.scoreboard.forgive();
        self.phase = Phase::Open;
        self.undo = None;
        self.counts.undone += 1;
    }

    fn advance_probation(&mut self, ack: &Acknowledgement<'_>, survey: &Survey) {
        let Phase::Timeout { probation, .. } = &mut self.phase else { return };
        *probation = match *probation {
            Probation::HeadSent(end) if ack.position >= end => Probation::NewDataSent,
            // RFC 5682 §2.1 step 3a, or a duplicate: the loss was real.
            Probation::NewDataSent if ack.position == ack.previous || survey.delivered > 0 => Probation::Over,
            other => other,
        };
    }

    fn leave_phase(&mut self, ack: &Acknowledgement<'_>, controller: &mut dyn Controller) {
        match self.phase {
            Phase::Fast { point, .. } if ack.position >= point => {
                controller.on_recovered(ack.now);
                self.rack.recovery_ended();
                self.phase = Phase::Open;
            }
            Phase::Timeout { point, .. } if ack.position >= point => self.phase = Phase::Open,
            _ => {}
        }
    }

    fn judge_probe(
        &mut self,
        ack: &Acknowledgement<'_>,
        duplicate: Option<(i64, i64)>,
        controller: &mut dyn Controller,
        in_flight: u64,
        change: &mut Change,
    ) {
        let Some(probe) = self.probe.filter(|probe| ack.position >= probe.end) else { return };
        self.probe = None;
        // RFC 8985 §7.4.2: the probe repaired a loss unless the original arrived too; that loss counts.
        if probe.retransmission && duplicate.is_none() && ack.position > ack.previous && ack.position == probe.end {
            controller.on_congestion(ack.now, in_flight);
            change.reduced = true;
        }
    }

    fn detect(&mut self, now: Instant, round_trip: &RoundTrip, settings: &TcpSettings, segment_size: u32) -> u64 {
        if !self.selective {
            return self.detect_by_duplicates();
        }
        let path = Path {
            minimum: round_trip.minimum().unwrap_or_default(),
            smoothed: round_trip.smoothed().unwrap_or_default(),
            granularity: settings.clock_granularity,
            segment_size: u64::from(segment_size),
            recovering: !matches!(self.phase, Phase::Open),
        };
        let (lost, again) = self.rack.detect(now, &mut self.scoreboard, path);
        self.look_again = again;
        lost
    }

    /// NewReno (RFC 6582): three duplicates, and every partial acknowledgement in recovery, mean the first is lost.
    fn detect_by_duplicates(&mut self) -> u64 {
        let partial = matches!(self.phase, Phase::Fast { .. }) && self.duplicates == 0;
        if self.duplicates < DUPLICATE_THRESHOLD && !partial {
            return 0;
        }
        let fresh = partial || matches!(self.phase, Phase::Open);
        let mut first = fresh;
        self.scoreboard.mark_lost(|sent| {
            // The head, unless it was sent again already in this recovery and may still be on its way.
            let verdict = if first && (partial || !sent.was_retransmitted()) { Verdict::Lost } else { Verdict::Stop };
            first = false;
            verdict
        })
    }

    fn enter_fast(
        &mut self,
        now: Instant,
        sent: i64,
        acknowledged: i64,
        in_flight: u64,
        controller: &mut dyn Controller,
    ) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        controller.on_congestion(now, in_flight);
        let reduction = controller
            .uses_proportional_rate_reduction()
            .then(|| ProportionalRateReduction::new(in_flight, controller.window()));
        self.phase = Phase::Fast { point: sent, reduction };
        self.undo = Some(Undo { retransmissions: 0, any: false, first_stamp: None, acknowledged });
        self.counts.recoveries += 1;
        true
    }

    fn reduce_in_proportion(&mut self, survey: &Survey, lost: u64, controller: &dyn Controller, segment: u64) {
        let in_flight = self.in_flight();
        let threshold = controller.slow_start_threshold();
        if let Phase::Fast { reduction: Some(reduction), .. } = &mut self.phase {
            // RFC 9937: SafeACK: the cumulative point moved and nothing more was found lost.
            let safe = survey.cumulative && lost == 0;
            reduction.on_acknowledged(survey.delivered, in_flight, threshold, safe, segment);
        }
    }

    fn rate(&self, now: Instant, survey: &Survey) -> Option<RateSample> {
        let newest = survey.newest?;
        let sending = newest.sent_at - newest.first_sent_at;
        let receiving = now - newest.delivered_at;
        let interval = sending.max(receiving);
        let bytes = self.delivered - newest.delivered;
        if interval.is_zero() {
            return None;
        }
        Some(RateSample {
            rate: (bytes as f64 / interval.as_secs_f64()) as u64,
            application_limited: newest.application_limited,
            prior_delivered: newest.delivered,
        })
    }

    /// RACK's reordering timer: look for losses again. Returns whether the window was cut.
    pub fn on_reordering_timeout(
        &mut self,
        now: Instant,
        (acknowledged, sent): (i64, i64),
        round_trip: &RoundTrip,
        controller: &mut dyn Controller,
        settings: &TcpSettings,
        segment_size: u32,
    ) -> bool {
        let in_flight = self.scoreboard.in_flight();
        let lost = self.detect(now, round_trip, settings, segment_size);
        if lost == 0 {
            return false;
        }
        let reduced = self.enter_fast(now, sent, acknowledged, in_flight, controller);
        let survey = Survey::default();
        self.reduce_in_proportion(&survey, lost, controller, u64::from(segment_size));
        reduced
    }

    /// The retransmission timer fired: everything is in doubt. RFC 6298 §5.4-5.6, RFC 8985 §6.3.
    pub fn on_timeout(&mut self, now: Instant, acknowledged: i64, sent: i64, controller: &mut dyn Controller) {
        // RFC 2018 §8 / RFC 6675 §5.1: a sacked head means the peer reneged.
        if self.scoreboard.front().is_some_and(|head| head.sacked) {
            self.scoreboard.forget_sacks();
        }
        let first = !matches!(self.phase, Phase::Timeout { .. });
        let in_flight = self.scoreboard.in_flight();
        if first {
            // RFC 5681 §3.1: the threshold is set once, not for every back-off.
            controller.on_timeout(now, in_flight);
            self.undo = Some(Undo { retransmissions: 0, any: false, first_stamp: None, acknowledged });
        }
        let head = self.scoreboard.front().map_or(acknowledged, |head| head.end);
        self.scoreboard.mark_lost(|_| Verdict::Lost);
        let probation = if first { Probation::HeadSent(head) } else { Probation::Over };
        self.phase = Phase::Timeout { point: sent, probation };
        self.duplicates = 0;
        self.probe = None;
        self.look_again = None;
        self.counts.timeouts += 1;
    }

    /// When to probe the tail, if it should be (RFC 8985 §7.2): `None` while recovering or with nothing to gain.
    pub fn probe_timeout(&self, round_trip: &RoundTrip, delayed: Duration, segment_size: u32) -> Option<Duration> {
        let smoothed = round_trip.smoothed()?;
        let useful = self.selective
            && matches!(self.phase, Phase::Open)
            && self.probe.is_none()
            && self.scoreboard.sacked() == 0
            && !self.scoreboard.is_empty();
        if !useful {
            return None;
        }
        let alone = self.scoreboard.outstanding() <= u64::from(segment_size);
        // RFC 8985 §7.2: a lone segment may meet a delayed acknowledgement.
        Some((smoothed * 2 + if alone { delayed } else { Duration::ZERO }).max(Duration::from_millis(2)))
    }

    /// The last segment, to be sent again as a probe.
    pub fn tail(&self) -> Option<(i64, i64)> {
        self.scoreboard.back().map(|sent| (sent.start, sent.end))
    }

    /// A probe left.
    pub fn on_probe_sent(&mut self, end: i64, retransmission: bool) {
        self.probe = Some(Probe { end, retransmission });
        self.counts.probes += 1;
    }

    /// The path takes only smaller segments: those under way are lost, but not for congestion (RFC 1191 §6.5).
    pub fn on_path_shrunk(&mut self) {
        self.scoreboard.mark_lost(|_| Verdict::Lost);
    }

    /// Forgets everything (the connection is over).
    pub fn clear(&mut self) {
        self.scoreboard.clear();
        self.look_again = None;
    }

    /// Whether all counters add up.
    pub fn check(&self, acknowledged: i64, sent: i64) -> Result<(), String> {
        self.scoreboard.check()?;
        let edges = self.scoreboard.front().map(|s| s.start).zip(self.scoreboard.back().map(|s| s.end));
        match edges {
            Some(edges) if edges != (acknowledged, sent) => {
                Err(format!("the scoreboard covers {edges:?}, the connection {:?}", (acknowledged, sent)))
            }
            _ => Ok(()),
        }
    }
}
