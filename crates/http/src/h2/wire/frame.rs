//! Frame payloads (RFC 9113 §6, RFC 9218 §7.1): total, without state. Read and written by the machine, the tracer and
//! the fuzzer. Errors that need no knowledge of the connection are found here.

use super::frame_head::{FrameHead, FrameKind, StreamId, flags};
use super::settings::Setting;
use crate::h2::error::{Error, ErrorCode};

/// What is wrong with one frame, taken alone.
pub type FrameFault = Error;

/// A frame, its padding taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// §6.1
    Data {
        /// Its stream.
        stream: StreamId,
        /// Content.
        data: &'a [u8],
        /// The sender's last on the stream.
        ends: bool,
    },
    /// §6.2
    Headers {
        /// Its stream.
        stream: StreamId,
        /// An old priority, when there is one.
        priority: Option<OldPriority>,
        /// The beginning of a field block, or all of it.
        block: &'a [u8],
        /// The sender's last on the stream.
        ends: bool,
        /// The block is whole.
        ends_block: bool,
    },
    /// §6.3
    Priority {
        /// Its stream.
        stream: StreamId,
        /// What it says.
        priority: OldPriority,
    },
    /// §6.4
    ResetStream {
        /// Its stream.
        stream: StreamId,
        /// Why.
        code: ErrorCode,
    },
    /// §6.5
    Settings {
        /// Parameters, six bytes each: [`settings`] reads them.
        payload: &'a [u8],
    },
    /// §6.5: parameters applied.
    SettingsAck,
    /// §6.6
    PushPromise {
        /// The stream whose request it goes with.
        stream: StreamId,
        /// The stream promised.
        promised: StreamId,
        /// The beginning of a field block, or all of it.
        block: &'a [u8],
        /// The block is whole.
        ends_block: bool,
    },
    /// §6.7
    Ping {
        /// To be sent back.
        payload: [u8; 8],
        /// It was sent back.
        is_ack: bool,
    },
    /// §6.8
    GoAway {
        /// The last stream that was or may be processed.
        last: StreamId,
        /// Why.
        code: ErrorCode,
        /// For people.
        debug: &'a [u8],
    },
    /// §6.9
    WindowUpdate {
        /// Its stream, or the connection.
        stream: StreamId,
        /// Bytes, 1 to 2^31-1; zero is the machine's to refuse, for what it costs depends on the stream.
        increment: u32,
    },
    /// §6.10
    Continuation {
        /// Its stream.
        stream: StreamId,
        /// More of a field block.
        block: &'a [u8],
        /// The block is whole.
        ends_block: bool,
    },
    /// RFC 9218 §7.1
    PriorityUpdate {
        /// The stream that is ranked.
        prioritized: StreamId,
        /// A Priority field value.
        value: &'a [u8],
    },
    /// §5.5: ignored.
    Unknown {
        /// Its type.
        kind: u8,
        /// Its flags.
        flags: u8,
        /// Its stream.
        stream: StreamId,
        /// What it carries.
        payload: &'a [u8],
    },
}

/// A priority in the manner of RFC 7540 §5.3 (RFC 9113 §5.3.2 keeps only its place on the wire).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OldPriority {
    /// The stream it depends on.
    pub dependency: StreamId,
    /// Whether it comes between that stream and all others that depend on it.
    pub exclusive: bool,
    /// 1 to 256.
    pub weight: u16,
}

impl OldPriority {
    const LENGTH: usize = 5;

    const fn decode(bytes: [u8; Self::LENGTH]) -> Self {
        let [a, b, c, d, weight] = bytes;
        Self {
            dependency: StreamId::new(u32::from_be_bytes([a, b, c, d])),
            exclusive: a & 0x80 != 0,
            weight: weight as u16 + 1,
        }
    }

    fn encode(self) -> [u8; Self::LENGTH] {
        let [a, b, c, d] = self.dependency.get().to_be_bytes();
        [a | u8::from(self.exclusive) << 7, b, c, d, (self.weight - 1) as u8]
    }
}

