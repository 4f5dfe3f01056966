//! What the fields of a head say about where its message ends and what becomes of the connection
//! (RFC 9112 §6.3 and §9.3). Filled line by line by the request and response decoders.

use super::Malformed;
use crate::semantics::FieldName;

/// The fields that frame a message or steer its connection.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct FramingFields {
    /// Content-Length, when there is one.
    pub content_length: Option<u64>,
    /// Whether Transfer-Encoding says exactly `chunked`.
    pub chunked: bool,
    /// How many Host fields there are.
    pub hosts: u32,
    /// `Connection: close`.
    pub close: bool,
    /// `Connection: keep-alive`.
    pub keep_alive: bool,
    /// `Connection: upgrade`.
    pub upgrade: bool,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    /// An Upgrade field that offers h2c, which RFC 9113 §3.1 has withdrawn and smugglers love.
    pub offers_h2c: bool,
}

impl FramingFields {
    /// Takes one field of a head.
    #[inline]
    pub(crate) fn note(&mut self, name: FieldName, value: &[u8]) -> Result<(), Malformed> {
        match name {
            FieldName::Host => self.hosts += 1,
            FieldName::Connection => self.note_connection(value),
            FieldName::ContentLength => return self.note_length(value),
            FieldName::TransferEncoding => return self.note_encoding(value),
            FieldName::Expect => return self.note_expectation(value),
            FieldName::Upgrade => self.offers_h2c |= offers_h2c(value),
            _ => {}
        }
        Ok(())
    }

    /// The framing of both is contradictory, whichever came first (RFC 9112 §6.3, rule 3: "ought to be handled
    /// as an error").
    pub(crate) fn check(&self) -> Result<(), Malformed> {
        if self.chunked && self.content_length.is_some() {
            return Err(Malformed::LengthAndEncoding);
        }
        Ok(())
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        // RFC 9112 §6.3, rule 5: repeated equal values may be merged; refusing is the other choice.
        if self.content_length.is_some() {
            return Err(Malformed::RepeatedContentLength);
        }
        self.content_length = Some(decode_length(value).ok_or(Malformed::InvalidContentLength)?);
        Ok(())
    }

    fn note_encoding(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if self.chunked {
            return Err(Malformed::InvalidTransferEncoding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(encoding_fault(value));
        }
        self.chunked = true;
        Ok(())
    }

    fn note_expectation(&mut self, value: &[u8]) -> Result<(), Malformed> {
        // RFC 9110 §10.1.1: 417 for any other expectation. A second line is another expectation.
        if self.expects_continue || !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Malformed::UnknownExpectation);
        }
        self.expects_continue = true;
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }
}

/// A length: digits alone, at most 2^63 - 1, so that no signed recipient reads another number.
pub(crate) fn decode_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Nineteen digits always fit into 64 bits.
    let length = value.iter().fold(0_u64, |length, digit| length * 10 + u64::from(digit - b'0'));
    (length <= i64::MAX as u64).then_some(length)
}

/// RFC 9112 §6.1: a coding we could know but do not is 501. What is no honest list of registered codings that
/// ends with chunked is 400.
#[cold]
fn encoding_fault(value: &[u8]) -> Malformed {
    const CODINGS: [&[u8]; 5] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"];
    let mut codings = value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let last_is_chunked = codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    let known = |coding: &[u8]| CODINGS.iter().any(|known| known.eq_ignore_ascii_case(coding));
    if last_is_chunked && codings.all(known) {
        Malformed::UnknownTransferEncoding
    } else {
        Malformed::InvalidTransferEncoding
    }
}

fn offers_h2c(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|protocol| {
        let name = protocol.trim_ascii();
        name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"h2c"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(lines: &[(FieldName, &str)]) -> Result<FramingFields, Malformed> {
        let mut framing = FramingFields::default();
        for (name, value) in lines {
            framing.note(*name, value.as_bytes())?;
        }
        framing.check().map(|()| framing)
    }

    #[test]
    fn hostile_006_content_length_is_plain_digits_once() {
        let length = |value| note(&[(FieldName::ContentLength, value)]).map(|framing| framing.content_length);
        for (text, value) in [("0", 0), ("5", 5), ("05", 5), ("9223372036854775807", i64::MAX as u64)] {
            assert_eq!(length(text), Ok(Some(value)), "{text}");
        }
        for wrong in [
            "",
            "+5",
            "-1",
            "0x5",
            "5_0",
            "5 5",
            "5,5",
            "5, 6",
            "\x0b5",
            "9223372036854775808",
            "18446744073709551616",
            "00000000000000000005",
            "5.0",
            "5;",
            "\u{661}",
        ] {
            assert_eq!(length(wrong), Err(Malformed::InvalidContentLength), "{wrong:?}");
        }
        for second in ["5", "6"] {
            let lines = [(FieldName::ContentLength, "5"), (FieldName::ContentLength, second)];
            assert_eq!(note(&lines).err(), Some(Malformed::RepeatedContentLength));
        }
    }

    #[test]
    fn hostile_003_only_chunked_alone_is_a_transfer_encoding() {
        let encoding = |value| note(&[(FieldName::TransferEncoding, value)]).map(|framing| framing.chunked);
        assert_eq!((encoding("chunked"), encoding("Chunked")), (Ok(true), Ok(true)));
        for known in ["gzip, chunked", "gzip,deflate,chunked"] {
            assert_eq!(encoding(known), Err(Malformed::UnknownTransferEncoding), "{known}");
        }
        for wrong in [
            "",
            "xchunked",
            "chunked, identity",
            "identity, chunked",
            ",chunked",
            "chunked,",
            "chunked,chunked",
            "\"chunked\"",
            "chunked;q=1",
            "\u{a0}chunked",
            "gzip",
            "chunked gzip",
            "\x0bchunked",
        ] {
            assert_eq!(encoding(wrong), Err(Malformed::InvalidTransferEncoding), "{wrong:?}");
        }
    }

    #[test]
    fn connection_options_are_a_list_in_any_case() {
        let framing = note(&[(FieldName::Connection, "Keep-Alive , x"), (FieldName::Connection, "UPGRADE,close")]);
        let framing = framing.unwrap();
        assert!(framing.keep_alive && framing.upgrade && framing.close);
        assert!(!note(&[(FieldName::Connection, "closed, keep alive")]).unwrap().close);
    }
}
