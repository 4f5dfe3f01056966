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