impl<'a> Frame<'a> {
    /// Reads the payload of `head`, which must be whole.
    pub fn decode(head: FrameHead, payload: &'a [u8]) -> Result<Self, FrameFault> {
        check_stream(head)?;
        let stream = head.stream;
        Ok(match head.kind {
            FrameKind::Data => Self::Data { stream, data: unpad(head, payload)?, ends: head.has(flags::END_STREAM) },
            FrameKind::Headers => decode_headers(head, payload)?,
            FrameKind::Priority => {
                // RFC 9113 §6.3: another length is a stream error.
                let fault = Error::stream(stream, ErrorCode::FRAME_SIZE_ERROR, "PRIORITY of other than 5 bytes");
                Self::Priority { stream, priority: OldPriority::decode(payload.try_into().map_err(|_| fault)?) }
            }
            FrameKind::ResetStream => {
                Self::ResetStream { stream, code: ErrorCode(number(payload, "RST_STREAM of other than 4 bytes")?) }
            }
            FrameKind::Settings => decode_settings(head, payload)?,
            FrameKind::PushPromise => {
                let (promised, block) = split_number(unpad(head, payload)?, "PUSH_PROMISE without a stream")?;
                let ends_block = head.has(flags::END_HEADERS);
                Self::PushPromise { stream, promised: StreamId::new(promised), block, ends_block }
            }
            FrameKind::Ping => {
                let payload = payload.try_into().map_err(|_| size_fault("PING of other than 8 bytes"))?;
                Self::Ping { payload, is_ack: head.has(flags::ACK) }
            }
            FrameKind::GoAway => {
                let (last, rest) = split_number(payload, "GOAWAY of less than 8 bytes")?;
                let (code, debug) = split_number(rest, "GOAWAY of less than 8 bytes")?;
                Self::GoAway { last: StreamId::new(last), code: ErrorCode(code), debug }
            }
            FrameKind::WindowUpdate => {
                let increment = number(payload, "WINDOW_UPDATE of other than 4 bytes")? & 0x7fff_ffff;
                Self::WindowUpdate { stream, increment }
            }
            FrameKind::Continuation => {
                Self::Continuation { stream, block: payload, ends_block: head.has(flags::END_HEADERS) }
            }
            FrameKind::PriorityUpdate => {
                let (prioritized, value) = split_number(payload, "PRIORITY_UPDATE without a stream")?;
                Self::PriorityUpdate { prioritized: StreamId::new(prioritized), value }
            }
            FrameKind::Unknown(kind) => Self::Unknown { kind, flags: head.flags, stream, payload },
        })
    }

