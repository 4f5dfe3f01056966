//! The transform stage as a client sees it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::Read as _;
use std::rc::Rc;
use std::task::{Context, Poll};

use edgeway_net::drive::{BodyError, BodySource, Frame};

use super::*;
use crate::plan::End;
use crate::stages::scene::{Scene, Seen};

/// Answers with this head and content; a GET and a HEAD alike.
struct Fixed {
    status: Status,
    fields: Vec<(&'static str, &'static str)>,
    content: Content,
    asked: Cell<u32>,
}

enum Content {
    Full(Bytes),
    /// Pieces, with a pause before each and trailers at the end.
    Pieces(Vec<Bytes>),
}

struct Pieces {
    left: VecDeque<Bytes>,
    paused: bool,
    trailers: Option<Box<Fields>>,
}

impl BodySource for Pieces {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        self.paused = !self.paused;
        if self.paused {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.left.pop_front() {
            Some(piece) => Some(Ok(Frame::Data(piece))),
            None => self.trailers.take().map(|trailers| Ok(Frame::Trailers(trailers))),
        })
    }
}

impl End for Fixed {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        self.asked.set(self.asked.get() + 1);
        let mut response = exchange.respond(self.status);
        self.fields.iter().for_each(|(name, value)| response.head.fields.append_named(name, value));
        response.body = match &self.content {
            Content::Full(bytes) => bytes.clone().into(),
            Content::Pieces(pieces) => {
                let mut trailers = Fields::new();
                trailers.append_named("X-Sum", "1");
                let left = pieces.iter().cloned().collect();
                Body::Source(Box::new(Pieces { left, paused: false, trailers: Some(Box::new(trailers)) }))
            }
        };
        Some(response)
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move { exchange.respond(self.status) })
    }
}

fn text() -> Bytes {
    "All work and no play makes Jack a dull boy. ".repeat(200).into()
}

fn fixed(status: Status, fields: &[(&'static str, &'static str)], content: Content) -> Rc<dyn End> {
    Rc::new(Fixed { status, fields: fields.to_vec(), content, asked: Cell::new(0) })
}

fn ask(end: Rc<dyn End>, line: &str, fields: &[(&str, &str)]) -> Seen {
    Scene::new().pass_through(Rc::new(Transform::new(Settings::default())), end, line, fields)
}

fn decoded(seen: &Seen) -> Vec<u8> {
    let mut plain = Vec::new();
    let compressed = &seen.body[..];
    match seen.field(FieldName::ContentEncoding) {
        "gzip" => _ = flate2::read::GzDecoder::new(compressed).read_to_end(&mut plain).unwrap(),
        "br" => _ = brotli::Decompressor::new(compressed, 4096).read_to_end(&mut plain).unwrap(),
        "zstd" => _ = zstd::stream::read::Decoder::new(compressed).unwrap().read_to_end(&mut plain).unwrap(),
        _ => plain.extend_from_slice(compressed),
    }
    plain
}

#[test]
fn what_the_client_wants_most_and_what_it_gets_back() {
    let html =
        [("Content-Type", "text/html"), ("ETag", "\"v1\""), ("Accept-Ranges", "bytes"), ("Repr-Digest", "x=:y:")];
    for (accept, coding) in [
        ("gzip, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=0.5", "gzip"),
        ("identity", ""),
        ("br;q=0.1, identity", ""),
    ] {
        let pieces = text().chunks(1000).map(Bytes::copy_from_slice).collect();
        for content in [Content::Full(text()), Content::Full(text().repeat(30).into()), Content::Pieces(pieces)] {
            let length = match &content {
                Content::Full(bytes) => bytes.len(),
                Content::Pieces(pieces) => pieces.iter().map(Bytes::len).sum(),
            };
            let seen = ask(fixed(Status::OK, &html, content), "GET /", &[("Accept-Encoding", accept)]);
            assert_eq!(seen.field(FieldName::ContentEncoding), coding, "{accept}");
            assert_eq!(decoded(&seen), text().repeat(length / text().len()), "{accept}");
            assert_eq!(seen.field(FieldName::Vary), "Accept-Encoding");
            let compressed = !coding.is_empty();
            assert_eq!(seen.body.len() < length / 2, compressed, "{accept} {length} {}", seen.body.len());
            assert_eq!(seen.field(FieldName::Etag), if compressed { "W/\"v1\"" } else { "\"v1\"" });
            assert_eq!(seen.field(FieldName::AcceptRanges).is_empty(), compressed);
            assert_eq!(seen.fields.get_named("Repr-Digest").is_none(), compressed);
        }
    }
}

