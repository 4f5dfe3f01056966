//! Bounds of the transform stage, with unit, reason and source.

use edgeway_base::ByteCount;

/// Content shorter than this is sent as it is, by default: it fits a packet or two either way, and a header and a dictionary
/// cost what they save.
pub const MINIMUM: ByteCount = ByteCount(1024);

/// Content in memory up to this is compressed in one go and keeps a Content-Length; the work is about a millisecond.
pub const AT_ONCE: usize = 128 << 10;

/// Bytes compressed between two chances for other requests of the worker.
pub const SLICE: usize = 64 << 10;

/// Bytes of compressed files that a worker keeps, by default, so that a hot file is compressed once.
pub const KEPT: ByteCount = ByteCount::megabytes(16);

/// Level of gzip: 5 is within 2 % of 6's size in two thirds of its time.
pub const GZIP_LEVEL: u32 = 5;

/// Quality of Brotli: 4 costs about as much as gzip's 5 and packs 10 % better; from 5 on it costs several times as much.
pub const BROTLI_QUALITY: u32 = 4;

/// Brotli's window, as a power of two: 256 KB, which bounds the memory of a stream to about 2 MB.
pub const BROTLI_WINDOW: u32 = 18;

/// Level of Zstandard: its own default, whose window of 2 MB is within the 8 MB that RFC 9659 §3 lets a decoder hold.
pub const ZSTD_LEVEL: i32 = 3;
