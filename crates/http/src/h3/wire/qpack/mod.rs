//! QPACK (RFC 9204): field sections to blocks of bytes and back, when blocks may overtake the table they refer to. Called by
//! HTTP/3's connection, one encoder and one decoder a connection; decoded lines go to a [`crate::binary::FieldSink`].
//!
//! The encoder's table changes travel on one unidirectional stream, the decoder's acknowledgements on another; both come in
//! and go out here as bytes.

mod decoder;
mod encoder;
mod instructions;
mod static_table;

pub use decoder::{Decoded, Decoder};
pub use encoder::{Encoder, SectionWriter};

use crate::binary::prefix_integer::IntegerError;
use crate::binary::string_literal::LiteralError;

/// Why QPACK cannot go on; each is an error of the connection (RFC 9204 §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QpackError {
    /// A field section cannot be decoded: QPACK_DECOMPRESSION_FAILED.
    Section(&'static str),
    /// The peer's encoder stream breaks a rule: QPACK_ENCODER_STREAM_ERROR.
    EncoderStream(&'static str),
    /// The peer's decoder stream breaks a rule: QPACK_DECODER_STREAM_ERROR.
    DecoderStream(&'static str),
    /// The sink gave up: the section is far beyond its bounds. H3_EXCESSIVE_LOAD.
    Abandoned,
}

impl QpackError {
    /// The error code of RFC 9204 §6, or of RFC 9114 §8.1.
    pub const fn code(self) -> u64 {
        match self {
            Self::Section(_) => 0x200,
            Self::EncoderStream(_) => 0x201,
            Self::DecoderStream(_) => 0x202,
            Self::Abandoned => 0x107,
        }
    }

    /// One line for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Section(reason) | Self::EncoderStream(reason) | Self::DecoderStream(reason) => reason,
            Self::Abandoned => "field section far too large",
        }
    }
}

impl std::fmt::Display for QpackError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::error::Error for QpackError {}

impl From<IntegerError> for QpackError {
    fn from(error: IntegerError) -> Self {
        Self::Section(match error {
            IntegerError::Incomplete => "field section ends inside a field",
            IntegerError::Overflow => "integer overflow in a field section",
        })
    }
}

impl From<LiteralError> for QpackError {
    fn from(error: LiteralError) -> Self {
        match error {
            LiteralError::Length(error) => error.into(),
            LiteralError::Huffman => Self::Section("invalid Huffman string"),
        }
    }
}

#[cfg(test)]
mod tests;
