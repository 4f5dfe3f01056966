//! How long a server connection waits, and for what. The machine says what it waits for now; this keeps the
//! deadlines.

use std::time::Duration;

use edgeway_base::Instant;

use super::bounds::ServerLimits;

/// What input is awaited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Awaited {
    /// Nothing that has a deadline.
    Nothing,
    /// The first byte of the connection.
    FirstByte,
    /// The next request.
    Request,
    /// The rest of a head.
    Head,
    /// More content.
    Content,
    /// The driver's close, after the last response was refused or ended.
    Close,
}

/// Which deadline has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expired {
    /// The one for input.
    Input(Awaited),
    /// The one for output.
    Output,
}

/// The deadlines of one connection.
#[derive(Debug)]
pub(crate) struct Timers {
    awaited: Awaited,
    input_until: Option<Instant>,
    output_until: Option<Instant>,
    /// What is left of the time for content while it is not awaited.
    content_credit: Duration,
}

impl Timers {
    pub(crate) fn new(limits: &ServerLimits, now: Instant) -> Self {
        Self {
            awaited: Awaited::FirstByte,
            input_until: Some(now + limits.head_timeout),
            output_until: None,
            content_credit: Duration::ZERO,
        }
    }

    /// Sets the deadline for what is awaited now, unless it was awaited already.
    #[inline]
    pub(crate) fn await_input(&mut self, awaited: Awaited, limits: &ServerLimits, now: Instant) {
        if self.awaited == awaited {
            return;
        }
        if self.awaited == Awaited::Content {
            self.content_credit = self.input_until.map_or(Duration::ZERO, |until| until.saturating_since(now));
        }
        // The first head has until then that its first byte had: connecting and waiting gains a slowloris nothing.
        let keeps_deadline = self.awaited == Awaited::FirstByte && awaited == Awaited::Head;
        self.awaited = awaited;
        if !keeps_deadline {
            self.input_until = self.duration_of(awaited, limits).map(|duration| now + duration);
        }
    }

    /// A request with content begins: its time is the grace, until bytes earn more.
    #[inline]
    pub(crate) fn begin_content(&mut self, limits: &ServerLimits) {
        self.content_credit = match limits.body_rate_min {
            0 => limits.body_idle_timeout,
            _ => limits.body_grace.min(limits.body_idle_timeout),
        };
    }

    /// Content came. It earns time in proportion, up to what an idle moment may last: so neither silence nor a
    /// trickle lasts (Kestrel's minimum data rate, as a bucket that never overflows).
    #[inline]
    pub(crate) fn note_content(&mut self, bytes: usize, limits: &ServerLimits, now: Instant) {
        if bytes == 0 {
            return;
        }
        let most = limits.body_idle_timeout;
        let earned = match limits.body_rate_min {
            0 => most,
            rate => Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000 / u64::from(rate))),
        };
        match &mut self.input_until {
            Some(until) if self.awaited == Awaited::Content => *until = (*until + earned).min(now + most),
            _ => self.content_credit = (self.content_credit + earned).min(most),
        }
    }

    /// Sets the deadline for output: from when there is some, and again whenever some was taken.
    #[inline]
    pub(crate) fn await_output(&mut self, waiting: bool, progress: bool, limits: &ServerLimits, now: Instant) {
        if !waiting {
            self.output_until = None;
        } else if progress || self.output_until.is_none() {
            self.output_until = Some(now + limits.write_stall_timeout);
        }
    }

    /// Whether both deadlines are for what is awaited now.
    pub(crate) fn are_set(&self, awaited: Awaited, output_waits: bool) -> bool {
        self.awaited == awaited && (!output_waits || self.output_until.is_some())
    }

    /// Whether not one byte has come on this connection.
    pub(crate) fn is_at_first_byte(&self) -> bool {
        self.awaited == Awaited::FirstByte
    }

    /// The earlier deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        match (self.input_until, self.output_until) {
            (Some(input), Some(output)) => Some(input.min(output)),
            (input, output) => input.or(output),
        }
    }

    /// Which deadline has passed; it is not reported twice.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Expired> {
        if self.output_until.is_some_and(|until| until <= now) {
            self.output_until = None;
            return Some(Expired::Output);
        }
        if self.input_until.is_some_and(|until| until <= now) {
            self.input_until = None;
            return Some(Expired::Input(self.awaited));
        }
        None
    }

    fn duration_of(&self, awaited: Awaited, limits: &ServerLimits) -> Option<Duration> {
        match awaited {
            Awaited::Nothing => None,
            Awaited::FirstByte | Awaited::Head => Some(limits.head_timeout),
            Awaited::Request => Some(limits.idle_timeout),
            Awaited::Content => Some(self.content_credit),
            Awaited::Close => Some(limits.write_stall_timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_059_content_earns_time_in_proportion() {
        let limits = ServerLimits::default();
        let second = |seconds: u64| Instant::from_millis(seconds * 1_000);
        let mut timers = Timers::new(&limits, second(0));
        timers.begin_content(&limits);
        timers.await_input(Awaited::Content, &limits, second(1));
        assert_eq!(timers.next(), Some(second(11)));
        // A second's worth of bytes each second keeps the distance; half as much loses half a second.
        for at in 2..=6 {
            timers.note_content(240, &limits, second(at));
        }
        assert_eq!(timers.next().map(Instant::as_millis), Some(15_999));
        // While nobody asks for it, its time stands still, and what comes counts nevertheless.
        timers.await_input(Awaited::Nothing, &limits, second(6));
        assert_eq!(timers.next(), None);
        timers.note_content(240, &limits, second(99));
        timers.await_input(Awaited::Content, &limits, second(6));
        assert_eq!(timers.next().map(Instant::as_millis), Some(16_999));
        timers.note_content(1_000_000, &limits, second(7));
        assert_eq!(timers.next(), Some(second(37)));
        assert_eq!(timers.expired(second(36)), None);
        assert_eq!(timers.expired(second(37)), Some(Expired::Input(Awaited::Content)));
        assert_eq!(timers.expired(second(38)), None);
    }

    #[test]
    fn the_first_head_has_no_longer_than_its_first_byte_had() {
        let limits = ServerLimits::default();
        let mut timers = Timers::new(&limits, Instant::ZERO);
        timers.await_input(Awaited::Head, &limits, Instant::from_millis(29_000));
        assert_eq!(timers.next(), Some(Instant::from_millis(30_000)));
        timers.await_input(Awaited::Request, &limits, Instant::from_millis(29_500));
        timers.await_input(Awaited::Head, &limits, Instant::from_millis(60_000));
        assert_eq!(timers.next(), Some(Instant::from_millis(90_000)));
    }
}
