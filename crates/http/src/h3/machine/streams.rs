//! What each stream is up to, and what it has waiting to be sent. Owned by the connection.

use std::collections::{HashMap, VecDeque};

use bytes::{Buf, Bytes};

use super::reader::FrameReader;
use crate::binary::Priority;

/// How far the peer's message has come (RFC 9114 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// HEADERS are to come: the request, or 1xx and final responses.
    Head,
    /// DATA, or trailers.
    Content,
    /// Only the end.
    Trailers,
    /// It is whole, or nothing more is wanted of it.
    Done,
}

/// How far we have come in ending our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finish {
    /// More may be put in line.
    Open,
    /// FIN goes after what is in line.
    Wanted,
    /// FIN is out, or the stream was reset.
    Done,
}

/// What of a request decides how its response is read (RFC 9110 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RequestTrait {
    Ordinary,
    Head,
    Connect,
}

/// Bytes in line for one stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    chunks: VecDeque<Bytes>,
    length: usize,
    pub(super) finish: Finish,
    /// QUIC takes no more for now.
    pub(super) is_blocked: bool,
    pub(super) wants_room: bool,
}

impl Outgoing {
    const fn new() -> Self {
        Self { chunks: VecDeque::new(), length: 0, finish: Finish::Open, is_blocked: false, wants_room: false }
    }

    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.length += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(super) fn front(&self) -> Option<&Bytes> {
        self.chunks.front()
    }

    pub(super) fn advance(&mut self, mut bytes: usize) {
        self.length -= bytes.min(self.length);
        while let Some(chunk) = self.chunks.front_mut() {
            let part = bytes.min(chunk.len());
            chunk.advance(part);
            bytes -= part;
            if !chunk.is_empty() {
                return;
            }
            self.chunks.pop_front();
        }
    }

    /// Whether the scheduler should know of it.
    pub(super) const fn is_ready(&self) -> bool {
        !self.is_blocked && (self.length > 0 || matches!(self.finish, Finish::Wanted))
    }

    pub(super) fn abandon(&mut self) {
        self.chunks.clear();
        self.length = 0;
        self.finish = Finish::Done;
    }
}

/// One stream that we send on, and mostly receive on.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) outgoing: Outgoing,
    pub(super) phase: Phase,
    pub(super) reader: FrameReader,
    /// What came behind a blocked section.
    pub(super) held: VecDeque<Bytes>,
    pub(super) held_bytes: usize,
    pub(super) fin_came: bool,
    /// A section that waits for QPACK's table: how many insertions, and its bytes.
    pub(super) blocked: Option<(u64, Vec<u8>)>,
    pub(super) content_left: Option<u64>,
    pub(super) head_sent: bool,
    pub(super) request: RequestTrait,
    pub(super) informational_count: u8,
    pub(super) priority: Priority,
    /// Bytes of its request head, for the connection's budget.
    pub(super) head_size: usize,
    /// Of a push: its push number.
    pub(super) push: Option<u64>,
}

impl Stream {
    pub(super) fn new(id: u64, phase: Phase) -> Self {
        Self {
            id,
            outgoing: Outgoing::new(),
            phase,
            reader: FrameReader::default(),
            held: VecDeque::new(),
            held_bytes: 0,
            fin_came: false,
            blocked: None,
            content_left: None,
            head_sent: false,
            request: RequestTrait::Ordinary,
            informational_count: 0,
            priority: Priority::default(),
            head_size: 0,
            push: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Done && self.outgoing.finish == Finish::Done
    }
}

/// All streams we send on, by QUIC's number and by our own small number, which the scheduler uses.
#[derive(Debug, Default)]
pub(super) struct Streams {
    kept: Vec<Option<Stream>>,
    free: Vec<u32>,
    slots: HashMap<u64, u32>,
}

impl Streams {
    pub(super) fn find(&self, id: u64) -> Option<u32> {
        self.slots.get(&id).copied()
    }

    pub(super) fn get(&self, slot: u32) -> &Stream {
        self.kept[slot as usize].as_ref().expect("a slot is only used between its insertion and its removal")
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Stream {
        self.kept[slot as usize].as_mut().expect("a slot is only used between its insertion and its removal")
    }

    pub(super) fn insert(&mut self, stream: Stream) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            (self.kept.len() - 1) as u32
        });
        self.slots.insert(stream.id, slot);
        self.kept[slot as usize] = Some(stream);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(stream) = self.kept[slot as usize].take() {
            self.slots.remove(&stream.id);
            self.free.push(slot);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.kept.iter().flatten()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes of memory held, for budgets.
    pub(super) fn memory(&self) -> usize {
        self.kept.capacity() * size_of::<Option<Stream>>()
            + self.iter().map(|stream| stream.outgoing.len() + stream.held_bytes).sum::<usize>()
    }
}
