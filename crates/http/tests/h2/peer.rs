//! A client made of raw frames, for tests that a well-behaved one cannot run.

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;
use edgeway_http::binary::LineName;
use edgeway_http::h2::wire::hpack::{Decoder, Encoder};
use edgeway_http::h2::wire::{Frame, FrameHead, PREFACE};
use edgeway_http::h2::{ErrorCode, Limits, ServerConnection, ServerEvent, StreamId};
use edgeway_http::semantics::{Fields, ResponseHead, Status};

/// A frame the server sent, as text and numbers that outlive the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Headers { stream: u32, lines: Vec<(String, String)>, ends: bool },
    Data { stream: u32, data: Vec<u8>, ends: bool },
    Reset { stream: u32, code: ErrorCode },
    Settings,
    SettingsAck,
    Promise { stream: u32, promised: u32, lines: Vec<(String, String)> },
    Ping { payload: [u8; 8], is_ack: bool },
    GoAway { last: u32, code: ErrorCode, debug: String },
    WindowUpdate { stream: u32, increment: u32 },
}

/// The raw client, and the server it talks to.
pub(crate) struct Peer {
    pub(crate) server: ServerConnection,
    pub(crate) now: Instant,
    pub(crate) encoder: Encoder,
    decoder: Decoder,
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: Vec<ServerEvent>,
}

pub(crate) const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "https"), (":authority", "example.com"), (":path", "/")];
pub(crate) const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "https"), (":authority", "example.com"), (":path", "/")];

