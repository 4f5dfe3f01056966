//! The access log: one line for each request, gathered in the worker and written by a thread of its own. A slow disk costs
//! lines, never a request's time.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use edgeway_base::WallTime;
use edgeway_http::semantics::date::Calendar;
use edgeway_http::semantics::{FieldName, Fields};
use edgeway_net::drive::Sent;

use super::metrics::WorkerMetrics;
use super::queries::QueryRecord;
use crate::exchange::Ticket;
use crate::limits::LOG_BUFFER_BYTES;

/// How a line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// The "combined" format of Apache and nginx.
    Combined,
}

/// One worker's end of the log.
pub struct AccessLog {
    format: Format,
    writer: SyncSender<Vec<u8>>,
    buffer: Vec<u8>,
    clock: Clock,
    metrics: Arc<WorkerMetrics>,
}

impl AccessLog {
    /// Gathers lines and sends them to `writer` in blocks.
    pub const fn new(format: Format, writer: SyncSender<Vec<u8>>, metrics: Arc<WorkerMetrics>) -> Self {
        Self { format, writer, buffer: Vec::new(), clock: Clock::new(), metrics }
    }

    /// Appends a line.
    pub fn write(&mut self, ticket: &Ticket, sent: &Sent, duration: Duration, wall: WallTime) {
        self.clock.set(wall, self.format);
        match self.format {
            Format::Json => self.write_json(ticket, sent, duration),
            Format::Combined => self.write_combined(ticket, sent),
        }
        if self.buffer.len() >= LOG_BUFFER_BYTES {
            self.flush();
        }
    }

    /// Appends a line about a DNS query: JSON in either format, as the combined one has no place for it.
    pub fn write_query(&mut self, query: &QueryRecord<'_>, wall: WallTime) {
        self.clock.set(wall, Format::Json);
        let line = &mut Line(&mut self.buffer);
        line.raw("{\"time\":\"").raw(self.clock.text()).raw("\",\"client\":\"").address(query.source);
        line.raw("\",\"dns\":\"").escaped(query.question().unwrap_or_default().as_bytes());
        line.raw("\",\"carrier\":\"").raw(query.carrier.word());
        line.raw("\",\"rcode\":\"").raw(&query.rcode.to_string()).raw("\",\"bytes\":").number(query.bytes as u64);
        if query.truncated {
            line.raw(",\"truncated\":true");
        }
        line.raw("}\n");
        // The next request's line may want the time in its own format.
        self.clock.forget(self.format);
        if self.buffer.len() >= LOG_BUFFER_BYTES {
            self.flush();
        }
    }

    /// Hands the gathered lines over. When the writer is behind they are dropped and counted.
    pub fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let block = std::mem::replace(&mut self.buffer, Vec::with_capacity(LOG_BUFFER_BYTES + 4096));
        if let Err(TrySendError::Full(mut block) | TrySendError::Disconnected(mut block)) = self.writer.try_send(block)
        {
            self.metrics.log_dropped.add(1);
            block.clear();
            self.buffer = block;
        }
    }

    fn write_json(&mut self, ticket: &Ticket, sent: &Sent, duration: Duration) {
        let head = &ticket.head;
        let line = &mut Line(&mut self.buffer);
        line.raw("{\"time\":\"").raw(self.clock.text()).raw("\",\"client\":\"").address(ticket.peer);
        line.raw("\",\"method\":\"").raw(head.method.as_str()).raw("\",\"scheme\":\"").raw(head.scheme.as_str());
        line.raw("\",\"host\":\"")
            .escaped(head.authority().as_bytes())
            .raw("\",\"target\":\"")
            .escaped(ticket.asked_target().as_bytes());
        line.raw("\",\"protocol\":\"")
            .raw(head.version.as_str())
            .raw("\",\"status\":")
            .number(u64::from(sent.status.code()));
        line.raw(",\"bytes\":").number(sent.body_bytes);
        line.raw(",\"duration_us\":").number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        if !sent.complete {
            line.raw(",\"complete\":false");
        }
        let notes = &ticket.notes;
        if let Some((site, number)) = &notes.route {
            line.raw(",\"site\":\"").escaped(site.name.as_bytes());
            line.raw("\",\"route\":\"").escaped(site.routes[*number].name.as_bytes()).raw("\"");
        }
        if let Some((upstream, tries)) = &notes.upstream {
            line.raw(",\"upstream\":\"").escaped(upstream.as_bytes()).raw("\"");
            if *tries > 1 {
                line.raw(",\"tries\":").number(u64::from(*tries));
            }
        }
        if let Some(user) = &notes.user {
            line.raw(",\"user\":\"").escaped(user.as_bytes()).raw("\"");
        }
        for (key, name) in [(",\"referer\":\"", FieldName::Referer), (",\"user_agent\":\"", FieldName::UserAgent)] {
            if let Some(value) = head.fields.get(name) {
                line.raw(key).escaped(value).raw("\"");
            }
        }
        line.raw("}\n");
    }

    fn write_combined(&mut self, ticket: &Ticket, sent: &Sent) {
        let head = &ticket.head;
        let line = &mut Line(&mut self.buffer);
        line.address(ticket.peer).raw(" - ");
        line.escaped(ticket.notes.user.as_deref().unwrap_or("-").as_bytes());
        line.raw(" [")
            .raw(self.clock.text())
            .raw("] \"")
            .raw(head.method.as_str())
            .raw(" ")
            .escaped(ticket.asked_target().as_bytes());
        line.raw(" ").raw(head.version.as_str()).raw("\" ").number(u64::from(sent.status.code()));
        line.raw(" ").number(sent.body_bytes).raw(" \"").field(&head.fields, FieldName::Referer);
        line.raw("\" \"").field(&head.fields, FieldName::UserAgent).raw("\"\n");
    }
}

