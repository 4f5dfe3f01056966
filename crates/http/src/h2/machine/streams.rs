//! Which streams there are, in which state (RFC 9113 §5.1), and which there were. Owned by the connection.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::send_queue::SendQueue;
use super::window::{ReceiveWindow, SendWindow};
use crate::binary::Priority;
use crate::h2::limits::CLOSED_MEMORY;
use crate::h2::wire::StreamId;

/// RFC 9113 §5.1, without idle and closed: streams in those states are not kept here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    ReservedLocal,
    ReservedRemote,
    Open,
    HalfClosedLocal,
    HalfClosedRemote,
}

impl State {
    /// Whether the peer may send DATA, or its HEADERS.
    pub(super) const fn peer_may_send(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedLocal)
    }

    /// Whether we may send DATA.
    pub(super) const fn we_may_send(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedRemote)
    }

    /// After END_STREAM from the peer; `None`: closed.
    pub(super) const fn after_peer_end(self) -> Option<Self> {
        match self {
            Self::Open => Some(Self::HalfClosedRemote),
            _ => None,
        }
    }

    /// After END_STREAM from us; `None`: closed.
    pub(super) const fn after_our_end(self) -> Option<Self> {
        match self {
            Self::Open => Some(Self::HalfClosedLocal),
            _ => None,
        }
    }
}

/// How a stream ended: what late frames on it mean (RFC 9113 §5.1, "closed").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// END_STREAM both ways: the peer knows, so nothing more may come.
    Finished,
    /// RST_STREAM from the peer: likewise.
    ResetByPeer,
    /// RST_STREAM from us: what the peer sent before it heard of it is ignored.
    ResetByUs,
}

/// What is known of a stream that is not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Absence {
    /// It was never opened.
    Idle,
    /// It ended so.
    Ended(Ending),
    /// It ended too long ago to know how.
    Forgotten,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) state: State,
    pub(super) send_window: SendWindow,
    pub(super) receive_window: ReceiveWindow,
    /// Bytes given to the driver that it has not called consumed.
    pub(super) unconsumed: u32,
    /// What is still to come, by the peer's Content-Length.
    pub(super) content_left: Option<u64>,
    pub(super) queue: SendQueue,
    pub(super) priority: Priority,
    /// Bytes of its request head, for the connection's budget.
    pub(super) head_size: usize,
    /// Our final head is out.
    pub(super) head_sent: bool,
    /// The peer's head has come whole: a request, or a final response.
    pub(super) head_received: bool,
    /// Client: the request was HEAD, or CONNECT, whose responses read otherwise.
    pub(super) request: RequestTrait,
    pub(super) informational_count: u8,
    /// The driver wants no more of the request's content.
    pub(super) is_content_unwanted: bool,
    /// The driver was told there is no room and waits to hear that there is.
    pub(super) wants_room: bool,
    /// Bytes sent since the last look for stalled streams.
    pub(super) progress: u64,
    pub(super) stall_strikes: u8,
}

/// What of a request decides how its response is read (RFC 9110 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RequestTrait {
    Ordinary,
    Head,
    Connect,
}

impl Stream {
    pub(super) fn new(id: StreamId, state: State, send_window: u32, receive_window: u32) -> Self {
        Self {
            id,
            state,
            send_window: SendWindow::new(send_window),
            receive_window: ReceiveWindow::new(receive_window),
            unconsumed: 0,
            content_left: None,
            queue: SendQueue::default(),
            priority: Priority::default(),
            head_size: 0,
            head_sent: false,
            head_received: false,
            request: RequestTrait::Ordinary,
            informational_count: 0,
            is_content_unwanted: false,
            wants_room: false,
            progress: 0,
            stall_strikes: 0,
        }
    }
}

/// Where a stream is kept; valid until the stream is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number the scheduler knows it by.
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// All streams of a connection.
#[derive(Debug)]
pub(super) struct Streams {
    kept: Vec<Option<Stream>>,
    free: Vec<u32>,
    slots: HashMap<u32, u32, BuildHasherDefault<NumberHasher>>,
    /// Queues of ended streams, their lists' memory kept for the next.
    spare_queues: Vec<SendQueue>,
    we_are_client: bool,
    peer_count: u32,
    our_count: u32,
    peer_last: StreamId,
    our_next: u32,
    ended: VecDeque<(StreamId, Ending)>,
    ended_forgotten: bool,
    header_memory: usize,
    backlog: usize,
}

/// Spare queues kept; more are seldom ended between two new streams.
const SPARE_QUEUES_MAX: usize = 32;

impl Streams {
    pub(super) fn new(we_are_client: bool) -> Self {
        Self {
            kept: Vec::new(),
            free: Vec::new(),
            slots: HashMap::default(),
            spare_queues: Vec::new(),
            we_are_client,
            peer_count: 0,
            our_count: 0,
            peer_last: StreamId::CONNECTION,
            our_next: if we_are_client { 1 } else { 2 },
            ended: VecDeque::new(),
            ended_forgotten: false,
            header_memory: 0,
            backlog: 0,
        }
    }

    pub(super) fn find(&self, id: StreamId) -> Option<Slot> {
        self.slots.get(&id.get()).copied().map(Slot)
    }

    /// The stream at a slot that is in use.
    pub(super) fn get(&self, slot: Slot) -> &Stream {
        self.kept[slot.index()].as_ref().expect("a slot is only used between its insertion and its removal")
    }

