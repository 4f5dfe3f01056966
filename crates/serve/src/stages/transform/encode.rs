//! The three compressors behind one shape: bytes in, whatever is ready out. Called by `body`; hands on to zstd, brotli and flate2.

use std::io::{self, Write as _};

use bytes::Bytes;
use edgeway_http::semantics::negotiation::ContentCoding;

use super::limits::{BROTLI_QUALITY, BROTLI_WINDOW, GZIP_LEVEL, ZSTD_LEVEL};

/// A compressor and what it has made so far.
pub(super) enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// A fresh one; `None` for identity. An error is a lack of memory.
    pub(super) fn new(coding: ContentCoding) -> io::Result<Option<Self>> {
        Ok(Some(match coding {
            ContentCoding::Identity => return Ok(None),
            ContentCoding::Gzip => {
                Self::Gzip(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL)))
            }
            ContentCoding::Brotli => {
                let writer = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
                Self::Brotli(Box::new(writer))
            }
            ContentCoding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        }))
    }

    /// Takes bytes; gives what is ready, which may be nothing.
    pub(super) fn write(&mut self, data: &[u8]) -> io::Result<Bytes> {
        match self {
            Self::Gzip(writer) => writer.write_all(data)?,
            Self::Brotli(writer) => writer.write_all(data)?,
            Self::Zstd(writer) => writer.write_all(data)?,
        }
        Ok(self.take())
    }

    /// Gives everything written so far in a form that can be decoded as far as it goes.
    pub(super) fn flush(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Gzip(writer) => writer.flush()?,
            Self::Brotli(writer) => writer.flush()?,
            Self::Zstd(writer) => writer.flush()?,
        }
        Ok(self.take())
    }

    /// Gives the rest.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Gzip(writer) => writer.finish().map(Bytes::from),
            Self::Brotli(writer) => Ok(writer.into_inner().into()),
            Self::Zstd(writer) => writer.finish().map(Bytes::from),
        }
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(match self {
            Self::Gzip(writer) => writer.get_mut(),
            Self::Brotli(writer) => writer.get_mut(),
            Self::Zstd(writer) => writer.get_mut(),
        })
        .into()
    }
}

/// All of it in one go.
pub(super) fn compress(coding: ContentCoding, data: &[u8]) -> io::Result<Bytes> {
    let Some(mut encoder) = Encoder::new(coding)? else { return Ok(Bytes::copy_from_slice(data)) };
    let first = encoder.write(data)?;
    let rest = encoder.finish()?;
    Ok(if first.is_empty() { rest } else { [first, rest].concat().into() })
}
