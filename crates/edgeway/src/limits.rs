//! Every bound of the binary itself: value, unit, reason, source. Bounds of protocols and stages
//! stand in their own houses; those a person sets stand in `config/raw/limits.rs`.

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
