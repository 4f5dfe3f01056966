//! The ladder in plain characters, for a terminal of 100 columns or more. Called by [`crate::scenario`].

use std::io::{self, Write};

use super::ladder::{Ladder, Message, Tone, clock};

/// Characters between two lifelines.
const GAP_TWO: usize = 62;
const GAP_MANY: usize = 52;
/// Characters for time and the leftmost state.
const LEFT: usize = 24;

/// Writes the ladder; with `colour`, in ANSI colours.
pub fn write(ladder: &Ladder, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let gap = if ladder.names.len() > 2 { GAP_MANY } else { GAP_TWO };
    writeln!(out, "{}", ladder.title)?;
    for line in ladder.subtitle.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    let mut header = vec![' '; LEFT + gap * ladder.names.len() + 14];
    for (index, name) in ladder.names.iter().enumerate() {
        put(&mut header, LEFT + gap * index, name);
    }
    writeln!(out, "{}", line_of(&header))?;
    let mut notes: Vec<_> = ladder.notes.iter().collect();
    notes.sort_by_key(|(_, at, _)| *at);
    let mut notes = notes.into_iter().peekable();
    for message in &ladder.messages {
        while let Some((_, at, words)) = notes.next_if(|(_, at, _)| *at <= message.sent_at) {
            writeln!(out, "{:>10}  * {words}", clock(*at))?;
        }
        write_message(ladder, message, gap, colour, out)?;
    }
    for (_, at, words) in notes {
        writeln!(out, "{:>10}  * {words}", clock(*at))?;
    }
    writeln!(out)
}

fn write_message(ladder: &Ladder, message: &Message, gap: usize, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let column = |line: usize| LEFT + gap * line;
    let mut row = vec![' '; LEFT + gap * ladder.names.len() + 14];
    for line in 0..ladder.names.len() {
        row[column(line)] = '│';
    }
    put(&mut row, 0, &format!("{:>10}", clock(message.sent_at)));
    state(&mut row, column(message.from), message.from, &message.sender_state);
    let furthest = message.arrivals.iter().max_by_key(|(line, ..)| line.abs_diff(message.from));
    let target = furthest.map_or_else(|| neighbour(message.from, ladder.names.len()), |(line, ..)| *line);
    for (line, _, words) in &message.arrivals {
        state(&mut row, column(*line), *line, words);
    }
    let lost = message.arrivals.is_empty();
    for (line, ..) in &message.arrivals {
        // Who stands in the middle and looks at both sides gets an arrow to each.
        if (*line > message.from) != (target > message.from) {
            arrow(&mut row, column(message.from), column(*line), gap, "", None);
        }
    }
    arrow(&mut row, column(message.from), column(target), gap, &message.text, lost.then_some(message.lost.is_some()));
    for (line, ..) in message.arrivals.iter().filter(|(line, ..)| *line != target) {
        row[column(*line)] = if *line > message.from { '▶' } else { '◀' };
    }
    let text = line_of(&row);
    let text = text.trim_end();
    match colour {
        true => writeln!(out, "\x1b[{}m{text}\x1b[0m", code(message.tone)),
        false => writeln!(out, "{text}"),
    }
}

fn neighbour(line: usize, count: usize) -> usize {
    if line + 1 < count { line + 1 } else { line.saturating_sub(1) }
}

/// Left of the first lifeline, right of the others.
fn state(row: &mut [char], column: usize, line: usize, words: &str) {
    if line == 0 {
        put(row, column.saturating_sub(words.chars().count() + 1), words);
    } else {
        put(row, column + 2, words);
    }
}

fn arrow(row: &mut [char], from: usize, to: usize, gap: usize, text: &str, lost: Option<bool>) {
    let (low, high) = (from.min(to), from.max(to));
    row[low + 1..high].fill('─');
    let (tip, head) = if to > from { (high - 1, '▶') } else { (low + 1, '◀') };
    row[tip] = if lost == Some(true) { '✗' } else { head };
    if text.is_empty() {
        return;
    }
    // Across several lifelines the words stand in the first gap.
    let (low, high) = if to > from { (from, from + gap) } else { (from - gap, from) };
    let room = high - low - 5;
    let text: String = text.chars().take(room.saturating_sub(2)).collect();
    let start = low + 3 + (room.saturating_sub(text.chars().count() + 2)) / 2;
    put(row, start, &format!(" {text} "));
}

fn put(row: &mut [char], at: usize, text: &str) {
    for (slot, letter) in row.iter_mut().skip(at).zip(text.chars()) {
        *slot = letter;
    }
}

fn line_of(row: &[char]) -> String {
    row.iter().collect::<String>().trim_end().to_owned()
}

const fn code(tone: Tone) -> u8 {
    match tone {
        Tone::Control => 34,
        Tone::Data => 32,
        Tone::Acknowledgement => 90,
        Tone::Trouble => 31,
        Tone::Again => 33,
        Tone::Forged => 35,
    }
}
