//! HPACK (RFC 7541): field sections to blocks of bytes and back. Called by the machine, one encoder and one decoder a
//! connection; decoded lines go to a [`crate::binary::FieldSink`].

mod decoder;
mod encoder;
mod static_table;

pub use decoder::{Decoder, HpackError};
pub use encoder::Encoder;

#[cfg(test)]
mod tests;
