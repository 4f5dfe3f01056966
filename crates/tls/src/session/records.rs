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
    /// Takes 0-RTT data; the number of bytes.
    fn take_early(data: ReadEarlyData<'_, '_, Self::Data>, into: &mut BytesMut) -> Result<usize, rustls::Error>;
}

impl Records for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_messages(&self) -> bool {
        self.wants_write()
    }

    fn take_early(mut data: ReadEarlyData<'_, '_, Self::Data>, into: &mut BytesMut) -> Result<usize, rustls::Error> {
        let before = into.len();
        while let Some(record) = data.next_record() {
            into.extend_from_slice(record?.payload);
        }
        Ok(into.len() - before)
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

    fn take_early(_: ReadEarlyData<'_, '_, Self::Data>, _: &mut BytesMut) -> Result<usize, rustls::Error> {
        // RFC 8446 §2.3: early data flows from client to server only; rustls gives a client none.
        Ok(0)
    }
}

/// The parts of a session that the loop works on.
pub(super) struct Pump<'a> {
    pub(super) input: &'a mut Buffer,
    pub(super) output: &'a mut Buffer,
    pub(super) seen: &'a mut usize,
    pub(super) flags: &'a mut Flags,
}

/// Why the loop stopped.
pub(super) enum Stopped {
    /// Nothing more to do with the input there is.
    Quiet,
    /// As much plaintext as was wanted, or plaintext that nobody wanted yet.
    Enough,
    /// The session is over.
    Failed(rustls::Error),
}

impl Pump<'_> {
    /// Processes all input, until `sink` has its fill.
    pub(super) fn run<C: Records>(&mut self, connection: &mut C, mut sink: Option<(&mut BytesMut, usize)>) -> Stopped {
        let wanted = sink.as_ref().map_or(0, |(into, at_most)| into.len() + at_most);
        if sink.is_some() {
            self.flags.early = false;
        }
        loop {
            if sink.as_ref().is_some_and(|(into, _)| into.len() >= wanted) {
                return Stopped::Enough;
            }
            let UnbufferedStatus { discard, state } = connection.process(self.input.bytes_mut());
            let step = match state {
                Err(error) => {
                    self.input.consume(discard);
                    self.flush_alerts(connection);
                    return Stopped::Failed(error);
                }
                Ok(state) => step::<C>(state, &mut sink, self.output, self.flags),
            };
            self.input.consume(discard);
            match step {
                Step::Again => {}
                Step::Took => *self.seen = 0,
                Step::Quiet => {
                    *self.seen = self.input.len();
                    return Stopped::Quiet;
                }
                Step::Enough => {
                    // Records behind this one have not been looked at; everything before it is used up, for no other
                    // record may stand inside a fragmented message (RFC 8446 §5.1).
                    *self.seen = 0;
                    return Stopped::Enough;
                }
                Step::Failed(error) => return Stopped::Failed(error),
            }
        }
    }

    /// Carries out `order` if the connection can take application data now. Shows rustls only what it has
    /// seen before: it would stop at plaintext that nobody has read.
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
                Ok(state) => step::<C>(state, &mut None, self.output, self.flags),
            };
            self.consume_seen(discard);
            match step {
                Step::Again | Step::Took => {}
                Step::Quiet | Step::Enough => return Ok(None),
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
    sink: &mut Option<(&mut BytesMut, usize)>,
    output: &mut Buffer,
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
        ConnectionState::ReadTraffic(traffic) => {
            let Some((into, _)) = sink else {
                flags.plaintext_waits = true;
                return Step::Enough;
            };
            flags.plaintext_waits = false;
            take_plaintext(traffic, into)
        }
        ConnectionState::ReadEarlyData(early) => {
            let Some((into, _)) = sink else {
                flags.plaintext_waits = true;
                return Step::Enough;
            };
            flags.plaintext_waits = false;
            match C::take_early(early, into) {
                // Alone in its answer, so that it is never taken for what came after the handshake.
                Ok(count) if count > 0 => {
                    flags.early = true;
                    Step::Enough
                }
                Ok(_) => Step::Again,
                Err(error) => Step::Failed(error),
            }
        }
        ConnectionState::PeerClosed => {
            flags.peer_closed = true;
            Step::Again
        }
        // Closed, BlockedHandshake, WriteTraffic, and what a later rustls may add.
        _ => Step::Quiet,
    }
}

fn take_plaintext<D>(mut traffic: ReadTraffic<'_, '_, D>, into: &mut BytesMut) -> Step {
    while let Some(record) = traffic.next_record() {
        match record {
            Ok(record) => into.extend_from_slice(record.payload),
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
