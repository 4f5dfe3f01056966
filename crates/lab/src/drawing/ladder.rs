//! Sequence ladders: a line down for each host, an arrow for each packet, states beside them. Made from a trace by
//! scenarios; drawn here as SVG and in [`super::terminal`] as text.

use std::collections::BTreeMap;
use std::time::Duration;

use edgeway_base::Instant;
use edgeway_tcpip::tcp::connection::Pair;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};

use super::svg::{Anchor, Svg};
use crate::trace::{Seen, What};
use crate::world::{NodeId, START, World};

/// What one packet says, in a line.
#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    /// Index of the sender's lifeline.
    pub from: usize,
    /// When it left.
    pub sent_at: Duration,
    /// The sender's state afterwards.
    pub sender_state: String,
    /// What it says.
    pub text: String,
    /// What colour it has.
    pub tone: Tone,
    /// Lifeline, time and state of each arrival.
    pub arrivals: Vec<(usize, Duration, String)>,
    /// Why it was lost, if it was.
    pub lost: Option<&'static str>,
}

/// What kind of packet it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// SYN and FIN.
    Control,
    /// Data.
    Data,
    /// Bare acknowledgements.
    Acknowledgement,
    /// RST and errors.
    Trouble,
    /// Sent again.
    Again,
    /// Made by hand.
    Forged,
}

impl Tone {
    pub(crate) const fn colour(self) -> &'static str {
        match self {
            Self::Control => "#0072b2",
            Self::Data => "#1b7f5c",
            Self::Acknowledgement => "#6b6b6b",
            Self::Trouble => "#c0392b",
            Self::Again => "#d55e00",
            Self::Forged => "#8e44ad",
        }
    }
}

/// A ladder.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// What it shows.
    pub title: String,
    /// And why one should look.
    pub subtitle: String,
    /// Names of the lifelines, left to right.
    pub names: Vec<String>,
    /// The packets, by time.
    pub messages: Vec<Message>,
    /// Remarks: lifeline, time, words.
    pub notes: Vec<(usize, Duration, String)>,
}

impl Ladder {
    /// A ladder of what `nodes` said to each other, as far as `wanted` agrees.
    pub fn of(world: &World, title: &str, subtitle: &str, nodes: &[NodeId], wanted: impl Fn(&Seen) -> bool) -> Self {
        Self::with_numbers(world, (title, subtitle), nodes, Numbers::default(), wanted)
    }

    /// The same with the wire's own sequence numbers.
    pub fn absolute(
        world: &World,
        title: &str,
        subtitle: &str,
        nodes: &[NodeId],
        wanted: impl Fn(&Seen) -> bool,
    ) -> Self {
        let numbers = Numbers { absolute: true, ..Numbers::default() };
        Self::with_numbers(world, (title, subtitle), nodes, numbers, wanted)
    }

    fn with_numbers(
        world: &World,
        (title, subtitle): (&str, &str),
        nodes: &[NodeId],
        mut numbers: Numbers,
        wanted: impl Fn(&Seen) -> bool,
    ) -> Self {
        let line = |node: NodeId| nodes.iter().position(|known| *known == node);
        let mut messages: Vec<Message> = Vec::new();
        // What was drawn, to know it again when a router passes it on.
        let mut drawn: Vec<&What> = Vec::new();
        for seen in world.seen().iter().filter(|seen| wanted(seen)) {
            let arrivals: Vec<_> = seen
                .arrivals
                .iter()
                .filter_map(|arrival| Some((line(arrival.at)?, since(arrival.time), arrival.state.clone())))
                .collect();
            let Some(from) = line(seen.from) else {
                let origin = drawn.iter().rposition(|what| **what == seen.what);
                if let Some(message) = origin.and_then(|index| messages.get_mut(index)) {
                    message.arrivals.extend(arrivals);
                }
                continue;
            };
            // A router on the picture passes on what was said already; it is not said again.
            let before = drawn.iter().rposition(|what| **what == seen.what);
            let passed_on = before.and_then(|index| messages.get(index)).filter(|message| message.from != from);
            let (text, tone) = match passed_on {
                Some(message) => (message.text.clone(), message.tone),
                None => numbers.describe(seen),
            };
            drawn.push(&seen.what);
            let lost = seen.losses.first().map(|(_, why)| *why).filter(|_| arrivals.is_empty());
            messages.push(Message {
                from,
                sent_at: since(seen.sent_at),
                sender_state: seen.sender_state.clone(),
                text,
                tone,
                arrivals,
                lost,
            });
        }
        let names = nodes.iter().map(|node| world.name(*node).to_owned()).collect();
        Self { title: title.to_owned(), subtitle: subtitle.to_owned(), names, messages, notes: Vec::new() }
    }

