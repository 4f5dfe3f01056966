//! Compressed messages (permessage-deflate, RFC 7692), always without context takeover either way: a message then needs
//! nothing of the one before, so a connection holds no dictionary, and the hub compresses once for all its readers.
//! Called by the handshake and the reader; senders keep one [`MessageDeflater`] for many connections.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::wire::CloseCode;
use crate::semantics::{FieldName, Fields};

const NAME: &str = "permessage-deflate";
const SERVER_ALONE: &str = "server_no_context_takeover";
const CLIENT_ALONE: &str = "client_no_context_takeover";

/// What a client offers.
pub(crate) const OFFER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What ends the output of a flush, and is left out of a message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A server's answer to the offers in a request: to the first it can take. A server may ask for both parameters
/// though they were not offered (RFC 7692 §7.1.1).
pub(crate) fn answer_offers(fields: &Fields) -> Option<&'static str> {
    fields.members(FieldName::SecWebsocketExtensions).any(is_offer_acceptable).then_some(OFFER)
}

/// Whether every parameter is one we know, stands once, and asks for nothing we do not do: RFC 7692 §7.1 declines
/// an offer otherwise. A smaller window of ours is something we do not do; of the client's, we do not ask for it.
fn is_offer_acceptable(offer: &[u8]) -> bool {
    let Some(parameters) = parameters(offer) else { return false };
    let mut seen = Vec::new();
    parameters.iter().all(|(name, value)| {
        let repeated = seen.contains(name);
        seen.push(*name);
        !repeated
            && match (*name, *value) {
                (SERVER_ALONE | CLIENT_ALONE | "client_max_window_bits", None) => true,
                ("client_max_window_bits", Some(bits)) => is_window(bits),
                ("server_max_window_bits", Some(bits)) => bits == "15",
                _ => false,
            }
    })
}

/// Whether a client can live with the server's answer: none, or one that keeps the server from context takeover.
pub(crate) fn is_answer_acceptable(fields: &Fields) -> bool {
    if !fields.contains(FieldName::SecWebsocketExtensions) {
        return true;
    }
    let mut answers = fields.members(FieldName::SecWebsocketExtensions);
    let (Some(answer), None) = (answers.next(), answers.next()) else { return false };
    let Some(parameters) = parameters(answer) else { return false };
    parameters.contains(&(SERVER_ALONE, None))
        && parameters.iter().all(|(name, value)| match (*name, *value) {
            (SERVER_ALONE | CLIENT_ALONE, None) => true,
            ("server_max_window_bits", Some(bits)) => is_window(bits),
            _ => false,
        })
}

/// The parameters of permessage-deflate with their values; `None` for another extension.
fn parameters<'a>(extension: &'a [u8]) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let mut parts = str::from_utf8(extension).ok()?.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let parameter = |part: &'a str| match part.split_once('=') {
        None => (part, None),
        // A value may be quoted (RFC 7692 §7.1.2.1).
        Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
    };
    Some(parts.map(parameter).collect())
}

/// RFC 7692 §7.1.2: 8 to 15, without leading zeros.
fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// Compresses messages. Holds about 260 KB; one serves a whole worker.
#[derive(Debug)]
pub struct MessageDeflater {
    compress: Compress,
}

impl Default for MessageDeflater {
    fn default() -> Self {
        Self::new()
    }
}

impl MessageDeflater {
    /// A compressor that favours speed: messages are small and go out at once.
    pub fn new() -> Self {
        Self { compress: Compress::new(Compression::fast(), false) }
    }

    /// The message compressed, to be sent with `send_deflated` to as many as like.
    pub fn deflate(&mut self, message: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(message.len() / 2 + 64);
        self.compress.reset();
        loop {
            let read = self.compress.total_in() as usize;
            // Compressing into memory fails only for arguments that these are not.
            let status = self.compress.compress_vec(&message[read..], &mut out, FlushCompress::Sync);
            let flushed = self.compress.total_in() as usize == message.len() && out.len() < out.capacity();
            if flushed || status.is_err() {
                break;
            }
            out.reserve(out.capacity().max(64));
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        // RFC 7692 §7.2.3.6: an empty message is one empty block.
        if out.is_empty() {
            out.push(0);
        }
        out.into()
    }
}

/// Reads compressed messages. Holds about 40 KB.
#[derive(Debug)]
pub(crate) struct MessageInflater {
    decompress: Decompress,
}

impl MessageInflater {
    pub(crate) fn new() -> Self {
        Self { decompress: Decompress::new(false) }
    }

