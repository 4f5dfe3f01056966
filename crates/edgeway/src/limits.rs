//! Every bound of the binary itself: value, unit, reason, source. Bounds of protocols and stages
//! stand in their own houses; those a person sets stand in `config/raw/limits.rs`.

use std::time::Duration;

use edgeway_base::ByteCount;

/// Errors and warnings shown for one configuration file: as many as fit a screen or two. All are in `--json`.
pub const DIAGNOSTICS_SHOWN_MAX: usize = 20;

/// Bytes of a configuration file. A file of ten thousand sites is about 2 MB; a megabyte-per-second
/// typist would need a while for more, and a mistaken path (a log, a disk image) is told apart early.
pub const CONFIGURATION_BYTES_MAX: u64 = 16 << 20;

/// Steps that one glob match may take for each byte of the text it is matched against: patterns come
/// from the operator, texts from strangers, and no pair of them may cost more than a linear walk each star.
pub const GLOB_STARS_MAX: usize = 16;

/// Bytes of a password read from a terminal or a pipe. bcrypt looks at 72, argon2id at any number; a
/// sentence of a thousand characters is more than anyone types.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Worker threads. Each has its own listeners, timers and connection pools (about 1 MB idle); machines
/// with more cores than this are better split into several hosts.
pub const WORKERS_MAX: u32 = 1024;

/// The smallest `header_size` a person may set: a browser's usual head with one session cookie is about
/// 1.5 KB.
pub const HEADER_SIZE_MIN: ByteCount = ByteCount::kilobytes(2);

/// How long HSTS must last for browsers to build it in: one year (hstspreload.org, submission requirements).
pub const HSTS_PRELOAD_MIN: Duration = Duration::from_secs(365 * 86_400);

/// Memory of one argon2id hash, in KB: 19 MiB with two passes over one lane, the first choice of OWASP's
/// Password Storage Cheat Sheet. A sign-in costs about 20 ms of one core; RFC 9106's 2 GiB would let a
/// handful of strangers take a small machine's memory.
pub const ARGON2_MEMORY_KB: u32 = 19 * 1024;

/// Passes over the memory; see [`ARGON2_MEMORY_KB`].
pub const ARGON2_ITERATIONS: u32 = 2;

/// Lanes; see [`ARGON2_MEMORY_KB`].
pub const ARGON2_LANES: u32 = 1;

/// bcrypt's cost: 2^12 rounds, about 250 ms. OWASP asks for at least 10.
pub const BCRYPT_COST: u32 = 12;

/// Bytes of a password that bcrypt looks at.
pub const BCRYPT_PASSWORD_BYTES_MAX: usize = 72;

/// Bytes of an answer of the admin address that `edgeway reload` reads: a screen of diagnostics is about 4 KB.
pub const ADMIN_ANSWER_BYTES_MAX: u64 = 1 << 20;

/// How long `edgeway reload` waits for the answer: checking a file of ten thousand sites takes about a second.
pub const ADMIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
