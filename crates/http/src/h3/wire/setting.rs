//! SETTINGS parameters (RFC 9114 §7.2.4, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1). Read and written by the machine.

use super::variable_integer;
use crate::h3::error::{ConnectionError, ErrorCode};

/// What one side announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// Bytes of QPACK table its decoder keeps.
    pub table_capacity: u64,
    /// Streams it lets wait for its table.
    pub blocked_streams: u64,
    /// Bytes of the largest field section it takes, when it says so.
    pub field_section_max: Option<u64>,
    /// Whether extended CONNECT may be used.
    pub extended_connect: bool,
    /// Whether it takes HTTP datagrams.
    pub datagrams: bool,
}

const TABLE_CAPACITY: u64 = 0x1;
const FIELD_SECTION_MAX: u64 = 0x6;
const BLOCKED_STREAMS: u64 = 0x7;
const EXTENDED_CONNECT: u64 = 0x8;
const DATAGRAMS: u64 = 0x33;

impl Settings {
    /// Reads a SETTINGS payload.
    pub fn decode(payload: &[u8]) -> Result<Self, ConnectionError> {
        let fault = |code, reason| Err(ConnectionError::by_peer(code, reason));
        let (mut settings, mut position, mut seen) = (Self::default(), 0, Vec::new());
        while position < payload.len() {
            let pair = variable_integer::decode(payload, &mut position)
                .and_then(|number| Some((number, variable_integer::decode(payload, &mut position)?)));
            let Some((number, value)) = pair else { return fault(ErrorCode::FRAME_ERROR, "SETTINGS cut short") };
            if seen.contains(&number) {
                // RFC 9114 §7.2.4
                return fault(ErrorCode::SETTINGS_ERROR, "a setting twice");
            }
            seen.push(number);
            match number {
                TABLE_CAPACITY => settings.table_capacity = value,
                FIELD_SECTION_MAX => settings.field_section_max = Some(value),
                BLOCKED_STREAMS => settings.blocked_streams = value,
                EXTENDED_CONNECT | DATAGRAMS if value > 1 => {
                    return fault(ErrorCode::SETTINGS_ERROR, "a setting that is zero or one has another value");
                }
                EXTENDED_CONNECT => settings.extended_connect = value == 1,
                DATAGRAMS => settings.datagrams = value == 1,
                // RFC 9114 §7.2.4.1: what HTTP/2 has and HTTP/3 has not.
                0x2..=0x5 => return fault(ErrorCode::SETTINGS_ERROR, "a setting of HTTP/2"),
                _ => {}
            }
        }
        Ok(settings)
    }

    /// Appends the payload; zeros, the defaults, are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (number, value) in [
            (TABLE_CAPACITY, self.table_capacity),
            (BLOCKED_STREAMS, self.blocked_streams),
            (FIELD_SECTION_MAX, self.field_section_max.unwrap_or(0)),
            (EXTENDED_CONNECT, self.extended_connect.into()),
            (DATAGRAMS, self.datagrams.into()),
        ] {
            if value > 0 {
                variable_integer::encode(number, out);
                variable_integer::encode(value, out);
            }
        }
    }
}
