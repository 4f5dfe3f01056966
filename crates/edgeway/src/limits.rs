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

/// Names that may wait for the ACME agent.
pub const WANTED_CERTIFICATES_MAX: usize = 64;

/// For the PROXY header and the TLS handshake together. nginx gives 60 s; a handshake over a satellite takes 2.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections one address may hold open with one worker. An office behind one address has hundreds of browsers; a flood has one.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 8_192;

/// Connections of the admin address: a scraper, a dashboard, a person.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// How often the control thread looks at files, the calendar and ticket keys.
pub const CONTROL_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of one message of a handover: a socket's address, or the ticket keys.
pub const HANDOVER_MESSAGE_BYTES_MAX: usize = 16 << 10;

/// How long a certificate signed by hand lives. Public authorities give 90 days, and what renews itself does not need more.
pub const LEAF_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// For one request of our own to another machine, from the name to the last byte of the answer. An ACME directory on the other side of the
/// world takes 2 s; one that signs while we wait, 10.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// For one address to accept a connection of our own: three lost SYNs (RFC 6298 §2: 1 s, 2 s, 4 s).
pub const FETCH_CONNECT_TIMEOUT: Duration = Duration::from_secs(7);

/// Interim (1xx) responses before the answer to a request of our own.
pub const FETCH_INFORMATIONAL_MAX: u32 = 8;

/// Bytes that the answer of `ask` may have; only its status is looked at.
pub const ASK_ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long a name that was refused, or whose order failed, is not asked about again: its clients are turned away at once.
pub const REFUSED_FOR: Duration = Duration::from_secs(10 * 60);

/// Names remembered as refused: about 100 bytes each.
pub const REFUSED_NAMES_MAX: usize = 4096;

/// Certificates ordered in an hour for names that no site lists. Let's Encrypt gives a registered domain 50 a week and an account 300 orders in
/// three hours (<https://letsencrypt.org/docs/rate-limits/>).
pub const ON_DEMAND_ORDERS_PER_HOUR: u32 = 100;

/// Certificates kept for names that no site lists: a file of 4 KB each.
pub const ON_DEMAND_CERTIFICATES_MAX: usize = 10_000;

/// How long after a failed order the next is made: this, doubled with each failure in a row, up to [`ORDER_PAUSE_MAX`]. Let's Encrypt allows five
/// failures an hour for one name.
pub const ORDER_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause between two orders for the same names.
pub const ORDER_PAUSE_MAX: Duration = Duration::from_secs(6 * 3600);

/// The longest and the shortest pause between two questions about one certificate's renewal (RFC 9773 §4.3.2 asks for such bounds).
pub const RENEWAL_QUESTION_PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));

/// The longest sleep of the keeper of ACME certificates: a machine that was suspended notices its late renewals within this time.
pub const KEEPER_SLEEP_MAX: Duration = Duration::from_secs(10 * 60);

/// Proofs shown at once; one order has at most 100 names.
pub const PROOFS_SHOWN_MAX: usize = 256;

/// Connections of the authority's ACME directory. A network of ten thousand machines renews four hundred a day.
pub const AUTHORITY_CONNECTIONS_MAX: usize = 1024;

/// Redirects followed on the way to a proof (RFC 8555 §8.3 leaves the number open; Let's Encrypt follows ten).
pub const PROOF_REDIRECTS_MAX: u32 = 10;

/// Bytes of a proof: a token and a thumbprint are about 90; Let's Encrypt reads 128.
pub const PROOF_BYTES_MAX: usize = 4096;

/// How long the authority's open connections have to finish when it stops: an ACME answer takes milliseconds.
pub const AUTHORITY_STOP_TIMEOUT: Duration = Duration::from_secs(5);