impl Peer {
    /// A server that has seen the preface and empty SETTINGS.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let mut peer = Self::silent(limits);
        peer.bytes(PREFACE);
        peer.frame(&Frame::Settings { payload: &[] });
        peer.frame(&Frame::SettingsAck);
        peer.drain();
        peer.sent.clear();
        peer
    }

    /// A server that has seen nothing.
    pub(crate) fn silent(limits: Limits) -> Self {
        let now = Instant::from_millis(1_000);
        Self {
            server: ServerConnection::new(limits, now),
            now,
            encoder: Encoder::new(),
            decoder: Decoder::new(4_096),
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.server.input().extend_from_slice(bytes);
        self.server.handle_input(self.now);
    }

    pub(crate) fn frame(&mut self, frame: &Frame<'_>) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        self.bytes(&out);
    }

    /// A frame from its parts, however wrong.
    pub(crate) fn raw(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&stream.to_be_bytes());
        out.extend_from_slice(payload);
        self.bytes(&out);
    }

    pub(crate) fn block(&mut self, lines: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in lines {
            let kind = LineName::from_bytes(name.as_bytes());
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                // The encoder knows better; spelled out, without indexing.
                block.extend_from_slice(&[0, name.len() as u8]);
                block.extend_from_slice(name.as_bytes());
                block.push(value.len() as u8);
                block.extend_from_slice(value.as_bytes());
                continue;
            }
            self.encoder.pseudo(kind, name, value.as_bytes(), &mut block);
        }
        block
    }

    pub(crate) fn headers(&mut self, stream: u32, lines: &[(&str, &str)], ends: bool) {
        let block = self.block(lines);
        self.frame(&Frame::Headers {
            stream: StreamId::new(stream),
            priority: None,
            block: &block,
            ends,
            ends_block: true,
        });
    }

    pub(crate) fn data(&mut self, stream: u32, data: &[u8], ends: bool) {
        self.frame(&Frame::Data { stream: StreamId::new(stream), data, ends });
    }

    pub(crate) fn window_update(&mut self, stream: u32, increment: u32) {
        self.frame(&Frame::WindowUpdate { stream: StreamId::new(stream), increment });
    }

    pub(crate) fn reset(&mut self, stream: u32) {
        self.frame(&Frame::ResetStream { stream: StreamId::new(stream), code: ErrorCode::CANCEL });
    }

    /// Takes all events and all output.
    pub(crate) fn drain(&mut self) {
        self.drain_some(usize::MAX / 2);
    }

    pub(crate) fn drain_some(&mut self, budget: usize) {
        loop {
            let mut out = BytesMut::new();
            while let Some(event) = self.server.poll_event(self.now) {
                self.events.push(event);
            }
            self.server.poll_output(&mut out, budget);
            self.take_output(&out);
            if out.is_empty() || budget < 1 << 20 {
                break;
            }
        }
    }

    fn take_output(&mut self, mut out: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut open: Option<(u32, Option<u32>, bool, Vec<u8>)> = None;
        while let Some(head) = out.first_chunk().map(FrameHead::decode) {
            let (payload, rest) = out[FrameHead::LENGTH..].split_at(head.length as usize);
            out = rest;
            let frame = Frame::decode(head, payload).expect("the server sends well-formed frames");
            let mut finished = false;
            match frame {
                Frame::Headers { stream, block, ends, ends_block, .. } => {
                    open = Some((stream.get(), None, ends, block.to_vec()));
                    finished = ends_block;
                }
                Frame::PushPromise { stream, promised, block, ends_block } => {
                    open = Some((stream.get(), Some(promised.get()), false, block.to_vec()));
                    finished = ends_block;
                }
                Frame::Continuation { block, ends_block, .. } => {
                    open.as_mut().expect("a block").3.extend_from_slice(block);
                    finished = ends_block;
                }
                Frame::Data { stream, data, ends } => {
                    self.sent.push(Sent::Data { stream: stream.get(), data: data.to_vec(), ends });
                }
                Frame::ResetStream { stream, code } => self.sent.push(Sent::Reset { stream: stream.get(), code }),
                Frame::Settings { .. } => self.sent.push(Sent::Settings),
                Frame::SettingsAck => self.sent.push(Sent::SettingsAck),
                Frame::Ping { payload, is_ack } => self.sent.push(Sent::Ping { payload, is_ack }),
                Frame::GoAway { last, code, debug } => {
                    self.sent.push(Sent::GoAway { last: last.get(), code, debug: text(debug) });
                }
                Frame::WindowUpdate { stream, increment } => {
                    self.sent.push(Sent::WindowUpdate { stream: stream.get(), increment });
                }
                other => panic!("a server does not send {other:?}"),
            }
            if finished {
                let (stream, promised, ends, block) = open.take().expect("a block");
                let mut lines = Lines::default();
                self.decoder.decode(&block, &mut lines).expect("the server's blocks decode");
                self.sent.push(match promised {
                    None => Sent::Headers { stream, lines: lines.0, ends },
                    Some(promised) => Sent::Promise { stream, promised, lines: lines.0 },
                });
            }
        }
        assert!(out.is_empty(), "output ends between frames");
    }

    /// The code of the GOAWAY the server sent in anger.
    pub(crate) fn go_away_code(&self) -> Option<ErrorCode> {
        self.sent.iter().find_map(|sent| match sent {
            Sent::GoAway { code, .. } => Some(*code),
            _ => None,
        })
    }

    pub(crate) fn resets(&self) -> Vec<(u32, ErrorCode)> {
        let reset = |sent: &Sent| match sent {
            Sent::Reset { stream, code } => Some((*stream, *code)),
            _ => None,
        };
        self.sent.iter().filter_map(reset).collect()
    }

    pub(crate) fn requests(&self) -> Vec<u32> {
        let request = |event: &ServerEvent| match event {
            ServerEvent::Request { stream, .. } => Some(stream.get()),
            _ => None,
        };
        self.events.iter().filter_map(request).collect()
    }

    /// All DATA bytes the server sent on a stream.
    pub(crate) fn content(&self, wanted: u32) -> Vec<u8> {
        let data = |sent: &Sent| match sent {
            Sent::Data { stream, data, .. } if *stream == wanted => Some(data.clone()),
            _ => None,
        };
        self.sent.iter().filter_map(data).flatten().collect()
    }

    /// A whole response.
    pub(crate) fn respond(&mut self, stream: u32, content: &[u8]) {
        let id = StreamId::new(stream);
        assert!(self.server.send_head(id, &ResponseHead::new(Status::OK), content.is_empty()));
        if !content.is_empty() {
            assert!(self.server.send_data(id, Bytes::copy_from_slice(content), self.now));
            assert!(self.server.send_end(id, None));
        }
    }

    pub(crate) fn wait(&mut self, milliseconds: u64) {
        let until = self.now + std::time::Duration::from_millis(milliseconds);
        while let Some(at) = self.server.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now);
        }
        self.now = until;
    }
}

/// Field lines as text.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Vec<(String, String)>);

impl edgeway_http::binary::FieldSink for Lines {
    fn field(&mut self, line: edgeway_http::binary::FieldLine<'_>) -> bool {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        self.0.push((text(line.text), text(line.value)));
        true
    }
}

/// Fields from text.
pub(crate) fn fields(lines: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    lines.iter().for_each(|(name, value)| fields.append_named(name, value));
    fields
}

/// Both rows of lines.
pub(crate) fn with<'a>(lines: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [lines, more].concat()
}
