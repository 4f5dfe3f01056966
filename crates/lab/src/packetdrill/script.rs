//! The text of a script, as events. Called by [`super::run_text`]; hands packets to [`super::packet_line`].

use std::time::Duration;

use super::packet_line::{self, PacketLine};

/// A script.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// `--name=value` lines.
    pub options: Vec<(String, String)>,
    /// What happens.
    pub events: Vec<Event>,
}

/// When an event happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// So long after the event before.
    Relative(Duration),
    /// So long after the start.
    Absolute(Duration),
    /// Whenever.
    Any,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its line, from one.
    pub line: usize,
    /// When.
    pub when: When,
    /// For a system call that blocks: when it ends.
    pub ends: Option<When>,
    /// What.
    pub action: Action,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Action {
    /// A packet arrives.
    Inject(PacketLine),
    /// A packet is expected.
    Expect(PacketLine),
    /// The application calls.
    Call(Call),
    /// A shell command.
    Shell(String),
    /// Python.
    Assert(String),
}

/// A system call with its expected result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Which.
    pub name: String,
    /// Arguments, as text.
    pub arguments: Vec<String>,
    /// The expected result.
    pub result: i64,
    /// The expected error's name.
    pub error: Option<String>,
}

/// Text that is no script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Where.
    pub line: usize,
    /// Why.
    pub why: String,
}

impl Script {
    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a script. Of `#ifdef` parts those for `STANDARD` (what the RFCs say) are kept.
pub fn parse(text: &str) -> Result<Script, Unreadable> {
    let mut script = Script::default();
    let mut keep = vec![true];
    for (line, text) in joined_lines(text) {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("#ifdef") {
            keep.push(name.trim() == "STANDARD");
        } else if text.starts_with("#else") {
            if let Some(last) = keep.last_mut() {
                *last = !*last;
            }
        } else if text.starts_with("#endif") {
            keep.pop();
        } else if text.is_empty() || text.starts_with('#') || keep.contains(&false) {
            continue;
        } else if let Some(option) = text.strip_prefix("--") {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            script.options.push((name.trim().to_owned(), value.trim().to_owned()));
        } else {
            let event = parse_event(line, text).map_err(|why| Unreadable { line, why })?;
            script.events.push(event);
        }
    }
    Ok(script)
}

/// Lines without comments; what is open at the end of a line goes on in the next.
fn joined_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut block = false;
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in text.lines().enumerate() {
        let mut line = strip_comments(raw, &mut block);
        if let Some((start, before)) = open.take() {
            line = format!("{before} {line}");
            if is_open(&line) {
                open = Some((start, line));
            } else {
                lines.push((start, line));
            }
        } else if is_open(&line) {
            open = Some((index + 1, line));
        } else {
            lines.push((index + 1, line));
        }
    }
    lines.extend(open);
    lines
}

fn strip_comments(line: &str, block: &mut bool) -> String {
    let mut kept = String::new();
    let mut rest = line;
    loop {
        if *block {
            let Some(end) = rest.find("*/") else { return kept };
            rest = &rest[end + 2..];
            *block = false;
        }
        match (rest.find("//"), rest.find("/*")) {
            (Some(line), block_start) if block_start.is_none_or(|start| line < start) => {
                kept.push_str(&rest[..line]);
                return kept;
            }
            (_, Some(start)) => {
                kept.push_str(&rest[..start]);
                rest = &rest[start + 2..];
                *block = true;
            }
            _ => {
                kept.push_str(rest);
                return kept;
            }
        }
    }
}

fn is_open(line: &str) -> bool {
    let count = |wanted: char| line.chars().filter(|letter| *letter == wanted).count();
    count('(') > count(')') || count('[') > count(']') || line.contains("%{") && !line.contains("}%") || count('`') == 1
}

