//! Random work of a client and a server of ours against a model: no stream is lost, no byte is lost, made up or reordered,
//! no window is exceeded (either side would end the connection with FLOW_CONTROL_ERROR), whatever is cut where and reset when.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edgeway_base::{Entropy, Instant, SeededEntropy};
use edgeway_http::binary::Priority;
use edgeway_http::h2::{ClientConnection, ClientEvent, ErrorCode, Limits, ServerConnection, ServerEvent, StreamId};
use edgeway_http::semantics::{FieldName, Fields, Method, RequestHead, ResponseHead, Scheme, Status};

/// One direction of one stream.
#[derive(Default)]
struct Way {
    sent: Vec<u8>,
    received: Vec<u8>,
    sent_end: bool,
    received_end: bool,
}

#[derive(Default)]
struct Modelled {
    up: Way,
    down: Way,
    seen_by_server: bool,
    answered: bool,
    reset: bool,
}

struct Run {
    entropy: SeededEntropy,
    now: Instant,
    client: ClientConnection,
    server: ServerConnection,
    to_server: BytesMut,
    to_client: BytesMut,
    streams: BTreeMap<StreamId, Modelled>,
    /// What each side's driver has not called consumed: stream, bytes.
    held_by_server: Vec<(StreamId, usize)>,
    held_by_client: Vec<(StreamId, usize)>,
    counter: u8,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let now = Instant::from_millis(1);
        let mut limits = || Limits {
            streams_max: 1 + entropy.below(40),
            stream_window: [1_000, 65_535, 200_000][entropy.below(3) as usize],
            keep_alive: None,
            ..Limits::default()
        };
        let (client, server) = (limits(), limits());
        Self {
            entropy,
            now,
            client: ClientConnection::new(client, now),
            server: ServerConnection::new(server, now),
            to_server: BytesMut::new(),
            to_client: BytesMut::new(),
            streams: BTreeMap::new(),
            held_by_server: Vec::new(),
            held_by_client: Vec::new(),
            counter: 0,
        }
    }

    fn bytes(&mut self, most: u32) -> Vec<u8> {
        let length = self.entropy.below(most) as usize;
        (0..length)
            .map(|_| {
                self.counter = self.counter.wrapping_add(1);
                self.counter
            })
            .collect()
    }

    fn pick(&mut self) -> Option<StreamId> {
        let count = self.streams.len() as u32;
        self.streams.keys().nth(self.entropy.below(count) as usize).copied()
    }

    fn step(&mut self) {
        self.now += Duration::from_micros(u64::from(self.entropy.below(2_000)));
        match self.entropy.below(14) {
            0 | 1 => self.open(),
            2 | 3 => self.send_up(),
            4 | 5 => self.answer(),
            6 => self.end(),
            7 if self.entropy.below(12) == 0 => self.reset(),
            8 => self.rank(),
            9 => self.consume(),
            10 | 11 => self.carry_up(),
            _ => self.carry_down(),
        }
    }

    fn open(&mut self) {
        if self.client.open_capacity() == 0 || self.streams.len() > 60 {
            return;
        }
        let mut head = RequestHead::default();
        (head.method, head.scheme) = (Method::Post, Scheme::Https);
        head.set_authority(b"example.com").unwrap();
        head.set_target(format!("/{}", self.entropy.below(20)).as_bytes());
        head.fields.append_named("x-number", format!("{}", self.entropy.below(50)));
        let end = self.entropy.below(3) == 0;
        let stream = self.client.open(&head, end).expect("there was room");
        let modelled = self.streams.entry(stream).or_default();
        modelled.up.sent_end = end;
    }

    fn send_up(&mut self) {
        let Some(stream) = self.pick() else { return };
        let bytes = self.bytes(20_000);
        if self.streams[&stream].up.sent_end || self.client.send_capacity(stream) < bytes.len() {
            return;
        }
        if self.client.send_data(stream, Bytes::from(bytes.clone()), self.now) {
            self.modelled(stream).up.sent.extend(bytes);
        }
    }

    fn answer(&mut self) {
        let Some(stream) = self.pick() else { return };
        let bytes = self.bytes(30_000);
        let modelled = self.modelled(stream);
        if !modelled.seen_by_server || modelled.down.sent_end {
            return;
        }
        if !modelled.answered {
            modelled.answered = true;
            let head = ResponseHead::new(Status::OK).with(FieldName::Server, "edgeway");
            self.server.send_head(stream, &head, false);
            return;
        }
        if self.server.send_capacity(stream) >= bytes.len()
            && self.server.send_data(stream, Bytes::from(bytes.clone()), self.now)
        {
            self.modelled(stream).down.sent.extend(bytes);
        }
    }

    fn end(&mut self) {
        let Some(stream) = self.pick() else { return };
        let mut trailers = Fields::new();
        if self.entropy.below(2) == 0 {
            trailers.append_named("x-sum", format!("{}", self.entropy.below(9)));
        }
        let is_up = self.entropy.below(2) == 0;
        let modelled = self.modelled(stream);
        if is_up && !modelled.up.sent_end {
            modelled.up.sent_end = true;
            self.client.send_end(stream, Some(&trailers));
        } else if !is_up && modelled.answered && !modelled.down.sent_end {
            modelled.down.sent_end = true;
            self.server.send_end(stream, Some(&trailers));
        }
    }

    fn reset(&mut self) {
        let Some(stream) = self.pick() else { return };
        self.modelled(stream).reset = true;
        match self.entropy.below(2) {
            0 => self.client.reset(stream, ErrorCode::CANCEL),
            _ => self.server.reset(stream, ErrorCode::INTERNAL_ERROR),
        }
    }

    fn rank(&mut self) {
        if self.entropy.below(10) > 0 {
            return;
        }
        let Some(stream) = self.pick() else { return };
        let priority = Priority { urgency: self.entropy.below(8) as u8, incremental: self.entropy.below(2) == 0 };
        self.client.send_priority(stream, priority);
    }

    fn consume(&mut self) {
        for (stream, bytes) in std::mem::take(&mut self.held_by_server) {
            self.server.consumed(stream, bytes);
        }
        for (stream, bytes) in std::mem::take(&mut self.held_by_client) {
            self.client.consumed(stream, bytes);
        }
    }

    /// Composes some output, and lets some of what is on its way arrive.
    fn carry_up(&mut self) {
        let budget = self.entropy.below(50_000) as usize;
        self.client.poll_output(&mut self.to_server, budget);
        let length = self.entropy.below(self.to_server.len() as u32 + 1) as usize;
        let piece = self.to_server.split_to(length);
        self.server.input().extend_from_slice(&piece);
        self.server.handle_input(self.now);
        while let Some(event) = self.server.poll_event(self.now) {
            self.take_at_server(event);
        }
    }

    fn carry_down(&mut self) {
        let budget = self.entropy.below(50_000) as usize;
        self.server.poll_output(&mut self.to_client, budget);
        let length = self.entropy.below(self.to_client.len() as u32 + 1) as usize;
        let piece = self.to_client.split_to(length);
        self.client.input().extend_from_slice(&piece);
        self.client.handle_input(self.now);
        while let Some(event) = self.client.poll_event(self.now) {
            self.take_at_client(event);
        }
    }

    fn take_at_server(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Request { stream, head, end } => {
                self.server.recycle(head);
                let modelled = self.modelled(stream);
                assert!(!modelled.seen_by_server, "a request comes once");
                modelled.seen_by_server = true;
                modelled.up.received_end = end;
            }
            ServerEvent::Data { stream, data } => {
                self.held_by_server.push((stream, data.len()));
                self.modelled(stream).up.receive(&data);
            }
            ServerEvent::End { stream, .. } => self.modelled(stream).up.finish(),
            ServerEvent::Reset { stream, code } => self.note_reset(stream, code),
            ServerEvent::Writable { stream } => assert!(self.server.send_capacity(stream) > 0),
            ServerEvent::Closed => panic!("server: {:?}", self.server.error()),
        }
    }

    fn take_at_client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Response { stream, head, end } => {
                assert!(!end && self.modelled(stream).answered);
                self.client.recycle(head);
            }
            ClientEvent::Data { stream, data } => {
                self.held_by_client.push((stream, data.len()));
                self.modelled(stream).down.receive(&data);
            }
            ClientEvent::End { stream, .. } => self.modelled(stream).down.finish(),
            ClientEvent::Reset { stream, code } => self.note_reset(stream, code),
            ClientEvent::Writable { stream } => assert!(self.client.send_capacity(stream) > 0),
            other => panic!("client: {other:?} {:?}", self.client.error()),
        }
    }

    fn note_reset(&mut self, stream: StreamId, code: ErrorCode) {
        // A client that has not yet heard of the limit may be refused; nothing else breaks a stream unasked.
        let modelled = self.modelled(stream);
        assert!(modelled.reset || code == ErrorCode::REFUSED_STREAM, "{stream}: {code:?}");
        modelled.reset = true;
    }

    fn modelled(&mut self, stream: StreamId) -> &mut Modelled {
        self.streams.get_mut(&stream).expect("streams are opened by the model")
    }

    /// Ends everything and looks whether all of it arrived.
    fn finish(mut self) {
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for _ in 0..1_500 {
            for stream in &streams {
                let modelled = self.modelled(*stream);
                let (answer, up) = (modelled.seen_by_server && !modelled.answered, !modelled.up.sent_end);
                modelled.up.sent_end = true;
                if up {
                    self.client.send_end(*stream, None);
                }
                if answer {
                    self.modelled(*stream).answered = true;
                    self.server.send_head(*stream, &ResponseHead::new(Status::OK), false);
                }
                let modelled = self.modelled(*stream);
                if modelled.answered && !modelled.down.sent_end {
                    modelled.down.sent_end = true;
                    self.server.send_end(*stream, None);
                }
            }
            self.consume();
            self.carry_up();
            self.carry_down();
        }
        for (stream, modelled) in self.streams.iter().filter(|(_, modelled)| !modelled.reset) {
            assert!(modelled.up.received_end && modelled.down.received_end, "stream {stream} was lost");
            assert!(modelled.up.sent == modelled.up.received && modelled.down.sent == modelled.down.received);
        }
        assert_eq!((self.client.stream_count(), self.server.stream_count()), (0, 0));
        self.consume();
        self.server.release_memory();
        self.client.release_memory();
        assert!(self.server.memory() < 12_000, "{}", self.server.memory());
    }
}

impl Way {
    fn receive(&mut self, data: &[u8]) {
        let at = self.received.len();
        assert!(!self.received_end && !data.is_empty());
        assert!(self.sent.get(at..at + data.len()) == Some(data), "bytes lost, made up or reordered");
        self.received.extend_from_slice(data);
    }

    fn finish(&mut self) {
        assert!(!self.received_end && self.sent_end && self.received.len() == self.sent.len());
        self.received_end = true;
    }
}

#[test]
fn nothing_is_lost_whatever_happens_when() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut run = Run::new(seed);
        for _ in 0..3_000 {
            run.step();
        }
        run.finish();
    }
}
