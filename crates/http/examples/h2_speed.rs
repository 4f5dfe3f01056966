//! What one HTTP/2 request costs our machines, sockets and TLS left out: a browser's GET and a 1 KB response through both
//! sides, in batches of concurrent streams. `cargo run --release -p edgeway-http --example h2_speed [REQUESTS]`

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;
use edgeway_http::binary::{FieldLine, FieldSink, huffman};
use edgeway_http::h2::wire::hpack::{Decoder, Encoder};
use edgeway_http::h2::{ClientConnection, ClientEvent, Limits, ServerConnection, ServerEvent, StreamId};
use edgeway_http::semantics::{FieldName, RequestHead, ResponseHead, Scheme, Status};

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn measure(work: impl FnOnce()) -> Duration {
    let began = std::time::Instant::now();
    work();
    began.elapsed()
}

fn main() {
    let requests = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(400_000);
    for streams in [1, 16] {
        exchange(requests, streams, 1_024);
    }
    exchange(requests / 200, 1, 1 << 20);
    coding(requests);
}

fn request() -> RequestHead {
    let mut head = RequestHead::default();
    head.scheme = Scheme::Https;
    head.set_target(b"/assets/js/application-4f5a6b7c.js?v=12");
    head.set_authority(b"www.example.com").expect("a host");
    for (name, value) in [
        (FieldName::UserAgent, "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"),
        (FieldName::Accept, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        (FieldName::AcceptLanguage, "en-GB,en;q=0.5"),
        (FieldName::AcceptEncoding, "gzip, deflate, br, zstd"),
        (FieldName::Referer, "https://www.example.com/"),
        (FieldName::Cookie, "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark"),
        (FieldName::SecFetchDest, "script"),
        (FieldName::Priority, "u=2"),
    ] {
        head.fields.append(name, value);
    }
    head
}

fn response(length: usize) -> ResponseHead {
    ResponseHead::new(Status::OK)
        .with(FieldName::Server, "edgeway")
        .with(FieldName::Date, "Sun, 22 Nov 2026 09:00:00 GMT")
        .with(FieldName::ContentType, "text/javascript; charset=utf-8")
        .with(FieldName::ContentLength, length.to_string())
        .with(FieldName::Etag, "\"5f3c-61a7b8c9d0e1f\"")
        .with(FieldName::CacheControl, "public, max-age=31536000")
}

/// Requests through both machines, `streams` at a time.
fn exchange(requests: usize, streams: usize, length: usize) {
    let now = Instant::from_millis(1);
    let large = Limits { connection_window: 16 << 20, stream_window: 8 << 20, ..Limits::default() };
    let mut client = ClientConnection::new(large, now);
    let mut server = ServerConnection::new(Limits::default(), now);
    let (request, response, content) = (request(), response(length), Bytes::from(vec![b'x'; length]));
    let (mut server_time, mut client_time) = (Duration::ZERO, Duration::ZERO);
    let (mut up, mut down, mut done) = (BytesMut::new(), BytesMut::new(), 0);
    let mut asked: Vec<StreamId> = Vec::new();
    for _ in 0..requests.div_ceil(streams) {
        client_time += measure(|| {
            for _ in 0..streams {
                client.open(black_box(&request), true).expect("room");
            }
            client.poll_output(&mut up, 1 << 20);
        });
        let mut open = streams;
        while open > 0 {
            server_time += measure(|| {
                server.input().extend_from_slice(&up);
                up.clear();
                server.handle_input(now);
                while let Some(event) = server.poll_event(now) {
                    if let ServerEvent::Request { stream, head, .. } = event {
                        asked.push(stream);
                        server.recycle(black_box(head));
                    }
                }
                for stream in asked.drain(..) {
                    server.send_head(stream, black_box(&response), false);
                    server.send_data(stream, content.clone(), now);
                    server.send_end(stream, None);
                }
                server.poll_output(&mut down, 256 << 10);
            });
            client_time += measure(|| {
                client.input().extend_from_slice(&down);
                down.clear();
                client.handle_input(now);
                while let Some(event) = client.poll_event(now) {
                    match event {
                        ClientEvent::Response { head, .. } => client.recycle(black_box(head)),
                        ClientEvent::Data { stream, data } => client.consumed(stream, data.len()),
                        ClientEvent::End { .. } => {
                            open -= 1;
                            done += 1;
                        }
                        other => panic!("{other:?} {:?}", client.error()),
                    }
                }
                client.poll_output(&mut up, 1 << 20);
            });
        }
    }
    let busy = server.memory();
    server.release_memory();
    println!(
        "{length:>8} B x {streams:>2} streams: server {:>7} ns, client {:>7} ns a request ({done} requests; server holds {busy} B, idle {} B)",
        server_time.as_nanos() / done,
        client_time.as_nanos() / done,
        server.memory(),
    );
}

struct Count(usize);

impl FieldSink for Count {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.0 += black_box(line).value.len();
        true
    }
}

/// The parts: HPACK both ways, Huffman both ways.
fn coding(rounds: usize) {
    let response = response(1_024);
    let (mut encoder, mut decoder, mut block) = (Encoder::new(), Decoder::new(4_096), Vec::new());
    let each = |work: &mut dyn FnMut()| {
        work();
        measure(|| (0..rounds).for_each(|_| work())).as_nanos() / rounds as u128
    };
    let encode = each(&mut || {
        block.clear();
        encoder.fields(black_box(&response.fields), &mut block);
    });
    let (mut fresh, mut first) = (Encoder::new(), Vec::new());
    fresh.fields(&response.fields, &mut first);
    decoder.decode(&first, &mut Count(0)).expect("our own block");
    let decode = each(&mut || decoder.decode(black_box(&block), &mut Count(0)).expect("our own block"));
    println!("HPACK of a response, {} bytes: encode {encode} ns, decode {decode} ns", block.len());
    let text = b"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    let (mut coded, mut plain) = (Vec::new(), Vec::new());
    let encode = each(&mut || {
        coded.clear();
        huffman::encode(black_box(text), &mut coded);
    });
    let decode = each(&mut || {
        plain.clear();
        huffman::decode(black_box(&coded), &mut plain).expect("our own text");
    });
    println!("Huffman of {} bytes: encode {encode} ns, decode {decode} ns", text.len());
}
