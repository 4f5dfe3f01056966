//! The loop around rustls's unbuffered interface: shows it ciphertext, puts what it wants to send into
//! the output, and takes plaintext out, for both sides alike. Called by [`super`] alone.

use bytes::BytesMut;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, ReadEarlyData, ReadTraffic,
    UnbufferedStatus,
};

use super::Flags;
use super::buffer::Buffer;
use super::output::{self, Order};

/// What both sides' connections have in common.
pub(super) trait Records {
    /// rustls's name for the side.
    type Data;
    /// Processes `incoming` until something is to be done.
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    /// Whether messages of rustls's own wait to be encoded.
    fn has_messages(&self) -> bool;
    /// Takes 0-RTT data.
    fn take_early(data: ReadEarlyData<'_, '_, Self::Data>, take: &mut dyn FnMut(&[u8])) -> Result<(), rustls::Error>;
}

impl Records for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_messages(&self) -> bool {
        self.wants_write()
    }

    fn take_early(
        mut data: ReadEarlyData<'_, '_, Self::Data>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), rustls::Error> {
        while let Some(record) = data.next_record() {
            take(record?.payload);
        }
        Ok(())
    }
}

impl Records for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_messages(&self) -> bool {
        self.wants_write()
    }

    fn take_early(_: ReadEarlyData<'_, '_, Self::Data>, _: &mut dyn FnMut(&[u8])) -> Result<(), rustls::Error> {
        // RFC 8446 §2.3: early data flows from client to server only; rustls gives a client none.
        Ok(())
    }
}

/// The parts of a session that the loop works on.
pub(super) struct Pump<'a> {
    pub(super) input: &'a mut Buffer,
    pub(super) output: &'a mut Buffer,
    pub(super) held: &'a mut Held,
    pub(super) seen: &'a mut usize,
    pub(super) flags: &'a mut Flags,
}

/// Where plaintext goes.
pub(super) enum Sink<'a> {
    /// To a reader, until its buffer has this length.
    Reader { into: &'a mut BytesMut, full_at: usize },
    /// Nobody reads now: what must be taken is held.
    Nobody,
}

/// Plaintext that nobody has read yet: first what came as 0-RTT data, then what came after.
#[derive(Default)]
pub(super) struct Held {
    bytes: Buffer,
    early: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives up the early part, or else the rest; whether it was early.
    pub(super) fn give(&mut self, into: &mut BytesMut) -> bool {
        let is_early = self.early > 0;
        let count = if is_early { std::mem::take(&mut self.early) } else { self.bytes.len() };
        into.extend_from_slice(&self.bytes.bytes()[..count]);
        self.bytes.consume(count);
        is_early
    }
}

/// Why the loop stopped.
pub(super) enum Stopped {
    /// Nothing more to do with the input there is.
    Quiet,
    /// As much plaintext as was wanted, or some that nobody wanted yet.
    Enough,
    /// The session is over.
    Failed(rustls::Error),
}

