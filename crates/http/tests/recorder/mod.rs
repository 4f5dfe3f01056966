//! Drives a server connection with bytes cut in any way and writes down what happened, one line an event, so that
//! runs can be compared. Every request is answered with 204 when its content has ended.

use edgeway_base::Instant;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, RequestHead, ResponseHead, Status};

/// What happened when `parts` came one after the other and then the end.
pub(crate) fn record<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    record_within(ServerLimits::default(), parts)
}

/// The same within other limits.
pub(crate) fn record_within<'a>(limits: ServerLimits, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let now = Instant::ZERO;
    let mut recorder = Recorder { server: ServerConnection::new(limits, now), log: Vec::new() };
    for mut part in parts {
        while !part.is_empty() {
            // The driver reads no more than the machine wants; here at most 16 KB at a time.
            let taken = part.len().min(16 * 1024);
            recorder.server.input().extend_from_slice(&part[..taken]);
            recorder.server.handle_input(now);
            part = &part[taken..];
            recorder.poll();
        }
    }
    recorder.server.handle_end_of_input(now);
    recorder.poll();
    recorder.log
}

/// The statuses in the log of a whole input: `["GET /a", "400"]`.
#[allow(dead_code, reason = "not every test binary asks for outlines")]
pub(crate) fn outline(input: &[u8]) -> Vec<String> {
    record([input])
        .into_iter()
        .filter_map(|line| match line.split_once(' ') {
            Some(("request", rest)) => Some(rest.split(' ').take(2).collect::<Vec<_>>().join(" ")),
            Some(("refused", rest)) => Some(rest[..3].to_owned()),
            _ => None,
        })
        .collect()
}

struct Recorder {
    server: ServerConnection,
    log: Vec<String>,
}

impl Recorder {
    fn poll(&mut self) {
        let now = Instant::ZERO;
        let mut head = RequestHead::default();
        while let Some(event) = self.server.poll_event(now, &mut head) {
            self.note(event, &head);
        }
        let waiting = self.server.output_length();
        self.server.consume_output(now, waiting);
    }

    fn note(&mut self, event: ServerEvent, head: &RequestHead) {
        match event {
            ServerEvent::Request => {
                self.log.push(request_line(head));
                if head.body == BodyLength::None {
                    self.answer();
                }
            }
            ServerEvent::Data(data) => {
                let text = data.escape_ascii().to_string();
                match self.log.last_mut() {
                    // How content is cut up follows the input; what it says does not.
                    Some(last) if last.starts_with("data ") => last.push_str(&text),
                    _ => self.log.push(format!("data {text}")),
                }
            }
            ServerEvent::End(trailers) => {
                self.log.push(format!("end {trailers:?}"));
                self.answer();
            }
            ServerEvent::Refused(refusal) => {
                self.log.push(format!("refused {} {}", refusal.status.code(), refusal.reason));
                self.answer();
            }
            ServerEvent::Closed => self.log.push("closed".to_owned()),
        }
    }

    fn answer(&mut self) {
        self.server.send_head(&ResponseHead::new(Status::NO_CONTENT), BodyLength::None);
    }
}

fn request_line(head: &RequestHead) -> String {
    format!(
        "request {} {} {:?} {:?} {:?} {:?} {:?}",
        head.method,
        head.target(),
        head.authority(),
        head.version,
        head.form,
        head.body,
        head.fields
    )
}
