//! Frame headers and masking (RFC 6455 §5.2 and §5.3). Called by the machine's reader and writer.

use super::CloseCode;

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Opcode {
    /// More of the message before.
    Continuation,
    /// Text in UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// Are you there?
    Ping,
    /// I am.
    Pong,
}

impl Opcode {
    /// Control frames may stand between the frames of a message (RFC 6455 §5.5).
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }
}

/// Bytes a control frame may carry (RFC 6455 §5.5).
pub(crate) const CONTROL_LENGTH_MAX: usize = 125;

/// The header of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHeader {
    /// Whether the message ends with this frame.
    pub is_final: bool,
    /// Whether the message that begins here is compressed (RFC 7692 §6): the first reserved bit.
    pub is_compressed: bool,
    /// What it carries.
    pub opcode: Opcode,
    /// The masking key, in frames of a client.
    pub mask: Option<[u8; 4]>,
    /// Bytes of content that follow.
    pub length: u64,
}

impl FrameHeader {
    /// Reads a header from the start of `bytes`; answers it and its own length, or `None` when `bytes` ends before
    /// it does.
    ///
    /// # Errors
    /// Reserved bits, unknown opcodes, lengths not in their shortest form or beyond 2^63, control frames that are
    /// long or in parts (RFC 6455 §5.2 and §5.5): fail with [`CloseCode::PROTOCOL_ERROR`].
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, CloseCode> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let is_final = first & 0x80 != 0;
        let opcode = Opcode::from_number(first & 0x0f).filter(|_| first & 0x30 == 0);
        let opcode = opcode.ok_or(CloseCode::PROTOCOL_ERROR)?;
        let is_compressed = first & 0x40 != 0;
        let short = second & 0x7f;
        // RFC 7692 §6.1: only the first frame of a data message carries the bit.
        if is_compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        if opcode.is_control() && (!is_final || usize::from(short) > CONTROL_LENGTH_MAX) {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        let Some((length, rest)) = decode_length(short, rest)? else { return Ok(None) };
        let (mask, rest) = match (second & 0x80 != 0, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((mask, rest))) => (Some(*mask), rest),
            (true, None) => return Ok(None),
        };
        Ok(Some((Self { is_final, is_compressed, opcode, mask, length }, bytes.len() - rest.len())))
    }

    /// Writes the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_final) << 7 | u8::from(self.is_compressed) << 6 | self.opcode.number());
        let masked = u8::from(self.mask.is_some()) << 7;
        match self.length {
            length @ 0..=125 => out.push(masked | length as u8),
            length @ 126..=0xffff => {
                out.push(masked | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(masked | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        out.extend_from_slice(self.mask.as_ref().map_or(&[], |mask| &mask[..]));
    }
}

/// The length and what follows it. RFC 6455 §5.2: the shortest form must be used, the highest bit must be zero.
fn decode_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, CloseCode> {
    let (length, least, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), 0x1_0000, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, rest),
    };
    if length < least || length > i64::MAX as u64 { Err(CloseCode::PROTOCOL_ERROR) } else { Ok(Some((length, rest))) }
}

/// Masks or unmasks `bytes` (the same thing), which begin `offset` bytes into the frame's content.
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut turned = mask;
    turned.rotate_left((offset % 4) as usize);
    let word = u64::from_ne_bytes([turned, turned].concat().try_into().unwrap_or_default());
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        if let Some(chunk) = chunk.first_chunk_mut::<8>() {
            *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
        }
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(turned.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_wire() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, i64::MAX as u64] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = FrameHeader {
                    is_final: length % 2 == 0,
                    is_compressed: length % 3 == 0,
                    opcode: Opcode::Binary,
                    mask,
                    length,
                };
                let mut bytes = Vec::new();
                header.encode(&mut bytes);
                assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, bytes.len()))));
                for part in 0..bytes.len() {
                    assert_eq!(FrameHeader::decode(&bytes[..part]), Ok(None));
                }
            }
        }
    }

    #[test]
    fn hostile_064_wrong_headers() {
        for (wrong, why) in [
            (&[0xc0, 0x00][..], "compressed continuation"),
            (&[0xc9, 0x00], "compressed ping"),
            (&[0xa1, 0x00], "reserved bit 2"),
            (&[0x91, 0x00], "reserved bit 3"),
            (&[0x83, 0x00], "opcode 3"),
            (&[0x87, 0x00], "opcode 7"),
            (&[0x8b, 0x00], "opcode 11"),
            (&[0x8f, 0x00], "opcode 15"),
            (&[0x09, 0x00], "fragmented ping"),
            (&[0x08, 0x00], "fragmented close"),
            (&[0x89, 126, 0, 126], "long ping"),
            (&[0x82, 126, 0, 125], "length not in its shortest form"),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], "length not in its shortest form"),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], "length beyond 2^63"),
        ] {
            assert_eq!(FrameHeader::decode(wrong), Err(CloseCode::PROTOCOL_ERROR), "{why}");
        }
    }

    #[test]
    fn masking_twice_is_nothing_and_parts_fit_together() {
        let plain: Vec<u8> = (0..100).collect();
        let mut whole = plain.clone();
        apply_mask(&mut whole, [9, 8, 7, 6], 0);
        assert_eq!((whole[0], whole[5], whole[97]), (9, 5 ^ 8, 97 ^ 8));
        for cut in 0..100 {
            let mut parts = plain.clone();
            let (head, tail) = parts.split_at_mut(cut);
            apply_mask(head, [9, 8, 7, 6], 0);
            apply_mask(tail, [9, 8, 7, 6], cut as u64);
            assert_eq!(parts, whole);
        }
    }
}
