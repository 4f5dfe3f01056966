//! Puts frames together to messages (RFC 6455 §5.4 and §6.2): owns what was read and the message under way. Text is
//! checked as it comes, so that it fails at its first wrong byte (RFC 6455 §8.1).

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::websocket::EMPTY_FRAMES_MAX;
use crate::websocket::deflate::MessageInflater;
use crate::websocket::wire::{CloseCode, FrameHeader, Opcode, apply_mask};

/// What came, whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A text message; it is UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A control frame.
    Control(Opcode, Bytes),
}

/// The reader of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: BytesMut,
    /// Whether the peer must mask its frames, as clients must and servers must not (RFC 6455 §5.1).
    peer_masks: bool,
    message_bytes_max: usize,
    frame: Option<Frame>,
    message: BytesMut,
    message_is_text: Option<bool>,
    message_is_compressed: bool,
    /// Whether compressed messages were agreed on, and what reads them once one came.
    takes_compressed: bool,
    inflater: Option<MessageInflater>,
    /// How much of `message` is known to be UTF-8.
    checked: usize,
    empty_frames: u32,
}

/// A data frame whose content is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_final: bool,
    mask: Option<[u8; 4]>,
    read: u64,
    left: u64,
}

impl Reader {
    pub(crate) fn new(peer_masks: bool, takes_compressed: bool, message_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            peer_masks,
            message_bytes_max,
            frame: None,
            message: BytesMut::new(),
            message_is_text: None,
            message_is_compressed: false,
            takes_compressed,
            inflater: None,
            checked: 0,
            empty_frames: 0,
        }
    }

    pub(crate) fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next message or control frame, when it is whole. `Err` says with which code to fail.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, CloseCode> {
        loop {
            if let Some(frame) = self.frame {
                match self.read_content(frame)? {
                    Some(incoming) => return Ok(Some(incoming)),
                    None if self.frame.is_some() => return Ok(None),
                    None => continue,
                }
            }
            let Some((header, length)) = FrameHeader::decode(&self.buffer)? else { return Ok(None) };
            if header.mask.is_some() != self.peer_masks {
                return Err(CloseCode::PROTOCOL_ERROR);
            }
            if header.opcode.is_control() {
                return Ok(self.read_control(&header, length));
            }
            self.begin_frame(&header)?;
            self.buffer.advance(length);
        }
    }

    /// Control frames are short, so they are taken when they are whole.
    fn read_control(&mut self, header: &FrameHeader, length: usize) -> Option<Incoming> {
        let content = header.length as usize;
        if self.buffer.len() < length + content {
            return None;
        }
        self.buffer.advance(length);
        let mut content = self.buffer.split_to(content);
        if let Some(mask) = header.mask {
            apply_mask(&mut content, mask, 0);
        }
        Some(Incoming::Control(header.opcode, content.freeze()))
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<(), CloseCode> {
        match (header.opcode, self.message_is_text) {
            (Opcode::Continuation, Some(_)) => {}
            // RFC 6455 §5.2: the bit means nothing unless that was agreed on.
            (Opcode::Text | Opcode::Binary, None) if self.takes_compressed || !header.is_compressed => {
                self.message_is_text = Some(header.opcode == Opcode::Text);
                self.message_is_compressed = header.is_compressed;
            }
            // RFC 6455 §5.4: messages are not interleaved.
            _ => return Err(CloseCode::PROTOCOL_ERROR),
        }
        if header.length > (self.message_bytes_max - self.message.len()) as u64 {
            return Err(CloseCode::MESSAGE_TOO_BIG);
        }
        if header.length == 0 && !header.is_final {
            self.empty_frames += 1;
            if self.empty_frames > EMPTY_FRAMES_MAX {
                return Err(CloseCode::POLICY_VIOLATION);
            }
        }
        self.frame = Some(Frame { is_final: header.is_final, mask: header.mask, read: 0, left: header.length });
        Ok(())
    }

    /// Takes what there is of a data frame's content; the message, when it is whole with that.
    fn read_content(&mut self, frame: Frame) -> Result<Option<Incoming>, CloseCode> {
        let count = (frame.left as usize).min(self.buffer.len());
        let mut content = self.buffer.split_to(count);
        if let Some(mask) = frame.mask {
            apply_mask(&mut content, mask, frame.read);
        }
        // The parts of a frame lie side by side in the buffer, so most messages are joined without a copy.
        self.message.unsplit(content);
        let left = frame.left - count as u64;
        let message_ends = left == 0 && frame.is_final;
        self.check_text(message_ends)?;
        self.frame = (left > 0).then_some(Frame { read: frame.read + count as u64, left, ..frame });
        if message_ends { self.take_message().map(Some) } else { Ok(None) }
    }

    /// RFC 6455 §8.1: text that is not UTF-8 fails the connection; a character may be cut by a frame, but not by the
    /// end of the message.
    fn check_text(&mut self, message_ends: bool) -> Result<(), CloseCode> {
        if self.message_is_text != Some(true) || self.message_is_compressed {
            return Ok(());
        }
        match str::from_utf8(&self.message[self.checked..]) {
            Ok(_) => self.checked = self.message.len(),
            Err(error) if error.error_len().is_none() && !message_ends => self.checked += error.valid_up_to(),
            Err(_) => return Err(CloseCode::INVALID_PAYLOAD),
        }
        Ok(())
    }

    fn take_message(&mut self) -> Result<Incoming, CloseCode> {
        let mut message = std::mem::take(&mut self.message).freeze();
        let is_text = self.message_is_text.take() == Some(true);
        (self.checked, self.empty_frames) = (0, 0);
        if std::mem::take(&mut self.message_is_compressed) {
            let inflater = self.inflater.get_or_insert_with(MessageInflater::new);
            message = inflater.inflate(&message, self.message_bytes_max)?.into();
            if is_text && str::from_utf8(&message).is_err() {
                return Err(CloseCode::INVALID_PAYLOAD);
            }
        }
        Ok(if is_text { Incoming::Text(message) } else { Incoming::Binary(message) })
    }

    /// Throws away what was read and is being read.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
        self.message = BytesMut::new();
        self.frame = None;
    }

    /// Gives back the memory of an empty buffer.
    pub(crate) fn release_memory(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        self.inflater = None;
    }
}
