//! Text as events (HTML Standard §9.2.6): the algorithm browsers run, however the bytes are cut. Called by the client.

use std::time::Duration;

use crate::limits::event_stream::EVENT_BYTES_MAX;

/// An event that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedEvent {
    /// Its type; `message` when the stream named none.
    pub name: String,
    /// Its data; lines are joined by LF.
    pub data: String,
    /// The last id the stream gave, in this event or before: what to send in Last-Event-ID.
    pub last_id: String,
}

/// Reads an event stream.
#[derive(Default, Debug)]
pub struct EventStreamParser {
    /// The line under way.
    line: Vec<u8>,
    /// The line before ended with CR, so that a LF now belongs to it.
    after_carriage_return: bool,
    /// The byte order mark, which may stand before the first line, is behind us.
    started: bool,
    name: String,
    data: String,
    last_id: String,
    retry: Option<Duration>,
}

/// A line or an event is longer than [`EVENT_BYTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an event of the stream is too long")
    }
}

impl std::error::Error for TooLong {}

impl EventStreamParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on; hands every event that becomes whole to `receive`. An event the stream ends within is never handed
    /// out, as the standard says.
    ///
    /// # Errors
    /// A line or an event is longer than [`EVENT_BYTES_MAX`]; the stream is not to be read on.
    pub fn read(&mut self, mut bytes: &[u8], mut receive: impl FnMut(ReceivedEvent)) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_carriage_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            self.line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            let Some(end) = end else { return Ok(()) };
            self.after_carriage_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(&mut receive);
        }
        Ok(())
    }

    /// How long the stream wishes a reader to wait before it connects again.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// What to send in Last-Event-ID; empty when the stream gave no id.
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    fn end_line(&mut self, receive: &mut impl FnMut(ReceivedEvent)) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = if std::mem::replace(&mut self.started, true) {
            &*text
        } else {
            text.strip_prefix('\u{feff}').unwrap_or(&text)
        };
        if text.is_empty() {
            self.end_event(receive);
        } else {
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            self.take_field(field, value.strip_prefix(' ').unwrap_or(value));
        }
        // The memory of the line serves the next one.
        self.line = line;
        self.line.clear();
    }

    fn take_field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment has an empty field name; all else is ignored.
            _ => {}
        }
    }

    fn end_event(&mut self, receive: &mut impl FnMut(ReceivedEvent)) {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return;
        }
        data.pop();
        let name = if name.is_empty() { "message".to_owned() } else { name };
        receive(ReceivedEvent { name, data, last_id: self.last_id.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode_event;
    use super::*;

    fn read(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<(String, String, String)> {
        let mut parser = EventStreamParser::new();
        let mut events = Vec::new();
        for part in parts {
            let receive = |event: ReceivedEvent| events.push((event.name, event.data, event.last_id));
            parser.read(part.as_ref(), receive).unwrap();
        }
        events
    }

    #[test]
    fn html_standard_examples_in_any_cut() {
        let event = |name: &str, data: &str, id: &str| (name.to_owned(), data.to_owned(), id.to_owned());
        for (text, events) in [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![event("message", "YHOO\n+2\n10", "")]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                vec![
                    event("message", "first event", "1"),
                    event("message", "second event", ""),
                    event("message", " third event", ""),
                ],
            ),
            ("data\n\ndata\ndata\n\ndata:", vec![event("message", "", ""), event("message", "\n", "")]),
            ("data:test\n\ndata: test\n\n", vec![event("message", "test", ""), event("message", "test", "")]),
            (
                "\u{feff}event: add\rdata: 1\r\r\ndata: 2\r\n\r\n",
                vec![event("add", "1", ""), event("message", "2", "")],
            ),
            ("event: lost\n\ndata: x\nid: a\0b\nunknown: y\n\n", vec![event("message", "x", "")]),
            ("data: no end\n", vec![]),
        ] {
            assert_eq!(read([text]), events, "{text:?}");
            assert_eq!(read(text.as_bytes().chunks(1)), events, "{text:?}");
            for cut in 0..text.len() {
                assert_eq!(read([&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), events, "{text:?} at {cut}");
            }
        }
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        let mut bytes = Vec::new();
        encode_event(&mut bytes, "add", Some("7"), " two\nlines\n");
        assert_eq!(read([bytes]), [("add".to_owned(), " two\nlines\n".to_owned(), "7".to_owned())]);
    }

    #[test]
    fn retry_is_digits_and_events_have_a_bound() {
        let mut parser = EventStreamParser::new();
        parser.read(b"retry: 2500\nretry: 1x\nretry: \n", |_| {}).unwrap();
        assert_eq!(parser.retry(), Some(Duration::from_millis(2500)));
        let long = [b"data: ".to_vec(), vec![b'x'; EVENT_BYTES_MAX]].concat();
        assert_eq!(EventStreamParser::new().read(&long, |_| {}), Err(TooLong));
        let mut parser = EventStreamParser::new();
        let line = [&b"data: "[..], &[b'x'; 1000], b"\n"].concat();
        assert_eq!((0..2_000).find_map(|_| parser.read(&line, |_| {}).err()), Some(TooLong));
    }
}
