//! Where a person reads and types: text with colour only where a terminal shows it, passwords without echo.

use std::io::{self, BufRead as _, IsTerminal, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::Failure;
use crate::config::Paint;
use crate::limits::PASSWORD_BYTES_MAX;

/// Standard input, output and error of the process.
#[derive(Debug)]
pub struct Terminal {
    out: Paint,
    error: Paint,
}

impl Terminal {
    /// The one of this process. `NO_COLOR` (no-color.org) and `TERM=dumb` turn colour off.
    pub fn of_process() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let paint = |is_terminal| if wanted && is_terminal { Paint::Colour } else { Paint::Plain };
        Self { out: paint(io::stdout().is_terminal()), error: paint(io::stderr().is_terminal()) }
    }

    /// Whether to colour standard output.
    pub const fn out(&self) -> Paint {
        self.out
    }

    /// Whether to colour standard error.
    pub const fn error(&self) -> Paint {
        self.error
    }

    /// Writes to standard output. A reader that has left (`| head`) is no failure.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Writes JSON to standard output, readable.
    pub fn print_json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        self.print(&format!("{value:#}\n"))
    }

    /// Writes to standard error what is no result of the work. Where nobody listens, nothing is lost.
    pub fn note(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Writes why the work failed.
    pub fn complain(&self, sentence: &str) {
        let word = self.error.strong("error:");
        self.note(&format!("{word} {sentence}\n"));
    }

    /// Asks for a password twice, without showing it.
    pub fn ask_new_password(&self, for_whom: &str) -> Result<String, Failure> {
        if !io::stdin().is_terminal() {
            let hint = "standard input is not a terminal: to read the password from it, add --password-stdin";
            return Err(Failure::wrong_words(hint));
        }
        let first = self.ask_hidden(&format!("Password for {for_whom}: "))?;
        let second = self.ask_hidden("Once more: ")?;
        if first != second { Err(Failure::new("the two passwords differ")) } else { good_password(first) }
    }

    /// Reads a password from standard input, up to its end; one line ending there is not part of it.
    pub fn read_password(&self) -> Result<String, Failure> {
        let mut text = String::new();
        let limit = PASSWORD_BYTES_MAX as u64 + 3;
        let read = io::stdin().lock().take(limit).read_to_string(&mut text);
        read.map_err(|error| Failure::new(format!("cannot read the password from standard input: {error}")))?;
        let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        good_password(line.to_owned())
    }

    fn ask_hidden(&self, question: &str) -> Result<String, Failure> {
        let failed = |error: io::Error| Failure::new(format!("cannot read from the terminal: {error}"));
        self.note(question);
        let quiet = Quiet::start().map_err(failed)?;
        let line = read_line();
        drop(quiet);
        self.note("\n");
        let line = line.map_err(failed)?;
        if line.contains(&INTERRUPT) {
            return Err(Failure::new("interrupted"));
        }
        String::from_utf8(line).map_err(|_| Failure::new("the password is not text in UTF-8"))
    }
}

fn good_password(password: String) -> Result<String, Failure> {
    if password.is_empty() {
        return Err(Failure::new("the password is empty"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Failure::new(format!("the password is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    if password.chars().any(char::is_control) {
        // RFC 7617 §2: user-id and password MUST NOT contain any control characters.
        return Err(Failure::new("the password holds a control character, which browsers cannot send"));
    }
    Ok(password)
}

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// One line from a terminal, which hands over line by line; without its ending.
fn read_line() -> io::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let mut line = input.fill_buf()?.to_vec();
    input.consume(line.len());
    while line.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        // Ctrl-C ends the line instead of the process, so that the terminal is never left mute.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that has gone has no echo to give back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
