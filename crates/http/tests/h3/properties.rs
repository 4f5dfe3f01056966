//! What must hold for any bytes. Run on seeded ones by `arbitrary.rs`, and by the fuzz targets `fuzz/targets/h3_*.rs`.

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_http::binary::{FieldLine, FieldSink};
use edgeway_http::h3::wire::qpack::{Decoded, Decoder, Encoder};
use edgeway_http::h3::{ErrorCode, Limits, ServerConnection, ServerEvent};
use edgeway_http::semantics::{Fields, ResponseHead, Status};

#[derive(Default)]
struct Count(usize);

impl FieldSink for Count {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.0 += line.size();
        self.0 < 1 << 20
    }
}

/// QPACK takes any bytes on any of its streams without panic and without unbounded memory.
pub(crate) fn qpack_survives(bytes: &[u8]) {
    let (mut decoder, mut encoder) = (Decoder::new(4_096), Encoder::new());
    encoder.set_peer_settings(4_096, 16);
    for (number, piece) in bytes.split(|byte| *byte == 0xfe).enumerate() {
        let Some((choice, piece)) = piece.split_first() else { continue };
        let taken = match choice % 4 {
            0 => decoder.handle_encoder_stream(piece),
            1 => encoder.handle_decoder_stream(piece),
            2 => decoder.decode(number as u64, piece, &mut Count::default()).map(|decoded| {
                if let Decoded::Blocked(required) = decoded {
                    assert!(required > decoder.insert_count());
                }
            }),
            _ => {
                let mut fields = Fields::new();
                fields.append_named("x-field", piece);
                encoder.encode(number as u64, &mut Vec::new(), |writer| writer.fields(&fields));
                Ok(())
            }
        };
        assert!(decoder.memory() < 1 << 20);
        if taken.is_err() {
            return;
        }
    }
}

/// A server takes any bytes on any streams, and any calls of its driver between them. The first bytes of each step choose.
pub(crate) fn server_survives(mut bytes: &[u8]) {
    let mut now = Instant::from_millis(1);
    let mut server = ServerConnection::new(Limits::default(), 3, 7, 11, now);
    server.handle_stream(2, Bytes::from_static(&[0, 4, 0]), false, now);
    server.handle_stream(6, Bytes::from_static(&[2, 0x3f, 0xe1, 0x1f]), false, now);
    server.handle_stream(10, Bytes::from_static(&[3]), false, now);
    while let Some(([choice, a, b], rest)) = bytes.split_first_chunk() {
        bytes = rest;
        now += std::time::Duration::from_millis(u64::from(*a));
        let stream = u64::from(*b % 32);
        match choice % 12 {
            0..=5 => {
                let (data, rest) = bytes.split_at(bytes.len().min(usize::from(*a)));
                bytes = rest;
                server.handle_stream(stream, Bytes::copy_from_slice(data), choice % 2 == 1, now);
            }
            6 => server.handle_reset(stream, ErrorCode::REQUEST_CANCELLED, now),
            7 => server.handle_stop_sending(stream, ErrorCode::REQUEST_CANCELLED, now),
            8 => drop(server.send_head(stream, &ResponseHead::new(Status::OK), *a % 4 == 0)),
            9 => drop(server.send_data(stream, Bytes::from(vec![*a; 3_000]))),
            10 => drop(server.send_end(stream, None)),
            _ => server.reset(stream, ErrorCode::REQUEST_CANCELLED),
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Request { head, .. } = event {
                server.recycle(head);
            }
        }
        while server.poll_command().is_some() {}
        for _ in 0..*b % 8 {
            let Some(stream) = server.next_to_send() else { break };
            match server.front(stream).map(Bytes::len) {
                Some(length) => server.sent(stream, length.min(usize::from(*a) + 1)),
                None => server.finished(stream),
            }
        }
        if server.wants_close() {
            return;
        }
    }
    assert!(server.memory() < 16 << 20);
}