    /// The stream at a slot that is in use.
    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Stream {
        self.kept[slot.index()].as_mut().expect("a slot is only used between its insertion and its removal")
    }

    /// Takes the number of the peer's next stream: greater than all before, and then opened or refused.
    pub(super) const fn note_peer_stream(&mut self, id: StreamId) {
        self.peer_last = id;
    }

    /// The number of our next stream; `None` when there are none left (RFC 9113 §5.1.1).
    pub(super) const fn take_our_number(&mut self) -> Option<StreamId> {
        if self.our_next > StreamId::MAX.get() {
            return None;
        }
        let id = StreamId::new(self.our_next);
        self.our_next += 2;
        Some(id)
    }

    pub(super) fn insert(&mut self, mut stream: Stream) -> Slot {
        stream.queue = self.spare_queues.pop().unwrap_or_default();
        self.header_memory += stream.head_size;
        *(if self.is_ours(stream.id) { &mut self.our_count } else { &mut self.peer_count }) += 1;
        let id = stream.id.get();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            (self.kept.len() - 1) as u32
        });
        self.kept[slot as usize] = Some(stream);
        self.slots.insert(id, slot);
        Slot(slot)
    }

    /// Removes a stream and remembers how it ended. Gives the bytes the driver has not called consumed.
    pub(super) fn remove(&mut self, slot: Slot, ending: Ending) -> u32 {
        let Some(mut stream) = self.kept[slot.index()].take() else { return 0 };
        self.slots.remove(&stream.id.get());
        self.free.push(slot.0);
        self.header_memory -= stream.head_size;
        self.backlog -= stream.queue.len();
        *(if self.is_ours(stream.id) { &mut self.our_count } else { &mut self.peer_count }) -= 1;
        self.remember(stream.id, ending);
        if self.spare_queues.len() < SPARE_QUEUES_MAX {
            stream.queue.clear();
            self.spare_queues.push(stream.queue);
        }
        stream.unconsumed
    }

    /// Remembers a stream that ended, or was refused before it was kept.
    pub(super) fn remember(&mut self, id: StreamId, ending: Ending) {
        if self.ended.len() == CLOSED_MEMORY {
            self.ended.pop_front();
            self.ended_forgotten = true;
        }
        self.ended.push_back((id, ending));
    }

    /// What is known of a stream that [`Streams::find`] does not find.
    pub(super) fn absence(&self, id: StreamId) -> Absence {
        let is_idle = if self.is_ours(id) { id.get() >= self.our_next } else { id > self.peer_last };
        if is_idle {
            return Absence::Idle;
        }
        match self.ended.iter().rev().find(|(ended, _)| *ended == id) {
            Some((_, ending)) => Absence::Ended(*ending),
            None if self.ended_forgotten => Absence::Forgotten,
            // RFC 9113 §5.1.1: a number that was skipped is closed; whoever uses it then never opened it.
            None => Absence::Ended(Ending::Finished),
        }
    }

    /// Whether the stream was ever used, as far as is remembered: numbers may be skipped.
    pub(super) fn was_used(&self, id: StreamId) -> bool {
        self.ended.iter().any(|(ended, _)| *ended == id)
    }

    /// Whether streams of this number are opened by us.
    pub(super) const fn is_ours(&self, id: StreamId) -> bool {
        id.is_of_client() == self.we_are_client
    }

    /// Bytes waiting on all streams; [`Streams::queue`] and [`Streams::unqueue`] keep it.
    pub(super) const fn backlog(&self) -> usize {
        self.backlog
    }

    /// Bytes were put into a stream's queue.
    pub(super) const fn queue(&mut self, bytes: usize) {
        self.backlog += bytes;
    }

    /// Bytes were taken from a stream's queue.
    pub(super) const fn unqueue(&mut self, bytes: usize) {
        self.backlog -= bytes;
    }

    pub(super) fn iter_slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let used: Vec<u32> = self.slots.values().copied().collect();
        used.into_iter().map(Slot)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.kept.iter_mut().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) const fn peer_count(&self) -> u32 {
        self.peer_count
    }

    pub(super) const fn our_count(&self) -> u32 {
        self.our_count
    }

    pub(super) const fn peer_last(&self) -> StreamId {
        self.peer_last
    }

    pub(super) const fn header_memory(&self) -> usize {
        self.header_memory
    }

    /// Drops every stream: the connection is lost.
    pub(super) fn clear(&mut self) {
        let slots: Vec<Slot> = self.iter_slots().collect();
        for slot in slots {
            self.remove(slot, Ending::ResetByUs);
        }
        self.release_memory();
    }

    /// Gives spare memory back.
    pub(super) fn release_memory(&mut self) {
        self.spare_queues = Vec::new();
        if self.is_empty() {
            self.kept = Vec::new();
            self.free = Vec::new();
            self.slots = HashMap::default();
        }
        self.ended.shrink_to_fit();
    }

    /// Bytes of memory held, for budgets.
    pub(super) fn memory(&self) -> usize {
        self.kept.capacity() * size_of::<Option<Stream>>()
            + self.slots.capacity() * 9
            + self.free.capacity() * 4
            + self.ended.capacity() * size_of::<(StreamId, Ending)>()
            + self.backlog
    }
}

/// Stream numbers go up by two, and a peer that chose them to collide would open them as fast as it may: one
/// multiplication is enough.
#[derive(Clone, Copy, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
