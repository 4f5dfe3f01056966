//! The 159 labelled requests of http_desync_guardian (AWS), and its verdict on everything our client writes.
//!
//! Severe is refused; Ambiguous is refused, or served once and the connection closed; Compliant and Acceptable
//! are served, but for the differences listed below. Whatever is served is Compliant when written again.

use std::io::IoSlice;

use edgeway_base::Instant;
use edgeway_http::h1::machine::{ClientConnection, ClientLimits, ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, Method, RequestHead, ResponseHead};
use http_desync_guardian::RequestSafetyTier;
use http_desync_guardian::request_analyzer::HttpRequestData;

/// Requests the guardian would let pass and we refuse, each with the reason.
const DIFFERENCES: [(&str, &str); 23] = [
    ("No TE/CL headers, some others are non-compliant", SPACED_NAME),
    ("TE and some others are non-compliant", SPACED_NAME),
    ("CL and some others are non-compliant", SPACED_NAME),
    ("A non-essential header with a non-printable character (x01)", CONTROL),
    ("Some-Headerx01", CONTROL),
    ("x01Some-Header", CONTROL),
    ("Some-Header: x01value", CONTROL),
    ("Some-Header: valuex01", CONTROL),
    ("Non-RFC, but OK HTTP/0.9", VERSION),
    ("Empty version, which means HTTP/0.9", VERSION),
    ("Unknown but OK HTTP/1.2", VERSION),
    ("Extra spaces in version", VERSION),
    ("Correct TE OK", CODING),
    ("Transfer-Encoding: identity and chunked OK", CODING),
    ("Multiple transfer encoding headers in a single request OK", CODING),
    ("TE with custom parameters OK", CODING),
    ("Different Transfer-Encoding headers", CODING),
    ("Different Transfer-Encoding headers combined", CODING),
    ("Transfer-Encoding with a param: chunked;custom_param", CODING),
    ("Compliant URL", TARGET),
    ("International in URI", TARGET),
    ("Empty URI", TARGET),
    ("[space] in URI", TARGET),
];

const SPACED_NAME: &str = "RFC 9112 §5.1: white space before the colon is answered with 400";
const CONTROL: &str = "RFC 9110 §5.1 and §5.5: neither names nor values have control characters";
const VERSION: &str = "RFC 9112 §2.3: we speak 1.0 and 1.1 and say 505 to the rest";
const CODING: &str = "RFC 9112 §6.1: codings we do not know are 501, and parameters and identity are no codings";
const TARGET: &str = "RFC 9112 §3.2: an invalid target is answered with 400, not repaired";

struct Labelled {
    tier: RequestSafetyTier,
    name: &'static str,
    head: Vec<u8>,
}

fn labelled() -> Vec<Labelled> {
    include_str!("data/desync_requests.tsv").lines().filter(|line| !line.starts_with('#')).map(label).collect()
}

fn label(line: &'static str) -> Labelled {
    let columns: Vec<&str> = line.split('\t').collect();
    let [_file, tier, _reason, name, head] = columns[..] else { panic!("five columns: {line}") };
    let tier = match tier {
        "Compliant" => RequestSafetyTier::Compliant,
        "Acceptable" => RequestSafetyTier::Acceptable,
        "Ambiguous" => RequestSafetyTier::Ambiguous,
        "Severe" => RequestSafetyTier::Severe,
        other => panic!("no tier: {other}"),
    };
    Labelled { tier, name, head: unescape(head) }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                Some(other) => other,
                None => panic!("a backslash at the end"),
            },
            byte => byte,
        });
    }
    plain
}

/// What became of a request.
enum Outcome {
    Refused,
    Served { closes: bool, head: Box<RequestHead> },
}

fn serve(input: &[u8]) -> Outcome {
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    server.input().extend_from_slice(input);
    server.handle_input(now);
    match server.poll_event(now, &mut head) {
        Some(ServerEvent::Request) => {}
        Some(ServerEvent::Refused(_)) => return Outcome::Refused,
        // An HTTP/0.9 request has no end we would see.
        event => {
            assert_eq!(event, None);
            server.handle_end_of_input(now);
            assert!(matches!(server.poll_event(now, &mut head), Some(ServerEvent::Refused(_))));
            return Outcome::Refused;
        }
    }
    server.send_head(&ResponseHead::default(), BodyLength::None);
    let mut slices = [IoSlice::new(&[])];
    server.output(&mut slices);
    let closes = String::from_utf8_lossy(&slices[0]).contains("Connection: close\r\n");
    Outcome::Served { closes, head: Box::new(head) }
}

/// The head our client writes for this request.
fn forwarded(head: &RequestHead) -> (Vec<u8>, ClientConnection) {
    let mut client = ClientConnection::new(ClientLimits::default());
    client.send_request(head, head.body);
    let mut slices = [IoSlice::new(&[])];
    client.output(&mut slices);
    let bytes = slices[0].to_vec();
    (bytes, client)
}

#[test]
fn requests_are_refused_or_served_as_labelled() {
    let mut counts = [0; 4];
    for Labelled { tier, name, head: input } in labelled() {
        let shown = input.escape_ascii();
        let differs = DIFFERENCES.iter().any(|(different, _)| *different == name);
        counts[tier as usize] += 1;
        match (tier, serve(&input)) {
            (RequestSafetyTier::Severe | RequestSafetyTier::Ambiguous, Outcome::Refused) => {}
            (RequestSafetyTier::Severe, Outcome::Served { .. }) => panic!("severe, but served: {name}: {shown}"),
            (RequestSafetyTier::Ambiguous, Outcome::Served { closes, .. }) => {
                assert!(closes, "ambiguous, served and kept: {name}: {shown}");
            }
            (_, Outcome::Refused) => assert!(differs, "harmless, but refused: {name}: {shown}"),
            (_, Outcome::Served { .. }) => assert!(!differs, "no difference any more: {name}: {shown}"),
        }
    }
    assert_eq!(counts, [28, 15, 58, 58], "compliant, acceptable, ambiguous, severe");
}

#[test]
fn what_is_written_again_is_compliant() {
    let mut served = 0;
    for Labelled { name, head: input, .. } in labelled() {
        let Outcome::Served { head, .. } = serve(&input) else { continue };
        let (bytes, client) = forwarded(&head);
        let verdict = HttpRequestData::analyze_raw_request(&bytes);
        if matches!(head.method, Method::Get | Method::Head) && head.body != BodyLength::None {
            // Content of GET cannot be written in a way the guardian trusts; so nothing follows it on the connection.
            assert_eq!(verdict.tier, RequestSafetyTier::Ambiguous, "{name}");
            assert!(bytes.ends_with(b"Connection: close\r\n\r\n") && !client.is_reusable(), "{name}");
        } else {
            assert_eq!(verdict.tier, RequestSafetyTier::Compliant, "{name}: {verdict}: {}", bytes.escape_ascii());
        }
        served += 1;
    }
    assert_eq!(served, 26);
}
