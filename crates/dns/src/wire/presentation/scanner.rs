//! Cuts zone-file text into entries and tokens (RFC 1035 §5.1): blanks, comments, parentheses that
//! join lines, quotation marks, escapes. Knows where everything stands; judges no content.

use crate::error::TextError;
use crate::limits::TTL_SECONDS_MAX;

/// A walk over text, entry by entry, token by token.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    position: usize,
    line: u32,
    line_start: usize,
    /// How many parentheses are open, and where the outermost was opened.
    depth: u32,
    opened: (u32, u32),
    /// The entry is over; the next begins with [`Scanner::next_entry`].
    ended: bool,
}

/// A piece of an entry. Escapes in it still stand as they were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token<'a> {
    /// Its bytes, without quotation marks around the whole.
    pub text: &'a [u8],
    /// Whether it stood between quotation marks.
    pub quoted: bool,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in bytes, from 1.
    pub column: u32,
}

impl<'a> Scanner<'a> {
    /// A walk from the first byte, before the first entry.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0, line: 1, line_start: 0, depth: 0, opened: (1, 1), ended: true }
    }

    /// A walk over the tokens of a single entry.
    pub const fn of_entry(text: &'a [u8]) -> Self {
        let mut scanner = Self::new(text);
        scanner.ended = false;
        scanner
    }

    /// Goes to the next entry that is not empty: whether it begins with a blank (and so repeats the
    /// owner before it). None at the end of the text.
    pub fn next_entry(&mut self) -> Option<bool> {
        self.ended = false;
        loop {
            let start = self.position;
            let blank = matches!(self.text.get(start)?, b' ' | b'\t');
            while matches!(self.text.get(self.position), Some(b' ' | b'\t' | b'\r')) {
                self.position += 1;
            }
            match self.text.get(self.position)? {
                b'\n' => self.new_line(),
                b';' => self.skip_comment(),
                _ => return Some(blank),
            }
        }
    }

    /// The next token of this entry; none when it is over.
    pub fn next_token(&mut self) -> Result<Option<Token<'a>>, TextError> {
        while !self.ended {
            let Some(byte) = self.text.get(self.position) else {
                self.ended = true;
                if self.depth > 0 {
                    let message = "this parenthesis is never closed; expected `)` before the end";
                    return Err(TextError::new(self.opened.0, self.opened.1, message));
                }
                break;
            };
            match byte {
                b' ' | b'\t' | b'\r' => self.position += 1,
                b'\n' => {
                    self.new_line();
                    self.ended = self.depth == 0;
                }
                b';' => self.skip_comment(),
                b'(' => {
                    if self.depth == 0 {
                        self.opened = (self.line, self.column());
                    }
                    self.depth += 1;
                    self.position += 1;
                }
                b')' => {
                    let open = self.depth.checked_sub(1);
                    self.depth = open.ok_or_else(|| self.error("`)` without a `(` before it"))?;
                    self.position += 1;
                }
                b'"' => return self.quoted().map(Some),
                _ => return self.word().map(Some),
            }
        }
        Ok(None)
    }

    /// The next token, which has to be there.
    pub fn expect_token(&mut self, expected: &str) -> Result<Token<'a>, TextError> {
        let (line, column) = (self.line, self.column());
        let missing = || TextError::new(line, column, format!("the entry ends here; expected {expected}"));
        self.next_token()?.ok_or_else(missing)
    }

    /// Makes sure that nothing is left in this entry.
    pub fn expect_end(&mut self) -> Result<(), TextError> {
        match self.next_token()? {
            None => Ok(()),
            Some(token) => Err(token.error("expected the end of the record")),
        }
    }

    /// Leaves the rest of this entry unread; for going on behind an error.
    pub fn skip_entry(&mut self) {
        if !self.ended {
            while self.text.get(self.position).is_some_and(|byte| *byte != b'\n') {
                self.position += 1;
            }
            if self.position < self.text.len() {
                self.new_line();
            }
        }
        (self.depth, self.ended) = (0, true);
    }

    /// Line of what comes next, from 1.
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// Column of what comes next, from 1.
    pub const fn column(&self) -> u32 {
        (self.position - self.line_start) as u32 + 1
    }

    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> TextError {
        TextError::new(self.line, self.column(), message)
    }

    fn quoted(&mut self) -> Result<Token<'a>, TextError> {
        let (line, column) = (self.line, self.column());
        self.position += 1;
        let start = self.position;
        self.skip_quoted(line, column)?;
        let text = &self.text[start..self.position - 1];
        Ok(Token { text, quoted: true, line, column })
    }

    fn word(&mut self) -> Result<Token<'a>, TextError> {
        let (line, column, start) = (self.line, self.column(), self.position);
        while let Some(byte) = self.text.get(self.position) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' => break,
                // The character behind a backslash has no meaning, but a line never continues so.
                b'\\' if self.text.get(self.position + 1).is_some_and(|next| *next != b'\n') => self.position += 2,
                b'"' => {
                    // RFC 9460 §2.1: a value in quotation marks behind `key=` belongs to its token.
                    let opened = self.column();
                    self.position += 1;
                    self.skip_quoted(line, opened)?;
                }
                _ => self.position += 1,
            }
        }
        Ok(Token { text: &self.text[start..self.position], quoted: false, line, column })
    }

    fn skip_quoted(&mut self, line: u32, column: u32) -> Result<(), TextError> {
        loop {
            match self.text.get(self.position) {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(());
                }
                Some(b'\\') if self.text.get(self.position + 1).is_some_and(|next| *next != b'\n') => {
                    self.position += 2
                }
                Some(b'\n') | None => {
                    return Err(TextError::new(line, column, "this quotation mark is not closed on its line"));
                }
                Some(_) => self.position += 1,
            }
        }
    }

    fn skip_comment(&mut self) {
        while self.text.get(self.position).is_some_and(|byte| *byte != b'\n') {
            self.position += 1;
        }
    }

    const fn new_line(&mut self) {
        self.position += 1;
        self.line += 1;
        self.line_start = self.position;
    }
}

