//! What must hold for any bytes and any order of calls. Run on seeded cases by `h1_seeded.rs` and on whatever
//! libFuzzer thinks of by the targets in `/fuzz`.

use std::io::IoSlice;

use edgeway_base::Instant;
use edgeway_http::h1::machine::{
    ClientConnection, ClientEvent, ClientLimits, ServerConnection, ServerEvent, ServerLimits,
};
use edgeway_http::h1::wire::{RequestBounds, decode_request};
use edgeway_http::semantics::{BodyLength, FieldName, Method, RequestHead, ResponseHead, Status, TargetForm, Version};

/// Our parser against `httparse`, against its own prefixes, and against what our client writes.
pub(crate) fn check_head(bytes: &[u8]) {
    let bounds = RequestBounds::default();
    let mut head = RequestHead::default();
    let decoded = decode_request(bytes, &bounds, &mut head);
    check_against_httparse(bytes, decoded.ok(), &head);
    check_prefixes(bytes, &bounds, decoded.map_err(|fault| format!("{fault:?}")));
    if matches!(decoded, Ok(Some(_))) {
        check_written_again(&head);
    }
}

/// What we take, `httparse` takes, and reads the same; what it finds whole or wrong, we do not wait for more of.
fn check_against_httparse(bytes: &[u8], ours: Option<Option<usize>>, head: &RequestHead) {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let theirs = request.parse(bytes);
    let shown = bytes.escape_ascii();
    match ours {
        // We are stricter by design; whatever they say is fine.
        None => {}
        Some(None) => assert!(!matches!(theirs, Ok(httparse::Status::Complete(_))), "ours waits: {shown}"),
        Some(Some(length)) => {
            assert_eq!(theirs, Ok(httparse::Status::Complete(length)), "{shown}");
            assert_eq!(request.method, Some(head.method.as_str()), "{shown}");
            assert_eq!(request.version == Some(1), head.version == Version::Http11, "{shown}");
            if head.form == TargetForm::Origin {
                assert_eq!(request.path, Some(head.target()), "{shown}");
            }
            // Upgrade may be removed and Host replaced; the rest stands as it came.
            let rewritten = |name: &str| {
                matches!(FieldName::from_bytes(name.as_bytes()), FieldName::Upgrade | FieldName::Http2Settings)
                    || (name.eq_ignore_ascii_case("host") && head.form != TargetForm::Origin)
            };
            let theirs =
                request.headers.iter().map(|field| (field.name, field.value)).filter(|field| !rewritten(field.0));
            let ours = head.fields.iter().map(|field| (field.name, field.value)).filter(|field| !rewritten(field.0));
            assert!(ours.eq(theirs.map(|(name, value)| (name, trim(value)))), "{shown}");
        }
    }
}

