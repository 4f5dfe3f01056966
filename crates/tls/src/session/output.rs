//! Plaintext out: chunks into records of up to 16 KB, encrypted one behind the other into one
//! buffer. Called by the drivers through [`Session`].

use std::io::IoSlice;

use rustls::unbuffered::{EncryptError, InsufficientSizeError, WriteTraffic};

use super::buffer::Buffer;
use super::records::Pump;
use super::{Session, Stage};
use crate::error::SessionError;
use crate::limits::{OUTPUT_BYTES_MAX, RECORD_CONTENT_BYTES_MAX, RECORD_OVERHEAD_BYTES};

/// What is to be written once rustls can write.
#[derive(Clone, Copy)]
pub(super) enum Order<'a> {
    /// As much of these as `room` bytes.
    Chunks { chunks: &'a [IoSlice<'a>], room: usize },
    /// `close_notify`.
    Close,
}

impl Session {
    /// Encrypts as much of `chunks`, taken one after the other, as the bound on unsent bytes
    /// ([`OUTPUT_BYTES_MAX`]) lets it; gives the number of bytes taken. Zero during a handshake and
    /// with a full output.
    ///
    /// Chunks share records: a head and its body of 1 KB become one record.
    ///
    /// # Errors
    /// The session is over, or its keys are used up.
    pub fn write_plaintext(&mut self, chunks: &[IoSlice<'_>]) -> Result<usize, SessionError> {
        self.check()?;
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.output.len());
        if room == 0 || self.flags.closed {
            return Ok(0);
        }
        self.carry_out(Order::Chunks { chunks, room })
    }

    /// Ciphertext to send, in one piece.
    pub fn output(&self) -> &[u8] {
        self.output.bytes()
    }

    /// `count` bytes of [`Self::output`] were sent.
    pub fn consume_output(&mut self, count: usize) {
        self.output.consume(count);
    }

    /// Bytes of plaintext that [`Self::write_plaintext`] would take at most now. During a handshake it may
    /// take none yet; a server that was sent 0-RTT data may answer it before the handshake is over.
    pub fn output_room(&self) -> usize {
        if self.flags.closed || self.failure.is_some() || self.common().is_none() {
            return 0;
        }
        OUTPUT_BYTES_MAX.saturating_sub(self.output.len())
    }

    /// Says `close_notify`: the peer may then know that it received everything (RFC 8446 §6.1).
    /// Nothing more can be written. Does nothing before the handshake's end or after a failure.
    pub fn close_notify(&mut self) {
        if !self.flags.closed && self.failure.is_none() && !self.is_handshaking() {
            // A failure shows itself at the next call; there is nothing to add to it here.
            let _ = self.carry_out(Order::Close);
            self.flags.closed = true;
        }
    }

    fn carry_out(&mut self, order: Order<'_>) -> Result<usize, SessionError> {
        let mut pump = Pump {
            input: &mut self.input,
            output: &mut self.output,
            held: &mut self.held,
            seen: &mut self.seen,
            flags: &mut self.flags,
        };
        let (result, server) = match &mut self.stage {
            Stage::Server(connection) => (pump.write(&mut **connection, order), true),
            Stage::Client(connection) => (pump.write(&mut **connection, order), false),
            Stage::Hello(_) | Stage::Waiting { .. } | Stage::Failed => return Ok(0),
        };
        match result {
            Ok(Some(Ok(taken))) => Ok(taken),
            Ok(None) => Ok(0),
            Ok(Some(Err(_))) => self.fail(SessionError::KeysExhausted).map(|()| 0),
            Err(error) => self.fail(SessionError::Tls { error, server }).map(|()| 0),
        }
    }
}

/// Writes what was ordered; the number of bytes of plaintext taken.
pub(super) fn carry_out<D>(
    order: Order<'_>,
    mut traffic: WriteTraffic<'_, D>,
    output: &mut Buffer,
) -> Result<usize, EncryptError> {
    match order {
        Order::Chunks { chunks, room } => encrypt_chunks(&mut traffic, chunks, room, output),
        Order::Close => fit(output, RECORD_OVERHEAD_BYTES, |into| traffic.queue_close_notify(into)).map(|()| 0),
    }
}

fn encrypt_chunks<D>(
    traffic: &mut WriteTraffic<'_, D>,
    chunks: &[IoSlice<'_>],
    room: usize,
    output: &mut Buffer,
) -> Result<usize, EncryptError> {
    let mut rest = Rest { chunks, offset: 0, room };
    let mut staged = Buffer::default();
    let mut taken = 0;
    loop {
        let whole = rest.take_whole_records();
        if !whole.is_empty() {
            encrypt(traffic, whole, output)?;
            taken += whole.len();
        } else if rest.stage(&mut staged) {
            encrypt(traffic, staged.bytes(), output)?;
            taken += staged.len();
            staged.consume(staged.len());
        } else {
            return Ok(taken);
        }
    }
}

/// What is still to be written.
struct Rest<'a> {
    chunks: &'a [IoSlice<'a>],
    /// Bytes of the first chunk that are gone.
    offset: usize,
    /// Bytes that may still be taken.
    room: usize,
}

impl<'a> Rest<'a> {
    /// The part of the first chunk that makes records without its neighbours: all of it if it is the last, else as
    /// many whole records as it has.
    fn take_whole_records(&mut self) -> &'a [u8] {
        self.skip_empty();
        let Some((first, others)) = self.chunks.split_first() else { return &[] };
        let bytes = &first[self.offset..];
        let mut length = bytes.len().min(self.room);
        let ends_here = length == self.room || others.iter().all(|chunk| chunk.is_empty());
        if !ends_here {
            length -= length % RECORD_CONTENT_BYTES_MAX;
        }
        self.offset += length;
        self.room -= length;
        &bytes[..length]
    }

    /// Copies one record's worth from several chunks; `false` when nothing is left.
    fn stage(&mut self, into: &mut Buffer) -> bool {
        loop {
            self.skip_empty();
            let wanted = (RECORD_CONTENT_BYTES_MAX - into.len()).min(self.room);
            let Some(first) = self.chunks.first().filter(|_| wanted > 0) else { return !into.is_empty() };
            let bytes = &first[self.offset..];
            let length = bytes.len().min(wanted);
            into.extend(&bytes[..length]);
            self.offset += length;
            self.room -= length;
        }
    }

    fn skip_empty(&mut self) {
        while let Some((first, others)) = self.chunks.split_first()
            && first.len() == self.offset
        {
            (self.chunks, self.offset) = (others, 0);
        }
    }
}

fn encrypt<D>(traffic: &mut WriteTraffic<'_, D>, bytes: &[u8], output: &mut Buffer) -> Result<(), EncryptError> {
    let records = bytes.len().div_ceil(RECORD_CONTENT_BYTES_MAX);
    fit(output, bytes.len() + records * RECORD_OVERHEAD_BYTES, |into| traffic.encrypt(bytes, into))
}

/// Lets `write` fill the space behind `output`, with more of it if it asks for more: messages of rustls's
/// own may stand before ours.
fn fit(
    output: &mut Buffer,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), EncryptError> {
    loop {
        match write(output.reserve(room)) {
            Ok(count) => {
                output.filled(count);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => room = required_size,
            Err(error @ EncryptError::EncryptExhausted) => return Err(error),
        }
    }
}