impl Token<'_> {
    /// An error at this token, which is shown: `"xyz": message`.
    pub fn error(&self, message: impl AsRef<str>) -> TextError {
        let shown = String::from_utf8_lossy(&self.text[..self.text.len().min(60)]);
        TextError::new(self.line, self.column, format!("{shown:?}: {}", message.as_ref()))
    }

    /// Whether this is the word, in any case.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    /// A decimal number up to `most`.
    pub fn number(&self, most: u64) -> Result<u64, TextError> {
        let wrong = || self.error(format!("expected a number from 0 to {most}"));
        if self.text.is_empty() || self.text.len() > 20 || !self.text.iter().all(u8::is_ascii_digit) {
            return Err(wrong());
        }
        let value = self
            .text
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        value.filter(|value| *value <= most).ok_or_else(wrong)
    }

    /// The bytes with escapes resolved.
    pub fn bytes(&self) -> Result<Vec<u8>, TextError> {
        let unescaped: Result<Vec<u8>, _> =
            super::Escaped::new(self.text).map(|byte| byte.map(|(byte, _)| byte)).collect();
        unescaped.map_err(|message| self.error(message))
    }
}

/// Reads seconds as a number or with units: `3600`, `1h`, `1w2d3h4m5s`, in any case. None when it is
/// neither or beyond 2^31-1 (RFC 2181 §8).
pub fn seconds_from_text(text: &[u8]) -> Option<u32> {
    let (mut total, mut number, mut digits, mut units) = (0_u64, 0_u64, 0, false);
    for byte in text {
        let factor = match byte.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => {
                number = number * 10 + u64::from(digit - b'0');
                digits += 1;
                if digits > 10 {
                    return None;
                }
                continue;
            }
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        if digits == 0 {
            return None;
        }
        total += number * factor;
        (number, digits, units) = (0, 0, true);
        if total > u64::from(TTL_SECONDS_MAX) {
            return None;
        }
    }
    if digits == 0 && !units {
        return None;
    }
    u32::try_from(total + number).ok().filter(|seconds| *seconds <= TTL_SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_tokens() {
        let text = b"; comment\n\na 1 \"b c\" ; more\n (x\n ; inside\n y) z\r\nlast k=\"v w\" \\; \\\"";
        let mut scanner = Scanner::new(text);
        let mut seen = Vec::new();
        while let Some(blank) = scanner.next_entry() {
            let mut words = vec![blank.to_string()];
            while let Some(token) = scanner.next_token().unwrap() {
                words.push(String::from_utf8_lossy(token.text).into_owned());
            }
            seen.push(words.join("|"));
        }
        assert_eq!(seen, ["false|a|1|b c", "true|x|y|z", "false|last|k=\"v w\"|\\;|\\\""]);
    }

    #[test]
    fn errors_name_their_place() {
        for (text, place) in [("a (b\nc", (1, 3)), ("a )", (1, 3)), ("a \"b\nc\"", (1, 3)), ("a k=\"v", (1, 5))] {
            let mut scanner = Scanner::new(text.as_bytes());
            scanner.next_entry();
            let error = loop {
                match scanner.next_token() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text} has an error"),
                    Err(error) => break error,
                }
            };
            assert_eq!((error.line, error.column), place, "{text}");
        }
    }

    #[test]
    fn seconds_with_and_without_units() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("1h", Some(3600)),
            ("1W2d3H4m5s", Some(604_800 + 172_800 + 10_800 + 245)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("99999w", None),
            ("h", None),
            ("", None),
            ("1y", None),
            ("-1", None),
        ] {
            assert_eq!(seconds_from_text(text.as_bytes()), seconds, "{text}");
        }
    }
}
