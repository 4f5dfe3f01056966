//! A packet on its way in or out: headers in a small fixed array, payload as a slice nobody copies. Made by
//! [`crate::host`] for the device and by the device for [`crate::host`]; the lab carries it unchanged.

use bytes::{Buf, Bytes};

/// Room for Ethernet, IPv6 and TCP headers with all options (14 + 40 + 60), and a little.
const HEAD_ROOM: usize = 128;

/// Headers, built from the back to the front.
#[derive(Clone)]
struct Head {
    bytes: [u8; HEAD_ROOM],
    start: u8,
}

/// A packet (on an IP device) or frame (on an Ethernet device).
///
/// Either whole in one buffer ([`Packet::from_bytes`]), or with its headers apart from its payload, as this
/// stack builds it. Devices that can write two buffers at once need not join them.
#[derive(Clone)]
pub struct Packet {
    head: Head,
    body: Bytes,
    /// What the device has done, or must do, about the checksum.
    pub checksum: ChecksumState,
    /// For a super-segment: payload bytes per segment on the wire. Zero: an ordinary packet.
    pub segment_size: u16,
}

/// Who looks after the transport checksum of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChecksumState {
    /// The field is filled in; a receiver must verify it.
    #[default]
    Complete,
    /// Going out: the device fills it in (virtio's NEEDS_CSUM). Coming in: the device vouches for it.
    Offloaded,
}

impl Packet {
    /// A packet as a device read it.
    pub const fn from_bytes(bytes: Bytes) -> Self {
        Self {
            head: Head { bytes: [0; HEAD_ROOM], start: HEAD_ROOM as u8 },
            body: bytes,
            checksum: ChecksumState::Complete,
            segment_size: 0,
        }
    }

    /// A payload to put headers in front of.
    pub const fn with_payload(payload: Bytes) -> Self {
        Self::from_bytes(payload)
    }

    /// Puts a header in front of everything so far.
    ///
    /// # Panics
    /// When more than 128 bytes of headers are put, which no combination of this house's headers reaches.
    pub(crate) fn prepend(&mut self, header: &[u8]) {
        let start = usize::from(self.head.start) - header.len();
        self.head.bytes[start..start + header.len()].copy_from_slice(header);
        self.head.start = start as u8;
    }

    /// The contiguous bytes at the front: the headers if they are apart, else everything.
    pub fn front(&self) -> &[u8] {
        match &self.head.bytes[usize::from(self.head.start)..] {
            [] => &self.body,
            head => head,
        }
    }

    /// The two pieces, for a device that can write both at once. The first may be empty.
    pub fn pieces(&self) -> (&[u8], &[u8]) {
        (&self.head.bytes[usize::from(self.head.start)..], &self.body)
    }

    /// Takes `count` bytes off the front; `false` when the front piece is shorter.
    pub(crate) fn strip(&mut self, count: usize) -> bool {
        let head = HEAD_ROOM - usize::from(self.head.start);
        if head > 0 {
            if count > head {
                return false;
            }
            self.head.start += count as u8;
        } else {
            if count > self.body.len() {
                return false;
            }
            self.body.advance(count);
        }
        true
    }

    /// Cuts everything behind `length` bytes (Ethernet padding).
    pub(crate) fn truncate(&mut self, length: usize) {
        let head = HEAD_ROOM - usize::from(self.head.start);
        self.body.truncate(length.saturating_sub(head));
    }

    /// All bytes after the headers were stripped; copies only when a header piece is left over.
    pub(crate) fn into_payload(self) -> Bytes {
        if usize::from(self.head.start) == HEAD_ROOM { self.body } else { self.to_bytes() }
    }

    /// Bytes of the whole packet.
    pub fn len(&self) -> usize {
        HEAD_ROOM - usize::from(self.head.start) + self.body.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole packet in one buffer; without a copy when it is already.
    pub fn to_bytes(&self) -> Bytes {
        match self.pieces() {
            ([], _) => self.body.clone(),
            (head, body) => {
                let mut whole = Vec::with_capacity(head.len() + body.len());
                whole.extend_from_slice(head);
                whole.extend_from_slice(body);
                whole.into()
            }
        }
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Packet({} bytes, {:?}, segments of {})", self.len(), self.checksum, self.segment_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_go_on_and_come_off() {
        let mut packet = Packet::with_payload(Bytes::from_static(b"payload"));
        packet.prepend(b"tcp");
        packet.prepend(b"ip");
        assert_eq!((packet.front(), packet.len()), (&b"iptcp"[..], 12));
        assert_eq!(packet.to_bytes(), &b"iptcppayload"[..]);
        assert!(packet.strip(2) && packet.strip(3) && !packet.strip(8));
        assert_eq!(packet.into_payload(), &b"payload"[..]);
    }

    #[test]
    fn a_whole_buffer_is_sliced_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        let mut packet = Packet::from_bytes(bytes.clone());
        packet.truncate(90);
        assert!(packet.strip(20));
        let payload = packet.into_payload();
        assert_eq!((payload.len(), payload.as_ptr()), (70, bytes[20..].as_ptr()));
    }
}