fn parse_event(line: usize, text: &str) -> Result<Event, String> {
    let (when, ends, rest) = parse_time(text)?;
    let rest = rest.trim();
    let action = if let Some(packet) = rest.strip_prefix('<') {
        Action::Inject(packet_line::parse(packet)?)
    } else if let Some(packet) = rest.strip_prefix('>') {
        Action::Expect(packet_line::parse(packet)?)
    } else if let Some(shell) = rest.strip_prefix('`') {
        Action::Shell(shell.trim_end_matches('`').trim().to_owned())
    } else if let Some(python) = rest.strip_prefix("%{") {
        Action::Assert(python.trim_end_matches("}%").trim().to_owned())
    } else {
        Action::Call(parse_call(rest)?)
    };
    Ok(Event { line, when, ends, action })
}

fn parse_time(text: &str) -> Result<(When, Option<When>, &str), String> {
    if let Some(rest) = text.strip_prefix('*') {
        return Ok((When::Any, None, rest));
    }
    let (relative, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let (seconds, rest) = number(rest)?;
    let at = if relative { When::Relative(seconds) } else { When::Absolute(seconds) };
    // `1.00...6.00`: begins and ends.
    let Some(rest) = rest.strip_prefix("...") else { return Ok((at, None, rest)) };
    let (ends, rest) = number(rest.trim_start_matches('+'))?;
    let ends = if relative { When::Relative(ends) } else { When::Absolute(ends) };
    Ok((at, Some(ends), rest))
}

fn number(text: &str) -> Result<(Duration, &str), String> {
    let mut end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    if let Some(dots) = text[..end].find("..") {
        end = dots;
    }
    let seconds: f64 = text[..end].parse().map_err(|_| format!("`{text}` has no time"))?;
    // Microseconds are the language's resolution.
    Ok((Duration::from_micros((seconds * 1e6).round() as u64), &text[end..]))
}

fn parse_call(text: &str) -> Result<Call, String> {
    let wrong = || format!("`{text}` is no system call");
    let open = text.find('(').ok_or_else(wrong)?;
    let close = matching(text, open).ok_or_else(wrong)?;
    let rest = text[close + 1..].trim().strip_prefix('=').ok_or_else(wrong)?.trim();
    let mut words = rest.split_whitespace();
    let value = words.next().ok_or_else(wrong)?;
    let result = match value.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).map_err(|_| wrong())?,
        None => value.parse().map_err(|_| wrong())?,
    };
    let error = words.next().filter(|word| word.starts_with('E')).map(str::to_owned);
    let arguments = split_arguments(&text[open + 1..close]);
    Ok(Call { name: text[..open].trim().to_owned(), arguments, result, error })
}

fn matching(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (index, letter) in text.char_indices().skip(open) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// By commas that stand in no bracket.
fn split_arguments(text: &str) -> Vec<String> {
    let (mut depth, mut current, mut arguments) = (0, String::new(), Vec::new());
    for letter in text.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(std::mem::take(&mut current).trim().to_owned());
                continue;
            }
            _ => {}
        }
        current.push(letter);
    }
    arguments.push(current.trim().to_owned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_calls_and_parts() {
        let script = parse(
            "--mtu=1400 // here\n/* not\nthis */ 0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
             + 0.25 fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)\n\
             1.00...6.00 connect(3, ..., ...) = -1 ETIMEDOUT (Operation timed out)\n\
             #ifdef FreeBSD\n+0 close(9) = 0\n#endif\n* `sysctl -w a=1`\n+0 %{ assert\n x == 1 }%\n",
        )
        .unwrap();
        assert_eq!(script.option("mtu"), Some("1400"));
        let times: Vec<When> = script.events.iter().map(|event| event.when).collect();
        let second = Duration::from_secs(1);
        assert_eq!(
            times,
            [
                When::Absolute(Duration::ZERO),
                When::Relative(second / 4),
                When::Absolute(second),
                When::Any,
                When::Relative(Duration::ZERO)
            ]
        );
        assert_eq!(script.events[2].ends, Some(When::Absolute(second * 6)));
        let Action::Call(call) = &script.events[2].action else { panic!("a call") };
        assert_eq!((call.result, call.error.as_deref(), call.arguments.len()), (-1, Some("ETIMEDOUT"), 3));
    }

    #[test]
    fn nonsense_names_its_line() {
        assert_eq!(parse("\n\nnonsense").unwrap_err().line, 3);
    }
}