/// A line under construction.
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    /// Our own text, which needs no escaping.
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self
    }

    fn address(&mut self, address: std::net::IpAddr) -> &mut Self {
        // Writing to memory cannot fail.
        let _ = match address {
            std::net::IpAddr::V4(four) => {
                let [a, b, c, d] = four.octets();
                return self
                    .number(a.into())
                    .raw(".")
                    .number(b.into())
                    .raw(".")
                    .number(c.into())
                    .raw(".")
                    .number(d.into());
            }
            std::net::IpAddr::V6(six) => write!(self.0, "{six}"),
        };
        self
    }

    fn field(&mut self, fields: &Fields, name: FieldName) -> &mut Self {
        self.escaped(fields.get(name).unwrap_or(b"-"))
    }

    /// A client's text: quotes, backslashes, control bytes and anything beyond ASCII are escaped, so that no request can
    /// forge a line or colour a terminal. `\u00XX` is right in JSON and readable in the combined format.
    fn escaped(&mut self, text: &[u8]) -> &mut Self {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| !PLAIN[usize::from(*byte)]) {
            self.0.extend_from_slice(&rest[..at]);
            self.escape(rest[at]);
            rest = &rest[at + 1..];
        }
        self.0.extend_from_slice(rest);
        self
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.0.extend_from_slice(b"\\\""),
            b'\\' => self.0.extend_from_slice(b"\\\\"),
            other => {
                let (high, low) = (HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]);
                self.0.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }
}

/// Bytes that stand for themselves in a line.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'"' && byte != b'\\';
        byte += 1;
    }
    table
};

/// The time as text, made once a millisecond (JSON) or once a second (combined).
struct Clock {
    tick: u64,
    text: String,
}

impl Clock {
    const fn new() -> Self {
        Self { tick: u64::MAX, text: String::new() }
    }

    fn set(&mut self, wall: WallTime, format: Format) {
        let tick = match format {
            Format::Json => u64::try_from(wall.since_epoch().as_millis()).unwrap_or(0),
            Format::Combined => wall.seconds(),
        };
        if tick == self.tick {
            return;
        }
        self.tick = tick;
        let Calendar { year, month, day, hour, minute, second, .. } = Calendar::from_wall(wall);
        self.text = match format {
            Format::Json => {
                let milliseconds = wall.since_epoch().subsec_millis();
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
            }
            Format::Combined => {
                let month = Calendar::from_wall(wall).month_name();
                format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
            }
        };
    }

    /// Has the text made again, unless it is in the format of the others anyway.
    fn forget(&mut self, format: Format) {
        if format != Format::Json {
            self.tick = u64::MAX;
        }
    }

    fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests;