    /// Adds a remark beside a lifeline.
    pub fn note(&mut self, line: usize, at: Duration, words: &str) {
        self.notes.push((line, at, words.to_owned()));
    }

    /// The ladder as SVG.
    pub fn svg(&self) -> String {
        Layout::new(self).draw()
    }
}

fn since(moment: Instant) -> Duration {
    moment - START
}

/// Turns the wire's numbers into small ones, as textbooks do: each side counts from its SYN.
#[derive(Default)]
struct Numbers {
    absolute: bool,
    initial: BTreeMap<Pair, u32>,
    highest: BTreeMap<Pair, u32>,
}

impl Numbers {
    fn describe(&mut self, seen: &Seen) -> (String, Tone) {
        match &seen.what {
            What::Tcp { pair, header, payload } => {
                let (text, again) = self.segment(*pair, header, *payload);
                let tone = if seen.forged {
                    Tone::Forged
                } else if header.flags.has(Flags::RST) {
                    Tone::Trouble
                } else if again {
                    Tone::Again
                } else if header.flags.any(Flags::SYN | Flags::FIN) {
                    Tone::Control
                } else if *payload > 0 {
                    Tone::Data
                } else {
                    Tone::Acknowledgement
                };
                (text, tone)
            }
            What::Other { protocol, text } => {
                let tone = match *protocol {
                    _ if seen.forged => Tone::Forged,
                    "ICMP" => Tone::Trouble,
                    "ARP" | "IGMP" => Tone::Control,
                    _ => Tone::Data,
                };
                (format!("{protocol} {text}"), tone)
            }
        }
    }

    /// The segment in words, and whether its first byte was sent before.
    fn segment(&mut self, pair: Pair, header: &TcpHeader, payload: usize) -> (String, bool) {
        if header.flags.has(Flags::SYN) && self.initial.get(&pair) != Some(&header.sequence.0) {
            // A new connection between the same ends counts anew.
            self.initial.insert(pair, header.sequence.0);
            self.highest.remove(&pair);
        }
        let other = Pair { local: pair.remote, remote: pair.local };
        let zero = |initial: Option<&u32>| if self.absolute { 0 } else { initial.copied().unwrap_or(0) };
        let base = zero(self.initial.get(&pair));
        let peer = zero(self.initial.get(&other));
        let sequence = header.sequence.0.wrapping_sub(base);
        let length = header.sequence_length(payload) as u32;
        let highest = self.highest.entry(pair).or_insert(0);
        let again = length > 0 && self.initial.contains_key(&pair) && sequence < *highest;
        *highest = (*highest).max(sequence.wrapping_add(length));
        // Before the SYN counts backwards; the wire's own numbers are as they are.
        let shown = if self.absolute { i64::from(sequence) } else { i64::from(sequence as i32) };
        let mut text = format!("{} seq={shown}", header.flags);
        if header.flags.has(Flags::ACK) {
            text += &format!(" ack={}", header.acknowledgement.0.wrapping_sub(peer));
        }
        if !header.flags.has(Flags::RST) {
            text += &format!(" win={}", header.window);
        }
        if payload > 0 {
            text += &format!(" len={payload}");
        }
        if let Some(size) = header.options.maximum_segment_size {
            text += &format!(" mss={size}");
        }
        for (start, end) in header.options.sack_blocks.as_slice() {
            text += &format!(" sack={}-{}", start.0.wrapping_sub(peer), end.0.wrapping_sub(peer));
        }
        (text, again)
    }
}

/// Where everything stands.
struct Layout<'a> {
    ladder: &'a Ladder,
    columns: Vec<f64>,
    /// Vertical place of each moment at which something happens.
    places: BTreeMap<Duration, f64>,
    /// Stretches of time too long to draw.
    breaks: Vec<(f64, Duration)>,
    height: f64,
}

const TOP: f64 = 128.0;
const MARGIN: f64 = 178.0;
const GAP: f64 = 470.0;
/// Between two moments at least this much, so that labels do not touch.
const STEP_MIN: f64 = 23.0;
const STEP_MAX: f64 = 46.0;
/// Between messages of one moment.
const CROWD: f64 = 17.0;
/// Room for a remark.
const NOTE: f64 = 26.0;

