//! Every bound of the binary itself: value, unit, reason, source. Bounds of protocols and stages
//! stand in their own houses; those a person sets stand in `config/raw/limits.rs`.

use std::time::Duration;

use edgeway_base::ByteCount;

/// Errors and warnings shown for one configuration file: as many as fit a screen or two. All are in `--json`.
pub const DIAGNOSTICS_SHOWN_MAX: usize = 20;

/// Bytes of a configuration file. A file of ten thousand sites is about 2 MB; a megabyte-per-second
/// typist would need a while for more, and a mistaken path (a log, a disk image) is told apart early.
pub const CONFIGURATION_BYTES_MAX: u64 = 16 << 20;

/// Stars in one pattern of paths. More say nothing that fewer would not, and each costs time on every request.
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

/// bcrypt's cost: 2^12 rounds, about 250 ms. OWASP asks for at least 10.
pub const BCRYPT_COST: u32 = 12;

/// Bytes of a password that bcrypt looks at.
pub const BCRYPT_PASSWORD_BYTES_MAX: usize = 72;

/// Bytes of an answer of the admin address that `edgeway reload` reads: a screen of diagnostics is about 4 KB.
pub const ADMIN_ANSWER_BYTES_MAX: u64 = 1 << 20;

/// How long `edgeway reload` waits for the answer: checking a file of ten thousand sites takes about a second.
pub const ADMIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a TLS handshake waits for a certificate that is being issued. Browsers give up after 30 s or more; an ACME order takes 3 to 10 s.
pub const CERTIFICATE_WAIT_MAX: Duration = Duration::from_secs(20);

/// Names that may wait for the keeper.
pub const WANTED_CERTIFICATES_MAX: usize = 64;

/// For the PROXY header and the TLS handshake together. nginx gives 60 s; a handshake over a satellite takes 2.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections one address may hold open with one worker. An office behind one address has hundreds of browsers; a flood has one.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 8_192;

/// Connections of the admin address: a scraper, a dashboard, a person.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// How often the control thread looks at files, the calendar and ticket keys.
pub const CONTROL_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of a secret of a transaction signature (TSIG): RFC 8945 §10 asks for at least as many as can not be guessed; 128 bits are.
pub const TSIG_SECRET_BYTES_MIN: usize = 16;

/// How long `edgeway resolve` waits for an answer before it asks again. dig gives 5 s; a resolver that has to walk from the root
/// takes 2.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Times `edgeway resolve` asks, the first included: a datagram may be lost on either way.
pub const RESOLVE_TRIES: u32 = 3;

/// Bytes of one message of a handover: a socket's address, or the ticket keys.
pub const HANDOVER_MESSAGE_BYTES_MAX: usize = 16 << 10;

/// How long a certificate signed by hand lives. Public authorities give 90 days, and what renews itself does not need more.
pub const LEAF_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// Fields of HTTP/2 beyond `header_count`: five pseudo-header fields, and a cookie in two dozen crumbs
/// (RFC 9113 §8.2.3), which HTTP/1.1 sends in one.
pub const HTTP2_FIELDS_MORE: usize = 28;

/// Answers to ACME servers' visits on port 80 given at once: one for each name of the orders in flight.
pub const TOKENS_MAX: usize = 1024;

/// How long a request to an ACME server, or to who decides about names, may take in all.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of such an answer: as many as an ACME answer may have (`edgeway_tls::limits`).
pub const FETCH_BODY_BYTES_MAX: usize = edgeway_tls::limits::ACME_BODY_BYTES_MAX;

/// How often the keeper looks whether a certificate's time has come.
pub const CERTIFICATE_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// How long a name is left alone after its first failure; doubled with each more. Let's Encrypt allows five failed
/// validations an hour for a name.
pub const ACME_FIRST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The longest such time.
pub const ACME_LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// How long a name that was refused is refused without asking again.
pub const REFUSED_NAMES_FOR: Duration = Duration::from_secs(60);

/// Refused names remembered at once, about 100 bytes each.
pub const REFUSED_NAMES_MAX: usize = 10_000;

/// For one address to accept a connection of our own: three lost SYNs (RFC 6298 §2: 1 s, 2 s, 4 s).
pub const FETCH_CONNECT_TIMEOUT: Duration = Duration::from_secs(7);

/// Interim (1xx) responses before the answer to a request of our own.
pub const FETCH_INFORMATIONAL_MAX: u32 = 8;

/// Connections of the authority's ACME directory. A network of ten thousand machines renews four hundred a day.
pub const AUTHORITY_CONNECTIONS_MAX: usize = 1024;

/// How long the authority's open connections have to finish when it stops: an ACME answer takes milliseconds.
pub const AUTHORITY_STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Redirects followed on the way to a proof (RFC 8555 §8.3 leaves the number open; Let's Encrypt follows ten).
pub const PROOF_REDIRECTS_MAX: u32 = 10;

/// Bytes of a proof: a token and a thumbprint are about 90; Let's Encrypt reads 128.
pub const PROOF_BYTES_MAX: usize = 4096;
