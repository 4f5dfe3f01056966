//! QUIC as far as HTTP/3 sees it: streams that each deliver in order, and between them in any order.

use std::collections::BTreeMap;

use bytes::Bytes;
use edgeway_base::{Entropy, Instant, SeededEntropy};
use edgeway_http::h3::{ClientConnection, ClientEvent, Command, Limits, ServerConnection, ServerEvent};

/// Bytes of one stream on their way, and whether its end is among them.
type OnTheWay = BTreeMap<u64, (Vec<u8>, bool)>;

/// A client and a server, and what is on its way between them.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    pub(crate) now: Instant,
    pub(crate) at_client: Vec<ClientEvent>,
    pub(crate) at_server: Vec<ServerEvent>,
    up: OnTheWay,
    down: OnTheWay,
    entropy: SeededEntropy,
    next_request: u64,
}

impl Pair {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, Limits::default())
    }

    pub(crate) fn with(seed: u64, server: Limits) -> Self {
        let now = Instant::from_millis(1);
        Self {
            client: ClientConnection::new(Limits::default(), 2, 6, 10, now),
            server: ServerConnection::new(server, 3, 7, 11, now),
            now,
            at_client: Vec::new(),
            at_server: Vec::new(),
            up: OnTheWay::new(),
            down: OnTheWay::new(),
            entropy: SeededEntropy::new(seed),
            next_request: 0,
        }
    }

    /// The number of the next bidirectional stream.
    pub(crate) fn stream(&mut self) -> u64 {
        self.next_request += 4;
        self.next_request - 4
    }

    /// Takes what both sides want to send, and delivers a piece of some stream each way. `false`: all is quiet.
    pub(crate) fn turn(&mut self) -> bool {
        while let Some(stream) = self.client.next_to_send() {
            let way = self.up.entry(stream).or_default();
            match self.client.front(stream).cloned() {
                Some(bytes) => {
                    way.0.extend_from_slice(&bytes);
                    self.client.sent(stream, bytes.len());
                }
                None => {
                    way.1 = true;
                    self.client.finished(stream);
                }
            }
        }
        while let Some(stream) = self.server.next_to_send() {
            let way = self.down.entry(stream).or_default();
            match self.server.front(stream).cloned() {
                Some(bytes) => {
                    way.0.extend_from_slice(&bytes);
                    self.server.sent(stream, bytes.len());
                }
                None => {
                    way.1 = true;
                    self.server.finished(stream);
                }
            }
        }
        self.carry_commands();
        let up = take_piece(&mut self.up, &mut self.entropy);
        let down = take_piece(&mut self.down, &mut self.entropy);
        if let Some((stream, data, fin)) = &up {
            self.server.handle_stream(*stream, data.clone(), *fin, self.now);
        }
        if let Some((stream, data, fin)) = &down {
            self.client.handle_stream(*stream, data.clone(), *fin, self.now);
        }
        self.at_server.extend(std::iter::from_fn(|| self.server.poll_event()));
        self.at_client.extend(std::iter::from_fn(|| self.client.poll_event()));
        up.is_some() || down.is_some()
    }

    fn carry_commands(&mut self) {
        while let Some(command) = self.client.poll_command() {
            match command {
                Command::ResetStream { stream, code } => {
                    self.up.remove(&stream);
                    self.server.handle_reset(stream, code, self.now);
                }
                Command::StopSending { stream, code } => self.server.handle_stop_sending(stream, code, self.now),
            }
        }
        while let Some(command) = self.server.poll_command() {
            match command {
                Command::ResetStream { stream, code } => {
                    self.down.remove(&stream);
                    self.client.handle_reset(stream, code, self.now);
                }
                Command::StopSending { stream, code } => self.client.handle_stop_sending(stream, code, self.now),
            }
        }
    }

    pub(crate) fn settle(&mut self) {
        while self.turn() {}
    }
}

fn take_piece(way: &mut OnTheWay, entropy: &mut SeededEntropy) -> Option<(u64, Bytes, bool)> {
    let index = entropy.below(way.len() as u32) as usize;
    let (stream, (bytes, fin)) = way.iter_mut().nth(index)?;
    let length = 1 + entropy.below(bytes.len().max(1) as u32) as usize;
    let piece = Bytes::from(bytes.drain(..length.min(bytes.len())).collect::<Vec<u8>>());
    let (stream, is_last) = (*stream, bytes.is_empty());
    let fin = *fin && is_last;
    if is_last {
        way.remove(&stream);
    }
    Some((stream, piece, fin))
}