impl<'a> Layout<'a> {
    fn new(ladder: &'a Ladder) -> Self {
        let gap = if ladder.names.len() > 2 { GAP * 0.76 } else { GAP };
        let columns = (0..ladder.names.len()).map(|index| MARGIN + gap * index as f64).collect();
        let mut layout = Self { ladder, columns, places: BTreeMap::new(), breaks: Vec::new(), height: TOP };
        layout.place();
        layout
    }

    /// Time runs down; equal times share a place, short times are stretched, long ones cut.
    fn place(&mut self) {
        let mut moments: Vec<Duration> = Vec::new();
        for message in &self.ladder.messages {
            moments.push(message.sent_at);
            moments.extend(message.arrivals.iter().map(|(_, at, _)| *at));
        }
        moments.extend(self.ladder.notes.iter().map(|(_, at, _)| *at));
        moments.sort_unstable();
        moments.dedup();
        let gaps: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mut sorted = gaps.clone();
        sorted.sort_by(f64::total_cmp);
        let typical = sorted.get(sorted.len() * 4 / 5).copied().unwrap_or(1.0).max(1e-9);
        let mut y = TOP + 14.0;
        for (index, moment) in moments.iter().enumerate() {
            if let Some(gap) = index.checked_sub(1).and_then(|before| gaps.get(before)) {
                let step = STEP_MIN * (gap / typical).sqrt().max(0.8);
                y += step.clamp(STEP_MIN, STEP_MAX);
                if *gap >= 0.09 || step > STEP_MAX * 4.0 {
                    y += STEP_MIN;
                    self.breaks.push((y - STEP_MAX / 2.0, Duration::from_secs_f64(*gap)));
                }
            }
            if self.ladder.notes.iter().any(|(_, at, _)| at == moment) {
                y += NOTE;
            }
            self.places.insert(*moment, y);
            // Messages sent at one moment from one line need room of their own.
            let crowd = self.ladder.messages.iter().filter(|message| message.sent_at == *moment).count();
            y += CROWD * crowd.saturating_sub(1) as f64;
        }
        self.height = y + 56.0;
    }

    fn y(&self, at: Duration) -> f64 {
        self.places.get(&at).copied().unwrap_or(TOP)
    }

    fn draw(&self) -> String {
        let width = self.columns.last().copied().unwrap_or(0.0) + MARGIN;
        let mut svg = Svg::new(width.max(720.0), self.height + 20.0);
        svg.text((28.0, 38.0), "title", Anchor::Start, &self.ladder.title);
        for (index, line) in self.ladder.subtitle.lines().enumerate() {
            svg.text((28.0, 59.0 + 17.0 * index as f64), "subtitle", Anchor::Start, line);
        }
        self.lifelines(&mut svg);
        self.pauses(&mut svg);
        let mut crowd: BTreeMap<(usize, Duration), f64> = BTreeMap::new();
        let mut landed: BTreeMap<(usize, Duration), f64> = BTreeMap::new();
        let mut last_state: Vec<String> = vec![String::new(); self.columns.len()];
        let mut last_time = String::new();
        for message in &self.ladder.messages {
            let from =
                (self.columns[message.from], self.y(message.sent_at) + take(&mut crowd, message.from, message.sent_at));
            let ends: Vec<(f64, f64)> = message
                .arrivals
                .iter()
                .map(|(line, at, _)| (self.columns[*line], self.y(*at) + take(&mut landed, *line, *at)))
                .collect();
            self.message(&mut svg, message, from, &ends);
            let time = clock(message.sent_at);
            if time != last_time {
                svg.text((14.0, self.y(message.sent_at) + 4.0), "time mono", Anchor::Start, &time);
                last_time = time;
            }
            self.state(&mut svg, message.from, from.1, &message.sender_state, &mut last_state);
            for ((line, _, state), end) in message.arrivals.iter().zip(&ends) {
                self.state(&mut svg, *line, end.1, state, &mut last_state);
            }
        }
        for (line, at, words) in &self.ladder.notes {
            self.remark(&mut svg, *line, self.y(*at), words);
        }
        svg.finish()
    }

    fn lifelines(&self, svg: &mut Svg) {
        for (x, name) in self.columns.iter().zip(&self.ladder.names) {
            svg.line((*x, TOP - 8.0), (*x, self.height), "#999", 1.2);
            let width = 24.0 + name.chars().count() as f64 * 8.4;
            svg.rectangle((x - width / 2.0, TOP - 36.0), (width, 27.0), "#f4f6f8", "#9aa5b1");
            svg.text((*x, TOP - 18.0), "name", Anchor::Middle, name);
        }
    }

