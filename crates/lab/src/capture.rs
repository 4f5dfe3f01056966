//! Captures in pcapng, as Wireshark reads them (draft-ietf-opsawg-pcapng). Written by [`super::world`].

use edgeway_base::Instant;

const LINK_ETHERNET: u16 = 1;

/// A capture in the making: one interface per link.
#[derive(Clone, Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    interfaces: u32,
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

impl Capture {
    /// An empty capture.
    pub fn new() -> Self {
        let mut capture = Self { bytes: Vec::new(), interfaces: 0 };
        // Section header: byte order magic, version 1.0, length unknown.
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes());
        put_option(&mut body, 4, b"edgeway lab");
        put_option(&mut body, 0, b"");
        capture.block(0x0a0d_0d0a, &body);
        capture
    }

    /// Adds a point of capture; returns its number.
    pub fn add_interface(&mut self, name: &str) -> u32 {
        let mut body = Vec::new();
        body.extend(LINK_ETHERNET.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(0_u32.to_le_bytes());
        put_option(&mut body, 2, name.as_bytes());
        // if_tsresol 9: nanoseconds.
        put_option(&mut body, 9, &[9]);
        put_option(&mut body, 0, b"");
        self.block(1, &body);
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// Adds a frame, of which at most `most` bytes are kept.
    pub fn add(&mut self, interface: u32, at: Instant, pieces: (&[u8], &[u8]), most: usize) {
        let length = (pieces.0.len() + pieces.1.len()) as u32;
        let time = at.as_nanos();
        let mut body = Vec::with_capacity(length as usize + 24);
        body.extend(interface.to_le_bytes());
        body.extend(((time >> 32) as u32).to_le_bytes());
        body.extend((time as u32).to_le_bytes());
        let kept = (length as usize).min(most);
        body.extend((kept as u32).to_le_bytes());
        body.extend(length.to_le_bytes());
        let first = &pieces.0[..pieces.0.len().min(kept)];
        body.extend(first);
        body.extend(&pieces.1[..kept - first.len()]);
        pad(&mut body);
        self.block(6, &body);
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = body.len() as u32 + 12;
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.extend(length.to_le_bytes());
    }
}

fn put_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    while !body.len().is_multiple_of(4) {
        body.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_words_and_say_their_length_twice() {
        let mut capture = Capture::new();
        let interface = capture.add_interface("a - b");
        capture.add(interface, Instant::from_nanos(1 << 40), (b"head", b"odd"), usize::MAX);
        let mut rest = capture.bytes();
        let mut kinds = Vec::new();
        while let Some((head, _)) = rest.split_at_checked(8) {
            let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
            let length = number(&head[4..]) as usize;
            assert_eq!((length % 4, number(&rest[length - 4..length]) as usize), (0, length));
            kinds.push(number(&head[..4]));
            rest = &rest[length..];
        }
        assert_eq!((kinds, rest.len()), (vec![0x0a0d_0d0a, 1, 6], 0));
    }
}
