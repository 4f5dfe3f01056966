//! Every segment under way and what is known of it. Owned by [`super::Recovery`]; the one truth about what is
//! delivered, lost or in flight (RFC 6675 §3's scoreboard with RFC 8985's times).

use std::collections::VecDeque;

use edgeway_base::Instant;

/// One segment (or super-segment) under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// When it last left.
    pub(crate) sent_at: Instant,
    /// Bytes delivered on the connection when it left, and when that was; for delivery rates.
    pub(crate) delivered: u64,
    pub(crate) delivered_at: Instant,
    /// When the first segment of that flight left.
    pub(crate) first_sent_at: Instant,
    pub(crate) transmissions: u8,
    pub(crate) sacked: bool,
    pub(crate) lost: bool,
    pub(crate) application_limited: bool,
}

impl Sent {
    pub(crate) const fn length(&self) -> u64 {
        (self.end - self.start) as u64
    }

    pub(crate) const fn was_retransmitted(&self) -> bool {
        self.transmissions > 1
    }

    /// RFC 8985 §5.2 RACK_sent_after.
    pub(crate) fn sent_after(&self, sent_at: Instant, end: i64) -> bool {
        (self.sent_at, self.end) > (sent_at, end)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    segments: VecDeque<Sent>,
    outstanding: u64,
    sacked: u64,
    lost: u64,
    highest_sacked: i64,
    /// No lost segment starts before this.
    lost_from: i64,
    /// SACK blocks walked last time; what grew is walked from where it grew.
    walked: [(i64, i64); 4],
}

impl Scoreboard {
    pub(crate) fn push(&mut self, sent: Sent) {
        self.outstanding += sent.length();
        self.segments.push_back(sent);
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(crate) fn front(&self) -> Option<&Sent> {
        self.segments.front()
    }

    pub(crate) fn back(&self) -> Option<&Sent> {
        self.segments.back()
    }

    pub(crate) const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    pub(crate) const fn sacked(&self) -> u64 {
        self.sacked
    }

    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) const fn highest_sacked(&self) -> i64 {
        self.highest_sacked
    }

    /// RFC 6675 §4 Pipe(): what is believed to be in the network.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.outstanding - self.sacked - self.lost
    }

    /// Removes what `position` acknowledges; `visit` sees every part newly delivered by it.
    pub(crate) fn acknowledge(&mut self, position: i64, mut visit: impl FnMut(&Sent)) {
        while let Some(front) = self.segments.front().copied() {
            if front.start >= position {
                break;
            }
            let mut part = front;
            part.end = front.end.min(position);
            let length = part.length();
            self.outstanding -= length;
            if front.sacked {
                self.sacked -= length;
            } else {
                if front.lost {
                    self.lost -= length;
                }
                visit(&part);
            }
            if front.end <= position {
                self.segments.pop_front();
            } else {
                self.segments[0].start = position;
            }
        }
        self.highest_sacked = self.highest_sacked.max(position);
    }

    /// Marks `start..end` as delivered out of order; `visit` sees every segment newly so marked.
    pub(crate) fn sack(&mut self, start: i64, end: i64, mut visit: impl FnMut(&Sent)) {
        let known = self.walked.iter().find(|(from, to)| *from <= start && start <= *to && *to <= end);
        let from = known.map_or(start, |(_, to)| *to);
        let mut index = self.segments.partition_point(|sent| sent.end <= from);
        while let Some(sent) = self.segments.get(index).copied() {
            if sent.start >= end {
                break;
            }
            if !sent.sacked {
                // Part of a super-segment: cut it, so that each entry is one thing or the other.
                if sent.start < start {
                    self.split(index, start);
                    index += 1;
                }
                if self.segments[index].end > end {
                    self.split(index, end);
                }
                let sent = &mut self.segments[index];
                if sent.lost {
                    sent.lost = false;
                    self.lost -= sent.length();
                }
                sent.sacked = true;
                self.sacked += sent.length();
                visit(sent);
            }
            index += 1;
        }
        self.highest_sacked = self.highest_sacked.max(end);
    }