    fn pauses(&self, svg: &mut Svg) {
        for (y, gap) in &self.breaks {
            for x in &self.columns {
                svg.rectangle((x - 4.0, y - 4.0), (8.0, 8.0), "#fff", "none");
                svg.text((*x, y + 4.0), "time", Anchor::Middle, "\u{22ee}");
            }
            svg.text((14.0, y + 4.0), "time", Anchor::Start, &format!("\u{22ee} {} pass", span(*gap)));
        }
    }

    fn message(&self, svg: &mut Svg, message: &Message, from: (f64, f64), ends: &[(f64, f64)]) {
        let colour = message.tone.colour();
        // The words go with the arrow that reaches furthest.
        let furthest = ends.iter().max_by(|a, b| (a.0 - from.0).abs().total_cmp(&(b.0 - from.0).abs()));
        let Some(furthest) = furthest else { return self.lost(svg, message, from, colour) };
        for end in ends {
            svg.arrow(from, *end, colour);
        }
        label(svg, from, *furthest, &message.text, colour);
    }

    fn lost(&self, svg: &mut Svg, message: &Message, from: (f64, f64), colour: &str) {
        let next =
            if message.from + 1 < self.columns.len() { message.from + 1 } else { message.from.saturating_sub(1) };
        let to = (from.0 + (self.columns[next] - from.0) * 0.62, from.1 + 16.0);
        svg.dashes(from, to, colour, 1.6);
        if message.lost.is_some() {
            for side in [-1.0, 1.0] {
                svg.line((to.0 - 6.0, to.1 - 6.0 * side), (to.0 + 6.0, to.1 + 6.0 * side), "#c0392b", 2.2);
            }
        }
        let text = message.lost.map_or_else(|| message.text.clone(), |why| format!("{}  ({why})", message.text));
        label(svg, from, to, &text, colour);
    }

    /// The state is written when it changes.
    fn state(&self, svg: &mut Svg, line: usize, y: f64, state: &str, last: &mut [String]) {
        if state.is_empty() || last[line] == state {
            return;
        }
        last[line] = state.to_owned();
        let x = self.columns[line];
        svg.dot((x, y), 3.0, "#222");
        let (at, anchor) =
            if line == 0 { ((x - 10.0, y + 4.0), Anchor::End) } else { ((x + 10.0, y + 4.0), Anchor::Start) };
        svg.text(at, "now mono", anchor, state);
    }

    fn remark(&self, svg: &mut Svg, line: usize, y: f64, words: &str) {
        let x = self.columns[line];
        let (at, anchor) =
            if line == 0 { ((x + 8.0, y - 17.0), Anchor::Start) } else { ((x - 8.0, y - 17.0), Anchor::End) };
        svg.turned_text(at, 0.0, "legend", anchor, words, Some("#8a5a00"));
    }
}

/// The next place at which something of this moment stands on this line.
fn take(places: &mut BTreeMap<(usize, Duration), f64>, line: usize, at: Duration) -> f64 {
    let place = places.entry((line, at)).or_insert(-CROWD);
    *place += CROWD;
    *place
}

/// Words along an arrow, near who says them, so that what both sides say at once does not lie on itself.
fn label(svg: &mut Svg, from: (f64, f64), to: (f64, f64), text: &str, colour: &str) {
    let (left, right) = if from.0 <= to.0 { (from, to) } else { (to, from) };
    let degrees = ((right.1 - left.1) / (right.0 - left.0).max(1.0)).atan().to_degrees();
    let length = (right.0 - left.0).max(1.0);
    let half = text.chars().count() as f64 * 3.15;
    let share = (half + 22.0).min((length / 2.0).max(half + 10.0)) / length;
    let middle = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share - 4.5);
    svg.label(middle, degrees, text, colour);
}

/// `12.345 ms`, `1.234 s`.
pub(crate) fn clock(at: Duration) -> String {
    if at < Duration::from_secs(1) {
        format!("{:.2} ms", at.as_secs_f64() * 1000.0)
    } else {
        format!("{:.3} s", at.as_secs_f64())
    }
}

pub(crate) fn span(gap: Duration) -> String {
    match gap.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.1} s"),
        seconds => format!("{:.0} ms", seconds * 1000.0),
    }
}
