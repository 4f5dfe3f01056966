//! Bounds of the files stage, with unit, reason and source.

use std::time::Duration;

use edgeway_base::ByteCount;

/// Bytes of file content a worker keeps in memory, by default.
pub const MEMORY: ByteCount = ByteCount::megabytes(32);

/// The largest file kept in memory, by default. Above it the kernel's page cache serves as well: a read costs a few
/// microseconds where sending the bytes costs tens.
pub const MEMORY_FILE: ByteCount = ByteCount::kilobytes(128);

/// Paths a worker remembers, whatever they lead to. About 1 KB each beside the content.
pub const RESOURCES_MAX: usize = 4096;

/// Files too big for memory that a worker keeps open. With the usual 1,024 descriptors of a process most have to be left for
/// connections.
pub const DESCRIPTORS_MAX: usize = 64;

/// How long a file is answered from memory before its metadata is looked at again: a changed file is served changed
/// after this time at the latest. nginx's open_file_cache_valid is 60 s; one second is as good and never surprises.
pub const REVALIDATE: Duration = Duration::from_secs(1);

/// Two changes of a file within this time may leave the same modification time (the kernel's clock tick, at most 10 ms):
/// a tag made so soon after a change is weak, and the content is not kept.
pub const TIMESTAMP_GRAIN: Duration = Duration::from_millis(20);

/// How much older than its original a precompressed file may be: copied in one go, not left over from an older build.
pub const PRECOMPRESSED_LAG: Duration = Duration::from_secs(10);

/// Bytes read and handed on at once from a file that is not in memory: large enough that the system calls do not count,
/// small enough that a worker is not held up (about 20 us a chunk from the page cache).
pub const CHUNK: usize = 128 << 10;

/// Entries of a folder that a listing shows. The rest is counted and told.
pub const LISTING_ENTRIES_MAX: usize = 10_000;

/// Times a lookup is tried again when a rename happened at the same moment (openat2 then says EAGAIN).
pub const LOOKUP_TRIES: usize = 8;
