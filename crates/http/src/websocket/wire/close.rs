//! Close codes and the content of a close frame (RFC 6455 §7.4 and §5.5.1). Called by the machine.

/// Why a connection closes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CloseCode(u16);

#[allow(missing_docs, reason = "each is the code of that name in the IANA registry")]
impl CloseCode {
    pub const NORMAL: Self = Self(1000);
    pub const GOING_AWAY: Self = Self(1001);
    pub const PROTOCOL_ERROR: Self = Self(1002);
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    pub const INVALID_PAYLOAD: Self = Self(1007);
    pub const POLICY_VIOLATION: Self = Self(1008);
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    pub const INTERNAL_ERROR: Self = Self(1011);
    pub const SERVICE_RESTART: Self = Self(1012);
    pub const TRY_AGAIN_LATER: Self = Self(1013);
}

impl CloseCode {
    /// Reads a code. `None` for those that may not stand in a frame: unassigned ones, and 1005, 1006 and 1015,
    /// which only say that there was none (RFC 6455 §7.4.1).
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }
}

/// Reads the content of a close frame: a code and a reason, or nothing. `Err` says with which code to fail.
pub fn decode_close(content: &[u8]) -> Result<Option<(CloseCode, &str)>, CloseCode> {
    let Some((code, reason)) = content.split_first_chunk() else {
        // RFC 6455 §5.5.1: a body has at least the two bytes of a code.
        return if content.is_empty() { Ok(None) } else { Err(CloseCode::PROTOCOL_ERROR) };
    };
    let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(CloseCode::PROTOCOL_ERROR)?;
    let reason = str::from_utf8(reason).map_err(|_| CloseCode::INVALID_PAYLOAD)?;
    Ok(Some((code, reason)))
}

/// Writes the content of a close frame; of a reason that is too long for a control frame, its start.
pub fn encode_close(code: CloseCode, reason: &str) -> Vec<u8> {
    let most = super::frame::CONTROL_LENGTH_MAX - 2;
    let end = reason.floor_char_boundary(most);
    [&code.0.to_be_bytes()[..], &reason.as_bytes()[..end]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_are_read() {
        for code in [1000, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert_eq!(decode_close(&u16::to_be_bytes(code)), Ok(Some((CloseCode(code), ""))));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1100, 2999, 5000, 65_535] {
            assert_eq!(decode_close(&u16::to_be_bytes(code)), Err(CloseCode::PROTOCOL_ERROR), "{code}");
        }
        assert_eq!(decode_close(b""), Ok(None));
        assert_eq!(decode_close(b"\x03"), Err(CloseCode::PROTOCOL_ERROR));
        assert_eq!(decode_close(b"\x03\xe8\xff"), Err(CloseCode::INVALID_PAYLOAD));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let content = encode_close(CloseCode::NORMAL, &"\u{e4}".repeat(100));
        assert_eq!(content.len(), 2 + 122);
        assert!(matches!(decode_close(&content), Ok(Some((CloseCode::NORMAL, _)))));
    }
}