    /// Remembers the blocks of one acknowledgement for the next.
    pub(crate) fn remember(&mut self, blocks: &[(i64, i64)]) {
        self.walked = [(0, 0); 4];
        for (slot, block) in self.walked.iter_mut().zip(blocks) {
            *slot = *block;
        }
    }

    fn split(&mut self, index: usize, at: i64) {
        let mut second = self.segments[index];
        self.segments[index].end = at;
        second.start = at;
        self.segments.insert(index + 1, second);
    }

    /// Marks lost every segment for which `judge` says so, until it says stop.
    pub(crate) fn mark_lost(&mut self, mut judge: impl FnMut(&Sent) -> Verdict) -> u64 {
        let mut newly = 0;
        for sent in &mut self.segments {
            if sent.sacked || sent.lost {
                continue;
            }
            match judge(sent) {
                Verdict::Lost => {
                    sent.lost = true;
                    newly += sent.length();
                    self.lost_from = self.lost_from.min(sent.start);
                }
                Verdict::Keep => {}
                Verdict::Stop => break,
            }
        }
        self.lost += newly;
        newly
    }

    /// Takes back every loss (the reduction was spurious).
    pub(crate) fn forgive(&mut self) {
        for sent in &mut self.segments {
            sent.lost = false;
        }
        self.lost = 0;
    }

    /// The peer threw away what it had reported (RFC 2018 §8): believe only the acknowledgement number.
    pub(crate) fn forget_sacks(&mut self) {
        for sent in &mut self.segments {
            sent.sacked = false;
        }
        self.sacked = 0;
        self.walked = [(0, 0); 4];
        self.highest_sacked = self.segments.front().map_or(self.highest_sacked, |sent| sent.start);
    }

    /// The first lost segment not sent again yet.
    pub(crate) fn next_lost(&mut self) -> Option<Sent> {
        if self.lost == 0 {
            self.lost_from = i64::MAX;
            return None;
        }
        let from = self.segments.partition_point(|sent| sent.end <= self.lost_from);
        let found = self.segments.range(from..).find(|sent| sent.lost).copied();
        self.lost_from = found.map_or(i64::MAX, |sent| sent.start);
        found
    }

    /// Notes that `start..end` was sent again; the segment is cut at `end` if it was longer.
    pub(crate) fn retransmitted(&mut self, start: i64, end: i64, stamp: impl FnOnce(&mut Sent)) {
        let index = self.segments.partition_point(|sent| sent.end <= start);
        let Some(sent) = self.segments.get(index) else { return };
        if sent.end > end {
            self.split(index, end);
        }
        let sent = &mut self.segments[index];
        if sent.lost {
            sent.lost = false;
            self.lost -= sent.length();
        }
        sent.transmissions = sent.transmissions.saturating_add(1);
        stamp(sent);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Everything counted again from scratch, for the invariants.
    pub(crate) fn check(&self) -> Result<(), String> {
        let sum = |keep: fn(&Sent) -> bool| -> u64 { self.segments.iter().filter(|s| keep(s)).map(Sent::length).sum() };
        let counted = (sum(|_| true), sum(|s| s.sacked), sum(|s| s.lost));
        if counted != (self.outstanding, self.sacked, self.lost) {
            return Err(format!("scoreboard {counted:?} is not {:?}", (self.outstanding, self.sacked, self.lost)));
        }
        if self.segments.iter().any(|sent| sent.sacked && sent.lost) {
            return Err("a segment is both delivered and lost".to_owned());
        }
        let gapless = self.segments.iter().zip(self.segments.iter().skip(1)).all(|(a, b)| a.end == b.start);
        if gapless { Ok(()) } else { Err("the scoreboard has a gap".to_owned()) }
    }
}

/// What to do with a segment that is neither delivered nor lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Lost,
    Keep,
    Stop,
}