#[test]
fn hostile_084_what_is_left_alone() {
    let png: &[(&str, &str)] = &[("Content-Type", "image/png")];
    let html: &[(&str, &str)] = &[("Content-Type", "text/html")];
    for (what, status, fields, content, request) in [
        ("a picture", 200, png, text(), &[][..]),
        ("no type", 200, &[][..], text(), &[]),
        ("short", 200, html, Bytes::from("short"), &[]),
        ("compressed already", 200, &[("Content-Type", "text/html"), ("Content-Encoding", "gzip")], text(), &[]),
        ("no-transform", 200, &[("Content-Type", "text/html"), ("Cache-Control", "public, No-Transform")], text(), &[]),
        ("no-transform asked", 200, html, text(), &[("Cache-Control", "no-transform")]),
        ("a part", 206, &[("Content-Type", "text/html"), ("Content-Range", "bytes 0-1/2")], text(), &[]),
        ("an event stream", 200, &[("Content-Type", "text/event-stream")], text(), &[]),
    ] {
        let mut asked = vec![("Accept-Encoding", "zstd, br, gzip")];
        asked.extend_from_slice(request);
        let end = fixed(Status::new(status).unwrap(), fields, Content::Full(content.clone()));
        let seen = ask(end, "GET /", &asked);
        assert_eq!(seen.body, content, "{what}");
        assert_eq!(seen.field(FieldName::Vary), "", "{what}");
    }
    // Noise does not shrink.
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..4000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let seen =
        ask(fixed(Status::OK, html, Content::Full(noise.clone().into())), "GET /", &[("Accept-Encoding", "gzip")]);
    assert_eq!((&seen.body[..], seen.field(FieldName::ContentEncoding)), (&noise[..], ""));
}

#[test]
fn head_and_304_say_what_get_and_200_would() {
    let html: &[(&str, &str)] = &[("Content-Type", "text/html"), ("ETag", "\"v1\"")];
    let head = ask(fixed(Status::OK, html, Content::Full(text())), "HEAD /", &[("Accept-Encoding", "br")]);
    assert_eq!((head.field(FieldName::ContentEncoding), head.field(FieldName::Etag)), ("br", "W/\"v1\""));
    assert_eq!(head.length, BodyLength::Unknown);
    for (held, tag, vary) in [
        ("W/\"v1\"", "W/\"v1\"", "Accept-Encoding"),
        ("\"v1\"", "\"v1\"", ""),
        ("\"v0\", W/\"v1\"", "W/\"v1\"", "Accept-Encoding"),
    ] {
        let end = fixed(Status::NOT_MODIFIED, &[("ETag", "\"v1\"")], Content::Full(Bytes::new()));
        let seen = ask(end, "GET /", &[("If-None-Match", held), ("Accept-Encoding", "br")]);
        assert_eq!((seen.field(FieldName::Etag), seen.field(FieldName::Vary)), (tag, vary), "{held}");
    }
}

#[test]
fn a_pause_flushes_what_came_before_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for coding in [ContentCoding::Zstd, ContentCoding::Brotli, ContentCoding::Gzip] {
        let pieces = Pieces {
            left: VecDeque::from([Bytes::from("first"), Bytes::from("second")]),
            paused: true,
            trailers: None,
        };
        let mut body = Body::Source(Box::new(CompressedBody::new(Body::Source(Box::new(pieces)), coding)));
        let mut sizes = Vec::new();
        runtime.block_on(async {
            while let Some(Ok(Frame::Data(data))) = body.frame().await {
                sizes.push(data.len());
            }
        });
        assert!(sizes.len() >= 3, "each piece, then the end: {coding} {sizes:?}");
    }
}

#[test]
fn long_content_is_compressed_with_pauses_for_others() {
    let long = Bytes::from(vec![b'a'; 20 * limits::SLICE]);
    let mut body = CompressedBody::new(Body::Full(long), ContentCoding::Gzip);
    let mut context = Context::from_waker(std::task::Waker::noop());
    let (mut pauses, mut pieces) = (0, 0);
    loop {
        match body.poll_frame(&mut context) {
            Poll::Pending => pauses += 1,
            Poll::Ready(Some(piece)) => pieces += usize::from(piece.is_ok()),
            Poll::Ready(None) => break,
        }
    }
    assert!(pauses == 20 && pieces > 0, "{pauses} {pieces}");
}

#[test]
fn kept_content_is_bounded_and_keyed() {
    let mut kept = Kept::default();
    for key in 0..10_u8 {
        kept.keep(&[key], Bytes::from(vec![key; 30]), 100);
    }
    assert_eq!((kept.get(&[9]).map(|bytes| bytes.len()), kept.get(&[6])), (Some(30), None));
    kept.keep(&[9], Bytes::from(vec![1; 101]), 100);
    assert_eq!(kept.get(&[9]).map(|bytes| bytes[0]), Some(9));
}