    /// Appends the frame, without padding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Data { stream, data, ends } => {
                put(out, FrameKind::Data, flag(ends, flags::END_STREAM), stream, &[data]);
            }
            Self::Headers { stream, priority, block, ends, ends_block } => {
                let bits = flag(ends, flags::END_STREAM) | flag(ends_block, flags::END_HEADERS);
                match priority {
                    None => put(out, FrameKind::Headers, bits, stream, &[block]),
                    Some(old) => put(out, FrameKind::Headers, bits | flags::PRIORITY, stream, &[&old.encode(), block]),
                }
            }
            Self::Priority { stream, priority } => put(out, FrameKind::Priority, 0, stream, &[&priority.encode()]),
            Self::ResetStream { stream, code } => {
                put(out, FrameKind::ResetStream, 0, stream, &[&code.0.to_be_bytes()]);
            }
            Self::Settings { payload } => put(out, FrameKind::Settings, 0, StreamId::CONNECTION, &[payload]),
            Self::SettingsAck => put(out, FrameKind::Settings, flags::ACK, StreamId::CONNECTION, &[]),
            Self::PushPromise { stream, promised, block, ends_block } => {
                let bits = flag(ends_block, flags::END_HEADERS);
                put(out, FrameKind::PushPromise, bits, stream, &[&promised.get().to_be_bytes(), block]);
            }
            Self::Ping { payload, is_ack } => {
                put(out, FrameKind::Ping, flag(is_ack, flags::ACK), StreamId::CONNECTION, &[&payload]);
            }
            Self::GoAway { last, code, debug } => {
                let (last, code) = (last.get().to_be_bytes(), code.0.to_be_bytes());
                put(out, FrameKind::GoAway, 0, StreamId::CONNECTION, &[&last, &code, debug]);
            }
            Self::WindowUpdate { stream, increment } => {
                put(out, FrameKind::WindowUpdate, 0, stream, &[&increment.to_be_bytes()]);
            }
            Self::Continuation { stream, block, ends_block } => {
                put(out, FrameKind::Continuation, flag(ends_block, flags::END_HEADERS), stream, &[block]);
            }
            Self::PriorityUpdate { prioritized, value } => {
                let prioritized = prioritized.get().to_be_bytes();
                put(out, FrameKind::PriorityUpdate, 0, StreamId::CONNECTION, &[&prioritized, value]);
            }
            Self::Unknown { kind, flags, stream, payload } => {
                put(out, FrameKind::Unknown(kind), flags, stream, &[payload]);
            }
        }
    }
}

/// The parameters of a SETTINGS payload; each is judged as it is read.
pub fn settings(payload: &[u8]) -> impl Iterator<Item = Result<Setting, crate::h2::ConnectionError>> {
    payload.as_chunks::<{ Setting::LENGTH }>().0.iter().map(|bytes| Setting::decode(*bytes))
}

/// Takes padding off a DATA, HEADERS or PUSH_PROMISE payload.
pub fn unpad(head: FrameHead, payload: &[u8]) -> Result<&[u8], FrameFault> {
    if !head.has(flags::PADDED) {
        return Ok(payload);
    }
    let (padding, rest) = payload.split_first().ok_or_else(|| size_fault("padded frame without a pad length"))?;
    // RFC 9113 §6.1: padding as long as the payload or longer is a connection error.
    let length = rest.len().checked_sub(usize::from(*padding));
    let fault = || Error::connection(ErrorCode::PROTOCOL_ERROR, "more padding than payload");
    Ok(&rest[..length.ok_or_else(fault)?])
}

/// RFC 9113 §6: which frames belong to a stream and which to the connection.
fn check_stream(head: FrameHead) -> Result<(), FrameFault> {
    let fault = |reason| Err(Error::connection(ErrorCode::PROTOCOL_ERROR, reason));
    match head.kind {
        FrameKind::Data
        | FrameKind::Headers
        | FrameKind::Priority
        | FrameKind::ResetStream
        | FrameKind::PushPromise
        | FrameKind::Continuation
            if head.stream.is_connection() =>
        {
            fault("a frame of a stream on stream 0")
        }
        FrameKind::Settings | FrameKind::Ping | FrameKind::GoAway | FrameKind::PriorityUpdate
            if !head.stream.is_connection() =>
        {
            fault("a frame of the connection on a stream")
        }
        _ => Ok(()),
    }
}

fn decode_headers(head: FrameHead, payload: &[u8]) -> Result<Frame<'_>, FrameFault> {
    let mut block = unpad(head, payload)?;
    let mut priority = None;
    if head.has(flags::PRIORITY) {
        let (old, rest) = block.split_first_chunk().ok_or_else(|| size_fault("HEADERS too short for its priority"))?;
        (priority, block) = (Some(OldPriority::decode(*old)), rest);
    }
    let (ends, ends_block) = (head.has(flags::END_STREAM), head.has(flags::END_HEADERS));
    Ok(Frame::Headers { stream: head.stream, priority, block, ends, ends_block })
}