impl Pump<'_> {
    /// Processes all input, until `sink` has its fill.
    pub(super) fn run<C: Records>(&mut self, connection: &mut C, mut sink: Sink<'_>) -> Stopped {
        loop {
            if matches!(&sink, Sink::Reader { into, full_at } if into.len() >= *full_at) {
                return Stopped::Enough;
            }
            let UnbufferedStatus { discard, state } = connection.process(self.input.bytes_mut());
            let step = match state {
                Err(error) => {
                    self.input.consume(discard);
                    self.flush_alerts(connection);
                    return Stopped::Failed(error);
                }
                Ok(state) => step::<C>(state, &mut sink, self.output, self.held, self.flags),
            };
            self.input.consume(discard);
            match step {
                Step::Again => {}
                // Records behind this one have not been looked at; everything before it is used up, for no other
                // record may stand inside a fragmented message (RFC 8446 §5.1).
                Step::Took if matches!(sink, Sink::Reader { .. }) => *self.seen = 0,
                Step::Took | Step::Enough => {
                    *self.seen = 0;
                    return Stopped::Enough;
                }
                Step::Quiet => {
                    *self.seen = self.input.len();
                    return Stopped::Quiet;
                }
                Step::Failed(error) => return Stopped::Failed(error),
            }
        }
    }

    /// Carries out `order` if the connection can take application data now. Shows rustls only what it has
    /// seen before, so that no record is decrypted that nobody has asked for.
    pub(super) fn write<C: Records>(
        &mut self,
        connection: &mut C,
        order: Order<'_>,
    ) -> Result<Option<Result<usize, EncryptError>>, rustls::Error> {
        loop {
            let seen = *self.seen;
            let UnbufferedStatus { discard, state } = connection.process(&mut self.input.bytes_mut()[..seen]);
            let step = match state {
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    let written = output::carry_out(order, traffic, self.output);
                    self.consume_seen(discard);
                    return Ok(Some(written));
                }
                Err(error) => {
                    self.consume_seen(discard);
                    return Err(error);
                }
                Ok(state) => step::<C>(state, &mut Sink::Nobody, self.output, self.held, self.flags),
            };
            self.consume_seen(discard);
            match step {
                Step::Again | Step::Took | Step::Enough => {}
                Step::Quiet => return Ok(None),
                Step::Failed(error) => return Err(error),
            }
        }
    }

    fn consume_seen(&mut self, discard: usize) {
        self.input.consume(discard);
        *self.seen -= discard;
    }

    /// After a failure rustls still has an alert to encode, and perhaps messages before it. It must not see
    /// the input again: it would fail twice.
    fn flush_alerts<C: Records>(&mut self, connection: &mut C) {
        while connection.has_messages() {
            match connection.process(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, self.output),
                _ => return,
            }
        }
    }
}

/// What one state of rustls led to.
enum Step {
    Again,
    /// Plaintext was taken.
    Took,
    Quiet,
    Enough,
    Failed(rustls::Error),
}

fn step<C: Records>(
    state: ConnectionState<'_, '_, C::Data>,
    sink: &mut Sink<'_>,
    output: &mut Buffer,
    held: &mut Held,
    flags: &mut Flags,
) -> Step {
    match state {
        ConnectionState::EncodeTlsData(data) => {
            encode(data, output);
            Step::Again
        }
        ConnectionState::TransmitTlsData(transmit) => {
            transmit.done();
            Step::Again
        }
        ConnectionState::ReadTraffic(traffic) => match sink {
            Sink::Reader { into, .. } => take_plaintext(traffic, |bytes| into.extend_from_slice(bytes)),
            Sink::Nobody => take_plaintext(traffic, |bytes| held.bytes.extend(bytes)),
        },
        ConnectionState::ReadEarlyData(early) => take_early::<C>(early, sink, held, flags),
        ConnectionState::PeerClosed => {
            flags.peer_closed = true;
            Step::Again
        }
        // Closed, BlockedHandshake, WriteTraffic, and what a later rustls may add.
        _ => Step::Quiet,
    }
}

/// To a reader early data is given alone, so that it is never taken for what came after the
/// handshake; without one it is held, and the handshake goes on.
fn take_early<C: Records>(
    early: ReadEarlyData<'_, '_, C::Data>,
    sink: &mut Sink<'_>,
    held: &mut Held,
    flags: &mut Flags,
) -> Step {
    match sink {
        Sink::Reader { into, .. } => match C::take_early(early, &mut |bytes| into.extend_from_slice(bytes)) {
            Ok(()) => {
                flags.early = true;
                Step::Enough
            }
            Err(error) => Step::Failed(error),
        },
        Sink::Nobody => {
            let before = held.bytes.len();
            let taken = C::take_early(early, &mut |bytes| held.bytes.extend(bytes));
            held.early += held.bytes.len() - before;
            taken.map_or_else(Step::Failed, |()| Step::Again)
        }
    }
}

fn take_plaintext<D>(mut traffic: ReadTraffic<'_, '_, D>, mut take: impl FnMut(&[u8])) -> Step {
    while let Some(record) = traffic.next_record() {
        match record {
            Ok(record) => take(record.payload),
            Err(error) => return Step::Failed(error),
        }
    }
    Step::Took
}

fn encode<D>(mut data: EncodeTlsData<'_, D>, output: &mut Buffer) {
    let mut room = 0;
    loop {
        match data.encode(output.reserve(room)) {
            Ok(count) => {
                output.filled(count);
                return;
            }
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => room = required_size,
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}
