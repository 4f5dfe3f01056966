//! How much a peer costs for how little. Every offence adds points, time takes them away; too many end the connection
//! (RFC 9113 §10.5, RFC 9114 §10.5). Asked by the handlers of both binary dialects; the prices are in `limits.rs`.

use edgeway_base::Instant;

use super::limits::{ANSWERS_MAX, ANSWERS_PER_DATA, TROUBLE_DRAIN_PER_SECOND, TROUBLE_MAX, trouble};

/// What a peer did that costs us and gains nobody anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offence {
    Reset,
    StreamError,
    Refused,
    Settings,
    Ping,
    Priority,
    EmptyData,
    TinyData,
    WindowUpdate,
    UnknownFrame,
    LateFrame,
    SectionTooLarge,
    Stalled,
}

impl Offence {
    const fn points(self) -> u32 {
        match self {
            Self::Reset => trouble::RESET,
            Self::StreamError => trouble::STREAM_ERROR,
            Self::Refused => trouble::REFUSED,
            Self::Settings => trouble::SETTINGS,
            Self::Ping => trouble::PING,
            Self::Priority => trouble::PRIORITY,
            Self::EmptyData => trouble::EMPTY_DATA,
            Self::TinyData => trouble::TINY_DATA,
            Self::WindowUpdate => trouble::WINDOW_UPDATE,
            Self::UnknownFrame => trouble::UNKNOWN_FRAME,
            Self::LateFrame => trouble::LATE_FRAME,
            Self::SectionTooLarge => trouble::SECTION_TOO_LARGE,
            Self::Stalled => trouble::STALLED,
        }
    }

    /// What the peer is told when this was the last straw.
    const fn reason(self) -> &'static str {
        match self {
            Self::Reset => "too many cancelled requests",
            Self::StreamError => "too many stream errors",
            Self::Refused => "too many streams beyond the limit",
            Self::Settings => "too many SETTINGS",
            Self::Ping => "too many PINGs",
            Self::Priority => "too many priority changes",
            Self::EmptyData => "too much empty DATA",
            Self::TinyData => "too much tiny DATA",
            Self::WindowUpdate => "too many WINDOW_UPDATEs",
            Self::UnknownFrame => "too many unknown frames",
            Self::LateFrame => "too many frames on ended streams",
            Self::SectionTooLarge => "too many field sections too large",
            Self::Stalled => "too many stalled streams",
        }
    }
}

/// The last straw: the connection is to end, for this reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMuchTrouble(pub(crate) &'static str);

/// The account of one connection.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Thousandths of points, so that fractions of a second drain too.
    level: u64,
    updated: Instant,
    /// Flow-control frames and PINGs that cost nothing, because something of ours may have asked for them.
    answers: u32,
}

impl Trouble {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { level: 0, updated: now, answers: ANSWERS_MAX }
    }

    /// Writes an offence down.
    pub(crate) fn add(&mut self, offence: Offence, now: Instant) -> Result<(), TooMuchTrouble> {
        let elapsed = u64::try_from(now.saturating_since(self.updated).as_millis()).unwrap_or(u64::MAX);
        let drained = elapsed.saturating_mul(u64::from(TROUBLE_DRAIN_PER_SECOND));
        if drained > 0 {
            self.level = self.level.saturating_sub(drained);
            self.updated = now;
        }
        self.level += u64::from(offence.points()) * 1_000;
        if self.level > u64::from(TROUBLE_MAX) * 1_000 {
            return Err(TooMuchTrouble(offence.reason()));
        }
        Ok(())
    }

    /// Writes an offence down unless something of ours may have asked for the frame.
    pub(crate) fn add_unless_answer(&mut self, offence: Offence, now: Instant) -> Result<(), TooMuchTrouble> {
        if self.answers > 0 {
            self.answers -= 1;
            return Ok(());
        }
        self.add(offence, now)
    }

    /// We sent a DATA frame the peer will answer with window.
    pub(crate) fn expect_answers(&mut self) {
        self.answers = (self.answers + ANSWERS_PER_DATA).min(ANSWERS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_borne_and_floods_are_not() {
        for (offence, burst) in [(Offence::Reset, 200), (Offence::StreamError, 100), (Offence::Settings, 50)] {
            let now = Instant::from_millis(1);
            let mut trouble = Trouble::new(now);
            for _ in 0..burst {
                assert_eq!(trouble.add(offence, now), Ok(()), "{offence:?}");
            }
            assert_eq!(trouble.add(offence, now), Err(TooMuchTrouble(offence.reason())));
        }
    }

    #[test]
    fn a_lasting_rate_below_the_drain_is_borne_for_ever() {
        let mut trouble = Trouble::new(Instant::ZERO);
        for number in 0..10_000 {
            assert_eq!(trouble.add(Offence::Ping, Instant::from_millis(number * 50)), Ok(()));
        }
    }
}
