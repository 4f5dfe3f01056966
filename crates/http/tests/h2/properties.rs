//! What must hold for any bytes. Run on seeded ones by `arbitrary.rs`, and by the fuzz targets `fuzz/targets/h2_*.rs`.

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;
use edgeway_http::binary::{FieldLine, FieldSink, LineName};
use edgeway_http::h2::wire::hpack::{Decoder, Encoder};
use edgeway_http::h2::wire::{Frame, FrameHead, PREFACE};
use edgeway_http::h2::{ErrorCode, Limits, ServerConnection, ServerEvent, StreamId};
use edgeway_http::semantics::{Fields, ResponseHead, Status};

/// A frame that can be read is written and read again as itself.
pub(crate) fn frames_come_back(mut bytes: &[u8]) {
    while let Some((head, rest)) = bytes.split_first_chunk().map(|(head, rest)| (FrameHead::decode(head), rest)) {
        let (payload, rest) = rest.split_at(rest.len().min(head.length as usize));
        bytes = rest;
        let head = FrameHead { length: payload.len() as u32, ..head };
        let Ok(frame) = Frame::decode(head, payload) else { continue };
        let mut out = Vec::new();
        frame.encode(&mut out);
        let (again, payload) = out.split_first_chunk().expect("a frame has a head");
        assert_eq!(Frame::decode(FrameHead::decode(again), payload), Ok(frame));
    }
}

#[derive(Default)]
struct Taken {
    fields: Fields,
    lines: Vec<(Vec<u8>, Vec<u8>)>,
}

impl FieldSink for Taken {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        assert_eq!(line.name, LineName::from_bytes(line.text), "the table's name is the text's");
        if let (LineName::Field(known), true) = (line.name, line.sound) {
            self.fields.push_checked(known, line.text, line.value, line.sensitive);
            if !edgeway_http::binary::field_line::is_connection_specific(known) {
                self.lines.push((line.text.to_vec(), line.value.to_vec()));
            }
        }
        self.lines.len() < 10_000
    }
}

/// A block that decodes gives fields that, encoded by us, decode to themselves, block after block with the same tables.
pub(crate) fn blocks_come_back(bytes: &[u8]) {
    let mut hostile = Decoder::new(4_096);
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4_096));
    for block in bytes.split(|byte| *byte == 0xfe) {
        let mut taken = Taken::default();
        if hostile.decode(block, &mut taken).is_err() {
            return;
        }
        let (mut out, mut again) = (Vec::new(), Taken::default());
        encoder.begin(&mut out);
        encoder.fields(&taken.fields, &mut out);
        decoder.decode(&out, &mut again).expect("our own block");
        assert_eq!(again.lines, taken.lines);
    }
}

/// A server takes any frames, and any calls of its driver between them, without panic, without unbounded memory, and says
/// nothing but whole frames. The first byte of each step chooses what it is.
pub(crate) fn server_survives(mut bytes: &[u8]) {
    let mut now = Instant::from_millis(1);
    let mut server = ServerConnection::new(Limits::default(), now);
    server.input().extend_from_slice(PREFACE);
    server.input().extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    server.handle_input(now);
    let mut out = BytesMut::new();
    while let Some(([choice, a, b, c], rest)) = bytes.split_first_chunk() {
        bytes = rest;
        now += std::time::Duration::from_millis(u64::from(*a));
        let stream = StreamId::new(u32::from(*b));
        match choice % 16 {
            0..=8 => {
                let (payload, rest) = bytes.split_at(bytes.len().min(usize::from(*a)));
                bytes = rest;
                let head = [0, 0, payload.len() as u8, choice % 16, *c, 0, 0, 0, *b];
                server.input().extend_from_slice(&head);
                server.input().extend_from_slice(payload);
                server.handle_input(now);
            }
            9 => drop(server.send_head(stream, &ResponseHead::new(Status::OK), *c % 4 == 0)),
            10 => drop(server.send_data(stream, Bytes::from(vec![*a; usize::from(*c) * 100]), now)),
            11 => drop(server.send_end(stream, None)),
            12 => server.reset(stream, ErrorCode::CANCEL),
            13 => server.consumed(stream, usize::from(*c) * 100),
            14 => server.handle_timeout(server.poll_timeout().unwrap_or(now)),
            _ => server.go_away(*c % 2 == 0, now),
        }
        while let Some(event) = server.poll_event(now) {
            if let ServerEvent::Request { head, .. } = event {
                server.recycle(head);
            }
        }
        out.clear();
        server.poll_output(&mut out, usize::from(*c) * 1_000);
        check_frames(&out);
        if server.wants_close() {
            assert_eq!((server.stream_count(), server.poll_timeout()), (0, None));
            return;
        }
    }
    assert!(server.memory() < 16 << 20);
}

fn check_frames(mut out: &[u8]) {
    while let Some((head, rest)) = out.split_first_chunk().map(|(head, rest)| (FrameHead::decode(head), rest)) {
        let (payload, rest) = rest.split_at(head.length as usize);
        Frame::decode(head, payload).expect("a server sends sound frames");
        out = rest;
    }
    assert!(out.is_empty(), "output ends between frames");
}