    /// The message as it was, if it is no longer than `most`: a kilobyte can become a megabyte.
    pub(crate) fn inflate(&mut self, compressed: &[u8], most: usize) -> Result<Vec<u8>, CloseCode> {
        self.decompress.reset(false);
        let mut out = Vec::with_capacity((compressed.len() * 4).clamp(64, most.max(64)));
        for part in [compressed, &TAIL] {
            let start = self.decompress.total_in();
            loop {
                let read = (self.decompress.total_in() - start) as usize;
                let before = out.len();
                let status = self.decompress.decompress_vec(&part[read..], &mut out, FlushDecompress::Sync);
                if out.len() > most {
                    return Err(CloseCode::MESSAGE_TOO_BIG);
                }
                let finished = (self.decompress.total_in() - start) as usize == part.len();
                match status {
                    // RFC 7692 §7.2.3.5: a final block may end the message early; nothing comes after it.
                    Ok(Status::StreamEnd) => return Ok(out),
                    Err(_) => return Err(CloseCode::INVALID_PAYLOAD),
                    Ok(_) if finished && out.len() < out.capacity() => break,
                    Ok(_) if out.len() == out.capacity() => out.reserve(out.capacity().max(64)),
                    Ok(_) if out.len() == before => return Err(CloseCode::INVALID_PAYLOAD),
                    Ok(_) => {}
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(text: &str) -> Fields {
        let mut fields = Fields::new();
        fields.append(FieldName::SecWebsocketExtensions, text);
        fields
    }

    #[test]
    fn offers_are_answered_or_declined() {
        for (offer, taken) in [
            ("permessage-deflate", true),
            ("permessage-deflate; client_max_window_bits", true),
            ("x-other; a=b, permessage-deflate; client_max_window_bits=10; server_no_context_takeover", true),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
            ("permessage-deflate; server_max_window_bits=\"15\"", true),
            ("permessage-deflate; server_max_window_bits=10", false),
            ("permessage-deflate; server_max_window_bits", false),
            ("permessage-deflate; client_max_window_bits=16", false),
            ("permessage-deflate; client_max_window_bits=08", false),
            ("permessage-deflate; unknown", false),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", false),
            ("permessage-deflate; server_no_context_takeover=1", false),
            ("x-webkit-deflate-frame", false),
        ] {
            assert_eq!(answer_offers(&offers(offer)).is_some(), taken, "{offer}");
        }
        assert!(is_answer_acceptable(&offers(OFFER)) && is_answer_acceptable(&Fields::new()));
        for wrong in ["permessage-deflate", "permessage-deflate; server_no_context_takeover, x", "y"] {
            assert!(!is_answer_acceptable(&offers(wrong)), "{wrong}");
        }
    }

    #[test]
    fn rfc_7692_section_7_2_3_examples() {
        let mut inflater = MessageInflater::new();
        for compressed in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            // A block without compression, one with the final bit, and two blocks.
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(inflater.inflate(compressed, 5).as_deref(), Ok(&b"Hello"[..]), "{compressed:x?}");
            assert_eq!(inflater.inflate(compressed, 4), Err(CloseCode::MESSAGE_TOO_BIG));
        }
        assert_eq!(inflater.inflate(&[0], 4).as_deref(), Ok(&b""[..]));
        assert_eq!(inflater.inflate(&[0xff, 0xff, 0xff], 100), Err(CloseCode::INVALID_PAYLOAD));
        let hello = MessageDeflater::new().deflate(b"Hello");
        assert_eq!(&hello[..], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(&MessageDeflater::new().deflate(b"")[..], [0]);
    }

    #[test]
    fn hostile_064_messages_survive_and_bombs_do_not() {
        let (mut deflater, mut inflater) = (MessageDeflater::new(), MessageInflater::new());
        let mut noise = vec![0; 300_000];
        edgeway_base::Entropy::fill(&mut edgeway_base::SeededEntropy::new(1), &mut noise);
        for message in [&b"a"[..], &[b'x'; 100_000], &noise, &noise[..65_536], &noise[..65_535]] {
            let compressed = deflater.deflate(message);
            assert!(inflater.inflate(&compressed, 1 << 20).is_ok_and(|back| back == message), "{}", message.len());
        }
        let bomb = deflater.deflate(&vec![0; 50_000_000]);
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert_eq!(inflater.inflate(&bomb, 1 << 20), Err(CloseCode::MESSAGE_TOO_BIG));
    }
}