fn decode_settings(head: FrameHead, payload: &[u8]) -> Result<Frame<'_>, FrameFault> {
    match head.has(flags::ACK) {
        true if payload.is_empty() => Ok(Frame::SettingsAck),
        true => Err(size_fault("SETTINGS acknowledgement with a payload")),
        false if payload.len().is_multiple_of(Setting::LENGTH) => Ok(Frame::Settings { payload }),
        false => Err(size_fault("SETTINGS of no multiple of 6 bytes")),
    }
}

fn split_number<'a>(payload: &'a [u8], reason: &'static str) -> Result<(u32, &'a [u8]), FrameFault> {
    let (number, rest) = payload.split_first_chunk().ok_or_else(|| size_fault(reason))?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn number(payload: &[u8], reason: &'static str) -> Result<u32, FrameFault> {
    payload.try_into().map(u32::from_be_bytes).map_err(|_| size_fault(reason))
}

/// RFC 9113 §4.2: a wrong size in a frame that could alter the whole connection is a connection error.
const fn size_fault(reason: &'static str) -> FrameFault {
    Error::connection(ErrorCode::FRAME_SIZE_ERROR, reason)
}

const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

fn put(out: &mut Vec<u8>, kind: FrameKind, flags: u8, stream: StreamId, parts: &[&[u8]]) {
    let length = parts.iter().map(|part| part.len() as u32).sum();
    out.extend_from_slice(&FrameHead { length, kind, flags, stream }.encode());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_comes_back() {
        let stream = StreamId::new(5);
        let old = OldPriority { dependency: StreamId::new(3), exclusive: true, weight: 256 };
        for frame in [
            Frame::Data { stream, data: b"abc", ends: true },
            Frame::Headers { stream, priority: None, block: b"x", ends: false, ends_block: true },
            Frame::Headers { stream, priority: Some(old), block: b"x", ends: true, ends_block: false },
            Frame::Priority { stream, priority: old },
            Frame::ResetStream { stream, code: ErrorCode::CANCEL },
            Frame::Settings { payload: &[0, 4, 0, 0, 0, 9] },
            Frame::SettingsAck,
            Frame::PushPromise { stream, promised: StreamId::new(2), block: b"y", ends_block: true },
            Frame::Ping { payload: *b"12345678", is_ack: true },
            Frame::GoAway { last: StreamId::MAX, code: ErrorCode::NO_ERROR, debug: b"bye" },
            Frame::WindowUpdate { stream: StreamId::CONNECTION, increment: 1 },
            Frame::Continuation { stream, block: b"z", ends_block: true },
            Frame::PriorityUpdate { prioritized: stream, value: b"u=1" },
            Frame::Unknown { kind: 0xfa, flags: 0xff, stream, payload: b"?" },
        ] {
            let mut out = Vec::new();
            frame.encode(&mut out);
            let head = FrameHead::decode(out.first_chunk().unwrap());
            assert_eq!(head.length as usize, out.len() - FrameHead::LENGTH);
            assert_eq!(Frame::decode(head, &out[FrameHead::LENGTH..]), Ok(frame));
        }
    }

    #[test]
    fn hostile_039_padding_longer_than_the_payload() {
        for (payload, expected) in [
            (&[2, b'a', 0, 0][..], Ok(&b"a"[..])),
            (&[3, 0, 0, 0], Ok(b"")),
            (&[0], Ok(b"")),
            (&[4, 0, 0, 0], Err(ErrorCode::PROTOCOL_ERROR)),
            (&[255], Err(ErrorCode::PROTOCOL_ERROR)),
            (&[], Err(ErrorCode::FRAME_SIZE_ERROR)),
        ] {
            let length = payload.len() as u32;
            let head = FrameHead { length, kind: FrameKind::Data, flags: flags::PADDED, stream: StreamId::new(1) };
            let found = unpad(head, payload).map_err(|error| match error {
                Error::Connection(error) => error.code,
                Error::Stream(error) => error.code,
            });
            assert_eq!(found, expected, "{payload:?}");
        }
    }
}
