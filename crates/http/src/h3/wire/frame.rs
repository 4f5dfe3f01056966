//! HTTP/3 frames (RFC 9114 §7, RFC 9218 §7.2): type, length, payload. Read piece by piece by the machine's reader; written by
//! whoever sends.

use super::variable_integer;

/// Frame types (RFC 9114 §11.2.1).
pub mod kind {
    /// §7.2.1
    pub const DATA: u64 = 0x0;
    /// §7.2.2
    pub const HEADERS: u64 = 0x1;
    /// §7.2.3
    pub const CANCEL_PUSH: u64 = 0x3;
    /// §7.2.4
    pub const SETTINGS: u64 = 0x4;
    /// §7.2.5
    pub const PUSH_PROMISE: u64 = 0x5;
    /// §7.2.6
    pub const GOAWAY: u64 = 0x7;
    /// §7.2.7
    pub const MAX_PUSH_ID: u64 = 0xd;
    /// RFC 9218 §7.2: for a request.
    pub const PRIORITY_UPDATE_REQUEST: u64 = 0xf0700;
    /// RFC 9218 §7.2: for a push.
    pub const PRIORITY_UPDATE_PUSH: u64 = 0xf0701;

    /// Types that HTTP/2 has and HTTP/3 must never see (RFC 9114 §7.2.8).
    pub const fn is_of_http_2(kind: u64) -> bool {
        matches!(kind, 0x2 | 0x6 | 0x8 | 0x9)
    }
}

/// Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2).
pub mod stream_kind {
    /// RFC 9114 §6.2.1
    pub const CONTROL: u64 = 0x0;
    /// RFC 9114 §6.2.2
    pub const PUSH: u64 = 0x1;
    /// RFC 9204 §4.2
    pub const QPACK_ENCODER: u64 = 0x2;
    /// RFC 9204 §4.2
    pub const QPACK_DECODER: u64 = 0x3;
}

/// Appends the head of a frame.
pub fn write_head(kind: u64, length: usize, out: &mut Vec<u8>) {
    variable_integer::encode(kind, out);
    variable_integer::encode(length as u64, out);
}

/// Appends a whole frame.
pub fn write(kind: u64, payload: &[u8], out: &mut Vec<u8>) {
    write_head(kind, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends a frame of one number: GOAWAY, MAX_PUSH_ID, CANCEL_PUSH.
pub fn write_number(kind: u64, number: u64, out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(8);
    variable_integer::encode(number, &mut payload);
    write(kind, &payload, out);
}

/// Reads a payload of one number and nothing else; `None` is H3_FRAME_ERROR.
pub fn read_number(payload: &[u8]) -> Option<u64> {
    let mut position = 0;
    variable_integer::decode(payload, &mut position).filter(|_| position == payload.len())
}

/// Puts the request stream's number before a datagram's payload (RFC 9297 §2.1).
pub fn write_datagram(stream: u64, payload: &[u8], out: &mut Vec<u8>) {
    variable_integer::encode(stream / 4, out);
    out.extend_from_slice(payload);
}

/// The request stream of a datagram and its payload; `None` is H3_DATAGRAM_ERROR (RFC 9297 §2.1).
pub fn read_datagram(datagram: &[u8]) -> Option<(u64, &[u8])> {
    let mut position = 0;
    let quarter = variable_integer::decode(datagram, &mut position)?;
    (quarter < 1 << 60).then(|| (quarter * 4, &datagram[position..]))
}
