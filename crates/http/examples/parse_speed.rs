//! How long a request head takes: ours beside `httparse`, and whole exchanges through the server's machine.
//!
//! `cargo run --release -p edgeway-http --example parse_speed`. Prints nanoseconds, the best of several interleaved
//! rounds each, because other work on the machine only ever adds.

use std::hint::black_box;

use edgeway_base::Instant;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::h1::wire::{RequestBounds, decode_request};
use edgeway_http::semantics::{BodyLength, FieldName, RequestHead, ResponseHead};

/// About 400 bytes, twelve fields: a browser's request.
const BROWSER: &str = "GET /assets/site/main.css?v=3f9ab27c HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0\r\n\
    Accept: text/css,*/*;q=0.1\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.com/\r\nConnection: keep-alive\r\nCookie: sid=4f1d\r\nSec-Fetch-Dest: style\r\n\
    Sec-Fetch-Mode: no-cors\r\nDNT: 1\r\nPriority: u=2\r\n\r\n";

/// What load generators send.
const SMALL: &str = "GET /1k HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";

fn main() {
    for (name, text) in [("browser", BROWSER), ("small", SMALL)] {
        let mut head = RequestHead::default();
        let mut best = [f64::MAX; 4];
        for _ in 0..400 {
            best[0] = best[0].min(measure(|| {
                let bounds = RequestBounds::default();
                black_box(decode_request(black_box(text.as_bytes()), &bounds, &mut head)).is_ok()
            }));
            best[1] = best[1].min(measure(|| {
                let mut fields = [httparse::EMPTY_HEADER; 32];
                let mut request = httparse::Request::new(&mut fields);
                black_box(request.parse(black_box(text.as_bytes()))).is_ok_and(|status| status.is_complete())
            }));
            best[2] = best[2].min(measure(|| httparse_into(black_box(text.as_bytes()), &mut head)));
            best[3] = best[3].min(exchanges(text));
        }
        println!("{name}: {} bytes", text.len());
        println!("  decode_request, fields looked up, copied and judged  {:7.1} ns", best[0]);
        println!("  httparse, slices only                                {:7.1} ns", best[1]);
        println!("  httparse, then fields looked up and copied alike     {:7.1} ns", best[2]);
        println!("  whole exchange through ServerConnection              {:7.1} ns", best[3]);
    }
}

/// What a server on httparse still has to do before a stage can ask for a field by number.
fn httparse_into(text: &[u8], head: &mut RequestHead) -> bool {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    if !request.parse(text).is_ok_and(|status| status.is_complete()) {
        return false;
    }
    head.clear();
    head.set_target(request.path.unwrap_or_default().as_bytes());
    for field in request.headers {
        head.fields.append_named(field.name, field.value);
    }
    let host = head.fields.get(FieldName::Host).unwrap_or_default().to_vec();
    head.set_authority(&host).is_ok() && black_box(head.fields.len()) > 0
}

const REPEATS: u32 = 1_000;

#[expect(clippy::disallowed_methods, reason = "a measurement is about the real clock")]
fn measure(mut work: impl FnMut() -> bool) -> f64 {
    let start = std::time::Instant::now();
    for _ in 0..REPEATS {
        assert!(work());
    }
    start.elapsed().as_nanos() as f64 / f64::from(REPEATS)
}

/// One request in, one response with 1 KB out, over and over on one connection.
fn exchanges(text: &str) -> f64 {
    let now = Instant::ZERO;
    let mut server = ServerConnection::new(ServerLimits::default(), now);
    let mut head = RequestHead::default();
    let response = ResponseHead::default()
        .with(FieldName::Server, "edgeway")
        .with(FieldName::Date, "Sun, 22 Nov 2026 09:00:00 GMT")
        .with(FieldName::ContentType, "text/plain");
    let content = [b'x'; 1024];
    measure(|| {
        server.input().extend_from_slice(text.as_bytes());
        server.handle_input(now);
        let asked = server.poll_event(now, &mut head) == Some(ServerEvent::Request);
        server.send_head(&response, BodyLength::Known(1024));
        server.send_slice(&content);
        server.send_end(None);
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        black_box(server.output(&mut slices));
        server.consume_output(now, server.output_length());
        asked && server.poll_event(now, &mut head).is_none() && black_box(server.poll_timeout()).is_some()
    })
}