/// RFC 9110 §5.5: a value ends before trailing white space, which `httparse` leaves when it is HTAB.
fn trim(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// A prefix is incomplete or has the same verdict already.
fn check_prefixes(bytes: &[u8], bounds: &RequestBounds, whole: Result<Option<usize>, String>) {
    let mut head = RequestHead::default();
    for length in 0..bytes.len().min(300) {
        let part = decode_request(&bytes[..length], bounds, &mut head).map_err(|fault| format!("{fault:?}"));
        if part != Ok(None) {
            assert_eq!(part, whole, "after {length} bytes: {}", bytes.escape_ascii());
        }
    }
}

/// What was read and is written again reads the same.
fn check_written_again(head: &RequestHead) {
    let mut client = ClientConnection::new(ClientLimits::default());
    client.send_request(head, head.body);
    let mut slices = [IoSlice::new(&[])];
    client.output(&mut slices);
    let mut again = RequestHead::default();
    // Host and framing that are made anew may make a head longer than it came.
    let bounds = RequestBounds { head_bytes_max: 1 << 20, fields_max: 1_000, ..RequestBounds::default() };
    let decoded = decode_request(&slices[0], &bounds, &mut again);
    if head.authority().is_empty() {
        // Only a 1.0 request may come without a host; written as 1.1 it is one that we would refuse ourselves.
        assert_eq!(head.version, Version::Http10);
        return;
    }
    assert_eq!(decoded, Ok(Some(slices[0].len())), "{}", slices[0].escape_ascii());
    assert_eq!((again.method, again.target(), again.body), (head.method, head.target(), head.body));
    assert_eq!(again.authority(), head.authority());
    let ends = |head: &RequestHead| -> Vec<(String, Vec<u8>)> {
        let kept = head.fields.iter().filter(|field| !is_made_by_connection(field.known));
        kept.map(|field| (field.name.to_owned(), field.value.to_owned())).collect()
    };
    assert_eq!(ends(&again), ends(head));
}

const fn is_made_by_connection(name: FieldName) -> bool {
    matches!(
        name,
        FieldName::Host
            | FieldName::Connection
            | FieldName::KeepAlive
            | FieldName::ProxyConnection
            | FieldName::Upgrade
            | FieldName::Te
            | FieldName::ContentLength
            | FieldName::TransferEncoding
    )
}

/// Calls a server in any order `choices` names, on any cut of `input`, and reads what it writes with a client.
pub(crate) fn check_operations(input: &[u8], choices: &[u8]) {
    let mut run = Run::new();
    let mut input = input;
    for choice in choices {
        run.step(*choice, &mut input);
        run.check();
    }
}

struct Run {
    server: ServerConnection,
    head: RequestHead,
    now: Instant,
    /// Methods of the requests that were handed out, which the client must know to read the responses.
    methods: Vec<Method>,
    written: Vec<u8>,
    closed: bool,
    shown: String,
}

impl Run {
    fn new() -> Self {
        Self {
            server: ServerConnection::new(ServerLimits::default(), Instant::ZERO),
            head: RequestHead::default(),
            now: Instant::ZERO,
            methods: Vec::new(),
            written: Vec::new(),
            closed: false,
            shown: String::new(),
        }
    }

    fn step(&mut self, choice: u8, input: &mut &[u8]) {
        let amount = usize::from(choice >> 4);
        match choice & 15 {
            0..=3 if self.server.wants_input() => {
                let (now, rest) = input.split_at((amount * 7 + 1).min(input.len()));
                *input = rest;
                self.server.input().extend_from_slice(now);
                self.server.handle_input(self.now);
            }
            4..=6 => self.poll(),
            7 => self.server.send_head(&response(amount), body(amount)),
            8 => self.server.send_slice(&[b'x'; 16][..amount]),
            9 => self.server.send_data(vec![b'y'; amount * 4_096].into()),
            10 => self.server.send_end(None),
            11 => self.write(amount * 1_000),
            12 => self.server.want_body(),
            13 if amount > 12 => self.server.discard_body(),
            13 => self.server.send_informational(&ResponseHead::new(Status::EARLY_HINTS)),
            14 if amount == 15 => self.server.abort(),
            14 if amount == 14 => self.server.handle_end_of_input(self.now),
            14 if amount == 13 => self.server.close_after_response(),
            14 => self.server.release_memory(),
            15 if amount > 13 => {
                self.now = Instant::from_millis(self.now.as_millis() + 20_000);
                self.server.handle_timeout(self.now);
            }
            _ => drop(self.server.take_tunnel()),
        }
    }

    fn poll(&mut self) {
        let event = self.server.poll_event(self.now, &mut self.head);
        assert!(!self.closed || event.is_none(), "an event after the last");
        match event {
            Some(ServerEvent::Request) => self.methods.push(self.head.method),
            Some(ServerEvent::Closed) => self.closed = true,
            Some(ServerEvent::Data(data)) => assert!(!data.is_empty()),
            _ => {}
        }
    }

    fn write(&mut self, most: usize) {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = self.server.output(&mut slices);
        let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let count = bytes.len().min(most);
        self.written.extend_from_slice(&bytes[..count]);
        self.server.consume_output(self.now, count);
    }

    fn check(&mut self) {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = self.server.output(&mut slices);
        let length: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
        assert!(length == self.server.output_length() || filled == slices.len());
        assert!(!self.server.wants_close() || length == 0);
        assert!(!(self.server.is_idle() && self.server.body_pending()));
    }
}

impl Drop for Run {
    /// Everything written is responses to the requests, in order; only the last may be cut short, and only when the
    /// run stopped in its middle.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // Interim responses are as many as the calls that asked for them.
        let limits = ClientLimits { informational_max: u32::MAX, ..ClientLimits::default() };
        let mut client = ClientConnection::new(limits);
        let mut head = ResponseHead::default();
        let mut rest = std::mem::take(&mut self.written);
        self.shown = rest.escape_ascii().to_string();
        // A refusal is answered too, and to the client it looks like the answer to something.
        for method in self.methods.iter().copied().chain([Method::Get]) {
            let mut request = RequestHead::default();
            request.method = method;
            if method != Method::Connect {
                request.fields.append(FieldName::Upgrade, "websocket");
            }
            client.send_request(&request, BodyLength::None);
            client.consume_output(client.output_length());
            client.input().extend_from_slice(&rest);
            loop {
                match client.poll_event(&mut head) {
                    Ok(Some(ClientEvent::Upgraded)) => return,
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => panic!("what we wrote is wrong: {error}: {}", self.shown),
                }
            }
            if !client.response_finished() {
                return;
            }
            rest = client.input().split().to_vec();
            if rest.is_empty() {
                return;
            }
        }
        assert!(rest.is_empty(), "more responses than requests: {}", rest.escape_ascii());
    }
}

fn response(amount: usize) -> ResponseHead {
    let status = [200, 204, 304, 404, 101, 200, 500, 426][amount % 8];
    ResponseHead::new(Status::new(status).unwrap_or(Status::OK))
        .with(FieldName::Upgrade, "websocket")
        .with(FieldName::ContentLength, "5")
        .with(FieldName::Vary, "*")
}

fn body(amount: usize) -> BodyLength {
    match amount % 5 {
        0 | 1 => BodyLength::None,
        2 => BodyLength::Known(amount as u64),
        3 => BodyLength::Known(0),
        _ => BodyLength::Unknown,
    }
}
