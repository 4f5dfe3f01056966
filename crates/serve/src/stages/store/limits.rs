//! Bounds of the store stage, with unit, reason and source.

use edgeway_base::ByteCount;

/// The largest file that can be stored, by default. Uploads of pictures and documents fit; films need a word of the operator.
pub const FILE: ByteCount = ByteCount::megabytes(256);

/// The largest JSON document that can be patched, and the largest patch.
pub const JSON: ByteCount = ByteCount::megabytes(2);

/// Operations of one JSON patch. Each may move a whole array by one place, so they bound the work together with [`JSON`].
pub const PATCH_OPERATIONS_MAX: usize = 1000;

/// Bytes gathered from the network before they are written on the blocking pool.
pub const WRITE_CHUNK: usize = 256 << 10;

/// How old a half-written file has to be to be swept away at the start where its writer's lock does not tell: nobody uploads
/// that long.
pub const LEFTOVER_AGE_SECONDS: u64 = 24 * 3600;

/// Bytes of one name (NAME_MAX of Linux); asked before content is read in vain.
pub const NAME_BYTES_MAX: usize = 255;

/// Folders below each other that are made or counted.
pub const DEPTH_MAX: usize = 64;
