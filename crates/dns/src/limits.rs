//! Every bound of this house: value, unit, reason, source.

/// Bytes of a name in wire form, root label included. RFC 1035 §2.3.4.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of one label, without its length byte. RFC 1035 §2.3.4.
pub const LABEL_BYTES_MAX: usize = 63;

/// Labels of a name, without the root: 127 labels of one byte and the root fill 255 bytes.
pub const LABELS_MAX: usize = 127;

/// Compression pointers followed while reading one name: one before each label is all that a
/// composer could ever need, so more is an attack (unbound stops at 256).
pub const POINTERS_PER_NAME_MAX: usize = LABELS_MAX;

/// Bytes of a message: what the length prefix of RFC 1035 §4.2.2 can say.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Bytes of a header. RFC 1035 §4.1.1.
pub const HEADER_BYTES: usize = 12;

/// Bytes of a UDP message to a peer that did not use EDNS. RFC 1035 §4.2.1.
pub const UDP_BYTES_WITHOUT_EDNS: usize = 512;

/// Bytes of a UDP message we send and advertise: fits the smallest IPv6 MTU without fragments
/// (DNS flag day 2020; RFC 9715 §3.1 R6 gives 1400 as the upper bound for such choices).
pub const UDP_BYTES_DEFAULT: u16 = 1_232;

/// EDNS options read from one message; a list beyond this is an attack on whoever walks it
/// (the bound that unbound uses).
pub const EDNS_OPTIONS_MAX: usize = 100;

/// Offsets a compression pointer can name: 14 bits. RFC 1035 §4.1.4.
pub const POINTER_OFFSET_MAX: usize = 0x3fff;

/// Slots in a composer's table of suffixes. A table half full holds every suffix of an ordinary
/// answer and of most transfer messages; beyond it names are written plain, never slowly.
pub const COMPRESSOR_SLOTS: usize = 2_048;

/// Slots looked at before a suffix counts as unknown: bounds the work of one label.
pub const COMPRESSOR_PROBES_MAX: usize = 8;

/// Parameters of one SVCB or HTTPS record; RFC 9460 registers fewer than ten.
pub const SERVICE_PARAMETERS_MAX: usize = 64;

/// Seconds of a TTL: RFC 2181 §8 makes it a 31-bit number.
pub const TTL_SECONDS_MAX: u32 = 0x7fff_ffff;

/// How deep `$INCLUDE` may nest: beyond this it is a loop (BIND and NSD stop at 10).
pub const ZONE_INCLUDE_DEPTH_MAX: usize = 10;

/// Records one `$GENERATE` may make: a /12 of reverse names; a typing mistake should not fill memory.
pub const ZONE_GENERATE_STEPS_MAX: u64 = 1 << 20;

/// Mistakes reported for one zone before reading stops: more helps nobody.
pub const ZONE_ERRORS_MAX: usize = 50;

/// Names per shard of a zone's store, about: small enough that a change copies little (some 6 KB),
/// large enough that the table of shards stays small (16 bytes each).
pub const ZONE_NAMES_PER_SHARD: usize = 64;

/// Keys per chunk of a zone's ordered index, at most, for the same reason.
pub const ZONE_KEYS_PER_CHUNK: usize = 256;

/// CNAME and DNAME steps followed inside one zone (unbound's and Knot's bound for a chain is 11 to 20).
pub const ALIAS_CHAIN_MAX: usize = 11;

/// Names whose addresses one answer adds at most: with more, an additional section helps nobody.
pub const ADDITIONAL_NAMES_MAX: usize = 16;

/// Bytes of server identity (NSID) sent at most; longer ones would eat the answer's room.
pub const NSID_BYTES_MAX: usize = 64;

/// Seconds a server cookie is good for, and how far it may lie in the future. RFC 9018 §4.3.
pub const COOKIE_SECONDS_MAX: u32 = 3_600;
/// Seconds a server cookie may lie in the future. RFC 9018 §4.3.
pub const COOKIE_SECONDS_AHEAD_MAX: u32 = 300;

/// Buckets of the response rate limiter: 16 bytes each, so 1 MB; the table never grows under a flood.
pub const RATE_BUCKETS: usize = 1 << 16;

/// NSEC3 iterations we sign with at most: RFC 9276 §3.1 asks for none; validators treat more than 50 to
/// 150 as unsigned. The example zone of RFC 5155 has 12.
pub const NSEC3_ITERATIONS_MAX: u16 = 50;

/// Seconds a transaction signature may be old, or early: RFC 8945 §10 recommends 300.
pub const TSIG_FUDGE_SECONDS: u16 = 300;

/// Bytes of one message of a transfer out: compression reaches 16 KB back, so larger messages gain little
/// (RFC 5936 §3.4), and a slow peer should not hold 64 KB each time.
pub const TRANSFER_MESSAGE_BYTES: usize = 16_384;

/// Records one transfer in may bring: more than any zone served from one machine's memory.
pub const TRANSFER_RECORDS_MAX: usize = 50_000_000;

/// Versions a zone remembers for IXFR. An asker that is further behind gets the whole zone.
pub const JOURNAL_VERSIONS_MAX: usize = 64;

/// Records a zone's remembered versions may have together, for the same reason.
pub const JOURNAL_RECORDS_MAX: usize = 100_000;

/// Tries of a NOTIFY before its peer is given up. RFC 1996 §3.6.
pub const NOTIFY_TRIES_MAX: u32 = 5;

/// Seconds before a NOTIFY is tried a second time; doubles each time. RFC 1996 §3.6 says 60 for the rest;
/// a peer on the same continent answers within 2.
pub const NOTIFY_SECONDS_FIRST: u64 = 2;

/// Seconds between two checks of a zone's primary, however many NOTIFYs come.
pub const REFRESH_SECONDS_MIN: u64 = 1;

/// Addresses one balanced answer holds at most: 20 of IPv6 fit into 1,232 bytes with room for a signature.
pub const BALANCED_ANSWERS_MAX: usize = 20;

/// Health checks begun in one second, over all targets: a configuration with thousands of them should not
/// become a flood of its own.
pub const CHECKS_PER_SECOND_MAX: u64 = 100;
