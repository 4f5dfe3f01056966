//! Bounds of what every version of HTTP shares: how much of a stranger's field value is believed. Read by the
//! files beside it; the dialects have their own.

use std::time::Duration;

/// Ranges taken from one Range field; more, and the field is ignored and the whole is sent. A player or a
/// download tool asks for one or two; PDF readers for up to a dozen. RFC 9110 §14.2 and §17.15 allow to ignore.
pub const RANGES_MAX: usize = 16;

/// Overlapping pairs among the ranges asked for; more, and the field is ignored (RFC 9110 §14.2: "more than two
/// overlapping ranges").
pub const OVERLAPPING_RANGES_MAX: usize = 2;

/// How far the end of one range may be from the beginning of the next for the two to be sent as one: 1, when they touch. RFC 9110
/// §15.3.7.2 would allow to send a small gap too (about 80 bytes, a part's head), but a client that asked for two ranges is
/// served best with two parts, as nginx and Apache do.
pub const RANGE_GAP_MAX: u64 = 1;

/// Entity tags read from one If-Match or If-None-Match, over all its lines. Caches hold a handful of variants.
pub const ENTITY_TAGS_MAX: usize = 64;

/// Members read from one Accept or Accept-Encoding, over all its lines; browsers send under ten.
pub const PREFERENCES_MAX: usize = 64;

/// Bytes of a path after decoding; longer ones no file system opens (PATH_MAX is 4,096 on Linux).
pub const PATH_BYTES_MAX: usize = 16 * 1024;

/// Segments of one path. Bounds the walk through `..` and every table a path is matched against.
pub const PATH_SEGMENTS_MAX: usize = 256;

/// Bytes of a user name or password in Basic credentials after decoding. argon2 hashes any length, but a
/// password is a line a person types.
pub const CREDENTIALS_BYTES_MAX: usize = 4 * 1024;

/// Parameters of one Authorization field; Digest defines eleven (RFC 7616 §3.4).
pub const AUTHENTICATION_PARAMETERS_MAX: usize = 16;

/// How long a Digest nonce is taken before the client is told it is stale (and retries with a new one without
/// asking its user). Short enough that a replay window stays small, long enough to spare round trips.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Digest nonces whose counts are remembered at once; the oldest is forgotten first, and its client is told
/// `stale`. About 64 bytes each.
pub const NONCES_MAX: usize = 8 * 1024;

/// How far out of order the counts of one nonce may come (HTTP/2 sends requests in parallel), in requests.
pub const NONCE_COUNT_WINDOW: u32 = 128;

/// Members of a structured list, dictionary or inner list. RFC 9651 §3.1 asks for at least 1,024.
pub const STRUCTURED_MEMBERS_MAX: usize = 1024;

/// Parameters of one structured item. RFC 9651 §3.1.2 asks for at least 256.
pub const STRUCTURED_PARAMETERS_MAX: usize = 256;

/// Hops believed from X-Forwarded-For or Forwarded, counted from our side. Real chains have under ten.
pub const FORWARDED_HOPS_MAX: usize = 32;

/// Entries of a Via or CDN-Loop field that are read; a request with more is taken for a loop (RFC 8586 §3).
pub const VIA_HOPS_MAX: usize = 32;

/// Cookies read from one request; RFC 6265bis §5.6 has user agents keep at least 50 for a domain.
pub const COOKIES_MAX: usize = 180;

/// Links read from one set of Link fields; a page preloads a few dozen.
pub const LINKS_MAX: usize = 128;
